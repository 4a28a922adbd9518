"""One contract, two pools: what holds with threads holds simulated, and the reverse."""

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from fluent_async import (
    Args,
    Backoff,
    Drain,
    Failure,
    Pool,
    cancelled,
    each,
    run,
    sleep,
    stream,
    task,
)
from fluent_async.errors import DrainClosed, PoolCancelled, PoolClosed, TaskTimeout
from fluent_async.testing import simulate


@pytest.fixture(
    params=[None, 0, 1, 2, 3], ids=["threads", *(f"seed {n}" for n in range(4))]
)
def pools(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run the test on real pools, and simulated ones of some seeds."""
    seed: int | None = request.param
    with nullcontext() if seed is None else simulate(seed):
        yield


pytestmark = pytest.mark.usefixtures("pools")


@task
def double(number: int) -> int:
    """Double a number."""
    return 2 * number


@task
def refuse(number: int) -> None:
    """Fail."""
    raise ValueError(number)


@stream
def thrice(number: int) -> Iterator[tuple[int, int]]:
    """Yield three outputs."""
    for index in range(3):
        yield number, index


@stream
def thrice_sent(args: Args[int, tuple[int, int]]) -> None:
    """Send three outputs."""
    for index in range(3):
        args.drainer.send((args.input, index))


class TestOutputs:
    """What comes out, and in which order."""

    def test_every_input_gives_its_output_once(self) -> None:
        """Nothing is lost and nothing doubled."""
        numbers = Drain[int]()
        with Pool(4) as pool:
            pool.go(each(range(50)) >> double | numbers)

        assert list(range(0, 100, 2)) == sorted(numbers.drain())

    def test_run_keeps_the_order_of_inputs(self) -> None:
        """Outputs come in input order, however the inputs run."""
        assert list(range(0, 40, 2)) == run(each(range(20)) >> double, limit=4)

    @pytest.mark.parametrize("made", [thrice, thrice_sent], ids=["yields", "sends"])
    def test_a_stream_keeps_its_own_order(self, made: object) -> None:
        """Outputs of one input are in the order in which they were made."""
        pairs = Drain[tuple[int, int]](2)
        with Pool(3) as pool:
            pool.go(
                each(range(5)) >> (thrice if made is thrice else thrice_sent) | pairs
            )
            read = list(pairs)

        assert [[(n, i) for i in range(3)] for n in range(5)] == [
            [pair for pair in read if pair[0] == n] for n in range(5)
        ]

    @pytest.mark.parametrize("maxsize", [1, 2, 0])
    def test_stages_pass_everything_on(self, maxsize: int) -> None:
        """Two stages over bounded drains, read while they fill."""
        numbers, pairs = Drain[int](maxsize), Drain[tuple[int, int]](maxsize)
        with Pool(3) as pool:
            pool.go(each(range(6)) >> double | numbers, numbers >> thrice_sent | pairs)
            assert sorted((2 * n, i) for n in range(6) for i in range(3)) == sorted(
                pairs
            )

    def test_an_ordered_drain_has_no_gaps(self) -> None:
        """A failed input leaves none, and passes no turn by."""

        @task
        def odd(number: int) -> int:
            if number % 2 == 0:
                raise ValueError(number)

            return number

        numbers = Drain[int](2, ordered=True)
        with Pool(3, on_error="keep") as pool:
            pool.go(each(range(9)) >> odd | numbers)
            assert [1, 3, 5, 7] == list(numbers)

    def test_results_give_what_there_is_and_then_the_failure(self) -> None:
        """Failures come after the last success."""

        @task
        def some(number: int) -> int:
            if number == 2:
                raise ValueError(number)

            return number

        with (each(range(5)) >> some).results(limit=2) as numbers:
            assert [0, 1, 3, 4] == [next(numbers) for _ in range(4)]
            with pytest.raises(ExceptionGroup):
                next(numbers)

    def test_a_worker_gives_work_to_its_own_pool(self) -> None:
        """`go()` from a worker, and results in the same pool."""
        totals = Drain[int]()
        with Pool(2) as pool:

            @task
            def total(count: int) -> int:
                return sum((each(range(count)) >> double).results(pool=pool))

            pool.go(each([3, 4]) >> total | totals)

        assert [6, 12] == sorted(totals.drain())

    def test_a_bound_gives_way_where_nobody_reads(self) -> None:
        """`wait()` comes to an end over a full drain."""
        numbers = Drain[int](1)
        with Pool(2) as pool:
            pool.go(each(range(4)) >> double | numbers).wait()

        assert [0, 2, 4, 6] == sorted(numbers.drain())


class TestFailures:
    """Retries, failures, cancellation."""

    def test_attempts_are_counted_in_all(self) -> None:
        """`retry=3` calls three times, with a growing delay, and raises the last error."""
        attempts: list[int] = []

        def at_once(failure: Failure) -> float:
            attempts.append(failure.attempt)
            return 0.0

        with pytest.RaisesGroup(ValueError), Pool() as pool:
            pool.go(1 >> refuse.with_retry(3, at_once))

        assert [1, 2] == attempts

    def test_failures_are_in_the_order_of_inputs(self) -> None:
        """One flat group, ordered by argument and input."""
        with pytest.raises(ExceptionGroup) as raised:
            run(each(range(3)) >> refuse, 7 >> refuse)

        assert [0, 1, 2, 7] == [exc.args[0] for exc in raised.value.exceptions]

    def test_the_first_failure_cancels_the_rest(self) -> None:
        """With on_error="cancel" it is raised bare."""
        with pytest.raises(ValueError, match="7"), Pool(2, on_error="cancel") as pool:
            pool.go(7 >> refuse, each(range(2)) >> double)

    def test_an_attempt_over_its_timeout_fails(self) -> None:
        """And is retried, if asked."""
        tries: list[int] = []

        @task(timeout=0.01, retry=2)
        def slow(number: int) -> int:
            tries.append(number)
            if len(tries) == 1:
                sleep(10)

            return number

        numbers = Drain[int]()
        with Pool(2) as pool:
            pool.go(5 >> slow | numbers)

        assert [5, 5] == tries
        assert [5] == numbers.drain()

    def test_a_timeout_is_a_failure(self) -> None:
        """Without another attempt it is raised as TaskTimeout."""
        with pytest.RaisesGroup(TaskTimeout), Pool() as pool:
            pool.go(10 >> task(timeout=0.01)(sleep))

    def test_cancel_drops_what_waits_for_a_retry(self) -> None:
        """`wait()` then raises PoolCancelled; the pool can be used again."""
        numbers = Drain[int]()
        with Pool() as pool:
            pool.go(1 >> refuse.with_retry(2, Backoff(60)))
            with pytest.raises(TimeoutError):
                pool.wait(timeout=0.01)

            pool.cancel()
            with pytest.raises(PoolCancelled):
                pool.wait()

            pool.go(1 >> double | numbers)

        assert [2] == numbers.drain()

    def test_a_worker_hears_that_it_was_cancelled(self) -> None:
        """Between two outputs a stream is told."""
        told: list[bool] = []

        @stream
        def endless(_: int) -> Iterator[int]:
            try:
                while True:
                    yield 1
            finally:
                told.append(cancelled())

        numbers = Drain[int](1)
        with Pool(2) as pool:
            pool.go(1 >> endless | numbers)
            assert 1 == next(iter(numbers))
            pool.cancel()
            with pytest.raises(PoolCancelled):
                pool.wait()

        assert [True] == told

    def test_a_shut_drain_ends_a_stream(self) -> None:
        """A stream that nobody wants outputs of ends like a broken pipe."""

        @stream
        def endless(_: int) -> Iterator[int]:
            while True:
                yield 1

        numbers = Drain[int](1)
        with Pool(2) as pool:
            pool.go(1 >> endless | numbers)
            assert 1 == next(iter(numbers))
            numbers.shut_down()

        assert 1 == pool.stats().cancelled

    def test_the_accounts_add_up(self) -> None:
        """Accepted = succeeded + failed + cancelled once all is done."""
        with Pool(2, on_error="keep") as pool:
            pool.go(each(range(5)) >> double, each(range(3)) >> refuse)

        stats = pool.stats()
        assert (8, 5, 3, 0) == (
            stats.accepted,
            stats.succeeded,
            stats.failed,
            stats.in_progress,
        )

    def test_a_closed_pool_refuses_work(self) -> None:
        """So does a drain that is shut."""
        numbers = Drain[int]()
        with Pool() as pool:
            numbers.shut_down()
            with pytest.raises(DrainClosed):
                pool.go(1 >> double | numbers)

        with pytest.raises(PoolClosed):
            pool.go(1 >> double)

    def test_an_iterable_that_raises_fails_its_batch(self) -> None:
        """What was taken before still runs."""

        def numbers() -> Iterator[int]:
            yield from (1, 2)
            raise OSError

        outputs = Drain[int]()
        with pytest.RaisesGroup(OSError), Pool(2) as pool:
            pool.go(each(numbers()) >> double | outputs)

        assert [2, 4] == sorted(outputs.drain())

    def test_a_task_limit_holds(self) -> None:
        """A task's own limit counts its inputs in progress."""
        running: list[int] = []

        @task(limit=1)
        def alone(number: int) -> int:
            running.append(number)
            sleep(0.001)
            assert [number] == running
            running.remove(number)
            return number

        assert list(range(5)) == run(each(range(5)) >> alone, limit=4)
