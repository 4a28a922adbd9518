"""Fork: the new process has none of the threads, and hears so at once."""

import os

import pytest

from support import run_child


pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork()")

# Python itself warns, from 3.12 on, of every fork() of a process that has threads.
FLAGS = ("-W", "ignore::DeprecationWarning")

SCRIPT = """
import logging, os, sys, threading
from fluent_async import Drain, Pool, each, run, task

free = threading.Event()
logging.disable()  # a warning names the drain that nobody feeds

@task
def double(number: int) -> int:
    return 2 * number

@task
def hold(number: int) -> int:
    free.wait()
    return number

done, fed, full = Drain[int](), Drain[int](), Drain[int](maxsize=1)
pool = Pool(limit=2).go(each([1, 2]) >> double | done)
pool.wait()
pool.go(full >> double, each([1, 2]) >> hold | fed)

def in_child(use) -> None:
    child = os.fork()
    if child == 0:
        try:
            print(use(), flush=True)
        except RuntimeError as error:
            print("RuntimeError:", error, flush=True)

        os._exit(0)

    assert os.waitpid(child, 0)[1] == 0
"""

REFUSED = (
    "RuntimeError: the threads of a pool stay in the process that made it: "
    "make a new pool after fork()"
)


def printed(script: str, *, alone: bool = False) -> list[str]:
    """Run a script to its end, which must be a good one, and return what it printed."""
    # Alone, since what measures coverage has a lock that another thread may be at.
    ended = run_child(SCRIPT + script, flags=FLAGS, alone=alone)

    assert (0, "") == (ended.returncode, ended.stderr)
    return ended.stdout.splitlines()


@pytest.mark.parametrize(
    "use",
    [
        "pool.go(1 >> double)",
        "pool.wait()",
        "pool.wait(timeout=1)",
        "pool.cancel()",
        "pool.close()",
        "pool.stats()",
        "pool.to_mermaid()",
        "pool._repr_html_()",
        "pool.__enter__().__exit__(None, None, None)",
        "list(fed)",
        "fed.drain()",
        "[full.send(number) for number in range(2)]",
    ],
)
def test_refuses_a_pool_of_the_process_before(use: str) -> None:
    """F2: every use of it that would wait for its threads is a RuntimeError at once."""
    assert [REFUSED] == printed(f"in_child(lambda: {use}); free.set(); pool.wait()")


@pytest.mark.parametrize(
    ("use", "says"),
    [
        ("pool", "Pool(limit=2, name='Pool-1')"),
        ("pool.errors()", "()"),
        ("sorted(done.drain())", "[2, 4]"),
        ("sorted(done)", "[2, 4]"),
        ("done.send(6) or len(done)", "3"),
    ],
)
def test_leaves_what_needs_no_thread(use: str, says: str) -> None:
    """F2: values that are there are copied with the rest of the process."""
    assert [says] == printed(f"in_child(lambda: {use}); free.set(); pool.wait()")


def test_lets_new_pools_work() -> None:
    """F1: whatever the pools of the process before were at."""
    script = "in_child(lambda: run(each([1, 2]) >> double)); free.set(); pool.wait()"

    assert ["[2, 4]"] == printed(script)


def test_lets_new_pools_work_in_a_process_that_a_worker_forked() -> None:
    """F1: the thread that goes on there is in no pool any more."""
    script = """
free.set()
pool.wait()

@task
def fork() -> None:
    in_child(lambda: run(each([1, 2]) >> double))

run(fork)
"""

    assert ["[2, 4]"] == printed(script)


def test_leaves_the_block_of_a_pool_to_an_exception() -> None:
    """F2: the new process can leave a `with` block that it was forked in."""
    script = """
faulthandler.cancel_dump_traceback_later()  # no exit of a new process gets past it
free.set()
pool.wait()
with pool:
    child = os.fork()
    if child == 0:
        sys.exit(3)

print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""

    assert ["3"] == printed(script)


def test_leaves_the_block_of_results_to_an_exception() -> None:
    """F2: likewise that of an iterator over outputs that the process before makes."""
    script = """
faulthandler.cancel_dump_traceback_later()  # no exit of a new process gets past it
free.set()
with (each(range(9)) >> double).results(limit=1) as results:
    next(results)
    child = os.fork()
    if child == 0:
        sys.exit(5)

print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""

    assert ["5"] == printed(script)


def test_lets_results_go() -> None:
    """F2: an iterator that the new process drops cancels nothing there."""
    script = """
free.set()
results = (each(range(9)) >> double).results(limit=1)
next(results)
in_child(lambda: globals().pop("results") and "dropped")
print(len(list(results)))
"""

    assert ["dropped", "8"] == printed(script)


def test_by_another_thread_leaves_no_stand_in_for_a_handler() -> None:
    """F4, K7: Ctrl-C gets through in the new process, whatever the main thread was at."""
    script = """
import signal
free.set()
pool.wait()
over = threading.Event()

def interrupted() -> str:
    try:
        Drain[int]().send(1)
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        return "interrupted"

def fork() -> None:
    try:
        for _ in range(50):
            in_child(interrupted)
    finally:
        over.set()

other = threading.Thread(target=fork)
other.start()
busy = Drain[int]()
while not over.is_set():
    busy.send(1)

other.join()
"""

    assert ["interrupted"] * 50 == printed(script, alone=True)


def test_leaves_the_block_of_a_pool_in_an_event_loop() -> None:
    """F2: so it is with an `async with` block, which has no loop in the new process."""
    script = """
def leave() -> str:
    try:
        pool.__aexit__(SystemExit, SystemExit(3), None).send(None)
    except StopIteration:
        return "left"

free.set()
in_child(leave)
pool.wait()
"""

    assert ["left"] == printed(script)


def test_leaves_the_exit_of_python_alone() -> None:
    """F2, X6: the new process does not wait for pools that run elsewhere."""
    script = """
faulthandler.cancel_dump_traceback_later()  # no exit of a new process gets past it
child = os.fork()
if child == 0:
    del pool
    sys.exit(4)

print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
free.set()
"""

    assert ["4"] == printed(script)


def test_refuses_a_drain_that_another_thread_was_at() -> None:
    """F4: its lock is nobody's to give back there; new drains and pools work."""
    script = """
free.set()
pool.wait()
held, let = threading.Event(), threading.Event()
values = iter(done)
next(values)

def hold_it() -> None:
    with done._channel._monitor:
        held.set()
        let.wait()

holder = threading.Thread(target=hold_it)
holder.start()
held.wait()
in_child(lambda: list(done))
in_child(lambda: run(each([1, 2]) >> double))
in_child(lambda: globals().pop("values") and "dropped")
let.set()
holder.join()
"""
    refused = (
        "RuntimeError: another thread was at this drain during fork(): make a new one"
    )

    assert [refused, "[2, 4]", "dropped"] == printed(script)


def test_may_come_at_any_moment_of_another_thread() -> None:
    """F3: whatever others are in the middle of, the new process can work."""
    script = """
free.set()
pool.wait()
over = threading.Event()

def submit() -> None:
    while not over.is_set():
        pool.go(1 >> double).wait()

other = threading.Thread(target=submit)
other.start()
for _ in range(50):
    in_child(lambda: run(each([1, 2]) >> double))

over.set()
other.join()
"""

    assert ["[2, 4]"] * 50 == printed(script, alone=True)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_may_use_the_library(method: str) -> None:
    """F5: however its processes are started, they run pools of their own."""
    script = f"""
        import multiprocessing
        from fluent_async import each, run, task

        TWICE = (
            "(lambda f: f.run(f.each([1, 2]) >> f.task(lambda number: 2 * number)))"
            "(__import__('fluent_async'))"
        )
        before = run(each([1]) >> task(lambda number: -number))
        with multiprocessing.get_context({method!r}).Pool(1) as processes:
            print(before, processes.apply(eval, (TWICE,)))
    """
    ended = run_child(script, flags=("-W", "error", *FLAGS))

    assert ("[-1] [2, 4]\n", "") == (ended.stdout, ended.stderr)
