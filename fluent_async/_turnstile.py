"""Turnstile: lets one thread take things, step by step, until others shut it."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import compress, filterfalse, starmap
from typing import TypeVar


T = TypeVar("T")

_PASS, _STOP = 1, 0

_let_others_run: Callable[[], object] = getattr(os, "sched_yield", bool)


class Turnstile:
    """Lets one thread take things, step by step, until any other thread shuts it.

    For builds without the GIL, where a step of an iterator is none for other threads. The
    thread takes a pass from the left to begin a step, and leaves it at the right when the
    thing is there, and counted. Who shuts it puts a stop to the left.

    What this relies on: each operation on a deque is one step for all threads, and they
    see whatever was done before one that they see.

    Invariants:
        1. The pass is there unless the thread is in a step, or its last one gave nothing.
        2. Stops come in pairs, and the thread takes at most one: once shut, always shut.
    """

    __slots__ = ("_passes",)

    def __init__(self) -> None:
        self._passes: deque[int] = deque((_PASS,))

    def through(
        self,
        take: Callable[..., T],
        places: Iterable[tuple[object, ...]],
        counter: Iterable[int],
    ) -> Iterator[T]:
        """Return what the thread iterates; nobody else may.

        Args:
            take: takes one thing.
            places: its arguments, for each of the steps there may be; used up before the
                step begins.
            counter: a number that is not 0 for each; used up when the thing is there.
        """
        begun = compress(places, iter(self._passes.popleft, _STOP))
        done = filterfalse(self._passes.append, counter)  # which returns None
        return compress(starmap(take, begun), done)

    def shut(self) -> None:
        """Let no step begin any more; one may be under way."""
        self._passes.appendleft(_STOP)
        self._passes.appendleft(_STOP)

    def shut_after_next(self) -> None:
        """Let one more step begin, but none after that."""
        self._passes.append(_STOP)
        self._passes.append(_STOP)

    def settle(self) -> None:
        """Wait for the end of a step that is under way, if it calls nobody's code."""
        while self.busy:
            _let_others_run()

    @property
    def busy(self) -> bool:
        """Whether a step is under way, or the last one gave nothing."""
        return _PASS not in self._passes

    def most(self, places: int) -> int:
        """Return how many steps may begin yet, if there are so many places."""
        if _STOP in self._passes:  # for good, and one of them stays
            return min(places, self._passes[0])

        return places


class Tickets:
    """Places that one thread takes, and any other takes back; without the GIL, too.

    The thread iterates this once, and goes on with that iterator. There are stops at the
    end, and at the beginning once the rest was taken back; in pairs, as in a turnstile.
    """

    __slots__ = ("_places",)

    def __init__(self, count: int) -> None:
        self._places: deque[int] = deque((_PASS,))
        self._places *= count
        self._places.extend((_STOP, _STOP))

    def __iter__(self) -> Iterator[int]:
        return iter(self._places.popleft, _STOP)

    def take_back(self) -> None:
        """Let the thread take no more."""
        self._places.appendleft(_STOP)
        self._places.appendleft(_STOP)

    @property
    def left(self) -> int:
        """At most how many the thread may take yet."""
        left = len(self._places) - 2  # first: the thread goes on meanwhile
        return left if self._places[0] else 0
