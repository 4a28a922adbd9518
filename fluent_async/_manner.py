"""Manner: how somebody waits; a thread blocks, a coroutine awaits, for the same reasons."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias, TypeVar

from fluent_async._signals import undisturbed
from fluent_async._wait import Waiter, block, mark_of_this_thread, remaining


if TYPE_CHECKING:
    from collections.abc import Callable

    from fluent_async._wait import Who


class Wakeable(Protocol):
    """One wait, as those who end it know it."""

    def wake(self) -> None:
        """End the wait, from any thread and in any monitor; once or more often."""
        ...


T = TypeVar("T")
W = TypeVar("W", bound=Wakeable)

Waiting: TypeAlias = Generator[W, bool | None, T]
"""What decides, registers a waiter and yields it, as often as it takes, then returns.

It is told if the time of the wait was over before it was woken; to be woken for nothing
does no harm. What ends a wait is raised in here. However that ends, closing this takes
back what it registered, from any thread and in any monitor, so a coroutine that is
dropped leaves nothing behind. In the main thread no handler of signals runs in here.
"""


@dataclass(frozen=True, slots=True)
class Manner(Generic[W]):
    """How somebody waits."""

    who: Callable[[], Who]  # tells the one that asks from all others
    waiter: Callable[[], W]  # makes one wait of the one that asks
    blocks: bool  # whether it may also stand still in calls that are not ours


THREADS: Manner[Waiter] = Manner(mark_of_this_thread, Waiter, blocks=True)


def wait(
    waiting: Waiting[Waiter, T],
    timeout: float | None = None,
    *,
    shielded: bool = False,
    elsewhere: bool = False,
) -> T:
    """Block this thread until `waiting` returns, and return that; see `block`."""
    left = remaining(timeout)
    with undisturbed:
        try:
            waiter = next(waiting)
            while True:
                try:
                    woken = block(
                        waiter, left(), shielded=shielded, elsewhere=elsewhere
                    )
                except BaseException as exc:
                    waiter = waiting.throw(exc)
                else:
                    waiter = waiting.send(not woken)
        except StopIteration as done:
            value: T = done.value
            return value
        finally:
            waiting.close()
