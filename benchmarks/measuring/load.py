"""Load: work that peers do, how it is measured, and how its results are checked."""

import gc
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar

from typing_extensions import override

from measuring import LIMIT
from measuring.peer import Fn, Peer
from measuring.results import Sample


GROWTH = 10  # how many times more items the next trial has, if the last was quick


class WrongResultsError(Exception):
    """A peer did not do the work."""


class Load(ABC):
    """Some work, measured as a cost per item and as a ratio to a *base*.

    The base does the same work by the least means, in the same process, right before
    and after; so a ratio says the same on a fast machine and on a slow one.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    verb: ClassVar[str]
    """What a peer must be able to do."""

    against: ClassVar[str]
    """What the base is."""

    size: ClassVar[int]
    quick: ClassVar[int]
    """How many items, and how many for a quick look."""

    reach: ClassVar[float | None] = None
    """The ratio that fluent_async is to reach, at most."""

    unit: ClassVar[str] = "ns"
    """What a cost is in: ns or ms of an item, or MB of the whole."""

    trial: ClassVar[int | None] = 1000
    """How many items a first run has, that tells slow peers; None runs all of them."""

    budget: ClassVar[float] = 0.5
    """Seconds: a peer that would take longer gets fewer items."""

    fresh: ClassVar[bool] = False
    """Whether the measured run is the first of its process."""

    def base(self, size: int) -> float:
        """Return what an item costs by the least means."""
        started = time.perf_counter()
        outputs = self.bare(size)
        seconds = time.perf_counter() - started
        self.check(outputs, size)
        return seconds / size

    def cost(self, peer: Peer, size: int) -> float:
        """Return what an item costs a peer.

        Raises:
            WrongResultsError: if the outputs are not those of the base.
        """
        started = time.perf_counter()
        outputs = self.through(peer, size)
        if not isinstance(outputs, list):
            outputs = list(outputs)

        seconds = time.perf_counter() - started
        self.check(outputs, size)
        return seconds / size

    @abstractmethod
    def bare(self, size: int) -> Sequence[int]:
        """Do the work by the least means."""

    @abstractmethod
    def through(self, peer: Peer, size: int) -> Iterable[int]:
        """Have a peer do it."""

    def check(self, outputs: Sequence[int], size: int) -> None:
        """Raise WrongResultsError unless every output is there once; in any order."""
        if sorted(outputs) != list(self.expected(size)):
            raise WrongResultsError(
                f"{len(outputs):,} outputs are not what they should be"
            )

    def expected(self, size: int) -> Iterable[int]:
        """Return the outputs, sorted."""
        return range(size)

    def measure(self, peer: Peer, size: int) -> Sample:
        """Measure a peer once: the base, the peer, and the base again."""
        size = self._fitting(peer, size)
        gc.collect()
        before = self.base(size)
        gc.collect()
        cost = self.cost(peer, size)
        gc.collect()
        return Sample(cost, (before + self.base(size)) / 2, size)

    def _fitting(self, peer: Peer, size: int) -> int:
        """Run a few items, so that imports and caches are done; fewer if it is slow."""
        if self.trial is None or self.fresh:
            return size

        few = min(self.trial, size)
        self.cost(peer, few)
        while True:
            each = self.cost(peer, few)
            fitting = int(self.budget / max(each, 1e-9))
            if fitting <= few or few == size:
                return few

            if fitting < GROWTH * few:
                return min(size, fitting)

            few = min(
                size, GROWTH * few
            )  # what it took was more the start than the work


class Ordered(Load):
    """A load whose outputs come in the order of the inputs."""

    @override
    def check(self, outputs: Sequence[int], size: int) -> None:
        """Raise WrongResultsError unless every output is there, in order."""
        if list(outputs) != list(self.expected(size)):
            raise WrongResultsError(
                f"{len(outputs):,} outputs are not what they should be"
            )


class Drained(Load):
    """A load of one function on many inputs, against a loop that calls it."""

    verb = "drained"
    against = "a bare loop"
    limit: ClassVar[int] = LIMIT

    @staticmethod
    def fn(value: int, /) -> int:
        """Do nothing."""
        return value

    @override
    def bare(self, size: int) -> Sequence[int]:
        """Loop: call the function, and append what it returns."""
        return loop(self.fn, range(size))

    @override
    def through(self, peer: Peer, size: int) -> Iterable[int]:
        """Drain a pool."""
        return peer.drained(self.fn, range(size), self.limit)


def loop(fn: Fn, inputs: Iterable[int]) -> list[int]:
    """Call a function in a loop: what most work is compared with."""
    results: list[int] = []
    append = results.append
    for value in inputs:
        append(fn(value))

    return results
