"""What `submit` costs, as a ratio to the standard library's executor in the same run.

python benchmarks/submit.py --rounds 9
"""

import argparse
import sys
import time
from collections.abc import Callable
from concurrent import futures
from statistics import median
from typing import TypeAlias

from noop import LIMIT, bare, machine

from fluent_async.futures import ThreadPoolExecutor


Way: TypeAlias = Callable[[type[futures.Executor], int], None]


def check(right: bool) -> None:  # noqa: FBT001
    """Stop if a result is wrong."""
    if not right:
        sys.exit("wrong results")


def round_trips(kind: type[futures.Executor], calls: int) -> None:
    """Submit a call, wait for its result, and so on."""
    with kind(LIMIT) as executor:  # type: ignore[call-arg]
        for value in range(calls):
            check(executor.submit(bare, value).result() == value)


def all_at_once(kind: type[futures.Executor], calls: int) -> None:
    """Submit all calls, then ask each future."""
    with kind(LIMIT) as executor:  # type: ignore[call-arg]
        made = [executor.submit(bare, value) for value in range(calls)]
        check([future.result() for future in made] == list(range(calls)))


def seconds(way: Way, kind: type[futures.Executor], calls: int) -> float:
    """Time one round."""
    start = time.perf_counter()
    way(kind, calls)
    return time.perf_counter() - start


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description="What a submitted call costs.")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=10_000)
    chosen = parser.parse_args()

    print(f"{machine()}; limit {LIMIT}, {chosen.calls:,} calls\n")
    print("| a call, no-op | microseconds | times the standard executor | spread |")
    print("|---|--:|--:|--:|")
    for name, way in (("one after the other", round_trips), ("at once", all_at_once)):
        ratios, ours = [], []
        for _ in range(chosen.rounds):
            standard = seconds(way, futures.ThreadPoolExecutor, chosen.calls)
            ours.append(seconds(way, ThreadPoolExecutor, chosen.calls))
            ratios.append(ours[-1] / standard)

        cost = median(ours) / chosen.calls * 1e6
        print(
            f"| {name} | {cost:.1f} | {median(ratios):.2f} "
            f"| {min(ratios):.2f} - {max(ratios):.2f} |"
        )


if __name__ == "__main__":
    main()
