"""A function that does nothing, on many inputs: all that is left is what a library adds."""

from collections.abc import Iterable

from typing_extensions import override

from measuring.load import Drained, Ordered
from measuring.peer import Peer


class Noop(Drained):
    """A batch whose outputs are drained."""

    name = "noop"
    title = "no-op batch, drained"
    size = 500_000
    quick = 20_000
    reach = 2.0


class OrderedResults(Ordered, Drained):
    """A batch whose outputs come in order, one after the other."""

    name = "ordered"
    title = "no-op batch, results in order"
    verb = "ordered"
    size = 200_000
    quick = 10_000
    reach = 4.0

    @override
    def through(self, peer: Peer, size: int) -> Iterable[int]:
        """Take the outputs one after the other."""
        return peer.ordered(self.fn, range(size), self.limit)


class Given(Drained):
    """Calls that are made into objects, which are given to a pool."""

    name = "given"
    title = "a worker made for each no-op, and given"
    verb = "given"
    size = 100_000
    quick = 5_000
    reach = 18.0

    @override
    def through(self, peer: Peer, size: int) -> Iterable[int]:
        """Make the objects, and run them."""
        return peer.given(self.fn, range(size), self.limit)
