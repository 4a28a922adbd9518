"""How close a pipeline of two stages comes to the time its slower stage needs at least.

Each stage takes 20 ms an item, as a request does, and four items at a time; so four items
leave the pipeline every 20 ms at best, and the first after 40 ms. The same is done by hand,
with bare threads and queues, in the same round. Each round checks its results; the table
shows the median round and the spread.

    python benchmarks/two_stages.py --rounds 5 --items 200
"""

import argparse
import sys
import time
from collections.abc import Callable
from itertools import chain
from queue import Queue
from statistics import median
from threading import Thread  # noqa: TID251  (what a pool is compared with)
from typing import TypeAlias

from fluent_async import Drain, Pool, each, task


Inputs: TypeAlias = Queue[int | None]

SECONDS = 0.02
"""What one item takes in each stage."""

AT_A_TIME = 4
"""How many items each stage has in progress."""

MAXSIZE = 8
"""Room between the stages."""


def bare(value: int, /) -> int:
    """Take some time, on no processor."""
    time.sleep(SECONDS)  # noqa: TID251  (what is measured)
    return value


@task(limit=AT_A_TIME)
def first(value: int, /) -> int:
    """Be the first stage: tasks of one function share their limit, so each has its own."""
    return bare(value)


@task(limit=AT_A_TIME)
def second(value: int, /) -> int:
    """Be the second stage."""
    return bare(value)


def pipeline(items: int) -> list[int]:
    """Run both stages in a pool."""
    middle, out = Drain[int](MAXSIZE), Drain[int]()
    with Pool(2 * AT_A_TIME) as pool:
        pool.go(each(range(items)) >> first | middle, middle >> second | out)

    return out.drain()


def bare_threads(items: int) -> list[int]:
    """Run both stages on threads and queues that do nothing else."""
    source, middle, out = Inputs(), Inputs(MAXSIZE), list[int]()
    stages = [(source, middle.put), (middle, out.append)]
    threads = [
        [Thread(target=work, args=stage) for _ in range(AT_A_TIME)] for stage in stages
    ]
    for thread in chain(*threads):
        thread.start()

    for value in range(items):
        source.put(value)

    for (inputs, _), workers in zip(stages, threads, strict=True):
        for _ in workers:
            inputs.put(None)

        for worker in workers:
            worker.join()

    return out


def work(inputs: Inputs, add: Callable[[int], object]) -> None:
    """Do what one thread of a stage does."""
    while (value := inputs.get()) is not None:
        add(bare(value))


def measured(way: Callable[[int], list[int]], items: int) -> float:
    """Return how many times the ideal a run takes, and check that every item came out."""
    start = time.perf_counter()
    results = way(items)
    seconds = time.perf_counter() - start

    if sorted(results) != list(range(items)):
        sys.exit(f"{way.__name__}: wrong results")

    return seconds / (SECONDS * items / AT_A_TIME)


def row(name: str, ratios: list[float]) -> str:
    """Write the measurements of one way as a line of Markdown."""
    spread = f"{min(ratios):.3f} - {max(ratios):.3f}"
    return f"| {name} | {median(ratios):.3f} | {spread} |"


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description="What a pipeline adds to its stages.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--items", type=int, default=200)
    chosen = parser.parse_args()

    ways = {"bare threads": bare_threads, "a pool": pipeline}
    ratios: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(chosen.rounds):
        for name, way in ways.items():
            ratios[name].append(measured(way, chosen.items))

    both = zip(ratios["a pool"], ratios["bare threads"], strict=True)
    print(
        f"\nTwo stages of {SECONDS * 1000:.0f} ms, {AT_A_TIME} at a time each; "
        f"{chosen.items} items, {chosen.rounds} rounds\n\n"
        "| way | times the slower stage's ideal | spread |\n|---|--:|--:|"
    )
    for name in ways:
        print(row(name, ratios[name]))

    print(row("a pool, times bare threads", [pool / bare for pool, bare in both]))


if __name__ == "__main__":
    main()
