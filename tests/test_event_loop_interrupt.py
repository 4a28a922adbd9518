"""Ctrl-C in event loops: it cancels the main coroutine; the second one abandons what runs."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from contextlib import closing, suppress
from itertools import count

import pytest

from fluent_async import Drain, Pool
from hand import channel_of
from interruption import interrupted_at, raising_handlers
from loops import begun, nobody_waits
from support import start_child
from work import double


BLOCKS = {
    "end": "async with pool: pool.go(ignore, never)",
    "body": "async with pool.go(ignore, never): await asyncio.sleep(3600)",
    "wait": "async with pool.go(ignore, never): await pool.wait_async()",
    "drain": "async with pool.go(ignore | pages, never): await anext(aiter(pages))",
    "results": "async with outputs(limit=1) as own: await anext(own)",
    "shared": """
    async with pool, outputs(pool=pool) as shared:
        await anext(shared)
""",
    "nested": """
    async with Pool(name="outer"), pool.go(ignore, never):
        pass
""",
    "task": """
    async with asyncio.TaskGroup() as group:
        group.create_task(beside())
""",
}
"""Every block whose end waits for what runs, in a program whose pool is at a task."""

PROGRAM = """
import asyncio, threading
import uvloop
from fluent_async import Drain, Pool, Workers, cancelled, task

pages = Drain[None]()
free = threading.Event()
pool = Pool(limit=1, name="crawl")

@task
def ignore(_: object = None) -> None:
    print("runs", flush=True)
    while not cancelled():
        free.wait(0.01)

    print("told", flush=True)
    if not {listens}:
        threading.Event().wait()

@task
def never() -> None:
    print("never", flush=True)

def outputs(**where):
    return Workers([1 >> ignore, 2 >> ignore]).results(**where)

async def beside() -> None:
    async with pool.go(ignore, never):
        pass

async def main() -> None:
    {block}

try:
    {runner}(main())
except KeyboardInterrupt:
    print("out", flush=True)
"""


def program(block: str, runner: str, *, listens: bool) -> str:
    """Write a program that is in such a block; its task may end when it is told to."""
    return PROGRAM.format(
        block=BLOCKS[block].strip("\n").strip(), listens=listens, runner=runner
    )


every_block = pytest.mark.parametrize("block", BLOCKS)
every_runner = pytest.mark.parametrize("runner", ["asyncio.run", "uvloop.run"])


class TestCtrlC:
    """Ctrl-C while the main coroutine is in a block."""

    @every_runner
    @every_block
    def test_ends_what_runs(self, block: str, runner: str) -> None:
        """K11: what runs is told, what is queued is dropped; nothing else is said."""
        with start_child(program(block, runner, listens=True)) as child:
            child.wait_for("runs")
            child.interrupt()
            ended = child.finish()

        assert ["runs", "told", "out"] == ended.stdout.splitlines()
        assert (0, "") == (ended.returncode, ended.stderr)

    @every_runner
    @every_block
    def test_again_abandons_what_runs(self, block: str, runner: str) -> None:
        """K11: the program ends though a task does not, and says which one."""
        with start_child(program(block, runner, listens=False)) as child:
            child.wait_for("runs")
            child.interrupt()
            child.wait_for("told")
            child.interrupt()
            ended = child.finish()

        assert ["runs", "told", "out"] == ended.stdout.splitlines()
        assert 1 == ended.stderr.count("abandoned while it runs: ignore(")
        assert 1 == len(ended.stderr.splitlines())
        assert 0 == ended.returncode


async def wait_for_value(pool: Pool, drain: Drain[int]) -> None:
    """Wait for a value that never comes."""
    del pool
    await anext(aiter(drain))


async def wait_for_end(pool: Pool, drain: Drain[int]) -> None:
    """Wait for a pool that is never done."""
    del drain
    await pool.wait_async()


async def cancelled(waits: Coroutine[object, object, None]) -> None:
    """Begin to wait, and end that."""
    task = await begun(waits)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


class TestHandlerThatRaises:
    """A handler of a signal that raises, wherever a wait is."""

    @pytest.mark.parametrize("wait", [wait_for_value, wait_for_end])
    def test_leaves_no_wait_behind(
        self,
        errors_recorded: list[BaseException | None],
        wait: Callable[[Pool, Drain[int]], Coroutine[object, object, None]],
    ) -> None:
        """K10: at each line a wait is begun and ended as a whole, or not begun."""
        feed, drain = Drain[int](), Drain[int]()
        with (
            closing(asyncio.new_event_loop()) as loop,
            Pool(1) as pool,
            feed,
            raising_handlers(),
        ):
            pool.go(feed >> double)
            lines = count(1)
            while interrupted_at(
                next(lines),
                lambda: loop.run_until_complete(cancelled(wait(pool, drain))),
            ):
                if not nobody_waits():
                    gc.collect()  # what was raised leads to what that interrupted

                assert nobody_waits()
                assert not channel_of(drain).read
                assert 0 == pool._engine.scheduler.waiters  # noqa: SLF001

        errors_recorded.clear()  # what was raised in finalizers
        assert next(lines) > 100  # there was something to interrupt
