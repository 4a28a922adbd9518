"""Process: tells what belongs to this one from what a fork copied."""

from __future__ import annotations

import os


class Process:
    """Which process this is. Pools of another one have no threads here.

    Written in a new process before any other code runs there, and only read elsewhere.
    """

    def __init__(self) -> None:
        self.mark: object = object()  # another one in each process

    def forked(self) -> None:
        """Note that this is a new process."""
        self.mark = object()


process = Process()
if hasattr(os, "register_at_fork"):  # pragma: no branch  (all but Windows)
    os.register_at_fork(after_in_child=process.forked)
