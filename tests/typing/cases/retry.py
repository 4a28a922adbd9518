"""Retries: delays, which exceptions, and what a failure tells."""

from datetime import timedelta
from typing import assert_type

from fluent_async import Backoff, Failure, task
from fluent_async.errors import (
    Cancelled,
    DrainClosed,
    FluentAsyncError,
    PoolCancelled,
    PoolClosed,
    PoolStalled,
    TaskTimeout,
)
from fluent_async.typing import Delay, RetryOn, Seconds


def work(number: int, /) -> str:
    return ""


def retry_after(failure: Failure) -> float:
    return 1.0


def no_delay(failure: Failure) -> str:
    return ""


def is_temporary(error: Exception) -> bool:
    return True


def delay(value: Delay) -> None: ...
def retry_on(value: RetryOn) -> None: ...
def seconds(value: Seconds) -> None: ...


delay(1)
delay(0.5)
delay(timedelta(seconds=1))
delay(Backoff(0.5, factor=3.0, maximum=timedelta(minutes=1), jitter=0))
delay(retry_after)
delay("1")  # E: argument
delay(None)  # E: argument
delay(no_delay)  # E: argument
delay(Backoff)  # E: argument

retry_on(OSError)
retry_on((OSError, ValueError))
retry_on(is_temporary)
retry_on(BaseException)  # E: argument
retry_on(OSError())  # E: argument
retry_on([OSError])  # E: argument
retry_on("OSError")  # E: argument

seconds(1)
seconds(timedelta(seconds=1))
seconds("1")  # E: argument

Backoff()  # E: signature
Backoff("1")  # E: argument
Backoff(1, 2.0)  # E: signature
Backoff(1, jitter="0")  # E: argument
Backoff(1, factor="2")  # E: argument
Backoff(1, maximum="60")  # E: argument
assert_type(Backoff(timedelta(seconds=1), maximum=1.5), Backoff)


def tell(failure: Failure) -> None:
    assert_type(failure.task, str)
    assert_type(failure.input, object)
    assert_type(failure.attempt, int)
    assert_type(failure.elapsed, float)
    assert_type(failure.exception, Exception)
    assert_type(Backoff(1)(failure), float)
    failure.attempt = 3  # E: read-only
    failure.exception = ValueError()  # E: read-only
    Backoff(1)(3)  # E: argument
    Backoff(1)(failure=failure)  # E: signature
    failure.attempts  # E: attribute


task(retry_on=DrainClosed)(work)
task(retry_on=(TaskTimeout, FluentAsyncError, PoolStalled))(work)
task(retry_on=(PoolClosed, PoolCancelled))(work)
task(retry_on=Cancelled)(work)  # E: argument
