"""What one item costs beyond the work itself, measured with a function that does nothing.

Every figure is a ratio to a bare loop over the same function, taken in the same round on the
same machine; so the table says the same on a fast and on a slow one. Each round runs every
row once and checks its results; the table shows the median round and the spread.

    python benchmarks/noop.py --rounds 5 --items 200000
"""

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from fluent_async import Drain, Pool, each, task


LIMIT = 8
"""Threads, in every row that has any."""

MAXSIZE = 1000
"""Room of each bounded drain."""


def bare(value: int, /) -> int:
    """Do nothing."""
    return value


noop = task(bare)


def bare_loop(items: int) -> list[int]:
    """Call the function in a loop: what every row is compared with."""
    results: list[int] = []
    append = results.append
    for value in range(items):
        append(bare(value))

    return results


def one_stage(items: int) -> list[int]:
    """Feed one stage and drain it."""
    out = Drain[int]()
    with Pool(LIMIT) as pool:
        pool.go(each(range(items)) >> noop | out)

    return out.drain()


def three_stages(items: int, maxsize: int) -> list[int]:
    """Feed three stages, one from the drain of the other."""
    first, second, out = Drain[int](maxsize), Drain[int](maxsize), Drain[int]()
    with Pool(LIMIT) as pool:
        pool.go(
            each(range(items)) >> noop | first,
            first >> noop | second,
            second >> noop | out,
        )

    return out.drain()


def results(
    items: int, buffer: int | None = None, *, ordered: bool = True
) -> list[int]:
    """Iterate results as they come."""
    work = each(range(items)) >> noop
    return list(work.results(limit=LIMIT, buffer=buffer, ordered=ordered))


def given_workers(items: int) -> list[int]:
    """Make a worker for each item and give a pool all of them."""
    out = Drain[int]()
    with Pool(LIMIT) as pool:
        pool.go(*[value >> noop | out for value in range(items)])

    return out.drain()


def executor_map(items: int) -> list[int]:
    """Map the function over the standard library's pool."""
    with ThreadPoolExecutor(LIMIT) as executor:
        return list(executor.map(bare, range(items)))


def executor_submit(items: int) -> list[int]:
    """Submit each item to the standard library's pool, then ask each future."""
    with ThreadPoolExecutor(LIMIT) as executor:
        futures = [executor.submit(bare, value) for value in range(items)]
        return [future.result() for future in futures]


@dataclass
class Row:
    """One way to run the items, and the seconds an item took in each round."""

    name: str
    way: Callable[[int], list[int]]
    share: int = 1
    """Run one in so many of the items, since this way is slow."""
    seconds: list[float] = field(default_factory=list)

    def measure(self, items: int) -> None:
        """Time one round, and check that every item came out once."""
        start = time.perf_counter()
        results = self.way(items // self.share)
        self.seconds.append((time.perf_counter() - start) / (items // self.share))

        if sorted(results) != list(range(items // self.share)):
            sys.exit(f"{self.name}: wrong results")


def rows() -> list[Row]:
    """List the ways, the bare loop first."""
    return [
        Row("bare loop", bare_loop),
        Row("one stage, drained", one_stage),
        Row(f"three stages, `maxsize={MAXSIZE}`", lambda n: three_stages(n, MAXSIZE)),
        Row("three stages, `maxsize=4`", lambda n: three_stages(n, 4)),
        Row("three stages, unbounded", lambda n: three_stages(n, 0)),
        Row(f"ordered results, `buffer={MAXSIZE}`", lambda n: results(n, MAXSIZE)),
        Row(
            f"unordered results, `buffer={MAXSIZE}`",
            lambda n: results(n, MAXSIZE, ordered=False),
        ),
        Row("ordered results, default `buffer`", results, share=10),
        Row("workers made and given", given_workers, share=4),
        Row("`ThreadPoolExecutor.map`", executor_map, share=10),
        Row("`ThreadPoolExecutor.submit`", executor_submit, share=10),
    ]


def table(measured: list[Row]) -> Iterator[str]:
    """Write the measurements as Markdown."""
    yield "| one no-op item | ns, median | times the bare loop | spread |"
    yield "|---|--:|--:|--:|"

    base = measured[0].seconds
    for row in measured:
        ratios = [mine / bare for mine, bare in zip(row.seconds, base, strict=True)]
        yield (
            f"| {row.name} | {median(row.seconds) * 1e9:,.0f} | {median(ratios):,.1f} "
            f"| {min(ratios):,.1f} - {max(ratios):,.1f} |"
        )


def machine() -> str:
    """Name the processor, the cores and the Python."""
    names = [platform.processor() or platform.machine()]
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        names = [
            line.partition(": ")[2] for line in lines if "model name" in line
        ] or names

    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{names[0]}, {os.cpu_count()} cores, {platform.system()}, {python}"


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description="What one no-op item costs.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--items", type=int, default=200_000)
    chosen = parser.parse_args()

    measured = rows()
    for row in measured:  # imports, caches, first threads: not in the figures
        row.way(1000)

    for _ in range(chosen.rounds):
        for row in measured:
            row.measure(chosen.items)

    print(
        f"{machine()}; limit {LIMIT}, {chosen.items:,} items, {chosen.rounds} rounds\n"
    )
    print("\n".join(table(measured)))


if __name__ == "__main__":
    main()
