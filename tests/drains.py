"""Drains as the tests want them, and all that feeds one."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TypeAlias

import pytest

from beside import beside
from fluent_async import Drain, Pool, Workers, each, stream, task
from fluent_async.errors import PoolCancelled
from support import TIMEOUT, Gate
from work import at, fail


Feeding: TypeAlias = Callable[[Drain[int]], AbstractContextManager[None]]
Ending: TypeAlias = Callable[[Drain[int]], None]


def filled(*values: int, maxsize: int = 0) -> Drain[int]:
    """Make a drain in which values wait."""
    drain = Drain[int](maxsize)
    for value in values:
        drain.send(value)

    return drain


def shut(*values: int) -> Drain[int]:
    """Make a drain in which values wait, and shut it."""
    drain = filled(*values)
    drain.shut_down()
    return drain


def fed(drain: Drain[int]) -> bool:
    """Say whether somebody feeds the drain."""
    try:
        drain.drain(timeout=0)
    except TimeoutError:
        return True

    return False


@stream
def count(number: int) -> Iterator[int]:
    """Count up to a number."""
    yield from range(number)


def stands_still(pool: Pool, *, succeeded: int) -> bool:
    """Say whether so many inputs have succeeded, and none runs."""
    stats = pool.stats()
    return (succeeded, 0) == (stats.succeeded, stats.running)


@contextmanager
def switching(*, every: float) -> Iterator[None]:
    """Have the interpreter change threads every so many seconds, if it need not before."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(every)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


# -- all that feeds a drain: it does so during the block, at whose end it sends 1 ----------


@contextmanager
def worker(drain: Drain[int]) -> Iterator[None]:
    """Feed by a worker given to a pool."""
    with Pool(1) as pool, Gate() as gate:
        pool.go(1 >> at(gate).hold | drain)
        gate.wait_for(1)
        yield


@contextmanager
def batch(drain: Drain[int]) -> Iterator[None]:
    """Feed by a batch given to a pool."""
    with Pool(1) as pool, Gate() as gate:
        pool.go(each([1]) >> at(gate).hold | drain)
        gate.wait_for(1)
        yield


@contextmanager
def mixed(drain: Drain[int]) -> Iterator[None]:
    """Feed by a worker that a lazy batch gave to a pool."""
    with Pool(1) as pool, Gate() as gate:
        pool.go(Workers([1 >> at(gate).hold | drain]))
        gate.wait_for(1)
        yield


@contextmanager
def stage(drain: Drain[int]) -> Iterator[None]:
    """Feed by a stage that another drain feeds."""
    with Pool(1) as pool, Gate() as gate:
        pool.go(filled(1) >> at(gate).hold | drain)
        gate.wait_for(1)
        yield


@contextmanager
def upstream(drain: Drain[int]) -> Iterator[None]:
    """Feed by a stage whose own input is still to come."""
    between = Drain[int]()
    with Pool(1) as pool, Gate() as gate:
        pool.go(between >> task(int) | drain, 1 >> at(gate).hold | between)
        gate.wait_for(1)
        yield


@contextmanager
def execute(drain: Drain[int]) -> Iterator[None]:
    """Feed by a worker that a thread runs itself."""
    with Gate() as gate:
        running = beside((1 >> at(gate).hold | drain).execute)
        gate.wait_for(1)
        yield

    running.result(TIMEOUT)


@contextmanager
def by_hand(drain: Drain[int]) -> Iterator[None]:
    """Feed by the drain's own block, which shuts it."""
    with drain:
        yield
        drain.send(1)


every_feeding = pytest.mark.parametrize(
    "feeding",
    [worker, batch, mixed, stage, upstream, execute, by_hand],
    ids=lambda feeding: feeding.__name__,
)


# -- all ways in which a feeder ends -------------------------------------------------------


def succeeds(drain: Drain[int]) -> None:
    """End by success."""
    with Pool(1) as pool:
        pool.go(2 >> task(int) | drain)


def fails(drain: Drain[int]) -> None:
    """End by failure."""
    with Pool(1, on_error="keep") as pool:
        pool.go(each([1, 2]) >> fail | drain)


def fails_by_itself(drain: Drain[int]) -> None:
    """End by failure in the thread that calls."""
    with suppress(ValueError):
        (1 >> fail | drain).execute()


def is_cancelled(drain: Drain[int]) -> None:
    """End by cancellation: one runs, one has not started."""
    with suppress(PoolCancelled), Pool(1) as pool, Gate() as gate:
        pool.go(each([1, 2]) >> at(gate).hold | drain)
        gate.wait_for(1)
        pool.cancel()


def is_given_up(drain: Drain[int]) -> None:
    """End by an exception in the body of a pool's block."""
    with suppress(LookupError), Pool(1) as pool, Gate() as gate:
        pool.go(each([1, 2]) >> at(gate).hold | drain)
        gate.wait_for(1)
        raise LookupError


def cannot_be_iterated(drain: Drain[int]) -> None:
    """End by an error of the inputs themselves."""

    def broken() -> Iterator[int]:
        yield from ()
        raise LookupError

    with Pool(1, on_error="keep") as pool:
        pool.go(each(broken()) >> task(int) | drain)


every_end = pytest.mark.parametrize(
    "end",
    [succeeds, fails, fails_by_itself, is_cancelled, is_given_up, cannot_be_iterated],
    ids=lambda end: end.__name__,
)
