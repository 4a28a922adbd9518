"""A lock that finalizers and signal handlers cannot deadlock on."""

from __future__ import annotations

import sys
import threading
from collections import deque
from typing import TYPE_CHECKING

from fluent_async._process import FOREIGN, process
from fluent_async._signals import disturbed, signals


if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


class _Thread(threading.local):
    """What one thread must know of the monitors it is in.

    No `__init__` makes the containers: a finalizer could use them in the middle of it.
    """

    busy = False  # doing what was put off

    @property
    def entered(self) -> list[tuple[Monitor, FrameType]]:
        """The monitors it is in, or about to be, each with the frame that entered it."""
        known: list[tuple[Monitor, FrameType]] = self.__dict__.setdefault(
            "_entered", []
        )
        return known

    @property
    def waits(self) -> deque[Callable[[], object]]:
        """What is put off until all of that is done, since it waits for other threads."""
        known: deque[Callable[[], object]] = self.__dict__.setdefault("_waits", deque())
        return known

    @property
    def later(self) -> deque[Callable[[], object]]:
        """What is put off, in order. Appending and taking are one step each."""
        known: deque[Callable[[], object]] = self.__dict__.setdefault("_later", deque())
        return known


_thread = _Thread()


class Monitor:
    """Mutual exclusion for decisions of a few microseconds; never held while user code runs.

    Python may run a finalizer or a signal handler between any two steps of a thread,
    also while that thread is inside a monitor. If that code calls the library again, it
    must neither wait for a lock its own thread holds nor see a half-made decision, so
    what it asks for is put off (`do`, `after`) until its thread has left every monitor.

    A handler may also raise, as Ctrl-C does. In the main thread, where handlers run, all
    of them are put off as well while a decision is made, and until what that put off is
    done: so none is made by half, and nobody who waits for it sleeps on. One that comes
    again a second later gets through all the same. A monitor that was left behind that
    way is given back the next time its thread asks: the frame that entered it does not
    run any more.

    After `fork()` the monitor of a pool refuses everybody in the new process, which has
    none of the pool's threads; that of a drain lets threads in, unless one was inside.

    Order: a pool's monitor before a drain's or that of the claims, which comes alone;
    never two pools', never two drains'.
    """

    __slots__ = ("_lock", "_mark", "_owned")

    def __init__(self, *, owned: bool = False) -> None:
        self._lock = threading.RLock()  # knows its owner; it is never taken twice
        self._owned = owned  # by threads: of no use in a process that forked from here
        self._mark = process.mark

    def __enter__(self) -> None:
        if self._mark is not process.mark:
            self._adopt()

        entered = _thread.entered
        if entered and inside():
            self._refuse_again(entered)

        main = threading.get_ident() == signals.thread
        if main:
            signals.hold()

        # Noted before the lock is asked for, and forgotten after it is given back: a
        # finalizer that runs in between puts off its work for nothing, which is safe.
        entered.append((self, sys._getframe(1)))
        try:
            self._lock.acquire()
        except BaseException:  # a handler that could not be put off any longer raised
            self.give_back()
            entered.pop()
            if main:
                signals.release()

            raise

    def __exit__(self, *exc_info: object) -> None:
        self._lock.release()
        _thread.entered.pop()
        try:
            if _thread.later and not _thread.entered:
                _run_later()
        finally:
            if threading.get_ident() == signals.thread:
                signals.release()

    def _refuse_again(self, entered: list[tuple[Monitor, FrameType]]) -> None:
        for monitor, _ in entered:
            if monitor is self:
                raise RuntimeError(
                    "a finalizer or signal handler interrupted the pool or drain it "
                    "calls in the middle of a decision; it can send, cancel and shut "
                    "down there"
                )

    def _adopt(self) -> None:
        """Go on in a process that forked, if what this guards is whole and of use there.

        Raises:
            RuntimeError: if it is not; at once, since nobody would ever let this in.
        """
        if self._owned:
            raise RuntimeError(FOREIGN)

        if not self._lock.acquire(blocking=False):
            raise RuntimeError(
                "another thread was at this drain during fork(): make a new one"
            )

        self._lock.release()
        self._mark = process.mark

    def give_back(self) -> None:
        """Release the lock if this thread has it."""
        if self._lock._is_owned():  # type: ignore[attr-defined]
            self._lock.release()

    def do(self, decision: Callable[[], object]) -> None:
        """Make `decision` inside the monitor: now, or when this thread is out of it."""
        if inside():
            after(lambda: self.do(decision))
            return

        with self:
            decision()


def after(act: Callable[[], object]) -> None:
    """Run `act` once this thread is in no monitor: at once if it is in none now."""
    if inside():
        _thread.later.append(act)
    else:
        act()


def outside(act: Callable[[], object]) -> None:
    """Run `act`, which is not ours, as `after` does; handlers of signals may run in it."""

    def run() -> None:
        with disturbed():
            act()

    after(run)


def after_all(wait: Callable[[], object]) -> None:
    """Run what waits for other threads, once this one is in no monitor: as `after` does.

    What was put off is done before, to its end, since another thread may need that.
    """
    if inside() or _thread.busy:
        _thread.waits.append(wait)
        after(bool)  # so that leaving the monitor does what was put off
    else:
        wait()


def inside() -> bool:
    """Say whether this thread is in a monitor: true only for what interrupts it there."""
    entered = _thread.entered
    while entered:
        monitor, frame = entered[-1]
        if _runs(frame):
            return True

        entered.pop()
        monitor.give_back()

    return False


def _runs(frame: FrameType) -> bool:
    """Say whether this thread is in `frame`, which is rarely far up."""
    current: FrameType | None = sys._getframe(1)
    while current is not None:
        if current is frame:
            return True

        current = current.f_back

    return False


def _run_later() -> None:
    """Do what was put off, in order; the outermost call does all of it."""
    if _thread.busy:
        return

    _thread.busy = True
    try:
        while _thread.later and not _thread.entered:
            _thread.later.popleft()()
    finally:
        _thread.busy = False
        # If one raised, the others count as well.
        if _thread.later and not _thread.entered:
            _run_later()

    while _thread.waits and not _thread.later and not _thread.entered:
        _thread.waits.popleft()()
