"""streamable."""

from collections.abc import Iterable, Sequence

from streamable import stream

from measuring.peer import Fn, Many, Peer


class Streamable(Peer):
    """Maps a stream concurrently."""

    name = "streamable"
    module = "streamable"
    distribution = "streamable"

    def drained(self, fn: Fn, inputs: Sequence[int], limit: int) -> list[int]:
        """Take outputs as they come."""
        mapped: Iterable[int] = stream(inputs).map(
            fn, concurrency=limit, as_completed=True
        )
        return list(mapped)

    def ordered(self, fn: Fn, inputs: Sequence[int], limit: int) -> list[int]:
        """Take outputs in order."""
        mapped: Iterable[int] = stream(inputs).map(fn, concurrency=limit)
        return list(mapped)

    ran = ordered

    def stages(
        self,
        fns: Sequence[Fn],
        inputs: Iterable[int],
        limit: int,
        maxsize: int,  # noqa: ARG002  (it reads no more ahead than its concurrency)
    ) -> Iterable[int]:
        """Map again and again."""
        mapped: Iterable[int] = inputs
        for fn in fns:
            mapped = stream(mapped).map(fn, concurrency=limit, as_completed=True)

        return mapped

    def streamed(self, fn: Many, inputs: Sequence[int], limit: int) -> list[int]:
        """Map to lists, and flatten."""
        lists = stream(inputs).map(lambda value: list(fn(value)), concurrency=limit)
        flat: Iterable[int] = lists.flatten()
        return list(flat)
