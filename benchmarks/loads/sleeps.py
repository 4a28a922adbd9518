"""Calls that wait, as those of a network do: how near a pool comes to bare threads."""

import time
from collections.abc import Iterable, Sequence
from typing import ClassVar

from typing_extensions import override

from measuring.load import Load
from measuring.peer import Peer
from peers.bare_threads import BareThreads


class Sleeps(Load):
    """Sleeps, at a limit."""

    verb = "drained"
    against = "bare threads"
    unit = "ms"
    trial = None
    seconds: ClassVar[float]
    limit: ClassVar[int]

    def fn(self, value: int) -> int:
        """Take some time, on no processor."""
        time.sleep(self.seconds)
        return value

    @override
    def bare(self, size: int) -> Sequence[int]:
        """Sleep on threads that take from a deque."""
        return BareThreads().drained(self.fn, range(size), self.limit)

    @override
    def through(self, peer: Peer, size: int) -> Iterable[int]:
        """Sleep in a pool."""
        return peer.drained(self.fn, range(size), self.limit)


class Sleeps1ms8(Sleeps):
    """Short ones."""

    name = "sleeps-1ms-8"
    title = "sleeps of 1 ms, limit 8"
    size = 2000
    quick = 200
    seconds = 0.001
    limit = 8


class Sleeps5ms64(Sleeps):
    """Many at a time."""

    name = "sleeps-5ms-64"
    title = "sleeps of 5 ms, limit 64"
    size = 4000
    quick = 400
    seconds = 0.005
    limit = 64


class Sleeps20ms256(Sleeps):
    """More than anybody has processors."""

    name = "sleeps-20ms-256"
    title = "sleeps of 20 ms, limit 256"
    size = 5120
    quick = 512
    reach = 1.05
    seconds = 0.02
    limit = 256


class Sleeps20ms1000(Sleeps):
    """As many threads as a small machine bears."""

    name = "sleeps-20ms-1000"
    title = "sleeps of 20 ms, limit 1,000"
    size = 20_000
    quick = 1000
    reach = 1.05
    seconds = 0.02
    limit = 1000
