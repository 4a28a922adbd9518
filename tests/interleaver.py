"""Interleaver: has interleave-test take turns between the threads of the library.

It stops a thread between any two instructions of the files it is told, and at every lock;
which one goes on is drawn with priorities (PCT), or searched with one preemption (DFS). So it
looks into single lines, where the explorer of pipelines (`explorer.py`) stops between them.

The library gets its locks, threads and clock: it makes all of them through `threading`, as its
modules know it. `interleave_test` needs Python 3.12; see `conftest.py`.
"""

from __future__ import annotations

import gc
import threading
import time
from contextlib import ExitStack
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, ParamSpec, Protocol, Self
from unittest import mock

import interleave_test

from fluent_async import _clock, _engine, _monitor, _threads, _wait
from fluent_async._exits import Exits


if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    Scenario = Callable[["World"], None]

P = ParamSpec("P")

SEED = 1
"""The same schedules in every run, so that a commit is never red by chance."""


class Event(Protocol):
    """What one thread of a scenario waits for, and another one sets."""

    def set(self) -> None:
        """End all waits, now and later."""
        ...

    def wait(self) -> bool:
        """Wait until it is set."""
        ...


class Thread(Protocol):
    """A thread of a scenario."""

    def join(self) -> None:
        """Wait for its end."""
        ...


def explore(scenario: Scenario, files: list[ModuleType], schedules: int) -> None:
    """Run `scenario` in so many schedules of each strategy.

    Raises:
        RaceFound: from the first error of any thread; it says how to see it again.
        DeadlockError: if nobody can go on.
    """
    for strategy in ("pct", "dfs"):
        with World() as world:
            interleave_test.explore(
                partial(world.run, partial(scenario, world)),
                iterations=schedules,
                seed=SEED,
                strategy=strategy,
                max_preemptions=1,
                include=[str(module.__file__) for module in files],
                patch_modules=False,  # of all that is `threading`, the library alone
            )


class World:
    """Locks, threads and the time, as the library and the scenarios know them."""

    def __init__(self) -> None:
        self._here = threading.local()
        self._alive: list[int] = []  # idents of threads
        self._patches = ExitStack()
        self._names = SimpleNamespace(**vars(threading))
        self._names.Lock = lambda: Lock(self)
        self._names.RLock = lambda: Lock(self)  # the library takes none twice
        self._names.Thread = self._thread
        self._names.current_thread = lambda: self._here.thread
        self._names.enumerate = lambda: [SimpleNamespace(ident=i) for i in self._alive]
        self.over = False

    def __enter__(self) -> Self:
        """Put this world in place of the library's."""
        patch = self._patches.enter_context
        for module in (_monitor, _wait, _threads):
            patch(mock.patch.object(module, "threading", self._names))

        # A schedule that fails leaves pools behind: Python's exit need not wait for them.
        patch(mock.patch.object(_engine, "exits", Exits()))
        self._patches.callback(_clock.use, _clock.use(self))
        gc.disable()  # what it finalizes would run at other steps each time
        self._patches.callback(gc.enable)
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Give the library its own back; what is left behind has its locks at once."""
        self.over = True
        self._patches.close()
        _wait.waiting.clear()  # of threads that were ended while they waited

    # -- for scenarios -----------------------------------------------------------------

    def spawn(
        self, call: Callable[P, object], *args: P.args, **kwargs: P.kwargs
    ) -> Thread:
        """Start a thread that makes a call; an error of it fails the schedule."""
        started: Thread = interleave_test.spawn(
            self.run, partial(call, *args, **kwargs)
        )
        return started

    def event(self) -> Event:
        """Make what threads can wait for."""
        event: Event = interleave_test.Event()
        return event

    def run(self, call: Callable[[], object]) -> None:
        """Make a call in this thread, which is alive meanwhile."""
        ident = threading.get_ident()
        self._alive.append(ident)
        try:
            call()
        finally:
            self._alive.remove(ident)

    # -- the clock ---------------------------------------------------------------------

    def now(self) -> float:
        """Seconds since the start; they pass only while nobody can go on."""
        return time.monotonic()  # the tool's own, in a schedule

    def acquire(self, lock: _clock.Lock, timeout: float | None) -> bool:
        """Wait for `lock`."""
        return lock.acquire(timeout=-1 if timeout is None else timeout)

    # -- what the library makes --------------------------------------------------------

    def _thread(
        self,
        *,
        target: Callable[[Callable[[], None]], None],
        args: tuple[Callable[[], None]],
        name: str,
        daemon: bool,
    ) -> object:
        def run() -> None:
            self._here.thread = thread
            self.run(partial(target, *args))

        thread = interleave_test.Thread(target=run, name=name, daemon=daemon)
        return thread


class Lock:
    """The tool's lock, which also knows whether its thread holds it, as an RLock does."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = interleave_test.Lock()
        self._owner: int | None = None

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002
        """Take the lock, in turn."""
        if self._world.over:
            return True

        taken: bool = self._lock.acquire(blocking, timeout)
        if taken:
            self._owner = threading.get_ident()

        return taken

    def release(self) -> None:
        """Give it back."""
        if not self._world.over:
            self._owner = None
            self._lock.release()

    def _is_owned(self) -> bool:
        return self._owner == threading.get_ident()
