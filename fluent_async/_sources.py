"""Sources: where the inputs of a stage come from."""

from __future__ import annotations

from collections import deque
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Protocol

from fluent_async._channel import Channel
from fluent_async._store import PLENTY


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from fluent_async._slice import Slice
    from fluent_async._worker import Worker


_PLAIN: list[Iterable[Any]] = [[], (), range(0), range(1 << 99)]

# The iterators that have each value at once, and run nobody's code.
_PROMPT = frozenset(type(iter(values)) for values in _PLAIN)


class Source(Protocol):
    """Where a stage's inputs come from. All but what `pull` gives is for the monitor."""

    foreign: bool  # whether a pull runs code of the user's
    certain: bool  # whether a pull that was begun gives an input, and soon
    args: tuple[Any, ...]  # of what `pull` gives

    def ready(self) -> int:
        """At least how many inputs can be taken now, as far as is known."""
        ...

    def over(self) -> bool:
        """Whether there is nothing to take, and nothing will come by itself."""
        ...

    def pull(self, lease: Slice) -> Callable[..., Any]:
        """Return the function that takes one input, for the holder of `lease`."""
        ...


class Values:
    """The items of an iterable; one thread at a time advances it: who took the baton."""

    certain = False  # it may have ended

    def __init__(self, iterator: Iterator[Any]) -> None:
        self.args = (iterator,)
        self.foreign = type(iterator) not in _PROMPT
        self.read = False  # to its end, or as far as it will be
        self.wanted = False  # a thread that found no baton is told when it is back
        self.baton = [True]  # here while nobody pulls, and nobody has a lease

    def take(self) -> bool:
        """Take the baton, in one step; False if it is out."""
        try:
            return self.baton.pop()
        except IndexError:
            return False

    def put_back(self) -> None:
        """Let others have the baton."""
        self.baton.append(True)

    def claim(self) -> bool:
        """Take the baton, or say that it is wanted; in the pool's monitor."""
        self.wanted = not self.take()
        if self.wanted and self.take():  # it came back before that could be seen
            self.wanted = False

        return not self.wanted

    def ready(self) -> int:
        return 0 if self.read else PLENTY

    def over(self) -> bool:
        return self.read

    def pull(self, lease: Slice) -> Callable[..., Any]:  # noqa: ARG002
        return next


class Given:
    """Workers given to `go()`, in the order of their places among the arguments."""

    foreign = False
    certain = True
    args = ()

    def __init__(self, places: Sequence[int], workers: Iterable[Worker[Any]]) -> None:
        self.places = places  # of all of them
        self.workers = deque(workers)

    @property
    def place(self) -> int:
        """The place of the one that is taken next, if there is one; else the last."""
        first = len(self.places) - len(self.workers)  # a lease goes on meanwhile
        return self.places[min(first, len(self.places) - 1)]

    def before(self, place: int, most: int) -> int:
        """Count those, up to `most`, that are taken next and come before a place."""
        first = len(self.places) - len(self.workers)
        coming = self.places[first : first + most]
        return sum(1 for _ in takewhile(lambda each: each < place, coming))

    def ready(self) -> int:
        return len(self.workers)

    def over(self) -> bool:
        return not self.workers

    def pull(self, lease: Slice) -> Callable[..., Any]:  # noqa: ARG002
        return self.workers.popleft


class Flow:
    """The values of a channel that feeds the stage."""

    foreign = False
    certain = True
    args = ()

    def __init__(self, channel: Channel[Any]) -> None:
        self.channel = channel
        self.cut = False  # the channel feeds the stage no more

    def ready(self) -> int:
        return 0 if self.cut else len(self.channel.values)

    def over(self) -> bool:
        return self.cut or self.channel.over

    def cut_off(self) -> None:
        """Let go of the channel; what is in there stays."""
        if not self.cut:
            self.cut = True
            self.channel.feed(None)

    def pull(self, lease: Slice) -> Callable[..., Any]:
        return self.channel.lend(lease, lease.stage.pool)
