"""Outsiders: threads outside a crew that wait for it, read its drains, cancel it, shut them.

Like the crew's players they are generators that stop where others may come in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crew import BUSY, Moment
from fluent_async._wait import Waiter


if TYPE_CHECKING:
    from crew import Crew, Play
    from fluent_async._channel import Channel
    from plans import Item


class Outsider:
    """One thread that is no pool's; `number` tells it from the others."""

    stepping = 0  # the number of the one that is at a step

    def __init__(self, number: int, name: str, play: Play) -> None:
        self.number = number
        self.about = name
        self.play: Play | None = play
        self.runs = False  # it never has a slot
        self.steps = 0
        self.moment = next(play)

    @property
    def over(self) -> bool:
        """Whether it has come to its end."""
        return self.play is None

    def step(self) -> None:
        """Go on to where others may come in between again, or to the end."""
        assert self.play is not None
        self.moment = BUSY
        Outsider.stepping = self.number
        self.steps += 1
        try:
            self.moment = next(self.play)
        except StopIteration:
            self.play = None


def this_thread() -> int:
    """Return the number of the outsider that is at a step: what the library asks."""
    return Outsider.stepping


def is_alive(_: int) -> bool:
    """Say that an outsider is there: what the library asks about those that read."""
    return True


def wait(crew: Crew) -> Play:
    """Wait until the pool is idle."""
    yield Moment("waits for the pool")
    while True:
        with crew.monitor:
            if crew.scheduler.idle():
                return

            waiter = Waiter()
            crew._waiting[waiter] = None  # noqa: SLF001
            crew.scheduler.waiters += 1
            crew.react()

        yield Moment("hears that the pool is idle", waiter)
        with crew.monitor:
            del crew._waiting[waiter]  # noqa: SLF001
            crew.scheduler.waiters -= 1


def iterate(channel: Channel[Item], received: list[Item]) -> Play:
    """Take values one by one, until nobody feeds the drain."""
    yield Moment("begins to iterate")
    who = this_thread()
    reading = channel.begin_reading(who)
    while True:
        with channel._monitor:  # noqa: SLF001
            taking = channel._try_take() or channel._register(Waiter, who)  # noqa: SLF001

        if isinstance(taking, Waiter):
            yield Moment("hears of a value, or of the end", taking)
            with channel._monitor:  # noqa: SLF001
                channel._unregister(taking, who)  # noqa: SLF001
        elif taking.size:
            for value in taking.values:
                received.append(value)
                yield Moment("takes a value, or asks for more")

            channel.end_taking(taking)
        else:
            break

        yield Moment("asks for values")

    del reading


def collect(channel: Channel[Item]) -> Play:
    """Wait, with room for everything, until nobody feeds the drain."""
    yield Moment("begins to drain()")
    while channel.watch(waiter := Waiter()):
        yield Moment("hears that nobody feeds the drain", waiter)
        channel.unwatch(waiter)


def cancel(crew: Crew) -> Play:
    """Cancel the pool at some time."""
    yield Moment("cancels the pool")
    crew.cancel()


def shut(channel: Channel[Item]) -> Play:
    """Shut a drain at some time."""
    yield Moment("shuts the drain")
    channel.close()
