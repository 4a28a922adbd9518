"""What the Go original got wrong, each with a test that would catch it."""

import pytest

from fluent_async import Backoff, Drain, Failure, Pool, each, task
from fluent_async.typing import Executable
from support import TIMEOUT, Gate
from work import at, double, fail


def test_the_limit_holds_while_work_runs() -> None:
    """There, a slot was given back before its work ran: the limit limited nothing."""
    with Pool(limit=2) as pool, Gate() as gate:
        pool.go(*(number >> at(gate).hold for number in range(5)))
        gate.wait_for(2)
        gate.assert_nobody_arrives()


def test_the_limit_is_over_all_calls_of_go() -> None:
    """There, each call of Go had slots of its own."""
    with Pool(limit=2) as pool, Gate() as gate:
        for number in range(5):
            pool.go(number >> at(gate).hold)

        gate.wait_for(2)
        gate.assert_nobody_arrives()


@pytest.mark.usefixtures("fake_clock")
def test_jitter_is_random() -> None:
    """There, jitter was a constant: what failed together came back together."""
    delays: set[float] = set()

    def backoff(failure: Failure) -> float:
        delay = Backoff(10, jitter=1)(failure)
        delays.add(delay)
        return delay

    with Pool(limit=1, retry=2, backoff=backoff, on_error="keep") as pool:
        pool.go(each(range(50)) >> fail)

    assert len(delays) > 40
    assert all(10 <= delay <= 20 for delay in delays)


@pytest.mark.parametrize(("of_task", "of_pool"), [(2, 3), (3, 2), (3, 3)])
def test_retries_of_task_and_pool_do_not_multiply(of_task: int, of_pool: int) -> None:
    """There, a task with 3 attempts in a pool with 3 ran nine times."""
    calls = []

    @task(retry=of_task)
    def failing() -> None:
        calls.append(1)
        raise OSError

    with Pool(retry=of_pool, on_error="keep") as pool:
        pool.go(failing)

    assert of_task == len(calls)


def test_zero_attempts_are_an_error() -> None:
    """R3: There, a task with 0 attempts was never run, and had succeeded."""
    for zero in (
        lambda: task(retry=0),
        lambda: double.with_retry(0),
        lambda: (1 >> double).with_retry(0),
        lambda: (each([1]) >> double).with_retry(0),
        lambda: Pool(retry=0),
        lambda: Pool().with_retry(0),
    ):
        with pytest.raises(ValueError, match="must be an int of at least 1, not int 0"):
            zero()


def test_one_attempt_is_made() -> None:
    """R3: There, the count was of retries here and of attempts there."""
    calls = []

    @task(retry=1)
    def count() -> None:
        calls.append(1)

    with Pool() as pool:
        pool.go(count)

    assert 1 == len(calls)


def test_every_failure_survives() -> None:
    """There, the first error was kept and the others were lost."""
    pool = Pool(limit=2)
    with pytest.raises(ExceptionGroup) as caught, pool:
        pool.go(*(number >> fail for number in range(5)))

    told: tuple[Failure, ...] = pool.errors()

    assert [0, 1, 2, 3, 4] == [error.args[0] for error in caught.value.exceptions]
    assert [0, 1, 2, 3, 4] == [failure.input for failure in told]


def test_drain_returns_a_copy() -> None:
    """There, Drain() handed out the live slice: its owner and the pool wrote to one."""
    drain = Drain[int]()
    drain.send(1)
    first = drain.drain()
    first.append(99)
    drain.send(2)
    second = drain.drain()
    second.clear()

    assert [1, 2] == drain.drain()
    assert [1, 99] == first


def test_drain_waits_for_those_who_feed() -> None:
    """There, Drain() returned what happened to be there."""
    drain = Drain[int]()
    with Pool(limit=1) as pool:
        pool.go(*(number >> double | drain for number in range(100)))

        assert list(range(0, 200, 2)) == drain.drain(TIMEOUT)


def test_go_does_not_block() -> None:
    """There, Go waited for its work and returned the error."""
    work: list[Executable]
    with Pool(limit=1) as pool, Gate() as gate:
        work = [at(gate).hold.with_input(number) for number in range(5)]

        assert pool is pool.go(*work)
        gate.wait_for(1)
