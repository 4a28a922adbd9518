"""The typing suite: what it counts as a use, and that it is what the marks say."""

import ast
import importlib

import pytest

import check
from checkers import COMMANDS, KINDS


PUBLIC = ["", ".errors", ".futures", ".testing", ".typing"]

CASE = '''
"""What the case is about."""

class Page: ...

page = Page()
typed: Page = page
assert_type(page, Page)
len(page)  # E: argument

@stream  # E: argument
def neither() -> int:
    return 1

def within() -> None:
    with page:  # E: no block
        assert_type(
            page,
            Page,
        )
        page.name = ""  # E: attribute
'''


def test_uses_are_what_says_something_of_types() -> None:
    """Expressions and typed variables are right uses, what is marked is a wrong one."""
    assert {
        ("typed: Page = page", None),
        ("assert_type(page, Page)", None),
        ("len(page)", "argument"),
        ("@stream\ndef neither() -> int", "argument"),
        ("with page", "no block"),
        ("page.name = ''", "attribute"),
    } == {(text, kind) for _, text, kind in check.uses_of("case.py", CASE)}


def test_uses_that_are_there_twice_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A copy proves nothing; neither do too few."""
    told = list(check.counted("mypy", {"case.py": "f(1)\nf(1)\ng(1)  # E: operand\n"}))

    assert 2 == len(told)
    assert "at least 60 of each" in told[0]
    assert told[1].endswith("2 times the same, right: f(1)")
    assert "2 right uses are accepted, and 1 wrong ones" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("said", "differences"),
    [
        ({1: "error: no  [operator]"}, 0),
        ({1: "error: no  [attr-defined]"}, 1),
        ({}, 1),
        ({1: "error: no  [operator]", 2: "error: no  [operator]"}, 1),
    ],
    ids=["as marked", "of another kind", "not found", "one more"],
)
def test_errors_are_those_marked_and_of_their_kind(
    said: dict[int, str], differences: int
) -> None:
    """Each marked line is an error of its kind, and no other line is one."""
    texts = {"case.py": "f | 1  # E: operand\nf\n"}
    found = {("case.py", line): text for line, text in said.items()}
    told = list(check.differences("mypy", check.marks(texts), found, texts))

    assert differences == len(told)


def test_every_mark_is_of_a_kind_that_every_checker_has() -> None:
    """What is wrong with a use is said in words that each checker has its own for."""
    marked = set(check.marks(check.cases()).values())

    assert marked == set(KINDS)
    assert all(set(COMMANDS) == set(names) for names in KINDS.values())


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_is_in_a_case(module: str) -> None:
    """Nothing that users can import is without a use; `mutants.py` looks at each type."""
    trees = [ast.parse(text) for text in check.cases().values()]
    used = {
        node.id
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Name)
    }
    names = set(importlib.import_module(f"fluent_async{module}").__all__)

    assert set() == names - used
