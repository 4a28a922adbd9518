"""Accounts: what became of everything a pool accepted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from fluent_async._work import End


if TYPE_CHECKING:
    from collections.abc import Iterable

    from fluent_async._desk import Calls
    from fluent_async._slice import Slice


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PoolStats:
    """What a pool did and does; all of one instant.

    accepted == succeeded + failed + cancelled + in_progress. All but `running`,
    `abandoned` and `threads` count since the pool was made, or what waits now.
    """

    accepted: int
    """Inputs that iterables handed over, that stages took, and workers given."""
    succeeded: int
    """Inputs whose last attempt succeeded."""
    failed: int
    """Inputs that failed for good."""
    cancelled: int
    """Inputs dropped by `cancel()`, or whose drains were shut."""
    in_progress: int
    """Inputs accepted that have not ended."""
    running: int
    """Slots in use."""
    waiting_for_retry: int
    """Inputs that wait for their next attempt; they use no slot."""
    waiting_for_room: int
    """Inputs that wait for room in a drain or for other work; they use no slot."""
    abandoned: int
    """Attempts that nobody waits for and that still run; each keeps its slot.

    They are over their timeout, or were left by a second Ctrl-C.
    """
    attempts: int
    """Attempts started."""
    threads: int
    """Threads the pool has, idle ones included."""


class Accounts:
    """Counts of the inputs that ended. Guarded by the pool's monitor."""

    def __init__(self) -> None:
        self.accepted = 0
        self.succeeded = 0
        self.failed = 0
        self.cancelled = 0
        self.attempts = 0

    def end(self, end: End, works: int = 1) -> None:
        """Count `works` inputs that came to this end."""
        if end is End.SUCCEEDED:
            self.succeeded += works
        elif end is End.CANCELLED:
            self.cancelled += works
        else:
            self.failed += works

    def settle(self, slice_: Slice) -> None:
        """Count the inputs of a slice whose thread has stopped."""
        first, further, _ = slice_.progress()
        self.accepted += further if slice_.stage.given else first + further
        self.attempts += first + further
        self.succeeded += first + further - slice_.late
        self.cancelled += slice_.late

    def stats(
        self,
        slices: Iterable[Slice],
        *,
        running: int,
        abandoned: int,
        retries: int,
        waiting: int,
        threads: int,
        calls: Calls,
    ) -> PoolStats:
        """Return all counts as of now, slices that are under way included.

        `calls` are those handed in one by one. What was shown as an attempt is one: an
        input that a thread is about to start is started then, whatever comes.
        """
        accepted = self.accepted + calls.accepted
        succeeded = self.succeeded + calls.succeeded
        failed = self.failed + calls.failed
        cancelled = self.cancelled + calls.cancelled
        attempts = self.attempts + calls.begun
        for slice_ in slices:
            if slice_.stage.quick:  # what others pull is accounted for when it begins
                first, further, at_work = slice_.progress()
                accepted += further if slice_.stage.given else first + further
                succeeded += first + further - at_work
                if not slice_.holds:
                    attempts += first + further
                    slice_.shown = slice_.place  # now: its thread goes on meanwhile

        return PoolStats(
            accepted=accepted,
            succeeded=succeeded,
            failed=failed,
            cancelled=cancelled,
            in_progress=accepted - succeeded - failed - cancelled,
            running=running,
            waiting_for_retry=retries,
            waiting_for_room=waiting,
            abandoned=abandoned,
            attempts=attempts,
            threads=threads,
        )
