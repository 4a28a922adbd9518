"""Retries in a pool: whose policy holds, what waits where, what comes out."""

import threading
from collections.abc import Iterable, Iterator
from itertools import pairwise

import pytest

from fluent_async import Args, Backoff, Drain, Failure, Pool, Task, each, stream, task
from fluent_async.errors import DrainClosed, PoolClosed
from fluent_async.typing import RetryOn
from support import TIMEOUT, FakeClock, Gate, poll
from work import Form, at, double, every_form


class Flaky:
    """Its tasks fail for each input as often as they are told to."""

    def __init__(self, failures: int = 1, error: type[Exception] = OSError) -> None:
        self.calls: list[int] = []
        self._failures = failures
        self._error = error

    def check(self, number: int) -> None:
        """Count a call with this input, and raise if there are failures left."""
        self.calls.append(number)
        if self.calls.count(number) <= self._failures:
            raise self._error(number)

    @task
    def plain(self, number: int, /) -> int:
        """Give the input."""
        self.check(number)
        return number

    @stream
    def yielded(self, number: int) -> Iterator[int]:
        """Give two outputs, and fail between them."""
        yield number
        self.check(number)
        yield -number

    @stream
    def returned(self, number: int) -> Iterable[int]:
        """Give two outputs in a list."""
        self.check(number)
        return [number, -number]

    @stream
    def sent(self, args: Args[int, int]) -> None:
        """Send two outputs, and fail between them."""
        args.drainer.send(args.input)
        self.check(args.input)
        args.drainer.send(-args.input)

    def execute(self) -> None:
        """Be work of one's own."""
        self.check(0)


class TestPolicy:
    """Which policy holds for what."""

    @every_form
    def test_of_the_pool_is_for_tasks_without_one(self, form: Form) -> None:
        """A task that names no retry takes the pool's attempts."""
        flaky, drain = Flaky(failures=2), Drain[int]()
        with Pool(limit=1, retry=3) as pool:
            pool.go(*(work | drain for work in form([1, 2], flaky.plain)))

        assert [1, 2] == sorted(drain.drain())
        assert [1, 1, 1, 2, 2, 2] == sorted(flaky.calls)

    @every_form
    @pytest.mark.parametrize(("of_task", "of_pool"), [(2, 3), (3, 2), (1, 5), (4, 1)])
    def test_of_the_task_comes_first_and_they_never_multiply(
        self, form: Form, of_task: int, of_pool: int
    ) -> None:
        """A task that names one has exactly so many attempts, whatever the pool says."""
        flaky = Flaky(failures=100)
        with Pool(limit=1, retry=of_pool, on_error="keep") as pool:
            pool.go(*form([1], flaky.plain.with_retry(of_task)))

        assert of_task == len(flaky.calls)

    def test_of_the_pool_is_taken_as_a_whole(self) -> None:
        """Attempts, backoff and retry_on come from one policy, never from two."""
        flaky, told = Flaky(failures=100), list[Failure]()

        def no_delay(failure: Failure) -> float:
            told.append(failure)
            return 0.0

        policy = flaky.plain.with_retry(2, retry_on=OSError)
        with Pool(retry=5, backoff=no_delay, retry_on=OSError, on_error="keep") as pool:
            pool.go(1 >> policy)

        assert (2, []) == (len(flaky.calls), told)

    def test_of_the_pool_is_one_attempt_by_default(self) -> None:
        """Without any policy nothing is retried."""
        flaky = Flaky()
        with Pool(on_error="keep") as pool:
            pool.go(1 >> flaky.plain)

        assert [1] == flaky.calls

    def test_of_the_pool_reaches_functions_that_take_args(self) -> None:
        """An Args function is called again."""
        flaky, drain = Flaky(), Drain[int]()
        with Pool(retry=2) as pool:
            pool.go(1 >> flaky.sent | drain)

        assert [1, -1] == drain.drain()

    def test_of_the_pool_reaches_work_of_ones_own(self) -> None:
        """`execute()` is called again."""
        flaky = Flaky(failures=2)
        with Pool(retry=3) as pool:
            pool.go(flaky)

        assert [0, 0, 0] == flaky.calls

    @pytest.mark.parametrize("name", ["yielded", "returned"])
    def test_of_the_pool_does_not_reach_iterables(self, name: str) -> None:
        """Generators and returned iterables have one attempt unless they name more."""
        flaky = Flaky()
        with Pool(retry=3, on_error="keep") as pool:
            pool.go(1 >> stream_of(flaky, name))

        assert [1] == flaky.calls

    @pytest.mark.parametrize("name", ["yielded", "returned", "sent"])
    def test_of_a_stream_holds_for_it(self, name: str) -> None:
        """A stream that names a policy is retried by that."""
        flaky, drain = Flaky(), Drain[int]()
        with Pool() as pool:
            pool.go(1 >> stream_of(flaky, name).with_retry(2) | drain)

        assert ([1, -1], [1, 1]) == (drain.drain(), flaky.calls)

    def test_of_each_step_of_a_composition_is_its_own(self) -> None:
        """A step that fails is repeated alone, with its own attempts."""
        first, second, drain = Flaky(failures=1), Flaky(failures=2), Drain[int]()
        both = first.plain.with_retry(2) >> second.plain.with_retry(3)
        with Pool() as pool:
            pool.go(1 >> both | drain)

        assert ([1], [1, 1], [1, 1, 1]) == (drain.drain(), first.calls, second.calls)

    def test_can_be_set_later(self) -> None:
        """`with_retry` of a pool sets it, and returns the pool."""
        flaky, pool = Flaky(failures=2), Pool()
        with pool:
            assert pool is pool.with_retry(3, retry_on=OSError)
            pool.go(1 >> flaky.plain)

        assert 3 == len(flaky.calls)

    def test_cannot_be_set_once_there_was_work(self) -> None:
        """A pool that was given work keeps its policy."""
        says = "the retry policy of .*'mine'. can't change"
        with Pool(2, name="mine") as pool:
            pool.go(1 >> double).wait()
            with pytest.raises(RuntimeError, match=says):
                pool.with_retry(3)

    def test_with_one_attempt_never_retries(self) -> None:
        """1 is no retry."""
        flaky = Flaky()
        with Pool(retry=1, on_error="keep") as pool:
            pool.go(1 >> flaky.plain)

        assert [1] == flaky.calls


def stream_of(flaky: Flaky, name: str) -> Task[[int], Iterator[int], int]:
    """Return a stream of a Flaky by its name."""
    streams: dict[str, Task[[int], Iterator[int], int]] = {
        "yielded": flaky.yielded,
        "returned": flaky.returned,
        "sent": flaky.sent,
    }
    return streams[name]


class TestRetryOn:
    """Only `retry_on` exceptions are retried."""

    @pytest.mark.parametrize(
        "retry_on",
        [OSError, (KeyError, OSError), lambda error: error.args == (1,)],
        ids=["class", "tuple", "function"],
    )
    def test_covers_what_is_named(self, retry_on: RetryOn) -> None:
        """I11: A class, a tuple of them, or a function that says so."""
        flaky = Flaky(error=ConnectionError)
        with Pool(retry=2, retry_on=retry_on) as pool:
            pool.go(1 >> flaky.plain)

        assert [1, 1] == flaky.calls

    @every_form
    def test_makes_all_else_final(self, form: Form) -> None:
        """What is not covered fails at the first attempt."""
        flaky = Flaky(error=KeyError)
        with Pool(retry=5, retry_on=OSError, on_error="keep") as pool:
            pool.go(*form([1], flaky.plain))

        assert [1] == flaky.calls

    @pytest.mark.parametrize("error", [DrainClosed, PoolClosed])
    def test_never_covers_what_the_library_raises(self, error: type[Exception]) -> None:
        """A FluentAsyncError is never retried, TaskTimeout excepted."""
        flaky = Flaky(error=error)
        with Pool(retry=5, retry_on=Exception, on_error="keep") as pool:
            pool.go(1 >> flaky.plain)

        assert [1] == flaky.calls


def delay_like_input(failure: Failure) -> float:
    """Wait as many seconds as the input says."""
    return float(str(failure.input))


class TestDelay:
    """What is waited between two attempts."""

    @every_form
    def test_is_what_the_backoff_says(self, form: Form, fake_clock: FakeClock) -> None:
        """Attempt n + 1 begins so many seconds after attempt n."""
        began = []

        @task
        def flaky(number: int, /) -> int:
            began.append(fake_clock.now())
            if len(began) < 4:
                raise OSError

            return number

        with Pool(limit=1, retry=4, backoff=Backoff(1, factor=10, jitter=0)) as pool:
            pool.go(*form([1], flaky))

        waits = [later - one for one, later in pairwise(began)]

        assert [1, 10, 60] == waits

    @pytest.mark.usefixtures("fake_clock")
    @every_form
    def test_may_depend_on_the_failure(self, form: Form) -> None:
        """The backoff is told task, input, attempt, seconds since the first, exception."""
        told = list[Failure]()

        def ask(failure: Failure) -> float:
            told.append(failure)
            return 3.0

        flaky = Flaky(failures=2)
        with Pool(limit=1, retry=3, backoff=ask) as pool:
            pool.go(*form([7], flaky.plain))

        assert [1, 2] == [failure.attempt for failure in told]
        assert [0.0, 3.0] == [failure.elapsed for failure in told]
        assert [("plain", 7)] * 2 == [(each.task, each.input) for each in told]

    def test_holds_no_slot(self, fake_clock: FakeClock) -> None:
        """O6: Other inputs run meanwhile, even at limit 1."""
        drain = Drain[int]()
        flaky = Flaky()
        fake_clock.hold()
        with Pool(limit=1, retry=2, backoff=Backoff(60, jitter=0)) as pool:
            pool.go(1 >> flaky.plain, 2 >> double | drain)

            assert [4] == drain.drain()
            assert (0, 1) == (pool.stats().running, pool.stats().waiting_for_retry)
            fake_clock.advance(60)

        assert [1, 1] == flaky.calls

    def test_holds_no_thread(self, fake_clock: FakeClock) -> None:
        """R16: However many wait, one thread keeps time for all."""
        fake_clock.hold()
        with Pool(limit=4, retry=2, backoff=60) as pool:
            pool.go(each(range(50)) >> Flaky().plain)
            assert poll(lambda: pool.stats().waiting_for_retry == 50)

            assert pool.stats().threads <= 4 + 1
            fake_clock.advance(90)

        assert 50 == pool.stats().succeeded

    def test_runs_out_while_all_slots_are_in_use(self, fake_clock: FakeClock) -> None:
        """What is due comes before what has not started."""
        order = []
        flaky = Flaky()

        @task
        def note(number: int) -> None:
            order.append(number)

        fake_clock.hold()
        backoff = Backoff(60, jitter=0)
        with Pool(limit=1, retry=2, backoff=backoff) as pool, Gate() as gate:
            pool.go(1 >> flaky.plain >> note)
            assert poll(lambda: pool.stats().waiting_for_retry == 1)
            pool.go(2 >> at(gate).hold >> note, 3 >> note)
            gate.wait_for(1)
            fake_clock.advance(60)

        assert [2, 1, 3] == order

    def test_of_each_input_is_its_own(self, fake_clock: FakeClock) -> None:
        """Inputs come back when they are due, not in the order they failed in."""
        flaky, drain = Flaky(), Drain[int]()

        fake_clock.hold()
        with Pool(limit=1, retry=2, backoff=delay_like_input) as pool:
            pool.go(each([30, 10, 20]) >> flaky.plain | drain)
            assert poll(lambda: pool.stats().waiting_for_retry == 3)
            for arrived in (1, 2, 3):
                fake_clock.advance(10)
                assert poll(lambda: drain.count() == arrived)  # noqa: B023

        assert [10, 20, 30] == drain.drain()

    def test_that_ends_earlier_than_others_is_noticed(
        self, fake_clock: FakeClock
    ) -> None:
        """Who keeps time for a late retry hears of an earlier one."""
        flaky, drain = Flaky(), Drain[int]()

        fake_clock.hold()
        with Pool(limit=2, retry=2, backoff=delay_like_input) as pool, Gate() as gate:
            pool.go(10 >> at(gate).hold >> flaky.plain | drain)
            gate.wait_for(1)
            pool.go(60 >> flaky.plain | drain)
            fake_clock.wait_for_waits(1)
            gate.open()
            assert poll(lambda: pool.stats().waiting_for_retry == 2)
            fake_clock.advance(10)

            assert poll(lambda: drain.count() == 1)
            fake_clock.advance(50)

        assert [10, 60] == drain.drain()

    def test_of_0_is_no_delay(self) -> None:
        """The default backoff tries again at once."""
        flaky = Flaky(failures=50)
        with Pool(limit=1, retry=51) as pool:
            pool.go(1 >> flaky.plain)

        assert 51 == len(flaky.calls)

    def test_by_the_machines_clock(self) -> None:
        """Seconds are seconds."""
        flaky = Flaky()
        with Pool(retry=2, backoff=0.01) as pool:
            pool.go(1 >> flaky.plain).wait(TIMEOUT)

        assert [1, 1] == flaky.calls

    def test_after_an_error_in_the_backoff_is_never(self) -> None:
        """A backoff that raises makes the failure final, and a note tells."""

        def refuse(_: Failure) -> float:
            raise ZeroDivisionError

        flaky = Flaky()
        with Pool(retry=2, backoff=refuse, on_error="keep") as pool:
            pool.go(1 >> flaky.plain).wait()
            (failure,) = pool.errors()

        assert isinstance(failure.exception, OSError)
        assert "not retried, since ZeroDivisionError" in failure.exception.__notes__[0]

    def test_is_not_decided_under_a_lock(self) -> None:
        """N4: A backoff may use the pool."""
        seen = []

        def ask(_: Failure) -> float:
            seen.append(pool.stats().attempts)
            return 0.0

        with Pool(retry=2, backoff=ask) as pool:
            pool.go(1 >> Flaky().plain).wait(TIMEOUT)

        assert [1] == seen


class TestOutcome:
    """What comes out of an input that was tried several times."""

    @every_form
    def test_is_the_last_exception_as_it_is(self, form: Form) -> None:
        """R11: When attempts run out the last one's exception comes out, with one note."""
        errors: list[OSError] = []

        @task
        def fail(_: int, /) -> int:
            errors.append(OSError(len(errors)))
            raise errors[-1]

        with Pool(retry=3, on_error="keep") as pool:
            pool.go(*form([7], fail)).wait()
            (failure,) = pool.errors()

        assert (errors[2], 3) == (failure.exception, failure.attempt)
        assert 1 == len(failure.exception.__notes__)
        assert failure.exception.__notes__[0].startswith(
            "fail(7) failed after 3 attempts"
        )

    @pytest.mark.usefixtures("fake_clock")
    def test_says_how_long_it_took(self) -> None:
        """Seconds count from the first attempt, delays included."""
        flaky = Flaky(failures=5)
        with Pool(retry=3, backoff=Backoff(4, jitter=0), on_error="keep") as pool:
            pool.go(1 >> flaky.plain).wait()
            (failure,) = pool.errors()

        assert 12.0 == failure.elapsed
        assert failure.exception.__notes__[0].endswith("after 3 attempts, 12.00 s")

    @every_form
    def test_counts_once(self, form: Form) -> None:
        """An input is one input, however often it was tried; attempts are counted, too."""
        with Pool(limit=2, retry=3) as pool:
            pool.go(*form([1, 2], Flaky(failures=2).plain)).wait()
            stats = pool.stats()

        assert (2, 2, 6) == (stats.accepted, stats.succeeded, stats.attempts)

    def test_is_told_to_functions_that_take_args(self) -> None:
        """`args.attempt` says which attempt it is, from 1."""
        attempts = []

        @stream
        def ask(args: Args[int, int]) -> None:
            attempts.append(args.attempt)
            if args.attempt < 3:
                raise OSError

        with Pool(retry=3) as pool:
            pool.go(1 >> ask)

        assert [1, 2, 3] == attempts

    def test_is_told_to_nobody_before_it_is_final(self) -> None:
        """A failure that is retried is no failure of the pool."""
        with Pool(retry=2) as pool:
            pool.go(1 >> Flaky().plain).wait()

            assert ((), 0) == (pool.errors(), pool.stats().failed)


class TestOutputs:
    """With a retry policy outputs arrive when an attempt succeeds, or not at all."""

    @pytest.mark.parametrize("name", ["yielded", "returned", "sent"])
    def test_of_a_failed_attempt_are_lost(self, name: str) -> None:
        """R12: A retry never duplicates."""
        drain = Drain[int]()
        with Pool(limit=1) as pool:
            policy = stream_of(Flaky(failures=2), name).with_retry(3)
            pool.go(each([1, 2]) >> policy | drain)

        assert [-2, -1, 1, 2] == sorted(drain.drain())

    @pytest.mark.parametrize("name", ["yielded", "returned", "sent"])
    def test_of_an_input_that_fails_never_arrive(self, name: str) -> None:
        """When all attempts failed there are none."""
        drain = Drain[int]()
        with Pool(on_error="keep") as pool:
            pool.go(1 >> stream_of(Flaky(failures=9), name).with_retry(3) | drain)

        assert [] == drain.drain()

    def test_arrive_together(self) -> None:
        """Nothing arrives before the attempt has succeeded."""
        drain = Drain[int]()

        @stream(retry=2)
        def two(number: int) -> Iterator[int]:
            yield number
            gate.arrive()
            yield number

        with Pool() as pool, Gate() as gate:
            pool.go(1 >> two | drain)
            gate.wait_for(1)

            assert 0 == drain.count()
            gate.open()
            assert [1, 1] == drain.drain()

    def test_without_a_policy_arrive_as_they_are_sent(self) -> None:
        """With one attempt there is nothing to wait for."""
        drain = Drain[int]()

        @stream(retry=1)
        def two(args: Args[int, int]) -> None:
            args.drainer.send(args.input)
            gate.arrive()
            args.drainer.send(args.input)

        with Pool() as pool, Gate() as gate:
            pool.go(1 >> two | drain)
            gate.wait_for(1)

            assert 1 == drain.count()

    def test_do_not_wait_for_room_within_the_attempt(self) -> None:
        """They are kept outside `maxsize`, and let in when there is room."""
        full, ended = Drain[int](maxsize=1), threading.Event()

        @stream(retry=2)
        def many(args: Args[int, int]) -> None:
            for number in range(args.input):
                args.drainer.send(number)

            ended.set()

        with Pool() as pool:
            pool.go(5 >> many | full)

            assert ended.wait(TIMEOUT)
            assert [0, 1, 2, 3, 4] == list(full)
