"""Streams: many outputs an input."""

from collections.abc import Iterable, Iterator, Sequence

from typing_extensions import override

from measuring import LIMIT
from measuring.load import Load
from measuring.peer import Peer


EACH = 100
"""Outputs an input."""


def outputs_of(value: int) -> Iterator[int]:
    """Yield the outputs of an input."""
    yield from range(value * EACH, (value + 1) * EACH)


class Streams(Load):
    """A generator; costs are those of an output."""

    name = "streams"
    title = "streams of 100 outputs an input, per output"
    verb = "streamed"
    against = "a bare loop over the generator"
    size = 300_000
    quick = 20_000
    reach = 2.5

    @override
    def bare(self, size: int) -> Sequence[int]:
        """Loop: append what the generators yield."""
        results: list[int] = []
        append = results.append
        for value in range(size // EACH):
            for output in outputs_of(value):
                append(output)

        return results

    @override
    def through(self, peer: Peer, size: int) -> Iterable[int]:
        """Drain a pool."""
        return peer.streamed(outputs_of, range(size // EACH), LIMIT)

    @override
    def expected(self, size: int) -> Iterable[int]:
        """Return whole inputs' outputs."""
        return range(size // EACH * EACH)
