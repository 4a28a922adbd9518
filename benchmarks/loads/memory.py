"""Memory: how much a process grows while many inputs go through two stages."""

import resource
import sys
import time
from collections.abc import Iterable, Sequence

from typing_extensions import override

from measuring import LIMIT
from measuring.load import Drained, Load, WrongResultsError
from measuring.peer import Peer
from measuring.results import Sample


class Memory(Load):
    """Inputs that nobody keeps, through two stages to somebody who counts."""

    name = "memory"
    title = "memory: 5,000,000 inputs through two no-op stages"
    verb = "flow"
    against = "15 MB"
    size = 5_000_000
    quick = 100_000
    unit = "MB"
    reach = 1.0
    budget = 5.0

    allowed = 15e6
    """Bytes: the base, since a bare loop grows not at all."""

    @override
    def base(self, size: int) -> float:
        """Return what is allowed."""
        return self.allowed

    @override
    def bare(self, size: int) -> Sequence[int]:
        """Return what comes out."""
        return range(size)

    @override
    def through(self, peer: Peer, size: int) -> Iterable[int]:
        """Feed both stages."""
        return peer.flow([Drained.fn] * 2, range(size), LIMIT)

    @override
    def cost(self, peer: Peer, size: int) -> float:
        """Return by how many bytes the most memory that was in use grew."""
        before = _most()
        count = total = 0
        for output in self.through(peer, size):
            count += 1
            total += output

        if (count, total) != (size, size * (size - 1) // 2):
            raise WrongResultsError(f"{count:,} outputs are not what they should be")

        return _most() - before

    @override
    def measure(self, peer: Peer, size: int) -> Sample:
        """Measure a peer once, with as many inputs as it can do in the time."""
        few = 2_000
        started = time.perf_counter()
        self.cost(peer, few)
        each = (time.perf_counter() - started) / few
        size = max(few, min(size, int(self.budget / each)))
        return Sample(self.cost(peer, size), self.allowed, size)


def _most() -> int:
    """Return the most bytes that were in use; Linux counts in KiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
