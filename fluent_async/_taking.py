"""Taking: values that one thread takes from a channel by itself."""

from collections.abc import Callable, Iterator
from itertools import repeat, starmap
from typing import Generic, Self, TypeVar

from fluent_async._build import GIL
from fluent_async._turnstile import Turnstile
from fluent_async._wait import this_thread


T = TypeVar("T")


class Taking(Generic[T]):
    """A run of values that one thread takes from a channel, without its monitor.

    Each step of `values` uses up one place of a gate and takes a value, at once as far as
    other threads can tell; so whoever empties the gate knows that no more is taken.
    Without the GIL a turnstile sees to that, and only one thread may iterate `values`.

    Args:
        take: takes one value.
        size: how many there are; a run of none is the last.
    """

    __slots__ = ("_gate", "_turnstile", "size", "values")

    def __init__(self, take: Callable[[], T], size: int) -> None:
        self.size = size
        self._gate = repeat((), size)
        self._turnstile = None if GIL else Turnstile()
        if self._turnstile is None:
            self.values: Iterator[T] = starmap(take, self._gate)
        else:
            self.values = self._turnstile.through(take, self._gate, repeat(1, size))

    @property
    def own(self) -> Iterator[T]:
        """What takes the rest, for others to iterate, too: it may end for them at once."""
        return self.values if self._turnstile is None else Own(self.values)

    def close(self) -> None:
        """Let the thread take no more values of this run."""
        if self._turnstile is not None:
            self._turnstile.shut()
            self._turnstile.settle()
            return

        for _ in self._gate:
            pass


class Own(Generic[T]):
    """Iterates for the thread that made it, and ends at once for every other one."""

    __slots__ = ("_thread", "_values")

    def __init__(self, values: Iterator[T]) -> None:
        self._values = values
        self._thread = this_thread()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        if self._thread != this_thread():
            raise StopIteration

        return next(self._values)
