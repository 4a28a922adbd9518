"""Executors: the standard one's types, and tasks as calls."""

import asyncio
import concurrent.futures
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from typing import assert_type

from fluent_async import Pool, task
from fluent_async.futures import ThreadPoolExecutor


class Out: ...


class Pair: ...


@task
def work(number: int, /) -> Out:
    return Out()


@task
def pair(left: int, right: str, /) -> Pair:
    return Pair()


def prepare(number: int, name: str) -> None: ...
def prepare_nothing() -> int:
    return 1


# calls keep the types of what is called
executor = ThreadPoolExecutor(2)
assert_type(executor.submit(len, "abc").result(), int)
assert_type(executor.submit(work, 1), Future[Out])
assert_type(executor.submit(work.with_retry(3), 1), Future[Out])
assert_type(executor.submit(pair, 1, "r"), Future[Pair])
assert_type(Pool().executor.submit(work, 1), Future[Out])
executor.submit(work, "1")  # E: argument
executor.submit(work)  # E: signature
executor.submit(1 >> work)  # E: argument
executor.submit(fn=work)  # E: signature

assert_type(executor.map(work, [1]), Iterator[Out])
assert_type(executor.map(pair, [1], ["r"]), Iterator[Pair])
executor.map(work, [1], timeout=1.0, chunksize=3, buffersize=2)
executor.map(work, [1], timeout=None, buffersize=None)
executor.map(work, 1)  # E: argument
executor.map(3, [1])  # E: argument
executor.map(work, [1], timeout="1")  # E: argument
executor.map(work, [1], chunksize="3")  # E: argument
executor.map(work, [1], buffersize="2")  # E: argument

# made and ended like the standard one, which it is
standard: concurrent.futures.ThreadPoolExecutor = executor
some: Executor = Pool().executor
pooled: ThreadPoolExecutor = Pool().executor  # E: assignment
ours: ThreadPoolExecutor = concurrent.futures.ThreadPoolExecutor()  # E: assignment
ThreadPoolExecutor()
ThreadPoolExecutor(None, "name", None, ())
ThreadPoolExecutor(thread_name_prefix="name", initializer=prepare_nothing)
ThreadPoolExecutor(initializer=prepare, initargs=(1, "a"))
ThreadPoolExecutor(2, "name", initializer=prepare, initargs=(1, "a"))
ThreadPoolExecutor(None, initializer=prepare, initargs=(2, "a"))
ThreadPoolExecutor(2, initializer=prepare, initargs=(1, "a"))
ThreadPoolExecutor(thread_name_prefix="name", initializer=prepare, initargs=(1, "a"))
ThreadPoolExecutor(2, "name", prepare, (1, "a"))
ThreadPoolExecutor(None, "name", prepare, (1, "a"))
ThreadPoolExecutor("2")  # E: argument
ThreadPoolExecutor(2, 3)  # E: argument
ThreadPoolExecutor(initializer=3)  # E: argument
ThreadPoolExecutor(initializer=prepare)  # E: argument
ThreadPoolExecutor(initializer=prepare, initargs=("a", 1))  # E: argument
ThreadPoolExecutor(initializer=prepare_nothing, initargs=(1,))  # E: argument
ThreadPoolExecutor(initargs=(1,))  # E: argument
ThreadPoolExecutor("2", initializer=prepare, initargs=(1, "a"))  # E: argument
ThreadPoolExecutor(2, 3, initializer=prepare, initargs=(1, "a"))  # E: argument
ThreadPoolExecutor("2", "name", prepare, (1, "a"))  # E: argument
ThreadPoolExecutor(2, 3, prepare, (1, "a"))  # E: argument
ThreadPoolExecutor(2, "name", prepare, ("a", 1))  # E: argument
ThreadPoolExecutor(2, "name", 3, (1, "a"))  # E: argument
assert_type(executor.shutdown(), None)
executor.shutdown(False, cancel_futures=True)
executor.shutdown("no")  # E: argument
executor.shutdown(cancel_futures="no")  # E: argument
executor.shutdown(True, True)  # E: signature

with ThreadPoolExecutor(1) as opened:
    assert_type(opened, ThreadPoolExecutor)


# and event loops take them, and tasks
async def awaits() -> None:
    loop = asyncio.get_running_loop()
    assert_type(await loop.run_in_executor(executor, work, 1), Out)
    assert_type(await loop.run_in_executor(Pool().executor, work, 1), Out)
    assert_type(await asyncio.to_thread(pair, 1, "r"), Pair)
    loop.set_default_executor(executor)
    await loop.run_in_executor(Pool(), work, 1)  # E: argument
    await asyncio.to_thread(pair, 1)  # E: signature
    await asyncio.wrap_future(1 >> work)  # E: argument
