"""Engine: drives a scheduler with threads. What a Pool is on the inside."""

from __future__ import annotations

import logging
import weakref
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from fluent_async import _clock, _simulator, _wait
from fluent_async._claims import claims
from fluent_async._exits import exits
from fluent_async._graph import check
from fluent_async._monitor import Monitor, after
from fluent_async._process import process
from fluent_async._report import log_untold
from fluent_async._retry import shown
from fluent_async._runner import Runner
from fluent_async._scheduler import Scheduler
from fluent_async._seat import Seat
from fluent_async._signals import undisturbed
from fluent_async._stage import PATIENCE_S
from fluent_async._threads import Threads
from fluent_async._wait import Waiter
from fluent_async._whereabouts import at_in_slice
from fluent_async._work import Attempt
from fluent_async.errors import PoolClosed, PoolStalled


if TYPE_CHECKING:
    from collections.abc import Callable

    from fluent_async._accounts import PoolStats
    from fluent_async._channel import Channel
    from fluent_async._outcome import Outcome
    from fluent_async._parties import Stirrable
    from fluent_async._retry import Policy
    from fluent_async._slice import Slice
    from fluent_async._stage import Stage

log = logging.getLogger("fluent_async")


class Bell:
    """How channels and stages reach a pool without keeping it alive."""

    __slots__ = ("_engine",)

    def __init__(self, engine: Engine) -> None:
        self._engine = weakref.ref(engine)

    def stir(self) -> None:
        """Have the pool look again."""
        engine = self._engine()
        if engine is not None:
            engine.stir()

    def cancel(self) -> None:
        """Drop what has not started; tell what runs."""
        engine = self._engine()
        if engine is not None:
            engine.cancel()

    def finish(self) -> None:
        """Wait until nothing runs, or will by itself."""
        engine = self._engine()
        if engine is not None:
            engine.finish()

    def abandon(self) -> None:
        """Wait for nothing any more, and log what still runs."""
        engine = self._engine()
        if engine is not None:
            engine.abandon()


class Engine:
    """Runs what a scheduler decides on threads that know the engine, not the Pool.

    Its threads alone keep it alive, and the Pool does. It is in no reference cycle.
    """

    def __init__(
        self,
        name: str,
        limit: int,
        policy: Policy,
        describe: Callable[[object], str],
    ) -> None:
        self.name = name
        self.monitor = Monitor(owned=True)
        self.bell: Stirrable = Bell(self)
        self.policy = policy  # for tasks without one
        self.describe = describe
        # Guarded by the monitor:
        self.scheduler, self.threads = self._parts(limit)
        self.closed = False
        self.released = False  # nobody has the Pool any more
        self._gone = 0  # calls of go()
        self._mark = process.mark
        self._waiting: dict[Waiter, Outcome | None] = {}  # for what; None: for all
        self._finishing: list[Waiter] = []  # for the pool to be quiet
        self._readers: list[Waiter] = []  # wait for outputs
        self._left: list[Outcome] = []  # nobody wants it, and it is not idle yet
        self._gave_way: weakref.WeakSet[Channel[Any]] = weakref.WeakSet()

    @property
    def foreign(self) -> bool:
        """Whether it is of the process that this one forked from."""
        return self._mark is not process.mark

    @property
    def started(self) -> bool:
        """Whether it was ever given work."""
        return self._gone > 0

    def _parts(self, limit: int) -> tuple[Scheduler, Threads]:
        """Return what decides here, and what runs the jobs."""
        simulator = _simulator.current()
        if simulator is not None:
            return simulator.equip(self, limit)

        serve = weakref.WeakMethod(self._serve)
        return Scheduler(self.bell, limit), Threads(self.monitor, serve, self.name)

    # -- for the Pool ------------------------------------------------------------------

    @property
    def outcome(self) -> Outcome:
        """What comes of all that the pool's `go()` was given."""
        return self.scheduler.outcome

    def go(
        self, make: Callable[[int], list[Stage]], outcome: Outcome | None = None
    ) -> None:
        """Take in the stages that `make` makes, as a whole or not at all.

        Args:
            make: called with the number of this call.
            outcome: what is to come of them; None is the pool's own.
        """
        self._refuse_closed()
        with self.monitor:
            self._gone += 1
            number = self._gone

        stages = make(number)
        check(stages)  # here, so that what is refused starts no thread
        claims.check(stages)
        if not len(self.threads):
            exits.watch(self)
            self.threads.start()

        context = copy_context()
        with self.monitor:
            self._refuse_closed()
            check(stages)  # and here, since another go() may have come in between
            claims.take(stages)  # the last that may refuse
            if outcome is None and self.outcome.idle:
                self.outcome.failures.clear()

            for stage in stages:
                stage.base = context

            self.scheduler.add(stages, outcome)
            self.react()

    def stir(self) -> None:
        """Look again: a channel around the pool changed."""
        self.monitor.do(self._stir)

    def cancel(self) -> None:
        """Drop what has not started; tell what runs."""
        self.monitor.do(self._cancel)

    def ends(self, outcome: Outcome) -> bool:
        """End work with an outcome of its own if it is idle; say whether it is."""
        with self.monitor:
            if outcome.idle:
                self.scheduler.finish(outcome)

            return outcome.idle

    def drop(self, outcome: Outcome) -> None:
        """Cancel what is left of such work, for good; never waits."""
        self.monitor.do(lambda: self._drop(outcome))

    def leave(self, outcome: Outcome) -> None:
        """Drop such work; what failed and nobody was shown is logged when none of it runs."""
        self.monitor.do(lambda: self._leave(outcome))

    def wait_for_output(self, waiter: Waiter) -> None:
        """Wait until `waiter` is woken, by an output or because there may be no more.

        Raises:
            PoolStalled: if every slot is held by an abandoned attempt.
        """
        with undisturbed:
            with self.monitor:
                stalled = self.scheduler.stalled(_clock.current().now())
                self._readers.append(waiter)

            try:
                if stalled:
                    raise self._stall()

                _wait.block(waiter)
            finally:
                with self.monitor:
                    self._readers.remove(waiter)

    def finish(self) -> None:
        """Wait until nothing runs, or will unless somebody outside the pool acts."""
        while True:
            waiter = Waiter()
            with undisturbed:
                with self.monitor:
                    if self.scheduler.quiet():
                        return

                    self._finishing.append(waiter)

                try:
                    _wait.block(waiter, shielded=True, elsewhere=True)
                finally:
                    with self.monitor:
                        self._finishing.remove(waiter)

    def abandon(self) -> None:
        """Wait for nothing any more, and log what still runs."""
        self.monitor.do(self._abandon)
        for told in self.abandoned():
            log.warning("%s: abandoned while it runs: %s", self.name, told)

    def wait(
        self,
        timeout: float | None,
        outcome: Outcome | None = None,
        *,
        shielded: bool = False,
    ) -> bool:
        """Wait until nothing is queued, running or waiting; say whether that is so.

        Args:
            timeout: seconds to wait; None is for ever.
            outcome: of the work that is waited for; None is all there is.
            shielded: see below.

        In a worker that is told to end the wait raises Cancelled, unless it is
        `shielded`: what the pool has accepted is waited for in any case then.

        Raises:
            PoolStalled: if every slot is held by an abandoned attempt.
        """
        left = _wait.remaining(timeout)
        thread = _wait.this_thread()
        while True:
            waiter = Waiter()
            with undisturbed:
                with self.monitor:
                    if (
                        self.scheduler.idle()
                        or self.scheduler.slots.left
                        or (outcome is not None and outcome.idle)
                    ):
                        return True

                    stalled = self.scheduler.stalled(_clock.current().now())
                    self._waiting[waiter] = outcome
                    self.scheduler.waiters += 1
                    _wait.waiting.append(thread)
                    self.react()

                try:
                    if stalled:
                        raise self._stall()

                    if not _wait.block(
                        waiter, left(), shielded=shielded, elsewhere=True
                    ):
                        return False
                finally:
                    with self.monitor:
                        del self._waiting[waiter]
                        self.scheduler.waiters -= 1
                        _wait.waiting.remove(thread)

    def close(self) -> None:
        """Refuse new work, wait for what there is, and end the threads.

        What can't run any more, since every slot is held by an abandoned attempt, is
        dropped.
        """
        self.closed = True
        try:
            self.wait(None, shielded=True)
        except PoolStalled:
            self.cancel()
            self.wait(None, shielded=True)

        self.end()

    def end(self) -> None:
        """End the threads, and wait for all but those that are abandoned."""
        self.closed = True
        with self.monitor:
            self.scheduler.graph.clear()
            self.threads.end()

        self.threads.join(lambda: self.scheduler.slots.abandoned)

    def release(self) -> None:
        """Note that nobody has the Pool any more: end once there is nothing to do."""
        if not self.foreign:
            self.monitor.do(self._release)

    def stats(self) -> PoolStats:
        """Return the accounts, as of now."""
        with self.monitor:
            return self.scheduler.stats(len(self.threads))

    def log_unfed(self) -> None:
        """Warn of the stages that wait for a drain which nobody ever fed."""
        with self.monitor:
            unfed = self.scheduler.graph.name_unfed()

        if unfed:
            told = ", ".join(
                f"{channel!r} >> {stage.label}" for channel, stage in unfed
            )
            log.warning("%s: nobody ever fed %s: %s", self.name, told, _UNFED)

    def abandoned(self) -> list[str]:
        """Name what runs and is waited for by nobody: task, input and thread."""
        if self.foreign:
            return []

        with self.monitor:
            slots = self.scheduler.slots
            attempts = [*slots.given_up]
            if slots.left:
                attempts += [o for o in slots.occupants if isinstance(o, Attempt)]

            left = slots.left

        told = [(a.task, a.work.input, a.thread) for a in attempts]
        for name, frame in self.threads.frames() if left else ():
            place = at_in_slice(frame)
            if place is not None:
                told.append((*place, name))

        return [
            f"{task}({shown(value, self.describe)}) on {thread}"
            for task, value, thread in told
        ]

    def _refuse_closed(self) -> None:
        if self.closed:
            raise PoolClosed(f"{self.name} is closed: make a new pool")

        if exits.begun:
            raise RuntimeError("no work can be given to a pool while Python exits")

    def _stall(self) -> PoolStalled:
        """Say by what every slot is held."""
        now = _clock.current().now()
        with self.monitor:
            held = list(self.scheduler.slots.given_up)

        told = [
            f"{attempt.task}({shown(attempt.work.input, self.describe)}) for "
            f"{now - attempt.started:.3g} s on {attempt.thread}"
            for attempt in held
        ]
        return PoolStalled(
            f"every slot of {self.name} is held by an attempt that is over its timeout "
            f"and still runs: {', '.join(told)}"
        )

    # -- the threads -------------------------------------------------------------------

    def _serve(self) -> None:
        """Take, run, report, until there is nothing left to do."""
        seat, runner = Seat(self, _wait.name_of_this_thread()), Runner(self)
        _wait.sit(seat)
        while (job := self._take()) is not None:
            runner.run(job, seat)
            del job  # not kept alive while this thread is parked

        del self  # exceptions that live on lead back to this frame

    def _take(self) -> Slice | Attempt | None:
        """Return the next job, parking until there is one; None to end the thread."""
        patient = False
        while True:
            with self.monitor:
                job = self._look(patient=patient) or self._look_again()
                if job is not None:
                    return job

                if self.threads.ending:
                    self.threads.leave()
                    return None

                due = self._due()
                patient = self._shares()
                waiter = self.threads.park(due, patient=patient)

            woken = waiter.wait_for(due, PATIENCE_S if patient else None)
            patient = patient and not woken
            with self.monitor:
                self.threads.unpark(waiter)

    def _shares(self) -> bool:
        """Whether a thread that parks must look, soon, after a lease by itself."""
        return not self.threads.patient and self.scheduler.shared()

    def _due(self) -> float | None:
        """When a thread that parks must look again by itself; None: others see to it."""
        due, kept = self.scheduler.next_due(), self.threads.kept_until
        return due if due is not None and (kept is None or due < kept) else None

    def _look(self, *, patient: bool = False) -> Slice | Attempt | None:
        """Decide what this thread does next; have another one look if there is more."""
        now = _clock.current().now()
        self.threads.found()
        for attempt in self.scheduler.slots.expire(now):
            Runner(self).expire(attempt)

        while isinstance(job := self.scheduler.next(now, patient=patient), Waiter):
            job.wake()

        if job is None:
            self._announce()
        else:
            self.react()

        return job

    def _look_again(self) -> Slice | Attempt | None:
        """Look once more before parking, and let bounds give way if that helps.

        Slices add outputs and take inputs without the monitor. They look at their alarm
        after they act, and this looks after it has armed them: one sees the other.
        """
        self.scheduler.leases.arm()
        job = self._look()
        while job is None and self._relieve():
            job = self._look()

        return job

    def react(self) -> None:
        """React to what changed: wake who waits for it, and a thread if one is needed.

        One is needed if it would find something to do, or if time needs watching.
        """
        self._announce()
        now = _clock.current().now()
        while (waiter := self.scheduler.resume(now)) is not None:
            waiter.wake()

        more = self.scheduler.more(now) or self._relieve()

        due, kept = self.scheduler.next_due(), self.threads.kept_until
        if due is not None and kept is not None and due < kept:
            self.threads.hurry()
        elif more or (due is not None and kept is None) or self._shares():
            spare = 0 if due is None else 1
            slots = self.scheduler.slots
            most = slots.limit + slots.waiting + spare
            self.threads.rouse(most)

    def _relieve(self) -> bool:
        drain = self.scheduler.relieve()
        if drain is None:
            return False

        if drain not in self._gave_way:
            self._gave_way.add(drain)
            after(lambda: log.warning("%s: %r gave way: %s", self.name, drain, _WHY))

        return True

    def _announce(self) -> None:
        """Wake who waits for what is idle now, or for the pool to be quiet."""
        if self._finishing or self._left:
            self._announce_rest()

        now = _clock.current().now()
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
            after(partial(log_untold, self, outcome))

    def _stir(self) -> None:
        self.scheduler.graph.refresh()
        self.react()

    def _cancel(self) -> None:
        self.scheduler.cancel()
        self._stir()

    def _drop(self, outcome: Outcome) -> None:
        self.scheduler.finish(outcome)
        self._stir()

    def _leave(self, outcome: Outcome) -> None:
        self._left.append(outcome)
        self._drop(outcome)

    def _abandon(self) -> None:
        self.closed = True
        self.scheduler.cancel()
        self.scheduler.slots.left = True
        for waiter in [*self._waiting, *self._finishing, *self._readers]:
            waiter.wake()

    def _release(self) -> None:
        self.released = True
        self.closed = True
        if self.scheduler.idle():
            after(partial(log_untold, self, self.outcome))
            self.scheduler.graph.clear()
            self.threads.end()


_UNFED = "drain work to it, or send it values"
_WHY = "it is full, nobody reads it, and nothing else could move"
