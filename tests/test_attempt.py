"""One attempt, made in the test's own thread: calls, outputs, and how it ends."""

import gc
import weakref
from collections.abc import Iterator
from contextlib import suppress
from contextvars import ContextVar, copy_context

import pytest

from fluent_async import Args, Drain, cancelled, each, stream, task
from fluent_async._attempt import own_frames_cut
from fluent_async._retry import Failure, Policy
from fluent_async._work import Attempt, End
from fluent_async.errors import Cancelled, DrainClosed
from fluent_async.typing import Executable, Takes
from hand import Hand, filled
from support import FakeClock


pytestmark = pytest.mark.usefixtures("fake_clock")  # whose time is less than LATER

LATER = 9999.0

variable = ContextVar("variable", default="unset")


class Refused(Exception):  # noqa: N818  (what it is)
    """What a task raises that fails."""


class Note:
    """A sink that is no drain: it notes its name with each value."""

    def __init__(self, name: str, notes: list[tuple[str, int]]) -> None:
        self._name = name
        self._notes = notes

    def send(self, value: int, /) -> None:
        """Note a value."""
        self._notes.append((self._name, value))


@task
def add(number: int) -> int:
    """Add one."""
    return number + 1


@stream
def pair(number: int) -> Iterator[int]:
    """Yield a number and its double."""
    yield number
    yield 2 * number


@stream
def sent(args: Args[int, int]) -> None:
    """Send a number and its double."""
    args.drainer.send(args.input)
    args.drainer.send(2 * args.input)


def started(work: Executable, hand: Hand | None = None) -> tuple[Hand, Attempt]:
    """Give some work to a pool, and start it; nothing was called yet."""
    hand = hand or Hand()
    hand.go(work)
    return hand, hand.attempt()


def performed(work: Executable, hand: Hand | None = None) -> tuple[Hand, Attempt]:
    """Start some work and make the attempt."""
    hand, attempt = started(work, hand)
    hand.perform(attempt)
    return hand, attempt


def failures(hand: Hand) -> list[Failure]:
    """Return what failed for good."""
    return [failure for _, failure in hand.scheduler.outcome.failures]


def held(drain: Drain[int]) -> list[int]:
    """Return what waits in a drain that may be fed yet."""
    return [next(iter(drain)) for _ in range(len(drain))]


class Asked:
    """A backoff that notes the number and the input of each failure."""

    def __init__(self) -> None:
        self.about = list[tuple[int, object]]()

    def __call__(self, failure: Failure) -> float:
        """Note a failure, and wait for nothing."""
        self.about.append((failure.attempt, failure.input))
        return 0.0


class TestBehindAnOpenStream:
    """Calls that follow from what a stream gave, before it gives more."""

    def test_take_each_output_all_the_way(self) -> None:
        """In order, though one of the calls gives several at once."""
        drain = Drain[int]()
        hand, _ = performed(each([1]) >> pair >> pair.with_retry(2) >> add | drain)

        assert [2, 3, 3, 5] == held(drain)
        assert 1 + 2 + 4 == hand.scheduler.stats(threads=0).attempts

    def test_wait_for_its_end_where_a_clock_runs(self) -> None:
        """Each call has a clock of its own, so no stream is open meanwhile."""
        drain, seen = Drain[int](), list[int]()

        @stream(timeout=9)
        def looks(number: int) -> Iterator[int]:
            for output in range(number):
                yield output
                seen.append(len(drain))

        performed(each([2]) >> looks >> add | drain)

        assert ([0, 0], [1, 2]) == (seen, held(drain))

    def test_go_out_as_they_are_made_where_a_clock_ran_before(self) -> None:
        """It stands still, since the call it is for has ended."""
        drain, seen = Drain[int](), list[int]()

        @stream
        def looks(number: int) -> Iterator[int]:
            for output in range(number):
                yield output
                seen.append(len(drain))

        performed(each([1]) >> add.with_timeout(9) >> looks | drain)

        assert ([1, 2], [0, 1]) == (seen, held(drain))

    def test_are_not_made_for_one_that_was_told_to_end(self) -> None:
        """A stream whose outputs are kept is closed at the next of them."""
        went_on = list[int]()

        @stream(retry=2)
        def told(number: int) -> Iterator[int]:
            attempt.tell()
            yield number
            went_on.append(number)

        hand, attempt = started(each([1]) >> told | Drain[int]())
        hand.perform(attempt)

        assert (End.CANCELLED, []) == (attempt.end, went_on)

    def test_are_tried_again_by_themselves(self) -> None:
        """Each call has attempts of its own, numbered from one."""
        asked, calls = Asked(), list[int]()

        @task(retry=3, backoff=asked)
        def flaky(number: int) -> int:
            calls.append(number)
            if calls.count(number) < 3:
                raise Refused

            return number

        drain = Drain[int]()
        hand, _ = performed(each([1]) >> pair >> flaky | drain)

        assert [(1, 1), (2, 1), (1, 2), (2, 2)] == asked.about
        assert [1, 2] == held(drain)
        assert 1 + 3 + 3 == hand.scheduler.stats(threads=0).attempts


class TestClock:
    """The time that an attempt may take."""

    def test_stands_still_when_the_outputs_are_there(self) -> None:
        """To send them takes none of it."""
        seen = list[float | None]()

        class Looks:
            def send(self, _value: int, /) -> None:
                seen.append(attempt.deadline)

        hand, attempt = started(each([1]) >> add.with_timeout(9) | Looks())
        before = attempt.deadline
        hand.perform(attempt)

        assert (9.0, [None]) == (before, seen)


class TestArgs:
    """Functions that take Args, and what comes before that."""

    @pytest.mark.parametrize("retry", [1, 2])
    def test_get_all_arguments(self, retry: int) -> None:
        """In the order of the parameters, with the input in the Args."""

        @stream(retry=retry)
        def scaled(factor: int, args: Args[int, int]) -> None:
            args.drainer.send(factor * args.input)

        drain = Drain[int]()
        performed(scaled.with_input(2, 3) | drain)

        assert [6] == held(drain)


class TestOutputs:
    """What an attempt sends, and when."""

    @pytest.mark.parametrize("form", [pair, sent])
    def test_of_a_stream_go_out_in_order(self, form: Takes[int, int]) -> None:
        """A stream's outputs reach the drain in the order in which it makes them."""
        drain = Drain[int]()
        _, attempt = performed(each([1]) >> form | drain)

        assert [1, 2] == held(drain)
        assert End.SUCCEEDED is attempt.end

    def test_of_a_task_is_what_it_returns(self) -> None:
        """A task has one output, None as good as any."""

        @task(timeout=9)
        def nothing(number: int) -> None:
            """Return None."""

        drain = Drain[None]()
        performed(each([1]) >> nothing | drain)

        assert 1 == len(drain)

    def test_go_to_each_drain_in_the_order_written(self) -> None:
        """All sinks of a step get an output before the next output is made."""
        notes: list[tuple[str, int]] = []
        performed(each([1]) >> pair | Note("a", notes) | Note("b", notes))

        assert [("a", 1), ("b", 1), ("a", 2), ("b", 2)] == notes

    def test_go_out_as_they_are_made(self) -> None:
        """With one attempt nothing is kept: an output is there before the next is made."""
        drain, seen = Drain[int](), list[int]()

        @stream(retry=1)
        def looks(number: int) -> Iterator[int]:
            for output in range(3):
                yield output
                seen.append(len(drain))

        performed(each([1]) >> looks | drain)

        assert [1, 2, 3] == seen

    def test_are_let_go_of_while_the_next_is_made(self) -> None:
        """Once one was taken from the drain, nothing holds it."""

        class Value:
            pass

        drain, alive = Drain[Value](), list[bool]()

        @stream(timeout=9)
        def values(_: int) -> Iterator[Value]:
            ref = weakref.ref(value := Value())
            yield value
            del value
            next(iter(drain))
            alive.append(ref() is not None)

        performed(each([1]) >> values | drain)

        assert [False] == alive

    def test_are_kept_until_an_attempt_that_may_be_retried_succeeds(self) -> None:
        """With a retry policy outputs go out all together at the end."""
        drain, seen = Drain[int](), list[int]()

        @stream(retry=2)
        def looks(number: int) -> Iterator[int]:
            for output in range(3):
                yield output
                seen.append(len(drain))

        performed(each([1]) >> looks | drain)

        assert [0, 0, 0] == seen
        assert 3 == len(drain)

    def test_of_a_failed_attempt_that_may_be_retried_go_nowhere(self) -> None:
        """What an attempt sent before it failed is dropped; the next sends it all again."""
        drain, tries = Drain[int](), list[int]()

        @stream(retry=2)
        def second_works(args: Args[int, int]) -> None:
            args.drainer.send(args.attempt)
            tries.append(args.attempt)
            if args.attempt == 1:
                raise Refused

        hand, _ = performed(each([1]) >> second_works | drain)
        after_one = len(drain)
        hand.now = LATER
        hand.perform(hand.attempt())

        assert (0, [1, 2]) == (after_one, tries)
        assert [2] == held(drain)

    def test_of_a_failed_attempt_stay_when_it_was_the_only_one(self) -> None:
        """With one attempt, what was sent before the failure was sent."""

        @stream
        def fails(number: int) -> Iterator[int]:
            yield number
            raise Refused

        drain = Drain[int]()
        performed(each([1]) >> fails | drain)

        assert [1] == held(drain)


class TestFailure:
    """An attempt that raises."""

    def test_says_what_failed(self) -> None:
        """A Failure has task, input, attempt and the exception itself."""
        error = Refused()

        @task(timeout=9)
        def fails(number: int) -> int:
            raise error

        hand, attempt = performed(each([7]) >> fails)
        [failure] = failures(hand)

        assert ("fails", 7, 1) == (failure.task, failure.input, failure.attempt)
        assert error is failure.exception
        assert End.FAILED is attempt.end

    def test_shows_only_the_frames_of_the_user(self) -> None:
        """The traceback begins where the user's code does."""

        @task(timeout=9)
        def fails(number: int) -> int:
            raise Refused

        hand, _ = performed(each([7]) >> fails)
        [failure] = failures(hand)
        traceback = failure.exception.__traceback__

        assert traceback is not None
        assert "fails" == traceback.tb_frame.f_code.co_name

    def test_of_no_frame_of_the_users_has_no_traceback(self) -> None:
        """An error that only the library's own frames saw has nothing to show."""
        assert own_frames_cut(Refused()) is None

    def test_leaves_what_is_left_of_the_work_as_it_was(self) -> None:
        """The call that failed is made again; those before it are not."""
        calls: list[str] = []

        @task
        def first(number: int) -> int:
            calls.append("first")
            return number + 1

        @task(retry=2)
        def second(number: int) -> int:
            calls.append(f"second({number})")
            if len(calls) == 2:
                raise Refused

            return number

        hand, _ = performed(each([1]) >> first >> second)
        hand.now = LATER
        hand.perform(hand.attempt())

        assert ["first", "second(2)", "second(2)"] == calls
        assert 1 == hand.scheduler.accounts.succeeded

    def test_of_a_later_step_shows_that_steps_input(self) -> None:
        """The input of a failure is what the failing task was called with."""

        @task
        def fails(number: int) -> int:
            raise Refused

        hand, _ = performed(each([1]) >> add >> fails)
        [failure] = failures(hand)

        assert ("fails", 2) == (failure.task, failure.input)

    def test_takes_the_policy_of_the_pool(self) -> None:
        """A task without a policy is retried as the pool says; a generator is not."""
        hand = Hand()
        hand.policy = Policy.of(2, 0.0, Exception)

        @task(timeout=9)
        def fails(number: int) -> int:
            raise Refused

        @stream
        def breaks(number: int) -> Iterator[int]:
            yield number
            raise Refused

        performed(each([1]) >> fails, hand)
        performed(each([2]) >> breaks, Hand())

        assert [] == failures(hand)
        assert 1 == hand.scheduler.stats(0).waiting_for_retry

    def test_of_a_sink_is_final(self) -> None:
        """What a sink raises is no failure of the task: it is not tried again."""

        class Full:
            def send(self, value: int, /) -> None:
                raise Refused(value)

        hand, _ = performed(each([1]) >> add.with_retry(5) | Full())
        [failure] = failures(hand)

        assert isinstance(failure.exception, Refused)
        assert 1 == failure.attempt

    def test_of_a_sink_is_told_of_the_last_task(self) -> None:
        """With the input of the whole."""

        class Full:
            def send(self, value: int, /) -> None:
                raise Refused(value)

        hand, _ = performed(each([1]) >> add >> pair | Full())
        [failure] = failures(hand)

        assert ("pair", 1) == (failure.task, failure.input)

    def test_that_is_no_exception_ends_the_pool(self) -> None:
        """A BaseException is never retried: it cancels the pool and is kept for wait()."""

        @task(retry=5, timeout=9)
        def leaves(number: int) -> int:
            raise SystemExit

        hand, _ = performed(each([1, 2]) >> leaves)

        assert isinstance(hand.scheduler.outcome.fatal, SystemExit)
        assert [] == failures(hand)
        assert hand.start() is None


class TestStream:
    """Streams whose outputs go on to a next task, while they are open."""

    def test_hands_each_output_on_before_it_makes_the_next(self) -> None:
        """The next task runs between two outputs, on the same thread."""
        order: list[str] = []

        @stream
        def makes(number: int) -> Iterator[int]:
            for output in range(2):
                order.append(f"makes {output}")
                yield output

        @task
        def takes(number: int) -> None:
            order.append(f"takes {number}")

        performed(each([1]) >> makes >> takes)

        assert ["makes 0", "takes 0", "makes 1", "takes 1"] == order

    def test_hands_each_output_through_all_tasks(self) -> None:
        """Any number of tasks may follow; each counts its own attempts."""
        drain = Drain[int]()
        hand, _ = performed(each([1]) >> pair >> add >> add | drain)

        assert [3, 4] == held(drain)
        assert 5 == hand.scheduler.stats(0).attempts

    def test_hands_on_what_it_kept_in_order(self) -> None:
        """With a retry policy the next task runs on each output once the stream succeeded."""
        drain = Drain[int]()
        hand, _ = performed(each([1]) >> pair.with_retry(2) >> add | drain)

        assert [2, 3] == held(drain)
        assert 1 == hand.scheduler.accounts.succeeded

    def test_waits_on_its_thread_while_a_later_task_is_retried(
        self, fake_clock: FakeClock
    ) -> None:
        """A retry behind an open stream repeats that task alone, after its delay."""
        calls: list[int] = []

        @task(retry=2, backoff=30.0)
        def flaky(number: int) -> int:
            calls.append(number)
            if len(calls) == 1:
                raise Refused

            return number

        drain = Drain[int]()
        performed(each([1]) >> pair >> flaky | drain)

        assert [1, 1, 2] == calls
        assert [1, 2] == held(drain)
        assert 1 == len(fake_clock.sleeps)
        assert 30.0 <= fake_clock.sleeps[0]

    def test_fails_when_a_later_task_does(self) -> None:
        """What a later task raises for good ends the stream, which is closed."""
        closed: list[bool] = []

        @stream
        def makes(number: int) -> Iterator[int]:
            try:
                yield from range(9)
            finally:
                closed.append(True)

        @task
        def fails(number: int) -> int:
            raise Refused

        hand, _ = performed(each([1]) >> makes >> fails)
        [failure] = failures(hand)

        assert ("fails", 0) == (failure.task, failure.input)
        assert [True] == closed

    def test_fails_even_if_the_function_catches_what_send_raises(self) -> None:
        """A function that takes Args can't undo the failure of a later task."""

        @stream
        def catches(args: Args[int, int]) -> None:
            with suppress(BaseException):
                args.drainer.send(args.input)

        @task
        def fails(number: int) -> int:
            raise Refused

        hand, _ = performed(each([1]) >> catches >> fails)

        assert ["fails"] == [failure.task for failure in failures(hand)]

    def test_leaves_no_reference_cycle_when_a_later_task_fails(self) -> None:
        """What was raised is freed with its failure, without the collector."""

        @task
        def fails(number: int) -> int:
            raise Refused

        gc.collect()
        gc.disable()
        try:
            hand, _ = performed(each([1]) >> sent >> fails)
            error = weakref.ref(failures(hand)[0].exception)
            hand.scheduler.outcome.failures.clear()
            hand.scheduler.outcome.untold.clear()
        finally:
            gc.enable()

        assert error() is None


class TestTold:
    """An attempt that was told to end."""

    def test_stops_a_stream_at_its_next_output(self) -> None:
        """A stream is closed where it is, and ends as cancelled."""
        made: list[int] = []

        @stream
        def endless(number: int) -> Iterator[int]:
            for output in range(99):
                made.append(output)
                yield output
                hand.scheduler.cancel()

        hand = Hand()
        _, attempt = performed(each([1]) >> endless, hand)

        assert [0, 1] == made
        assert End.CANCELLED is attempt.end

    def test_sends_nothing_that_a_stream_makes_after_that(self) -> None:
        """What it made before is there."""

        @stream
        def told(number: int) -> Iterator[int]:
            yield number
            hand.scheduler.cancel()
            yield -number

        hand, drain = Hand(), Drain[int]()
        performed(each([1]) >> told | drain, hand)

        assert [1] == held(drain)

    def test_stops_a_stream_that_hears_of_it_while_it_sends(self) -> None:
        """An output that was sent is the last one, if the stream was told meanwhile."""
        made: list[int] = []

        class Cancels:
            def send(self, value: int, /) -> None:
                made.append(value)
                hand.scheduler.cancel()

        hand = Hand()
        _, attempt = performed(each([1]) >> pair | Cancels(), hand)

        assert [1] == made
        assert End.CANCELLED is attempt.end

    @pytest.mark.parametrize("retry", [1, 2])
    def test_raises_in_send(self, retry: int) -> None:
        """A function that takes Args hears it from `drainer.send`, if that keeps it, too."""
        heard: list[type[BaseException]] = []

        @stream(retry=retry)
        def sends(args: Args[int, int]) -> None:
            hand.scheduler.cancel()
            try:
                args.drainer.send(1)
            except BaseException as exc:
                heard.append(type(exc))
                raise

        hand = Hand()
        _, attempt = performed(each([1]) >> sends, hand)

        assert [Cancelled] == heard
        assert End.CANCELLED is attempt.end

    def test_may_ask(self) -> None:
        """`Args.cancelled` is true once it was told."""
        asked: list[bool] = []

        @stream
        def asks(args: Args[int, int]) -> None:
            asked.append(args.cancelled or cancelled())

        performed(each([1]) >> asks)

        assert [False] == asked

    def test_sends_all_the_same_what_a_task_returned(self) -> None:
        """A task that returns after it was told to end has succeeded."""

        @task(timeout=9)
        def returns(number: int) -> int:
            hand.scheduler.cancel()
            return number

        hand, drain = Hand(), Drain[int]()
        _, attempt = performed(each([1]) >> returns | drain, hand)

        assert [1] == held(drain)
        assert End.SUCCEEDED is attempt.end


class TestBroken:
    """An attempt whose drains are shut."""

    def test_is_cancelled_when_all_are(self) -> None:
        """Nobody wants its outputs: it ends, and nothing failed."""
        first, second = Drain[int](), Drain[int]()
        hand, attempt = started(each([1]) >> pair | first | second)
        first.shut_down()
        second.shut_down()
        hand.perform(attempt)

        assert End.CANCELLED is attempt.end
        assert [] == failures(hand)

    def test_goes_on_while_one_is_open(self) -> None:
        """What is sent to a shut drain is lost, and the other gets it."""
        shut, drain = Drain[int](), Drain[int]()
        hand, attempt = started(each([1]) >> pair | shut | drain)
        shut.shut_down()
        hand.perform(attempt)

        assert End.SUCCEEDED is attempt.end
        assert [1, 2] == held(drain)

    def test_goes_on_while_a_later_step_has_an_open_one(self) -> None:
        """A shut drain in the middle ends no worker whose last task still sends."""
        shut, drain = Drain[int](), Drain[int]()
        hand, attempt = started((each([1]) >> pair | shut) >> add | drain)
        shut.shut_down()
        hand.perform(attempt)

        assert [2, 3] == held(drain)

    def test_hears_drain_closed_in_send(self) -> None:
        """In a function that takes Args `drainer.send` raises; letting it pass is right."""
        heard: list[type[BaseException]] = []

        @stream(retry=1)
        def sends(args: Args[int, int]) -> None:
            try:
                args.drainer.send(1)
            except DrainClosed as exc:
                heard.append(type(exc))
                raise

        drain = Drain[int]()
        hand, attempt = started(each([1]) >> sends | drain)
        drain.shut_down()
        hand.perform(attempt)

        assert [DrainClosed] == heard
        assert End.CANCELLED is attempt.end
        assert [] == failures(hand)

    def test_of_a_sink_means_the_same(self) -> None:
        """A sink of the user's may raise DrainClosed, too."""

        class Shut:
            def send(self, value: int, /) -> None:
                raise DrainClosed(value)

        hand, attempt = performed(each([1]) >> pair | Shut())

        assert [] == failures(hand)
        assert attempt.end is not End.FAILED


class TestContext:
    """Context variables, which each attempt has a copy of."""

    def test_is_that_of_go(self) -> None:
        """A task sees what was set where its work was given."""
        seen: list[str] = []

        @task(timeout=9)
        def look(number: int) -> None:
            seen.append(variable.get())
            variable.set("changed")

        hand = Hand()
        token = variable.set("given")
        [stage] = hand.go(each([1, 2]) >> look)
        stage.base = copy_context()
        variable.reset(token)
        for _ in range(2):
            hand.perform(hand.attempt())

        assert ["given", "given"] == seen
        assert "unset" == variable.get()

    def test_holds_for_a_stream_from_first_output_to_last(self) -> None:
        """What a stream sets it finds again after an output."""
        seen: list[str] = []

        @stream
        def looks(number: int) -> Iterator[int]:
            variable.set("mine")
            yield number
            seen.append(variable.get())

        performed(each([1]) >> looks)

        assert ["mine"] == seen
        assert "unset" == variable.get()


def test_attempt_of_a_value_of_a_drain_starts_without_a_pull() -> None:
    """A stage on a drain that is not quick takes values one by one."""
    drain = Drain[int]()
    performed(filled(1) >> pair | drain)

    assert [1, 2] == held(drain)
