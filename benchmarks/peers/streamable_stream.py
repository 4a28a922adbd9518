"""streamable."""

from collections.abc import Iterable, Sequence

from streamable import stream
from typing_extensions import override

from measuring.peer import Fn, Many, Peer


class Streamable(Peer):
    """Maps a stream concurrently."""

    name = "streamable"
    module = "streamable"
    distribution = "streamable"

    @override
    def drained(self, fn: Fn, inputs: Sequence[int], limit: int) -> list[int]:
        """Take outputs as they come."""
        mapped: Iterable[int] = stream(inputs).map(
            fn, concurrency=limit, as_completed=True
        )
        return list(mapped)

    @override
    def ordered(self, fn: Fn, inputs: Sequence[int], limit: int) -> list[int]:
        """Take outputs in order."""
        mapped: Iterable[int] = stream(inputs).map(fn, concurrency=limit)
        return list(mapped)

    ran = ordered

    @override
    def flow(
        self, fns: Sequence[Fn], inputs: Iterable[int], limit: int
    ) -> Iterable[int]:
        """Map again and again."""
        mapped: Iterable[int] = inputs
        for fn in fns:
            mapped = stream(mapped).map(fn, concurrency=limit, as_completed=True)

        return mapped

    @override
    def stages(
        self,
        fns: Sequence[Fn],
        inputs: Iterable[int],
        limit: int,
        maxsize: int,
    ) -> Iterable[int]:
        """Do all of that."""
        return self.flow(fns, inputs, limit)

    @override
    def streamed(self, fn: Many, inputs: Sequence[int], limit: int) -> list[int]:
        """Map to lists, and flatten."""
        lists = stream(inputs).map(lambda value: list(fn(value)), concurrency=limit)
        flat: Iterable[int] = lists.flatten()
        return list(flat)
