"""Simulation: runs pools on the thread that waits for them, in time that is virtual."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Self, final

from typing_extensions import override

from fluent_async import _checks, _clock, _simulator, _wait
from fluent_async._choices import Choices
from fluent_async._manning import SimulatedRunner, Unmanned, is_whole
from fluent_async._report import log_untold
from fluent_async._retry import bounded_repr
from fluent_async._seat import Seat
from fluent_async._signals import undisturbed
from fluent_async._simulated import SimulatedScheduler
from fluent_async._strands import Fibre, Strand, Wait
from fluent_async.errors import Cancelled, FluentAsyncError


if TYPE_CHECKING:
    from fluent_async._clock import Lock
    from fluent_async._desk import Shift
    from fluent_async._engine import Engine
    from fluent_async._scheduler import Scheduler
    from fluent_async._simulated import Event
    from fluent_async._slice import Slice
    from fluent_async._threads import Threads
    from fluent_async._work import Attempt

TELLS = 100  # how often what waits at the end is told to end


class SimulationStuck(FluentAsyncError, RuntimeError):  # noqa: N818
    """Nothing in a simulation can go on: it names what waits, and where."""


class World:
    """Time, chance and turns of a simulation: what the library has instead of a machine.

    Invariants:
        1. One strand runs, the one with the baton; all else of this is its own.
        2. A strand that waits gets the baton when its wait may end, when there is a job
           for it, or when it is to raise: from whoever has the baton, and waits as well.
    """

    def __init__(self, seed: int) -> None:
        self.choices = Choices(seed)
        self.pick = self.choices.pick
        self.random = self.choices.random
        self.events: list[Event] = []
        self.record = self.events.append
        self.sleeps: list[float] = []
        self.note_sleep = self.sleeps.append
        self._now = 0.0
        self._machine = _clock.MachineClock()
        self._main = Strand()
        self._fibres: list[Fibre] = []
        self._parted = False  # the main strand runs without the baton: interrupted
        self.engines: dict[Engine, Unmanned] = {}  # that have work, or may get some

    # -- for the library ---------------------------------------------------------------

    def now(self) -> float:
        """Seconds since the simulation began."""
        return self._now

    def acquire(self, lock: Lock, timeout: float | None) -> bool:
        """Wait for `lock`, and meanwhile do all that there is to do."""
        strand = self._strand()
        if strand is None:  # no part of this: a thread of the machine
            return self._machine.acquire(lock, timeout)

        wait = Wait(lock, None if timeout is None else self._now + max(0.0, timeout))
        strand.waits.append(wait)
        try:
            self._run(strand, wait)
        finally:
            strand.waits.remove(wait)

        if timeout and not wait.woken:
            self.sleeps.append(timeout)

        return wait.woken

    def equip(self, engine: Engine, limit: int) -> tuple[Scheduler, Threads]:
        """Return the parts of an engine whose jobs this does."""
        scheduler = SimulatedScheduler(engine.bell, limit, self)
        return scheduler, Unmanned(engine, self)

    def begin(self, engine: Engine) -> None:
        """Do the jobs of an engine from now on, and keep it alive."""
        threads = engine.threads
        assert isinstance(threads, Unmanned)
        self.engines[engine] = threads

    def end(self, engine: Engine) -> None:
        """Let go of an engine whose work has ended."""
        self.engines.pop(engine, None)

    # -- turns -------------------------------------------------------------------------

    @property
    def _strands(self) -> list[Strand]:
        return [self._main, *self._fibres]

    def _strand(self) -> Strand | None:
        """Return the strand that the thread which calls this is."""
        thread = _wait.this_thread()
        found = (strand for strand in self._strands if strand.thread == thread)
        return next(found, None)

    def _run(self, strand: Strand, wait: Wait) -> None:
        """Do jobs, and let other strands do theirs, until a wait is over."""
        self._meet(strand)
        strand.error = None  # an interrupt came before this one
        while not wait.over:
            if strand.job is None:
                following = self._choose()
                if following is not strand:
                    self._hand_over(strand, following)

            error, strand.error = strand.error, None
            if error is not None:
                raise error

            if strand.job is not None:
                self._do(strand)

    def _choose(self) -> Strand:
        """Draw who goes on, and with what; time goes on when nobody else can."""
        chosen = None
        with undisturbed:  # a job that was taken must be one that is done
            while chosen is None and not self._parted:
                chosen = self._draw()

        return chosen or self._main

    def _draw(self) -> Strand | None:
        strands = [each for each in self._strands if each.ready(self._now)]
        engines = [each for each in self.engines.values() if each.calls(self._now)]
        if not strands and not engines:
            return None if self._pass_time() else self._stuck()

        picked = self.pick(len(strands) + len(engines))
        if picked < len(strands):
            strands[picked].go_on()
            return strands[picked]

        unmanned = engines[picked - len(strands)]
        engine = unmanned.engine
        job = unmanned.look()
        return None if job is None else self._assign(engine, job)

    def _pass_time(self) -> bool:
        """Go on to when something is due next; False if nothing is."""
        dues = [wait.due for each in self._strands for wait in each.waits[-1:]]
        dues += [threads.due for threads in self.engines.values()]
        known = [due for due in dues if due is not None]
        if not known:
            return False

        self._now = max(self._now, min(known))
        return True

    def _assign(self, engine: Engine, job: Slice | Attempt | Shift) -> Strand:
        """Give a job to a strand: to the main one, unless one of the two may wait on.

        A job in the middle of which it waits would keep what is beneath it on the same
        thread: a stream that waits for room, or a wait that has to end in time.
        """
        hosts = len(self._main.waits) == 1 and self._main.waits[0].due is None
        strand = self._main if hosts and is_whole(job) else self._fibre()
        strand.job = (engine, job)
        return strand

    def _fibre(self) -> Fibre:
        for fibre in self._fibres:
            if fibre.idle:
                return fibre

        self._fibres.append(Fibre(len(self._fibres), self._live))
        return self._fibres[-1]

    def _stuck(self) -> Strand:
        """Tell the main strand that nobody can go on any more."""
        waits = [strand.place() for strand in self._strands if strand.waits]
        self._main.error = SimulationStuck(
            "nothing can go on, and no time that passes would help. These wait:\n"
            + "\n".join(f"- {place}" for place in waits)
            + (_HINT if self._main.doing else "")
        )
        return self._main

    def _live(self, fibre: Fibre) -> None:
        """Do jobs on a fibre as long as they are its own; then hand over."""
        following: Strand = fibre
        while following is fibre:
            self._do(fibre)
            following = self._choose()

        fibre.give_to(following)

    def _do(self, strand: Strand) -> None:
        """Do a job, as a thread of its pool."""
        assert strand.job is not None
        strand.doing, strand.job = strand.job, None
        engine, job = strand.doing
        before = _wait.here()
        seat = Seat(engine, _wait.name_of_this_thread())
        _wait.sit(seat)
        try:
            SimulatedRunner(engine).run(job, seat)
        finally:
            strand.doing = None
            _wait.sit(before)

        if engine in self.engines:  # it takes the next job by itself, as a thread does
            self.engines[engine].rouse(1)

    def _hand_over(self, strand: Strand, following: Strand) -> None:
        try:
            with undisturbed:  # it is given away whole, or not at all
                strand.give_to(following)

            strand.await_baton()
        except BaseException:  # a handler's, so this is the main thread
            self._parted = not strand.runs
            raise

    def _meet(self, strand: Strand) -> None:
        """Wait for the baton, if this thread runs without it since it was interrupted."""
        if strand is not self._main or not self._parted:
            return

        if not strand.soon_runs():
            raise SimulationStuck(
                "the simulation was interrupted, and what it ran goes on: "
                + "; ".join(fibre.place() for fibre in self._fibres if not fibre.idle)
            )

        self._parted = False

    # -- the end -----------------------------------------------------------------------

    def close(self, *, cancel: bool) -> None:
        """End what there is: cancelled, or else after all that it has to do."""
        try:
            for engine in list(self.engines):
                if cancel:
                    engine.cancel()

                engine.close()
                log_untold(engine, engine.outcome)
        finally:
            self._end_fibres()

    def _end_fibres(self) -> None:
        """Tell what still waits to end, as often as that takes, and end the threads."""
        with suppress(SimulationStuck):
            self._meet(self._main)
            self._parted = True  # whoever gets the baton gives it back
            for fibre in self._fibres:
                self._tell(fibre)

            self._parted = False

    def _tell(self, fibre: Fibre) -> None:
        for _ in range(TELLS):
            if fibre.idle:
                fibre.end()
                return

            fibre.error = Cancelled()
            self._main.give_to(fibre)
            self._main.await_baton()


_HINT = (
    "\nA task that runs on the thread which waits for it can't wait for that thread in "
    "turn: make it a @stream, which has a thread of its own."
)


@final
class Simulation:
    """What `simulate` gives: the time, and what happened until now."""

    __slots__ = ("_cancelled", "_entered", "_machine", "_seed", "_world")

    def __init__(self, seed: int) -> None:
        self._seed = _checks.seed("seed", seed)
        self._world = World(self._seed)
        self._entered = False
        self._cancelled = False
        self._machine: _clock.Clock = self._world

    @property
    def seed(self) -> int:
        """The integer that all order and chance is drawn from."""
        return self._seed

    @property
    def now(self) -> float:
        """Seconds since the simulation began."""
        return self._world.now()

    @property
    def sleeps(self) -> list[float]:
        """The seconds of each wait that only time ended, and before each retry, in order.

        A new list each time, rounded to nanoseconds.
        """
        return list(self._world.sleeps)

    @property
    def events(self) -> list[Event]:
        """What happened to each attempt, in order: two runs of one seed are equal."""
        return list(self._world.events)

    def cancel(self) -> None:
        """Have the end of the block drop what is left, instead of running it."""
        self._cancelled = True

    def __enter__(self) -> Self:
        if self._entered:
            raise RuntimeError("a simulation runs once: make a new one")

        if _simulator.current() is not None:
            raise RuntimeError("simulations can't be nested, or run beside each other")

        self._entered = True
        _simulator.use(self._world)
        self._machine = _clock.use(self._world)
        return self

    def __exit__(self, *exc_info: object) -> None:
        try:
            self._world.close(cancel=self._cancelled or exc_info[0] is not None)
        finally:
            _clock.use(self._machine)
            _simulator.use(None)

    @override
    def __repr__(self) -> str:
        return f"<simulation, seed {bounded_repr(self._seed)}, {self.now:.9g} s>"


def simulate(seed: int = 0) -> Simulation:
    """Run the pools that are made in a `with` block of this without threads or time.

    Inside, every pool has limit 1 and runs whole attempts, one after the other, on the
    thread that waits: in `wait`, `close`, `drain`, while it iterates, at the end of a
    `with`. Time is virtual: when nothing else can run it jumps to what is due next, so
    delays, timeouts and `fluent_async.sleep` take none of the machine's.
    Order: drawn from the seed, among all that threads may do; the same seed gives the
    same run. Of a batch, any of the next inputs may be first: as many as the limit that
    was asked for. Streams take turns between outputs.
    Blocking: leaving the block waits for what the pools made in it have to do, and
    closes them; leaving it by an exception cancels that.
    Failure: what can't go on any more is an error that says what waits, and where.
    Threads: streams, and tasks while the wait has a timeout, run on threads of their
    own, of which one runs at a time. Threads that were there before see the machine's
    time, and pools that were made before keep theirs.

    Args:
        seed: any int; a negative one spells the order out: see `explore`.

    Raises:
        SimulationStuck: from a wait that nothing can end.
        RuntimeError: if the block is entered inside another one.
        TypeError: if `seed` is no int.

    Example:
        >>> from fluent_async import Pool, sleep, task
        >>> from fluent_async.testing import simulate
        >>> @task
        ... def nap(seconds: float) -> None:
        ...     sleep(seconds)
        >>> with simulate() as sim, Pool() as pool:
        ...     _ = pool.go(3600 >> nap)
        ...     pool.wait()
        ...     print(sim.now)
        3600.0
    """
    return Simulation(seed)
