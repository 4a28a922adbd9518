"""Slice: a run of inputs that one thread works through without the monitor."""

from __future__ import annotations

from collections import deque
from itertools import compress, islice, repeat, starmap
from operator import itemgetter, length_hint
from typing import TYPE_CHECKING, Any

from fluent_async._build import GIL
from fluent_async._turnstile import Turnstile


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fluent_async._stage import Stage


_middle = itemgetter(1)


class Slice:
    """A run of inputs of one stage that one thread works through without the monitor.

    The thread iterates `inputs`. Each step of that uses up one place of the *gate*, then
    pulls an input, then counts it; so whoever empties the gate knows that nothing more
    is pulled, and, from the count, whether a pull was under way at that moment. Without
    the GIL others leave the gate alone, and shut a turnstile that is behind it.
    """

    __slots__ = (
        "_counter",
        "_gate",
        "_left",
        "_turnstile",
        "armed",
        "given",
        "held",
        "holds",
        "inputs",
        "judged",
        "late",
        "missed",
        "number",
        "outlet",
        "shown",
        "size",
        "spared",
        "stage",
        "stages",
        "started",
        "threes",
        "told",
        "turn",
    )

    def __init__(self, stage: Stage, now: float) -> None:
        self.size = 0  # how many inputs it may take
        self._gate = repeat(stage.source.args, 0)
        self._counter = repeat(1, 0)
        self._left: list[Any] = []  # places others took from the gate
        self._turnstile = None if GIL else Turnstile()
        self.stage = stage
        self.stages: tuple[Stage, ...] = (stage,)  # that its inputs go through
        # Those of them that it still has a place in.
        self.held: tuple[Stage, ...] = self.stages
        self.number = stage.number  # of its first input
        self.started = now
        self.missed: int = 0  # inputs that did not succeed, and are accounted for
        self.late = 0  # outputs that came after their drain was shut
        self.turn = 0  # of its first input, if outputs are ordered
        self.given = 0  # turns that went to works of their own
        self.judged = 0  # how many it had pulled when the last of those failed
        self.holds = False  # its one input until others may use the source
        self.told = False  # to end: the pool was cancelled
        self.shown: object = None  # its place when somebody saw its attempts counted
        self.spared: tuple[int, float] | None = None  # inputs it had taken, and when
        self.armed = False  # to stop and report after what its thread is at
        self.inputs: Iterator[Any] = iter(())
        # The same, each in the middle of three, where it is there at once.
        self.threes: Iterator[tuple[Any, Any, int]] | None = None
        self.outlet: deque[Any] = deque(maxlen=0)  # outputs are added to it

    def open(self, size: int, outlet: deque[Any] | None) -> None:
        """Let its thread take so many inputs, and add the outputs to `outlet`, if any."""
        self.size = size
        self._gate = repeat(self.stage.source.args, size)
        self._counter = repeat(1, size)
        if outlet is not None:
            self.outlet = outlet

    def begin(self, pull: Callable[..., Any]) -> None:
        """Take inputs with `pull` from now on."""
        if self._turnstile is None:
            self.inputs = compress(starmap(pull, self._gate), self._counter)
        else:
            self.inputs = self._turnstile.through(pull, self._gate, self._counter)

    def begin_promptly(self, values: Iterator[Any]) -> None:
        """Take inputs from an iterator that has each at once, and is nobody's code.

        A `zip` makes the same steps in the same order, and in half the time. It keeps the
        last input alive until it has the next.
        """
        self.threes = zip(self._gate, values, self._counter, strict=False)
        self.inputs = map(_middle, self.threes)

    def arm(self) -> None:
        """Ask the thread to stop and report after what it is at."""
        self.armed = True

    def again(self, value: Any) -> None:
        """Have the thread start with an input that it pulled and did not start."""
        self.armed = False
        self.inputs, self.threes = iter((value,)), None

    def number_in(self, stage: Stage) -> int:  # noqa: ARG002
        """Return the number that its first input has in one of its stages."""
        return self.number

    def last_in(self, stage: Stage) -> int:
        """Return the number that its last input has in one of its stages."""
        return self.number_in(stage) + self.pulled - 1

    @property
    def next_number(self) -> int:
        """The number of the input that it pulls next, or in vain."""
        return self.number + self.pulled

    def uncouple(self) -> Sequence[Stage]:
        """Give up all stages but the one that its input is in, and return those."""
        return ()

    def miss(self, index: int) -> None:  # noqa: ARG002
        """Note that the last input failed in the stage of that index, and is another's."""
        self.missed += 1
        self.judged = self.pulled

    def close(self) -> None:
        """Let the thread take no more inputs than it has."""
        if self._turnstile is None:
            self._left.extend(self._gate)  # one step
            return

        self._turnstile.shut()
        if self.stage.source.certain:  # else it may take as long as it likes
            self._turnstile.settle()

    @property
    def pulled(self) -> int:
        """How many inputs it took so far."""
        return self.size - length_hint(self._counter)

    @property
    def turns(self) -> int:
        """How many inputs end with it, of those it took."""
        return self.pulled - self.given

    @property
    def last_turn(self) -> int:
        """The turn of the input it pulled last."""
        return self.turn + self.pulled - 1

    @property
    def place(self) -> object:
        """Where its thread is: with every attempt this is another one."""
        return self.pulled

    @property
    def may_pull(self) -> bool:
        """Whether its thread may take more inputs."""
        return self._places > 0

    @property
    def _places(self) -> int:
        """How many more inputs its thread may take."""
        places = length_hint(self._gate)
        return places if self._turnstile is None else self._turnstile.most(places)

    def closed_pulling(self) -> bool:
        """Close it, and say whether its thread was in a pull at that moment."""
        self.close()
        return self.pulling

    @property
    def parted(self) -> bool:
        """Whether others may have looked at its source since it pulled its last input."""
        return self.stage.lease is not self

    @property
    def ended(self) -> bool:
        """Whether its source has ended, now that its thread has stopped."""
        return self.pulling

    @property
    def begun(self) -> int:
        """How many pulls its thread has begun so far."""
        if self._turnstile is None:
            return self.size - len(self._left) - length_hint(self._gate)

        return self.pulled + self._turnstile.busy

    @property
    def pulling(self) -> bool:
        """Whether a pull was begun that has given nothing, at this moment."""
        if self._turnstile is None:
            return self.begun > self.pulled

        return self._turnstile.busy

    def progress(self) -> tuple[int, int, bool]:
        """Return what it took, and whether it is at work on the last of that.

        Returns:
            How many inputs of its source, how many of stages further down, and that.
        """
        while True:
            pulled = self.pulled
            at_work = pulled > self.judged and not self.pulling
            if pulled == self.pulled:  # else its thread went on meanwhile
                return pulled - self.missed, 0, at_work

    def at_work_in(self, stage: Stage) -> bool:  # noqa: ARG002
        """Say whether its thread is at an input in one of its stages."""
        return self.progress()[2]

    def yield_room(self) -> None:
        """Give back the room of inputs that it has not begun, if it is to stop."""
        if self.armed:
            self._close_unbegun()

    def _close_unbegun(self) -> None:
        """Take no more inputs than were begun; one if none was.

        Else slices that need room could take it from each other, and none would begin.
        """
        if self._turnstile is None:
            left = length_hint(self._gate) - (not self.begun)
            self._left.extend(islice(self._gate, max(0, left)))  # one step
        elif self.begun:
            self.close()
        else:
            self._turnstile.shut_after_next()

    def promised(self) -> int:
        """At most how many outputs it may still send: one for an input it is at, too."""
        if self._turnstile is not None:
            return self._places + (self.begun > 0)  # in this order

        left = length_hint(self._gate)  # first; then whether it has begun
        return left + (length_hint(self._gate) + len(self._left) < self.size)
