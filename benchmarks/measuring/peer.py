"""Peer: a library, or one way to use it, as the loads see it."""

from abc import ABC
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import ClassVar, TypeAlias


Fn: TypeAlias = Callable[[int], int]
Many: TypeAlias = Callable[[int], Iterable[int]]
Start: TypeAlias = Callable[[Callable[[], None]], object]
Submit: TypeAlias = Callable[[Fn, int], Callable[[], int]]


class UnavailableError(Exception):
    """The peer cannot do this here; the message says why."""


class Peer(ABC):
    """One way to do the loads. A subclass overrides what it can do, and nothing else.

    It imports its library in its own file, at the top: loading the file of a peer that
    is not installed fails, and that is reported.
    """

    name: ClassVar[str]
    """What tables and charts call it."""

    module: ClassVar[str]
    """What a program imports that uses it; only one peer of a library says it."""

    distribution: ClassVar[str | None] = None
    """What has its version; None is a part of Python."""

    def can(self, verb: str) -> bool:
        """Say whether the peer does the loads with this verb."""
        inherited: object = getattr(Peer, verb, None)
        return getattr(type(self), verb, None) is not inherited

    def drained(self, fn: Fn, inputs: Sequence[int], limit: int) -> Iterable[int]:
        """Call `fn` on each input, and return the outputs in any order."""
        raise NotImplementedError

    def ordered(self, fn: Fn, inputs: Sequence[int], limit: int) -> Iterable[int]:
        """Call `fn` on each input, and return the outputs in the order of the inputs."""
        raise NotImplementedError

    def given(self, fn: Fn, inputs: Sequence[int], limit: int) -> Iterable[int]:
        """Make an object for each call, give all of them to a pool; in any order."""
        raise NotImplementedError

    def ran(self, fn: Fn, inputs: Sequence[int], limit: int) -> Iterable[int]:
        """Run a few calls from nothing to nothing: pool made, work done, pool gone."""
        raise NotImplementedError

    def stages(
        self, fns: Sequence[Fn], inputs: Iterable[int], limit: int, maxsize: int
    ) -> Iterable[int]:
        """Call one function after the other on each input, with bounded room between."""
        raise NotImplementedError

    def flow(
        self, fns: Sequence[Fn], inputs: Iterable[int], limit: int
    ) -> Iterable[int]:
        """Do the same, and give the outputs one by one, with as little kept as can be."""
        raise NotImplementedError

    def slow_stages(
        self, fns: Sequence[Fn], inputs: Sequence[int], at_a_time: int, maxsize: int
    ) -> Iterable[int]:
        """Do the same, each function on so many threads."""
        raise NotImplementedError

    def streamed(self, fn: Many, inputs: Sequence[int], limit: int) -> Iterable[int]:
        """Return all items of what `fn` gives for each input, in any order."""
        raise NotImplementedError

    def retried(self, fn: Fn, inputs: Sequence[int], delay: float) -> Iterable[int]:
        """Call on `LIMIT` threads, and once more after `delay` seconds if one fails."""
        raise NotImplementedError

    def decorated(self, fn: Fn) -> Fn:
        """Return `fn` with a policy of three attempts."""
        raise NotImplementedError

    def starter(self, limit: int) -> AbstractContextManager[Start]:
        """Open a pool; what it gives starts a call and does not wait."""
        raise NotImplementedError

    def submitter(self, limit: int) -> AbstractContextManager[Submit]:
        """Open a pool; what it gives starts a call, and returns what waits for it."""
        raise NotImplementedError
