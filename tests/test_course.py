"""Courses: quick inputs that one thread takes through several stages, one after the other."""

import math
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar

import pytest

from fluent_async import Drain, Pool, cancelled, each, sleep, stream, task
from fluent_async._channel import Channel
from fluent_async._course import Course
from fluent_async._loop import Passing, go_on
from fluent_async._outcome import in_order
from fluent_async._parties import Lease, Stirrable
from fluent_async._retry import Policy
from fluent_async._slice import Slice
from fluent_async._stage import QUICK_S, Stage
from fluent_async.typing import Takes
from hand import Hand, channel_of
from support import FakeClock


pytestmark = pytest.mark.usefixtures("each_build")


Act = Callable[[], object]


class Line:
    """Three stages in a row, all known to be quick, in a pool that is driven by hand.

    `calls` says what was called with what. `meanwhile` says what happens in the middle of
    a call, as if another thread did it.
    """

    def __init__(
        self,
        values: Iterable[int],
        *,
        maxsize: int = 0,
        room: int = 0,
        tasks: tuple[Takes[int, int], ...] = (),
    ) -> None:
        self.calls: list[str] = []
        self.meanwhile: dict[str, Act] = {}
        self.first = Drain[int](maxsize)
        self.second = Drain[int](maxsize)
        self.out = Drain[int](room)
        self.hand = Hand(limit=2)
        f, g, h = tasks or (self.calling("f"), self.calling("g"), self.calling("h"))
        self.stages = self.hand.go(
            each(values) >> f | self.first,
            self.first >> g | self.second,
            self.second >> h | self.out,
        )
        for stage in self.stages:
            stage.budget = 4

    def calling(self, name: str) -> Takes[int, int]:
        """Make a task of that name that gives its input."""

        @task(name=name)
        def call(number: int) -> int:
            self.calls.append(f"{name}({number})")
            self.meanwhile.get(self.calls[-1], int)()
            return number

        return call

    def course(self) -> Course:
        """Take the next job, which is a course."""
        job = self.hand.next()
        assert isinstance(job, Course)
        return job

    def counts(self) -> tuple[int, int, int, int, int]:
        """Return how many inputs were accepted, and are in each of the four states."""
        now = self.hand.scheduler.stats(threads=0)
        return now.accepted, now.succeeded, now.failed, now.cancelled, now.in_progress


def lengths(slice_: Slice) -> tuple[int, int]:
    """Say how many stages and how many inputs a slice is of."""
    return len(slice_.stages), slice_.size


def next_length(line: Line) -> tuple[int, int]:
    """Take the next job, a slice, and say how long it is."""
    return lengths(line.hand.slice())


class TestCourse:
    """One thread takes each input as far downstream as it can, before it takes the next."""

    def test_is_at_work_in_the_stage_that_its_input_is_in(self) -> None:
        """In no other, and in none before its first input."""
        line = Line([1, 2])
        course = line.course()
        before = [course.at_work_in(stage) for stage in line.stages]
        next(course.inputs)
        course.at = 1

        assert [False, False, False] == before
        assert [False, True, False] == [course.at_work_in(s) for s in line.stages]

    def test_takes_its_inputs_in_single_steps(self) -> None:
        """It passes each on before it has the next, so the alarm is looked at in between."""
        assert Line([1, 2]).course().threes is None

    def test_takes_each_input_through_all_stages(self) -> None:
        """What is most downstream comes first, as without it."""
        line = Line([1, 2])
        line.hand.perform(line.course())

        assert ["f(1)", "g(1)", "h(1)", "f(2)", "g(2)", "h(2)"] == line.calls
        assert [1, 2] == line.out.drain()

    def test_counts_what_each_stage_does(self) -> None:
        """Every stage accepts every input."""
        line = Line([1, 2])
        line.hand.perform_all()

        assert (6, 6, 0, 0, 0) == line.counts()
        assert line.hand.scheduler.idle()

    def test_leaves_the_drains_between_empty(self) -> None:
        """An output passes the drain, whatever room there is in that."""
        line = Line(range(9), maxsize=1)
        seen: list[int] = []
        for name in "fgh":
            line.meanwhile[f"{name}(0)"] = lambda: seen.append(
                len(line.first) + len(line.second)
            )

        line.hand.perform_all()

        assert [0, 0, 0] == seen

    def test_takes_no_more_inputs_than_the_last_drain_has_room_for(self) -> None:
        """What comes out of the last stage is kept room for in advance."""
        line = Line(range(9), room=3)

        assert (3, 3) == next_length(line)

    def test_ends_before_a_drain_that_is_full(self) -> None:
        """Then outputs collect in the drain before, as far as there is room in that."""
        line = Line(range(9), maxsize=2, room=2)
        for value in (1, 2):
            line.out.send(value)

        assert (2, 2) == next_length(line)

    def test_numbers_the_inputs_of_every_stage(self) -> None:
        """Failures come in the order of the inputs, however those were taken."""
        line = Line(range(6))

        def fail() -> None:
            raise ValueError

        failing = ["f(4)", "g(1)", "g(3)", "h(2)"]
        line.meanwhile = dict.fromkeys(failing, fail)
        line.hand.perform_all()
        failures = in_order(line.hand.scheduler.outcome.failures)

        assert failing == [f"{failure.task}({failure.input})" for failure in failures]

    def test_gives_each_call_a_context_of_its_own(self) -> None:
        """What one function sets, the next one does not see; nor does the next input."""
        variable = ContextVar("variable", default="unset")
        seen: list[str] = []

        def change() -> None:
            seen.append(variable.get())
            variable.set("set")

        line = Line([1, 2])
        line.meanwhile = {
            f"{name}({value})": change for name in "fgh" for value in (1, 2)
        }
        line.hand.perform(line.course())

        assert ["unset"] * 6 == seen
        assert [1, 2] == line.out.drain()

    def test_shows_each_call_the_context_of_go(self) -> None:
        """It is a copy of that which go() was called in."""
        variable = ContextVar("variable", default="unset")
        variable.set("set")
        seen: list[str] = []

        @task
        def look(number: int) -> int:
            seen.append(variable.get())
            variable.set("changed")
            return number

        first, out = Drain[int](), Drain[int]()
        with Pool(1) as pool:
            pool.go(each(range(99)) >> look | first, first >> look | out)

        assert ["set"] * 198 == seen

    def test_lets_go_of_each_value_at_its_last_use(self) -> None:
        """While a function runs, nothing holds what the one before was given."""

        class Value:
            pass

        alive: list[int] = []
        refs: list[weakref.ref[Value]] = []

        @task
        def renew(_: object) -> Value:
            alive.append(sum(ref() is not None for ref in refs))
            value = Value()
            refs.append(weakref.ref(value))
            return value

        first, second = Drain[Value](), Drain[Value]()
        with Pool(1) as pool:
            pool.go(
                each(range(99)) >> renew | first,
                first >> renew | second,
                second >> task(id),
            )

        assert 1 == max(alive)  # the input itself


def test_stage_that_an_uncoupled_course_has_left_may_sleep() -> None:
    """As soon as others may use it: there is nothing left to take."""
    hand, between, seen = Hand(limit=2), Drain[int](), list[list[bool]]()

    @task
    def uncouple(number: int) -> int:
        if number == 2:
            assert isinstance(course, Course)
            hand.scheduler.leases.let_go(course)
            seen.append([stage.awake for stage in stages])

        return number

    give = task(int)
    stages = hand.go(between >> uncouple, 1 >> give | between, 2 >> give | between)
    for stage in stages:
        stage.budget = 4

    course = hand.next()
    assert isinstance(course, Course)
    hand.perform(course)

    assert [[True, False]] == seen


class TestFormation:
    """Which stages one thread takes an input through."""

    @pytest.mark.parametrize("slow", [0, 1, 2])
    def test_is_of_stages_that_are_known_to_be_quick(self, slow: int) -> None:
        """Others had better share what a slow one leaves."""
        line = Line(range(9))
        line.stages[slow].budget = 1

        assert max(slow, 1) == next_length(line)[0]

    def test_is_rather_of_many_inputs_than_of_many_stages(self) -> None:
        """Where there is room for one output alone, they are left in the drain before."""
        line = Line(range(9), room=1)

        assert (2, 4) == next_length(line)

    def test_is_of_as_many_inputs_as_the_first_stage_may_take(self) -> None:
        """Its time is what is shared with others."""
        line = Line(range(9))
        line.stages[0].budget = 2

        assert (3, 2) == next_length(line)

    def test_stops_before_a_stage_that_has_something_to_do(self) -> None:
        """Values that are in a drain come first."""
        line = Line(range(9))
        line.second.send(7)
        busy = line.hand.slice()

        assert [line.stages[2]] == list(busy.stages)

    def test_stops_before_a_stage_whose_limit_is_reached(self) -> None:
        """A task's own limit counts the inputs of courses, too."""
        f, h = task(int), task(abs)
        line = Line(range(9), tasks=(f, task(round).with_limit(1), h))
        [limit] = line.stages[1].limits
        limit.taken = 1

        assert 1 == next_length(line)[0]

    def test_stops_before_a_stage_that_shares_a_limit(self) -> None:
        """One input can't be in progress twice, of a task that may be once."""
        scarce = task(int).with_limit(1)
        line = Line(range(9), tasks=(scarce, scarce, task(abs)))

        assert 1 == next_length(line)[0]

    def test_stops_before_a_stage_with_many_outputs(self) -> None:
        """Only what has one output for each input goes by."""
        line = Line(range(9), tasks=(task(int), stream(lambda n: [n]), task(abs)))

        assert 1 == next_length(line)[0]

    def test_stops_before_a_drain_that_is_shut(self) -> None:
        """Nothing passes it."""
        line = Line(range(9))
        line.second.shut_down()
        jobs = iter(line.hand.next, None)

        assert all(isinstance(job, Slice) and 1 == len(job.stages) for job in jobs)

    def test_stops_at_the_end_of_the_pool(self) -> None:
        """A stage of another pool is that one's business."""
        hand, other, between = Hand(), Hand(), Drain[int]()
        [stage] = hand.go(each(range(9)) >> task(int) | between)
        [following] = other.go(between >> task(int))
        stage.budget = following.budget = 4

        assert 1 == len(hand.slice().stages)

    def test_is_of_one_stage_where_there_is_room_for_one_value(self) -> None:
        """Then nothing is gained by more."""
        line = Line(range(9), maxsize=1, room=1)

        assert (1, 1) == next_length(line)

    def test_leaves_a_quick_stage_to_the_thread_downstream(self) -> None:
        """Whoever is at work downstream comes next, and takes inputs all the way."""
        line = Line(range(9))
        line.second.send(7)
        busy = line.hand.slice()

        assert line.hand.next() is None
        assert line.hand.scheduler.shared()
        assert not line.hand.scheduler.more(0.0)

        line.hand.work_through(busy)

        assert (3, 4) == next_length(line)

    def test_does_not_wait_for_that_thread_for_ever(self) -> None:
        """A thread that has waited for a while starts what it can."""
        line = Line(range(9))
        line.second.send(7)
        line.hand.slice()

        assert [line.stages[0], line.stages[1]] == list(
            line.hand.slice(patient=True).stages
        )

    def test_gives_room_back_if_another_was_quicker(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A value that comes at the last moment has the drain to itself."""
        line = Line(range(9), maxsize=1)
        second, bridge = channel_of(line.second), Channel.bridge

        def bridges(channel: Channel[int], lease: Lease, by: Stirrable) -> bool:
            if channel is second:
                line.second.send(7)

            return bridge(channel, lease, by)

        monkeypatch.setattr(Channel, "bridge", bridges)

        assert line.hand.next() is None
        assert 1 == channel_of(line.first).room(2)
        assert 0 == second.room(2)

    def test_gives_room_back_if_the_last_drain_was_filled(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """So it is if that happens in the last drain."""
        line = Line(range(9), maxsize=1)
        monkeypatch.setattr(Channel, "lease", lambda *_: False)

        assert line.hand.next() is None
        assert 1 == channel_of(line.first).room(2)


class TestFailure:
    """A call that fails is judged as an attempt at its stage's input."""

    @pytest.mark.parametrize("name", ["f", "g", "h"])
    def test_is_of_the_stage_it_happened_in(self, name: str) -> None:
        """What came before succeeded; what comes after never sees the input."""
        line = Line([1, 2, 3])
        seen: list[tuple[int, int, int, int, int]] = []

        def fail() -> None:
            seen.append(line.counts())
            raise ValueError

        line.meanwhile[f"{name}(2)"] = fail
        line.hand.perform_all()
        passed = "fgh".index(name)
        [(_, failure)] = line.hand.scheduler.outcome.failures

        assert (name, 2) == (failure.task, failure.input)
        assert [(4 + passed, 3 + passed, 0, 0, 1)] == seen
        assert (7 + passed, 6 + passed, 1, 0, 0) == line.counts()
        assert [1, 3] == line.out.drain()

    @pytest.mark.parametrize("name", ["f", "g", "h"])
    def test_is_retried_in_that_stage_alone(self, name: str) -> None:
        """The next attempt begins where the last one failed."""
        line = Line([1, 2], maxsize=1)
        line.hand.policy = Policy.of(2, 0.0, Exception)
        failures = iter([ValueError()])

        def fail() -> None:
            for error in failures:
                raise error

        line.meanwhile[f"{name}(1)"] = fail
        line.hand.perform_all()
        line.hand.now = math.inf
        line.hand.perform_all()

        assert 2 == line.calls.count(f"{name}(1)")
        assert 7 == len(line.calls)
        assert [1, 2] == sorted(line.out.drain())
        assert (6, 6, 0, 0, 0) == line.counts()


class TestMeanwhile:
    """What others do while a thread is in the middle of a course."""

    @pytest.mark.parametrize("name", ["f", "g", "h"])
    def test_accounts_add_up(self, name: str) -> None:
        """In the middle of any call one input is in progress, in the stage of that."""
        line = Line([1, 2])
        seen: list[tuple[int, int, int, int, int]] = []
        line.meanwhile[f"{name}(2)"] = lambda: seen.append(line.counts())
        line.hand.perform_all()
        passed = "fgh".index(name)

        assert [(4 + passed, 3 + passed, 0, 0, 1)] == seen

    @pytest.mark.parametrize("name", ["f", "g", "h"])
    def test_a_patient_thread_takes_over(self, name: str) -> None:
        """A call that takes long holds nothing but its own place: the rest is shared."""
        line = Line(range(9))
        others: list[Slice] = []

        def take_over() -> None:
            line.hand.next()
            others.append(line.hand.slice(patient=True))

        line.meanwhile[f"{name}(0)"] = take_over
        line.hand.perform(line.course())
        passed = "fgh".index(name)

        assert [f"{called}(0)" for called in "fgh"[: passed + 1]] == line.calls
        assert [line.stages[0]] == [other.stage for other in others]

        for other in others:
            line.hand.perform(other)

        line.hand.perform_all()

        assert list(range(9)) == sorted(line.out.drain())
        assert (27, 27, 0, 0, 0) == line.counts()

    def test_a_patient_thread_leaves_it_to_one_that_is_quick_in_each_stage(
        self,
    ) -> None:
        """An input may take as long as all its stages together."""
        line = Line(range(9))
        course = line.course()
        next(course.inputs)
        line.hand.next()  # refuses it
        next(course.inputs)
        line.hand.now += 2 * QUICK_S

        assert line.hand.next(patient=True) is None

        line.hand.next()
        line.hand.now += QUICK_S

        assert line.hand.next(patient=True) is not None

    def test_the_next_course_takes_over(self) -> None:
        """It goes past the drain that the output of the first one is still to come to."""
        line = Line(range(9))
        others: list[Course] = []

        def take_over() -> None:
            course.arm()
            line.hand.scheduler.leases.let_go(course)
            others.append(line.course())

        line.meanwhile["g(0)"] = take_over
        course = line.course()
        line.hand.perform(course)
        [other] = others
        line.second.shut_down()
        line.hand.perform(other)

        assert ["f(0)", "g(0)", "f(1)"] == line.calls
        assert (3, 3, 0, 0, 0) == line.counts()
        assert [1] == list(channel_of(line.first).values)

    def test_its_output_is_kept_room_for_when_others_take_over(self) -> None:
        """Nobody else gets the room in the drain that the output comes to."""
        line = Line(range(9), maxsize=1)
        room: list[tuple[int, int]] = []

        def take_over() -> None:
            course.arm()
            line.hand.scheduler.leases.let_go(course)
            first, second = channel_of(line.first), channel_of(line.second)
            room.append((first.room(2), second.room(2)))

        line.meanwhile["g(0)"] = take_over
        course = line.course()
        line.hand.perform(course)

        assert [(1, 0)] == room
        assert 0 == channel_of(line.second).room(2)
        assert [0] == list(channel_of(line.second).values)

    def test_the_iterable_takes_long(self) -> None:
        """Stages that wait for it are left to others; it is not pulled from twice."""

        def values() -> Iterator[int]:
            yield 0
            line.second.send(7)
            others.append(line.hand.slice())
            yield 1

        others: list[Slice] = []
        line = Line(values())
        line.hand.perform(line.course())
        [other] = others

        assert [line.stages[2]] == list(other.stages)
        assert ["f(0)", "g(0)", "h(0)", "f(1)"] == line.calls

        line.hand.perform(other)
        line.hand.perform_all()

        assert [0, 7, 1] == line.out.drain()

    def test_the_iterable_waits(self) -> None:
        """Others may use all stages but the one that it is pulled for."""

        def values() -> Iterator[int]:
            line.hand.scheduler.sit(course)
            yield 1

        line = Line(values())
        course = line.course()
        next(course.inputs)

        assert (line.stages[0],) == course.held

    def test_an_input_is_before_a_call_when_others_take_over(self) -> None:
        """It goes on there if that is the place it kept, and no further."""
        line = Line([5])
        course = line.course()
        course.calls = tuple(enumerate(stage.call for stage in course.stages))
        next(course.inputs)
        course.at = 1  # and the alarm comes before it is looked at
        line.hand.scheduler.leases.let_go(course)
        goes_on = line.hand.scheduler.hand_on(course, 1, 5)
        passing = go_on(Passing(course, 1, 5))

        assert goes_on
        assert isinstance(passing, Passing)
        assert 2 == passing.index
        assert not line.hand.scheduler.hand_on(course, 2, 5)
        assert [5] == list(channel_of(line.second).values)

        line.hand.settle(course)
        line.hand.perform_all()

        assert ["g(5)", "h(5)"] == line.calls
        assert (3, 3, 0, 0, 0) == line.counts()

    def test_an_input_is_in_the_stage_before_until_its_output_is_in_the_drain(
        self,
    ) -> None:
        """That is the only stage in which its thread still has a place."""
        line = Line([1])
        course = line.course()
        value = next(course.inputs)
        line.hand.scheduler.hand_on(course, 2, value)

        assert (line.stages[1],) == course.held
        assert 1 == len(line.second)

    def test_an_alarm_comes_between_calls_that_each_have_a_context(self) -> None:
        """It is seen there as well."""
        variable = ContextVar("variable", default=0)
        line = Line([5])
        course = line.course()
        line.meanwhile["f(5)"] = lambda: variable.set(1)
        line.meanwhile["g(5)"] = course.arm
        line.hand.perform(course)

        assert ["f(5)", "g(5)"] == line.calls
        assert [5] == list(channel_of(line.second).values)

    def test_a_call_fails_that_has_a_context_of_its_own(self) -> None:
        """It is of its stage as well."""
        variable = ContextVar("variable", default=0)

        def fail() -> None:
            raise ValueError

        line = Line([5])
        line.meanwhile["f(5)"] = lambda: variable.set(1)
        line.meanwhile["g(5)"] = fail
        line.hand.perform_all()

        assert (2, 1, 1, 0, 0) == line.counts()

    def test_the_drain_after_it_is_shut(self) -> None:
        """The output comes too late, like any; its input counts as cancelled."""
        line = Line([1, 2])
        line.meanwhile["f(1)"] = line.first.shut_down
        line.hand.perform_all()

        assert ["f(1)"] == line.calls
        assert (1, 0, 0, 1, 0) == line.counts()

    def test_a_drain_before_it_is_shut(self) -> None:
        """What has passed goes on."""
        line = Line([1, 2])
        line.meanwhile["g(1)"] = line.first.shut_down
        line.hand.perform_all()

        assert ["f(1)", "g(1)", "h(1)"] == line.calls
        assert [1] == line.out.drain()
        assert (3, 3, 0, 0, 0) == line.counts()

    def test_the_pool_is_cancelled_during_a_pull(self) -> None:
        """The input that comes is dropped before the first stage."""

        def values() -> Iterator[int]:
            line.hand.scheduler.cancel()
            yield 1

        line = Line(values())
        line.hand.perform(line.course())

        assert ([], (1, 0, 0, 1, 0)) == (line.calls, line.counts())

    @pytest.mark.parametrize("name", ["f", "g", "h"])
    def test_the_pool_is_cancelled(self, name: str) -> None:
        """The call runs to its end; what it returns is not taken further."""
        line = Line([1, 2])
        told: list[bool] = []

        def cancel() -> None:
            line.hand.scheduler.cancel()
            told.append(cancelled())

        line.meanwhile[f"{name}(1)"] = cancel
        line.hand.perform_all()
        passed = "fgh".index(name)

        assert [f"{called}(1)" for called in "fgh"[: passed + 1]] == line.calls
        assert (0 if passed == 2 else 1) == line.counts()[3]
        assert 0 == line.counts()[4]
        assert line.hand.scheduler.idle()

    def test_the_pool_is_cancelled_before_a_call(self) -> None:
        """An input that has not started there is dropped."""
        line = Line([5])
        course = line.course()
        next(course.inputs)
        course.at = 1
        line.hand.scheduler.leases.let_go(course)
        line.hand.scheduler.cancel()

        assert not line.hand.scheduler.hand_on(course, 1, 5)

        line.hand.settle(course)

        assert (2, 1, 0, 1, 0) == line.counts()

    def test_a_value_is_sent_by_hand(self) -> None:
        """It waits in the drain, and is taken next."""
        line = Line([1, 2], maxsize=2)
        line.meanwhile["f(1)"] = lambda: line.first.send(7, timeout=0)
        line.hand.perform_all()

        assert [1, 2, 7] == line.out.drain()

    def test_a_sender_waits_for_room(self) -> None:
        """It gets the room as soon as the input has passed."""
        line = Line(range(9), maxsize=1)

        def send() -> None:
            with pytest.raises(TimeoutError):
                line.first.send(7, timeout=0)

        line.meanwhile["f(0)"] = send
        line.hand.perform(line.course())

        assert ["f(0)"] == line.calls
        assert [0] == list(channel_of(line.first).values)

    @pytest.mark.parametrize("name", ["f", "g", "h"])
    def test_a_function_waits(self, name: str) -> None:
        """It lends its slot, and leaves everything else to others."""
        calls: list[int] = []

        def wait(number: int) -> int:
            calls.append(number)
            if number == 50:
                for_once.drain()

            return number

        def feed(number: int) -> int:
            return number

        waiting, quick = task(wait), task(feed)
        f, g, h = (waiting if each_ == name else quick for each_ in "fgh")
        for_once, first, second, out = (Drain[int]() for _ in range(4))
        with Pool(1) as pool:
            for_once._open()  # noqa: SLF001
            pool.go(
                each(range(50)) >> f | first, first >> g | second, second >> h | out
            )
            pool.wait()
            pool.go(each([50, 51]) >> f | first)
            while len(out) < 51:
                sleep(0)

            for_once._idle()  # noqa: SLF001

        assert list(range(52)) == sorted(out.drain())


class TestAccounts:
    """What was shown as started is, though the thread is to stop before it."""

    def test_goes_on_where_it_was_shown_to_be(self) -> None:
        """The input starts in the next stage, rather than being left before that."""
        # 1. The first call is over: the thread says that it is before the second.
        # 2. Somebody looks at the accounts: the second counts as started.
        # 3. The thread sees its alarm.
        line = Line([1, 2])
        course = line.course()
        value = next(course.inputs)
        course.at = 1
        before = line.hand.scheduler.stats(threads=0)
        course.arm()
        goes_on = line.hand.scheduler.hand_on(course, 1, value)
        after = line.hand.scheduler.stats(threads=0)

        assert goes_on
        assert before.attempts == after.attempts == 2
        assert (2, 1, 0, 0, 1) == line.counts()

    def test_counts_nothing_that_is_left_to_others(self) -> None:
        """Once it has a place in one stage alone, no input of the next counts as its own."""
        line = Line([1, 2])
        course = line.course()
        value = next(course.inputs)
        course.at = 0
        line.hand.scheduler.leases.let_go(course)
        course.at = 1
        before = line.hand.scheduler.stats(threads=0)
        goes_on = line.hand.scheduler.hand_on(course, 1, value)
        after = line.hand.scheduler.stats(threads=0)

        assert not goes_on
        assert before.attempts == after.attempts == 1
        assert before.accepted == after.accepted == 1


class TestPace:
    """How many inputs the next course may take."""

    def test_falls_in_all_stages_when_calls_are_slow(
        self, fake_clock: FakeClock
    ) -> None:
        """Nobody knows which of them it was."""
        line = Line(range(9))
        line.meanwhile["g(0)"] = lambda: fake_clock.advance(4 * 3 * QUICK_S * 1.1)
        line.hand.perform(line.course())

        assert [1, 1, 1] == [stage.budget for stage in line.stages]

    def test_is_measured_over_all_stages(self) -> None:
        """Each has as much time as it would have alone."""
        line = Line(range(9))
        course = line.course()
        course.started = -4 * 3 * QUICK_S * 0.9
        stages: list[Stage] = line.stages
        [stage, *_] = stages
        list(course.inputs)
        stage.pace(course, 0.0)

        assert stage.budget > 4
