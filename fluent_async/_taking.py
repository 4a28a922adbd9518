"""Taking: values that one thread takes from a channel by itself."""

from collections.abc import Callable, Iterator
from itertools import repeat, starmap
from typing import Generic, TypeVar


T = TypeVar("T")


class Taking(Generic[T]):
    """A run of values that one thread takes from a channel, without its monitor.

    Each step of `values` uses up one place of a gate and takes a value, at once as far as
    other threads can tell; so whoever empties the gate knows that no more is taken.

    Args:
        take: takes one value.
        size: how many there are; a run of none is the last.
    """

    __slots__ = ("_gate", "size", "values")

    def __init__(self, take: Callable[[], T], size: int) -> None:
        self.size = size
        self._gate = repeat((), size)
        self.values: Iterator[T] = starmap(take, self._gate)

    def close(self) -> None:
        """Let the thread take no more values of this run."""
        for _ in self._gate:
            pass
