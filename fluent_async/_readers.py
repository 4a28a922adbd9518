"""Readers: who waits for a value of a channel, and who reads it meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import ref

from fluent_async._wait import Waiter, is_busy, seat_of, waiting


if TYPE_CHECKING:
    from collections.abc import Callable

    from fluent_async._manner import Wakeable
    from fluent_async._parties import Stirrable
    from fluent_async._wait import Who


class Readers(list["tuple[Wakeable, Who]"]):
    """Those who wait for a value, first come first. Guarded by the channel's monitor."""

    __slots__ = ()

    def queue(self, waiter: Wakeable, who: Who) -> None:
        """Have one more wait."""
        self.append((waiter, who))
        waiting.append(who)

    def withdraw(self, waiter: Wakeable, who: Who) -> bool:
        """End the wait of one; False if it was woken."""
        if (waiter, who) not in self:
            return False

        waiting.remove(who)  # first: at no moment it seems to read nothing
        self.remove((waiter, who))
        return True

    def wake(self, most: int | None = None) -> None:
        """Wake so many, or all; those are readers at work from now on."""
        for waiter, who in self[:most]:
            waiter.wake()
            waiting.remove(who)

        del self[:most]

    def tell(self) -> None:
        """Wake all; each counts until its thread has heard, and withdraws."""
        for waiter, _ in self:
            waiter.wake()

    def of(self, pool: Stirrable) -> list[Wakeable]:
        """Return who of these is a thread of that pool."""
        return [waiter for waiter, who in self if seat_of(who, pool) is not None]

    def refuse(self, pool: Stirrable) -> None:
        """Wake the threads of that pool, which are not to wait any longer."""
        for waiter in self.of(pool):
            assert isinstance(waiter, Waiter)  # it is of a thread
            waiter.refused = True
            waiter.wake()


class Reading:
    """That a thread or coroutine reads."""

    __slots__ = ("__weakref__", "who")

    def __init__(self, who: Who) -> None:
        self.who = who


class Readings(list["ref[Reading]"]):
    """Iterators that have not ended: each counts as long as it is alive."""

    __slots__ = ()

    def begin(self, who: Who, ended: Callable[[ref[Reading]], None]) -> Reading:
        """Count one more; call `ended` when what this returns is gone."""
        reading = Reading(who)
        self.append(ref(reading, ended))
        return reading

    def busy(self, still: Stirrable | None) -> bool:
        """Whether one of them is at work on what it took, and waits nowhere.

        A thread of the pool `still` that is at no job has done with that, whoever goes on
        with the iterator: that pool does nothing now.
        """
        readers = [reading.who for each in list(self) if (reading := each())]
        return any(is_busy(who) and not _rests(who, still) for who in readers)


def _rests(who: Who, pool: Stirrable | None) -> bool:
    seat = seat_of(who, pool)
    return seat is not None and seat.idle
