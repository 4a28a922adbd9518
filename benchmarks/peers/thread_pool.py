"""The other pool of threads in the standard library."""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from multiprocessing.pool import ThreadPool

from typing_extensions import override

from measuring.peer import Fn, Peer, Start, Submit


class Maps(Peer):
    """Maps chunks: a quarter of each thread's share of the inputs at a time."""

    name = "`ThreadPool.map`"
    module = "multiprocessing.pool"

    @override
    def drained(self, fn: Fn, inputs: Sequence[int], limit: int) -> list[int]:
        """Map over the pool."""
        with ThreadPool(limit) as pool:
            return pool.map(fn, inputs)

    ordered = ran = drained

    @override
    @contextmanager
    def starter(self, limit: int) -> Generator[Start]:
        """Apply, and forget the result."""
        with ThreadPool(limit) as pool:
            yield pool.apply_async

    @override
    @contextmanager
    def submitter(self, limit: int) -> Generator[Submit]:
        """Apply."""
        with ThreadPool(limit) as pool:

            def submit(fn: Fn, value: int) -> Callable[[], int]:
                return pool.apply_async(fn, (value,)).get

            yield submit


class Iterates(Peer):
    """Maps one by one."""

    name = "`ThreadPool.imap`"

    @override
    def drained(self, fn: Fn, inputs: Sequence[int], limit: int) -> list[int]:
        """Iterate outputs as they come."""
        with ThreadPool(limit) as pool:
            return list(pool.imap_unordered(fn, inputs))

    @override
    def ordered(self, fn: Fn, inputs: Sequence[int], limit: int) -> list[int]:
        """Iterate outputs in order."""
        with ThreadPool(limit) as pool:
            return list(pool.imap(fn, inputs))

    @override
    def flow(
        self, fns: Sequence[Fn], inputs: Iterable[int], limit: int
    ) -> Iterable[int]:
        """Iterate over what the stage before gives."""
        with ThreadPool(limit) as pool:
            for fn in fns:
                inputs = pool.imap_unordered(fn, inputs)

            yield from inputs

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
