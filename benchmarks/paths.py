"""The hottest paths, each on one thread, as often as asked; guard.py counts instructions.

python benchmarks/paths.py batch 10000
"""

import sys
from collections.abc import Iterator

from typing_extensions import override

from fluent_async import Drain, Pool, _clock, each, stream, task


class FrozenClock(_clock.MachineClock):
    """Stands still, so that how long items take never changes what is done."""

    @override
    @staticmethod
    def now() -> float:
        """Return always the same."""
        return 0.0


def noop(value: int) -> int:
    """Do nothing."""
    return value


def bare(items: int) -> list[int]:
    """Loop: what all the others are compared with."""
    out: list[int] = []
    append = out.append
    for value in range(items):
        append(noop(value))

    return out


def batch(items: int) -> list[int]:
    """Take a batch through one stage."""
    out = Drain[int]()
    with Pool(1) as pool:
        pool.go(each(range(items)) >> task(noop) | out)

    return out.drain()


def course(items: int) -> list[int]:
    """Take a batch through two stages, with bounded room between."""
    middle, out = Drain[int](1000), Drain[int]()
    stage = task(noop)
    with Pool(1) as pool:
        pool.go(each(range(items)) >> stage | middle, middle >> stage | out)

    return out.drain()


EACH = 100
"""Outputs of an input of a stream."""


def stream_of(value: int) -> Iterator[int]:
    """Yield the outputs of an input."""
    yield from range(value * EACH, (value + 1) * EACH)


def streams(items: int) -> list[int]:
    """Take streams through one stage; an item is an output."""
    out = Drain[int]()
    with Pool(1) as pool:
        pool.go(each(range(items // EACH)) >> stream(stream_of) | out)

    return out.drain()


def given(items: int) -> list[int]:
    """Make a worker for each item, and give a pool all of them."""
    out = Drain[int]()
    work = task(noop)
    with Pool(1) as pool:
        pool.go(*[value >> work | out for value in range(items)])

    return out.drain()


def call(items: int) -> list[int]:
    """Call a function that is decorated with a policy."""
    decorated = task(retry=3)(noop)
    out: list[int] = []
    append = out.append
    for value in range(items):
        append(decorated(value))

    return out


PATHS = {
    "bare": bare,
    "batch": batch,
    "course": course,
    "streams": streams,
    "given": given,
    "call": call,
}


def main() -> None:
    """Take one path, and check what came out."""
    _clock.use(FrozenClock())
    items = int(sys.argv[2])
    if PATHS[sys.argv[1]](items) != list(range(items)):
        sys.exit("wrong results")


if __name__ == "__main__":
    main()
