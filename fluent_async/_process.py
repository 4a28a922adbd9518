"""Process: tells what belongs to this one from what a fork copied."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


FOREIGN = "the threads of a pool stay in the process that made it: make a new pool after fork()"


class Heir(Protocol):
    """What a fork copied, and what is to do something about that."""

    def _inherit(self) -> None:
        """Let go of everything that belongs to the threads of the process before."""
        ...


class Process:
    """Which process this is. Pools of another one have no threads here.

    Written in a new process before any other code runs there, and only read elsewhere.
    """

    def __init__(self) -> None:
        self.mark: object = object()  # another one in each process
        self._heirs: weakref.WeakSet[Heir] = weakref.WeakSet()

    def watch(self, heir: Heir) -> None:
        """Tell it of each new process, if it is still there."""
        self._heirs.add(heir)

    def forked(self) -> None:
        """Note that this is a new process."""
        self.mark = object()
        for heir in list(self._heirs):
            heir._inherit()


process = Process()
if hasattr(os, "register_at_fork"):  # pragma: no branch  (all but Windows)
    os.register_at_fork(after_in_child=process.forked)
