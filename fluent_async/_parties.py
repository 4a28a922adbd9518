"""Parties: what a channel knows of the pools, stages and threads around it."""

from collections import deque
from typing import Any, Protocol


class Stirrable(Protocol):
    """A pool, as a channel knows it."""

    def stir(self) -> None:
        """Look again: something changed. Called outside every monitor."""
        ...


class Reader(Protocol):
    """The stage that a channel feeds."""

    @property
    def pool(self) -> Stirrable:
        """The pool the stage belongs to."""
        ...


class Lease(Protocol):
    """A run of inputs that one thread works through without a monitor.

    The thread looks at its alarm after each thing it does. Whoever waits for something a
    lease may do arms it first and looks again afterwards, so one of the two sees the
    other. The GIL keeps both in order; without it, the operation on a deque, or on an
    attribute, that the thread does before it looks.
    """

    turn: int  # the number of its first input, in an ordered channel
    outlet: deque[Any]  # what its outputs are added to

    @property
    def turns(self) -> int:
        """How many inputs end with it, of those it took."""
        ...

    @property
    def pulled(self) -> int:
        """How many inputs it took so far."""
        ...

    def open(self, size: int, outlet: deque[Any] | None) -> None:
        """Let the thread take so many inputs, and add the outputs to `outlet`, if any."""
        ...

    def promised(self) -> int:
        """At most how many outputs it may still send: room nobody else may use."""
        ...

    def yield_room(self) -> None:
        """Give back what room its thread can ask for later, one output after the other."""
        ...

    def arm(self) -> None:
        """Ask the thread to stop and report after what it is at."""
        ...

    def close(self) -> None:
        """Let the thread take no more inputs than it has."""
        ...


class Pouring(Lease, Protocol):
    """A lease whose inputs have any number of outputs.

    Its thread sends so many of them by itself as it was given places; with none it asks
    the channel, and with its alarm set it does so after each.
    """

    def widen(self, places: int) -> None:
        """Let the thread, which calls this, send so many outputs by itself."""
        ...
