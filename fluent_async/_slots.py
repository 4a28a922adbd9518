"""Slots: the right to run, who has it, who wants it back, and until when."""

from __future__ import annotations

from collections import deque
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

from fluent_async._desk import Desk, Shift
from fluent_async._wait import Waiter
from fluent_async._work import Attempt, End, Occupant


if TYPE_CHECKING:
    from collections.abc import Container

    from fluent_async._slice import Slice
    from fluent_async._stage import Stage


STALL_S = 5.0  # how long a pool waits at least for attempts that it abandoned


class Slots:
    """The slots of a pool. Guarded by the pool's monitor.

    Invariants:
        1. running <= limit wherever a slot is given out.
        2. An occupant has a slot, or has lent it, or waits in `resuming` to get it back.
        3. An abandoned attempt is no occupant any more, and still counts as running.
        4. A shift that stands by keeps its slot until somebody else needs one.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.running = 0  # slots given out
        self.left = False  # nobody waits for anything here any more
        self.desk = Desk()
        self.given_up: dict[Attempt, float] = {}  # nobody waits for them, since when
        self.judging = 0  # of those, how many are being judged now
        self.away = 0  # threads that wait, and are at no job
        self.occupants: dict[Occupant, None] = {}  # oldest first
        self.resuming: deque[Waiter] = deque()  # want their slot back
        self._deadlines: list[tuple[float, int, Attempt]] = []  # a heap; some are stale
        self._tie = count()

    @property
    def free(self) -> bool:
        """Whether one more may run."""
        return self.running < self.limit or bool(self.desk.standing)

    @property
    def used(self) -> int:
        """How many slots are in use: those given out, less those that only stand by."""
        return self.running - len(self.desk.standing)

    @property
    def abandoned(self) -> int:
        """How many attempts, or threads at inputs, nobody waits for."""
        return self.running + self.waiting if self.left else len(self.given_up)

    @property
    def stalls_at(self) -> float | None:
        """When the pool counts as stalled, if every slot is held by such an attempt.

        That is once this has lasted as long as the longest of their timeouts, and
        STALL_S at least; None while a slot is free or held by another.
        """
        if len(self.given_up) < self.limit:
            return None

        timeouts = [attempt.timeout or 0.0 for attempt in self.given_up]
        return max(self.given_up.values()) + max(STALL_S, *timeouts)

    @property
    def waiting(self) -> int:
        """How many threads wait in a job, and use no slot."""
        return sum(occupant.lent for occupant in self.occupants)

    @property
    def next_deadline(self) -> float | None:
        """When the first attempt that runs is over its timeout."""
        heap = self._deadlines
        while heap and heap[0][2].deadline != heap[0][0]:
            heappop(heap)

        return heap[0][0] if heap else None

    def spare(self) -> bool:
        """Have a slot that is not given out, if there can be one; say whether there is."""
        if self.running < self.limit:
            return True

        if not self.desk.dismiss():
            return False

        self.running -= 1
        return True

    def occupy(self, attempt: Attempt) -> None:
        """Note who has a slot that was given out."""
        self.occupants[attempt] = None

    def vacate(self, attempt: Attempt, end: End) -> bool:
        """Take an attempt off its slot; say whether this is what it ended with."""
        self.running -= 1
        attempt.deadline = None
        if attempt.end is not None:  # it timed out before
            del self.given_up[attempt]
            return False

        attempt.end = end
        del self.occupants[attempt]
        if len(self._deadlines) > 2 * len(self.occupants) + 16:
            # Ended attempts would be kept alive by an older one that still runs.
            self._deadlines = [d for d in self._deadlines if d[2].deadline == d[0]]
            heapify(self._deadlines)

        return True

    def sit(self, job: Slice | Shift) -> Occupant:
        """Make the thread of a job an occupant, which may wait, until `rise`."""
        occupant = Occupant(job.stage)
        occupant.told = job.told
        self.occupants[occupant] = None
        return occupant

    def rise(self, occupant: Occupant) -> None:
        """Note that such a thread has done with its wait."""
        del self.occupants[occupant]

    def end(self, shift: Shift) -> None:
        """Take back the slot of a shift that is over, unless somebody did before."""
        if not shift.lost:
            self.desk.end(shift)
            self.running -= 1

    def lend(self, occupant: Occupant, now: float) -> None:
        """Give the slot of one that waits to others; its clock stands still."""
        occupant.lent = True
        self.running -= 1
        if occupant.deadline is not None:
            occupant.left = occupant.deadline - now
            occupant.deadline = None

    def reclaim(self, occupant: Occupant, now: float) -> Waiter | None:
        """Give the slot back: at once (None), or when the waiter is woken."""
        if not self.resuming and self.spare():
            self.running += 1
            self.resume(occupant, now)
            return None

        waiter = Waiter()
        self.resuming.append(waiter)
        return waiter

    def resume(self, occupant: Occupant, now: float) -> None:
        """Let the clock of one run on that has its slot back."""
        occupant.lent = False
        if occupant.left is not None and isinstance(occupant, Attempt):
            self.limit_time(occupant, now + occupant.left)
            occupant.left = None

    def limit_time(self, attempt: Attempt, deadline: float) -> None:
        """Abandon the attempt at `deadline` unless it has ended."""
        attempt.deadline = deadline
        heappush(self._deadlines, (deadline, next(self._tie), attempt))

    def claim(self, attempt: Attempt) -> bool:
        """Stop an attempt's clock: it has its outputs. False if it is over anyway."""
        attempt.deadline = attempt.left = None
        return attempt.end is None

    def expire(self, now: float) -> list[Attempt]:
        """Abandon the attempts that ran too long, and return them to be judged.

        Whoever has judged one counts it off `judging` in the decision that ends its work
        or keeps that for a retry: until then it keeps room in drains, but not for long.
        """
        expired: list[Attempt] = []
        while (deadline := self.next_deadline) is not None and deadline <= now:
            attempt = heappop(self._deadlines)[2]
            attempt.end = End.TIMED_OUT
            attempt.deadline = None
            del self.occupants[attempt]
            attempt.tell()
            self.given_up[attempt] = now
            self.judging += 1
            expired.append(attempt)

        return expired

    def tell_shifts(self) -> None:
        """Tell the threads that make calls to end what they are at."""
        for shift in self.desk.shifts:
            shift.told = not shift.rests

        for occupant in self.occupants:
            if occupant.stage is None:
                occupant.tell()

    def tell(self, stages: Container[Stage]) -> None:
        """Tell everybody who runs, or waits, at an input of these stages to end."""
        for occupant in self.occupants:
            if occupant.stage is None or occupant.stage not in stages:
                continue

            occupant.tell()
            if isinstance(occupant, Attempt):
                occupant.work.dropped = True
