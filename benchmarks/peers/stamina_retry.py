"""stamina, which decorates functions; in a pool it sleeps on the pool's threads."""

from collections.abc import Sequence

import stamina
from typing_extensions import override

from measuring import LIMIT
from measuring.peer import Fn, Peer
from peers.executor import Maps


class Stamina(Peer):
    """Decorates."""

    name = "stamina"
    module = "stamina"
    distribution = "stamina"

    @override
    def decorated(self, fn: Fn) -> Fn:
        """Decorate with a policy."""
        decorated: Fn = stamina.retry(on=Exception, attempts=3)(fn)
        return decorated

    @override
    def retried(self, fn: Fn, inputs: Sequence[int], delay: float) -> list[int]:
        """Map what is decorated over the standard library's executor."""
        decorated: Fn = stamina.retry(
            on=Exception, attempts=2, wait_initial=delay, wait_max=delay, wait_jitter=0
        )(fn)
        return Maps().drained(decorated, inputs, LIMIT)
