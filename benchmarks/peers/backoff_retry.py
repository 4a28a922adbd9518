"""backoff, which decorates functions; in a pool it sleeps on the pool's threads."""

from collections.abc import Sequence

import backoff
from typing_extensions import override

from measuring import LIMIT
from measuring.peer import Fn, Peer
from peers.executor import Maps


class Backoff(Peer):
    """Decorates."""

    name = "backoff"
    module = "backoff"
    distribution = "backoff"

    @override
    def decorated(self, fn: Fn) -> Fn:
        """Decorate with a policy."""
        decorated: Fn = backoff.on_exception(backoff.constant, Exception, max_tries=3)(
            fn
        )
        return decorated

    @override
    def retried(self, fn: Fn, inputs: Sequence[int], delay: float) -> list[int]:
        """Map what is decorated over the standard library's executor."""
        decorated: Fn = backoff.on_exception(
            backoff.constant,
            Exception,
            max_tries=2,
            interval=delay,
            jitter=None,
            logger=None,
        )(fn)
        return Maps().drained(decorated, inputs, LIMIT)
