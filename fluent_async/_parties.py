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
    other. This relies on the GIL to keep both in order; on builds without it a lease is
    one input long and ends in the monitor.
    """

    def open(self, size: int, outlet: deque[Any] | None) -> None:
        """Let the thread take so many inputs, and add the outputs to `outlet`, if any."""
        ...

    def promised(self) -> int:
        """At most how many outputs it may still send: room nobody else may use."""
        ...

    def arm(self) -> None:
        """Ask the thread to stop and report after what it is at."""
        ...

    def close(self) -> None:
        """Let the thread take no more inputs than it has."""
        ...
