"""Work for the processor in Python alone: what a second thread brings, on either build."""

from collections.abc import Iterable

from typing_extensions import override

from measuring.load import Drained
from measuring.machine import has_gil


ROUNDS = 2000
"""Of an inner loop: some 100 microseconds."""


class Cpu(Drained):
    """A sum."""

    verb = "drained"
    size = 10_000
    quick = 200
    trial = 50

    @override
    @staticmethod
    def fn(value: int, /) -> int:
        """Add up."""
        total = 0
        for number in range(ROUNDS):
            total += number & 1

        return value + total

    @override
    def expected(self, size: int) -> Iterable[int]:
        """Return the sums."""
        return range(ROUNDS // 2, size + ROUNDS // 2)


class OneThread(Cpu):
    """What a pool of one thread takes from the work."""

    name = "cpu-1"
    title = "pure Python of 100 microseconds, 1 thread"
    limit = 1


class TwoThreads(Cpu):
    """What a pool of two brings: half the time at best, where there is no GIL."""

    name = "cpu-2"
    title = "pure Python of 100 microseconds, 2 threads"
    limit = 2
    reach = None if has_gil() else 1 / 1.9
