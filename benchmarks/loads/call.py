"""A call of a decorated function, in one's own thread."""

from collections.abc import Iterable, Sequence

from typing_extensions import override

from measuring.load import Ordered, loop
from measuring.peer import Peer


def bare(value: int) -> int:
    """Do nothing. Its parameter has a name, as most have."""
    return value


class Call(Ordered):
    """Calls one after the other; the base's are those of the function itself."""

    name = "call"
    title = "a call of a decorated function, three attempts allowed"
    verb = "decorated"
    against = "the bare call"
    size = 500_000
    quick = 20_000
    reach = 7.0

    @override
    def bare(self, size: int) -> Sequence[int]:
        """Call the function."""
        return loop(bare, range(size))

    @override
    def through(self, peer: Peer, size: int) -> Iterable[int]:
        """Call what it was made into."""
        return loop(peer.decorated(bare), range(size))
