"""Driver: has threads do what a scheduler decides."""

from __future__ import annotations

import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

from fluent_async import _clock, _log, _wait
from fluent_async._monitor import Monitor, outside
from fluent_async._report import log_untold
from fluent_async._runner import Runner
from fluent_async._scheduler import Scheduler
from fluent_async._seat import Seat
from fluent_async._stage import PATIENCE_S
from fluent_async._threads import Threads
from fluent_async._wait import Waiter
from fluent_async._work import Attempt


if TYPE_CHECKING:
    from collections.abc import Callable

    from fluent_async._bell import Bell
    from fluent_async._channel import Channel
    from fluent_async._desk import Shift
    from fluent_async._manner import Wakeable
    from fluent_async._outcome import Outcome
    from fluent_async._retry import Policy
    from fluent_async._slice import Slice


class Driver:
    """Threads that take jobs from a scheduler, do them, and tell how they ended.

    They know the driver, not the Pool. Strictly private to the engine that it is.
    """

    bell: Bell
    scheduler: Scheduler  # guarded by the monitor, as its threads are
    threads: Threads

    def __init__(
        self,
        name: str,
        policy: Policy,
        describe: Callable[[object], str],
        prepare: Callable[[], bool] | None,
    ) -> None:
        self.name = name
        self.policy = policy  # for tasks without one
        self.describe = describe
        self.monitor = Monitor(owned=True)
        self._prepare = prepare
        # Guarded by the monitor:
        self.closed = False
        self.released = False  # nobody has the Pool any more
        self._waiting: dict[Wakeable, Outcome | None] = {}  # for what; None: for all
        self._finishing: list[Wakeable] = []  # for the pool to be quiet
        self._readers: list[Wakeable] = []  # wait for outputs
        self._left: list[Outcome] = []  # nobody wants it, and it is not idle yet
        self._gave_way: weakref.WeakSet[Channel[Any]] = weakref.WeakSet()

    @property
    def outcome(self) -> Outcome:
        """What comes of all that the pool's `go()` was given."""
        return self.scheduler.outcome

    def _serve(self) -> None:
        """Take, run, report, until there is nothing left to do."""
        seat, runner = Seat(self, _wait.name_of_this_thread()), Runner(self)
        _wait.sit(seat)
        roused = self._prepare is None
        if self._prepare is not None and not self._get_ready(self._prepare):
            return

        while (job := self._take(roused=roused)) is not None:
            runner.run(job, seat)
            roused = False
            del job  # not kept alive while this thread is parked

        del self  # exceptions that live on lead back to this frame

    def _get_ready(self, prepare: Callable[[], bool]) -> bool:
        """Prepare this thread, which may take long: others may look for work meanwhile."""
        with self.monitor:
            self.threads.found()

        ready = prepare()
        if not ready:
            with self.monitor:
                self.threads.leave()

        return ready

    def _take(self, *, roused: bool) -> Slice | Attempt | Shift | None:
        """Return the next job, parking until there is one; None to end the thread.

        Args:
            roused: whether this thread is new, or woke up to look for work.
        """
        patient = False
        while True:
            with self.monitor:
                if roused:
                    self.threads.found()

                if self.expire():
                    roused = False
                    continue  # it is judged before this thread has a job

                job = self._look(patient=patient) or self._look_again()
                if job is not None:
                    return job

                due = None if self.threads.ending else self._due()
                patient = not self.threads.ending and self._shares(stays=roused)
                if due is None and not patient and self.threads.dispensable:
                    self.threads.leave()
                    return None

                waiter = self.threads.park(due, patient=patient)

            woken = waiter.wait_for(due, PATIENCE_S if patient else None)
            patient = patient and not woken
            with self.monitor:
                roused = self.threads.unpark(waiter)

    def expire(self) -> bool:
        """Give up attempts that are over their timeout; say whether there are any.

        They are judged when this thread has left the monitor. That is code of the user's,
        which may take long or wait: others look for jobs meanwhile.
        """
        expired = self.scheduler.slots.expire(_clock.current().now())
        for attempt in expired:
            Runner(self).expire(attempt)

        if expired:
            self.react()

        return bool(expired)

    def _shares(self, *, stays: bool = False) -> bool:
        """Whether a thread that parks must look, soon, after a lease by itself.

        Args:
            stays: whether it does so for once if there is none now: who was roused for one
                that is over had better be there for the next.
        """
        if self.threads.patient:
            return False

        return self.scheduler.shared() or (stays and self.scheduler.leases.may_come)

    def _due(self) -> float | None:
        """When a thread that parks must look again by itself; None: others see to it."""
        due, kept = self.scheduler.next_due(), self.threads.kept_until
        return due if due is not None and (kept is None or due < kept) else None

    def _look(self, *, patient: bool = False) -> Slice | Attempt | Shift | None:
        """Decide what this thread does next; have another one look if there is more."""
        now = _clock.current().now()
        while isinstance(job := self.scheduler.next(now, patient=patient), Waiter):
            job.wake()

        if job is None:
            self._announce(now)
        else:
            self.react(now)

        return job

    def _look_again(self) -> Slice | Attempt | Shift | None:
        """Look once more before parking, and let bounds give way if that helps.

        Slices add outputs and take inputs without the monitor. They look at their alarm
        after they act, and this looks after it has armed them: one sees the other.
        """
        job = self._look() if self.scheduler.leases.arm() else None
        while job is None and self._relieve():
            job = self._look()

        return job

    def react(self, now: float | None = None) -> None:
        """React to what changed: wake who waits for it, and a thread if one is needed.

        One is needed if it would find something to do, or if time needs watching.

        Args:
            now: the time, if it was asked for already.
        """
        now = _clock.current().now() if now is None else now
        self._announce(now)
        slots, desk = self.scheduler.slots, self.scheduler.desk
        while slots.resuming and (waiter := self.scheduler.resume(now)) is not None:
            waiter.wake()

        if desk.backlog:  # whoever handed a call in was interrupted before it rang
            desk.call_up()

        more = self.scheduler.more(now) or self._relieve()

        due, kept = self.scheduler.next_due(), self.threads.kept_until
        if due is not None and kept is not None and due < kept:
            self.threads.hurry()
        elif more or (due is not None and kept is None) or self._shares():
            spare = 0 if due is None else 1
            most = slots.limit + slots.waiting + slots.away + spare
            calls = min(len(desk.backlog), slots.limit - slots.running)
            if not self.threads.rouse(most, max(1, calls)):
                slots.spare()  # then a thread that stands by for calls looks

    def _relieve(self) -> bool:
        drain = self.scheduler.relieve()
        if drain is None:
            return False

        if drain not in self._gave_way:
            self._gave_way.add(drain)
            told = repr(drain)
            outside(lambda: _log.warning(_GAVE_WAY, told, pool=self.name))

        return True

    def _announce(self, now: float) -> None:
        """Wake who waits for what is idle now, or for the pool to be quiet."""
        if self._finishing or self._left:
            self._announce_rest()

        if self._waiting or self._readers or self.released:
            self._announce_end(now)

    def _announce_end(self, now: float) -> None:
        """Wake who waits for what is idle, or may never be; end a pool that nobody has."""
        stalled = self.scheduler.stalled(now)
        stands = self.scheduler.idle() or stalled
        for waiter in self._readers if stalled else ():
            waiter.wake()

        for waiter, outcome in self._waiting.items():
            if stands or (outcome is not None and outcome.idle):
                waiter.wake()

        if stands and self.released:
            self._release()

    def _announce_rest(self) -> None:
        """Wake who waits for the pool to be quiet; log what nobody wants and is idle."""
        for waiter in self._finishing if self.scheduler.quiet() else ():
            waiter.wake()

        for outcome in [left for left in self._left if left.idle]:
            self._left.remove(outcome)
            outside(partial(log_untold, self, outcome))

    def _release(self) -> None:
        self.released = True
        self.closed = True
        self.scheduler.ending = True
        if self.scheduler.idle():
            outside(partial(log_untold, self, self.outcome))
            self._end()

    def _end(self) -> None:
        """Let the threads end, since there is nothing to do and never will be."""
        self.scheduler.graph.clear()
        self.scheduler.ending = True
        self.scheduler.desk.close()
        self.threads.end()


_GAVE_WAY = "%s gave way: it is full, nobody reads it, and nothing else could move"
