"""Ctrl-C in event loops: it cancels the main coroutine; the second one abandons what runs."""

import asyncio
import gc
import signal
from collections.abc import Callable, Coroutine
from contextlib import closing, suppress
from itertools import count

import pytest

from fluent_async import Drain, Pool, Workers, task
from fluent_async._await import Awaiter, wait_shielded
from fluent_async._manner import Waiting
from fluent_async._threads import Threads
from hand import channel_of
from interruption import interrupted_at, raising_handlers
from loops import begun, nobody_waits
from support import Gate, poll, start_child
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


def cancel_interrupted(running: asyncio.Task[None]) -> None:
    """Cancel a coroutine, and run its loop until it has ended, while Ctrl-C is raised."""
    ended = asyncio.wait([running])
    try:
        signal.default_int_handler(signal.SIGINT, None)
    except KeyboardInterrupt:
        running.cancel()
        with suppress(KeyboardInterrupt):  # which is not to come out of the coroutine
            running.get_loop().run_until_complete(ended)


class TestSecond:
    """The second Ctrl-C, as `asyncio.run` hands it on: a cancellation while it is raised."""

    @pytest.mark.parametrize("shared", [False, True])
    def test_cancels_though_threads_take_their_time(
        self, monkeypatch: pytest.MonkeyPatch, *, shared: bool
    ) -> None:
        """K11: 1. What runs is abandoned. 2. Threads end. 3. A cancellation comes out."""
        join = Threads._join  # noqa: SLF001

        def joins_once_waited_for(threads: Threads) -> None:
            assert poll(lambda: bool(threads._joining))  # noqa: SLF001
            join(threads)

        async def main() -> None:
            async with Pool(1) as pool:
                work = Workers([1 >> hold])
                async with work.results(pool=pool if shared else None) as outputs:
                    await anext(outputs)

        @task
        def hold(_: int) -> None:
            gate.arrive()

        monkeypatch.setattr(Threads, "_join", joins_once_waited_for)
        with closing(asyncio.new_event_loop()) as loop, Gate() as gate:
            running = loop.create_task(main())
            loop.run_until_complete(asyncio.to_thread(gate.wait_for))
            running.cancel()
            loop.run_until_complete(asyncio.sleep(0))
            cancel_interrupted(running)

        assert running.cancelled()

    def test_comes_out_as_it_is_where_it_was_raised(self) -> None:
        """K11: if it gets through to a decision, and is handed on by nobody."""

        def waiting() -> Waiting[Awaiter, None]:
            yield from ()
            signal.default_int_handler(signal.SIGINT, None)

        with pytest.raises(KeyboardInterrupt):
            wait_shielded(waiting()).send(None)


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
