"""Ctrl-C: the first cancels and waits for what runs, the second leaves that behind."""

import gc
import textwrap

import pytest

from beside import beside
from fluent_async import Pool, _channel, _inlet, each, task
from fluent_async._bell import Bell
from fluent_async._wait import Waiter
from fluent_async.errors import PoolCancelled
from hand import filled
from support import TIMEOUT, Gate, poll, start_child
from work import at


CALLS = {
    "wait": "pool.wait()",
    "with": "with pool: pass",
    "body": "with pool: threading.Event().wait()",
    "close": "pool.close()",
    "drain": "pages.drain()",
    "iteration": "list(pages)",
    "send": "full.send(2)",
    "run": "run(ignore, never, limit=1)",
    "results": "list((each([None] * 2) >> ignore).results(limit=1))",
    "results in a pool": "list((each([None] * 2) >> ignore).results(pool=pool))",
}
"""Every call that blocks, in a program whose pool is at a task and has one more queued."""

PROGRAM = """
import threading
from fluent_async import Drain, Pool, cancelled, each, run, task

pages, full = Drain[None](maxsize=1), Drain[int](maxsize=1)
free = threading.Event()

@task
def ignore(_: None = None) -> None:
    print("runs", flush=True)
    while not cancelled():
        free.wait(0.01)

    print("told", flush=True)
    if not {listens}:
        threading.Event().wait()

@task
def never() -> None:
    print("never", flush=True)

@task
def behind(number: int) -> None:
    print("never", flush=True)

pool = Pool(limit=1, name="crawl")
if "ignore" not in {call!r}:  # which then brings work of its own
    pool.go(ignore | pages, never | pages, full >> behind)
    full.send(1)

try:
    {call}
except KeyboardInterrupt:
    print("out", flush=True)
    {then}
"""


def program(call: str, *, listens: bool, then: str = "pass") -> str:
    """Write a program that is in such a call; its task may end when it is told to."""
    return PROGRAM.format(call=CALLS[call], listens=listens, then=then)


TWO_POOLS = """
import threading
from fluent_async import Pool, cancelled, each, run, task

@task
def ignore(number: int) -> None:
    print("runs\\n", end="", flush=True)
    while not cancelled():
        threading.Event().wait(0.01)

    print("told\\n", end="", flush=True)
    threading.Event().wait()

"""

BLOCKS = {
    "one in the other": """
        with Pool(1) as a, Pool(1) as b:
            a.go(1 >> ignore)
            b.go(1 >> ignore)
    """,
    "run() in one": """
        with Pool(1) as a:
            a.go(1 >> ignore)
            run(1 >> ignore)
    """,
    "results of one": """
        with Pool(2) as a:
            for _ in (each([1, 1]) >> ignore).results(pool=a): pass
    """,
    "one that nobody waits for": """
        a, b = Pool(1), Pool(1)
        a.go(1 >> ignore)
        b.go(1 >> ignore)
        b.wait()
    """,
}

every_call = pytest.mark.parametrize("call", CALLS)


class TestFirst:
    """The first Ctrl-C cancels the pool, waits for what runs, and goes on."""

    @every_call
    def test_ends_what_runs(self, call: str) -> None:
        """K1, K2: what runs is told, what is queued is dropped; nothing else is said."""
        with start_child(program(call, listens=True)) as child:
            child.wait_for("runs")
            child.interrupt()
            ended = child.finish()

        assert ["runs", "told", "out"] == ended.stdout.splitlines()
        assert (0, "") == (ended.returncode, ended.stderr)

    def test_waits_for_what_does_not_listen(self) -> None:
        """K1: KeyboardInterrupt comes out when the last attempt has ended, not before."""
        script = """
            import threading
            from fluent_async import Pool, cancelled, task

            @task
            def busy() -> None:
                print("runs", flush=True)
                while not cancelled():
                    threading.Event().wait(0.01)

                print("told", flush=True)
                input()
                print("ended", flush=True)

            try:
                with Pool(limit=1) as pool:
                    pool.go(*[busy] * 20)
            except KeyboardInterrupt:
                stats = pool.stats()
                print("out", stats.attempts, stats.cancelled, stats.threads)
        """
        with start_child(script) as child:
            child.wait_for("runs")
            child.interrupt()
            child.wait_for("told")
            child.answer()
            ended = child.finish()

        assert ["runs", "told", "ended", "out 1 19 0"] == ended.stdout.splitlines()
        assert (0, "") == (ended.returncode, ended.stderr)

    def test_at_the_exit_of_python_ends_what_runs(self) -> None:
        """X6: a script that is over, and waits for what it gave, hears it as well."""
        script = program("wait", listens=True).replace("    pool.wait()", "    pass")
        with start_child(script) as child:
            child.wait_for("runs")
            child.interrupt()
            ended = child.finish()

        assert ["runs", "told"] == ended.stdout.splitlines()
        assert "KeyboardInterrupt" in ended.stderr

    def test_leaves_a_drain_alone_that_no_pool_is_at(self) -> None:
        """K2: with nothing to stop, the call is interrupted at once."""
        script = """
            from fluent_async import Drain
            drain = Drain[int](maxsize=1)
            drain.send(1)
            try:
                print("waits", flush=True)
                drain.send(2)
            except KeyboardInterrupt:
                print("out", drain.drain())
        """
        with start_child(script) as child:
            child.wait_for("waits")
            child.interrupt()
            ended = child.finish()

        assert ["waits", "out [1]"] == ended.stdout.splitlines()

    def test_ends_a_pool_whose_drain_the_same_thread_holds_open(self) -> None:
        """K2: a stage that may get more some day does not hold anybody up."""
        script = """
            from fluent_async import Drain, Pool, task

            @task
            def show(number: int) -> None:
                print(number, flush=True)

            shown = Drain[None]()
            with Drain[int]() as pages, Pool() as pool:
                pool.go(pages >> show | shown)
                pages.send(1)
                list(Drain[int]())
        """
        with start_child(script) as child:
            child.wait_for("1")
            child.interrupt()
            ended = child.finish()

        assert "KeyboardInterrupt" in ended.stderr.splitlines()[-1]


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

        name = "Pool-1" if call in {"run", "results"} else "crawl"
        says = f"{name}: abandoned while it runs: ignore(None) on {name}-0"
        assert ["runs", "told", "out"] == ended.stdout.splitlines()
        assert (0, [says]) == (ended.returncode, ended.stderr.splitlines())

    def test_names_the_inputs_of_attempts(self) -> None:
        """K3: a task with a policy, and so a record of its own, is named as any."""
        source = program("with", listens=False)
        script = source.replace(
            "@task\ndef ignore(_: None = None) ",
            "@task(retry=2)\ndef ignore(_: None = None) ",
        )
        assert script != source
        with start_child(script) as child:
            child.wait_for("runs")
            child.interrupt()
            child.wait_for("told")
            child.interrupt()
            ended = child.finish()

        says = "crawl: abandoned while it runs: ignore(None) on crawl-0"
        assert [says] == ended.stderr.splitlines()

    @pytest.mark.parametrize("call", ["wait", "with"])
    def test_ends_the_use_of_the_pool(self, call: str) -> None:
        """K3, K4: it is closed, says whom it left, and waits for nobody any more."""
        then = "print(pool, pool.stats().abandoned); pool.close()"
        with start_child(program(call, listens=False, then=then)) as child:
            child.wait_for("runs")
            child.interrupt()
            child.wait_for("told")
            child.interrupt()
            ended = child.finish()

        told = "<Pool(limit=1, name='crawl'), closed, abandoned: ignore(None) on crawl-0> 1"
        assert told in ended.stdout.splitlines()
        assert 0 == ended.returncode

    def test_at_the_exit_of_python_leaves_what_does_not_listen(self) -> None:
        """X6, X7: nothing keeps a Python alive that was told twice to end."""
        script = program("wait", listens=False).replace("    pool.wait()", "    pass")
        with start_child(script) as child:
            child.wait_for("runs")
            child.interrupt()
            child.wait_for("told")
            child.interrupt()
            ended = child.finish()

        assert "crawl: abandoned while it runs: ignore(None)" in ended.stderr

    def test_of_an_exception_is_the_first(self) -> None:
        """E3, K3: one that left the block was no Ctrl-C, so two of those are to come."""
        script = program("with", listens=False).replace(
            "with pool: pass", "with pool: input(); raise KeyError"
        )
        script += "except KeyError:\n    print('too early')\n"
        with start_child(script) as child:
            child.wait_for("runs")
            child.answer()
            child.wait_for("told")
            child.interrupt()
            child.interrupt()
            ended = child.finish()

        assert "out" == ended.stdout.splitlines()[-1]
        assert "abandoned while it runs: ignore" in ended.stderr

    @pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
    def test_leaves_every_pool_on_the_way_out(self, block: str) -> None:
        """K3: what is waited for next is abandoned as well, also at the exit of Python."""
        with start_child(TWO_POOLS + textwrap.dedent(block)) as child:
            child.wait_for("runs")
            child.wait_for("runs")
            child.interrupt()
            child.wait_for("told")
            child.interrupt()
            ended = child.finish()

        assert 2 == ended.stderr.count("abandoned while it runs: ignore(1)")

    def test_ends_what_feeds_drains(self) -> None:
        """K3: who collects what there is, or iterates, is not held up by what runs."""
        then = "print(pages.drain(), list(pages))"
        with start_child(program("wait", listens=False, then=then)) as child:
            child.wait_for("runs")
            child.interrupt()
            child.wait_for("told")
            child.interrupt()
            ended = child.finish()

        assert "[] []" in ended.stdout.splitlines()

    def test_ends_results_of_other_threads(self) -> None:
        """K3: they end as those of a pool that was cancelled."""
        pool = Pool(limit=1)
        with Gate() as gate:
            results = (each([1]) >> at(gate).hold).results(pool=pool)
            waits = beside(list, results)
            gate.wait_for(1)

            pool._engine.abandon()  # noqa: SLF001

            with pytest.raises(PoolCancelled, match="1 worker did not finish"):
                waits.result(TIMEOUT)

    def test_is_forgotten_when_the_program_goes_on(self) -> None:
        """K3: who catches KeyboardInterrupt, and starts anew, has two of them again."""
        then = """
    pool = Pool(name="anew")
    pool.go(ignore)
    pool.wait()
"""
        with start_child(program("wait", listens=False, then=then)) as child:
            for _ in range(2):
                child.wait_for("runs")
                child.interrupt()
                child.wait_for("told")
                child.interrupt()

            ended = child.finish()

        says = "abandoned while it runs: ignore(None)"
        heads = [line.partition(" on ")[0] for line in ended.stderr.splitlines()]
        assert [f"crawl: {says}", f"anew: {says}"] == [h for h in heads if says in h]

    def test_counts_what_waits_in_the_middle_of_a_slice(self) -> None:
        """K3: an input that waits, and hears that it is to end, did not finish either."""
        full, pool = filled(1, maxsize=1), Pool(limit=1)
        pool.go(2 >> task(full.send))
        assert poll(lambda: len(pool._engine.scheduler.slots.occupants) == 1)  # noqa: SLF001

        pool._engine.abandon()  # noqa: SLF001

        with pytest.raises(PoolCancelled, match="1 worker did not finish"):
            pool.wait()

    def test_leaves_nobody_waiting(self) -> None:
        """K3: other threads that wait for the pool hear that nobody does any more."""
        pool = Pool(limit=1)
        with Gate() as gate:
            pool.go(1 >> at(gate).hold)
            gate.wait_for(1)
            waits = beside(pool.wait)
            assert poll(lambda: pool._engine.scheduler.waiters == 1)  # noqa: SLF001

            pool._engine.abandon()  # noqa: SLF001

            with pytest.raises(PoolCancelled, match="1 worker did not finish"):
                waits.result(TIMEOUT)


class TestStop:
    """Drains know the pools around them, to stop them when a thread is interrupted."""

    def test_of_a_pool_that_is_gone_does_nothing(self) -> None:
        """What stands for it in a drain may outlive it."""
        bell = Pool()._engine.bell  # noqa: SLF001
        gc.collect()
        assert isinstance(bell, Bell)
        assert bell._engine() is None  # noqa: SLF001

        assert [None] * 3 == [bell.cancel(), bell.finish(), bell.abandon()]  # type: ignore[func-returns-value]

    def test_is_not_for_a_worker(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """K2: one that raises KeyboardInterrupt in a wait ends as it would elsewhere."""

        def interrupted(waiter: Waiter, timeout: float | None) -> bool:
            raise KeyboardInterrupt

        full, pool = filled(1, maxsize=1), Pool()

        @task
        def send() -> None:
            monkeypatch.setattr(_inlet, "block", interrupted)
            full.send(2)

        stopped = list[object]()
        monkeypatch.setattr(_channel, "stop", stopped.extend)
        pool.go(send)
        with pytest.raises(KeyboardInterrupt):
            pool.wait()

        assert [] == stopped
