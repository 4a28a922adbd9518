"""Pools: only what has its input can run."""

from concurrent.futures import Executor
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
Pool("4")  # E: argument
Pool(retry="3")  # E: argument
Pool(backoff="3")  # E: argument
Pool(retry_on=BaseException)  # E: argument
Pool(on_error="ignore")  # E: argument
Pool(describe=3)  # E: argument
Pool(describe=len)  # E: argument
Pool(max_failures="10")  # E: argument
Pool(name=3)  # E: argument
Pool(4, 3)  # E: signature
Pool(workers=4)  # E: signature
Pool(None, retry=None, backoff=None, retry_on=None, name=None, describe=None)
Pool(on_error="finish", max_failures=None)
Pool(on_error="cancel")

assert_type(pool.go(1 >> work, each([1]) >> work, alone, Own()), Pool)
assert_type(pool.with_limit(3).with_retry(2, 0.5, retry_on=OSError), Pool)
assert_type(pool.with_retry(2), Pool)
assert_type(pool.limit, int)
assert_type(pool.wait(timeout=1.0), None)
assert_type(pool.errors(), tuple[Failure, ...])
assert_type(pool.cancel(), None)
assert_type(pool.close(), None)
assert_type(pool.executor, Executor)
assert_type(pool.to_mermaid(), str)
pool.to_mermaid("LR")  # E: signature
pool.go(work)  # E: argument
pool.go(1)  # E: argument
pool.go([1 >> work])  # E: argument
pool.go(Own)  # E: argument
pool.go(workers=1 >> work)  # E: signature
pool.with_limit("3")  # E: argument
pool.with_limit(None)  # E: argument
pool.with_retry("2")  # E: argument
pool.with_retry(2, "0.5")  # E: argument
pool.with_retry(2, retry_on="OSError")  # E: argument
pool.with_retry(2, 0.5, OSError)  # E: signature
pool.wait("1")  # E: argument
pool.wait(None)
pool.wait()
pool.executor = pool.executor  # E: read-only
pool.limit = 3  # E: read-only

stats = pool.stats()
assert_type(stats, PoolStats)
assert_type(stats.accepted + stats.succeeded + stats.failed + stats.cancelled, int)
assert_type(stats.in_progress + stats.running + stats.abandoned, int)
assert_type(stats.waiting_for_retry + stats.waiting_for_room, int)
assert_type(stats.attempts + stats.threads, int)
stats.failed = 3  # E: read-only

with Pool() as opened:
    assert_type(opened, Pool)


async def waits() -> None:
    assert_type(await pool.wait_async(), None)
    await pool.wait_async(1.0)  # E: signature
    async with Pool() as entered:
        assert_type(entered, Pool)


assert_type(run(1 >> work), list[Out])
assert_type(run(each([1]) >> work, limit=2, on_error="cancel"), list[Out])
assert_type(run(alone), list[Other])
run(work)  # E: argument
run(Own())  # E: argument
run(1 >> work, limit="2")  # E: argument
run(1 >> work, limit=None, on_error="finish")
run(1 >> work, on_error="keep")
run(1 >> work, on_error="ignore")  # E: argument
run([1 >> work])  # E: argument

assert_type(cancelled(), bool)
assert_type(sleep(timedelta(seconds=1)), None)
sleep(1.5)
sleep("1")  # E: argument
sleep(seconds=1)  # E: signature
cancelled(1)  # E: signature
sleep()  # E: signature
