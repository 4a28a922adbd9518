"""Scheduler: decides what runs next. No thread, no clock, no code of the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from fluent_async._accounts import Accounts
from fluent_async._admission import Admission
from fluent_async._agenda import Agenda
from fluent_async._course import Course
from fluent_async._desk import Shift
from fluent_async._graph import Graph
from fluent_async._leases import Leases
from fluent_async._monitor import after
from fluent_async._outcome import Outcome
from fluent_async._relief import Relief
from fluent_async._slice import Slice
from fluent_async._slots import Slots
from fluent_async._sources import Flow, Given, Values
from fluent_async._stage import Stage
from fluent_async._wait import Waiter, remaining
from fluent_async._work import Attempt, End, Occupant, Work
from fluent_async.errors import DrainClosed


if TYPE_CHECKING:
    from collections.abc import Iterable

    from fluent_async._accounts import PoolStats
    from fluent_async._channel import Channel
    from fluent_async._parties import Stirrable
    from fluent_async._retry import Failure

Job: TypeAlias = Slice | Attempt | Shift | Waiter


class Scheduler:
    """What a pool has to do, and what may happen next in it.

    A driver owns it, asks `next` what to run, and tells it what happened, all in the
    driver's monitor. It can as well be driven step by step, with any notion of time.

    Invariants:
        1. 0 <= running; and running <= limit wherever a job is given out.
        2. A work is in exactly one place: waiting in its stage, in the `agenda` for its
           next attempt, among the `occupants`, or with the driver, which judges its
           failure.
        3. A stage is awake while a work of it is in one of those places.
        4. accepted = succeeded + failed + cancelled + in progress, at any time.
    """

    def __init__(self, pool: Stirrable, limit: int) -> None:
        self.pool = pool
        self.ending = False  # once there is nothing to do, the threads are to end
        self.waiters = 0  # threads that wait for the pool to be idle
        self.finishers = 0  # threads that wait for it to be quiet
        self.graph = Graph(pool)
        self.accounts = Accounts()
        self.outcome = Outcome()  # of what is given to the pool's go()
        self.slots = Slots(limit)
        self.desk = self.slots.desk  # where calls are handed in
        self.admission = Admission(pool, self.slots)
        self.agenda = Agenda()
        self.leases = Leases(pool, self.graph, self.slots, self.admission, self.agenda)
        self._relief = Relief(pool, self.graph, self.slots, self.admission)
        self._calls_next = False  # whose turn it is, if there are calls and inputs

    def allow(self, limit: int) -> None:
        """Let so many attempts run at any instant, before any does."""
        self.slots.limit = limit

    # -- what there is to do -----------------------------------------------------------

    def add(self, stages: Iterable[Stage], outcome: Outcome | None = None) -> None:
        """Take in stages that `check` found good.

        Args:
            stages: new ones.
            outcome: theirs; None is the pool's.
        """
        for stage in stages:
            stage.outcome = outcome or self.outcome
            stage.limits = self.admission.limits_of(stage.steps or ())
            if isinstance(stage.source, Given):
                self.accounts.accepted += stage.source.ready()

        self.graph.add(stages)

    def idle(self) -> bool:
        """Say whether nothing is queued, running or waiting."""
        return not self.graph.awake and not self.desk.busy

    def quiet(self) -> bool:
        """Say whether nothing runs, and nothing will unless somebody else acts."""
        if self.slots.left:
            return True

        waits = len(self.agenda) or self.slots.resuming
        return (
            self.slots.used <= self.slots.abandoned
            and not waits
            and not any(occupant.told for occupant in self.slots.occupants)
            and not self.more(0.0)
        )

    def cancel(self, outcome: Outcome | None = None) -> None:
        """Drop what has not started or waits for a retry; tell what runs.

        Args:
            outcome: of what is cancelled; None is all there is.
        """
        stages = self._stages(outcome)
        for stage in stages:
            stage.dropped = True
            for slice_ in stage.slices:
                slice_.told = True
                slice_.arm()

            self._drop(stage)

        for work in self.agenda.drop(stages):
            work.dropped = True
            self._end(work, End.CANCELLED)

        self.slots.tell(stages)
        if outcome is None:
            self.slots.tell_shifts()
            for call in self.desk.clear():
                after(call.drop)

    def abandon(self) -> None:
        """Drop what has not started; nobody waits for what runs, nor for its outputs."""
        self.cancel()
        for stage in self.graph.awake:
            stage.outcome.dropped += len(stage.slices)

        for occupant in self.slots.occupants:
            if isinstance(occupant, Attempt) and not occupant.over:
                occupant.work.stage.outcome.dropped += 1

        self.slots.left = True
        self.graph.abandon()

    def finish(self, outcome: Outcome) -> None:
        """Drop what is left of work with an outcome of its own, for good."""
        self.cancel(outcome)
        self.graph.clear(outcome)

    def next_due(self) -> float | None:
        """Return when time alone changes something next: a retry or a deadline."""
        slots, due = self.slots, self.slots.next_deadline
        if self.agenda.timers and slots.free:  # else whoever frees one looks at those
            due = _earlier(due, self.agenda.next_due)

        if slots.given_up and not self.idle():
            due = _earlier(due, slots.stalls_at)

        return due

    def stalled(self, now: float) -> bool:
        """Say whether there is work, and nothing it can run on any more."""
        if not self.slots.given_up:  # most of the time
            return False

        stalls_at = self.slots.stalls_at
        return stalls_at is not None and stalls_at <= now and not self.idle()

    def stats(self, threads: int) -> PoolStats:
        """Return the accounts, as of now."""
        stages = self.graph.awake
        return self.accounts.stats(
            dict.fromkeys(slice_ for stage in stages for slice_ in stage.slices),
            running=self.slots.used,
            abandoned=self.slots.abandoned,
            retries=len(self.agenda),
            waiting=self.slots.waiting + sum(len(stage.waiting) for stage in stages),
            threads=threads,
            calls=self.desk.counts(),
        )

    # -- what runs next ----------------------------------------------------------------

    def next(self, now: float, *, patient: bool) -> Job | None:
        """Decide what one thread does next, and give it a slot for that.

        What is due comes first, then attempts that want their slot back (the waiter is
        theirs: wake it, and the slot is theirs too), then new inputs, of the most
        downstream stage first. A thread that has been `patient` since it last asked
        takes leases, and the room they keep, away from threads that are still at them.
        """
        if not self._slot(now):
            return None

        if patient:
            self.leases.take_spared(now)
            self.leases.take_room()

        job = self._next(now, patient=patient)
        if job is not None:
            self.slots.running += 1

        return job

    def more(self, now: float) -> bool:
        """Say whether one more thread would find something to do."""
        if not self.slots.free:
            return False

        if (
            self.slots.resuming
            or self.desk.backlog
            or (len(self.agenda) and self.agenda.is_due(lambda: now))
        ):
            return True

        return any(map(self._startable, self.graph.awake))

    def shared(self) -> bool:
        """Say whether a thread with patience would find something to do.

        It would if it could share a lease, or use the room that the holder of one makes.
        """
        return self.slots.free and any(map(self.leases.shareable, self.graph.awake))

    def relieve(self) -> Channel[Any] | None:
        """Let a bound give way if nothing else can move and a thread waits for it."""
        if len(self.agenda) or self._relief.moves:
            return None

        held = self._relief.find(waited=self.waiters > 0)
        if held is None:
            self._relief.refuse_circle(waited=self.waiters > 0)
            return None

        if self.more(0.0):  # a reader made room meanwhile, and stirs
            return None

        held.give_way()
        return held

    # What a shift asks from its thread, outside the monitor. It reads what others may be
    # about to change; they look for shifts that stand by after that.

    def wants_thread(self) -> bool:
        """Say whether a shift is over if no call waits, instead of standing by."""
        waited = self.ending or self.waiters or self.finishers
        return bool(waited or self.slots.resuming or self.graph.awake)

    def wants_slot(self) -> bool:
        """Say whether a shift is over after the call it is at, though others wait."""
        # A stage is awake as well while a retry of it waits.
        return bool(self.slots.resuming or self.graph.awake)

    def _slot(self, now: float) -> bool:
        """Say whether a slot can be given out; a shift that stands by ends for one."""
        if self.slots.running < self.slots.limit:
            return True

        return self.more(now) and self.slots.spare()

    def _next(self, now: float, *, patient: bool) -> Job | None:
        self.agenda.see(now)
        if self.agenda.again:
            return self._attempt(self.agenda.again.popleft(), now)

        if self.slots.resuming:
            return self.slots.resuming.popleft()

        if self._calls_next:
            return self._start_shift() or self._start_any(now, patient=patient)

        return self._start_any(now, patient=patient) or self._start_shift()

    def _start_any(self, now: float, *, patient: bool) -> Job | None:
        """Start the next input of any stage."""
        self.graph.sort()
        for stage in list(self.graph.awake):
            job = self._start(stage, now, patient=patient)
            if job is not None:
                self._calls_next = True
                return job

        return None

    def _start_shift(self) -> Job | None:
        """Start a shift if a call waits at the desk."""
        shift = self.desk.begin()
        if shift is not None:
            self._calls_next = False

        return shift

    def _startable(self, stage: Stage) -> bool:
        if stage.waiting:
            return self.admission.fits(stage.waiting[0])

        lies_idle = stage.lease is None and not self.leases.held_back(stage)
        return lies_idle and self.admission.open(stage)

    def _start(
        self, stage: Stage, now: float, *, patient: bool
    ) -> Slice | Attempt | None:
        """Start the stage's next input, or a slice of them, if it can start."""
        if stage.dropped or stage.broken:
            self._drop(stage)
            self.graph.rest([stage])
            return None

        if stage.waiting:
            return self._start_waiting(stage, now)

        if stage.lease is not None:
            self.leases.spare(stage, now)

        if stage.lease is None and (patient or not self.leases.held_back(stage)):
            return self._start_new(stage, now)

        return None

    def _start_new(self, stage: Stage, now: float) -> Slice | Attempt | None:
        stages, size = self.leases.stretch(stage)
        if size <= 0:
            return None

        if stage.quick or isinstance(stage.source, Values):
            return self.leases.begin(stages, size, now)

        stage.waiting.append(self._take(stage))
        return self._start_waiting(stage, now)

    def _take(self, stage: Stage) -> Work:
        """Take the next input of a stage for which that calls no code of the user's."""
        if isinstance(stage.source, Flow):
            self.accounts.accepted += 1
            return self._accept(stage, stage.source.channel.pop(self.pool))

        assert isinstance(stage.source, Given)
        return self._accept(stage, stage.source.workers.popleft())

    def _start_waiting(self, stage: Stage, now: float) -> Attempt | None:
        work = stage.waiting[0]
        if not self.admission.fits(work) or not self.admission.keep(work):
            return None

        stage.waiting.popleft()
        return self._attempt(work, now)

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

    def begin(self, slice_: Slice, value: Any, now: float) -> Attempt | None:
        """Turn the one input that a slice pulled into an attempt, in the same slot.

        Returns:
            The attempt, or None if it must wait, which gives the slot back.
        """
        stage = slice_.stage
        work = self._accept(stage, value)
        self.accounts.accepted += 1
        self.leases.leave(slice_)
        fed = all(self.graph.feed(stage, channel) for channel in work.channels)
        unwanted = work.channels and all(channel.shut for channel in work.channels)
        work.dropped = slice_.told
        if slice_.told or unwanted or not fed:
            self._end(work, End.CANCELLED)
        elif self._waits_first(work):
            stage.waiting.append(work)
        else:
            return self._attempt(work, now)

        self.slots.running -= 1
        return None

    def _waits_first(self, work: Work) -> bool:
        """Say whether an input that was pulled can't start now; else keep room for it."""
        return bool(work.stage.waiting) or not (
            self.admission.fits(work) and self.admission.keep(work)
        )

    def miss(self, slice_: Slice, index: int, value: Any, now: float) -> Work:
        """Take an input out of a slice: it failed there, and is judged by the driver.

        Args:
            slice_: which is over then, if it goes through several stages.
            index: which of its stages that was in.
            value: the input.
            now: when it was taken.
        """
        stage = slice_.stages[index]
        if isinstance(slice_, Course) or stage.ordered:
            self.leases.let_go(slice_)

        work = stage.work(value, slice_.last_in(stage))
        slice_.miss(index)
        stage.in_progress += 1
        self.accounts.attempts += 1
        self.accounts.accepted += not stage.given
        work.tries = 1
        work.began = now
        work.dropped = slice_.told
        slice_.given += stage.ordered
        # The slice kept room for it, and it has a turn.
        self.admission.keep(work, forced=True, turn=slice_.last_turn)
        if any(limit.taken > limit.limit for limit in work.limits):
            slice_.arm()  # its place is the failed input's, which may wait for a retry
            self.leases.let_go(slice_)

        return work

    def hand_on(self, slice_: Course, index: int, value: Any) -> bool:
        """Note that an input of a course is before the stage of that index, which stops.

        Returns:
            Whether its thread is to go on with it there: the course has a place in that
            stage alone. Else the input was left in the drain before that, or dropped.
        """
        if slice_.only is None and slice_.shown != slice_.place:
            # The call before is over: that is where to part it from the other stages, so
            # that it ends its work in a stage it has a place in. That is the next one if
            # it was shown to be there.
            slice_.at = max(0, index - 1)

        self.leases.let_go(slice_)
        slice_.armed = False
        if slice_.only == index:
            return not self.drop_pulled(slice_, index)

        slice_.cut(index)
        try:
            slice_.stages[index - 1].channels[0].put(
                value, remaining(None), promised=True
            )
        except DrainClosed:
            slice_.late += 1

        return False

    def drop_pulled(self, slice_: Slice, index: int = 0) -> bool:
        """Drop an input that a slice has pulled and not started, if it was told to end."""
        drops = slice_.told and slice_.shown != slice_.place
        if drops:
            stage = slice_.stages[index]
            slice_.miss(index)
            self.accounts.accepted += not stage.given
            self.accounts.end(End.CANCELLED)
            stage.outcome.drop(1)

        return drops

    def settle(self, slice_: Slice, now: float) -> None:
        """Note that a slice is over, and what came of it."""
        self.leases.leave(slice_)
        for stage in slice_.stages:
            stage.pace(slice_, now)

        self.accounts.settle(slice_)
        self.slots.running -= 1
        self.graph.rest(slice_.held)

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
            self.agenda.add(work, due)

    def give_up(self, work: Work) -> None:
        """Note that a work was told to end, and did."""
        self._end(work, End.CANCELLED)

    def lose(self, work: Work, fatal: BaseException | None) -> None:
        """Note that a work failed in a way that ends all others too."""
        outcome = work.stage.outcome
        self._end(work, End.FAILED)
        self.die(outcome, fatal)

    def fail_input(self, slice_: Slice, failure: Failure) -> None:
        """Note that an iterable raised instead of handing over an input."""
        stage = slice_.stage
        key = (*stage.key, slice_.next_number)
        self._fail(stage.outcome, key, failure)

    def fail(
        self, work: Work, failure: Failure, fatal: BaseException | None = None
    ) -> None:
        """Note that a work failed for good, and what came of judging that if it counts."""
        outcome = work.stage.outcome
        self._end(work, End.FAILED)
        self._fail(outcome, work.key, failure)
        if fatal is not None:
            self.die(outcome, fatal)

    def die(self, outcome: Outcome, fatal: BaseException | None) -> None:
        """Note that a task, or an iterable, raised what is no Exception."""
        outcome.die(fatal)
        self.cancel(outcome if outcome.own else None)

    def _fail(self, outcome: Outcome, key: tuple[int, ...], failure: Failure) -> None:
        outcome.fail(key, failure)
        if outcome.enough:
            self.cancel(outcome)

    def resume(self, now: float) -> Waiter | None:
        """Give a free slot to one that wants its own back, if nothing is due before."""
        slots = self.slots
        if not slots.resuming or self.agenda.is_due(lambda: now) or not slots.spare():
            return None

        slots.running += 1
        return slots.resuming.popleft()

    def sit(self, job: Slice | Shift) -> Occupant:
        """Make the thread of a slice or shift somebody who may wait."""
        if isinstance(job, Slice):
            job.arm()
            if job.pulling:  # it is the iterable that waits
                self.leases.uncouple(job)
            else:
                self.leases.let_go(job)

        return self.slots.sit(job)

    def proceed(self, attempt: Attempt, now: float) -> None:
        """Note that an attempt goes on with the next call of its work."""
        self._begin(attempt, now)

    # -- ends --------------------------------------------------------------------------

    def _end(self, work: Work, end: End) -> None:
        """End a work: its limits, room and turns are free, its stage may sleep."""
        self.accounts.end(end)
        outcome = work.stage.outcome
        if end is End.CANCELLED and work.dropped and not self.slots.left:
            outcome.drop(1)

        if outcome.own:
            outcome.end(end)

        self.admission.free(work)
        work.stage.in_progress -= 1
        self.graph.rest([work.stage])

    def _accept(self, stage: Stage, value: Any) -> Work:
        """Make a work of an input that was taken."""
        stage.in_progress += 1
        return stage.work(value)

    def _drop(self, stage: Stage) -> None:
        """Drop what a stage has not started."""
        for slice_ in stage.slices:  # else its thread would take what is gone
            slice_.close()

        works, sources = self._cut_source(stage)
        self.accounts.end(End.CANCELLED, works)
        if stage.dropped:
            stage.outcome.drop(works, sources)

        if works and stage.outcome.own:
            stage.outcome.end(End.CANCELLED)

        while stage.waiting:
            work = stage.waiting.popleft()
            work.dropped = stage.dropped
            self._end(work, End.CANCELLED)

    def _cut_source(self, stage: Stage) -> tuple[int, int]:
        """Take nothing more from a source.

        Returns:
            How many inputs that drops, and sources it leaves unread.
        """
        works = stage.source.ready()
        if isinstance(stage.source, Given):
            stage.source.workers.clear()
            return works, 0

        unread = not stage.source.over()
        if isinstance(stage.source, Values):
            stage.source.read = True
            return 0, int(unread)

        assert isinstance(stage.source, Flow)
        if stage.outcome.own:  # others may want what it has not taken
            stage.source.cut_off()
            return 0, int(unread)

        works = stage.source.channel.drop(self.pool)
        self.accounts.accepted += works
        return works, 0

    def _stages(self, outcome: Outcome | None) -> dict[Stage, None]:
        stages = self.graph.awake
        return {s: None for s in stages if outcome is None or s.outcome is outcome}


def _earlier(one: float | None, other: float | None) -> float | None:
    """Return the earlier time; None is never."""
    if one is None or other is None:
        return other if one is None else one

    return min(one, other)
