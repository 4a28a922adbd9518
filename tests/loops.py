"""Event loops for the tests: coroutines run to their end, and how far others get meanwhile."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeAlias, TypeVar

import anyio
import pytest
import uvloop

from fluent_async import _wait
from support import TIMEOUT


T = TypeVar("T")

Main: TypeAlias = Coroutine[object, object, T]
Runner: TypeAlias = Callable[[Main[None]], None]


def run(main: Main[T]) -> T:
    """Run a coroutine in an event loop of its own, and give what it returns."""
    return asyncio.run(asyncio.wait_for(main, TIMEOUT))


def run_uvloop(main: Main[None]) -> None:
    """Run a coroutine in a loop that is not asyncio's own."""
    uvloop.run(asyncio.wait_for(main, TIMEOUT))


def run_anyio(main: Main[None]) -> None:
    """Run a coroutine under anyio."""

    async def await_main() -> None:
        with anyio.fail_after(TIMEOUT):
            await main

    anyio.run(await_main)


every_runner = pytest.mark.parametrize(
    "runner", [run, run_uvloop, run_anyio], ids=lambda runner: runner.__name__
)


async def begun(coroutine: Main[T]) -> asyncio.Task[T]:
    """Start a coroutine beside this one, and go on once it waits for the first time."""
    task = asyncio.create_task(coroutine)
    await asyncio.sleep(0)
    return task


async def arrivals(waits: Callable[[], object]) -> None:
    """Await what blocks, such as `gate.wait_for`, on a thread."""
    await asyncio.to_thread(waits)


def nobody_waits() -> bool:
    """Say whether no wait for a drain or a pool is registered any more."""
    return not _wait.waiting
