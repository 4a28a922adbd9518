"""Manning: how a simulation does the jobs of an engine that has no threads."""

from __future__ import annotations

import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from typing_extensions import override

from fluent_async._attempt import Performance
from fluent_async._runner import Runner
from fluent_async._slice import Slice
from fluent_async._threads import Threads
from fluent_async._wait import Waiter, block
from fluent_async._work import Attempt
from fluent_async.errors import Cancelled


if TYPE_CHECKING:
    from collections.abc import Callable

    from fluent_async._desk import Shift
    from fluent_async._engine import Engine
    from fluent_async._manner import Manner, W, Waiting


class Manager(Protocol):
    """The simulation, as an engine without threads knows it."""

    def now(self) -> float:
        """Seconds since the simulation began."""
        ...

    def begin(self, engine: Engine) -> None:
        """Do the jobs of an engine from now on, and keep it alive."""
        ...

    def end(self, engine: Engine) -> None:
        """Let go of an engine whose work has ended."""
        ...


class Unmanned(Threads):
    """What an engine takes for its threads: a note to the simulation to look for jobs.

    The simulation looks when the engine was roused, and when something is due that was
    not when it looked last.
    """

    def __init__(self, engine: Engine, manager: Manager) -> None:
        super().__init__(
            engine.monitor, weakref.WeakMethod(engine._serve), f"{engine.name}-"
        )
        self._engine = weakref.ref(engine)
        self._manager = manager
        self._started = False
        self._looked = -1.0  # when it looked last
        self.kept_until = 0.0  # earlier than anything is due: nobody has to keep time
        self.roused = False

    @override
    def __len__(self) -> int:
        return int(self._started)

    @property
    @override
    def patient(self) -> bool:
        return True  # no two are at work at once, so nobody can share a lease

    @override
    def rouse(self, most: int, seekers: int = 1) -> bool:
        self.roused = True
        return True

    @override
    def start(self) -> None:
        self._started = True
        self._manager.begin(self.engine)

    @override
    def end(self) -> None:
        self.ending = True
        self._started = False
        self._manager.end(self.engine)

    @override
    def joining(
        self, manner: Manner[W], abandoned: Callable[[], int]
    ) -> Waiting[W, None]:
        yield from ()

    @property
    def engine(self) -> Engine:
        """The engine that this is a part of."""
        engine = self._engine()
        assert engine is not None  # whoever asks holds it
        return engine

    def calls(self, now: float) -> bool:
        """Say whether there is to look."""
        due = self.due
        return self.roused or (due is not None and due <= now)

    @property
    def due(self) -> float | None:
        """When there is to look again, because of time alone."""
        with self.engine.monitor:
            due = self.engine.scheduler.next_due()

        return due if due is not None and due > self._looked else None

    def look(self) -> Slice | Attempt | Shift | None:
        """Return the next job, if there is one."""
        engine = self.engine
        self.roused = False
        self._looked = self._manager.now()
        with engine.monitor:
            engine.expire()

        with engine.monitor:
            return engine._look() or engine._look_again()


class _Interleaved(Performance):
    @override
    def follow(self, index: int, output: Any) -> None:
        super().follow(index, output)
        turn = Waiter()
        turn.wake()
        with suppress(Cancelled):  # the output is out; the next call hears it
            block(turn)


class SimulatedRunner(Runner):
    """Does jobs so that streams take turns between their outputs."""

    performance = _Interleaved


def is_whole(job: Slice | Attempt | Shift) -> bool:
    """Say whether a job never waits for room in the middle of it."""
    if not isinstance(job, Attempt):
        return isinstance(job, Slice)  # it pulls one input; a call may do anything

    return job.work.plain  # then room is kept for all that it sends
