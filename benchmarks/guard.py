"""Fails if a hot path takes a tenth more instructions than its baseline says.

Instructions are counted by valgrind's callgrind, which gives the same number every time,
however busy the machine. Each path runs with few items and with many; the difference is
what the items take, without the start of the interpreter. A path is compared as so many
times a bare loop, counted in the same way; so another build of the same Python may have
better or worse instructions, and this still judges the library alone.

    python benchmarks/guard.py            compares
    python benchmarks/guard.py --write    writes the baseline of this Python anew
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override


FEW, MANY = 2_000, 12_000
"""Items of the two runs of a path."""

ALLOWED = 1.10
"""How many times its baseline a path may take."""

REFERENCE = "bare"
"""The path that the others are compared with."""

PATHS = ("batch", "course", "streams", "given", "call")

HERE = Path(__file__).parent
BASELINES = HERE / "baselines"

NO_VALGRIND = """\
valgrind is not installed, so no instruction can be counted and nothing was compared.
Install it with the package manager of the system: on Debian, apt-get install valgrind.
"""

COLLECTED = re.compile(r"Collected : (\d+)")


@dataclass(frozen=True)
class Verdict:
    """What came of one path."""

    path: str
    now: float
    """Instructions of an item, as so many times those of a bare loop."""

    before: float

    @property
    def change(self) -> float:
        """How many times the baseline it is."""
        return self.now / self.before

    @property
    def slower(self) -> bool:
        """Whether that is more than is allowed."""
        return self.change > ALLOWED

    @override
    def __str__(self) -> str:
        """Say it in one line."""
        verdict = "SLOWER" if self.slower else "ok"
        return (
            f"{self.path:8} {self.now:6.3f} times a bare loop, baseline "
            f"{self.before:6.3f}: {self.change - 1:+7.1%}  {verdict}"
        )


def python() -> str:
    """Name the Python that has a baseline of its own."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"{version}t" if sysconfig.get_config_var("Py_GIL_DISABLED") else version


def instructions(path: str, items: int) -> int:
    """Count the instructions of a run, start of the interpreter included.

    Raises:
        RuntimeError: if the run failed; the message is what it printed.
    """
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    done = subprocess.run(
        [*command, sys.executable, str(HERE / "paths.py"), path, str(items)],
        env=os.environ | {"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    found = COLLECTED.search(done.stderr)
    if done.returncode or found is None:
        raise RuntimeError(f"{path} failed:\n{done.stdout}{done.stderr}")

    return int(found[1])


def counted() -> dict[str, float]:
    """Return the instructions of an item on each path."""
    runs = [(path, items) for path in (REFERENCE, *PATHS) for items in (FEW, MANY)]
    with ThreadPoolExecutor(os.cpu_count()) as executor:
        counts = dict(
            zip(runs, executor.map(instructions, *zip(*runs, strict=True)), strict=True)
        )

    return {
        path: (counts[path, MANY] - counts[path, FEW]) / (MANY - FEW)
        for path in (REFERENCE, *PATHS)
    }


def judged(now: dict[str, float], before: dict[str, float]) -> list[Verdict]:
    """Compare counts with a baseline, path by path."""
    return [
        Verdict(path, now[path] / now[REFERENCE], before[path] / before[REFERENCE])
        for path in PATHS
    ]


def read(baseline: Path) -> dict[str, float]:
    """Return the counts of a baseline."""
    counts: dict[str, float] = json.loads(baseline.read_text(encoding="utf-8"))
    return counts


def main() -> int:
    """Compare, or write the baseline; return 1 if a path is slower, 2 if none is known."""
    parser = argparse.ArgumentParser(description="Guard the hot paths.")
    parser.add_argument("--write", action="store_true", help="write the baseline")
    write = parser.parse_args().write
    if shutil.which("valgrind") is None:
        print(NO_VALGRIND, file=sys.stderr)
        return 2

    baseline = BASELINES / f"{python()}.json"
    if not write and not baseline.exists():
        print(f"no baseline for Python {python()}: run guard.py --write and commit it")
        return 2

    now = counted()
    if write:
        BASELINES.mkdir(exist_ok=True)
        baseline.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
        print(f"wrote {baseline}")

    verdicts = judged(now, read(baseline))
    print(f"instructions of an item, Python {python()}")
    print(*verdicts, sep="\n")
    return int(any(verdict.slower for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
