"""Crew: a real pool whose threads are played, one step at a time, in an order others choose.

No thread is started and nobody ever waits: a *player* is a thread written as a generator
that stops wherever another thread may come in between, and says there what it waits for.
What decides is the library's own: the scheduler, the reactions of the engine, the books on
threads, the channels, and how a job's end is judged. What a thread does between two decisions
is said here again, since it may stop there.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Generator
from contextvars import Context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from typing_extensions import override

from fluent_async._attempt import Broken, Failed, failure_of
from fluent_async._course import Course
from fluent_async._desk import Shift
from fluent_async._engine import Engine
from fluent_async._loop import Held, InputError, Passing, Raised
from fluent_async._pour import BURST, Pour
from fluent_async._retry import NO_RETRY, bounded_repr
from fluent_async._runner import Runner
from fluent_async._seat import Seat
from fluent_async._slice import Slice
from fluent_async._stage import channels_of
from fluent_async._threads import Threads
from fluent_async._wait import Waiter
from fluent_async.errors import Cancelled, DrainClosed
from plans import Flop, Item


if TYPE_CHECKING:
    from fluent_async import _clock
    from fluent_async._channel import Channel
    from fluent_async._senders import Sender
    from fluent_async._step import Step
    from fluent_async._work import Attempt, Occupant


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a player is between two steps, and what it waits for there."""

    next: str
    """What it does next, in words."""

    waiter: Waiter | None = None
    """What must be woken first; None if it can go on at any time."""

    due: float | None = None
    """When it goes on in any case."""

    patient: bool = False
    """Whether it goes on at any time in any case, after a moment of patience."""

    def is_over(self, now: float) -> bool:
        """Say whether the player can go on."""
        if self.waiter is None or self.patient or self.waiter.woken:
            return True

        return self.due is not None and self.due <= now


Play: TypeAlias = Generator[Moment, None, None]

Stop: TypeAlias = Held | Passing | Raised
"""What a slice may stop for."""

Stops: TypeAlias = Generator[Moment, None, Stop | None]

LOOKS = Moment("looks for a job")
PATIENT = Moment("looks with patience")
"""Where a thread without a job is, unless it is parked."""

ADDED, LISTENS = Moment("has added an output"), Moment("looks at its alarm")
HEARS, ASKS = Moment("hears its alarm"), Moment("asks the drain")
BEFORE_HEARD = {ADDED, LISTENS, HEARS, ASKS}
"""Where the thread of a stream is from when it sent an output to when others hear of it."""

BUSY = Moment("is at a step", Waiter())
"""Where a player is in the middle of a step, others coming in between."""


@dataclass(frozen=True, slots=True)
class Call:
    """What one call of the function of a stage comes to."""

    outputs: list[Item]
    fails: bool
    last: bool
    """Whether it is not made again if it fails."""

    held: bool
    """Whether its outputs go out together when it has succeeded, or as they come."""


class Book(Protocol):
    """Who says what calls come to, and keeps account of the inputs in progress."""

    def chose(self, job: Slice | Attempt) -> None:
        """Note which job a thread was given, in the middle of the decision."""
        ...

    def took(self, step: Step, item: Item) -> None:
        """Note that a thread took an input."""
        ...

    def calls(self, step: Step, item: Item) -> Call:
        """Say what the next call with an input comes to."""
        ...

    def sent(self, step: Step, item: Item) -> None:
        """Note that an output of an input is on its way, or in its drain."""
        ...

    def ended(self, step: Step, item: Item) -> None:
        """Note that an input is not in progress any more."""
        ...


class Crew(Engine):
    """A pool without threads, driven by steps of its players."""

    def __init__(self, limit: int, book: Book) -> None:
        super().__init__("crew", limit, NO_RETRY, bounded_repr)
        self.book = book
        self.players: list[Player] = []
        self.stepping: Player | None = None
        self.time = 0.0
        self.stirred = False  # a channel changed, and nobody has looked at that yet
        self.threads: Threads = Hiring(self)

    @override
    def stir(self) -> None:
        """Put it off: whoever stirs does so outside every monitor, so others may come first."""
        self.stirred = True

    def look_around(self) -> None:
        """Do what was put off."""
        self.stirred = False
        super().stir()

    def now(self) -> float:
        """Return the time, which others move on; a crew is a clock, too."""
        return self.time

    def acquire(self, _lock: _clock.Lock, _timeout: float | None, /) -> bool:
        """Refuse to wait: players say what they wait for."""
        raise AssertionError("a player waited")


class Hiring(Threads):
    """The books of a crew on its threads: who starts one gets a player."""

    def __init__(self, crew: Crew) -> None:
        super().__init__(crew.monitor, weakref.WeakMethod(crew._serve), "crew")  # noqa: SLF001
        self._crew = crew

    @override
    def _new(self) -> threading.Thread:
        thread = _Entrance(self._crew)
        self._threads.add(thread)
        return thread


class _Entrance(threading.Thread):
    """A thread whose start is the entrance of a player."""

    def __init__(self, crew: Crew) -> None:
        super().__init__(daemon=True)
        self._crew = crew

    @override
    def start(self) -> None:
        self._crew.players.append(Player(self._crew))


class Player:
    """One thread of a crew."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._runner = Runner(crew)
        self.roused = True  # to look for work
        self.runs = False  # it has a slot
        self.job = False
        self._held: tuple[Step, Item] | None = None  # the input of its slice
        self._last = False  # whether the call that failed was the last attempt
        self.about = ""  # what that is about
        self.play = self._serve()
        self.moment = next(self.play)

    def step(self) -> None:
        """Go on to where others may come in between again."""
        crew, before = self._crew, self._crew.stepping
        self.moment, crew.stepping = BUSY, self
        self.moment = next(self.play)
        crew.stepping = before

    # -- as the engine's threads -------------------------------------------------------

    def _serve(self) -> Play:
        while True:
            job = yield from self._take()
            self.roused, self.runs, self.job = False, True, True
            if isinstance(job, Slice):
                yield from self._slice(job)
            else:
                yield from self._attempt(job)

            self.runs = self.job = False
            self.about = ""

    def _take(self) -> Generator[Moment, None, Slice | Attempt]:
        """Look for a job, and park until there is one."""
        crew, patient = self._crew, False
        while True:
            yield PATIENT if patient else LOOKS
            with crew.monitor:
                if self.roused:
                    crew.threads.found()

                job = crew._look(patient=patient) or crew._look_again()  # noqa: SLF001
                assert not isinstance(job, Shift)  # plans hand no calls in
                if job is not None:
                    crew.book.chose(job)
                    return job

                due = crew._due()  # noqa: SLF001
                patient = crew._shares(stays=self.roused)  # noqa: SLF001
                waiter = crew.threads.park(due, patient=patient)

            yield Moment("is parked", waiter, due, patient)
            patient = patient and not waiter.woken
            with crew.monitor:
                self.roused = crew.threads.unpark(waiter)

    # -- slices, as the runner and the loop --------------------------------------------

    def _slice(self, slice_: Slice) -> Play:
        self.about = f"of {slice_.stage.key}"
        if slice_.stage.quick:
            yield from self._work_through(slice_)
            return

        yield Moment("pulls an input")
        try:
            attempt = self._runner._pull_one(slice_)  # noqa: SLF001
        except InputError as error:  # what others raised meanwhile
            raise error.__cause__ or error from None

        if attempt is not None:
            yield from self._attempt(attempt)

    def _work_through(self, slice_: Slice) -> Play:
        """Do a slice as the runner does; what stops it is decided in between."""
        slice_.started = self._crew.now()
        stop = yield from self._loop(slice_)
        while stop is not None:
            stop = yield from self._decide(slice_, stop)

        yield Moment("settles its slice")
        self.hold(None)
        self._runner._settle(slice_)  # noqa: SLF001

    def _loop(self, slice_: Slice) -> Stops:
        """Take one input after the other through the stages, as the loop does."""
        while True:
            yield Moment("takes an input, or none")
            try:
                value = next(slice_.inputs, None)
            except IndexError:
                raise AssertionError("an input is gone that a slice may take") from None

            if value is None:
                if slice_.pulling:  # it asked in vain: what it was at before has ended
                    self.hold(None)

                return None

            self._enter(slice_, 0, value)
            stop = yield from self._do(slice_, value)
            if stop is not None or slice_.armed:
                return stop

    def _do(self, slice_: Slice, value: object) -> Stops:
        """Do all there is to do with an input, unless the alarm is set."""
        if slice_.armed:
            course = isinstance(slice_, Course)
            return _passing(slice_, 0, value) if course else Held(value)

        if isinstance(slice_, Pour):
            return (yield from self._pour(slice_, value))

        return (yield from self._pass(slice_, 0, len(slice_.stages), value))

    def _pass(self, slice_: Slice, index: int, end: int, value: object) -> Stops:
        """Call the functions of some stages on an input, and send what comes of it."""
        called = yield from self._call_in(slice_, index, value)
        while not isinstance(called, Raised):
            index += 1
            if index == end:
                return self._passed(slice_, index, called)

            value = called
            self._enter(slice_, index, value)
            yield Moment("looks at its alarm")
            if slice_.armed:
                return _passing(slice_, index, value)

            called = yield from self._call_in(slice_, index, value)

        return called

    def _call_in(
        self, slice_: Slice, index: int, value: object
    ) -> Generator[Moment, None, Item | Raised]:
        """Call the function of one stage; return what it gives or raises."""
        call = self._crew.book.calls(*self._at(slice_, index, value))
        yield Moment(f"fails in {index}" if call.fails else f"is done in {index}")
        if call.fails:
            self._last = call.last
            return Raised(value, Flop(), index)

        [output] = call.outputs
        return output

    def _passed(self, slice_: Slice, index: int, output: Item) -> Stop | None:
        """Send what came of an input, unless more stages of a course follow."""
        if index < len(slice_.stages):
            return _passing(slice_, index, output)

        slice_.outlet.append(output)
        assert self._held is not None
        self._crew.book.sent(*self._held)
        if isinstance(slice_, Course):
            slice_.at = index
            self.hold(None)

        return None

    # -- pours, as the runner and their loop ---------------------------------------------

    def _pour(self, pour: Pour, value: object) -> Stops:
        """Call the function of a stream on an input, and send its outputs."""
        call = self._crew.book.calls(*self._at(pour, 0, value))
        yield Moment("calls")
        try:
            for output in [] if call.held and call.fails else call.outputs:
                yield from self._send_poured(pour, output)
        except (Broken, Cancelled) as exc:
            self._last = True
            return Raised(value, exc)

        self._last = call.last
        return Raised(value, Flop()) if call.fails else None

    def _send_poured(self, pour: Pour, output: Item) -> Play:
        """Send one output without the monitor, or ask the drain."""
        pour.adding = True
        yield Moment("takes a place, or none")
        place = next(pour.places, None)
        if place is None:
            pour.adding = False
            yield from self._ask(pour, output)
            return

        yield Moment("adds an output")
        pour.outlet.append(output)
        self._note_sent()
        yield ADDED
        pour.adding = False
        yield LISTENS
        if pour.armed:
            yield from self._ask(pour, None)

    def _ask(self, pour: Pour, output: Item | None) -> Play:
        """Pass on what a pour sent, and send what there was no place for."""
        yield HEARS
        self._runner._hear(pour)  # noqa: SLF001
        yield ASKS
        if not pour.stage.promising:
            pour.widen(BURST)

        for channel in pour.stage.promising:
            try:
                yield from self._ask_channel(pour, channel, output)
            except DrainClosed:
                raise Broken from None

    def _ask_channel(
        self, pour: Pour, channel: Channel[Item], output: Item | None
    ) -> Play:
        if output is None:
            channel.hear(pour)
            return

        self._note_sent()
        if channel.pour(pour, output):
            return

        yield Moment("queues for room")
        sender = channel._offer(output, promised=False)  # noqa: SLF001
        if sender is None:
            return

        yield Moment("sits down to wait")
        with self._crew.monitor:
            occupant = self._crew.scheduler.sit(pour)

        try:
            let_in = yield from self._await(occupant, channel, sender)
        finally:
            with self._crew.monitor:
                self._crew.scheduler.slots.rise(occupant)

        if not let_in:
            raise Broken

    def _note_sent(self) -> None:
        assert self._held is not None
        self._crew.book.sent(*self._held)

    def _decide(self, slice_: Slice, stop: Stop) -> Stops:
        """Decide what a slice stopped for, as the runner does, and go on."""
        yield Moment("decides what stopped it")
        if isinstance(stop, Passing):
            return (yield from self._hand_on(stop))

        if isinstance(stop, Held):
            self._runner._let_go(slice_, stop.value)  # noqa: SLF001
        else:
            if not self._last and not slice_.told:
                self._held = None  # it is in progress yet

            self.hold(None)
            self._runner._missed(slice_, stop)  # noqa: SLF001

        return (yield from self._loop(slice_))

    def _hand_on(self, passing: Passing) -> Stops:
        """Leave an input of a course in a drain, or go on with it where it has to be."""
        course, index, value = passing.course, passing.index, passing.value
        with self._crew.monitor:
            goes_on = self._crew.scheduler.hand_on(course, index, value)
            self._crew.react()

        if not goes_on:
            self.hold(None)
            return None

        assert course.only == index
        yield Moment("looks at its alarm")
        course.at = index
        if course.armed:
            return Passing(course, index, value)

        return (yield from self._pass(course, index, index + 1, value))

    def _enter(self, slice_: Slice, index: int, value: object) -> None:
        """Note that an input is in the stage of that index from now on."""
        if isinstance(slice_, Course):
            slice_.at = index

        held = self._at(slice_, index, value)
        self.about = str(held[1])
        self.hold(held)

    def _at(self, slice_: Slice, index: int, value: object) -> tuple[Step, Item]:
        work = slice_.stages[index].work(value, 0)  # only to read it
        return work.steps[0], work.input

    def hold(self, held: tuple[Step, Item] | None) -> None:
        """Note which input of a slice is in progress, and that the last one is no more."""
        book = self._crew.book
        if self._held not in {None, held}:
            book.ended(*self._held)

        self._held = held
        if held is not None:
            book.took(*held)

    # -- attempts, as the runner and the performance -----------------------------------

    def _attempt(self, attempt: Attempt) -> Play:
        book, runner = self._crew.book, self._runner
        step, item = attempt.work.steps[0], attempt.work.input
        self.about = str(item)
        book.took(step, item)
        call = book.calls(step, item)
        failed: Failed | None = None
        dropped = False
        try:
            yield from self._perform(attempt, call)
        except Flop as flop:
            failure = failure_of(step, item, attempt.work.tries, None, flop)
            failed = runner.judge(step, failure, Context())
        except (Broken, Cancelled):
            dropped = True

        yield Moment("reports a failure" if failed else "reports its end")
        if not failed or call.last or attempt.work.dropped:
            book.ended(step, item)

        runner._report(attempt, Seat(self._crew), failed=failed, dropped=dropped)  # noqa: SLF001

    def _perform(self, attempt: Attempt, call: Call) -> Play:
        """Make the call, and send what comes of it."""
        streams = not attempt.work.plain
        yield Moment("calls")
        if call.held and call.fails:
            raise Flop

        for output in call.outputs:
            if attempt.told and streams:
                raise Cancelled

            yield from self._send(attempt, output)

        if call.fails:
            raise Flop

    def _send(self, attempt: Attempt, output: Item) -> Play:
        """Send an output to one drain after the other."""
        shut: list[bool] = []
        for channel in channels_of(attempt.work.steps[0].drains):
            yield Moment(f"sends to {channel.name}")
            self._crew.book.sent(attempt.work.steps[0], attempt.work.input)
            shut.append(not (yield from self._put(attempt, channel, output)))

        if shut and all(shut):
            raise Broken

    def _put(
        self, attempt: Attempt, channel: Channel[Item], output: Item
    ) -> Generator[Moment, None, bool]:
        """Send to one drain, waiting for room; say whether it let the output in."""
        promised = attempt.work.plain
        turn = dict(attempt.work.turns).get(channel)
        try:
            if turn is not None and channel.turns and turn != channel.turns.head:
                channel.put_in_turn(turn, output, _never, promised=promised)
                return True

            sender = channel._offer(output, promised=promised)  # noqa: SLF001
        except DrainClosed:
            return False

        if sender is not None:
            return (yield from self._await(attempt, channel, sender))

        return True

    def _await(
        self, occupant: Occupant, channel: Channel[Item], sender: Sender[Item]
    ) -> Generator[Moment, None, bool]:
        """Wait for room; say whether the output was let in."""
        try:
            yield from self._wait(occupant, sender.waiter)
        except Cancelled:
            if channel._withdraw(sender):  # noqa: SLF001
                raise

        return not channel._withdraw(sender)  # noqa: SLF001

    def _wait(self, attempt: Occupant, waiter: Waiter) -> Play:
        """Wait without the slot, as the seat does."""
        crew, slots = self._crew, self._crew.scheduler.slots
        yield Moment("lends its slot")
        with crew.monitor:
            if attempt.told:
                raise Cancelled

            attempt.waiter = waiter
            self.runs = False
            slots.lend(attempt, crew.now())
            crew.react()

        yield Moment("wants its slot back", waiter)
        with crew.monitor:
            waits = slots.reclaim(attempt, crew.now())
            crew.react()

        if waits is not None:
            yield Moment("has its slot back", waits)
            with crew.monitor:
                slots.resume(attempt, crew.now())
                crew.react()

        self.runs = True
        attempt.waiter = None
        if attempt.told:
            raise Cancelled


def _passing(slice_: Slice, index: int, value: object) -> Passing:
    """Say that an input of a course was stopped before the stage of that index."""
    assert isinstance(slice_, Course)
    return Passing(slice_, index, value)


def _never() -> float | None:
    raise AssertionError("a player waited")
