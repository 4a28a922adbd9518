"""The standard library's executor of threads."""

from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain

from typing_extensions import override

from measuring import LIMIT
from measuring.peer import Fn, Many, Peer, Start, Submit
from peers.bare_threads import tried_twice


class Maps(Peer):
    """Maps."""

    name = "`ThreadPoolExecutor.map`"
    module = "concurrent.futures.thread"

    @override
    def drained(self, fn: Fn, inputs: Sequence[int], limit: int) -> list[int]:
        """Map over the pool."""
        with ThreadPoolExecutor(limit) as executor:
            return list(executor.map(fn, inputs))

    ordered = ran = drained

    @override
    def flow(
        self, fns: Sequence[Fn], inputs: Iterable[int], limit: int
    ) -> Iterable[int]:
        """Map the maps."""
        with ThreadPoolExecutor(limit) as executor:
            for fn in fns:
                inputs = executor.map(fn, inputs)

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

    @override
    def streamed(self, fn: Many, inputs: Sequence[int], limit: int) -> list[int]:
        """Map to lists, and chain them."""
        with ThreadPoolExecutor(limit) as executor:
            lists = executor.map(lambda value: list(fn(value)), inputs)
            return list(chain.from_iterable(lists))

    @override
    def retried(self, fn: Fn, inputs: Sequence[int], delay: float) -> list[int]:
        """Map a function that sleeps and tries again."""
        return self.drained(tried_twice(fn, delay), inputs, LIMIT)


class Submits(Peer):
    """Submits."""

    name = "`ThreadPoolExecutor.submit`"

    @override
    def drained(self, fn: Fn, inputs: Sequence[int], limit: int) -> list[int]:
        """Submit each input, then ask each future."""
        with ThreadPoolExecutor(limit) as executor:
            made = [executor.submit(fn, value) for value in inputs]
            return [future.result() for future in made]

    ordered = given = drained

    @override
    @contextmanager
    def starter(self, limit: int) -> Generator[Start]:
        """Submit, and forget the future."""
        with ThreadPoolExecutor(limit) as executor:
            yield executor.submit

    @override
    @contextmanager
    def submitter(self, limit: int) -> Generator[Submit]:
        """Submit."""
        with ThreadPoolExecutor(limit) as executor:

            def submit(fn: Fn, value: int) -> Callable[[], int]:
                return executor.submit(fn, value).result

            yield submit
