"""Submit: a call given to a pool, and its result waited for, again and again."""

import os
from collections.abc import Iterable, Sequence

from typing_extensions import override

from measuring import LIMIT
from measuring.load import Drained, Ordered
from measuring.peer import Peer
from measuring.results import Sample
from peers.executor import Submits


class SubmitRoundTrip(Ordered, Drained):
    """One call at a time."""

    name = "submit"
    title = "`submit` and `result`, one after the other, on one processor"
    verb = "submitter"
    against = "`ThreadPoolExecutor.submit`"
    size = 20_000
    quick = 500
    reach = 0.7  # on 3.11; 0.85 on 3.13
    trial = 200

    @override
    def measure(self, peer: Peer, size: int) -> Sample:
        """Measure on one processor: where the system puts two threads counts for more."""
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

        return super().measure(peer, size)

    @override
    def bare(self, size: int) -> Sequence[int]:
        """Submit to the standard library's executor."""
        return list(self.through(Submits(), size))

    @override
    def through(self, peer: Peer, size: int) -> Iterable[int]:
        """Submit, and wait."""
        with peer.submitter(LIMIT) as submit:
            return [submit(self.fn, value)() for value in range(size)]
