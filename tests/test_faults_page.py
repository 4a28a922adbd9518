"""docs/faults.md: leaves no fault out, and names only tests that are there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest


ROOT = Path(__file__).parent.parent
TESTS = Path(__file__).parent
ROWS = {
    "L": 14,
    "E": 19,
    "C": 11,
    "K": 11,
    "P": 18,
    "O": 7,
    "R": 16,
    "M": 12,
    "X": 10,
    "F": 5,
    "N": 10,
    "V": 6,
    "T": 12,
    "I": 14,
    "H": 8,
}
"""How many faults of each kind there are."""

ROW = re.compile(r"^\| ([A-Z]\d+) \| (.+?) \| (.+) \|$", re.MULTILINE)
TEST = re.compile(r"`(test_\w+\.py)::([\w:]+)`")


def rows() -> dict[str, str]:
    """Give the tests of each row of the page, or why it has none."""
    page = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    return {row[1]: row[3] for row in ROW.finditer(page)}


def docstrings(file: Path) -> Iterator[tuple[str, str]]:
    """Name the tests of a file as the page does, each with its docstring."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, ast.get_docstring(node) or ""
        elif isinstance(node, ast.ClassDef):
            for test in node.body:
                if isinstance(test, ast.FunctionDef):
                    told = ast.get_docstring(test) or ""
                    yield f"{node.name}::{test.name}", told


def test_has_a_row_for_each_fault() -> None:
    """Each fault has one row, in order."""
    expected = [f"{kind}{n}" for kind in ROWS for n in range(1, ROWS[kind] + 1)]

    assert expected == list(rows())


def test_counts_the_rows_that_have_tests() -> None:
    """The figures at the top of the page are those of its rows."""
    page = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    tested = sum(1 for cell in rows().values() if TEST.search(cell))

    assert f"{len(rows())} rows, of which {tested} have tests" in page


@pytest.mark.parametrize("row", list(rows()))
def test_names_tests_that_say_which_fault_they_try(row: str) -> None:
    """A row names tests that are there, and name it; or it says why there is none."""
    cell = rows()[row]
    named = TEST.findall(cell)

    assert named or cell.startswith("none: ")
    for file, test in named:
        assert re.search(rf"\b{row}\b", dict(docstrings(TESTS / file))[test])
