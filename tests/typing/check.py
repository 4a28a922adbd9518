"""Runs a type checker over the cases, and compares its errors with the marks in them.

    python tests/typing/check.py mypy|pyright|ty|pyrefly [file ...]

A line that ends with the mark, as `  # E: operand`, is a wrong use: it must be an error
of that kind, and no other line may be one. The same marks serve four checkers, which
`# type: ignore[code]` cannot: they have no codes in common; `checkers.KINDS` has what
each may say. What is checked is the package installed in the Python that runs this.
Without files, `docs/typing.md` must be true of the checker as well.
"""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import page
from checkers import COMMANDS, KINDS, Place, codes, errors


CASES = Path(__file__).parent / "cases"
MARK = re.compile(r"  # E: (?P<kind>[a-z -]+)$")
LEAST = 60
"""How many right and how many wrong uses there must be."""


def main(checker: str, *files: str, stubs: Path | None = None) -> int:
    """Check the cases in `files`, by default all; return 1 if something is not as told.

    With `stubs`, a folder of them stands in for the package.
    """
    texts = cases(*files)
    found = errors(checker, texts, stubs)
    wrong = [*differences(checker, marks(texts), found, texts)]
    if not files:
        wrong += counted(checker, texts)
        wrong += [] if stubs else page.differences(checker)

    sys.stdout.writelines(f"{each}\n" for each in wrong)
    return int(bool(wrong))


def cases(*files: str) -> dict[str, str]:
    """Return the texts of `files`, by default of all cases."""
    paths = [Path(file) for file in files] or sorted(CASES.glob("*.py"))
    return {path.name: path.read_text("utf-8") for path in paths}


def marks(texts: Mapping[str, str]) -> dict[Place, str]:
    """Return the kind of error that each marked line must be."""
    return {
        (name, number): mark["kind"]
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if (mark := MARK.search(line))
    }


def differences(
    checker: str,
    expected: Mapping[Place, str],
    found: Mapping[Place, str],
    texts: Mapping[str, str],
) -> Iterator[str]:
    """Say where what a checker found is not what the marks say."""
    for place in sorted({*expected, *found}):
        kind, said = expected.get(place), found.get(place, "no error")
        if kind is None or not codes(said) & KINDS[kind][checker]:
            line = texts[place[0]].splitlines()[place[1] - 1].strip()
            yield f"{place[0]}:{place[1]}: {line}\n    {checker}: {said}"


# -- how many there are ----------------------------------------------------------------


def counted(checker: str, texts: Mapping[str, str]) -> Iterator[str]:
    """Print how many uses there are; say so if there are too few, or one twice."""
    uses = [use for name, text in texts.items() for use in uses_of(name, text)]
    right = sum(1 for _, _, kind in uses if kind is None)
    wrong = Counter(kind for _, _, kind in uses if kind is not None)
    kinds = ", ".join(f"{count} {kind}" for kind, count in wrong.most_common())
    sys.stdout.write(f"{checker}: {right} right uses are accepted, and ")
    sys.stdout.write(f"{wrong.total()} wrong ones are refused: {kinds}\n")
    if min(right, wrong.total()) < LEAST:
        yield f"there must be at least {LEAST} of each"

    for (name, text, kind), count in Counter(uses).items():
        if count > 1:
            yield f"{name}: {count} times the same, {kind or 'right'}: {text}"


def uses_of(name: str, text: str) -> Iterator[tuple[str, str, str | None]]:
    """Return the uses in a case: file, statement, and the kind of error if it is wrong.

    A right use is an expression, or an assignment to a variable with a type. A wrong one
    is the innermost statement with a mark. Definitions and assignments without a type
    only prepare others.
    """
    marked = {line: kind for (_, line), kind in marks({name: text}).items()}
    statements = [
        node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt)
    ]
    wrong = {line: innermost(statements, line) for line in marked}
    yield from ((name, head(node), marked[line]) for line, node in wrong.items())
    for node in statements:
        if node not in wrong.values() and is_use(node):
            yield name, ast.unparse(node), None


def innermost(statements: list[ast.stmt], line: int) -> ast.stmt:
    """Return the statement that a line is of; a decorator is of its function."""
    around = [
        node
        for node in statements
        if first_line(node) <= line <= (node.end_lineno or node.lineno)
    ]
    return max(around, key=first_line)


def first_line(node: ast.stmt) -> int:
    """Return where a statement begins, its decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])


def head(node: ast.stmt) -> str:
    """Return a statement without what stands in its block."""
    return ast.unparse(node).partition(":\n")[0]


def is_use(node: ast.stmt) -> bool:
    """Say whether a statement is there for what it says of types."""
    if isinstance(node, ast.AnnAssign):
        return node.value is not None

    return isinstance(node, ast.Expr) and not isinstance(
        node.value, ast.Constant | ast.Yield | ast.YieldFrom
    )


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in COMMANDS:
        sys.exit(main(*sys.argv[1:]))

    sys.exit(f"usage: check.py {'|'.join(COMMANDS)} [file ...]")
