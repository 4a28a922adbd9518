"""What the tests measure with: gates, a clock of their own, child processes, thread counts."""

import _thread
import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import pytest

from fluent_async import _clock
from fluent_async._build import GIL


TIMEOUT = 10.0
"""Seconds any wait of a test may take; used only to fail."""

SETTLED = 20
"""Looks in a row, about a millisecond apart, at which a thread that has settled is asleep."""

NEGATIVE_WAIT = 0.05
"""Seconds in which something that must not happen is given the chance to."""


def poll(condition: Callable[[], bool], timeout: float = TIMEOUT) -> bool:
    """Say whether `condition` became true within `timeout` seconds.

    Only for what nobody can announce, such as the end of a thread; a `Gate` serves all else.
    """
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            return False

        pause.wait(0.001)

    return True


def let_go() -> None:
    """Have what all threads are done with freed: without the GIL it may wait for its maker.

    What another thread lets go of last is freed by the thread that made it, when that goes
    on, or by a collection.
    """
    if not GIL:
        gc.collect()


class Gate:
    """Where tasks arrive and wait until the test lets them through."""

    def __init__(self) -> None:
        self._arrivals = threading.Semaphore(0)
        self._open = threading.Event()

    def arrive(self) -> None:
        """Count an arrival, then wait until the gate is open."""
        self._arrivals.release()
        assert self._open.wait(TIMEOUT), "nobody opened the gate"

    def wait_for(self, arrivals: int = 1) -> None:
        """Wait until so many more have arrived; each arrival is counted once."""
        for arrived in range(arrivals):
            assert self._arrivals.acquire(timeout=TIMEOUT), (
                f"{arrived} of {arrivals} arrived"
            )

    def open(self) -> None:
        """Let everybody through, now and later."""
        self._open.set()

    def assert_nobody_arrives(self) -> None:
        """Fail if there is an arrival that `wait_for` has not counted, or one follows soon."""
        assert not self._arrivals.acquire(timeout=NEGATIVE_WAIT), "somebody arrived"

    def __enter__(self) -> Self:
        """Give the gate itself; leaving the block opens it, so no task is left behind it."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Open the gate."""
        self.open()


class FakeClock:
    """A clock that moves only when told to, in place of the machine's.

    In jump mode (the default) a timed wait for something that is not there yet takes no time:
    the clock moves on to its end, and its length is noted in `sleeps`. After `hold()` a timed
    wait lasts until what it waits for happens or the test calls `advance()`.

    Within its `with` block it is the clock of the library; the fixture `fake_clock` is that
    block around a test.
    """

    def __init__(self) -> None:
        self.sleeps: list[float] = []
        self._lock = threading.Lock()
        self._now = 1000.0  # guarded by _lock
        self._holding = False
        self._machine: _clock.Clock = self
        self._waits: list[float] = []  # guarded by _lock; ends of the waits under way

    def now(self) -> float:
        """Seconds since some fixed moment."""
        with self._lock:
            return self._now

    def acquire(self, lock: _clock.Lock, timeout: float | None) -> bool:
        """Wait for `lock` for at most `timeout` seconds of this clock."""
        if lock.acquire(blocking=False):
            return True

        if timeout is None:
            assert lock.acquire(timeout=TIMEOUT), "an untimed wait never ended"
            return True

        if self._holding:
            return self._acquire_held(lock, timeout)

        with self._lock:
            self.sleeps.append(timeout)
            self._now += timeout

        return lock.acquire(blocking=False)

    def __enter__(self) -> Self:
        """Put this clock in place of the machine's."""
        self._machine = _clock.use(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Put the machine's clock back."""
        _clock.use(self._machine)

    def hold(self) -> Self:
        """Let time stand still from now on: only `advance()` moves it."""
        self._holding = True
        return self

    def advance(self, seconds: float) -> None:
        """Move the clock; timed waits that are over by then end."""
        with self._lock:
            self._now += seconds

    def wait_for_waits(self, count: int = 1) -> None:
        """Wait until so many timed waits are under way, so that `advance()` reaches them."""
        assert poll(lambda: len(self._waits) >= count), (
            f"{len(self._waits)} of {count} wait"
        )

    def _acquire_held(self, lock: _clock.Lock, timeout: float) -> bool:
        with self._lock:
            self.sleeps.append(timeout)
            end = self._now + timeout
            self._waits.append(end)

        try:
            # The lock may be released, and the clock moved, by two other threads: look at both.
            deadline = time.monotonic() + TIMEOUT
            while self.now() < end:
                assert time.monotonic() < deadline, "nobody advanced the clock"
                if lock.acquire(timeout=0.001):
                    return True

            return lock.acquire(blocking=False)
        finally:
            with self._lock:
                self._waits.remove(end)


class Threads:
    """The threads there were when a test began, to tell which it left behind."""

    def __init__(self) -> None:
        self._before = set(threading.enumerate())
        self._count = _thread._count()  # noqa: SLF001  (sees threads that `threading` does not)

    def survivors(self, patience: float = 1.0) -> list[str]:
        """Names of the threads that are still there after at most `patience` seconds.

        Never asks `is_alive()`: before Python 3.13 it lies once a `join()` was interrupted.
        """
        if poll(self._gone, patience):
            return []

        gc.collect()  # a pool dropped in a reference cycle ends its threads when collected
        if poll(self._gone, patience):
            return []

        names = [thread.name for thread in set(threading.enumerate()) - self._before]
        return names or ["a thread unknown to threading"]

    def _gone(self) -> bool:
        return (
            set(threading.enumerate()) <= self._before
            and _thread._count() <= self._count  # noqa: SLF001
        )


def run_child(
    source: str,
    *,
    timeout: float = TIMEOUT,
    env: Mapping[str, str] | None = None,
    flags: Sequence[str] = (),
    alone: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run `source`, indented or not, as a script in a Python of its own, under a deadline.

    A child that is over it is stopped, and the test fails with the stacks of all its threads.
    `env` is added to the environment, `flags` are the interpreter's. One that is to be `alone`
    is not traced for coverage: it measures memory, or is where nothing traces.
    """
    alone_env = {name: "" for name in os.environ if name.startswith("COVERAGE_")}
    env = {**(env or {}), **(alone_env if alone else {})}
    with start_child(source, timeout=timeout, env=env, flags=flags) as child:
        return child.finish()


@contextmanager
def start_child(
    source: str,
    *,
    timeout: float = TIMEOUT,
    env: Mapping[str, str] | None = None,
    flags: Sequence[str] = (),
) -> Iterator["Child"]:
    """Start `source` as `run_child` does and give it to the block; leaving the block ends it."""
    deadline = f"faulthandler.dump_traceback_later({timeout}, exit=True)"
    script = f"import faulthandler; {deadline}\n{textwrap.dedent(source)}"
    process = subprocess.Popen(
        [sys.executable, *flags, "-X", "faulthandler", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(env or {})},
        start_new_session=True,  # so that what the child forked can be ended with it
    )
    try:
        yield Child(process, timeout)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

        process.communicate()


class Child:
    """A script running in a Python of its own: hear it, signal it, see how it ends."""

    def __init__(self, process: subprocess.Popen[str], timeout: float) -> None:
        self._process = process
        self._timeout = timeout
        self._heard: list[str] = []

    def wait_for(self, line: str) -> None:
        """Read the child's output until it printed `line` (with flush=True)."""
        assert self._process.stdout is not None
        for heard in self._process.stdout:
            self._heard.append(heard)
            if heard.rstrip("\n") == line:
                return

        pytest.fail(f"the child ended before it printed {line!r}:\n{self._stderr()}")

    def interrupt(self) -> None:
        """Send the child what Ctrl-C sends, once its main thread sleeps or a second is over.

        CPython does not see a signal that comes a moment before it begins an untimed wait
        for a lock until that wait ends; a test that signals too early would fail by chance.
        """
        naps = 0

        def settled() -> bool:
            nonlocal naps
            naps = naps + 1 if self._asleep() else 0
            return naps == SETTLED

        poll(settled, timeout=1.0)
        self._process.send_signal(signal.SIGINT)

    def answer(self, line: str = "") -> None:
        """Write a line to what the child reads with `input()`."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def finish(self) -> subprocess.CompletedProcess[str]:
        """Wait until the child has ended; all it ever printed is in the result."""
        # Its own deadline is faulthandler's, which prints the stacks; this one is for a child
        # that faulthandler cannot end.
        out, err = self._process.communicate(timeout=self._timeout + TIMEOUT)
        if err.startswith("Timeout (") or "\nTimeout (" in err:
            pytest.fail(f"the child still ran after {self._timeout} s:\n{err}")

        out = "".join(self._heard) + out
        return subprocess.CompletedProcess(
            self._process.args, self._process.returncode, out, err
        )

    def _asleep(self) -> bool:
        status = Path(f"/proc/{self._process.pid}/stat")
        if not status.exists():  # not Linux: trust the line that was heard
            return True

        return status.read_text().rpartition(")")[2].split()[0] == "S"

    def _stderr(self) -> str:
        return self._process.communicate(timeout=TIMEOUT)[1]
