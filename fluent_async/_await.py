"""Await: one wait of a coroutine in an event loop. The one file that imports asyncio."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import ref

from fluent_async import _simulator
from fluent_async._interrupt import ENDS
from fluent_async._manner import Manner
from fluent_async._monitor import after
from fluent_async._signals import undisturbed


if TYPE_CHECKING:
    from collections.abc import Generator

    from fluent_async._manner import Waiting

T = TypeVar("T")


class Awaiter:
    """One wait of one coroutine; woken at most once, by whoever comes first.

    Invariants:
        1. The future is touched in the thread of its loop alone.
        2. The loop is told in no monitor: it is not ours.
    """

    __slots__ = ("_future", "_loop", "_woken", "interrupt")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[None] = self._loop.create_future()
        self._woken = False  # two that come at once may both call the loop: no harm
        self.interrupt: type[BaseException] | None = None  # what ended the loop

    def wake(self) -> None:
        """End the wait, now or when it begins; harmless after it, and its loop, ended."""
        if not self._woken:
            self._woken = True
            after(self._call_loop)

    def __await__(self) -> Generator[Any, None, None]:
        return self._future.__await__()

    async def shielded(self) -> asyncio.CancelledError | None:
        """Await the wait; return what it was cancelled by, if it was."""
        self._future.add_done_callback(self._look)
        try:
            await self
        except asyncio.CancelledError as exc:
            return exc

        return None

    def _call_loop(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._end)
        except RuntimeError:  # the loop is closed: nobody waits there any more
            return

    def _look(self, future: asyncio.Future[None]) -> None:
        """Note what ended the loop, if that runs again only to clean up.

        Whoever runs it does so while it handles that exception, and what the loop calls
        can tell. A coroutine can't: it is told of what it handles itself.
        """
        kind = sys.exc_info()[0]
        if future.cancelled() and kind is not None and issubclass(kind, ENDS):
            self.interrupt = kind

    def _end(self) -> None:
        if not self._future.done():  # it is if the wait was cancelled
            self._future.set_result(None)


def this_coroutine() -> ref[asyncio.Task[Any]]:
    """Return what tells the coroutine that asks, with all it awaits, from all others.

    Of one that is alive it is always the same object.

    Raises:
        RuntimeError: if this is no coroutine that an asyncio event loop runs, or in a
            simulation, whose pools run only while a thread waits for them.
    """
    if _simulator.current() is not None:
        raise RuntimeError(
            "a simulation can't run in an event loop: wait for its pools in plain code"
        )

    running = asyncio.current_task()
    if running is None:
        raise RuntimeError("only what asyncio runs as a task of its own may await this")

    return ref(running)


COROUTINES: Manner[Awaiter] = Manner(this_coroutine, Awaiter, blocks=False)


async def wait(waiting: Waiting[Awaiter, T]) -> T:
    """Await until `waiting` returns, and return that; cancelling only stops the wait."""
    try:
        while True:
            await _step(waiting)
    except StopIteration as done:
        value: T = done.value
        return value
    finally:
        _close(waiting)


async def wait_shielded(waiting: Waiting[Awaiter, None]) -> None:
    """Await until `waiting` returns in any case; be cancelled then, if that was asked.

    `waiting` is interrupted if this is cancelled because Ctrl-C ended the loop; that is
    then the cause of the CancelledError that comes out.
    """
    asked: asyncio.CancelledError | None = None
    kind: type[BaseException] | None = None
    try:
        waiter = _step(waiting)
        while True:
            asked = await waiter.shielded() or asked
            kind = waiter.interrupt or kind
            waiter = _step(waiting, waiter.interrupt, told=kind is not None)
    except StopIteration:
        if asked is not None:
            raise asked from (kind and kind())
    finally:
        _close(waiting)
        del asked  # it leads back to this frame


def _step(
    waiting: Waiting[Awaiter, Any],
    interrupt: type[BaseException] | None = None,
    *,
    told: bool = False,
) -> Awaiter:
    """Have a wait decide, in one go.

    Args:
        waiting: what decides.
        interrupt: what interrupts it.
        told: whether it was interrupted, now or before: it may go on for a while, and
            end with that.
    """
    with undisturbed:
        try:
            return next(waiting) if interrupt is None else waiting.throw(interrupt())
        except ENDS:
            if told:
                raise StopIteration from None

            raise


def _close(waiting: Waiting[Awaiter, Any]) -> None:
    with undisturbed:
        waiting.close()
