"""docs/typing.md as cases: what its tables say of a checker must be so.

A row has an expression and, if it is right, its type. It may say what each checker does
with that, and then has another expression of that type, which all take; or, if it is
wrong, what Python raises. The `python` blocks of the page have the names that rows use;
a line of them that ends with `# not <checker>` is one that this checker refuses.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from checkers import COMMANDS, codes, errors


PAGE = Path(__file__).parents[2] / "docs" / "typing.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CELL = re.compile(r"(?<!\\)\|")
CODE = re.compile(r"^`(.*)`$")
REFUSED = re.compile(r"# not (?P<checkers>[a-z, ]+)$")

FINE, FORGETS, ACCEPTS, REFUSES = "fine", "forgets", "accepts", "refuses"
"""What a checker does: with what is right, knows its type, or takes it and knows less; with
what is wrong, takes it; with both, says that it is an error."""


@dataclass(frozen=True)
class Row:
    """One expression, and what the page says of it."""

    written: str
    checkers: dict[str, str]
    type: str | None  # None if it is wrong
    instead: str | None
    raises: str | None


def rows() -> list[Row]:
    """Return the rows of the tables, those that are right first.

    What is wrong may make pyright blind for what comes after it.
    """
    found = [row for table in tables(PAGE.read_text("utf-8")) for row in table]
    return sorted(found, key=lambda row: row.type is None)


def setup() -> str:
    """Return the code that the page shows, from top to bottom."""
    return "\n\n".join(BLOCK.findall(PAGE.read_text("utf-8")))


def tables(text: str) -> Iterator[Iterator[Row]]:
    """Return the rows of each table of a page."""
    for table in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        head, _, *lines = [cells(line) for line in table.splitlines()]
        yield (row_of(dict(zip(head, line, strict=True))) for line in lines)


def cells(line: str) -> list[str]:
    """Return the cells of a line of a table."""
    return [cell.strip().replace(r"\|", "|") for cell in CELL.split(line)[1:-1]]


def row_of(line: dict[str, str]) -> Row:
    """Read a line of a table."""
    code = {name: found[1] for name in line if (found := CODE.match(line[name]))}
    all_do = FINE if "written" in code else REFUSES
    return Row(
        code.get("written") or code["refused by all"],
        {checker: line.get(checker, all_do) for checker in COMMANDS},
        code.get("is a"),
        code.get("write"),
        code.get("Python raises"),
    )


def differences(checker: str) -> Iterator[str]:
    """Say where the page is not true of a checker."""
    lines = ["from typing import assert_type", *setup().splitlines()]
    fine = {number: said_fine(line, checker) for number, line in enumerate(lines, 1)}
    places: dict[int, Row] = {}
    for row in rows():
        places[len(lines) + 1] = row
        lines += lines_of(row)
        fine |= {len(lines): True} if row.instead else {}

    said = said_of(checker, lines)
    for line, is_fine in fine.items():
        if is_fine == (line in said):
            yield f"docs/typing.md: {lines[line - 1]}\n    {said.get(line, 'no error')}"

    for line, row in places.items():
        does = outcome(row, line, said)
        if does != row.checkers[checker]:
            told = said.get(line) or said.get(line + 1)
            yield f"docs/typing.md: {row.written}: {checker} says {does}\n    {told}"


def said_fine(line: str, checker: str) -> bool:
    """Say whether a line of code is fine with a checker, as the page says."""
    refused = REFUSED.search(line)
    return not refused or checker not in refused["checkers"].split(", ")


def lines_of(row: Row) -> list[str]:
    """Return the code of a row: what is written, and the types of it and its way round."""
    if row.type is None:
        return [row.written]

    right = [row.written, row.instead or row.written]
    return [row.written, *(f"assert_type({each}, {row.type})" for each in right)]


def said_of(checker: str, lines: list[str]) -> dict[int, str]:
    """Run a checker over lines; give what it says of each, but for unknown types."""
    said = errors(checker, {"page.py": "\n".join([*lines, ""])})
    return {line: each for (_, line), each in said.items() if not only_unknown(each)}


def outcome(row: Row, line: int, said: dict[int, str]) -> str:
    """Say what a checker does with a row whose code begins in a line."""
    if line in said:
        return REFUSES

    if row.type is None:
        return ACCEPTS

    return FORGETS if line + 1 in said else FINE


def only_unknown(said: str) -> bool:
    """Say whether a checker only says that it does not know a type."""
    return all(code.startswith("reportUnknown") for code in codes(said))
