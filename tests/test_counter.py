"""Counters: any thread counts in one step, whatever it is at."""

import threading

import pytest

from fluent_async._counter import Counter
from support import TIMEOUT


pytestmark = pytest.mark.usefixtures("each_build")


def test_counts_one_a_tick() -> None:
    """From nothing."""
    counter = Counter()
    counts = [counter.count]
    for _ in range(3):
        next(counter.ticks)
        counts.append(counter.count)

    assert [0, 1, 2, 3] == counts


@pytest.mark.slow
def test_loses_none_of_many_threads() -> None:
    """T4: However they meet; what a thread counted stays when it has ended."""
    counter = Counter()
    begun = threading.Barrier(4)

    def count() -> None:
        begun.wait(TIMEOUT)
        for _ in range(20_000):
            next(counter.ticks)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join(TIMEOUT)

    assert 80_000 == counter.count


def test_ticks_are_an_iterator() -> None:
    """Whatever takes one can count: it gives itself, and goes on where it was."""
    counter = Counter()
    next(counter.ticks)
    next(iter(counter.ticks))

    assert iter(counter.ticks) is counter.ticks
    assert 2 == counter.count
