"""Pool.executor: single calls on the slots of a pool, with failures of their own."""

import logging
import os
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor, wait

import pytest

from fluent_async import Drain, Pool, each, task
from fluent_async.errors import PoolClosed
from support import TIMEOUT, Gate, run_child


def fail(error: BaseException) -> None:
    """Raise what is given."""
    raise error


@task
def absolute(number: int, /) -> int:
    """Return a number without its sign."""
    return abs(number)


def test_is_an_executor_of_the_standard_library() -> None:
    """`pool.executor` is a `concurrent.futures.Executor`, a new one each time."""
    with Pool(2) as pool:
        assert isinstance(pool.executor, Executor)
        assert pool.executor is not pool.executor
        assert pool.executor.submit(pow, 2, 5).result(TIMEOUT) == 32


def test_shares_the_slots_of_the_pool() -> None:
    """At most `limit` run at any instant, calls and workers together."""
    with Pool(2) as pool, Gate() as gate:
        executor = pool.executor
        for _ in range(2):
            executor.submit(gate.arrive)
            pool.go(task(gate.arrive))

        gate.wait_for(2)
        gate.assert_nobody_arrives()


@pytest.mark.parametrize("limit", [1, 2])
def test_gives_threads_that_stand_by_for_calls_to_inputs(limit: int) -> None:
    """Work that is given once all threads have made calls finds one of them."""
    with Pool(limit) as pool:
        with Gate() as gate:
            calls = [pool.executor.submit(gate.arrive) for _ in range(limit)]
            gate.wait_for(limit)

        wait(calls, TIMEOUT)
        pool.go(each(range(9)) >> absolute).wait(TIMEOUT)

    assert 9 + limit == pool.stats().succeeded


def test_lets_neither_calls_nor_inputs_starve() -> None:
    """Calls and the inputs of a batch take turns at limit 1."""
    order: list[str] = []

    @task
    def work(_: int) -> None:
        order.append("input")

    with Pool(1) as pool, Gate() as gate:
        executor = pool.executor
        executor.submit(gate.arrive)
        gate.wait_for()
        pool.go(each(range(20)) >> work.with_retry(2))
        futures = [executor.submit(order.append, "call") for _ in range(20)]
        gate.open()
        pool.wait(TIMEOUT)

    assert all(future.done() for future in futures)
    assert {"input", "call"} == set(order[:6])


def test_keeps_failures_from_the_pool(caplog: pytest.LogCaptureFixture) -> None:
    """What fails is not in `errors()`, is not raised by `wait()`, and cancels nothing."""
    drain = Drain[int]()
    with Pool(1, on_error="cancel") as pool:
        executor = pool.executor
        futures = [
            executor.submit(fail, OSError()),
            executor.submit(task(fail).with_retry(2), OSError()),
            executor.submit(task(fail).with_retry(2), SystemExit()),
        ]
        pool.go(each(range(50)) >> task(int) | drain)
        pool.wait(TIMEOUT)
        wait(futures, TIMEOUT)

        assert pool.errors() == ()
        assert pool.stats().failed == 3
        assert [type(future.exception()) for future in futures] == [
            OSError,
            OSError,
            SystemExit,
        ]

    assert drain.drain() == list(range(50))
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


def test_retries_tasks_as_the_pool_says() -> None:
    """A task without a policy takes the pool's; a plain function is called once."""
    calls: list[int] = []

    def flaky(number: int) -> int:
        calls.append(number)
        if len(calls) % 2:
            raise OSError

        return number

    with Pool(1, retry=2) as pool:
        assert pool.executor.submit(task(flaky), 1).result(TIMEOUT) == 1
        assert isinstance(pool.executor.submit(flaky, 2).exception(TIMEOUT), OSError)

    assert calls == [1, 1, 2]


def test_counts_calls_in_the_accounts_of_the_pool() -> None:
    """Accepted = succeeded + failed + cancelled + in progress, calls included."""
    pool = Pool(1)
    with pool, Gate() as gate:
        executor = pool.executor
        executor.submit(gate.arrive)
        gate.wait_for()
        waiting = [executor.submit(int) for _ in range(3)]
        waiting[0].cancel()
        busy = pool.stats()

    done = pool.stats()
    assert (busy.accepted, busy.in_progress, busy.running) == (4, 4, 1)
    assert busy.attempts == 1
    assert (done.accepted, done.succeeded, done.cancelled) == (4, 3, 1)
    assert (done.in_progress, done.running, done.attempts) == (0, 0, 3)


def test_is_waited_for_when_the_pool_closes() -> None:
    """`close()` returns when the calls are done, too; `wait()` is about `go()` alone."""
    done: list[int] = []
    pool = Pool(2)
    with Gate() as gate:
        pool.executor.submit(gate.arrive)
        gate.wait_for()
        pool.wait(TIMEOUT)
        for number in range(50):
            pool.executor.submit(done.append, number)

    pool.close()
    assert sorted(done) == list(range(50))


def test_is_cancelled_with_the_pool() -> None:
    """`cancel()` drops calls and tasks that have not started; the pool goes on."""
    with Pool(1) as pool, Gate() as gate:
        executor = pool.executor
        running = executor.submit(gate.arrive)
        waiting = [executor.submit(int), executor.submit(task(int).with_retry(2))]
        gate.wait_for()
        pool.cancel()
        gate.open()

        for future in waiting:
            with pytest.raises(CancelledError):
                future.result(TIMEOUT)

        assert running.result(TIMEOUT) is None
        pool.wait(TIMEOUT)
        assert executor.submit(int, 3).result(TIMEOUT) == 3


def test_cancels_a_task_that_waits_for_its_next_attempt() -> None:
    """`cancel()` ends a task between two attempts; its future is cancelled as well."""
    with Pool(1) as pool, Gate() as gate:

        def refuse() -> None:
            gate.arrive()
            raise OSError

        future = pool.executor.submit(task(refuse).with_retry(2, backoff=60))
        gate.wait_for()
        gate.open()
        pool.executor.submit(int).result(TIMEOUT)
        pool.cancel()

        with pytest.raises(CancelledError):
            future.result(TIMEOUT)


def test_waits_for_what_it_was_given_at_shutdown() -> None:
    """Its `with` block ends when its calls are done; the pool goes on."""
    with Pool(2) as pool:
        with pool.executor as executor:
            futures = [executor.submit(int, number) for number in range(20)]

        assert all(future.done() for future in futures)
        with pytest.raises(PoolClosed):
            executor.submit(int)

        assert pool.executor.submit(int, 3).result(TIMEOUT) == 3


def test_cancels_what_it_was_given_at_shutdown() -> None:
    """With cancel_futures=True its own calls are cancelled, and no others."""
    with Pool(1) as pool, Gate() as gate:
        others = pool.executor
        others.submit(gate.arrive)
        kept = others.submit(int, 3)
        gate.wait_for()
        mine = pool.executor
        dropped = mine.submit(int)
        mine.shutdown(wait=False, cancel_futures=True)

        assert dropped.cancelled()
        gate.open()
        assert kept.result(TIMEOUT) == 3


def test_can_be_shut_down_in_a_worker() -> None:
    """Waiting for its calls in a worker of the pool lends the slot."""
    with Pool(1) as pool:

        def outer() -> int:
            with pool.executor as executor:
                future = executor.submit(int, 3)

            return future.result(0)

        assert pool.executor.submit(outer).result(TIMEOUT) == 3


def test_refuses_calls_when_the_pool_is_closed() -> None:
    """After `close()` submitting is PoolClosed."""
    with Pool(1) as pool:
        executor = pool.executor
        executor.submit(int).result(TIMEOUT)

    with pytest.raises(PoolClosed, match="cannot schedule new futures"):
        executor.submit(int)


def test_keeps_its_pool_alive() -> None:
    """A pool that only its executor has goes on."""
    executor = Pool(1).executor

    assert executor.submit(int, 3).result(TIMEOUT) == 3
    del executor


def test_fails_with_the_drain_of_a_task() -> None:
    """A task that cannot run, since its drain is shut, fails its future."""
    drain = Drain[int]()
    drain.shut_down()
    with Pool(1) as pool:
        future = pool.executor.submit(absolute | drain, 1)

        assert "shut" in str(future.exception(TIMEOUT))


def test_waits_in_a_worker_for_another_pool() -> None:
    """A worker waits for a call of another pool, and lends its slot meanwhile."""
    with Pool(1) as here, Pool(1) as there, Gate() as gate:
        future = here.executor.submit(
            lambda: there.executor.submit(gate.arrive).result()
        )
        gate.wait_for()

        assert here.executor.submit(int, 3).result(TIMEOUT) == 3
        gate.open()
        assert future.result(TIMEOUT) is None


def test_maps_what_an_iterable_gives_before_it_raises() -> None:
    """`map` gives the results of what came, then the error."""

    def numbers() -> Iterator[int]:
        yield from range(3)
        raise LookupError

    with Pool(2) as pool, pool.executor as executor:
        results = executor.map(abs, numbers())

        assert [next(results) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(LookupError):
            next(results)


@pytest.mark.parametrize("retry", [1, 2])
def test_refuses_to_wait_for_the_call_that_asks(retry: int) -> None:
    """`shutdown` in a call of its own is a RuntimeError, of a task as well."""
    with Pool(2) as pool:
        executor = pool.executor
        future = executor.submit(task(executor.shutdown).with_retry(retry))

        assert isinstance(future.exception(TIMEOUT), RuntimeError)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_is_refused_in_a_process_that_forked() -> None:
    """F2: calls and futures of a pool of the process before are a RuntimeError at once."""
    ended = run_child("""
        import os, threading, warnings
        from concurrent.futures import wait
        from fluent_async import Pool

        warnings.simplefilter("ignore", DeprecationWarning)
        free = threading.Event()
        pool = Pool(2)
        executor = pool.executor
        executor.submit(int).result()  # leaves a thread that stands by
        future = executor.submit(free.wait)
        child = os.fork()
        if not child:
            for use in (lambda: executor.submit(int), future.result,
                        lambda: pool.executor.submit(int), lambda: wait([future])):
                try:
                    use()
                except RuntimeError as error:
                    print(error, flush=True)

            executor.shutdown()
            os._exit(0)

        assert os.waitpid(child, 0)[1] == 0
        free.set()
        pool.close()
    """)

    told = "the threads of a pool stay in the process that made it: "
    assert [f"{told}make a new pool after fork()"] * 4 == ended.stdout.splitlines()
