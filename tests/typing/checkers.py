"""Four type checkers: how each is run, and what each calls an error."""

import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory


COMMANDS = {
    "mypy": [
        "mypy",
        "--strict",
        "--config-file=",
        f"--python-executable={sys.executable}",
    ],
    "pyright": ["pyright", "--level=error", f"--pythonpath={sys.executable}"],
    "ty": ["ty", "check", "--output-format=concise", f"--python={sys.prefix}"],
    "pyrefly": [
        "pyrefly",
        "check",
        "--config=pyrefly.toml",  # else the one above what is installed, for what is there
        "--output-format=min-text",
        f"--python-interpreter-path={sys.executable}",
    ],
}
"""Each prints an error as one line with `file:line:` and the word error."""

SETTINGS = {
    # An expression that is not used is what a case is.
    "pyrightconfig.json": '{"typeCheckingMode": "strict", "reportUnusedExpression": "none"}',
    # Without one, its rules are few.
    "pyrefly.toml": "",
}

PLACE = re.compile(r"(?P<file>\w+\.py):(?P<line>\d+)\b")
CODE = re.compile(r"\[([a-z-]+)\]|\((report\w+)\)")

Place = tuple[str, int]

KINDS: dict[str, dict[str, set[str]]] = {
    "argument": {
        "mypy": {"arg-type", "call-overload", "misc"},
        "pyright": {"reportArgumentType", "reportCallIssue"},
        "ty": {"invalid-argument-type", "no-matching-overload"},
        "pyrefly": {"bad-argument-type", "no-matching-overload"},
    },
    "signature": {
        "mypy": {"call-arg", "call-overload"},
        "pyright": {"reportCallIssue"},
        "ty": {
            "missing-argument",
            "no-matching-overload",
            "positional-only-parameter-as-kwarg",
            "too-many-positional-arguments",
            "unknown-argument",
        },
        "pyrefly": {
            "bad-argument-count",
            "missing-argument",
            "no-matching-overload",
            "unexpected-keyword",
            "unexpected-positional-argument",
        },
    },
    "operand": {
        "mypy": {"arg-type", "operator"},
        "pyright": {"reportOperatorIssue"},
        "ty": {"unsupported-operator"},
        "pyrefly": {"unsupported-operation"},
    },
    "assignment": {
        "mypy": {"arg-type", "assignment"},
        "pyright": {"reportAssignmentType"},
        "ty": {"invalid-assignment"},
        "pyrefly": {"bad-assignment"},
    },
    "attribute": {
        "mypy": {"attr-defined"},
        "pyright": {"reportAttributeAccessIssue"},
        "ty": {"missing-attribute", "unresolved-attribute"},
        "pyrefly": {"missing-attribute"},
    },
    "read-only": {
        "mypy": {"misc"},
        "pyright": {"reportAttributeAccessIssue"},
        "ty": {"invalid-assignment"},
        "pyrefly": {"read-only"},
    },
    "not callable": {
        "mypy": {"operator"},
        "pyright": {"reportCallIssue"},
        "ty": {"not-callable"},
        "pyrefly": {"not-callable"},
    },
    "no block": {
        "mypy": {"attr-defined"},
        "pyright": {"reportAttributeAccessIssue", "reportGeneralTypeIssues"},
        "ty": {"invalid-context-manager"},
        "pyrefly": {"bad-context-manager"},
    },
    "not iterable": {
        "mypy": {"attr-defined", "misc"},
        "pyright": {"reportAttributeAccessIssue", "reportGeneralTypeIssues"},
        "ty": {"not-iterable"},
        "pyrefly": {"not-iterable", "not-async-iterable"},
    },
    "final": {
        "mypy": {"misc"},
        "pyright": {"reportGeneralTypeIssues"},
        "ty": {"subclass-of-final-class"},
        "pyrefly": {"invalid-inheritance"},
    },
    "protocol": {
        "mypy": {"misc"},
        "pyright": {"reportArgumentType", "reportGeneralTypeIssues"},
        "ty": {"isinstance-against-protocol"},
        "pyrefly": {"invalid-argument"},
    },
}
"""What is wrong with a use, and what each checker may call that."""


def errors(
    checker: str, texts: Mapping[str, str], stubs: Path | None = None
) -> dict[Place, str]:
    """Run `checker` over files of these texts; give what it says of each line in error.

    With `stubs`, a folder of them stands in for the package. Exits if it can't run.
    """
    command = [*COMMANDS[checker]]
    if stubs and checker == "ty":
        command.append(f"--extra-search-path={stubs}")

    # In a folder of their own, so that no setting of the project makes a checker milder,
    # and no source of the package stands in for the one installed.
    with TemporaryDirectory() as folder:
        for name, text in {**SETTINGS, **texts}.items():
            Path(folder, name).write_text(text, "utf-8")

        files = [] if checker == "pyright" else list(texts)  # named files lose settings
        done = subprocess.run(
            [path_of(command[0]), *command[1:], *files],
            cwd=folder,
            env={**os.environ, **({"MYPYPATH": str(stubs)} if stubs else {})},
            capture_output=True,
            text=True,
            check=False,
        )

    if done.returncode not in {0, 1}:
        sys.exit(f"{checker} did not run:\n{done.stdout}{done.stderr}")

    return said_by_line(done.stdout)


def path_of(checker: str) -> str:
    """Return where a checker is: beside the Python that runs this, or on the path."""
    return shutil.which(checker, path=Path(sys.executable).parent) or checker


def said_by_line(output: str) -> dict[Place, str]:
    """Return what is said of each line in error, what goes on below it included."""
    said: defaultdict[Place, list[str]] = defaultdict(list)
    latest: list[str] = []
    for line in output.splitlines():
        place = PLACE.search(line)
        if place:
            wrong = re.search(r"\berror\b", line, re.IGNORECASE)
            latest = said[place["file"], int(place["line"])] if wrong else []

        latest.append(line.strip())

    return {place: "\n".join(lines) for place, lines in said.items()}


def codes(said: str) -> set[str]:
    """Return what a checker calls the errors of a line."""
    return {code for found in CODE.findall(said) for code in found if code}
