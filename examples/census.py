"""Count the functions in a tree of Python files, as a pipeline of two stages.

Without a path it counts the running Python's own standard library:

    python examples/census.py
    python examples/census.py src --limit 4
"""

import argparse
import ast
import sys
import sysconfig
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from pathlib import Path

from fluent_async import Drain, Failure, Pool, each, task


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was read."""

    path: Path
    text: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Function:
    """A function, where it starts and how many lines it has."""

    name: str
    path: Path
    line: int
    lines: int


@dataclass(frozen=True, slots=True)
class Report:
    """What one file holds."""

    lines: int
    functions: list[Function]


@task(retry=3, backoff=0.1, retry_on=OSError)
def read(path: Path) -> Source:
    """Read a file; a disk or network share that hiccups is asked again."""
    return Source(path, path.read_bytes())


@task
def measure(source: Source) -> Report:
    """Count the lines of a file and find its functions."""
    functions = [
        Function(node.name, source.path, node.lineno, node.end_lineno - node.lineno + 1)
        for node in ast.walk(ast.parse(source.text, source.path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
    ]
    return Report(len(source.text.splitlines()), functions)


def modules(root: Path) -> Iterator[Path]:
    """Find the Python files below `root`, but not what was installed beside it."""
    for path in root.rglob("*.py"):
        if "site-packages" not in path.relative_to(root).parts:
            yield path


def census(root: Path, limit: int | None) -> tuple[list[Report], tuple[Failure, ...]]:
    """Read and measure every file: at most 64 texts wait in memory, however big the tree."""
    sources, reports = Drain[Source](maxsize=64), Drain[Report]()

    with Pool(limit, on_error="keep") as pool:
        pool.go(
            each(modules(root)) >> read | sources,
            sources >> measure | reports,
        )

    return reports.drain(), pool.errors()


def summary(reports: Sequence[Report], seconds: float) -> Iterator[str]:
    """Say how much there is, and how long the longest functions are."""
    functions = [function for report in reports for function in report.functions]
    yield f"{len(reports):,} files, {len(reports) / seconds:,.0f} a second"
    yield f"{sum(report.lines for report in reports):,} lines"
    yield f"{len(functions):,} functions"

    if functions:
        yield "\nThe longest functions:"

    longest = nsmallest(10, functions, key=lambda one: (-one.lines, one.path, one.line))
    for one in longest:
        yield f"{one.lines:6,} lines  {one.name}  {one.path}:{one.line}"


def complaints(failures: Sequence[Failure]) -> Iterator[str]:
    """Name every file that is not in the count, and why."""
    if failures:
        yield f"\nNot counted ({len(failures)}):"

    yield from sorted(complaint(failure) for failure in failures)


def complaint(failure: Failure) -> str:
    """Name one file that is not in the count, and why."""
    about = failure.input.path if isinstance(failure.input, Source) else failure.input
    return f"  {about}  {type(failure.exception).__name__}: {failure.exception}"


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Count the functions in a tree.")
    library = Path(sysconfig.get_path("stdlib"))
    parser.add_argument(
        "root",
        nargs="?",
        type=Path,
        default=library,
        help="a folder; the standard library if left out",
    )
    parser.add_argument("--limit", type=int, help="how many files to work on at a time")
    chosen = parser.parse_args(argv)

    if chosen.limit is not None and chosen.limit < 1:
        parser.error("--limit must be at least 1")

    return chosen


def main(argv: Sequence[str] | None = None) -> int:
    """Run the census and print it; 0 even if files could not be parsed, 2 for a wrong path."""
    chosen = arguments(argv)

    if not chosen.root.is_dir():
        print(f"census: not a folder: {chosen.root}", file=sys.stderr)
        return 2

    start = time.perf_counter()
    try:
        with warnings.catch_warnings(action="ignore"):  # the counted files', not ours
            reports, failures = census(chosen.root, chosen.limit)
    except KeyboardInterrupt:
        print("census: interrupted", file=sys.stderr)
        return 130

    seconds = time.perf_counter() - start
    lines = [*summary(reports, seconds), *complaints(failures)]
    # The name of a file may be bytes that are no text: print them escaped.
    print("\n".join(lines).encode(errors="backslashreplace").decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
