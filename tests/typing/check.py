"""Runs a type checker over the cases, and compares its errors with the marks in them.

    python tests/typing/check.py mypy|pyright|ty|pyrefly [file ...]

Every line that ends with the mark must be an error, and no other line may be one. The
same marks serve four checkers, which `# type: ignore[code]` cannot: they have no codes
in common. What is checked is the package installed in the Python that runs this.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory


HERE = Path(__file__).parent
TOOLS = {"check.py", "stubs.py"}
MARK = "  # E"

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
        "--output-format=min-text",
        f"--python-interpreter-path={sys.executable}",
    ],
}
"""Each prints an error as one line with `file:line:` and the word error."""

ERROR = re.compile(r"(?P<file>\w+\.py):(?P<line>\d+)\b")


def main(checker: str, *files: str, stubs: Path | None = None) -> int:
    """Check the cases in `files`, by default all; return 1 if they differ.

    With `stubs`, a folder of them stands in for the package.
    """
    cases = [Path(file) for file in files] or sorted(
        file for file in HERE.glob("*.py") if file.name not in TOOLS
    )
    lines = {
        (case.name, number): line
        for case in cases
        for number, line in enumerate(case.read_text("utf-8").splitlines(), start=1)
    }
    expected = {place for place, line in lines.items() if line.endswith(MARK)}
    found = dict(errors(checker, cases, stubs))

    for file, number in sorted(expected ^ set(found)):
        said = found.get((file, number), f"no error: {lines.get((file, number))}")
        sys.stdout.write(f"{file}:{number}: {said}\n")

    sys.stdout.write(
        f"{checker}: {len(expected)} errors expected, {len(found)} lines have one\n"
    )
    return int(expected != set(found))


def errors(
    checker: str, cases: list[Path], stubs: Path | None
) -> Iterator[tuple[tuple[str, int], str]]:
    """Run `checker`; give the place and the text of each error."""
    command = COMMANDS[checker]
    executable = shutil.which(command[0], path=Path(sys.executable).parent)
    # In a folder of their own, so that no setting of the project makes a checker milder,
    # and no source of the package stands in for the one installed.
    with TemporaryDirectory() as folder:
        for case in cases:
            shutil.copy(case, folder)

        Path(folder, "pyrefly.toml").touch()  # without one, its rules are few
        names = [case.name for case in cases]
        done = subprocess.run(
            [executable or command[0], *command[1:], *names],
            cwd=folder,
            env={**os.environ, **({"MYPYPATH": str(stubs)} if stubs else {})},
            capture_output=True,
            text=True,
            check=False,
        )

    if done.returncode not in {0, 1}:
        sys.exit(f"{checker} did not run:\n{done.stdout}{done.stderr}")

    for line in done.stdout.splitlines():
        place = ERROR.search(line)
        if place and re.search(r"\berror\b", line, re.IGNORECASE):
            yield (place["file"], int(place["line"])), line.strip()


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in COMMANDS:
        sys.exit(main(*sys.argv[1:]))

    sys.exit(f"usage: check.py {'|'.join(COMMANDS)} [file ...]")
