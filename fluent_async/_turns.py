"""Turns: the order in which an ordered drain lets outputs in."""

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar


T = TypeVar("T")


class Turns(Generic[T]):
    """Keeps what an input sends until every earlier input has ended.

    Strictly private to a drain, and guarded by its monitor. Inputs have numbers, given
    in the order in which they were taken; the *head* is the oldest that has not ended.

    A *run* is inputs with consecutive numbers that one thread works through; what they
    send is kept as if the first had sent it all, and they end together.

    Invariants:
        1. Nothing is kept for the head or for an earlier input.
        2. `_ended` has only runs past the head: where each begins, and the next number.
        3. head <= taken: the head is an input that runs, or the next to be taken.
    """

    __slots__ = ("_ended", "_kept", "feeder", "head", "taken")

    def __init__(self) -> None:
        self.head = 0
        self.taken = 0
        self.feeder: object = None  # the one stage that feeds the drain
        self._kept: dict[int, deque[T]] = {}
        self._ended: dict[int, int] = {}

    @property
    def past(self) -> int:
        """How many inputs that were taken are past the oldest unfinished one."""
        return max(0, self.taken - self.head - 1)

    def take(self, count: int = 1) -> int:
        """Give the next inputs their numbers; return the first."""
        self.taken += count
        return self.taken - count

    def give_back(self, first: int, used: int) -> None:
        """Take those numbers back of the last run that are not `used`."""
        self.taken = first + used
        if not used:
            self._kept.pop(first, None)

    def run(self, first: int) -> deque[T]:
        """Return what keeps the outputs of a run until its turn."""
        return self._kept.setdefault(first, deque())

    def keep(self, number: int, value: T) -> None:
        """Keep an output of an input whose turn has not come."""
        self.run(number).append(value)

    def give_up(self) -> Iterator[T]:
        """Yield all outputs that are kept, in order: no turn is waited for any more."""
        for number in sorted(self._kept):
            yield from self._let_in(number)

    def end(self, number: int) -> Iterator[T]:
        """Note that an input has ended; yield the outputs whose turn this brings."""
        return self.end_run(number, number + 1)

    def end_run(self, first: int, stop: int) -> Iterator[T]:
        """Note that all inputs from `first` up to `stop` have ended, likewise."""
        if first < stop:
            self._ended[first] = stop

        while self.head in self._ended:
            self.head = self._ended.pop(self.head)
            yield from self._let_in(self.head)

    def _let_in(self, number: int) -> Iterator[T]:
        kept = self._kept.pop(number, None)
        while kept:  # the thread of a run may add to it meanwhile
            yield kept.popleft()
