"""Relay: a slice whose thread has the right to pull only while it pulls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import override

from fluent_async._slice import Slice
from fluent_async._sources import Values


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fluent_async._stage import Stage

LAPS = 256  # how many inputs one takes at most; then it accounts for them


class Relay(Slice):
    """A slice of inputs that take long, next to others of the same iterable.

    Others want to pull while its thread is at an input, so a lease would change hands
    at each. Instead each relay takes the baton of the iterable, pulls one input, and
    puts the baton back, without the monitor. Who finds none stops: somebody is in the
    iterable, for how long nobody knows, or has a lease.

    Invariants:
        1. Who has the baton, and nobody else, is in the iterable, and writes the number
           of the stage. A thread that got nothing there keeps the baton until all know.
        2. A relay looks before each pull but its first whether its thread is wanted
           elsewhere: it runs no input that would not have been next.
        3. Who parks for want of the baton says so, and looks again; who puts it back
           looks after that whether it is wanted: one of the two sees the other.
    """

    __slots__ = ("_fresh", "_is_wanted", "_source", "last", "stopped")

    def __init__(self, stage: Stage, now: float, is_wanted: Callable[[], bool]) -> None:
        super().__init__(stage, now)
        assert isinstance(stage.source, Values)
        self._source = stage.source
        self._is_wanted = is_wanted  # its thread, for something else
        self.last = 0  # the number of the input that it pulled last
        self.stopped = False  # in a pull, before it asked the iterable
        self._fresh = True  # has not begun

    def pull(self, iterator: Iterator[Any]) -> Any:
        """Take the baton, pull an input, and put the baton back."""
        if self._fresh:
            self._fresh = False
        elif self._is_wanted():
            return self._stop()

        source, stage = self._source, self.stage
        try:
            baton = source.baton.pop()
        except IndexError:
            return self._stop()

        if source.read:
            source.baton.append(baton)
            return self._stop()

        value = next(iterator)
        self.last = stage.number
        stage.number += 1
        source.baton.append(baton)
        if source.wanted:
            self.arm()  # so it has others look before it begins

        return value

    def _stop(self) -> None:
        self.stopped = True
        raise StopIteration

    @override
    def yield_room(self) -> None:
        self._close_unbegun()  # each input may take long

    @property
    @override
    def parted(self) -> bool:
        return False  # nobody takes from it what it has pulled

    @property
    @override
    def ended(self) -> bool:
        return self.pulling and not self.stopped

    @override
    def last_in(self, stage: Stage) -> int:
        return self.last

    @property
    @override
    def next_number(self) -> int:
        return self.stage.number  # it has the baton


def relays(stage: Stage) -> bool:
    """Say whether a stage is best worked through by relays: each input may take long."""
    one_each = stage.quick and not (stage.pours or stage.ordered)
    return one_each and stage.budget == 1 and isinstance(stage.source, Values)
