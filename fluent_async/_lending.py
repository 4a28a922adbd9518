"""Lending: lets waits of `concurrent.futures` go through the one wait of the library."""

from __future__ import annotations

import _thread
from typing import TYPE_CHECKING, Any, Protocol

from typing_extensions import override

from fluent_async import _simulator, _wait
from fluent_async._parties import Stirrable
from fluent_async._process import FOREIGN
from fluent_async._wait import Waiter, block


if TYPE_CHECKING:
    from concurrent.futures import Future


class Place(Stirrable, Protocol):
    """A pool, as those who wait for its calls know it."""

    @property
    def foreign(self) -> bool:
        """Whether it is of the process that this one forked from."""
        ...


class _Event(Protocol):
    """The part of `threading.Event` that a wait for several futures uses."""

    def set(self) -> None: ...

    def clear(self) -> None: ...

    def wait(self, timeout: float | None = None) -> bool: ...


class Waiting(Protocol):
    """A wait for several futures, as `concurrent.futures` notes it in each of them."""

    event: _Event

    def add_result(self, future: Future[Any], /) -> None: ...

    def add_cancelled(self, future: Future[Any], /) -> None: ...

    def add_exception(self, future: Future[Any], /) -> None: ...


class Condition(_thread.RLock):  # type: ignore[misc]
    """What a future has in place of a `threading.Condition`, and much cheaper to make.

    A lock of the interpreter's own (final for type checkers alone), with what futures
    need besides. Reentrant, since a finalizer or a signal handler may ask a future that
    its own thread is at.
    """

    __slots__ = ("waiting",)

    waiting: list[Waiter]  # changed and copied by steps that are atomic

    def notify_all(self) -> None:
        """Wake all that wait, after it was noted for what."""
        for waiter in self.waiting.copy():
            waiter.wake()


class Waiters(list[Waiting]):
    """What waits for a future among others; waits of a pool's workers lend their slot."""

    __slots__ = ("_pool",)

    def __init__(self, pool: Place) -> None:
        self._pool = pool

    @override
    def append(self, waiting: Waiting, /) -> None:
        """Note a wait, before it begins."""
        refuse_foreign(self._pool)
        ours = _wait.here() is not None or _simulator.current() is not None
        if ours and not isinstance(waiting.event, Event):
            waiting.event = Event(self._pool)

        super().append(waiting)


class Event:
    """What a wait for several futures waits for in a worker, or in a simulation."""

    def __init__(self, pool: Place) -> None:
        self._pool = pool
        self._set = False
        self._waiter = Waiter()

    def set(self) -> None:
        """End the wait, now or when it begins."""
        self._set = True
        self._waiter.wake()

    def clear(self) -> None:
        """Let the next wait wait."""
        self._set = False

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until set, at most `timeout` seconds; say whether it is."""
        left = _wait.remaining(timeout)
        while not self._set:
            waiter = self._waiter = Waiter()
            if self._is_set():  # since then: it may have woken the one before
                waiter.wake()

            if not block(waiter, left(), within=self._pool):
                break

        return self._set

    def _is_set(self) -> bool:
        return self._set


def refuse_foreign(pool: Place) -> None:
    """Raise if nothing goes on in `pool`, since this process was forked from its own."""
    if pool.foreign:
        raise RuntimeError(FOREIGN)
