"""Drain: a typed collector that is also a bounded channel between stages."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, cast, final

from typing_extensions import TypeVar, override

from fluent_async import _checks
from fluent_async._channel import Channel
from fluent_async._interrupt import ENDS
from fluent_async._monitor import after, inside
from fluent_async._signals import undisturbed
from fluent_async._taking import Taking
from fluent_async._wait import Waiter, block, mark_of_this_thread, remaining
from fluent_async.errors import DrainClosed


if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from fluent_async._worker import Workers
    from fluent_async.typing import Takes

T = TypeVar("T")
NewOut = TypeVar("NewOut")


@final
class Drain(Generic[T]):
    """A typed collector that is also a bounded channel between stages.

    Order: arrival order; with `ordered=True` the order in which the stage that feeds it
    takes its inputs. Values stay until iteration or a stage takes them, each once.
    Threads: every method is safe from any thread, pools of any number included.
    A drain is always true; `len()` says how many values wait in it. `in` is refused: it
    would take them.

    Args:
        maxsize: how many values may wait; 0 is no bound. With `ordered=True` it bounds
            how far inputs are taken ahead of the oldest unfinished one: by the pool's
            limit and `maxsize` together.
        ordered: whether outputs come in the order of their inputs, all outputs of one
            input together. One stage may feed such a drain.
        name: what repr and errors call it; None is for nothing in particular.

    Raises:
        TypeError: if an argument is of the wrong type.
        ValueError: if `maxsize` is negative.

    Example:
        >>> numbers = Drain[int]()
        >>> numbers.send(1)
        >>> numbers.drain()
        [1]
    """

    __slots__ = ("__weakref__", "_channel")

    def __init__(
        self, maxsize: int = 0, *, ordered: bool = False, name: str | None = None
    ) -> None:
        self._channel: Channel[T] = Channel(
            _checks.whole("maxsize", maxsize, least=0),
            ordered=_checks.flag("ordered", ordered),
            name=_checks.name("name", name),
        )

    def send(self, value: T, /, timeout: float | None = None) -> None:
        """Leave `value` in the drain.

        Order: senders that wait are let in first come, first served.
        Blocking: waits while the drain is full, interruptibly; in a worker the wait
        lends the slot. Ctrl-C here stops the pools around the drain, as in `Pool.wait`.
        Failure leaves the drain as it was.

        Args:
            value: anything; the drain never looks at it.
            timeout: seconds to wait for room, at least 0; None waits for ever.

        Raises:
            DrainClosed: if the drain is shut, or is shut while this waits.
            TimeoutError: if there was no room within `timeout`.
            Cancelled: in a worker that was told to end.
        """
        left = remaining(_checks.timeout("timeout", timeout))
        if not inside():
            try:
                self._channel.put(value, left)
            except ENDS:
                self._channel.stop()
                raise

            return

        # A finalizer, or a signal handler, that interrupted a decision of this thread:
        # it can't wait for that, so its value is put off, and the bound gives way.
        self._channel.refuse_shut()
        after(lambda: self._put_late(value))

    def drain(self, timeout: float | None = None) -> list[T]:
        """Wait until nobody feeds the drain, and return what is there.

        Nothing is removed: a second call returns the same values in a new list. While a
        thread is in here the drain has room for everything.
        Blocking: returns at once if nobody feeds the drain; in a worker the wait lends
        the slot. Ctrl-C here stops the pools around the drain, as in `Pool.wait`.

        Args:
            timeout: seconds to wait, at least 0; None waits for ever.

        Raises:
            TimeoutError: if somebody still fed the drain after `timeout`.
            Cancelled: in a worker that was told to end.
        """
        left = remaining(_checks.timeout("timeout", timeout))
        try:
            while not self._watch(left):
                pass
        except TimeoutError:
            raise TimeoutError(f"{self!r} was still fed after {timeout} s") from None
        except ENDS:
            self._channel.stop()
            raise

        return self._copy()

    def drain_and_shut_down(self) -> list[T]:
        """Wait as `drain` does, shut the drain, and return what is there."""
        self.drain()
        self.shut_down()
        return self._copy()

    def shut_down(self) -> None:
        """Refuse what is sent from now on; what is there stays readable.

        Threads that wait to send get DrainClosed; readers end when they have taken what
        is there. Shutting a shut drain does nothing.
        """
        self._channel.close()

    def count(self) -> int:
        """Return how many values wait in the drain."""
        return len(self._channel.values)

    @property
    def closed(self) -> bool:
        """Whether the drain is shut."""
        return self._channel.shut

    __len__ = count

    def __bool__(self) -> Literal[True]:
        return True

    def __iter__(self) -> Iterator[T]:
        """Take values as they come, until nobody feeds the drain.

        Blocking: waits for values while somebody feeds the drain, and for the first
        feeder if there was none yet; in a worker the wait lends the slot. Ctrl-C here
        stops the pools around the drain, as in `Pool.wait`.

        Raises:
            RuntimeError: if the drain feeds a stage.
            Cancelled: in a worker that was told to end.
        """
        reading = self._channel.begin_reading(mark_of_this_thread())
        while (taking := self._take()).size:
            try:
                yield from taking.values
            except BaseException:
                self._channel.leave_taking(taking)
                raise

            self._channel.end_taking(taking)

        del reading  # until here, or until the iterator is closed or dropped

    def __aiter__(self) -> AsyncIterator[T]:
        """Take values as they come, as a `for` does, without blocking the event loop.

        To cancel it stops the wait, and takes nothing: every value is in the drain until
        the loop body gets it. The coroutine counts as a reader from the first value it
        asks for to the end, like a thread that iterates. It gives other coroutines a
        turn whenever it waits, and else every hundred values.

        Raises:
            RuntimeError: if the drain feeds a stage, or outside an asyncio event loop.
        """
        from fluent_async._iteration import Iteration

        return Iteration(self._channel)

    def __enter__(self) -> Self:
        """Feed the drain by hand until the end of the block, which shuts it."""
        self._open()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.shut_down()
        self._idle()

    def __rshift__(self, task: Takes[T, NewOut], /) -> Workers[NewOut]:
        # Of its type: there are objects that have any attribute one asks for.
        stage_of: Callable[[object, Drain[T]], Workers[NewOut]] = getattr(
            type(task), "_stage_of", _not_a_task
        )
        return stage_of(task, self)

    if not TYPE_CHECKING:  # pragma: no branch  (a checker must refuse it)

        def __contains__(self, _: object) -> None:
            raise TypeError(
                "`in` would take the values of the drain: write `value in drain.drain()`"
            )

        def __rrshift__(self, value: object) -> None:
            raise TypeError(
                f"a drain takes outputs with |, not {_checks.type_name(value)} with >>: "
                "write `value >> task | drain`, or `drain.send(value)`"
            )

        def _stage_of(self, drain: object) -> None:
            del drain
            raise TypeError(
                "a drain takes outputs with |, not with >>: write drain >> task | drain"
            )

    @override
    def __repr__(self) -> str:
        return repr(self._channel)

    def _take(self) -> Taking[T]:
        try:
            return self._channel.take()
        except ENDS:
            self._channel.stop()
            raise

    def _watch(self, left: Callable[[], float | None]) -> bool:
        """Wait for the last feeder; say whether there was none to wait for."""
        channel, waiter = self._channel, Waiter()
        with undisturbed:
            if not channel.watch(waiter):
                return True

            try:
                if not block(waiter, left()):
                    raise TimeoutError
            finally:
                channel.unwatch(waiter)

        return False

    def _put_late(self, value: T) -> None:
        with suppress(DrainClosed):  # shut meanwhile: it counts as sent before that
            self._channel.put(value, remaining(None), promised=True)

    def _open(self) -> None:
        """Count one more feeder that is no pool."""
        self._channel.refuse_shut()
        self._channel.join(None)

    def _idle(self) -> None:
        """Count that feeder no more."""
        self._channel.leave(None)

    def _copy(self) -> list[T]:
        while True:
            try:
                return list(self._channel.values)
            except RuntimeError:  # a lease added a value meanwhile
                continue


def channel_of(sink: object) -> Channel[Any] | None:
    """Return the channel of a sink; None if that is no drain."""
    if not _checks.is_a(sink, Drain):
        return None

    channel: Channel[Any] = cast("Any", sink)._channel
    return channel


def _not_a_task(task: object, drain: object) -> Any:
    """Leave `drain >> something` to the something, and to Python's own error."""
    del task, drain
    return NotImplemented
