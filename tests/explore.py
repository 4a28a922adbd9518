"""Run small graphs in many orders of steps, on all cores, and say how many.

Some graphs are run in every order, or in the first so many of them; and every graph of each
shape, as well as larger ones, in some random orders. One that fails is printed with what runs
it again, step by step:

    python tests/explore.py replay <graph> <choices>
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphs import SHAPES, count, named
from orders import every_order, random_order, replay


if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 1500
"""Orders in which one graph is run, of those run in every order."""

RANDOM = 1
"""Orders in which each of all graphs is run."""

CHUNK = 50
"""Graphs that a process runs at a time."""


@dataclass
class Tally:
    """What was run."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Add what another process ran."""
        self.counts += other.counts
        self.failures += other.failures


def run(chunk: tuple[str, list[str]]) -> Tally:
    """Run some graphs, each in every order or in some."""
    how, names = chunk
    tally = Tally()
    for name in names:
        try:
            _run(how, name, tally)
        except Exception:  # noqa: BLE001  (whatever an error in the library leads to)
            tally.failures.append(traceback.format_exc())

        tally.counts["graphs"] += 1

    return tally


def _run(how: str, name: str, tally: Tally) -> None:
    graph = named(name)
    if how == "every":
        orders, steps, all_of_them = every_order(graph, MOST)
        tally.counts["graphs run in every order"] += all_of_them
        tally.counts["orders"] += orders
        tally.counts["steps"] += steps
        return

    for seed in range(RANDOM):
        tally.counts["orders"] += 1
        tally.counts["steps"] += random_order(graph, seed)


def chosen(every: int, part: float) -> Iterator[tuple[str, str]]:
    """Name the graphs to run: some of each shape in every order, and a part of all in some."""
    draw = random.Random(every)  # noqa: S311  (repeatable)
    names = {shape: [f"{shape}:{n}" for n in range(count(shape))] for shape in SHAPES}
    for of_shape in names.values():
        yield from (
            ("every", f"{name}:{draw.choice([1, 1, 2])}")
            for name in draw.sample(of_shape, every)
        )

    some = [
        f"{name}:{draw.choice([2, 3, 4])}" for each in names.values() for name in each
    ]
    some += [f"drawn:{number}" for number in range(len(some) // 4)]
    yield from (("some", name) for name in draw.sample(some, int(part * len(some))))


def chunks(graphs: Iterator[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    """Put graphs that are run alike together."""
    waiting: dict[str, list[str]] = {}
    for how, name in graphs:
        names = waiting.setdefault(how, [])
        names.append(name)
        if len(names) == (1 if how == "every" else CHUNK):
            yield how, waiting.pop(how)

    yield from waiting.items()


def explore(every: int, part: float) -> int:
    """Run the graphs and print what was run; return how many failed."""
    start = time.monotonic()
    tally = Tally()
    with ProcessPoolExecutor() as processes:
        for done in processes.map(run, chunks(chosen(every, part))):
            tally.add(done)

    tell(tally, time.monotonic() - start)
    return len(tally.failures)


def tell(tally: Tally, seconds: float) -> None:
    """Print what was run, and the first failures."""
    for failure in tally.failures[:10]:
        print(failure)

    counts = ("graphs", "graphs run in every order", "orders", "steps")
    told = ", ".join(f"{tally.counts[what]:,} {what}" for what in counts)
    minutes = seconds / 60
    print(f"explored {told}, in {minutes:.1f} minutes: {len(tally.failures)} failed")


def main() -> int:
    """Read the command line; explore, or run one order again."""
    parser = argparse.ArgumentParser(description="Run graphs in many orders of steps.")
    parser.add_argument(
        "--every", type=int, default=8, help="of each shape, in every order"
    )
    parser.add_argument(
        "--part", type=float, default=1.0, help="of all graphs, in some"
    )
    parser.add_argument("replay", nargs="*", help="replay, a graph, and its choices")
    given = parser.parse_args()
    if not given.replay:
        return int(explore(given.every, given.part) > 0)

    _, name, choices = given.replay
    for line in replay(named(name), [int(choice) for choice in choices.split(",")]):
        print(line)

    return 0


if __name__ == "__main__":
    sys.exit(main())
