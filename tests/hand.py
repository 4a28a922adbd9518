"""A pool driven by hand: a real scheduler, and a test that plays its threads and its clock."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from fluent_async import Drain
from fluent_async._channel import Channel
from fluent_async._desk import Shift, Tally
from fluent_async._graph import check
from fluent_async._inputs import stages_of
from fluent_async._monitor import Monitor
from fluent_async._outcome import Outcome
from fluent_async._parties import Stirrable
from fluent_async._retry import NO_RETRY, Failure, Policy, bounded_repr
from fluent_async._runner import Runner
from fluent_async._scheduler import Job, Scheduler
from fluent_async._seat import Seat
from fluent_async._slice import Slice
from fluent_async._stage import Stage, channels_of
from fluent_async._wait import Waiter
from fluent_async._work import Attempt, End
from fluent_async.typing import Executable


def channel_of(drain: Drain[int]) -> Channel[int]:
    """Return what a drain is made of."""
    return channels_of((drain,))[0]


def hold_back(channel: Channel[int], pool: Stirrable) -> None:
    """Have a pool find no room in a channel, whether there is some or not."""
    with channel._monitor:  # noqa: SLF001
        channel._block(pool)  # noqa: SLF001


def filled(*values: int, maxsize: int = 0) -> Drain[int]:
    """Make a drain in which these values wait."""
    drain = Drain[int](maxsize)
    for value in values:
        drain.send(value)

    return drain


def shown(attempt: Attempt) -> str:
    """Write an attempt as the call it is."""
    return f"{attempt.work.steps[-1].name}({attempt.work.input!r})"


class Stirred:
    """Another pool around a drain."""

    def __init__(self) -> None:
        self.times = 0

    def stir(self) -> None:
        """Count."""
        self.times += 1


def no() -> bool:
    """Say that nobody wants anything."""
    return False


class Step:
    """A call that does something of the test's when it is made."""

    def __init__(
        self, act: Callable[[], object] = no, end: End | None = End.SUCCEEDED
    ) -> None:
        self.act = act
        self.end = end
        self.made = False
        self.dropped = False

    def make(self, tally: Tally, /) -> End | None:
        """Do it."""
        self.made = True
        tally.begun += self.end in {End.SUCCEEDED, End.FAILED}
        self.act()
        return self.end

    def settle(self, stand_by: Callable[[], bool]) -> bool:
        """Let the shift stand by."""
        return stand_by()

    def drop(self) -> None:
        """Note it."""
        self.dropped = True

    def refuse(self, exc: BaseException) -> None:
        """Do nothing."""


class Leased:
    """A lease as a channel knows it; the test plays its thread."""

    def __init__(self, promised: int = 0) -> None:
        self.turn = 0
        self.turns = 0
        self.pulled = 0
        self.outlet: deque[int] = deque()
        self.size = 0
        self.armed = 0  # how often
        self.closed = 0
        self._promised = promised

    def open(self, size: int, outlet: deque[int] | None) -> None:
        """Let it send so many outputs, and promise the room for them."""
        self.size = self._promised = size
        if outlet is not None:
            self.outlet = outlet

    def promised(self) -> int:
        """Say how many it may still send."""
        return self._promised

    def send(self, value: int) -> None:
        """Send one of them."""
        self._promised -= 1
        self.outlet.append(value)

    def yield_room(self) -> None:
        """Keep what it has: it can ask for none of it again."""

    def arm(self) -> None:
        """Count."""
        self.armed += 1

    def close(self) -> None:
        """Count."""
        self.closed += 1


class Hand:
    """Asks a scheduler what to run, and says what came of it, as an engine does.

    Nothing happens by itself: `start` takes the next input and no more, and what was
    started runs until the test ends it. Time is the number `now`.
    """

    def __init__(self, limit: int = 1) -> None:
        self.name = "Hand"
        self.bell: Stirrable = self
        self.policy: Policy = NO_RETRY
        self.describe: Callable[[object], str] = bounded_repr
        self.now = 0.0
        self.monitor = Monitor()
        self.scheduler = Scheduler(self, limit)
        self._gone = 0
        self._outcome: Outcome | None = None  # of what is given now; None: the pool's

    def stir(self) -> None:
        """Look at what changed around the pool."""
        self.scheduler.graph.refresh()

    def react(self) -> None:
        """Give slots that are free to those who want theirs back."""
        while (waiter := self.scheduler.resume(self.now)) is not None:
            waiter.wake()

    def go(self, *workers: Executable) -> list[Stage]:
        """Give work to the pool; return the stages that it is."""
        self._gone += 1
        stages = stages_of(self, self._gone, workers)
        check(stages)
        self.scheduler.add(stages, self._outcome)
        return stages

    @contextmanager
    def given(self, outcome: Outcome) -> Iterator[None]:
        """Give work an outcome of its own within the block."""
        self._outcome = outcome
        yield
        self._outcome = None

    # -- jobs --------------------------------------------------------------------------

    def next(self, *, patient: bool = False) -> Job | None:
        """Take the next job."""
        return self.scheduler.next(self.now, patient=patient)

    def slice(self, *, patient: bool = False) -> Slice:
        """Take the next job, which is a slice."""
        job = self.next(patient=patient)
        assert isinstance(job, Slice)
        return job

    def start(self) -> Attempt | None:
        """Start the next attempt, after a pull where the scheduler leaves that to threads."""
        while isinstance(job := self.next(), Slice):
            attempt = self._pull(job)
            if attempt is not None:
                return attempt

        assert job is None or isinstance(job, Attempt)
        return job

    def attempt(self) -> Attempt:
        """Start the next attempt, which there is."""
        attempt = self.start()
        assert attempt is not None
        return attempt

    def started(self) -> list[str]:
        """Start all that can start together; return which inputs of which tasks."""
        return [shown(attempt) for attempt in iter(self.start, None)]

    def in_turn(self) -> list[str]:
        """Run all there is, one after the other; return what ran."""
        return [self._ran(attempt) for attempt in iter(self.start, None)]

    def begin(self, slice_: Slice, value: object) -> Attempt | None:
        """Turn what the thread of a slice pulled into an attempt, unless it has to wait."""
        slice_.missed += 1  # it is accounted for as an attempt
        return self.scheduler.begin(slice_, slice_.stage.finish(value), self.now)

    # -- what comes of them ------------------------------------------------------------

    def end(self, attempt: Attempt, *outputs: int) -> None:
        """Let an attempt succeed, after these outputs went to its drains."""
        work = attempt.work
        for channel in work.channels:
            for output in outputs:
                channel.put(output, lambda: 0.0, promised=work.plain)

        self.scheduler.succeed(attempt)

    def fail(self, attempt: Attempt, *, retry_in: float | None = None) -> None:
        """Let an attempt fail, for good or until `retry_in` seconds are over."""
        work = attempt.work
        if not self.scheduler.stop(attempt):
            return

        if retry_in is not None:
            self.scheduler.retry(work, self.now + retry_in)
        else:
            failure = Failure(work.stage.label, work.input, work.tries, 0.0, OSError())
            self.scheduler.fail(work, failure)

    def perform(self, job: Slice | Attempt | Shift) -> None:
        """Do a job in this thread, as a thread of the pool does, and report."""
        Runner(self).run(job, Seat(self))

    def perform_all(self) -> None:
        """Do one job after the other in this thread, until there is none."""
        while (job := self.next()) is not None:
            assert not isinstance(job, Waiter)
            self.perform(job)

    def settle(self, slice_: Slice) -> None:
        """Let the thread of a slice report that it is over."""
        self.scheduler.settle(slice_, self.now)

    def work_through(self, slice_: Slice) -> list[int]:
        """Take all inputs of a slice, send each on as it is, and report."""
        values = list(_unplaced(slice_.inputs))
        slice_.outlet.extend(values)
        self.settle(slice_)
        return values

    def _pull(self, slice_: Slice) -> Attempt | None:
        """Pull one input; return its attempt unless it has to wait, or there is none."""
        value = next(slice_.inputs, None)
        if value is None:
            self.settle(slice_)
            return None

        return self.begin(slice_, value)

    def _ran(self, attempt: Attempt) -> str:
        self.end(attempt, attempt.work.input)
        return shown(attempt)


def _unplaced(inputs: Iterable[object]) -> Iterator[int]:
    for value in inputs:
        assert isinstance(value, int)
        yield value
