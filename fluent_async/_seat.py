"""Seat: the place of a pool's thread, and how it waits there."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Protocol

from fluent_async import _clock
from fluent_async.errors import Cancelled


if TYPE_CHECKING:
    from collections.abc import Callable

    from fluent_async._desk import Shift
    from fluent_async._monitor import Monitor
    from fluent_async._outcome import Outcome
    from fluent_async._parties import Stirrable
    from fluent_async._retry import Policy
    from fluent_async._scheduler import Scheduler
    from fluent_async._slice import Slice
    from fluent_async._wait import Waiter
    from fluent_async._work import Occupant


class Core(Protocol):
    """The engine, as the threads at its jobs know it."""

    name: str
    monitor: Monitor
    scheduler: Scheduler
    policy: Policy
    describe: Callable[[object], str]

    @property
    def bell(self) -> Stirrable:
        """The pool, as others know it."""
        ...

    def react(self) -> None:
        """See to what changed; in the monitor."""
        ...


class Seat:
    """The place of one thread in the engine."""

    def __init__(self, engine: Core, thread: str = "") -> None:
        self.thread = thread  # its name
        self._ref = weakref.ref(engine)  # as in the runner
        self.occupant: Occupant | None = None  # an attempt, or what waits for a slice
        self.slice: Slice | None = None
        self.shift: Shift | None = None

    @property
    def engine(self) -> Core:
        """The engine, which the thread holds while it is at a job."""
        engine = self._ref()
        assert engine is not None
        return engine

    @property
    def pool(self) -> Stirrable:
        """The pool, as others know it."""
        return self.engine.bell

    @property
    def cancelled(self) -> bool:
        """Whether what runs here was told to end."""
        job = self.occupant or self.slice or self.shift
        return job is not None and job.told

    @property
    def idle(self) -> bool:
        """Whether the thread is at no job; standing by for calls is none."""
        shift = self.shift
        stands_by = shift is None or shift.rests
        return self.occupant is None and self.slice is None and stands_by

    def is_in(self, pool: object) -> bool:
        """Say whether it is in that pool."""
        engine = self._ref()
        return engine is not None and engine.bell is pool

    def serves(self, outcome: Outcome) -> bool:
        """Say whether what runs here is work of that outcome."""
        job = self.occupant or self.slice or self.shift
        return job is not None and getattr(job.stage, "outcome", None) is outcome

    def wait(
        self,
        waiter: Waiter,
        timeout: float | None,
        *,
        lends: bool,
        shielded: bool,
        elsewhere: bool,
    ) -> bool:
        """Wait as an attempt does: see `_wait.block`."""
        if self.occupant is not None:
            self.occupant.elsewhere = elsewhere
            wait = self._wait_shielded if shielded else self._wait_told
            return wait(self.occupant, waiter, timeout, lends=lends)

        job = self.slice or self.shift
        if job is None:
            return self._wait_between(waiter, timeout)

        with self.engine.monitor:
            occupant = self.occupant = self.engine.scheduler.sit(job)

        try:
            return self.wait(
                waiter, timeout, lends=lends, shielded=shielded, elsewhere=elsewhere
            )
        finally:
            self.occupant = None
            with self.engine.monitor:
                self.engine.scheduler.slots.rise(occupant)

    def _wait_between(self, waiter: Waiter, timeout: float | None) -> bool:
        """Wait between two jobs, as a callback of a future may: another thread is needed."""
        core = self.engine
        with core.monitor:
            core.scheduler.slots.away += 1
            core.react()

        try:
            return waiter.wait(timeout)
        finally:
            with core.monitor:
                core.scheduler.slots.away -= 1

            del core  # exceptions lead back to this frame

    def _wait_told(
        self, occupant: Occupant, waiter: Waiter, timeout: float | None, *, lends: bool
    ) -> bool:
        """Wait, and hear when told to end."""
        with self.engine.monitor:
            if occupant.told:
                raise Cancelled

            occupant.waiter = waiter

        try:
            woken = self._wait_shielded(occupant, waiter, timeout, lends=lends)
        finally:
            occupant.waiter = None  # a wake that comes yet is for a wait that is over

        if occupant.told:
            raise Cancelled

        return woken

    def _wait_shielded(
        self, occupant: Occupant, waiter: Waiter, timeout: float | None, *, lends: bool
    ) -> bool:
        """Wait, without the slot if `lends`; an abandoned attempt keeps it in any case."""
        if not lends or occupant.over:
            return waiter.wait(timeout)

        core = self.engine
        with core.monitor:
            core.scheduler.slots.lend(occupant, _clock.current().now())
            core.react()

        try:
            return waiter.wait(timeout)
        finally:
            with core.monitor:
                now = _clock.current().now()
                waits = core.scheduler.slots.reclaim(occupant, now)
                core.react()

            if waits is not None:
                waits.wait()
                with core.monitor:
                    core.scheduler.slots.resume(occupant, _clock.current().now())
                    core.react()

            del core  # exceptions lead back to this frame
