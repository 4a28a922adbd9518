"""Slice: a run of inputs that one thread works through without the monitor."""

from __future__ import annotations

from collections import deque
from itertools import compress, repeat, starmap
from operator import length_hint
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fluent_async._stage import Stage


class Slice:
    """A run of inputs of one stage that one thread works through without the monitor.

    The thread iterates `inputs`. Each step of that uses up one place of the *gate*, then
    pulls an input, then counts it; so whoever empties the gate knows that nothing more
    is pulled, and, from the count, whether a pull was under way at that moment.
    """

    __slots__ = (
        "_counter",
        "_gate",
        "_left",
        "_size",
        "alarm",
        "inputs",
        "judged",
        "missed",
        "number",
        "outlet",
        "spared",
        "stage",
        "started",
        "told",
    )

    def __init__(self, stage: Stage, size: int, now: float) -> None:
        self._size = size
        self._gate = repeat(stage.source.args, size)
        self._counter = repeat(1, size)
        self._left = 0  # places others took from the gate
        self.stage = stage
        self.number = stage.number  # of its first input
        self.started = now
        self.missed = 0  # inputs that did not succeed, and are accounted for
        self.judged = 0  # how many it had pulled when the last of those failed
        self.told = False  # to end: the pool was cancelled
        self.spared = False  # by a thread that could have used the lease
        self.alarm: list[bool] = []
        self.inputs: Iterator[Any] = iter(())
        self.outlet: deque[Any] = deque(maxlen=0)  # outputs are added to it

    def begin(self, pull: Callable[..., Any]) -> None:
        """Take inputs with `pull` from now on."""
        self.inputs = compress(starmap(pull, self._gate), self._counter)

    def arm(self) -> None:
        """Ask the thread to stop and report after what it is at."""
        self.alarm.append(True)

    def again(self, value: Any) -> None:
        """Have the thread start with an input that it pulled and did not start."""
        self.alarm.clear()
        self.inputs = iter((value,))

    @property
    def last(self) -> int:
        """The number of the input it pulled last."""
        return self.number + self.pulled - 1

    def close(self) -> None:
        """Let the thread take no more inputs than it has."""
        self._left += len(list(self._gate))

    @property
    def pulled(self) -> int:
        """How many inputs it took so far."""
        return self._size - length_hint(self._counter)

    def closed_pulling(self) -> bool:
        """Close it, and say whether its thread was in a pull at that moment."""
        self.close()
        return self.pulling

    @property
    def pulling(self) -> bool:
        """Whether a pull was begun that has given nothing, at this moment."""
        return self._size - self._left - length_hint(self._gate) > self.pulled

    def progress(self) -> tuple[int, bool]:
        """Return how many inputs it took, and whether it is at work on the last."""
        while True:
            pulled = self.pulled
            at_work = pulled > self.judged and not self.pulling
            if pulled == self.pulled:  # else its thread went on meanwhile
                return pulled, at_work

    def promised(self) -> int:
        """At most how many outputs it may still send."""
        return length_hint(self._gate) + 1
