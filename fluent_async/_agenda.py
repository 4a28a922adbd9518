"""Agenda: works that wait for their next attempt, and when they are due."""

from __future__ import annotations

from collections import deque
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from fluent_async._stage import Stage
    from fluent_async._work import Work


class Agenda:
    """Works that wait for their next attempt. Guarded by the pool's monitor.

    Only `is_due` is for all threads: they look at what others are about to change.
    """

    def __init__(self) -> None:
        self.again: deque[Work] = deque()  # due
        self.timers: list[tuple[float, int, Work]] = []  # a heap of those not yet due
        self._tie = count()

    def __len__(self) -> int:
        return len(self.timers) + len(self.again)

    @property
    def next_due(self) -> float | None:
        """When time alone makes the next one due."""
        return self.timers[0][0] if self.timers else None

    def add(self, work: Work, due: float) -> None:
        """Keep a work until it is due."""
        heappush(self.timers, (due, next(self._tie), work))

    def see(self, now: float) -> None:
        """Note what has become due."""
        while self.timers and self.timers[0][0] <= now:
            self.again.append(heappop(self.timers)[2])

    def is_due(self, now: Callable[[], float]) -> bool:
        """Say whether something is due; from any thread."""
        first = self.timers[:1]  # in one step: a moment later it may be gone
        return bool(self.again or (first and first[0][0] <= now()))

    def drop(self, stages: Container[Stage]) -> list[Work]:
        """Let go of the works of these stages, and return them."""
        waiting = [work for _, _, work in self.timers] + list(self.again)
        self.timers[:] = [kept for kept in self.timers if kept[2].stage not in stages]
        heapify(self.timers)
        kept = [work for work in self.again if work.stage not in stages]
        self.again.clear()
        self.again.extend(kept)
        return [work for work in waiting if work.stage in stages]
