"""Interrupt: what Ctrl-C does to the pools that a thread waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from fluent_async._signals import signals


if TYPE_CHECKING:
    from collections.abc import Iterable

ENDS = (KeyboardInterrupt, SystemExit)
"""What handlers raise to end a program: Ctrl-C's own, and those of SIGTERM."""


@runtime_checkable
class Stoppable(Protocol):
    """A pool, as who waits for it knows it."""

    def cancel(self) -> None:
        """Drop what has not started; tell what runs."""
        ...

    def finish(self) -> None:
        """Wait until nothing runs, or will by itself."""
        ...

    def abandon(self) -> None:
        """Wait for nothing any more, and say what still runs. Ends the pool's use."""
        ...


class Interrupts:
    """Whether Ctrl-C came a second time, and the main thread started nothing since.

    Then whatever is waited for next, on the way out, is abandoned as well.
    """

    def __init__(self) -> None:
        self.again = False

    def forget(self) -> None:
        """Note that the main thread goes on with its program."""
        if signals.here:
            self.again = False


interrupts = Interrupts()


def stop(pools: Iterable[Stoppable], *, interrupted: bool = True) -> None:
    """Cancel pools, and wait for what runs in them. The caller goes on to raise.

    If one is interrupted in here again, what runs is abandoned, and this returns.

    Args:
        pools: those whose work is to end.
        interrupted: whether Ctrl-C is what the caller is about to raise. If it is
            something else, the first interrupt is yet to come, and is raised from here.
    """
    pools = list(pools)
    if interrupted and interrupts.again:
        abandon(pools)
        return

    try:
        for pool in pools:
            pool.cancel()

        for pool in pools:
            pool.finish()
    except ENDS:
        if not interrupted:
            stop(pools)
            raise

        abandon(pools)


def abandon(pools: Iterable[Stoppable]) -> None:
    """Wait for these pools no more, nor for others on the way out."""
    interrupts.again = True
    for pool in pools:
        pool.abandon()
