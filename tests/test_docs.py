"""Every example of README, docs and docstrings runs and prints what the page shows.

A `python` block runs in the names of the blocks above it; a `text` block right below it is
what it prints, and so is a `mermaid` block, which GitHub draws. A `console` block is a
session: each `$ ` line runs, and what follows is its output. `...` in an output stands for
anything. Blocks that cannot run here are listed below.
"""

import contextlib
import doctest
import importlib
import io
import logging
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import fluent_async
from support import TIMEOUT


ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
MODULES = ["fluent_async"] + [
    f"fluent_async.{module.name}"
    for module in pkgutil.iter_modules(fluent_async.__path__)
]

VENV = "$ python3 -m venv .venv && .venv/bin/pip install -q "
NOT_RUN = {
    "$ pip install fluent-async-pool\n": "would change the environment of the tests",
    f"{VENV}. && .venv/bin/python examples/census.py\n": "installs; see test_census.py",
    f"{VENV}tox && .venv/bin/tox run\n": "installs, and runs these tests",
}

SHOWN = {"mermaid", "text"}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture(autouse=True)
def log_restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take off the handlers that a page puts on the log, and its level."""
    log = logging.getLogger("fluent_async")
    monkeypatch.setattr(log, "handlers", [])
    yield
    log.setLevel(logging.NOTSET)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    text: str
    line: int

    @property
    def runs(self) -> bool:
        """Say whether the block can run here."""
        return self.text not in NOT_RUN


def blocks(page: Path) -> Iterator[Block]:
    """Find the fenced blocks of a page, but not those that cannot run."""
    text = page.read_text(encoding="utf-8")
    for fence in FENCE.finditer(text):
        yield Block(fence[1], fence[2], text.count("\n", 0, fence.start(2)) + 1)


def assert_prints(expected: str, actual: str) -> None:
    """Fail unless `actual` is `expected`, in which `...` stands for anything."""
    alike = doctest.OutputChecker().check_output(expected, actual, doctest.ELLIPSIS)

    assert alike, f"expected:\n{expected}\nactual:\n{actual}"


def run_python(page: Path, block: Block, names: dict[str, object]) -> str:
    """Run a `python` block and give what it prints; tracebacks show lines of the page."""
    printed = io.StringIO()
    code = compile("\n" * (block.line - 1) + block.text, page, "exec")
    with contextlib.redirect_stdout(printed):
        exec(code, names)  # noqa: S102  (running the page is the test)

    return printed.getvalue()


def run_console(block: Block) -> None:
    """Run each command of a `console` block and compare what it prints."""
    for session in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, expected = session.partition("\n")
        words = [
            sys.executable if word == "python" else word for word in command.split()
        ]
        done = subprocess.run(
            words,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert_prints(expected, done.stdout + done.stderr)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_python_block_prints_what_the_page_shows(page: Path) -> None:
    """The examples of a page run from top to bottom and print the `text` blocks below them."""
    names: dict[str, object] = {"__name__": "__main__"}
    printed = ""

    for block in blocks(page):
        if block.language in SHOWN and block.runs:
            assert_prints(block.text, printed)
            printed = ""
        elif block.language == "python" and block.runs:
            assert_prints("", printed)
            printed = run_python(page, block, names)

    assert_prints("", printed)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_console_session_prints_what_the_page_shows(page: Path) -> None:
    """The commands of a page run and print what stands below them."""
    for block in blocks(page):
        if block.language == "console" and block.runs:
            run_console(block)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_runs_or_is_known_not_to(page: Path) -> None:
    """A block is of a kind that runs, or it is listed with the reason why not."""
    unknown = [
        block
        for block in blocks(page)
        if block.runs and block.language not in {"python", "console", *SHOWN}
    ]

    assert [] == unknown


def test_the_readme_has_a_picture() -> None:
    """The README shows a pool as it draws itself, once."""
    languages = [block.language for block in blocks(ROOT / "README.md")]

    assert 1 == languages.count("mermaid")


def test_blocks_that_do_not_run_are_all_there() -> None:
    """The list of blocks that cannot run names no block that is gone."""
    texts = {block.text for page in PAGES for block in blocks(page)}

    assert set() == NOT_RUN.keys() - texts


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_print_what_they_show(name: str) -> None:
    """The examples of a module's docstrings run and print what stands below them."""
    failed, _ = doctest.testmod(
        importlib.import_module(name), optionflags=doctest.ELLIPSIS
    )

    assert 0 == failed
