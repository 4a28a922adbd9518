"""How the threads of a pool are roused, one after the other."""

import threading
import weakref
from collections.abc import Iterator
from typing import ClassVar

import pytest
from typing_extensions import override

from fluent_async import Drain, Pool, each
from fluent_async._monitor import Monitor
from fluent_async._threads import Threads
from support import poll
from work import double


class Unstarted(threading.Thread):
    """A thread that is counted, and never runs."""

    started: ClassVar[list[str]] = []

    @override
    def start(self) -> None:
        """Note its name."""
        self.started.append(self.name)


class Host:
    """What threads would serve."""

    def serve(self) -> None:
        """Do nothing."""


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Threads]:
    """Give the threads of a pool of nothing."""
    monkeypatch.setattr(threading, "Thread", Unstarted)
    Unstarted.started.clear()
    host = Host()
    yield Threads(Monitor(owned=True), weakref.WeakMethod(host.serve), "t-")
    assert host is not None  # alive until here


class TestRouse:
    """At most one thread looks for work at a time, or as many as there are calls."""

    def test_starts_no_thread_while_one_that_is_new_has_not_looked(
        self, threads: Threads
    ) -> None:
        """That one may take all there is."""
        roused = [threads.rouse(8), threads.rouse(8)]

        assert [True, True] == roused
        assert ["t-0"] == Unstarted.started

    def test_starts_one_after_that_has_looked(self, threads: Threads) -> None:
        """There may be more than it took."""
        threads.rouse(8)
        threads.found()
        threads.rouse(8)

        assert ["t-0", "t-1"] == Unstarted.started

    def test_starts_as_many_as_may_look(self, threads: Threads) -> None:
        """Calls that are handed in one by one need a thread each."""
        for _ in range(3):
            threads.rouse(8, seekers=2)

        assert ["t-0", "t-1"] == Unstarted.started

    def test_wakes_a_parked_one_first(self, threads: Threads) -> None:
        """A new one is only for what those there are cannot do."""
        waiter = threads.park(None, patient=False)
        threads.rouse(8)

        assert waiter.woken
        assert [] == Unstarted.started

    def test_leaves_one_alone_that_looks_after_a_lease(self, threads: Threads) -> None:
        """Another one would have to, then; it wakes up by itself soon."""
        waiters = [threads.park(None, patient=patient) for patient in (False, True)]
        threads.rouse(8)

        assert [True, False] == [waiter.woken for waiter in waiters]
        assert threads.patient

    def test_wakes_that_one_rather_than_to_start_another(
        self, threads: Threads
    ) -> None:
        """It is there, after all."""
        waiter = threads.park(None, patient=True)
        threads.rouse(8)

        assert waiter.woken
        assert not threads.patient

    def test_says_when_all_are_at_work(self, threads: Threads) -> None:
        """Whoever asked has to look for another way."""
        threads.rouse(1)
        threads.found()

        assert not threads.rouse(1)

    def test_counts_no_thread_that_cannot_start(
        self, threads: Threads, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever it is that the system lacks."""

        def fail(_thread: threading.Thread) -> None:
            raise MemoryError

        monkeypatch.setattr(Unstarted, "start", fail)
        with pytest.raises(MemoryError), threads._monitor:
            threads.rouse(8)

        assert (0, 0) == (len(threads), threads._seeking)

    def test_has_a_thread_begin_before_python_ends(self) -> None:
        """Nobody waits for one to begin when it is started."""
        pool = Pool(limit=2)
        pool.go(1 >> double)
        threads = pool._engine.threads
        threads.wait_until_begun()

        assert all(thread.is_alive() for thread in threads)

        pool.close()


class TestUnpark:
    """A thread that wakes up learns whether others wait for it to look."""

    def test_says_that_the_thread_was_roused_once(self, threads: Threads) -> None:
        """It is to look one time."""
        waiter = threads.park(None, patient=False)
        threads.rouse(8)

        assert [True, False] == [threads.unpark(waiter), threads.unpark(waiter)]

    def test_of_a_wait_that_nobody_ended_ends_it(self, threads: Threads) -> None:
        """Its patience is over."""
        waiter = threads.park(None, patient=True)

        assert not threads.unpark(waiter)
        assert not threads.patient

    def test_of_a_thread_that_is_to_hurry_is_no_rousing(self, threads: Threads) -> None:
        """It looks at the time, and nobody waits for it."""
        waiter = threads.park(1.0, patient=False)
        threads.hurry()

        assert not threads.unpark(waiter)


def test_a_thread_that_is_at_work_has_no_other_one_look_while_one_does() -> None:
    """It comes back for more again and again: each time one would be started."""
    # 1. The one thread of a pool has nothing to do, and sleeps.
    # 2. Another one was roused, and does not get to look.
    # 3. The first wakes up, takes inputs, and comes back for more, several times.
    # 4. Nobody else was started.
    with Pool(limit=8) as pool:
        threads = pool._engine.threads
        pool.go(1 >> double)
        assert poll(lambda: bool(threads._parked))
        with pool._engine.monitor:
            threads._seeking += 1

        pool.go(each(range(100)) >> double | Drain[int]())
        with pool._engine.monitor:
            threads._unpark(threads._parked[-1])

        pool.wait()
        started = pool.stats().threads
        with pool._engine.monitor:
            threads.found()

    assert 1 == started
