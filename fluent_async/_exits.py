"""Exits: what waits, when Python exits, for the pools that are still at work."""

from __future__ import annotations

import atexit
import weakref

from fluent_async._interrupt import ENDS, Stoppable, abandon, interrupts, stop
from fluent_async._process import process


class Exits:
    """Waits at exit for the pools that run something. Their threads are daemons.

    `begun` is set once, at exit, and only read elsewhere.
    """

    def __init__(self) -> None:
        self.begun = False
        self._mark = process.mark
        self._pools: weakref.WeakSet[Stoppable] = weakref.WeakSet()

    def watch(self, pool: Stoppable) -> None:
        """Wait for `pool` as well, if it is still there."""
        self._forget_foreign()
        self._pools.add(pool)

    @property
    def pools(self) -> list[Stoppable]:
        """The pools that were given work, and are still there."""
        return list(self._pools)

    def wait(self) -> None:
        """Wait until no pool runs anything; from now on none takes new work.

        Ctrl-C ends that as it ends any wait: see `_interrupt.stop`.
        """
        self.begun = True
        self._forget_foreign()
        pools = list(self._pools)
        if interrupts.again:
            abandon(pools)
            return

        try:
            for pool in pools:
                pool.finish()
        except ENDS:
            stop(pools)
            raise

    def _forget_foreign(self) -> None:
        """Leave pools to the process that this one forked from: they run there."""
        if self._mark is not process.mark:
            self._mark = process.mark
            self._pools = weakref.WeakSet()


exits = Exits()
atexit.register(exits.wait)
