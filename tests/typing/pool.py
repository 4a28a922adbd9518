"""Pools: only what has its input can run."""

from concurrent.futures import Executor, Future
from datetime import timedelta
from typing import assert_type

from fluent_async import (
    Backoff,
    Failure,
    Pool,
    PoolStats,
    cancelled,
    each,
    run,
    sleep,
    task,
)
from fluent_async.futures import ThreadPoolExecutor


class Out: ...


class Other: ...


class Own:
    def execute(self) -> None: ...


@task
def work(number: int, /) -> Out:
    return Out()


@task
def alone() -> Other:
    return Other()


pool = Pool(
    4,
    retry=3,
    backoff=Backoff(0.1),
    retry_on=(OSError, TimeoutError),
    on_error="keep",
    max_failures=10,
    name="pool",
    describe=str,
)
Pool("4")  # E
Pool(retry="3")  # E
Pool(backoff="3")  # E
Pool(retry_on=BaseException)  # E
Pool(on_error="ignore")  # E
Pool(describe=3)  # E

assert_type(pool.go(1 >> work, each([1]) >> work, alone, Own()), Pool)
assert_type(pool.with_limit(3).with_retry(2, 0.5, retry_on=OSError), Pool)
assert_type(pool.limit, int)
assert_type(pool.wait(timeout=1.0), None)
assert_type(pool.errors(), tuple[Failure, ...])
assert_type(pool.cancel(), None)
assert_type(pool.close(), None)
assert_type(pool.executor, Executor)
assert_type(pool.to_mermaid(), str)
pool.to_mermaid("LR")  # E
pool.go(work)  # E
pool.go(1)  # E
pool.go([1 >> work])  # E
pool.with_limit("3")  # E
pool.wait("1")  # E
pool.limit = 3  # E

stats = pool.stats()
assert_type(stats, PoolStats)
assert_type(stats.accepted + stats.succeeded + stats.failed + stats.cancelled, int)
assert_type(stats.in_progress + stats.running + stats.abandoned, int)
assert_type(stats.waiting_for_retry + stats.waiting_for_room, int)
assert_type(stats.attempts + stats.threads, int)
stats.failed = 3  # E

with Pool() as opened:
    assert_type(opened, Pool)


async def waits() -> None:
    assert_type(await pool.wait_async(), None)
    await pool.wait_async(1.0)  # E
    async with Pool() as opened:
        assert_type(opened, Pool)


assert_type(run(1 >> work), list[Out])
assert_type(run(each([1]) >> work, limit=2, on_error="cancel"), list[Out])
assert_type(run(alone), list[Other])
run(work)  # E
run(Own())  # E
run(1 >> work, limit="2")  # E

assert_type(cancelled(), bool)
assert_type(sleep(timedelta(seconds=1)), None)
sleep("1")  # E
sleep()  # E

executor = ThreadPoolExecutor(2)
assert_type(executor.submit(len, "abc").result(), int)
assert_type(executor.submit(work, 1), Future[Out])
assert_type(executor.submit(work.with_retry(3), 1), Future[Out])
assert_type(pool.executor.submit(work, 1), Future[Out])
assert_type(list(executor.map(work, [1], timeout=1.0, buffersize=2)), list[Out])
ThreadPoolExecutor("2")  # E
executor.submit(work, "1")  # E
executor.submit(work)  # E
executor.map(work, [1], buffersize="2")  # E
