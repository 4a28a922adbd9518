"""Runner: does a job on a thread, judges what fails, and reports what came of it."""

from __future__ import annotations

import weakref
from contextvars import Context
from typing import TYPE_CHECKING, Any

from fluent_async import _clock, _log
from fluent_async._attempt import (
    Broken,
    Failed,
    Performance,
    failure_of,
    own_frames_cut,
)
from fluent_async._desk import Shift
from fluent_async._graph import check_channels
from fluent_async._loop import Held, InputError, Passing, Raised, go_on, work_through
from fluent_async._monitor import outside
from fluent_async._pour import BURST, NOTHING, Opened, Pour, cut_short, pour_through
from fluent_async._retried import log_retry
from fluent_async._retry import NO_RETRY, Failure, note
from fluent_async._slice import Slice
from fluent_async._stage import channels_of, drains_of
from fluent_async._wait import remaining
from fluent_async.errors import Cancelled, DrainClosed, TaskTimeout


if TYPE_CHECKING:
    from fluent_async._retry import Policy
    from fluent_async._seat import Core, Seat
    from fluent_async._stage import Stage
    from fluent_async._step import Step
    from fluent_async._work import Attempt, Work

_NOTHING = object()


class Runner:
    """Does the jobs of one thread."""

    performance = Performance  # what makes the calls of an attempt

    def __init__(self, core: Core) -> None:
        # Exceptions lead back to the frames of their thread, and the failures of a pool
        # hold exceptions: a thread's frames hold the pool in one place, `_serve`, alone.
        self._ref = weakref.ref(core)

    @property
    def _core(self) -> Core:
        core = self._ref()
        assert core is not None  # `_serve` holds it while it calls this
        return core

    def run(self, job: Slice | Attempt | Shift, seat: Seat) -> None:
        """Do a job on the thread of `seat`."""
        attempt: Attempt | None = None
        if isinstance(job, Slice):
            attempt = self._run_slice(job, seat)
        elif isinstance(job, Shift):
            self._run_shift(job, seat)
        else:
            attempt = job

        if attempt is not None:
            self._run_attempt(attempt, seat)

    def _run_shift(self, shift: Shift, seat: Seat) -> None:
        """Make calls of the desk until the shift is over."""
        scheduler = self._core.scheduler
        seat.shift = shift
        try:
            scheduler.desk.work(shift, scheduler.wants_slot, scheduler.wants_thread)
        finally:
            seat.shift = None
            with self._core.monitor:
                scheduler.slots.end(shift)

            del scheduler  # exceptions lead back to the thread's frames

    def _run_slice(self, slice_: Slice, seat: Seat) -> Attempt | None:
        """Work through a slice; return the attempt that it became, if it did."""
        stage = slice_.stage
        seat.slice = slice_
        # What was decided before is not its time.
        slice_.started = _clock.current().now()
        try:
            if not stage.quick:
                return self._pull_one(slice_)

            stop = _through(slice_)
            while stop is not None or self._goes_on(slice_):
                stop = self._decide(slice_, stop)
        except InputError as error:
            self._input_failed(slice_, error.__cause__)
        finally:
            seat.slice = stop = None  # the traceback of one leads back to this frame

        self._settle(slice_)
        return None

    def _goes_on(self, slice_: Slice) -> bool:
        """Say whether a slice that was stopped goes on, now that others know of that."""
        if slice_.pulling or not (slice_.armed and slice_.may_pull):
            return False  # the source has ended, or the slice has

        with self._core.monitor:
            goes_on = self._core.scheduler.leases.goes_on(slice_)
            if goes_on and slice_.stage.is_read:
                self._core.react()

            return goes_on

    def _decide(
        self, slice_: Slice, stop: Held | Raised | Passing | Opened | None
    ) -> Held | Raised | Passing | Opened | None:
        """Decide what a slice stopped for, and go on with it until it stops again."""
        try:
            if isinstance(stop, Opened):
                assert isinstance(slice_, Pour)
                return self._go_on(slice_, stop)

            if isinstance(stop, Passing):
                return self._hand_on(stop)

            if isinstance(stop, Held):
                self._let_go(slice_, stop.value)
            elif stop is not None:
                self._missed(slice_, stop)

            return _through(slice_)
        finally:
            del stop  # its traceback leads back to this frame

    def _pull_one(self, slice_: Slice) -> Attempt | None:
        """Pull one input; return its attempt, or None if it has to wait."""
        try:
            value = Context().run(next, slice_.inputs, _NOTHING)
            if value is not _NOTHING:
                slice_.missed += 1  # it is accounted for from here on
                value = slice_.stage.finish(value)
                self._check(slice_.stage, value)
        except BaseException as exc:
            raise InputError from exc

        if value is _NOTHING:
            self._settle(slice_)
            return None

        with self._core.monitor:
            now = _clock.current().now()
            attempt = self._core.scheduler.begin(slice_, value, now)
            self._core.react()
            return attempt

    def _check(self, stage: Stage, value: Any) -> None:
        """Refuse a worker of `Workers(...)` that can't drain where it wants to."""
        if stage.steps is None:
            with self._core.monitor:
                check_channels(stage, channels_of(drains_of(value._steps)))

    def _run_attempt(self, attempt: Attempt, seat: Seat) -> None:
        seat.occupant = attempt
        attempt.thread = seat.thread
        try:
            self.performance(attempt, attempt.work.stage.base, self).run()
        except Failed as failed:
            self._report(attempt, seat, failed=failed)
        except (Broken, Cancelled):
            self._report(attempt, seat, dropped=True)
        except BaseException as exc:
            self._report(attempt, seat, fatal=exc)
        else:
            self._report(attempt, seat)

    # -- reports -----------------------------------------------------------------------

    def _report(
        self,
        attempt: Attempt,
        seat: Seat,
        *,
        failed: Failed | None = None,
        dropped: bool = False,
        fatal: BaseException | None = None,
    ) -> None:
        """Tell the scheduler how an attempt ended, which has no slot to lend from then on."""
        seat.occupant = None
        with self._core.monitor:
            if dropped:
                self._core.scheduler.drop(attempt)
            elif failed is None and fatal is None:
                self._core.scheduler.succeed(attempt)
            elif self._core.scheduler.stop(attempt):
                self._judged(attempt.work, failed, fatal)

    def _judged(
        self, work: Work, failed: Failed | None, fatal: BaseException | None = None
    ) -> None:
        """Act on the verdict on a work that failed; in the monitor."""
        if failed is None:
            self._core.scheduler.lose(work, fatal)
        elif failed.delay is None:
            self._core.scheduler.fail(work, failed.failure, failed.fatal)
        else:
            self._core.scheduler.retry(work, _clock.current().now() + failed.delay)

    def _settle(self, slice_: Slice) -> None:
        with self._core.monitor:
            self._core.scheduler.settle(slice_, _clock.current().now())

    def _let_go(self, slice_: Slice, value: Any) -> None:
        """Let others use the source of a slice, and go on with what it pulled last."""
        with self._core.monitor:
            # Where others looked before, the input counts as started.
            started = slice_.parted
            self._core.scheduler.leases.let_go(slice_)
            self._core.react()
            if started or not self._core.scheduler.drop_pulled(slice_):
                slice_.again(value)

        slice_.started = _clock.current().now()  # threads may have been started above

    def _hand_on(self, passing: Passing) -> Raised | Passing | None:
        """Leave an input of a course in a drain, or go on with it where it has to be."""
        course, index = passing.course, passing.index
        with self._core.monitor:
            goes_on = self._core.scheduler.hand_on(course, index, passing.value)
            self._core.react()

        return go_on(passing) if goes_on else None

    def _go_on(self, pour: Pour, opened: Opened) -> Held | Raised | Opened | None:
        """Pass on what came of an input, waiting for room if need be, and go on with it."""
        try:
            self._hear(pour)
            _pass_on(pour, opened)
        except BaseException as exc:
            return cut_short(opened, exc)

        return pour_through(pour, opened)

    def _hear(self, pour: Pour) -> None:
        """Let others use the source of a pour if they want something of its thread.

        Raises:
            Cancelled: if it was told to end.
        """
        if pour.armed:
            pour.armed = False  # first: who sets it from now on is heard later
            with self._core.monitor:
                self._core.scheduler.leases.let_go(pour)
                self._core.react()

        if pour.told:
            raise Cancelled

    def _missed(self, slice_: Slice, raised: Raised) -> None:
        """Take an input out of a slice whose call raised."""
        with self._core.monitor:
            work = self._core.scheduler.miss(
                slice_, raised.index, raised.value, slice_.started
            )

        slice_.started = _clock.current().now()
        exc, failed = raised.exception, None
        if isinstance(exc, Exception):
            step = work.steps[0]
            failure = failure_of(step, work.input, 1, work.began, exc)
            failed = self.judge(step, failure, work.stage.base)

        with self._core.monitor:
            if isinstance(exc, Broken | Cancelled):
                self._core.scheduler.give_up(work)
            else:
                self._judged(work, failed, exc)

            self._core.react()

        del exc, raised

    def _input_failed(self, slice_: Slice, exc: BaseException | None) -> None:
        """Note that an iterable raised: a failure of its batch, not of an input."""
        stage = slice_.stage
        with self._core.monitor:
            if isinstance(exc, Exception):
                BaseException.with_traceback(exc, own_frames_cut(exc))
                failure = Failure(stage.label, None, 1, 0.0, exc)
                self._core.scheduler.fail_input(slice_, failure)
            elif not isinstance(exc, Cancelled):  # that is the pool's own doing
                self._core.scheduler.die(stage.outcome, exc)

    def expire(self, attempt: Attempt) -> None:
        """Judge, outside the monitor, an attempt that ran too long."""
        work = attempt.work
        step = work.steps[work.todo[-1][0]]
        value = work.input_of(work.todo[-1])
        exc = TaskTimeout(
            f"{step.name} ran longer than its timeout, {step.timeout} s, and is abandoned "
            f"on {attempt.thread}"
        )
        failure = failure_of(step, value, work.tries, work.began, exc)

        def decide() -> None:
            try:
                work.stage.base.copy().run(self._log_late, step, attempt.thread)
            finally:  # whatever ended a handler of the log
                failed = self.judge(step, failure, work.stage.base)
                with self._core.monitor:
                    self._core.scheduler.slots.judging -= 1
                    self._judged(work, failed)
                    self._core.react()

        outside(decide)

    def _log_late(self, step: Step, thread: str) -> None:
        _log.warning(
            "%s is over its timeout of %s s and abandoned on %s: it keeps its slot",
            step.name,
            step.timeout,
            thread,
            pool=self._core.name,
        )

    # -- for attempts ------------------------------------------------------------------

    def policy_of(self, step: Step) -> Policy:
        """Return the policy that holds for a step in this pool."""
        if step.policy is not None:
            return step.policy

        return self._core.policy if step.retried_by_pool else NO_RETRY

    def judge(
        self, step: Step, failure: Failure, base: Context, *, final: bool = False
    ) -> Failed:
        """Decide, in a copy of `base`, whether a call that raised is made again."""
        try:
            return base.copy().run(self._judge, step, failure, final=final)
        except BaseException as fatal:
            return Failed(failure, None, fatal)

    def _judge(self, step: Step, failure: Failure, *, final: bool) -> Failed:
        delay = None if final else self.policy_of(step).decide(failure)
        if delay is None:
            note(failure, self._core.describe)
        else:
            log_retry(failure, delay, pool=self._core.name)

        return Failed(failure, delay)

    def claim(self, attempt: Attempt) -> None:
        """Stop the attempt's clock; raise Cancelled if it is over anyway."""
        with self._core.monitor:
            if not self._core.scheduler.slots.claim(attempt):
                raise Cancelled

    def proceed(self, attempt: Attempt) -> None:
        """Note that the attempt goes on with the next call."""
        with self._core.monitor:
            self._core.scheduler.proceed(attempt, _clock.current().now())
            self._core.react()

    def count(self) -> None:
        """Count an attempt at a call that follows from an open stream."""
        with self._core.monitor:
            self._core.scheduler.accounts.attempts += 1


def _through(slice_: Slice) -> Held | Raised | Passing | Opened | None:
    """Go on with a slice until it needs a decision, or is over."""
    return pour_through(slice_) if isinstance(slice_, Pour) else work_through(slice_)


def _pass_on(pour: Pour, opened: Opened) -> None:
    """Tell the drain what an input sent, and send what there was no place for.

    Raises:
        Broken: if nobody wants the outputs.
    """
    output, opened.output = opened.output, NOTHING
    try:
        for channel in pour.stage.promising:
            if output is NOTHING:
                channel.hear(pour)
            elif not channel.pour(pour, output):
                channel.put(output, remaining(None))
    except DrainClosed:
        raise Broken from None

    if not pour.stage.promising:
        pour.widen(BURST)
