"""The one wait: every call of the library that blocks goes through here."""

from __future__ import annotations

import os
import threading
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar
from weakref import WeakValueDictionary

from fluent_async import _checks, _clock, _signals
from fluent_async._signals import signals
from fluent_async.errors import Cancelled


if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Callable
    from datetime import timedelta
    from weakref import ref

T = TypeVar("T")

Who: TypeAlias = "int | ref[Task[Any]]"
"""Who waits: a thread, by its mark, or a coroutine of an event loop, with all it awaits."""


class Waiter:
    """One wait of one thread; woken at most once, by whoever comes first.

    A locked lock, not a condition: nothing is shared but the lock itself, waking needs
    no other lock, and waiting for it stays interruptible by signals.
    """

    __slots__ = ("_lock", "refused", "woken")

    def __init__(self) -> None:
        self.woken = False  # whether its thread goes on, or will
        self.refused = False  # to wait any longer: it would for itself
        self._lock = threading.Lock()
        self._lock.acquire()

    @property
    def listen(self) -> Callable[[], object]:
        """What waits until woken, again and again, for a thread whose time no clock tells."""
        return self._lock.acquire

    @property
    def release(self) -> Callable[[], object]:
        """What wakes it in one step; a RuntimeError if it is awake."""
        return self._lock.release

    def wake(self) -> None:
        """End the wait, now or when it begins; harmless after it has ended."""
        self.woken = True
        try:
            self._lock.release()
        except RuntimeError:  # somebody else woke it first
            return

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until woken, at most `timeout` seconds; say whether it was woken."""
        return _clock._clock.acquire(self._lock, timeout)

    def wait_for(self, due: float | None, patience: float | None) -> bool:
        """Wait until woken, until `due`, and for `patience` seconds; say whether woken.

        Patience is for threads, which know the machine's clock alone, whatever clock is
        in use; None has no end, of `due` as well.
        """
        clock = _clock.current()
        seconds = None if due is None else max(0.0, due - clock.now())
        if patience is None or (seconds is not None and seconds < patience):
            return self.wait(seconds)

        return self._lock.acquire(timeout=patience)


class Seat(Protocol):
    """The place of a pool's thread while it runs an attempt."""

    @property
    def pool(self) -> object:
        """The pool it is in."""
        ...

    @property
    def cancelled(self) -> bool:
        """Whether the attempt that runs here was told to end."""
        ...

    @property
    def idle(self) -> bool:
        """Whether the thread is at no job."""
        ...

    def is_in(self, pool: object) -> bool:
        """Say whether it is in that pool."""
        ...

    def wait(
        self,
        waiter: Waiter,
        timeout: float | None,
        *,
        lends: bool,
        shielded: bool,
        elsewhere: bool,
    ) -> bool:
        """Wait as an attempt does: see `block`."""
        ...


class _Mark:
    """What is there as long as its thread."""

    __slots__ = ("__weakref__", "number", "seat")

    def __init__(self) -> None:
        self.number = next(_numbers)
        self.seat = _here.seat  # of its thread


class _Here(threading.local):
    seat: Seat | None = None
    mark: _Mark | None = None


_here = _Here()


def this_thread() -> int:
    """Return what tells this thread from all others that are alive."""
    return threading.get_ident()


def mark_of_this_thread() -> int:
    """Return what tells this thread from all others, those included that have ended.

    What the system calls a thread, and Python its identifier, may be another's after that.
    """
    mark = _here.mark
    if mark is None:
        new = _Mark()
        # This first: a finalizer may come in between, and ask as well.
        _marks[new.number] = new
        mark = _here.__dict__.setdefault("mark", new)

    return mark.number


def seat_of(who: Who, pool: object) -> Seat | None:
    """Return the seat of a thread in a pool; None if it is not of that."""
    mark = _marks.get(who) if isinstance(who, int) else None
    seat = None if mark is None else mark.seat
    return seat if seat is not None and seat.is_in(pool) else None


_numbers = count(1)
_marks: WeakValueDictionary[int, _Mark] = WeakValueDictionary()


waiting: list[Who] = []
"""Those who wait for a drain to be read or fed, or for a pool; one entry a wait."""


def is_busy(who: Who) -> bool:
    """Say whether a thread or coroutine is alive, and waits for no drain and no pool."""
    return who not in waiting and is_alive(who)


def name_of_this_thread() -> str:
    """Return what logs call this thread."""
    return threading.current_thread().name


def forked() -> None:
    """Note that this is a new process, whose one thread is in no pool and waits for none."""
    _here.seat = None
    waiting.clear()


if hasattr(os, "register_at_fork"):  # pragma: no branch  (all but Windows)
    os.register_at_fork(after_in_child=forked)


def is_alive(who: Who) -> bool:
    """Say whether a thread or coroutine is still there, and may go on."""
    if isinstance(who, int):
        return who in _marks

    running = who()
    return not (running is None or running.done() or running.get_loop().is_closed())


def here() -> Seat | None:
    """Return the seat this thread runs an attempt on; None outside a pool."""
    return _here.seat


def sit(seat: Seat | None) -> None:
    """Say that this thread belongs to a pool from now on."""
    _here.seat = seat
    if _here.mark is not None:
        _here.mark.seat = seat


def block(
    waiter: Waiter,
    timeout: float | None = None,
    *,
    lends: bool = True,
    shielded: bool = False,
    elsewhere: bool = False,
    within: object = None,
) -> bool:
    """Wait until `waiter` is woken, at most `timeout` seconds; say whether it was.

    In a worker the wait lends the slot if `lends`, and raises `Cancelled` once the
    attempt was told to end; `waiter` may then have been woken or not. A `shielded` wait
    goes on all the same. `elsewhere` says that it is for what goes on outside the pool,
    as it is if `within` is another pool.
    """
    seat = _here.seat
    if seat is None:
        if not signals.standing:
            return waiter.wait(timeout)

        return disturbed(lambda: waiter.wait(timeout))

    elsewhere = elsewhere or (within is not None and within is not seat.pool)
    return seat.wait(
        waiter, timeout, lends=lends, shielded=shielded, elsewhere=elsewhere
    )


def disturbed(act: Callable[[], T]) -> T:
    """Call what waits so that handlers of signals may run, whatever goes on around it."""
    if not signals.standing or this_thread() != signals.thread:
        return act()

    with _signals.disturbed():
        return act()


def remaining(timeout: float | None) -> Callable[[], float | None]:
    """Return a function that says how many of `timeout` seconds are left."""
    if timeout is None:
        return lambda: None

    deadline = _clock.current().now() + timeout
    return lambda: max(0.0, deadline - _clock.current().now())


def pause(seconds: float) -> None:
    """Sleep for `seconds`; a worker keeps its slot, and wakes when told to end."""
    if seconds > 0:
        block(Waiter(), seconds, lends=False)
    elif cancelled():
        raise Cancelled


def sleep(seconds: float | timedelta, /) -> None:
    """Sleep for `seconds`, and wake early if this worker is told to end.

    Blocking: a worker keeps its slot while it sleeps; outside a pool this is a plain,
    interruptible sleep.

    Args:
        seconds: a number or a timedelta, finite and at least 0.

    Raises:
        Cancelled: in a worker whose pool is cancelled or whose attempt is abandoned.
        TypeError: if `seconds` is neither a number nor a timedelta.
        ValueError: if it is negative, NaN or infinite.
    """
    pause(_checks.seconds("seconds", seconds))


def cancelled() -> bool:
    """Say whether the worker that calls this was told to end; False outside a pool."""
    seat = _here.seat
    return seat is not None and seat.cancelled
