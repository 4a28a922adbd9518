"""Ctrl-C in an executor: the first cancels and waits for what runs, the second leaves it."""

from concurrent.futures import Executor, wait
from pathlib import Path

import pytest

from beside import beside
from fluent_async.futures import ThreadPoolExecutor
from interruption import interrupted_at, raising_handlers
from support import TIMEOUT, Gate, run_child, start_child


CALLS = {
    "shutdown": "executor.shutdown()",
    "with": "with executor: pass",
    "body": "with executor: threading.Event().wait()",
    "result": "with executor: last.result()",
    "wait": "with executor: futures.wait([last])",
    "as_completed": "with executor: next(futures.as_completed([last]))",
    "map": "with executor: list(executor.map(never, range(9)))",
}
"""Every wait there is, in a program whose executor is at a call and has one more."""

PROGRAM = """
import threading
from concurrent import futures
from fluent_async import Pool, cancelled
from fluent_async.futures import ThreadPoolExecutor

free = threading.Event()

def ignore(*_) -> None:
    print("runs", flush=True)
    while not (cancelled() or {dropped} and last is not None and last.cancelled()):
        free.wait(0.01)

    print("told", flush=True)
    if not {listens}:
        threading.Event().wait()

def never(*_) -> None:
    print("never", flush=True)

last = None
executor = {made}
executor.submit(ignore, 7)
last = executor.submit(never)

try:
    {call}
except KeyboardInterrupt:
    print("out", flush=True)
    {then}
"""


def program(
    call: str,
    *,
    listens: bool,
    then: str = "print(last.cancelled())",
    made: str = 'ThreadPoolExecutor(1, "crawl")',
) -> str:
    """Write a program that is in such a wait; its call may end when it is told to."""
    call = CALLS.get(call, call)
    dropped = "Pool" in made and "Thread" not in made  # there nobody tells a call
    return PROGRAM.format(
        call=call, listens=listens, then=then, made=made, dropped=dropped
    )


every_call = pytest.mark.parametrize("call", CALLS)


class TestFirst:
    """The first Ctrl-C cancels what waits, waits for what runs, and goes on."""

    @every_call
    def test_ends_what_runs(self, call: str) -> None:
        """K1, K2: what runs is told, what waits is cancelled; nothing else is said."""
        with start_child(program(call, listens=True)) as child:
            child.wait_for("runs")
            child.interrupt()
            ended = child.finish()

        assert ["runs", "told", "out", "True"] == ended.stdout.splitlines()
        assert (0, "") == (ended.returncode, ended.stderr)

    @pytest.mark.parametrize("call", ["shutdown", "with"])
    def test_leaves_the_pool_of_an_executor_to_itself(self, call: str) -> None:
        """K1: what was submitted to `pool.executor` is dropped, and what runs waited for."""
        made = "Pool(limit=1, name='crawl').executor"
        with start_child(program(call, listens=True, made=made)) as child:
            child.wait_for("runs")
            child.interrupt()
            ended = child.finish()

        assert ["runs", "told", "out", "True"] == ended.stdout.splitlines()
        assert (0, "") == (ended.returncode, ended.stderr)

    def test_in_an_event_loop_ends_with_the_call_that_runs(self) -> None:
        """K11: the loop cancels its await, and closes when the executor is done."""
        script = """
            import asyncio, threading
            from fluent_async.futures import ThreadPoolExecutor

            free = threading.Event()

            def work() -> None:
                print("runs", flush=True)
                free.wait()
                print("done", flush=True)

            async def main() -> None:
                loop = asyncio.get_running_loop()
                loop.set_default_executor(ThreadPoolExecutor(1))
                work_ = asyncio.to_thread(work)
                try:
                    await asyncio.gather(work_, asyncio.to_thread(print, "never"))
                finally:
                    free.set()

            try:
                asyncio.run(main())
            except KeyboardInterrupt:
                print("out", flush=True)
        """
        with start_child(script) as child:
            child.wait_for("runs")
            child.interrupt()
            ended = child.finish()

        assert ["runs", "done", "out"] == ended.stdout.splitlines()
        assert (0, "") == (ended.returncode, ended.stderr)


class TestSecond:
    """The second Ctrl-C abandons what runs, says what that is, and leaves."""

    @every_call
    def test_leaves_what_does_not_listen(self, call: str) -> None:
        """K3: it is named with its input and thread, and does not keep Python alive."""
        with start_child(program(call, listens=False)) as child:
            child.wait_for("runs")
            child.interrupt()
            child.wait_for("told")
            child.interrupt()
            ended = child.finish()

        says = "crawl: abandoned while it runs: ignore(7) on crawl_0"
        assert ["runs", "told", "out", "True"] == ended.stdout.splitlines()
        assert (0, [says]) == (ended.returncode, ended.stderr.splitlines())

    def test_names_tasks_that_were_submitted(self) -> None:
        """K3: a task with a policy is named as in a pool."""
        source = program("with", listens=False)
        script = source.replace("(ignore, 7)", "(task(ignore).with_retry(2), 7)")
        script = script.replace("import Pool, c", "import Pool, task, c")
        with start_child(script) as child:
            child.wait_for("runs")
            child.interrupt()
            child.wait_for("told")
            child.interrupt()
            ended = child.finish()

        assert "crawl: abandoned while it runs: ignore(7) on " in ended.stderr

    def test_names_several_arguments(self) -> None:
        """K3: as a tuple, the keyword ones left out."""
        script = program("with", listens=False).replace("(ignore, 7)", "(ignore, 7, 8)")
        with start_child(script) as child:
            child.wait_for("runs")
            child.interrupt()
            child.wait_for("told")
            child.interrupt()
            ended = child.finish()

        assert "ignore((7, 8)) on crawl_0" in ended.stderr

    def test_leaves_a_callback_that_does_not_end(self) -> None:
        """K3: a thread that is at no call any more is left, too, and not named."""
        script = program(
            "first.add_done_callback(ignore); free.set(); executor.shutdown()",
            listens=False,
        ).replace("executor.submit(ignore, 7)", "first = executor.submit(free.wait)")
        with start_child(script) as child:
            child.wait_for("runs")
            child.interrupt()
            child.wait_for("told")
            child.interrupt()
            ended = child.finish()

        assert "out" in ended.stdout.splitlines()
        assert (0, "") == (ended.returncode, ended.stderr)

    def test_ends_the_use_of_the_executor(self) -> None:
        """K3, K4: it refuses calls, and waits for nobody any more."""
        then = """
    executor.shutdown()
    try:
        executor.submit(int)
    except RuntimeError as error:
        print(error)
        """
        with start_child(program("with", listens=False, then=then)) as child:
            child.wait_for("runs")
            child.interrupt()
            child.wait_for("told")
            child.interrupt()
            ended = child.finish()

        assert (
            "cannot schedule new futures after shutdown"
            == (ended.stdout.splitlines()[-1])
        )
        assert 0 == ended.returncode

    def test_leaves_the_wait_of_a_pools_executor(self) -> None:
        """K3: what runs is the pool's; the third one, at its `close`, names it."""
        made = "Pool(limit=1, name='crawl').executor"
        then = "print(executor._keep.close(), flush=True)"
        script = program("with", listens=False, made=made, then=then)
        with start_child(script) as child:
            child.wait_for("runs")
            child.interrupt()
            child.wait_for("told")
            child.interrupt()
            child.wait_for("out")
            child.interrupt()
            child.interrupt()
            ended = child.finish()

        assert "crawl: abandoned while it runs: ignore(7) on crawl-0" in ended.stderr

    def test_of_an_exception_is_the_first(self) -> None:
        """E3, K3: one that left the block was no Ctrl-C, so two of those are to come."""
        script = program("with executor: input(); raise KeyError", listens=False)
        script += "except KeyError:\n    print('too early')\n"
        with start_child(script) as child:
            child.wait_for("runs")
            child.answer()
            child.wait_for("told")
            child.interrupt()
            child.interrupt()
            ended = child.finish()

        assert "out" in ended.stdout.splitlines()
        assert "abandoned while it runs: ignore(7)" in ended.stderr


class TestAnywhere:
    """A handler that raises anywhere in the library leaves everything consistent."""

    @pytest.mark.slow
    def test_leaves_an_executor_as_good_as_new(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """K5, K10: at every second line of `submit` and `cancel`.

        In a Python of its own: what is raised by a trace function in an `except` block
        may leave the exception that is handled there behind in the thread.
        """
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        ended = run_child(f"""
            import sys
            sys.path.insert(0, {str(Path(__file__).parent)!r})
            from test_futures_interrupt import interrupted_round

            line = 1
            while interrupted_round(line):
                line += 2

            print(line > 100)
        """)

        assert ended.stdout == "True\n", ended.stderr


def interrupted_round(line: int) -> bool:
    """Use an executor, interrupted at a line of that; see that it works on.

    Returns:
        Whether it has that many lines.
    """
    executor = ThreadPoolExecutor(2)

    def use() -> None:
        made = [executor.submit(int, number) for number in range(3)]
        made[2].cancel()

    with raising_handlers():
        interrupted = interrupted_at(line, use)

    beside(check, executor).result(TIMEOUT)
    beside(executor.shutdown).result(TIMEOUT)
    assert not executor._threads  # noqa: SLF001
    return interrupted


def check(executor: Executor) -> None:
    """See that no slot is lost, nor what wakes those who wait."""
    with Gate() as gate:
        made = [executor.submit(gate.arrive) for _ in range(3)]
        gate.wait_for(2)
        gate.open()
        assert not wait(made, TIMEOUT).not_done
