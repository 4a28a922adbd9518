"""Turns: the order in which an ordered drain lets outputs in."""

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar


T = TypeVar("T")


class Turns(Generic[T]):
    """Keeps what an input sends until every earlier input has ended.

    Strictly private to a drain, and guarded by its monitor. Inputs have numbers, given
    in the order in which they were taken; the *head* is the oldest that has not ended.

    Invariants:
        1. Nothing is kept for the head or for an earlier input.
        2. `_ended` holds only numbers past the head.
        3. head <= taken: the head is an input that runs, or the next to be taken.
    """

    __slots__ = ("_ended", "_kept", "feeder", "head", "taken")

    def __init__(self) -> None:
        self.head = 0
        self.taken = 0
        self.feeder: object = None  # the one stage that feeds the drain
        self._kept: dict[int, deque[T]] = {}
        self._ended: set[int] = set()

    @property
    def past(self) -> int:
        """How many inputs that were taken are past the oldest unfinished one."""
        return max(0, self.taken - self.head - 1)

    def take(self) -> int:
        """Give the next input its number."""
        self.taken += 1
        return self.taken - 1

    def keep(self, number: int, value: T) -> None:
        """Keep an output of an input whose turn has not come."""
        self._kept.setdefault(number, deque()).append(value)

    def give_up(self) -> Iterator[T]:
        """Yield all outputs that are kept, in order: no turn is waited for any more."""
        for number in sorted(self._kept):
            yield from self._kept.pop(number)

    def end(self, number: int) -> Iterator[T]:
        """Note that an input has ended; yield the outputs whose turn this brings."""
        self._ended.add(number)
        while self.head in self._ended:
            self._ended.remove(self.head)
            self.head += 1
            yield from self._kept.pop(self.head, ())
