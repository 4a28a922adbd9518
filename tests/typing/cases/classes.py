"""Classes: none is for deriving from, and each error is what it is caught as."""

from collections.abc import Callable, Hashable, Iterable, Sized
from typing import assert_type

from fluent_async import (
    Args,
    Backoff,
    Drain,
    Each,
    Failure,
    Pool,
    PoolStats,
    Task,
    Worker,
    Workers,
)
from fluent_async.errors import (
    Cancelled,
    DrainClosed,
    FluentAsyncError,
    PoolCancelled,
    PoolClosed,
    PoolStalled,
    TaskTimeout,
)
from fluent_async.testing import Event, Explored, Simulation


class MyTask(Task[[int], int]): ...  # E: final


class MyWorker(Worker[int]): ...  # E: final


class MyWorkers(Workers[int]): ...  # E: final


class MyEach(Each[int]): ...  # E: final


class MyArgs(Args[int, int]): ...  # E: final


class MyDrain(Drain[int]): ...  # E: final


class MyPool(Pool): ...  # E: final


class MyStats(PoolStats): ...  # E: final


class MyBackoff(Backoff): ...  # E: final


class MyFailure(Failure): ...  # E: final


class MySimulation(Simulation): ...  # E: final


class MyEvent(Event): ...  # E: final


class MyExplored(Explored): ...  # E: final


class MyError(FluentAsyncError): ...


# tasks and workers are made by decorators and operators alone
Task(len)  # E: signature
Worker(3)  # E: signature

# what each error is besides
ours: Exception = FluentAsyncError()
shut: FluentAsyncError = DrainClosed()
closed: RuntimeError = PoolClosed()
closed_too: FluentAsyncError = PoolClosed()
dropped: FluentAsyncError = PoolCancelled()
stalled: FluentAsyncError = PoolStalled()
late: TimeoutError = TaskTimeout()
late_too: FluentAsyncError = TaskTimeout()
told: BaseException = Cancelled()
no_exception: Exception = Cancelled()  # E: assignment
no_error_of_ours: FluentAsyncError = Cancelled()  # E: assignment
no_runtime_error: RuntimeError = DrainClosed()  # E: assignment
no_timeout: TimeoutError = PoolStalled()  # E: assignment
no_closed_pool: PoolClosed = PoolCancelled()  # E: assignment

# what values are
keys: set[Hashable] = {Backoff(1), Pool(), Drain[int]()}
policy: Callable[[Failure], float] = Backoff(1)
assert_type(Backoff(1) == 3, bool)
assert_type(Failure("t", 1, 1, 0.5, ValueError()), Failure)
sized: Sized = Drain[int]()
values: Iterable[int] = Drain[int]()
unsized: Sized = Pool()  # E: assignment
no_values: Iterable[int] = Pool()  # E: assignment
Failure()  # E: signature
Failure("t", 1, 1, 0.5, KeyboardInterrupt())  # E: argument
PoolStats()  # E: signature
PoolStats(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)  # E: signature
