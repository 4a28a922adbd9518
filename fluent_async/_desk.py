"""Desk: where calls are handed in, and the shifts of the threads that answer them."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from operator import methodcaller
from typing import TYPE_CHECKING, NamedTuple, Protocol

from fluent_async._counter import Counter
from fluent_async._wait import Waiter
from fluent_async._work import End


if TYPE_CHECKING:
    from collections.abc import Callable


class Call(Protocol):
    """A call that was handed in. What it is made of may raise; none of this does."""

    def make(self, tally: Tally, /) -> End | None:
        """Make the call; say how it ended, None if that is no more the desk's.

        Whoever begins it notes that in `tally.begun`.
        """
        ...

    def drop(self) -> None:
        """Cancel it: it will not be made."""
        ...

    def refuse(self, exc: BaseException) -> None:
        """Let it fail for this reason: it will not be made."""
        ...

    def settle(self, stand_by: Callable[[], bool]) -> bool:
        """Tell whoever waits for it how it ended.

        Args:
            stand_by: called before anybody is told, unless a callback of the user's is
                to be called here; what it says is returned.
        """
        ...


class Calls(NamedTuple):
    """Counts of the calls that were handed in, of one instant."""

    succeeded: int
    failed: int
    cancelled: int
    accepted: int
    """All of them."""
    begun: int
    """Those that some thread makes, or made."""


class Tally:
    """Counts of the calls that were taken from a desk, and of what became of them."""

    __slots__ = ("begun", "cancelled", "failed", "succeeded")

    def __init__(self) -> None:
        self.begun = 0
        self.succeeded = 0
        self.failed = 0
        self.cancelled = 0


class Shift(Tally):
    """A thread's turn at a desk, on one slot. The thread writes it, everybody reads."""

    __slots__ = (
        "_backlog",
        "_standing",
        "first",
        "hear",
        "lost",
        "rests",
        "ring",
        "told",
    )

    stage = None  # its calls are inputs of none

    def __init__(self, desk: Desk, first: Call) -> None:
        super().__init__()
        self._backlog = desk.backlog
        self._standing = desk.standing
        self.first: Call | None = first  # the call it begins with
        bell = Waiter()
        self.ring = bell.release  # for a shift that stands by
        self.hear = bell.listen
        self.rests = False  # it has nothing to do, and waits for the bell
        self.lost = False  # its slot, to somebody else; written in the pool's monitor
        self.told = False  # to end what it is at; written in the pool's monitor

    def stand_by(self) -> bool:
        """Stand by unless a call waits; say whether it does."""
        if self._backlog:
            return False

        self._standing.append(self)
        return True


class Desk:
    """Where calls are handed in, one by one, and taken by the threads on shift.

    A call is handed in by one append and taken by one `popleft`, which are atomic: no
    monitor, so a finalizer or a signal handler may interrupt a call of `hand_in` and
    hand in another. What is not about single calls is for the pool's monitor: `shifts`.

    Invariants:
        1. A shift that is in `standing` waits for its bell, or will before it does
           anything else that takes time. Who takes it out of there rings the bell.
        2. Whoever hands in a call looks at `standing` after that; a shift that stands
           by looks at `backlog` after that: one of the two sees the other.
        3. A shift that does not rest is at work, or about to look for some: nothing is
           to do if nothing is in `backlog` and every shift rests.
    """

    def __init__(self) -> None:
        self.backlog: deque[Call] = deque()
        self.standing: deque[Shift] = deque()  # last in, first out: warm caches
        self.shifts: dict[Shift, None] = {}  # guarded by the pool's monitor
        self._past = Tally()  # of shifts that are over
        self._accepted, self._taken_back = Counter(), Counter()
        self._accepts = self._accepted.ticks  # one for each call handed in
        self.passed = 0  # calls that went to the pool, which counts them; guarded by it
        # One step for Python, so that no signal handler comes between: a shift that was
        # taken off those that stand by, and never rung, would keep its slot for ever.
        self._rings = map(methodcaller("ring"), iter(self.standing.pop, None))

    @property
    def busy(self) -> bool:
        """Whether a call waits or is made; in the pool's monitor."""
        at_work = self.shifts and not all(shift.rests for shift in self.shifts)
        return bool(self.backlog or at_work)

    def counts(self) -> Calls:
        """Return the counts; in the pool's monitor.

        Threads go on meanwhile, so the order counts: nothing has ended that was not begun,
        or not accepted.
        """
        shifts: list[Tally] = [self._past, *self.shifts]
        succeeded = sum(shift.succeeded for shift in shifts)
        failed = sum(shift.failed for shift in shifts)
        cancelled = sum(shift.cancelled for shift in shifts)
        begun = sum(shift.begun for shift in shifts)
        taken_back = self._taken_back.count  # first, as they were accepted before
        accepted = self._accepted.count - taken_back - self.passed
        return Calls(succeeded, failed, cancelled, accepted, begun)

    def begin(self) -> Shift | None:
        """Begin a shift with the next call, if there is one.

        In the pool's monitor, like all that follows but `hand_in` and `call_up`.
        """
        try:
            call = self.backlog.popleft()
        except IndexError:
            return None

        shift = Shift(self, call)
        self.shifts[shift] = None
        return shift

    def end(self, shift: Shift) -> None:
        """Note that a shift is over."""
        del self.shifts[shift]
        past = self._past
        past.begun += shift.begun
        past.succeeded += shift.succeeded
        past.failed += shift.failed
        past.cancelled += shift.cancelled

    def hand_in(self, call: Call) -> bool:
        """Accept a call, and call a shift up for it; say whether one stood by.

        From any thread, whatever it is at.
        """
        next(self._accepts)  # one step, like the next
        self.backlog.append(call)
        return self.call_up()

    def call_up(self) -> bool:
        """Call a shift that stands by to the desk; say whether there was one.

        From any thread, whatever it is at.
        """
        try:
            next(self._rings)
        except IndexError:
            return False
        except RuntimeError:  # it is rung by `close` already
            return True

        return True

    def dismiss(self) -> bool:
        """End a shift that stands by, so that its slot is free; say if there was one.

        Not one that does not rest yet: it asks by itself what is wanted, after that.
        """
        for shift in self.standing.copy():
            if shift.rests and self._remove(shift):
                shift.lost = True
                self.end(shift)
                _ring(shift)
                return True

        return False

    def close(self) -> None:
        """Let every shift end that finds nothing to do; `thread_wanted` says so by now."""
        self.standing.clear()
        for shift in self.shifts:
            _ring(shift)

    def withdraw(self, call: Call) -> bool:
        """Take a call back that nobody has taken; say whether that was so."""
        try:
            self.backlog.remove(call)
        except ValueError:
            return False

        next(self._taken_back.ticks)
        return True

    def clear(self) -> list[Call]:
        """Take back all that nobody has taken, to be dropped outside the monitor."""
        calls: list[Call] = []
        while True:
            try:
                calls.append(self.backlog.popleft())
            except IndexError:
                break

        self._past.cancelled += len(calls)
        return calls

    def work(
        self,
        shift: Shift,
        slot_wanted: Callable[[], bool],
        thread_wanted: Callable[[], bool],
    ) -> None:
        """Make calls until the shift is over: the hot path of an executor.

        Args:
            shift: the turn of the thread that calls this.
            slot_wanted: whether somebody else wants the slot, though calls wait.
            thread_wanted: whether the thread is not to stand by, since somebody waits
                for the pool to have nothing to do.
        """
        call, shift.first = shift.first, None
        while True:  # CPython 3.11 never specializes a loop with a condition
            if call is None:
                return

            stands = self._answer(shift, call)
            call = None  # not kept alive while this thread stands by
            if not stands and slot_wanted():
                return

            call = self._next(shift, thread_wanted, stands)

    def _answer(self, shift: Shift, call: Call) -> bool:
        """Make a call and tell how it ended; say whether the shift stands by."""
        end = call.make(shift)
        if end is _SUCCEEDED:
            shift.succeeded += 1
        else:
            _count(shift, end)

        # The shift stands by before the end of the call is told: who hears it may hand
        # in the next one at once, and that is for this thread, not for a new one.
        stands = call.settle(shift.stand_by)
        del call  # what it raised, if it did, leads back to this frame
        return stands

    def _next(
        self,
        shift: Shift,
        thread_wanted: Callable[[], bool],
        stands: bool,  # noqa: FBT001  (a keyword would cost more than the call)
        /,
    ) -> Call | None:
        """Return the next call, standing by until there is one; None: it is over."""
        while True:
            if not stands:
                try:
                    return self.backlog.popleft()
                except IndexError:
                    self.standing.append(shift)

            stands = False
            if not self._rest(shift, thread_wanted):
                return None

    def _rest(self, shift: Shift, thread_wanted: Callable[[], bool]) -> bool:
        """Rest, standing by, until a call may wait; False: the shift is over."""
        shift.rests = True
        if (self.backlog or thread_wanted()) and self._stay(shift):
            return bool(self.backlog)

        shift.hear()
        shift.rests = False
        return not shift.lost

    def _stay(self, shift: Shift) -> bool:
        """Take a shift off those that stand by; False if somebody did, and will ring."""
        if not self._remove(shift):
            return False

        shift.rests = False
        return True

    def _remove(self, shift: Shift) -> bool:
        try:
            self.standing.remove(shift)
        except ValueError:
            return False

        return True


def _ring(shift: Shift) -> None:
    with suppress(RuntimeError):  # it is rung already
        shift.ring()


def _count(shift: Shift, end: End | None) -> None:
    """Count a call that did not succeed."""
    if end is End.FAILED:
        shift.failed += 1
    elif end is End.CANCELLED:
        shift.cancelled += 1


_SUCCEEDED = End.SUCCEEDED
