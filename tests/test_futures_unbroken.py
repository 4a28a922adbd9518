"""The 12 ways in which the standard ThreadPoolExecutor breaks, and this one does not."""

import gc
import logging
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future, InvalidStateError

import pytest

from fluent_async.futures import ThreadPoolExecutor
from support import TIMEOUT, Gate, run_child, start_child


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what measures coverage out of children that are interrupted everywhere.

    It has a lock of its own, which is not made for that.
    """
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


def die(_: object) -> None:
    """Raise what is no Exception."""
    raise SystemExit


def test_callback_that_raises_system_exit_ends_no_thread() -> None:
    """After a done-callback that raised SystemExit the one thread makes the next call."""
    with ThreadPoolExecutor(1) as executor, Gate() as gate:
        future = executor.submit(gate.arrive)
        future.add_done_callback(die)
        heard: list[object] = []
        future.add_done_callback(heard.append)
        gate.open()

        assert executor.submit(int, 3).result(TIMEOUT) == 3
        assert heard == [future]


def test_future_that_somebody_else_has_set_ends_no_thread() -> None:
    """A result that was set from outside stays, and the thread makes the next call."""
    with ThreadPoolExecutor(1) as executor, Gate() as gate:
        future: Future[object] = executor.submit(gate.arrive)
        gate.wait_for()
        future.set_result("mine")
        gate.open()

        assert executor.submit(int, 3).result(TIMEOUT) == 3
        assert future.result() == "mine"
        with pytest.raises(InvalidStateError):
            future.set_result("again")


def test_submit_that_raises_leaves_no_call_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When no thread can be started, `submit` raises, and the call is never made."""
    made: list[int] = []

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with ThreadPoolExecutor(2) as executor:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            with pytest.raises(RuntimeError, match="can't start"):
                executor.submit(made.append, 1)

        executor.submit(made.append, 2).result(TIMEOUT)

    assert made == [2]


def test_submit_goes_to_the_threads_there_are_if_no_more_can_be_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With one thread and no second one, a call waits for the first."""

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with ThreadPoolExecutor(2) as executor, Gate() as gate:
        executor.submit(gate.arrive)
        gate.wait_for()
        monkeypatch.setattr(threading.Thread, "start", refuse)
        future = executor.submit(int, 3)
        gate.open()

        assert future.result(TIMEOUT) == 3


def test_call_waits_for_a_call_of_the_same_executor() -> None:
    """One worker is enough for calls that wait for each other."""
    with ThreadPoolExecutor(1) as executor:

        def outer() -> int:
            return executor.submit(int, 3).result()

        assert executor.submit(outer).result(TIMEOUT) == 3


@pytest.mark.usefixtures("unmeasured")
def test_finalizer_may_submit_while_it_interrupts_submit() -> None:
    """`submit` from a `__del__` that the collector runs inside `submit` does not hang."""
    ended = run_child("""
        import gc
        from fluent_async.futures import ThreadPoolExecutor

        class Cycle:
            def __init__(self):
                self.me = self

            def __del__(self):
                futures.append(executor.submit(int, 1))

        futures = []
        executor = ThreadPoolExecutor(2)
        gc.set_threshold(1)
        for _ in range(100):
            Cycle()
            futures.append(executor.submit(int, 1))

        gc.collect()
        gc.disable()
        print(all(future.result() == 1 for future in futures), len(futures))
        executor.shutdown()
    """)

    assert ended.stdout == "True 200\n", ended.stderr


@pytest.mark.usefixtures("unmeasured")
def test_signal_handler_may_shut_down_while_it_interrupts_submit() -> None:
    """`shutdown(wait=True)` from a handler, wherever `submit` is, does not hang."""
    ended = run_child(
        """
        import signal
        from fluent_async.futures import ThreadPoolExecutor

        def end(*_):
            executor.shutdown(wait=True)

        signal.signal(signal.SIGALRM, end)
        for _ in range(40):
            executor = ThreadPoolExecutor(2)
            signal.setitimer(signal.ITIMER_REAL, 0.0005)
            try:
                while True:
                    executor.submit(int)
            except RuntimeError as error:
                assert "cannot schedule" in str(error), error

        print("done")
    """,
        timeout=60.0,
    )

    assert ended.stdout == "done\n", ended.stderr


def test_ctrl_c_cancels_what_has_not_started() -> None:
    """Ctrl-C in a block comes out when the one call that runs is done; five are not made."""
    with start_child("""
        from fluent_async.futures import ThreadPoolExecutor
        import threading
        go = threading.Event()
        made = []

        def work(number):
            if not number:
                print("ready", flush=True)
                go.wait(5)

            made.append(number)

        class Interrupted(Exception):
            pass

        try:
            with ThreadPoolExecutor(1) as executor:
                futures = [executor.submit(work, number) for number in range(6)]
                futures[1].add_done_callback(lambda _: go.set())
                futures[-1].result()
        except KeyboardInterrupt:
            print(made, [future.cancelled() for future in futures])
    """) as child:
        child.wait_for("ready")
        child.interrupt()
        ended = child.finish()

    assert ended.stdout.splitlines()[-1] == "[0] [False, True, True, True, True, True]"


def test_exception_in_the_block_cancels_what_has_not_started() -> None:
    """A block left by an exception does not make the calls that wait."""
    made: list[int] = []
    with (  # noqa: PT012
        Gate() as gate,
        pytest.raises(LookupError),
        ThreadPoolExecutor(1) as executor,
    ):
        executor.submit(gate.arrive)
        futures = [executor.submit(made.append, number) for number in range(10)]
        gate.wait_for()
        futures[0].add_done_callback(lambda _: gate.open())
        raise LookupError

    assert made == []
    assert all(future.cancelled() for future in futures)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_child_of_a_fork_has_threads_of_its_own() -> None:
    """An executor with idle threads works in the child of a fork."""
    ended = run_child("""
        import os, warnings
        from fluent_async.futures import ThreadPoolExecutor

        warnings.simplefilter("ignore", DeprecationWarning)
        executor = ThreadPoolExecutor(2)
        executor.submit(int).result()
        child = os.fork()
        os.write(1, b"%d\\n" % executor.submit(int, 3).result())  # in one step
        executor.shutdown()
        if not child:
            os._exit(0)  # faulthandler has a thread that only the parent has

        assert os.waitpid(child, 0)[1] == 0
    """)

    assert ended.stdout == "3\n3\n", ended.stderr


def test_map_gives_results_before_it_has_read_all_inputs() -> None:
    """The first result of `map` comes long before a generator is at its end."""
    read: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(200_000):
            read.append(number)
            yield number

    with ThreadPoolExecutor(1) as executor, Gate() as gate:

        def first_waits(number: int) -> None:
            if not number:
                gate.arrive()

        results = executor.map(first_waits, numbers())
        gate.wait_for()

        assert len(read) < 10

        results.close()  # type: ignore[attr-defined]


def test_failure_that_nobody_asks_for_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A failed call whose future nobody reads leaves a warning."""
    with ThreadPoolExecutor(1) as executor:
        executor.submit(die, None)

    gc.collect()
    logged = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]

    assert logged == [
        "nobody was shown that a call of die that was submitted raised SystemExit"
    ]
