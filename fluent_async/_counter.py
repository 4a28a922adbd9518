"""Counter: how often something happened, counted by any thread in one step."""

import sys
from collections.abc import Iterator
from itertools import repeat
from operator import length_hint
from typing import Self

from fluent_async._build import GIL
from fluent_async._wait import this_thread


class Counter:
    """Each `next(counter.ticks)` counts one, in one step, whatever the thread is at.

    Without the GIL every thread has ticks of its own: a `next` that threads share is not
    one step for them.
    """

    __slots__ = ("ticks",)

    def __init__(self) -> None:
        self.ticks: Iterator[object] = repeat((), sys.maxsize) if GIL else _Ticks()

    @property
    def count(self) -> int:
        """How many were counted so far."""
        return sys.maxsize - length_hint(self.ticks)


class _Ticks:
    """The ticks of all threads; one that has ended may leave its own to the next."""

    __slots__ = ("_of_threads",)

    def __init__(self) -> None:
        self._of_threads: dict[int, repeat[object]] = {}

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> object:
        thread = this_thread()
        ticks = self._of_threads.get(thread)
        if ticks is None:  # a finalizer may come in between: the first ones count
            ticks = self._of_threads.setdefault(thread, repeat((), sys.maxsize))

        return next(ticks)

    def __length_hint__(self) -> int:
        ticks = self._of_threads.copy().values()
        return sys.maxsize - sum(sys.maxsize - length_hint(each) for each in ticks)
