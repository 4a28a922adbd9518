"""mpire, on threads."""

from collections.abc import Sequence

from mpire import WorkerPool
from typing_extensions import override

from measuring.peer import Fn, Peer


class Mpire(Peer):
    """Maps chunks over a pool."""

    name = "mpire"
    module = "mpire"
    distribution = "mpire"

    @override
    def drained(self, fn: Fn, inputs: Sequence[int], limit: int) -> list[int]:
        """Map over the pool."""
        with WorkerPool(n_jobs=limit, start_method="threading") as pool:
            return list(pool.imap_unordered(fn, inputs))

    @override
    def ordered(self, fn: Fn, inputs: Sequence[int], limit: int) -> list[int]:
        """Map over the pool, in order."""
        with WorkerPool(n_jobs=limit, start_method="threading") as pool:
            return list(pool.map(fn, inputs))

    ran = ordered
