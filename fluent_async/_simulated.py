"""Simulated: a scheduler that draws what runs next, and records what happens."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias, final

from typing_extensions import override

from fluent_async._checks import name_of
from fluent_async._desk import Desk
from fluent_async._future import PoolFuture
from fluent_async._mapping import Feed
from fluent_async._scheduler import Scheduler
from fluent_async._sources import Values
from fluent_async._work import End


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fluent_async._desk import Call, Shift
    from fluent_async._future import Made
    from fluent_async._outcome import Outcome
    from fluent_async._parties import Stirrable
    from fluent_async._retry import Failure
    from fluent_async._scheduler import Job
    from fluent_async._slice import Slice
    from fluent_async._stage import Stage
    from fluent_async._wait import Waiter
    from fluent_async._work import Attempt, Work

Kind: TypeAlias = Literal["started", "succeeded", "retried", "failed", "cancelled"]


@final
@dataclass(frozen=True, slots=True)
class Event:
    """What happened to an attempt, and when: one line of a schedule. Frozen."""

    at: Final[float]
    """Seconds since the simulation began."""
    kind: Final[str]
    """started, then one of: succeeded, retried (it failed, and another follows), failed
    (for good), cancelled."""
    task: Final[str]
    """The name of the task, or of the function that was submitted."""
    input: Final[object]
    """The input, as it was given; that of a call that was submitted, as a Failure has it,
    but without the names of parameters that were given by place."""
    attempt: Final[int]
    """Which attempt at it, from 1."""


class Recorder(Protocol):
    """The simulation, as an engine's parts know it."""

    def pick(self, options: int, /) -> int:
        """Draw one of so many options."""
        ...

    def now(self) -> float:
        """Seconds since the simulation began."""
        ...

    def record(self, event: Event, /) -> None:
        """Keep what happened."""
        ...

    def note_sleep(self, seconds: float, /) -> None:
        """Keep that something sleeps for so long."""
        ...


_ENDS: dict[End, Kind] = {
    End.SUCCEEDED: "succeeded",
    End.FAILED: "failed",
    End.CANCELLED: "cancelled",
}


class SimulatedDesk(Desk):
    """Records what comes of calls that are handed in."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder

    @override
    def _answer(self, shift: Shift, call: Call) -> bool:
        waiting = _waiting(call)
        if waiting is None:  # a task, which is recorded where its attempts are
            return super()._answer(shift, call)

        _, fn, args, kwargs = waiting
        if getattr(fn, "__func__", None) is Feed.pull:  # a call of ours
            return super()._answer(shift, call)

        name, value = name_of(fn), _input_of(args, kwargs)
        succeeded = shift.succeeded
        self._record("started", name, value)
        stands = super()._answer(shift, call)
        kind: Kind = "succeeded" if shift.succeeded > succeeded else "failed"
        self._record(kind, name, value)
        return stands

    def _record(self, kind: Kind, name: str, value: object) -> None:
        self._recorder.record(Event(self._recorder.now(), kind, name, value, 1))


def _waiting(call: object) -> Made | None:
    return call.call_waiting if isinstance(call, PoolFuture) else None


def _input_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
    if kwargs:
        return {str(place): arg for place, arg in enumerate(args)} | kwargs

    return args[0] if len(args) == 1 else args or None


class SimulatedScheduler(Scheduler):
    """Draws what runs next from all that may, and records what came of it.

    One attempt runs at a time. `_window` is how many would with threads: so many inputs
    of a stage lie ready, and any of them may be next.
    """

    def __init__(self, pool: Stirrable, limit: int, recorder: Recorder) -> None:
        super().__init__(pool, 1)
        self.desk = self.slots.desk = SimulatedDesk(recorder)
        self._window = limit
        self._recorder = recorder

    @override
    def allow(self, limit: int) -> None:
        self._window = limit

    @override
    def add(self, stages: Iterable[Stage], outcome: Outcome | None = None) -> None:
        stages = list(stages)
        for stage in stages:  # an attempt for each input, in the monitor
            stage.quick = False
            stage.promising = ()

        super().add(stages, outcome)

    # -- what runs next ----------------------------------------------------------------

    @override
    def _next(self, now: float, *, patient: bool) -> Job | None:
        self.agenda.see(now)
        self.graph.sort()
        options: list[Callable[[], Job | None]] = [
            *(partial(self._try_again, work, now) for work in self.agenda.again),
            *(partial(self._give_back, waiter) for waiter in self.slots.resuming),
            *(
                partial(self._start, stage, now, patient=patient)
                for stage in self.graph.awake
                if stage.dropped or stage.broken or self._startable(stage)
            ),
            *([self._start_shift] if self.desk.backlog else []),
        ]
        while options:
            job = options.pop(self._recorder.pick(len(options)))()
            if job is not None:
                return job

        return None

    @override
    def wants_thread(self) -> bool:
        return True

    @override
    def wants_slot(self) -> bool:
        return True

    def _try_again(self, work: Work, now: float) -> Attempt:
        self.agenda.again.remove(work)
        return self._attempt(work, now)

    def _give_back(self, waiter: Waiter) -> Waiter:
        self.slots.resuming.remove(waiter)
        return waiter

    @override
    def _startable(self, stage: Stage) -> bool:
        return any(map(self.admission.fits, stage.waiting)) or self._pulls(stage)

    def _pulls(self, stage: Stage) -> bool:
        """Say whether an input may be pulled ahead, so that it lies ready."""
        if stage.lease is not None or not self.admission.open(stage):
            return False

        room = self._window
        if not stage.ordered:  # else what lies ready has used its room
            room = min(room, self.admission.room(stage.channels))

        return len(stage.waiting) < room

    @override
    def _start(
        self, stage: Stage, now: float, *, patient: bool
    ) -> Slice | Attempt | None:
        if stage.dropped or stage.broken:
            return super()._start(stage, now, patient=patient)

        iterates = isinstance(stage.source, Values)
        while not iterates and self._pulls(stage):
            stage.waiting.append(self._take(stage))

        ready = list(filter(self.admission.fits, stage.waiting))
        pulls = iterates and self._pulls(stage)
        if not ready and not pulls:  # workers of one stage may have limits of their own
            return None

        picked = self._recorder.pick(len(ready) + pulls)
        if picked == len(ready):
            return self._start_new(stage, now)

        stage.waiting.remove(ready[picked])
        stage.waiting.appendleft(ready[picked])
        return self._start_waiting(stage, now)

    @override
    def _accept(self, stage: Stage, value: Any) -> Work:
        work = super()._accept(stage, value)
        self.admission.keep_turns(work)  # now: others may start before it
        return work

    @override
    def _waits_first(self, work: Work) -> bool:
        return True

    # -- what happened -----------------------------------------------------------------

    @override
    def _begin(self, attempt: Attempt, now: float) -> None:
        super()._begin(attempt, now)
        self._record("started", attempt.work)

    @override
    def retry(self, work: Work, due: float) -> None:
        if not work.dropped:
            self._record("retried", work)
            self._recorder.note_sleep(round(due - self._recorder.now(), 9))

        super().retry(work, due)

    @override
    def _end(self, work: Work, end: End) -> None:
        if work.tries:  # else it never started
            self._record(_ENDS[end], work)

        super()._end(work, end)

    @override
    def fail_input(self, slice_: Slice, failure: Failure) -> None:
        now = self._recorder.now()
        self._recorder.record(Event(now, "failed", failure.task, None, 1))
        super().fail_input(slice_, failure)

    def _record(self, kind: Kind, work: Work) -> None:
        index = work.todo[-1][0] if work.todo else len(work.steps) - 1
        value = work.input_of(work.todo[-1]) if work.todo else work.input
        name, now = work.steps[index].name, self._recorder.now()
        self._recorder.record(Event(now, kind, name, value, work.tries))
