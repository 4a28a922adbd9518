"""Simulator: the seam through which a simulation stands in for threads and chance."""

from __future__ import annotations

import random as machine
from typing import TYPE_CHECKING, Protocol


if TYPE_CHECKING:
    from fluent_async._engine import Engine
    from fluent_async._scheduler import Scheduler
    from fluent_async._threads import Threads


class Simulator(Protocol):
    """What gives engines their parts, and draws numbers, while it is in use."""

    def equip(self, engine: Engine, limit: int) -> tuple[Scheduler, Threads]:
        """Return what decides for an engine that is made, and what runs its jobs."""
        ...

    def random(self) -> float:
        """Return a number from 0 up to 1."""
        ...


_simulator: Simulator | None = None


def current() -> Simulator | None:
    """Return the simulator in use; None if there is none, and threads run."""
    return _simulator


def use(simulator: Simulator | None) -> Simulator | None:
    """Put `simulator`, or threads, in place of what was in use, and return that."""
    global _simulator
    previous, _simulator = _simulator, simulator
    return previous


def random() -> float:
    """Return a number from 0 up to 1, drawn by the simulator if there is one."""
    return machine.random() if _simulator is None else _simulator.random()  # noqa: S311
