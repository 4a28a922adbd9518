"""Worker and Workers: what can run by itself, be retried, and be drained."""

from typing import assert_type

from fluent_async import Drain, Pool, Worker, Workers, each, task
from fluent_async.typing import Drainable, Executable, Results, Retryable


class Out: ...


@task
def work(number: int, /) -> Out:
    return Out()


class Own:
    def execute(self) -> int:
        return 3


class Idle:
    def run(self) -> None: ...


def executed(work: Executable) -> None: ...
def retried(work: Retryable) -> None: ...
def drained(work: Drainable) -> None: ...


worker = 1 >> work
assert_type(worker, Worker[Out])
assert_type(worker.name, str)
assert_type(worker.execute(), None)
assert_type(worker.execute_and_shut_down(), None)
assert_type(worker.shut_down(), None)
assert_type(worker.with_retry(3, backoff=0.1, retry_on=OSError), Worker[Out])
assert_type(worker.drain_to(Drain[Out]()), Worker[Out])
worker.with_retry("3")  # E
worker.drain_to(Drain[int]())  # E
worker()  # E
worker.name = "other"  # E

workers = each([1]) >> work
assert_type(workers, Workers[Out])
assert_type(workers.execute(), None)
assert_type(workers.execute_and_shut_down(), None)
assert_type(workers.shut_down(), None)
assert_type(workers.with_retry(3, backoff=0.1, retry_on=OSError), Workers[Out])
assert_type(workers.drain_to(Drain[Out]()), Workers[Out])
workers.with_retry("3")  # E
workers.drain_to(Drain[int]())  # E

assert_type(workers.results(), Results[Out])
assert_type(workers.results(pool=Pool(), ordered=False, buffer=2), Results[Out])
assert_type(list(workers.results(limit=2, on_error="keep")), list[Out])
workers.results(3)  # E
workers.results(on_error="ignore")  # E


async def results() -> None:
    async for output in workers.results():
        assert_type(output, Out)

    with workers.results() as outputs:
        assert_type(next(outputs), Out)
        outputs.close()

    with worker as outputs:  # E
        pass


executed(worker)
executed(workers)
executed(Own())
retried(worker)
retried(workers)
drained(worker)
drained(workers)
drained(Drain[int]())
executed(work)  # E
executed(Idle())  # E
retried(Own())  # E
drained(Own())  # E
