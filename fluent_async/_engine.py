"""Engine: drives a scheduler with threads. What a Pool is on the inside."""

from __future__ import annotations

import atexit
import logging
import weakref
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from fluent_async import _attempt, _clock, _wait
from fluent_async._attempt import Broken, Failed, Held, InputError, Performance
from fluent_async._graph import check
from fluent_async._monitor import Monitor, after
from fluent_async._retry import NO_RETRY, Failure, note
from fluent_async._scheduler import Scheduler
from fluent_async._stage import Slice, Stage
from fluent_async._threads import Threads
from fluent_async._wait import Waiter
from fluent_async._work import Attempt, Occupant
from fluent_async.errors import Cancelled, PoolClosed, TaskTimeout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fluent_async._accounts import PoolStats
    from fluent_async._channel import Channel
    from fluent_async._retry import Policy
    from fluent_async._step import Step
    from fluent_async._work import Work

PATIENCE_S = 0.001  # how long a thread that could share a lease leaves it alone

log = logging.getLogger("fluent_async")


class Seat:
    """The place of one thread in the engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.occupant: Occupant | None = None  # an attempt, or what waits for a slice
        self.slice: Slice | None = None

    @property
    def cancelled(self) -> bool:
        """Whether what runs here was told to end."""
        if self.occupant is not None:
            return self.occupant.told

        return self.slice is not None and self.slice.stage.dropped

    def wait(self, waiter: Waiter, timeout: float | None, *, lends: bool) -> bool:
        """Wait as an attempt does: see `_wait.block`."""
        if self.occupant is not None:
            return self.engine.wait_in(self.occupant, waiter, timeout, lends=lends)

        if self.slice is None:  # between two jobs: an iterable, a retry policy
            return waiter.wait(timeout)

        with self.engine.monitor:
            occupant = self.occupant = self.engine.scheduler.sit(self.slice)

        try:
            return self.engine.wait_in(occupant, waiter, timeout, lends=lends)
        finally:
            self.occupant = None
            with self.engine.monitor:
                self.engine.scheduler.rise(occupant)


class Engine:
    """Runs what a scheduler decides on threads that know the engine, not the Pool."""

    def __init__(
        self,
        name: str,
        limit: int,
        policy: Policy,
        describe: Callable[[object], str],
    ) -> None:
        self.name = name
        self.policy = policy
        self.describe = describe
        self.monitor = Monitor()
        # Guarded by the monitor:
        self.scheduler = Scheduler(self, limit)
        self.threads = Threads(self.monitor, self._serve, name)
        self.closed = False
        self.released = False  # nobody has the Pool any more
        self.fatal: BaseException | None = None  # to come out of wait()
        self._gone = 0  # calls of go()
        self._waiting: list[Waiter] = []
        self._gave_way: weakref.WeakSet[Channel[Any]] = weakref.WeakSet()

    @property
    def started(self) -> bool:
        """Whether it was ever given work."""
        return self._gone > 0

    # -- for the Pool ------------------------------------------------------------------

    def go(self, make: Callable[[int], list[Stage]]) -> None:
        """Take in the stages that `make` makes, as a whole or not at all."""
        self._refuse_closed()
        with self.monitor:
            self._gone += 1
            number = self._gone

        stages = make(number)
        check(stages)
        if not len(self.threads):
            _exits.engines.add(self)
            self.threads.start()

        context = copy_context()
        with self.monitor:
            self._refuse_closed()
            if self.scheduler.idle():
                self.log_untold()
                self.scheduler.accounts.failures.clear()

            for stage in stages:
                stage.base = context

            self.scheduler.add(stages)
            self._rouse()

    def stir(self) -> None:
        """Look again: a channel around the pool changed."""
        self.monitor.do(self._stir)

    def cancel(self) -> None:
        """Drop what has not started; tell what runs."""
        self.monitor.do(self._cancel)

    def wait(self, timeout: float | None) -> bool:
        """Wait until nothing is queued, running or waiting; say whether that is so."""
        left = _wait.remaining(timeout)
        while True:
            with self.monitor:
                if self.scheduler.idle():
                    return True

                waiter = Waiter()
                self._waiting.append(waiter)
                self.scheduler.waiters += 1
                self._rouse()

            try:
                if not _wait.block(waiter, left()):
                    return False
            finally:
                with self.monitor:
                    self._waiting.remove(waiter)
                    self.scheduler.waiters -= 1

    def close(self) -> None:
        """Refuse new work, wait for what there is, and end the threads."""
        self.closed = True
        self.wait(None)
        with self.monitor:
            self.scheduler.graph.clear()
            self.threads.end()

        self.threads.join(lambda: self.scheduler.abandoned)

    def finish(self) -> None:
        """Wait, at the exit of Python, until nothing runs or will by itself."""
        while True:
            with self.monitor:
                if self.scheduler.quiet():
                    return

                waiter = Waiter()
                self._waiting.append(waiter)

            waiter.wait()

    def release(self) -> None:
        """Note that nobody has the Pool any more: end once there is nothing to do."""
        self.monitor.do(self._release)

    def stats(self) -> PoolStats:
        """Return the accounts, as of now."""
        with self.monitor:
            return self.scheduler.stats(len(self.threads))

    def log_untold(self) -> None:
        """Log the failures that nobody was shown."""
        untold = self.scheduler.accounts.untold
        if self.scheduler.on_error != "keep":
            for _, failure in untold:
                log.warning("%s: nobody was shown %r", self.name, failure)

        untold.clear()

    def _refuse_closed(self) -> None:
        if self.closed:
            raise PoolClosed(f"{self.name} is closed: make a new pool")

        if _exits.begun:
            raise RuntimeError("no work can be given to a pool while Python exits")

    # -- the threads -------------------------------------------------------------------

    def _serve(self) -> None:
        """Take, run, report, until there is nothing left to do."""
        seat = Seat(self)
        _wait.sit(seat)
        while (job := self._take()) is not None:
            self._run(job, seat)
            del job  # not kept alive while this thread is parked

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
                patient = due is None and self._shares()
                waiter = self.threads.park(due, patient=patient)

            if patient:
                patient = not waiter.wait_briefly(PATIENCE_S)
            else:
                waiter.wait(_until(due))

            with self.monitor:
                self.threads.unpark(waiter)

    def _shares(self) -> bool:
        """Whether a thread that parks must look, soon, after a lease by itself."""
        return not self.threads.patient and self.scheduler.shared()

    def _due(self) -> float | None:
        """When a thread that parks must look again by itself."""
        kept = self.threads.kept_until is not None
        return None if kept else self.scheduler.next_due()

    def _look(self, *, patient: bool = False) -> Slice | Attempt | None:
        """Decide what this thread does next; have another one look if there is more."""
        now = _clock.current().now()
        self.threads.found()
        for attempt in self.scheduler.expire(now):
            self._expire(attempt, now)

        while isinstance(job := self.scheduler.next(now, patient=patient), Waiter):
            job.wake()

        if job is None:
            self._announce()
        else:
            self._rouse()

        return job

    def _look_again(self) -> Slice | Attempt | None:
        """Look once more before parking, and let bounds give way if that helps.

        Slices add outputs and take inputs without the monitor. They look at their alarm
        after they act, and this looks after it has armed them: one sees the other.
        """
        self.scheduler.arm()
        job = self._look()
        while job is None and self._relieve():
            job = self._look()

        return job

    def _rouse(self) -> None:
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
            most = self.scheduler.limit + self.scheduler.waiting + spare
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
        """Wake who waits for the pool to be idle, if it is."""
        if self.scheduler.idle() or (_exits.begun and self.scheduler.quiet()):
            for waiter in self._waiting:
                waiter.wake()

            if self.released:
                self._release()

    def _stir(self) -> None:
        self.scheduler.graph.refresh()
        self._rouse()

    def _cancel(self) -> None:
        self.scheduler.cancel()
        self._stir()

    def _release(self) -> None:
        self.released = True
        self.closed = True
        if self.scheduler.idle():
            self.log_untold()
            self.scheduler.graph.clear()
            self.threads.end()

    # -- jobs --------------------------------------------------------------------------

    def _run(self, job: Slice | Attempt, seat: Seat) -> None:
        if isinstance(job, Slice):
            attempt = self._run_slice(job, seat)
            if attempt is None:
                return

            job = attempt

        self._run_attempt(job, seat)

    def _run_slice(self, slice_: Slice, seat: Seat) -> Attempt | None:
        """Work through a slice; return the attempt that it became, if it did."""
        stage = slice_.stage
        seat.slice = slice_
        try:
            if not stage.quick:
                return self._pull_one(slice_)

            while (stop := _attempt.work_through(slice_, stage.base)) is not None:
                if isinstance(stop, Held):
                    self._let_go(slice_, stop.value)
                else:
                    self._missed(slice_, stop.value, stop.exception)
        except InputError as error:
            self._input_failed(slice_, error.__cause__)
        finally:
            seat.slice = None

        self._settle(slice_)
        return None

    def _pull_one(self, slice_: Slice) -> Attempt | None:
        """Pull one input; return its attempt, or None if it has to wait."""
        try:
            value = next(slice_.inputs, _NOTHING)
            if value is not _NOTHING:
                value = slice_.stage.finish(value)
        except BaseException as exc:
            raise InputError from exc

        if value is _NOTHING:
            self._settle(slice_)
            return None

        with self.monitor:
            return self.scheduler.begin(slice_, value, _clock.current().now())

    def _run_attempt(self, attempt: Attempt, seat: Seat) -> None:
        seat.occupant = attempt
        try:
            Performance(attempt, attempt.work.stage.base, self).run()
        except Failed as failed:
            self._report(attempt, failed=failed)
        except (Broken, Cancelled):
            self._report(attempt, dropped=True)
        except BaseException as exc:
            self._report(attempt, fatal=exc)
        else:
            self._report(attempt)
        finally:
            seat.occupant = None

    # -- reports -----------------------------------------------------------------------

    def _report(
        self,
        attempt: Attempt,
        *,
        failed: Failed | None = None,
        dropped: bool = False,
        fatal: BaseException | None = None,
    ) -> None:
        """Tell the scheduler how an attempt ended."""
        with self.monitor:
            if dropped:
                self.scheduler.drop(attempt)
            elif failed is None and fatal is None:
                self.scheduler.succeed(attempt)
            elif self.scheduler.stop(attempt):
                self._judged(attempt.work, failed, fatal)

    def _judged(
        self, work: Work, failed: Failed | None, fatal: BaseException | None = None
    ) -> None:
        """Act on the verdict on a work that failed; in the monitor."""
        if failed is None:
            self.scheduler.lose(work)
            self._die(fatal)
        elif failed.delay is None:
            self.scheduler.fail(work, failed.failure)
        else:
            self.scheduler.retry(work, _clock.current().now() + failed.delay)

    def _die(self, fatal: BaseException | None) -> None:
        if self.fatal is None:
            self.fatal = fatal

        self.scheduler.cancel()

    def _settle(self, slice_: Slice) -> None:
        with self.monitor:
            self.scheduler.settle(slice_, _clock.current().now())

    def _let_go(self, slice_: Slice, value: Any) -> None:
        """Let others use the source of a slice, and go on with what it pulled last."""
        with self.monitor:
            self.scheduler.let_go(slice_)
            slice_.again(value)
            self._rouse()

        slice_.started = _clock.current().now()  # threads may have been started above

    def _missed(self, slice_: Slice, value: Any, exc: BaseException) -> None:
        """Take an input out of a slice whose call raised."""
        with self.monitor:
            work = slice_.stage.work(value, slice_.last)
            self.scheduler.miss(slice_, work, slice_.started)

        failed = None
        if isinstance(exc, Exception):
            step = work.steps[0]
            failed = self.judge(step, work.input, 1, work.began, exc)

        with self.monitor:
            if isinstance(exc, Cancelled):
                self.scheduler.give_up(work)
            else:
                self._judged(work, failed, exc)

            self._rouse()

    def _input_failed(self, slice_: Slice, exc: BaseException | None) -> None:
        """Note that an iterable raised: a failure of its batch, not of an input."""
        stage = slice_.stage
        with self.monitor:
            if isinstance(exc, Exception):
                exc.__traceback__ = _attempt.own_frames_cut(exc)
                failure = Failure(stage.label, None, 1, 0.0, exc)
                self.scheduler.fail_input(slice_, failure)
            else:
                self._die(exc)

    def _expire(self, attempt: Attempt, now: float) -> None:
        """Judge, outside the monitor, an attempt that ran too long."""
        work = attempt.work
        step = work.steps[work.todo[-1][0]]
        log.warning(
            "%s: %s is over its timeout of %s s and abandoned: it keeps its slot",
            self.name,
            step.name,
            step.timeout,
        )
        exc = TaskTimeout(f"{step.name} ran longer than its timeout, {step.timeout} s")
        tries, began = work.tries, work.began

        def decide() -> None:
            failed = self.judge(step, work.input, tries, began, exc)
            with self.monitor:
                self._judged(work, failed)
                self._rouse()

        after(decide)

    # -- for attempts ------------------------------------------------------------------

    def policy_of(self, step: Step) -> Policy:
        """Return the policy that holds for a step in this pool."""
        if step.policy is not None:
            return step.policy

        return self.policy if step.retried_by_pool else NO_RETRY

    def judge(
        self,
        step: Step,
        value: object,
        tries: int,
        began: float | None,
        exc: Exception,
        *,
        final: bool = False,
    ) -> Failed:
        """Decide whether a call that raised is made again, and when."""
        exc.__traceback__ = _attempt.own_frames_cut(exc)
        now = _clock.current().now()
        failure = Failure(step.name, value, tries, now - (began or now), exc)
        delay = None if final else self.policy_of(step).decide(failure)
        if delay is None:
            note(failure, self.describe)
        else:
            log.info(
                "%s: attempt %d of %s failed (%s); the next is in %.3g s",
                self.name,
                tries,
                step.name,
                type(exc).__name__,
                delay,
            )

        return Failed(failure, delay)

    def claim(self, attempt: Attempt) -> None:
        """Stop the attempt's clock; raise Cancelled if it is over anyway."""
        with self.monitor:
            if not self.scheduler.claim(attempt):
                raise Cancelled

    def proceed(self, attempt: Attempt) -> None:
        """Note that the attempt goes on with the next call."""
        with self.monitor:
            self.scheduler.proceed(attempt, _clock.current().now())

    def wait_in(
        self, occupant: Occupant, waiter: Waiter, timeout: float | None, *, lends: bool
    ) -> bool:
        """Wait in a slot: lend it if `lends`, and hear when told to end."""
        with self.monitor:
            if occupant.told:
                raise Cancelled

            occupant.waiter = waiter
            if lends:
                self.scheduler.lend(occupant, _clock.current().now())
                self._rouse()

        try:
            woken = waiter.wait(timeout)
        finally:
            resume = None
            with self.monitor:
                occupant.waiter = None
                if lends:
                    now = _clock.current().now()
                    resume = self.scheduler.reclaim(occupant, now)

            if resume is not None:
                resume.wait()

        if occupant.told:
            raise Cancelled

        return woken


_NOTHING = object()
_WHY = "it is full, nobody reads it, and nothing else could move"


def _until(due: float | None) -> float | None:
    return None if due is None else max(0.0, due - _clock.current().now())


class _Exits:
    """What waits, at the exit of Python, for the pools that are still at work."""

    def __init__(self) -> None:
        self.begun = False
        self.engines: weakref.WeakSet[Engine] = weakref.WeakSet()

    def wait(self) -> None:
        """Wait until no pool runs anything; from now on none takes new work."""
        self.begun = True
        for engine in list(self.engines):
            engine.finish()


_exits = _Exits()
atexit.register(_exits.wait)
