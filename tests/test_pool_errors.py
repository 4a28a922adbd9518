"""Failures in pools: which there are, who is told, and in what order."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator

import pytest

from fluent_async import Drain, Failure, Pool, Workers, each, stream, task
from fluent_async.errors import DrainClosed
from support import TIMEOUT, Gate, poll
from work import Form, at, double, every_form, fail


class Fatal(BaseException):
    """What no pool may collect."""


@task
def die(number: int) -> int:
    """Raise what is no Exception."""
    raise Fatal(number)


@task
def fail_odd(number: int) -> int:
    """Fail for odd inputs."""
    if number % 2:
        raise ValueError(number)

    return number


@task
def fail_with(error: BaseException) -> None:
    """Raise what is given."""
    raise error


def broken_after(values: Iterable[int]) -> Iterator[int]:
    """Give the values, then raise."""
    yield from values
    raise LookupError("the end")


def told(pool: Pool) -> list[object]:
    """Return the arguments of the exceptions that come out of `wait`."""
    with pytest.raises(ExceptionGroup) as caught:
        pool.wait(TIMEOUT)

    return [error.args[0] for error in caught.value.exceptions]


def wait_until_idle(pool: Pool) -> None:
    """Wait for a pool without being shown its failures."""
    assert poll(lambda: pool.stats().accepted > 0 and not pool.stats().in_progress)


def leave(pool: Pool) -> None:
    """Leave the block of a pool by an exception, once all it was given has ended."""
    with pool:
        wait_until_idle(pool)
        raise LookupError


def warnings(log: pytest.LogCaptureFixture) -> list[str]:
    """Return the warnings that were logged."""
    return [r.getMessage() for r in log.records if r.levelno == logging.WARNING]


class TestFinish:
    """on_error="finish", the default: everything runs, then all failures are raised."""

    @every_form
    def test_runs_everything(self, form: Form) -> None:
        """A failure stops nothing: every other input gives its output."""
        drain = Drain[int]()
        pool = Pool(limit=2)
        with pytest.raises(ExceptionGroup), pool:
            pool.go(*(work | drain for work in form(range(20), fail_odd)))

        assert list(range(0, 20, 2)) == sorted(drain.drain())

    @every_form
    def test_raises_all_failures_in_one_flat_group(self, form: Form) -> None:
        """E1: Each exception is in the group as it is, in the order of inputs."""
        with Pool(limit=3) as pool:
            pool.go(*form(range(20), fail_odd))

            assert list(range(1, 20, 2)) == told(pool)

    def test_raises_a_group_even_for_one_failure(self) -> None:
        """One failure is a group of one, so `except*` always serves."""
        error = ValueError("alone")
        pool = Pool()
        with pytest.raises(ExceptionGroup, match="1 worker failed") as caught, pool:
            pool.go(error >> fail_with)

        assert (error,) == caught.value.exceptions

    def test_says_how_many_failed(self) -> None:
        """E2: The message of the group counts."""
        pool = Pool()
        with pytest.raises(ExceptionGroup, match="3 workers failed"), pool:
            pool.go(*(number >> fail for number in range(3)))

    def test_does_not_flatten_groups_that_tasks_raise(self) -> None:
        """A group that a task raised is one failure, as it is."""
        error = ExceptionGroup("mine", [ValueError(), KeyError()])
        pool = Pool()
        with pytest.raises(ExceptionGroup) as caught, pool:
            pool.go(error >> fail_with)

        assert (error,) == caught.value.exceptions

    def test_orders_by_argument_and_input(self) -> None:
        """Argument by argument, and input by input, whatever the arguments are."""
        drain = Drain[int]()
        drain.send(20)
        with Pool(limit=1) as pool:
            pool.go(
                1 >> fail, each([10, 11]) >> fail, 2 >> fail, drain >> fail, 3 >> fail
            )

            assert [1, 10, 11, 2, 20, 3] == told(pool)

    def test_orders_by_call_of_go(self) -> None:
        """What was given first comes first, whoever failed first."""
        with Pool(limit=2) as pool:
            with Gate() as gate:

                @task
                def late(number: int) -> None:
                    gate.arrive()
                    raise ValueError(number)

                pool.go(1 >> late)
                gate.wait_for(1)
                pool.go(2 >> fail)
                assert poll(lambda: len(pool.errors()) == 1)

            assert [1, 2] == told(pool)

    def test_orders_by_input_whoever_fails_first(self) -> None:
        """The order of ends does not matter."""
        first = threading.Semaphore(0)

        @task
        def swap(number: int) -> None:
            if number:
                first.release()
            else:
                assert first.acquire(timeout=TIMEOUT)

            raise ValueError(number)

        with Pool(limit=2) as pool:
            pool.go(each([0, 1]) >> swap)

            assert [0, 1] == told(pool)

    def test_raises_each_failure_once(self) -> None:
        """A second `wait` has nothing to raise."""
        with Pool() as pool:
            pool.go(1 >> fail)

            assert [1] == told(pool)
            pool.wait(TIMEOUT)

    def test_raises_new_failures_after_old_ones(self) -> None:
        """L10: Failures of work given later are raised by the next `wait`, alone."""
        with Pool() as pool:
            assert [1] == told(pool.go(1 >> fail))
            assert [2] == told(pool.go(2 >> fail))

    def test_raises_what_failed_before_the_pool_was_idle(self) -> None:
        """Work that had failed before more was given is raised all the same."""
        with Pool() as pool:
            pool.go(1 >> fail)
            wait_until_idle(pool)
            pool.go(2 >> fail)

            assert [1, 2] == told(pool)

    def test_raises_each_failure_to_one_of_those_who_wait(self) -> None:
        """Of threads that wait together, one is shown a failure."""
        shown: list[BaseException] = []
        with Pool() as pool:

            def wait() -> None:
                try:
                    pool.wait(TIMEOUT)
                except ExceptionGroup as group:
                    shown.extend(group.exceptions)

            with Gate() as gate:
                pool.go(1 >> at(gate).hold >> fail)
                waiters = [threading.Thread(target=wait) for _ in range(3)]
                for waiter in waiters:
                    waiter.start()

            for waiter in waiters:
                waiter.join(TIMEOUT)

        assert [1] == [error.args[0] for error in shown]


class TestCancel:
    """on_error="cancel": the first failure cancels the rest and is raised bare."""

    def test_raises_the_first_failure_as_it_is(self) -> None:
        """The exception itself, in no group."""
        error = ValueError("alone")
        pool = Pool(on_error="cancel")
        with pytest.raises(ValueError, match="alone") as caught, pool:
            pool.go(error >> fail_with)

        assert error is caught.value

    @every_form
    def test_drops_what_has_not_started(self, form: Form) -> None:
        """C1: After the first failure nothing new starts."""
        drain = Drain[int]()
        pool = Pool(limit=1, on_error="cancel")
        with pytest.raises(ValueError, match=r"^3\b"), pool:
            pool.go(*(work | drain for work in form([0, 2, 3, 4, 6], fail_odd)))

        assert [0, 2] == drain.drain()

    def test_raises_the_failure_that_came_first(self) -> None:
        """The first in time, not in order; others are logged."""
        both = threading.Barrier(2)

        @task
        def swap(number: int) -> None:
            both.wait(TIMEOUT)
            if number == 0:
                assert poll(lambda: len(pool.errors()) == 1)

            raise ValueError(number)

        pool = Pool(limit=2, on_error="cancel")
        with pytest.raises(ValueError, match=r"^1\b"), pool:
            pool.go(each([0, 1]) >> swap)

    def test_logs_the_failures_it_does_not_raise(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """What failed besides the one that is raised is a warning."""
        both = threading.Barrier(2)

        @task
        def together(number: int) -> None:
            both.wait(TIMEOUT)
            raise ValueError(number)

        pool = Pool(limit=2, on_error="cancel")
        with pytest.raises(ValueError, match="failed after"), pool:
            pool.go(each([1, 2]) >> together)

        assert 1 == len(warnings(caplog))
        assert "together(" in warnings(caplog)[0]

    def test_leaves_the_pool_usable(self) -> None:
        """Work given after the failure was raised runs."""
        drain = Drain[int]()
        with Pool(on_error="cancel") as pool:
            with pytest.raises(ValueError, match=r"^1\b"):
                pool.go(1 >> fail).wait()

            pool.go(1 >> double | drain)

        assert [2] == drain.drain()


class TestKeep:
    """on_error="keep": nothing is raised."""

    @every_form
    def test_raises_nothing(self, form: Form) -> None:
        """Everything runs, and failures are there to be asked for."""
        drain = Drain[int]()
        with Pool(limit=2, on_error="keep") as pool:
            pool.go(*(work | drain for work in form(range(10), fail_odd)))

        assert [0, 2, 4, 6, 8] == sorted(drain.drain())
        assert [1, 3, 5, 7, 9] == [failure.input for failure in pool.errors()]

    def test_logs_nothing(self, caplog: pytest.LogCaptureFixture) -> None:
        """Whoever keeps failures looks at them; they are no warnings."""
        with Pool(on_error="keep") as pool:
            pool.go(1 >> fail)

        assert [] == warnings(caplog)


class TestMaxFailures:
    """`max_failures`: cancel once there are more failures."""

    @pytest.mark.parametrize("most", [0, 1, 3])
    def test_more_failures_cancel_the_rest(self, most: int) -> None:
        """One failure more than allowed ends the work."""
        with Pool(limit=1, max_failures=most) as pool:
            pool.go(each(range(100)) >> fail)

            assert list(range(most + 1)) == told(pool)

    def test_as_many_failures_cancel_nothing(self) -> None:
        """As many as allowed are allowed."""
        drain = Drain[int]()
        with Pool(limit=1, max_failures=2, on_error="keep") as pool:
            pool.go(each([1, 2, 3, 4]) >> fail_odd | drain)

        assert [2, 4] == drain.drain()

    def test_none_never_cancels(self) -> None:
        """The default allows any number."""
        with Pool(limit=1) as pool:
            pool.go(each(range(100)) >> fail)

            assert 100 == len(told(pool))

    def test_counts_since_the_pool_was_last_idle(self) -> None:
        """Failures of work before do not count against work given later."""
        with Pool(limit=1, max_failures=1, on_error="keep") as pool:
            pool.go(1 >> fail).wait()
            pool.go(2 >> fail, 3 >> double).wait()

            assert 1 == pool.stats().succeeded


class TestErrors:
    """`pool.errors()`: the failures of the work given since the pool was last idle."""

    def test_is_empty_and_false_without_failures(self) -> None:
        """A pool in which nothing failed has none."""
        with Pool() as pool:
            assert () == pool.errors()
            pool.go(1 >> double).wait()

            assert not pool.errors()

    @every_form
    def test_tells_what_failed(self, form: Form) -> None:
        """A Failure has task, input, attempt, seconds, and the exception itself."""
        with Pool(on_error="keep") as pool:
            pool.go(*form([7], fail)).wait()
            (failure,) = pool.errors()

        assert isinstance(failure, Failure)
        assert ("fail", 7, 1) == (failure.task, failure.input, failure.attempt)
        assert isinstance(failure.exception, ValueError)
        assert 0 <= failure.elapsed < TIMEOUT

    def test_shows_the_inputs_of_several_arguments(self) -> None:
        """The tuple of them, or a dict by parameter; None for no input."""

        @task
        def subtract(left: int = 0, right: int = 0) -> None:
            raise ValueError

        given = (
            subtract.with_input(1, 2),
            subtract.with_input(1, right=2),
            subtract.with_input(),
        )
        with Pool(on_error="keep") as pool:
            pool.go(*given).wait()

            inputs = [failure.input for failure in pool.errors()]

        assert [(1, 2), {"left": 1, "right": 2}, None] == inputs

    def test_orders_as_the_group_does(self) -> None:
        """By go() call, argument and input."""
        with Pool(limit=1, on_error="keep") as pool:
            pool.go(1 >> fail, each([10, 11]) >> fail, 2 >> fail).wait()

            assert [1, 10, 11, 2] == [failure.input for failure in pool.errors()]

    def test_is_there_while_the_pool_works(self) -> None:
        """A failure is seen before the pool is done."""
        with Pool(limit=2, on_error="keep") as pool, Gate() as gate:
            pool.go(1 >> fail, 2 >> at(gate).hold)

            assert poll(lambda: len(pool.errors()) == 1)

    def test_stays_after_wait_and_close(self) -> None:
        """Being raised does not empty it."""
        pool = Pool().go(1 >> fail)

        assert [1] == told(pool)
        pool.close()
        assert [1] == [failure.input for failure in pool.errors()]

    def test_forgets_when_an_idle_pool_is_given_work(self) -> None:
        """It is about the work since the pool was last idle."""
        with Pool(on_error="keep") as pool:
            pool.go(1 >> fail).wait()
            pool.go(2 >> double).wait()

            assert () == pool.errors()

    def test_keeps_while_the_pool_is_not_idle(self) -> None:
        """Work given meanwhile adds to it."""
        with Pool(limit=2, on_error="keep") as pool:
            with Gate() as gate:
                pool.go(0 >> at(gate).hold, 1 >> fail)
                gate.wait_for(1)
                assert poll(lambda: len(pool.errors()) == 1)
                pool.go(2 >> fail)

            pool.wait()

            assert [1, 2] == [failure.input for failure in pool.errors()]


class TestLog:
    """Failures that nobody was shown are logged at WARNING."""

    @pytest.mark.usefixtures("fake_clock")
    def test_tells_of_failures_when_the_body_raised(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The exception of the body is raised, the failures are logged."""
        with pytest.raises(LookupError):
            leave(Pool(name="crawl").go(7 >> fail))

        says = "crawl: nobody was shown that fail(7) failed after 1 attempt, 0.00 s"

        assert [f"{says}: ValueError"] == warnings(caplog)

    def test_tells_of_failures_when_a_pool_is_closed(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A pool closed without `wait` logs each failure, in order."""
        Pool(limit=1).go(each([1, 2]) >> fail).close()

        assert [True, True] == [
            f"fail({number})" in warning
            for number, warning in enumerate(warnings(caplog), 1)
        ]

    def test_tells_of_failures_when_a_pool_is_dropped(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """E14: A pool that nobody has any more logs what nobody can ask for."""
        Pool().go(7 >> fail)

        assert poll(lambda: bool(warnings(caplog)))
        assert "fail(7)" in warnings(caplog)[0]

    def test_tells_nothing_that_was_raised(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """What came out of `wait` is not logged as well."""
        with Pool() as pool:
            pool.go(7 >> fail)

            assert [7] == told(pool)

        assert [] == warnings(caplog)

    def test_shows_inputs_as_describe_does(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """`describe` shows an input in notes and logs, so a secret stays one."""
        Pool(describe=lambda _: "a secret").go("hunter2" >> fail_text).close()

        assert "fail_text(a secret)" in caplog.text
        assert "hunter2" not in caplog.text


@task
def fail_text(text: str) -> None:
    """Fail without saying with what."""
    raise ValueError


class TestNote:
    """The exception of a failure has one note more: task, input, attempts, seconds."""

    def note_of(self, pool: Pool) -> str:
        """Return the one note of the one failure of a pool."""
        pool.wait()
        (failure,) = pool.errors()
        (note,) = failure.exception.__notes__
        return note

    @pytest.mark.usefixtures("fake_clock")
    @every_form
    def test_tells_what_failed(self, form: Form) -> None:
        """One line says what failed, after how many attempts and seconds."""
        with Pool(on_error="keep") as pool:
            pool.go(*form([7], fail))

            assert "fail(7) failed after 1 attempt, 0.00 s" == self.note_of(pool)

    def test_shows_inputs_as_describe_does(self) -> None:
        """`describe` of the pool shows the input."""
        with Pool(on_error="keep", describe=lambda value: f"<{value}>") as pool:
            pool.go("x" >> fail_text)

            assert self.note_of(pool).startswith(
                "fail_text(<x>) failed after 1 attempt,"
            )

    def test_is_given_whatever_describe_does(self) -> None:
        """A `describe` that raises costs the input's value, nothing else."""

        def refuse(_: object) -> str:
            raise RuntimeError

        with Pool(on_error="keep", describe=refuse) as pool:
            pool.go("x" >> fail_text)

            assert self.note_of(pool).startswith("fail_text(<str>) failed after")

    @every_form
    def test_comes_with_the_traceback_of_the_task_alone(self, form: Form) -> None:
        """E15: Where the exception comes from starts in the task: nothing of the library."""
        with Pool(on_error="keep") as pool:
            pool.go(*form([7], fail)).wait()

        traceback = pool.errors()[0].exception.__traceback__

        assert traceback is not None
        assert "fail" == traceback.tb_frame.f_code.co_name
        assert traceback.tb_next is None

    @every_form
    def test_exception_has_no_context_of_the_library(self, form: Form) -> None:
        """E15: What a task raises comes out as it is, never wrapped and never chained."""
        with Pool(on_error="keep") as pool:
            pool.go(*form([7], fail)).wait()

        error = pool.errors()[0].exception

        assert (None, None) == (error.__cause__, error.__context__)


class TestIterables:
    """An exception of an iterable of inputs is a failure of its batch."""

    def test_is_raised_as_it_is(self) -> None:
        """It is in the group like the exception of a task."""
        with Pool() as pool:
            pool.go(each(broken_after([])) >> double)

            assert ["the end"] == told(pool)

    @pytest.mark.parametrize("limit", [1, 4])
    def test_runs_what_was_taken(self, limit: int) -> None:
        """E17: Inputs that the iterable gave before it raised still run."""
        drain = Drain[int]()
        pool = Pool(limit)
        with pytest.raises(ExceptionGroup), pool:
            pool.go(each(broken_after(range(50))) >> double | drain)

        assert list(range(0, 100, 2)) == sorted(drain.drain())

    def test_comes_after_the_failures_of_its_inputs(self) -> None:
        """It is ordered where the input would have been that did not come."""
        with Pool(limit=1) as pool:
            pool.go(each(broken_after([1, 2])) >> fail, 3 >> fail)

            assert [1, 2, "the end", 3] == told(pool)

    def test_is_no_failure_of_an_input(self) -> None:
        """It is among `errors()`, with the name of the task, and counts no input."""
        with Pool(on_error="keep") as pool:
            pool.go(each(broken_after([1])) >> double).wait()
            (failure,) = pool.errors()

            assert ("double", None) == (failure.task, failure.input)
            assert (1, 1, 0) == (
                pool.stats().accepted,
                pool.stats().succeeded,
                pool.stats().failed,
            )

    def test_is_never_retried(self) -> None:
        """An iterable that raised has ended."""
        with Pool(retry=5, on_error="keep") as pool:
            pool.go(each(broken_after([])) >> double).wait()

            assert 1 == len(pool.errors())

    def test_of_workers_is_one_as_well(self) -> None:
        """A batch of workers is an iterable like another."""

        def workers() -> Iterator[int]:
            yield 1
            raise LookupError("the end")

        drain = Drain[int]()
        with Pool() as pool:
            pool.go(Workers(number >> double | drain for number in workers()))

            assert ["the end"] == told(pool)

        assert [2] == drain.drain()

    def test_that_gives_no_worker_is_told_so(self) -> None:
        """An item that is no Worker is a TypeError in the batch."""
        wrong: list[object] = [3]
        with Pool() as pool:
            pool.go(Workers(wrong))  # type: ignore[arg-type]

            assert ["an item of Workers(...) must be a Worker, not int"] == told(pool)

    def test_of_another_batch_goes_on(self) -> None:
        """Other work is not touched."""
        drain = Drain[int]()
        pool = Pool(limit=1)
        with pytest.raises(ExceptionGroup), pool:
            pool.go(each(broken_after([])) >> double, each([1, 2]) >> double | drain)

        assert [2, 4] == drain.drain()


class TestStreams:
    """Streams fail where they are, and what they send to may fail as well."""

    def test_that_fail_after_an_output_have_sent_it(self) -> None:
        """Without a retry policy outputs go out as they come."""
        drain = Drain[int]()

        @stream
        def breaks(number: int) -> Iterator[int]:
            yield number
            raise ValueError(number)

        with Pool() as pool:
            pool.go(each([1, 2]) >> breaks | drain)

            assert [1, 2] == told(pool)

        assert [1, 2] == sorted(drain.drain())

    def test_that_give_no_iterable_fail(self) -> None:
        """A stream that returns what cannot be iterated is told so."""

        @stream
        def wrong(number: int) -> Iterable[int]:
            return number  # type: ignore[return-value]

        with Pool(on_error="keep") as pool:
            pool.go(1 >> wrong).wait()

            assert isinstance(pool.errors()[0].exception, TypeError)

    @every_form
    def test_sinks_that_raise_fail_the_input(self, form: Form) -> None:
        """What a sink of the user's raises is the failure of the input, never retried."""

        class Full:
            def send(self, value: int, /) -> None:
                raise OSError(value)

        with Pool(retry=3) as pool:
            pool.go(*(work | Full() for work in form([1, 2], double)))

            assert [2, 4] == told(pool)


FATAL: dict[str, Callable[[], BaseException]] = {
    "SystemExit": lambda: SystemExit(3),
    "KeyboardInterrupt": KeyboardInterrupt,
    "GeneratorExit": GeneratorExit,
    "one's own": Fatal,
}


class TestFatal:
    """A BaseException from a task cancels the pool and comes out of `wait` as itself."""

    @pytest.mark.parametrize("make", FATAL.values(), ids=FATAL)
    def test_comes_out_as_itself(self, make: Callable[[], BaseException]) -> None:
        """E4: In no group, and not changed."""
        error = make()
        pool = Pool()
        with pytest.raises(type(error)) as caught, pool:
            pool.go(error >> fail_with)

        assert error is caught.value

    @pytest.mark.parametrize("on_error", ["finish", "cancel", "keep"])
    @every_form
    def test_comes_out_whatever_on_error_says(self, form: Form, on_error: str) -> None:
        """`on_error` is about failures."""
        pool = Pool(on_error=on_error)  # type: ignore[arg-type]
        with pytest.raises(Fatal), pool:
            pool.go(*form([1], die))

    @every_form
    def test_cancels_the_rest(self, form: Form) -> None:
        """What has not started is dropped."""
        drain = Drain[int]()

        @task
        def die_at_3(number: int, /) -> int:
            if number == 3:
                raise Fatal

            return number

        pool = Pool(limit=1)
        with pytest.raises(Fatal), pool:
            pool.go(*(work | drain for work in form(range(10), die_at_3)))

        assert [0, 1, 2] == drain.drain()

    @every_form
    def test_is_never_retried(self, form: Form) -> None:
        """R9: No policy covers it."""
        pool = Pool(retry=5)
        with pytest.raises(Fatal), pool:
            pool.go(*form([1], die))

        assert (1, 1) == (pool.stats().attempts, pool.stats().failed)

    @every_form
    def test_is_never_collected(self, form: Form) -> None:
        """It is not among the failures."""
        pool = Pool(limit=1)
        with pytest.raises(Fatal), pool:
            pool.go(*form([1], die))

        assert () == pool.errors()

    @every_form
    def test_is_raised_once(self, form: Form) -> None:
        """The pool is usable afterwards."""
        drain = Drain[int]()
        with Pool() as pool:
            pool.go(*form([1], die))
            with pytest.raises(Fatal):
                pool.wait()

            pool.go(1 >> double | drain).wait()

        assert [2] == drain.drain()

    def test_comes_before_failures(self, caplog: pytest.LogCaptureFixture) -> None:
        """Failures that were to be raised are logged, since it is raised instead."""
        pool = Pool(limit=1)
        with pytest.raises(Fatal), pool:
            pool.go(7 >> fail, 8 >> die)

        assert 1 == len(warnings(caplog))
        assert "fail(7)" in warnings(caplog)[0]

    def test_first_one_comes_out(self) -> None:
        """Of several the first is raised."""
        both = threading.Barrier(2)

        @task
        def together(number: int) -> None:
            both.wait(TIMEOUT)
            raise Fatal(number)

        pool = Pool(limit=2)
        with pytest.raises(Fatal), pool:
            pool.go(each([1, 2]) >> together)

        assert 2 == pool.stats().failed
        pool.wait()

    def test_of_an_iterable_is_one_as_well(self) -> None:
        """What an iterable raises that is no Exception comes out as itself."""

        def values() -> Iterator[int]:
            yield 1
            raise Fatal("values")

        pool = Pool()
        with pytest.raises(Fatal, match="values"), pool:
            pool.go(each(values()) >> double)

    def test_of_a_stream_is_one_as_well(self) -> None:
        """A generator's comes out as itself."""

        @stream
        def dies(number: int) -> Iterator[int]:
            yield number
            raise Fatal("stream")

        pool = Pool()
        with pytest.raises(Fatal, match="stream"), pool:
            pool.go(1 >> dies)

    def test_of_a_policy_is_one_as_well(self) -> None:
        """What a backoff raises that is no Exception comes out; the task has failed."""

        def exits(_: Failure) -> float:
            raise Fatal("policy")

        pool = Pool(retry=3, backoff=exits)
        with pytest.raises(Fatal, match="policy"), pool:
            pool.go(1 >> fail)

        assert [1] == [failure.input for failure in pool.errors()]

    @pytest.mark.parametrize("end", ["body", "close", "drop"])
    def test_that_nobody_is_shown_is_logged(
        self, end: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """As failures are, when no `wait` raises it."""
        pool = Pool(name="crawl").go(1 >> die)
        if end == "body":
            with pytest.raises(LookupError):
                leave(pool)
        elif end == "close":
            pool.close()

        del pool

        says = "crawl: nobody was shown that a task raised Fatal"

        assert poll(lambda: [says] == warnings(caplog))

    def test_does_not_end_a_thread(self) -> None:
        """E4: The thread goes on: the pool has as many as before."""
        with Pool(limit=1) as pool:
            with pytest.raises(Fatal):
                pool.go(1 >> die).wait()

            assert 1 == pool.stats().threads


class TestDrainClosed:
    """DrainClosed that a task raises itself is a failure like another."""

    @every_form
    def test_of_a_plain_task_is_a_failure(self, form: Form) -> None:
        """It means nothing to the pool, and is not retried."""

        @task(retry=3)
        def closed(_: int, /) -> int:
            raise DrainClosed("mine")

        with Pool() as pool:
            pool.go(*form([1], closed))

            assert ["mine"] == told(pool)
            assert 1 == pool.stats().attempts
