"""tenacity, which decorates functions; in a pool it sleeps on the pool's threads."""

from collections.abc import Sequence

import tenacity
from typing_extensions import override

from measuring import LIMIT
from measuring.peer import Fn, Peer
from peers.executor import Maps


class Tenacity(Peer):
    """Decorates."""

    name = "tenacity"
    module = "tenacity"
    distribution = "tenacity"

    @override
    def decorated(self, fn: Fn) -> Fn:
        """Decorate with a policy."""
        decorated: Fn = tenacity.retry(stop=tenacity.stop_after_attempt(3))(fn)
        return decorated

    @override
    def retried(self, fn: Fn, inputs: Sequence[int], delay: float) -> list[int]:
        """Map what is decorated over the standard library's executor."""
        decorated: Fn = tenacity.retry(
            stop=tenacity.stop_after_attempt(2), wait=tenacity.wait_fixed(delay)
        )(fn)
        return Maps().drained(decorated, inputs, LIMIT)
