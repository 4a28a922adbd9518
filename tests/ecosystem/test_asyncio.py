"""asyncio: an event loop runs what would block it on our threads."""

import asyncio
import threading
from contextvars import ContextVar

import pytest

from fluent_async import Pool
from fluent_async.futures import ThreadPoolExecutor
from support import TIMEOUT


request = ContextVar("request", default="none")


def test_run_in_executor_awaits_a_call() -> None:
    """`loop.run_in_executor(executor, fn)` gives what fn returns."""

    async def main() -> int:
        with ThreadPoolExecutor(2) as executor:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(executor, pow, 2, 5)

    assert asyncio.run(main()) == 32


def test_run_in_executor_raises_what_a_call_raises() -> None:
    """An exception comes out of the await as it is."""

    async def main() -> None:
        with ThreadPoolExecutor(2) as executor:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(executor, int, "no number")

    with pytest.raises(ValueError, match="no number"):
        asyncio.run(main())


def test_run_in_executor_takes_the_executor_of_a_pool() -> None:
    """`pool.executor` does as well, and the pool closes after it."""

    async def main(pool: Pool) -> list[int]:
        loop = asyncio.get_running_loop()
        calls = [
            loop.run_in_executor(pool.executor, abs, -number) for number in range(50)
        ]
        return await asyncio.gather(*calls)

    with Pool(2) as pool:
        assert asyncio.run(main(pool)) == list(range(50))


def test_cancelling_an_await_cancels_a_call_that_waits() -> None:
    """What has not started when its await is cancelled is not made."""
    made: list[int] = []

    async def main() -> None:
        with ThreadPoolExecutor(1) as executor:
            loop = asyncio.get_running_loop()
            go = asyncio.Event()
            held = asyncio.run_coroutine_threadsafe  # what the call waits with
            first = loop.run_in_executor(
                executor, lambda: held(go.wait(), loop).result(TIMEOUT)
            )
            second = loop.run_in_executor(executor, made.append, 1)
            await asyncio.sleep(0)
            second.cancel()
            await asyncio.sleep(0)
            go.set()
            await first

    asyncio.run(main())
    assert made == []


def test_serves_as_the_default_executor() -> None:
    """`loop.set_default_executor` takes it, and `to_thread` runs on it."""

    async def main() -> tuple[str, str]:
        request.set("mine")
        executor = ThreadPoolExecutor(1, "ours")
        loop = asyncio.get_running_loop()
        loop.set_default_executor(executor)
        name = await asyncio.to_thread(_thread_name)
        return name, await asyncio.to_thread(request.get)

    assert asyncio.run(main()) == ("ours_0", "mine")


def _thread_name() -> str:
    return threading.current_thread().name
