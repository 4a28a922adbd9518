"""Worker and Workers: what can run by itself, be retried, and be drained."""

from collections.abc import AsyncIterator, Iterator
from typing import assert_type

from fluent_async import Drain, Pool, Worker, Workers, each, task
from fluent_async.typing import (
    Delay,
    Drainable,
    Executable,
    Results,
    Retryable,
    Sink,
    Takes,
    TakesMany,
)


class Out: ...


@task
def work(number: int, /) -> Out:
    return Out()


class Own:
    def execute(self) -> int:
        return 3


class Idle:
    def run(self) -> None: ...


class Odd:
    def with_retry(self, attempts: int, backoff: Delay = 0.0) -> int:
        return attempts

    def shut_down(self) -> int:
        return 0


class Once:
    def with_retry(self) -> Own:
        return Own()


class Twice:
    def with_retry(self, attempts: int, backoff: Delay = 0.0) -> Own:
        assert attempts
        return Own()


def executed(work: Executable) -> None:
    assert_type(work.execute(), object)


def retried(work: Retryable) -> None:
    assert_type(work.with_retry(3), Executable)
    assert_type(work.with_retry(3, 0.5), Executable)
    work.with_retry("3")  # E: argument
    work.with_retry(3, "0.5")  # E: argument


def drained(work: Drainable) -> None:
    assert_type(work.shut_down(), None)


worker = 1 >> work
assert_type(worker, Worker[Out])
assert_type(worker.name, str)
assert_type(worker.execute(), None)
assert_type(worker.execute_and_shut_down(), None)
assert_type(worker.shut_down(), None)
assert_type(worker.with_retry(3, backoff=0.1, retry_on=OSError), Worker[Out])
assert_type(worker.drain_to(Drain[Out]()), Worker[Out])
worker.with_retry("3")  # E: argument
worker.with_retry(3, "0.1")  # E: argument
worker.with_retry(3, retry_on="OSError")  # E: argument
worker.with_retry(3, 0.1, OSError)  # E: signature
worker.with_retry()  # E: signature
worker.drain_to(Drain[int]())  # E: argument
worker.drain_to(drain=Drain[Out]())  # E: signature
worker()  # E: not callable
worker.name = "other"  # E: read-only

workers = each([1]) >> work
assert_type(workers, Workers[Out])
assert_type(workers.execute(), None)
assert_type(workers.execute_and_shut_down(), None)
assert_type(workers.shut_down(), None)
assert_type(workers.with_retry(3, backoff=0.1, retry_on=OSError), Workers[Out])
assert_type(workers.drain_to(Drain[Out]()), Workers[Out])
workers.with_retry("3")  # E: argument
workers.with_retry(3, "0.1")  # E: argument
workers.with_retry(3, retry_on="OSError")  # E: argument
workers.with_retry(3, 0.1, OSError)  # E: signature
workers.drain_to(Drain[int]())  # E: argument
workers.drain_to(drain=Drain[Out]())  # E: signature
workers()  # E: not callable

assert_type(workers.results(), Results[Out])
assert_type(workers.results(pool=Pool(), ordered=False, buffer=2), Results[Out])
assert_type(list(workers.results(limit=2, on_error="keep")), list[Out])
workers.results(pool=None, limit=None, ordered=True, buffer=None, on_error="finish")
workers.results(on_error="cancel")
workers.results(Pool())  # E: signature
workers.results(pool=3)  # E: argument
workers.results(limit="2")  # E: argument
workers.results(ordered="yes")  # E: argument
workers.results(buffer="2")  # E: argument
workers.results(on_error="ignore")  # E: argument


async def results() -> None:
    async for output in workers.results():
        assert_type(output, Out)

    with workers.results() as outputs:
        assert_type(next(outputs), Out)
        assert_type(outputs.close(), None)

    async with workers.results() as entered:
        assert_type(entered, Results[Out])
        assert_type(await entered.__anext__(), Out)
        assert_type(aiter(entered), AsyncIterator[Out])
        assert_type(iter(entered), Iterator[Out])
        assert_type(await anext(entered), Out)
        entered.send(Out())  # E: attribute
        len(entered)  # E: argument

    for output in worker:  # E: not iterable
        pass

    with worker as outputs:  # E: no block
        pass


executed(worker)
executed(workers)
executed(Own())
retried(worker)
retried(Twice())
retried(workers)
drained(worker)
drained(workers)
drained(Drain[int]())
executed(work)  # E: argument
executed(Idle())  # E: argument
retried(Own())  # E: argument
retried(Odd())  # E: argument
retried(Once())  # E: argument
drained(Odd())  # E: argument
drained(Own())  # E: argument


# protocols that can be asked for at run time, and those that cannot
def ask(thing: object) -> None:
    isinstance(thing, Executable)
    isinstance(thing, Retryable)
    isinstance(thing, Drainable)
    isinstance(thing, Sink)  # E: protocol
    isinstance(thing, Takes)  # E: protocol
    isinstance(thing, TakesMany)  # E: protocol
    isinstance(thing, Results)  # E: protocol
