"""Scheduler: decides what runs next. No thread, no clock, no code of the user's."""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from fluent_async._accounts import Accounts
from fluent_async._admission import Admission
from fluent_async._graph import Graph
from fluent_async._relief import Relief
from fluent_async._slice import Slice
from fluent_async._slots import Slots
from fluent_async._sources import Flow, Given, Values
from fluent_async._stage import Stage
from fluent_async._wait import Waiter
from fluent_async._work import Attempt, End, Occupant, Work


if TYPE_CHECKING:
    from collections.abc import Iterable

    from fluent_async._accounts import PoolStats
    from fluent_async._channel import Channel
    from fluent_async._parties import Stirrable
    from fluent_async._retry import Failure

Job: TypeAlias = Slice | Attempt | Waiter
OnError: TypeAlias = Literal["finish", "cancel", "keep"]


class Scheduler:
    """What a pool has to do, and what may happen next in it.

    A driver owns it, asks `next` what to run, and tells it what happened, all in the
    driver's monitor. It can as well be driven step by step, with any notion of time.

    Invariants:
        1. 0 <= running; and running <= limit wherever a job is given out.
        2. A work is in exactly one place: waiting in its stage, in `_timers` or
           `_again` for its next attempt, among the `occupants`, or with the driver, which
           judges its failure.
        3. A stage is awake while a work of it is in one of those places.
        4. accepted = succeeded + failed + cancelled + in progress, at any time.
    """

    def __init__(self, pool: Stirrable, limit: int) -> None:
        self.pool = pool
        self.on_error: OnError = "finish"
        self.max_failures: int | None = None
        self.waiters: list[int] = []  # threads that wait for the pool to be idle
        self.graph = Graph(pool)
        self.accounts = Accounts()
        self.slots = Slots(limit)
        self.admission = Admission(pool, self.slots)
        self._relief = Relief(pool, self.graph, self.slots, self.admission)
        self._again: deque[Work] = deque()  # due for their next attempt
        self._timers: list[tuple[float, int, Work]] = []  # a heap of those not yet due
        self._tie = count()

    # -- what there is to do -----------------------------------------------------------

    def add(self, stages: Iterable[Stage]) -> None:
        """Take in stages that `check` found good."""
        for stage in stages:
            stage.limits = self.admission.limits_of(stage.steps or ())
            if isinstance(stage.source, Given):
                self.accounts.accepted += stage.source.ready()

        self.graph.add(stages)

    def idle(self) -> bool:
        """Say whether nothing is queued, running or waiting."""
        return not self.graph.awake

    def quiet(self) -> bool:
        """Say whether nothing runs, and nothing will unless somebody else acts."""
        waits = self._again or self._timers or self.slots.resuming
        return (
            self.slots.running <= self.slots.abandoned
            and not waits
            and not self.more(0.0)
        )

    def cancel(self) -> None:
        """Drop what has not started or waits for a retry; tell what runs."""
        for stage in list(self.graph.awake):
            stage.dropped = True
            for slice_ in stage.slices:
                slice_.told = True
                slice_.close()
                slice_.arm()

            self._drop(stage)

        waiting = [work for _, _, work in self._timers]
        self._timers.clear()
        waiting += self._again
        self._again.clear()
        for work in waiting:
            work.dropped = True
            self._end(work, End.CANCELLED)

        self.slots.tell()

    def next_due(self) -> float | None:
        """Return when time alone changes something next: a retry or a deadline."""
        dues: list[float | None] = []
        if self.slots.free:  # else whoever frees one looks at what is due
            dues += [timer[0] for timer in self._timers[:1]]

        dues += [] if self.idle() else [self.slots.stalls_at]
        dues.append(self.slots.next_deadline)
        return min((due for due in dues if due is not None), default=None)

    def stalled(self, now: float) -> bool:
        """Say whether there is work, and nothing it can run on any more."""
        stalls_at = self.slots.stalls_at
        return stalls_at is not None and stalls_at <= now and not self.idle()

    def stats(self, threads: int) -> PoolStats:
        """Return the accounts, as of now."""
        stages = self.graph.awake
        return self.accounts.stats(
            [slice_ for stage in stages for slice_ in stage.slices],
            running=self.slots.running,
            abandoned=self.slots.abandoned,
            retries=len(self._timers) + len(self._again),
            waiting=self.slots.waiting + sum(len(stage.waiting) for stage in stages),
            threads=threads,
        )

    # -- what runs next ----------------------------------------------------------------

    def next(self, now: float, *, patient: bool = False) -> Job | None:
        """Decide what one thread does next, and give it a slot for that.

        What is due comes first, then attempts that want their slot back (the waiter is
        theirs: wake it, and the slot is theirs too), then new inputs, of the most
        downstream stage first. A thread that has been `patient` since it last asked
        takes leases away from threads that are still at them.
        """
        if not self.slots.free:
            return None

        if patient:
            for stage in self.graph.awake:
                if stage.lease is not None and stage.lease.spared:
                    self._take_lease(stage)

        job = self._next(now)
        if job is not None:
            self.slots.running += 1

        return job

    def more(self, now: float) -> bool:
        """Say whether one more thread would find something to do."""
        if not self.slots.free:
            return False

        if (
            self._again
            or self.slots.resuming
            or (self._timers and self._timers[0][0] <= now)
        ):
            return True

        return any(map(self._startable, self.graph.awake))

    def shared(self) -> bool:
        """Say whether a thread with patience would find something to do.

        It would if it could share a lease, or use the room that the holder of one makes.
        """
        return self.slots.free and any(map(self._shareable, self.graph.awake))

    def _shareable(self, stage: Stage) -> bool:
        if stage.lease is None:
            return False

        if isinstance(stage.source, Flow) and stage.source.channel.starves:
            return True

        return not self._awaits(stage) and self.admission.open(stage)

    def arm(self) -> None:
        """Stop slices whose outputs, or the room they make, would be work for others."""
        for stage in self.graph.awake:
            if isinstance(stage.source, Flow):
                stage.source.channel.arm(taker=False)

            for channel in stage.channels:
                if channel.maxsize:
                    channel.arm(taker=True)

    def relieve(self) -> Channel[Any] | None:
        """Let a bound give way if nothing else can move and a thread waits for it."""
        if self._again or self._timers:
            return None

        return self._relief.give_way(self.waiters)

    def _next(self, now: float) -> Job | None:
        while self._timers and self._timers[0][0] <= now:
            self._again.append(heappop(self._timers)[2])

        if self._again:
            return self._attempt(self._again.popleft(), now)

        if self.slots.resuming:
            return self.slots.resuming.popleft()

        self.graph.sort()
        for stage in list(self.graph.awake):
            job = self._start(stage, now)
            if job is not None:
                return job

        return None

    def _startable(self, stage: Stage) -> bool:
        if stage.waiting:
            return self.admission.fits(stage.waiting[0])

        return stage.lease is None and self.admission.open(stage)

    def _awaits(self, stage: Stage) -> bool:
        """Whether the stage's lease is at a pull, and its thread lets go of it after.

        One that is not quick pulls one input, and gives it its number only then.
        """
        lease = stage.lease
        assert lease is not None
        return not stage.quick or lease.pulling or not lease.pulled

    def _start(self, stage: Stage, now: float) -> Slice | Attempt | None:
        """Start the stage's next input, or a slice of them, if it can start."""
        if stage.dropped or stage.broken:
            self._drop(stage)
            self.graph.rest([stage])
        elif stage.waiting:
            return self._start_waiting(stage, now)
        elif stage.lease is not None:
            self._spare(stage, stage.lease)
        elif (size := self._size(stage)) > 0:
            return self._start_new(stage, size, now)

        return None

    def _start_new(self, stage: Stage, size: int, now: float) -> Slice | Attempt | None:
        if stage.quick or isinstance(stage.source, Values):
            kept = self._reserve(stage, size)
            return self._slice(stage, kept, now) if kept > 0 else None

        stage.waiting.append(self._take(stage))
        return self._start_waiting(stage, now)

    def _size(self, stage: Stage) -> int:
        """How many inputs of the stage one thread may start now."""
        ready = stage.source.ready()
        if not ready or not self.admission.allowed(stage):
            return 0

        room = self.admission.room(stage.channels)
        size = min(ready, room, stage.longest(self.slots.limit))
        return stage.ahead(size) if stage.siblings and size > 0 else size

    def _take(self, stage: Stage) -> Work:
        """Take the next input of a stage for which that calls no code of the user's."""
        if isinstance(stage.source, Flow):
            self.accounts.accepted += 1
            return self._accept(stage, stage.source.channel.pop(self.pool))

        assert isinstance(stage.source, Given)
        return self._accept(stage, stage.source.workers.popleft())

    def _spare(self, stage: Stage, lease: Slice) -> None:
        """Leave a lease to its thread, but have that let go of it after a long pull."""
        if self._awaits(stage):
            lease.arm()
        else:
            lease.spared = True

    def _start_waiting(self, stage: Stage, now: float) -> Attempt | None:
        work = stage.waiting[0]
        if not self.admission.fits(work) or not self.admission.keep(work):
            return None

        stage.waiting.popleft()
        return self._attempt(work, now)

    def _take_lease(self, stage: Stage) -> None:
        """Take the right to pull from a thread, unless it is pulling right now."""
        lease = stage.lease
        assert lease is not None
        lease.arm()
        if not self._awaits(stage) and not lease.closed_pulling():
            stage.budget = 1
            self.let_go(lease)

    def _reserve(self, stage: Stage, size: int) -> int:
        """Keep room for the outputs of a slice, if there is: another pool may be quicker."""
        for channel in stage.promising:
            size = channel.reserve(size, self.pool)
            if size <= 0:
                channel.block(self.pool)

        return size

    def _slice(self, stage: Stage, size: int, now: float) -> Slice:
        slice_ = stage.lease = Slice(stage, size, now)
        stage.slices.append(slice_)
        for limit in stage.limits:
            limit.taken += 1

        for channel in stage.promising:
            slice_.outlet = channel.lease(size, self.pool, slice_)

        slice_.begin(stage.source.pull(slice_))
        others = self.slots.running + 1 < self.slots.limit
        if size == 1 and (
            stage.source.foreign or (others and self.admission.allowed(stage))
        ):
            # Others could use the source: let go of it after the pull. If that is of an
            # iterable, the clock of the input starts then, too.
            slice_.arm()

        return slice_

    def _attempt(self, work: Work, now: float) -> Attempt:
        attempt = Attempt(work, now)
        self.slots.occupy(attempt)
        self._begin(attempt, now)
        return attempt

    def _begin(self, attempt: Attempt, now: float) -> None:
        work = attempt.work
        self.accounts.attempts += 1
        work.tries += 1
        if work.began is None:
            work.began = now

        if attempt.timeout is not None:
            self.slots.limit_time(attempt, now + attempt.timeout)

    # -- what happened -----------------------------------------------------------------

    def let_go(self, slice_: Slice) -> None:
        """Note that a slice's thread pulls no more; it still works on what it has."""
        slice_.close()
        stage = slice_.stage
        if stage.lease is slice_:
            stage.lease = None
            stage.number = slice_.number + slice_.pulled
            if isinstance(stage.source, Flow):
                stage.source.channel.lent(slice_, self.pool)

    def begin(self, slice_: Slice, value: Any, now: float) -> Attempt | None:
        """Turn the one input that a slice pulled into an attempt, in the same slot.

        Returns:
            The attempt, or None if it must wait, which gives the slot back.
        """
        stage = slice_.stage
        work = self._accept(stage, value)
        self.accounts.accepted += 1
        self.let_go(slice_)
        self._leave(slice_)
        fed = all(self.graph.feed(stage, channel) for channel in work.channels)
        unwanted = work.channels and all(channel.shut for channel in work.channels)
        work.dropped = slice_.told
        if slice_.told or unwanted or not fed:
            self._end(work, End.CANCELLED)
        elif stage.waiting or not (
            self.admission.fits(work) and self.admission.keep(work)
        ):
            stage.waiting.append(work)
        else:
            return self._attempt(work, now)

        self.slots.running -= 1
        return None

    def miss(self, slice_: Slice, work: Work, now: float) -> None:
        """Take an input out of a slice: it failed there, and is judged by the driver."""
        slice_.missed += 1
        slice_.judged = slice_.pulled
        work.stage.in_progress += 1
        self.accounts.attempts += 1
        self.accounts.accepted += not isinstance(work.stage.source, Given)
        work.tries = 1
        work.began = now
        work.dropped = slice_.told
        self.admission.keep(work, forced=True)  # the slice kept room for it
        if any(limit.taken > limit.limit for limit in work.limits):
            slice_.arm()  # its place is the failed input's, which may wait for a retry
            self.let_go(slice_)

    def settle(self, slice_: Slice, now: float) -> None:
        """Note that a slice is over, and what came of it."""
        stage = slice_.stage
        self.let_go(slice_)
        stage.pace(slice_, now)
        given = isinstance(stage.source, Given)
        late = self._leave(slice_)
        self.accounts.settle(slice_, accepted=given, late=late)
        self.slots.running -= 1
        self.graph.rest([stage])

    def succeed(self, attempt: Attempt) -> None:
        """Note that an attempt did what was left of its work."""
        if self.slots.vacate(attempt, End.SUCCEEDED):
            self._end(attempt.work, End.SUCCEEDED)

    def drop(self, attempt: Attempt) -> None:
        """Note that an attempt ended because it was told to, or nobody wants more."""
        if self.slots.vacate(attempt, End.CANCELLED):
            self._end(attempt.work, End.CANCELLED)

    def stop(self, attempt: Attempt) -> bool:
        """Note that an attempt failed; say whether that is its end, to be judged."""
        return self.slots.vacate(attempt, End.FAILED)

    def retry(self, work: Work, due: float) -> None:
        """Keep a work until it is due for its next attempt."""
        if work.dropped:
            self._end(work, End.CANCELLED)
        else:
            heappush(self._timers, (due, next(self._tie), work))

    def give_up(self, work: Work) -> None:
        """Note that a work was told to end, and did."""
        self._end(work, End.CANCELLED)

    def lose(self, work: Work) -> None:
        """Note that a work failed in a way that ends the pool's work too."""
        self._end(work, End.FAILED)

    def fail_input(self, slice_: Slice, failure: Failure) -> None:
        """Note that an iterable raised instead of handing over an input."""
        stage = slice_.stage
        self._fail((*stage.key, slice_.number + slice_.pulled), failure)

    def fail(self, work: Work, failure: Failure) -> None:
        """Note that a work failed for good."""
        self._end(work, End.FAILED)
        self._fail(work.key, failure)

    def _fail(self, key: tuple[int, ...], failure: Failure) -> None:
        self.accounts.fail(key, failure, told=self.on_error == "keep")
        most = 0 if self.on_error == "cancel" else self.max_failures
        if most is not None and len(self.accounts.failures) > most:
            self.cancel()

    def resume(self, now: float) -> Waiter | None:
        """Give a free slot to one that wants its own back, if nothing is due before."""
        slots = self.slots
        due = self._again or (self._timers and self._timers[0][0] <= now)
        if due or not slots.resuming or not slots.free:
            return None

        slots.running += 1
        return slots.resuming.popleft()

    def sit(self, slice_: Slice) -> Occupant:
        """Make the thread of a slice somebody who may wait."""
        slice_.arm()
        if not slice_.pulling:  # else it is the iterable that waits
            self.let_go(slice_)

        return self.slots.sit(slice_)

    def proceed(self, attempt: Attempt, now: float) -> None:
        """Note that an attempt goes on with the next call of its work."""
        self._begin(attempt, now)

    # -- ends --------------------------------------------------------------------------

    def _end(self, work: Work, end: End) -> None:
        """End a work: its limits, room and turns are free, its stage may sleep."""
        self.accounts.end(end)
        self.accounts.dropped += end is End.CANCELLED and work.dropped
        self.admission.free(work)
        work.stage.in_progress -= 1
        self.graph.rest([work.stage])

    def _accept(self, stage: Stage, value: Any) -> Work:
        """Make a work of an input that was taken."""
        stage.in_progress += 1
        return stage.work(value)

    def _leave(self, slice_: Slice) -> bool:
        """Take a slice out of its stage; say whether its last output came too late."""
        stage = slice_.stage
        stage.slices.remove(slice_)
        for limit in stage.limits:
            limit.taken -= 1

        late = [channel.end_lease(self.pool, slice_) for channel in stage.promising]
        if isinstance(stage.source, Flow):
            stage.source.channel.lent(slice_, self.pool)
        elif isinstance(stage.source, Values) and slice_.pulling:
            stage.source.read = True  # a pull gave nothing, and the thread has stopped

        return any(late)

    def _drop(self, stage: Stage) -> None:
        """Drop what a stage has not started."""
        works = stage.source.ready()
        if isinstance(stage.source, Flow):
            works = stage.source.channel.drop(self.pool)
            self.accounts.accepted += works
        elif isinstance(stage.source, Given):
            stage.source.workers.clear()
        else:
            assert isinstance(stage.source, Values)
            works = 0
            self.accounts.unread += stage.dropped and not stage.source.read
            stage.source.read = True

        self.accounts.end(End.CANCELLED, works)
        self.accounts.dropped += works if stage.dropped else 0
        while stage.waiting:
            work = stage.waiting.popleft()
            work.dropped = stage.dropped
            self._end(work, End.CANCELLED)
