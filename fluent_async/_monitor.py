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


class _Mine:
    """What one thread must know of the monitors it is in."""

    __slots__ = ("busy", "entered", "later", "telling", "theirs", "waits")

    def __init__(self) -> None:
        self.busy = False  # doing what was put off, of ours
        self.telling = False  # and of theirs
        # The monitors it is in, or about to be, each with the frame that entered it.
        self.entered: list[tuple[Monitor, FrameType]] = []
        # What is put off, in order. Appending and taking are one step each.
        self.later: deque[Callable[[], object]] = deque()
        # The same of what runs code of the user's: log handlers, policies, callbacks.
        self.theirs: deque[Callable[[], object]] = deque()
        # What is put off until all of that is done, since it waits for other threads.
        self.waits: deque[Callable[[], object]] = deque()


_local = threading.local()


def _mine() -> _Mine:
    try:
        mine: _Mine = _local.mine
    except AttributeError:  # a finalizer may come in between: the first one counts
        mine = _local.__dict__.setdefault("mine", _Mine())

    return mine


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

        frame = sys._getframe(1)
        try:  # as `_mine` does, without a call: this is what decisions cost most
            entered: list[tuple[Monitor, FrameType]] = _local.mine.entered
        except AttributeError:
            entered = _mine().entered

        main = threading.get_ident() == signals.thread
        # Not where a decision of a pool enters a drain, as so many do: in its threads no
        # handler runs, and so none has left a monitor behind.
        if entered and (
            main or self._owned or len(entered) > 1 or not entered[0][0]._owned
        ):
            self._enter_within(entered, frame)

        if main:
            signals.hold()

        # Noted before the lock is asked for, and forgotten after it is given back: a
        # finalizer that runs in between puts off its work for nothing, which is safe.
        entered.append((self, frame))
        try:
            self._lock.acquire()
        except BaseException:  # a handler that could not be put off any longer raised
            self._give_up(entered, held=main)
            raise

    def __exit__(self, *exc_info: object) -> None:
        self._lock.release()
        mine: _Mine = _local.mine
        mine.entered.pop()
        try:
            if (mine.later or mine.theirs) and not mine.entered:
                _run_later(mine)
        finally:
            if threading.get_ident() == signals.thread:
                signals.release()

    def _enter_within(
        self, entered: list[tuple[Monitor, FrameType]], frame: FrameType
    ) -> None:
        """Refuse a thread that is in this monitor already."""
        for monitor, _ in entered if _runs_one_of(entered, frame) else ():
            if monitor is self:
                raise RuntimeError(
                    "a finalizer or signal handler interrupted the pool or drain it "
                    "calls in the middle of a decision; it can send, cancel and shut "
                    "down there"
                )

    def _give_up(self, entered: list[tuple[Monitor, FrameType]], *, held: bool) -> None:
        """Enter no more, and let handlers run if they were held back."""
        self.give_back()
        entered.pop()
        if held:
            signals.release()

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

    def gone(self) -> bool:
        """Say whether nobody is let in any more; for what finalizers would decide.

        So it is in a process that forked while this was of use elsewhere, and at the very
        end of Python, when it has emptied this module: some builds finalize what functions
        refer to after that.
        """
        if globals()["inside"] is None:
            return True

        try:
            if self._mark is not process.mark:
                self._adopt()
        except RuntimeError:
            return True

        return False

    def do(self, decision: Callable[[], object]) -> None:
        """Make `decision` inside the monitor: now, or when this thread is out of it."""
        if inside():
            after(lambda: self.do(decision))
            return

        with self:
            decision()


def after(act: Callable[[], object]) -> None:
    """Run `act` once this thread is in no monitor: at once if it is in none now.

    To ask for the same again right after is nothing.
    """
    if inside():
        later = _mine().later
        if not later or later[-1] != act:
            later.append(act)
    else:
        act()


def outside(act: Callable[[], object]) -> None:
    """Run `act`, which is not ours, after all that is; handlers of signals may run in it."""

    def run() -> None:
        with disturbed():
            act()

    if inside():
        _mine().theirs.append(run)
    else:
        run()


def after_all(wait: Callable[[], object]) -> None:
    """Run what waits for other threads, once this one is in no monitor: as `after` does.

    What was put off is done before, to its end, since another thread may need that.
    """
    mine = _mine()
    if inside() or mine.busy:
        mine.waits.append(wait)
        after(bool)  # so that leaving the monitor does what was put off
    else:
        wait()


def inside() -> bool:
    """Say whether this thread is in a monitor: true only for what interrupts it there."""
    return _runs_one_of(_mine().entered, sys._getframe(1))


def _runs_one_of(
    entered: list[tuple[Monitor, FrameType]], innermost: FrameType
) -> bool:
    """Say whether a frame that entered a monitor runs; give back what others left behind."""
    while entered:
        monitor, frame = entered[-1]
        current: FrameType | None = innermost
        while current is not None:  # rarely for long
            if current is frame:
                return True

            current = current.f_back

        entered.pop()
        monitor.give_back()

    return False


def _run_later(mine: _Mine) -> None:
    """Do what was put off, in order, ours first; the outermost call does all of it.

    What is the user's may wait for a thread that ours starts: that is done in between.
    """
    if not mine.busy:
        mine.busy = True
        try:
            while mine.later and not mine.entered:
                mine.later.popleft()()
        finally:
            mine.busy = False
            if mine.later and not mine.entered:  # one raised: the others count as well
                _run_later(mine)

        if mine.theirs and not mine.telling:
            _run_theirs(mine)

        while mine.waits and not mine.later and not mine.entered:
            mine.waits.popleft()()


def _run_theirs(mine: _Mine) -> None:
    mine.telling = True
    try:
        while mine.theirs and not mine.entered:
            mine.theirs.popleft()()
    finally:
        mine.telling = False
        if mine.theirs and not mine.entered:
            _run_theirs(mine)
