"""asgiref, and so Django: `sync_to_async` runs functions on our threads."""

import asyncio
import threading

from asgiref.sync import async_to_sync, sync_to_async

from fluent_async.futures import ThreadPoolExecutor


def name_of_thread() -> str:
    """Return the name of the thread that calls this."""
    return threading.current_thread().name


def test_sync_to_async_runs_on_our_threads() -> None:
    """`sync_to_async(fn, executor=...)` awaits a call on the executor."""

    async def main() -> str:
        with ThreadPoolExecutor(1, "ours") as executor:
            call = sync_to_async(
                name_of_thread, thread_sensitive=False, executor=executor
            )
            return await call()

    assert asyncio.run(main()) == "ours_0"


def test_async_code_comes_back_from_our_threads() -> None:
    """`async_to_sync` in such a call goes back to the loop that waits for it."""

    async def inner() -> int:
        await asyncio.sleep(0)
        return 3

    async def main() -> int:
        with ThreadPoolExecutor(1) as executor:
            call = sync_to_async(
                async_to_sync(inner),
                thread_sensitive=False,
                executor=executor,
            )
            return await call()

    assert asyncio.run(main()) == 3
