"""Iteration: the values that a coroutine takes from a channel, one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Self, TypeVar

from fluent_async import _await
from fluent_async._pace import Pace
from fluent_async._taking import Taking


if TYPE_CHECKING:
    from fluent_async._channel import Channel
    from fluent_async._wait import Who

T = TypeVar("T")


class Iteration(Generic[T]):
    """Takes values as they come, in an event loop: what `aiter(drain)` gives.

    An object, not an async generator: to drop it is to end it, at once, whatever the
    loop does about generators that nobody closed.

    Invariants:
        1. A value is taken in the step that returns it: nothing is awaited in between,
           so a cancelled `__anext__` has taken none.
        2. `_reading` is kept from the first value asked for until this has ended: it
           makes `_reader` a reader as far as others can tell.
    """

    __slots__ = (
        "_channel",
        "_ended",
        "_pace",
        "_reader",
        "_reading",
        "_taking",
        "_values",
    )

    def __init__(self, channel: Channel[T]) -> None:
        self._channel = channel
        self._taking: Taking[T] = Taking(channel.values.popleft, 0)
        self._values = self._taking.values
        self._reader: Who | None = None
        self._reading: object = None
        self._pace = Pace()
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        await self._pace.step()
        for value in self._values:
            return value

        return await self._next()

    async def _next(self) -> T:
        """Return the next value, waiting for it, or end."""
        while not self._ended:
            self._read()
            taking = await _await.wait(
                self._channel.taking(_await.COROUTINES, before=self._taking)
            )
            self._ended = not taking.size
            for value in taking.values:
                if taking.size == 1:
                    taking = self._channel.go_on_taking(taking)

                self._taking, self._values = taking, taking.own
                return value

        self._channel.end_taking(self._taking)
        self._reader = self._reading = None
        raise StopAsyncIteration

    def _read(self) -> None:
        """Have the coroutine that asks be the reader."""
        who = _await.this_coroutine()
        if who is not self._reader:
            self._reading = self._channel.begin_reading(who)
            self._reader = who
