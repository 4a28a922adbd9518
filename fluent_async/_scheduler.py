"""Scheduler: decides what runs next. No thread, no clock, no code of the user's."""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from fluent_async._accounts import Accounts
from fluent_async._channel import PLENTY
from fluent_async._graph import Graph
from fluent_async._stage import Flow, Given, Limit, Slice, Stage, Values
from fluent_async._wait import Waiter
from fluent_async._work import Attempt, End, Occupant, Work

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fluent_async._accounts import PoolStats
    from fluent_async._channel import Channel, Stirrable
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
        self.limit = limit
        self.on_error: OnError = "finish"
        self.max_failures: int | None = None
        self.running = 0  # slots in use
        self.abandoned = 0  # of these, by attempts that nobody waits for
        self.waiters = 0  # threads that wait for the pool to be idle
        self.graph = Graph(pool)
        self.accounts = Accounts()
        self.occupants: dict[Occupant, None] = {}  # of slots, or of none while they wait
        self._again: deque[Work] = deque()  # due for their next attempt
        self._timers: list[tuple[float, int, Work]] = []  # a heap of those not yet due
        self._deadlines: list[tuple[float, int, Attempt]] = []  # a heap; some are stale
        self._tie = count()
        self._resuming: deque[Waiter] = deque()  # attempts that want their slot back
        self._limits: dict[tuple[int, int], tuple[object, Limit]] = {}

    # -- what there is to do -----------------------------------------------------------

    def add(self, stages: Iterable[Stage]) -> None:
        """Take in stages that `check` found good."""
        for stage in stages:
            stage.limits = self._limits_once(stage.steps or ())
            if isinstance(stage.source, Given):
                self.accounts.accepted += stage.source.ready()

        self.graph.add(stages)

    def idle(self) -> bool:
        """Say whether nothing is queued, running or waiting."""
        return not self.graph.awake

    def quiet(self) -> bool:
        """Say whether nothing runs, and nothing will unless somebody else acts."""
        waits = self._again or self._timers or self._resuming
        return self.running <= self.abandoned and not waits and not self.more(0.0)

    def cancel(self) -> None:
        """Drop what has not started or waits for a retry; tell what runs."""
        for stage in list(self.graph.awake):
            stage.dropped = True
            for slice_ in stage.slices:
                slice_.close()
                slice_.arm()

            self._drop(stage)

        waiting = [work for _, _, work in self._timers]
        self._timers.clear()
        waiting += self._again
        self._again.clear()
        for work in waiting:
            self._end(work, End.CANCELLED)

        for occupant in self.occupants:
            occupant.tell()

    def next_due(self) -> float | None:
        """Return when time alone changes something next: a retry or a deadline."""
        while self._deadlines and self._deadlines[0][2].deadline is None:
            heappop(self._deadlines)

        heaps = (self._timers, self._deadlines)
        return min((heap[0][0] for heap in heaps if heap), default=None)

    def stats(self, threads: int) -> PoolStats:
        """Return the accounts, as of now."""
        stages = self.graph.awake
        return self.accounts.stats(
            [slice_ for stage in stages for slice_ in stage.slices],
            running=self.running,
            abandoned=self.abandoned,
            retries=len(self._timers) + len(self._again),
            waiting=self.waiting + sum(len(stage.waiting) for stage in stages),
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
        if self.running >= self.limit:
            return None

        if patient:
            for stage in self.graph.awake:
                if stage.lease is not None and stage.lease.spared:
                    self._take_lease(stage)

        job = self._next(now)
        if job is not None:
            self.running += 1

        return job

    def more(self, now: float) -> bool:
        """Say whether one more thread would find something to do."""
        if self.running >= self.limit:
            return False

        if self._again or self._resuming or (self._timers and self._timers[0][0] <= now):
            return True

        return any(map(self._startable, self.graph.awake))

    def shared(self) -> bool:
        """Say whether a thread with patience would find something to do."""
        return self.running < self.limit and any(
            stage.lease is not None and not self._awaits(stage) and self._open(stage)
            for stage in self.graph.awake
        )

    def arm(self) -> None:
        """Stop slices whose outputs, or the room they make, would be work for others."""
        for stage in self.graph.awake:
            upstream = isinstance(stage.source, Flow) and stage.source.channel.maxsize
            downstream = any(channel.reader for channel in stage.channels)
            if upstream or downstream:
                for slice_ in stage.slices:
                    slice_.arm()

    def relieve(self) -> Channel[Any] | None:
        """Let a bound give way if nothing else can move and a thread waits for it.

        Returns:
            The channel that did, the fullest of those nobody reads: it takes one value
            more. None if none had to.
        """
        channels = {c: None for stage in self.graph.awake for c in stage.channels}
        waited = self.waiters or any(channel.watched for channel in channels)
        moves = self.running or self._again or self._timers or self._resuming
        if moves or not waited:
            return None

        full = [c for c in channels if c.maxsize and c.unread and self._full(c)]
        if not full:
            return None

        fullest = max(full, key=lambda channel: len(channel.values))
        fullest.give_way()
        return fullest

    def _next(self, now: float) -> Job | None:
        while self._timers and self._timers[0][0] <= now:
            self._again.append(heappop(self._timers)[2])

        if self._again:
            return self._attempt(self._again.popleft(), now)

        if self._resuming:
            return self._resuming.popleft()

        for stage in list(self.graph.awake):
            job = self._start(stage, now)
            if job is not None:
                return job

        return None

    def _startable(self, stage: Stage) -> bool:
        if stage.waiting:
            return self._fits(stage.waiting[0])

        return stage.lease is None and self._open(stage)

    def _awaits(self, stage: Stage) -> bool:
        """Whether the stage's lease is before its first pull, or in a pull."""
        lease = stage.lease
        assert lease is not None
        return lease.pulling or not lease.pulled

    def _open(self, stage: Stage) -> bool:
        return (
            stage.source.ready() > 0
            and self._allowed(stage.limits)
            and self._room(stage.channels) > 0
        )

    def _start(self, stage: Stage, now: float) -> Slice | Attempt | None:
        """Start the stage's next input, or a slice of them, if it can start."""
        if stage.dropped or stage.broken:
            self._drop(stage)
            self.graph.rest([stage])
            return None

        if stage.waiting:
            return self._start_waiting(stage, now)

        lease = stage.lease
        if lease is not None:
            if self._awaits(stage):
                lease.arm()
            else:
                lease.spared = True

            return None

        ready = stage.source.ready()
        if not ready or not self._allowed(stage.limits):
            return None

        size = min(ready, self._room(stage.channels), stage.longest(self.limit))
        if size <= 0:
            return None

        if stage.quick or isinstance(stage.source, Values):
            return self._slice(stage, size, now)

        if isinstance(stage.source, Flow):
            work = self._accept(stage, stage.source.channel.pop(self.pool))
            self.accounts.accepted += 1
        else:
            assert isinstance(stage.source, Given)
            work = self._accept(stage, stage.source.workers.popleft())

        return self._attempt(self._fit(work), now)

    def _start_waiting(self, stage: Stage, now: float) -> Attempt | None:
        if not self._fits(stage.waiting[0]):
            return None

        return self._attempt(self._fit(stage.waiting.popleft()), now)

    def _take_lease(self, stage: Stage) -> None:
        """Take the right to pull from a thread, unless it is pulling right now."""
        lease = stage.lease
        assert lease is not None
        lease.arm()
        if not self._awaits(stage) and not lease.closed_pulling():
            stage.budget = 1
            self.let_go(lease)

    def _slice(self, stage: Stage, size: int, now: float) -> Slice:
        slice_ = stage.lease = Slice(stage, size, now)
        stage.slices.append(slice_)
        for limit in stage.limits:
            limit.taken += 1

        for channel in stage.promising:
            slice_.outlet = channel.lease(size, self.pool, slice_)

        slice_.begin(stage.source.pull(slice_))
        if size == 1 and self.running + 1 < self.limit and self._allowed(stage.limits):
            slice_.arm()  # others could use the source: let go of it after the pull

        return slice_

    def _attempt(self, work: Work, now: float) -> Attempt:
        attempt = Attempt(work, now)
        self.occupants[attempt] = None
        self._begin(attempt, now)
        return attempt

    def _begin(self, attempt: Attempt, now: float) -> None:
        work = attempt.work
        self.accounts.attempts += 1
        work.tries += 1
        if work.began is None:
            work.began = now

        timeout = work.steps[work.todo[-1][0]].timeout
        if timeout is not None:
            self._expire_at(attempt, now + timeout)

    # -- what happened -----------------------------------------------------------------

    def let_go(self, slice_: Slice) -> None:
        """Note that a slice's thread pulls no more; it still works on what it has."""
        slice_.close()
        stage = slice_.stage
        if stage.lease is slice_:
            stage.lease = None
            stage.number = slice_.number + slice_.pulled

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
        for channel in work.channels:
            if channel not in stage.channels:
                self.graph.feed(stage, channel)

        if stage.dropped or stage.broken:
            self._end(work, End.CANCELLED)
        elif stage.waiting or not self._fits(work):
            stage.waiting.append(work)
        else:
            return self._attempt(self._fit(work), now)

        self.running -= 1
        return None

    def miss(self, slice_: Slice, work: Work, now: float) -> None:
        """Take an input out of a slice: it failed there, and is judged by the driver."""
        slice_.missed += 1
        work.stage.in_progress += 1
        self.accounts.attempts += 1
        self.accounts.accepted += not isinstance(work.stage.source, Given)
        work.tries = 1
        work.began = now
        self._fit(work)

    def settle(self, slice_: Slice, now: float) -> None:
        """Note that a slice is over, and what came of it."""
        stage = slice_.stage
        self.let_go(slice_)
        stage.pace(slice_, now)
        given = isinstance(stage.source, Given)
        late = self._leave(slice_)
        self.accounts.settle(slice_, accepted=given, late=late)
        self.running -= 1
        self.graph.rest([stage])

    def succeed(self, attempt: Attempt) -> None:
        """Note that an attempt did what was left of its work."""
        if self._stop(attempt, End.SUCCEEDED):
            self._end(attempt.work, End.SUCCEEDED)

    def drop(self, attempt: Attempt) -> None:
        """Note that an attempt ended because it was told to, or nobody wants more."""
        if self._stop(attempt, End.CANCELLED):
            self._end(attempt.work, End.CANCELLED)

    def stop(self, attempt: Attempt) -> bool:
        """Note that an attempt failed; say whether that is its end, to be judged."""
        return self._stop(attempt, End.FAILED)

    def retry(self, work: Work, due: float) -> None:
        """Keep a work until it is due for its next attempt."""
        if work.stage.dropped:
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
        self.accounts.fail(key, failure)
        failed = len(self.accounts.failures)
        if self.on_error == "cancel" or failed > (self.max_failures or failed):
            self.cancel()

    def expire(self, now: float) -> list[Attempt]:
        """Abandon the attempts that ran too long, and return them to be judged."""
        expired = []
        while self._deadlines and self._deadlines[0][0] <= now:
            deadline, _, attempt = heappop(self._deadlines)
            if attempt.deadline == deadline:
                attempt.end = End.TIMED_OUT
                attempt.deadline = None
                del self.occupants[attempt]
                attempt.tell()
                self.abandoned += 1
                expired.append(attempt)

        return expired

    def sit(self, slice_: Slice) -> Occupant:
        """Make the thread of a slice somebody who may wait, until `rise`."""
        self.let_go(slice_)
        slice_.arm()
        occupant = Occupant()
        occupant.told = slice_.stage.dropped
        self.occupants[occupant] = None
        return occupant

    def rise(self, occupant: Occupant) -> None:
        """Note that the thread of a slice has done with its wait."""
        del self.occupants[occupant]

    def lend(self, occupant: Occupant, now: float) -> None:
        """Give the slot of one that waits to others; its clock stands still."""
        occupant.lent = True
        self.running -= 1
        if occupant.deadline is not None:
            occupant.left = occupant.deadline - now
            occupant.deadline = None

    def reclaim(self, occupant: Occupant, now: float) -> Waiter | None:
        """Give the slot back: at once (None), or when the waiter is woken."""
        occupant.lent = False
        if occupant.left is not None and isinstance(occupant, Attempt):
            self._expire_at(occupant, now + occupant.left)
            occupant.left = None

        if self.running < self.limit and not self._resuming:
            self.running += 1
            return None

        waiter = Waiter()
        self._resuming.append(waiter)
        return waiter

    def resume(self, now: float) -> Waiter | None:
        """Give a free slot to one that wants its own back, if nothing is due before."""
        due = self._again or (self._timers and self._timers[0][0] <= now)
        if due or not self._resuming or self.running >= self.limit:
            return None

        self.running += 1
        return self._resuming.popleft()

    @property
    def waiting(self) -> int:
        """How many threads wait in a job, and use no slot."""
        lent = sum(occupant.lent for occupant in self.occupants)
        return lent + len(self._resuming)

    def claim(self, attempt: Attempt) -> bool:
        """Stop an attempt's clock: it has its outputs. False if it is over anyway."""
        attempt.deadline = attempt.left = None
        return attempt.end is None

    def proceed(self, attempt: Attempt, now: float) -> None:
        """Note that an attempt goes on with the next call of its work."""
        self._begin(attempt, now)

    # -- ends --------------------------------------------------------------------------

    def _stop(self, attempt: Attempt, end: End) -> bool:
        """Take an attempt off its slot; say whether this is what it ended with."""
        self.running -= 1
        attempt.deadline = None
        if attempt.end is not None:  # it timed out before
            self.abandoned -= 1
            return False

        attempt.end = end
        del self.occupants[attempt]
        return True

    def _end(self, work: Work, end: End) -> None:
        """End a work: its limits, room and turns are free, its stage may sleep."""
        self.accounts.end(end)
        self.accounts.dropped += end is End.CANCELLED and work.stage.dropped
        for limit in work.limits:
            limit.taken -= 1

        for channel in work.promised:
            channel.settle(1, self.pool)

        for channel, turn in work.turns:
            channel.end_turn(turn)

        work.stage.in_progress -= 1
        self.graph.rest([work.stage])

    def _leave(self, slice_: Slice) -> bool:
        """Take a slice out of its stage; say whether its last output came too late."""
        stage = slice_.stage
        stage.slices.remove(slice_)
        for limit in stage.limits:
            limit.taken -= 1

        late = [channel.end_lease(self.pool, slice_) for channel in stage.promising]
        if isinstance(stage.source, Flow):
            stage.source.channel.lent(slice_, self.pool)
        elif isinstance(stage.source, Values) and slice_.pulling:  # and it has stopped: exhausted
            stage.source.read = True

        return any(late)

    def _drop(self, stage: Stage) -> None:
        """Drop what a stage has not started."""
        works = stage.source.ready()
        if isinstance(stage.source, Flow):
            works = stage.source.channel.drop(self.pool)
            self.accounts.accepted += works
        elif isinstance(stage.source, Given):
            stage.source.workers.clear()
        elif isinstance(stage.source, Values):
            works = 0
            self.accounts.unread += stage.dropped and not stage.source.read
            stage.source.read = True

        self.accounts.end(End.CANCELLED, works)
        self.accounts.dropped += works if stage.dropped else 0
        while stage.waiting:
            self._end(stage.waiting.popleft(), End.CANCELLED)

    # -- room and limits ---------------------------------------------------------------

    def _accept(self, stage: Stage, value: Any) -> Work:
        """Make a work of an input that was taken."""
        stage.in_progress += 1
        return stage.work(value)

    def _fits(self, work: Work) -> bool:
        limits = self._limits_once(work.steps)
        return self._allowed(limits) and self._room(work.channels) > 0

    def _fit(self, work: Work) -> Work:
        """Keep a place in its limits for a work, and room for what it will send."""
        work.limits = self._limits_once(work.steps)
        for limit in work.limits:
            limit.taken += 1

        ordered = [channel for channel in work.channels if channel.turns is not None]
        work.turns = tuple((channel, channel.take_turn()) for channel in ordered)
        if work.plain:
            work.promised = tuple(c for c in work.channels if c.turns is None)
            for channel in work.promised:
                channel.promise(1, self.pool)

        return work

    def _limits_of(self, steps: Iterable[Any]) -> Iterator[Limit]:
        for step in steps:
            if step.limit is not None:
                new = step.origin, Limit(step.limit)
                yield self._limits.setdefault((id(step.origin), step.limit), new)[1]

    def _limits_once(self, steps: Iterable[Any]) -> tuple[Limit, ...]:
        return tuple(dict.fromkeys(self._limits_of(steps)))

    def _allowed(self, limits: Iterable[Limit]) -> bool:
        return all(limit.taken < limit.limit for limit in limits)

    def _room(self, channels: Iterable[Channel[Any]]) -> int:
        """How many more inputs the channels have room for the outputs of."""
        least = PLENTY
        for channel in channels:
            if channel.shut:
                continue

            room = self._room_in(channel)
            least = min(least, room)
            if room <= 0:
                channel.block(self.pool)

        return least

    def _room_in(self, channel: Channel[Any]) -> int:
        if channel.turns is None:
            return channel.room()

        return PLENTY if channel.window(self.limit) else 0

    def _full(self, channel: Channel[Any]) -> bool:
        return not channel.shut and (channel.awaited or self._room_in(channel) <= 0)

    def _expire_at(self, attempt: Attempt, deadline: float) -> None:
        attempt.deadline = deadline
        heappush(self._deadlines, (deadline, next(self._tie), attempt))
