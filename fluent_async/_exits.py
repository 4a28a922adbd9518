"""Exits: what waits, when Python exits, for the pools that are still at work."""

from __future__ import annotations

import atexit
import weakref
from typing import Protocol


class Finishing(Protocol):
    """A pool, as the exit of Python knows it."""

    def finish(self) -> None:
        """Wait until nothing runs, or will by itself."""
        ...


class Exits:
    """Waits at exit for the pools that run something. Their threads are daemons.

    `begun` is set once, at exit, and only read elsewhere.
    """

    def __init__(self) -> None:
        self.begun = False
        self._pools: weakref.WeakSet[Finishing] = weakref.WeakSet()

    def watch(self, pool: Finishing) -> None:
        """Wait for `pool` as well, if it is still there."""
        self._pools.add(pool)

    def wait(self) -> None:
        """Wait until no pool runs anything; from now on none takes new work."""
        self.begun = True
        for pool in list(self._pools):
            pool.finish()


exits = Exits()
atexit.register(exits.wait)
