"""Skewed work: one long item among many quick ones, which are not to wait for it."""

import time
from collections.abc import Iterable, Sequence

from typing_extensions import override

from measuring import LIMIT
from measuring.load import Load, loop
from measuring.peer import Peer


class Skew(Load):
    """The long item is in the middle, when a pool has learnt that items are quick."""

    name = "skew"
    title = "one item of 1 s among 1,000 quick ones"
    verb = "drained"
    against = "the long item alone"
    size = 1001
    quick = 1001
    unit = "ms"
    reach = 1.05
    trial = None

    @override
    def base(self, size: int) -> float:
        """Do the long item."""
        started = time.perf_counter()
        self.fn(size // 2)
        return (time.perf_counter() - started) / size

    def fn(self, value: int) -> int:
        """Take 1 s for one of them."""
        if value == self.size // 2:
            time.sleep(1)

        return value

    @override
    def bare(self, size: int) -> Sequence[int]:
        """Loop over all."""
        return loop(self.fn, range(size))

    @override
    def through(self, peer: Peer, size: int) -> Iterable[int]:
        """Drain a pool."""
        return peer.drained(self.fn, range(size), LIMIT)
