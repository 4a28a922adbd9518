"""The exit of Python: what runs is waited for, nothing else keeps Python alive."""

import pytest

from support import run_child


def lines(script: str) -> list[str]:
    """Run a script to its end, which must be a good one, and return what it printed."""
    ended = run_child(script)

    assert (0, "") == (ended.returncode, ended.stderr)
    return ended.stdout.splitlines()


@pytest.mark.parametrize("left", ["kept", "dropped"])
def test_waits_for_what_was_accepted(left: str) -> None:
    """X1: A pool that nobody closed finishes what it was given, whoever still has it."""
    script = f"""
        import sys
        from fluent_async import Pool, each, sleep, task

        @task
        def late(number: int) -> None:
            sleep(0.02)
            print(number, flush=True)

        pool = Pool(limit=1).go(each(range(3)) >> late)
        if {left == "dropped"}:
            del pool
    """

    assert ["0", "1", "2"] == lines(script)


def test_waits_for_retries() -> None:
    """What waits for its next attempt is accepted work."""
    script = """
        from fluent_async import Pool, task

        calls = []

        @task(retry=2, backoff=0.02)
        def flaky() -> None:
            calls.append(1)
            if len(calls) == 1:
                raise OSError

            print("done", flush=True)

        pool = Pool().go(flaky)
    """

    assert ["done"] == lines(script)


def test_does_not_wait_for_idle_threads() -> None:
    """Threads that are parked are daemons."""
    script = """
        from fluent_async import Drain, Pool, each, task

        @task
        def double(number: int) -> int:
            return 2 * number

        pages = Drain[int]()
        pages.send(1)
        pool = Pool().go(each(range(3)) >> double, pages >> double)
        pool.wait()
        print(pool.stats().threads > 0)
    """

    assert ["True"] == lines(script)


def test_does_not_wait_for_what_nobody_will_feed() -> None:
    """A stage whose drain is open, and that has nothing to do, is left."""
    script = """
        from fluent_async import Drain, Pool, task

        @task
        def show(number: int) -> None:
            print(number, flush=True)

        pages = Drain[int]()
        pages.__enter__()
        pool = Pool().go(pages >> show)
        pages.send(1)
    """

    assert ["1"] == lines(script)


def test_does_not_wait_for_abandoned_attempts() -> None:
    """What is over its timeout keeps a slot, and not Python."""
    script = """
        import logging, threading
        from fluent_async import Pool, task

        logging.disable()  # a warning names it

        @task(timeout=0.01)
        def deaf() -> None:
            threading.Event().wait()

        pool = Pool(on_error="keep").go(deaf)
        pool.wait()
        print(pool.stats().abandoned)
    """

    assert ["1"] == lines(script)


def test_refuses_new_work() -> None:
    """X3: While Python exits a pool takes nothing more."""
    script = """
        import threading
        from fluent_async import Pool, sleep, task

        @task
        def never() -> None:
            print("never", flush=True)

        @task
        def last() -> None:
            threading.main_thread().join()
            try:
                while True:
                    pool.go(never) if exiting() else sleep(0.001)
            except RuntimeError as error:
                print(error, flush=True)

        def exiting() -> bool:
            from fluent_async._exits import exits
            return exits.begun

        pool = Pool().go(last)
    """

    assert ["no work can be given to a pool while Python exits"] == lines(script)


def test_says_nothing_of_iterations_that_are_left() -> None:
    """Some builds finalize them when Python has emptied the modules of the library."""
    script = """
        from fluent_async import Drain, Pool, each, task

        @task
        def double(number: int) -> int:
            return 2 * number

        drain = Drain()
        pool = Pool(1).go(each(range(9)) >> double | drain)
        results = (each(range(9)) >> double).results(limit=1)
        values = iter(drain)
        print(next(values), next(results))
    """

    assert ["0 0"] == lines(script)
