"""Admission: what must hold for an input to start: limits, room, and turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from fluent_async._store import PLENTY


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fluent_async._channel import Channel
    from fluent_async._parties import Stirrable
    from fluent_async._slots import Slots
    from fluent_async._stage import Stage
    from fluent_async._step import Step
    from fluent_async._work import Work


class Limit:
    """A task's own limit in one pool: over all its stages, waiting inputs included."""

    __slots__ = ("__weakref__", "_origin", "limit", "taken")

    def __init__(self, origin: object, limit: int) -> None:
        self._origin = origin  # kept, so that no other function gets its id
        self.limit = limit
        self.taken = 0


class Admission:
    """Keeps places in limits and room in channels. Guarded by the pool's monitor."""

    def __init__(self, pool: Stirrable, slots: Slots) -> None:
        self._pool = pool
        self._slots = slots
        # By function and limit; gone with the last stage or work that it holds for.
        self._limits: WeakValueDictionary[tuple[int, int], Limit]
        self._limits = WeakValueDictionary()

    def limits_of(self, steps: Iterable[Step]) -> tuple[Limit, ...]:
        """Return the limits that hold for a task, each once."""
        return tuple(dict.fromkeys(self._each_limit(steps)))

    def open(self, stage: Stage) -> bool:
        """Say whether an input of the stage could start, if there was a slot for it."""
        return (
            stage.source.ready() > 0
            and self.allowed(stage)
            and self.room(stage.channels) > 0
        )

    def allowed(self, stage: Stage) -> bool:
        """Say whether the limits let one more input of the stage start."""
        return _allowed(stage.limits)

    def fits(self, work: Work) -> bool:
        """Say whether a work that was pulled can start."""
        if not _allowed(self.limits_of(work.steps)):
            return False

        turns = dict(work.turns)  # a turn is room
        return self.room(each for each in work.channels if each not in turns) > 0

    def keep(
        self, work: Work, *, forced: bool = False, turn: int | None = None
    ) -> bool:
        """Keep for a work its places, its turns, and room if it counts its outputs.

        Returns:
            False, with nothing kept, if another pool was quicker to take the room; never
            if `forced`.
        """
        if work.plain and not self._keep_room(work, forced=forced):
            return False

        work.limits = self.limits_of(work.steps)
        for limit in work.limits:
            limit.taken += 1

        if not work.turns:
            self.keep_turns(work, turn)

        return True

    def keep_turns(self, work: Work, turn: int | None = None) -> None:
        """Keep for a work its turns alone: `turn`, or None for the next ones."""
        ordered = [channel for channel in work.channels if channel.turns is not None]
        work.turns = tuple(
            (channel, channel.take_turn() if turn is None else turn)
            for channel in ordered
        )

    def _keep_room(self, work: Work, *, forced: bool) -> bool:
        for channel in work.channels:
            if channel.turns is not None:
                continue

            if forced or channel.shut:
                channel.promise(1, self._pool)
            elif not channel.reserve(self._pool):
                self._give_room(work)
                return False

            work.promised += (channel,)

        return True

    def _give_room(self, work: Work) -> None:
        for channel in work.promised:
            channel.settle(1, self._pool)

        work.promised = ()

    def free(self, work: Work) -> None:
        """Give all of that back."""
        for limit in work.limits:
            limit.taken -= 1

        self._give_room(work)
        for channel, turn in work.turns:
            channel.end_turn(turn)

    def room(self, channels: Iterable[Channel[Any]]) -> int:
        """Return how many more inputs the channels have room for the outputs of."""
        least, limit = PLENTY, self._slots.limit
        for channel in channels:
            if channel.shut:
                continue

            least = min(least, channel.room_or_block(limit, self._pool))

        return least

    def full(self, channel: Channel[Any]) -> bool:
        """Say whether the channel holds somebody back."""
        return not channel.shut and (
            channel.awaited or channel.room(self._slots.limit) <= 0
        )

    def _each_limit(self, steps: Iterable[Step]) -> Iterator[Limit]:
        for step in steps:
            if step.limit is not None:
                new = Limit(step.origin, step.limit)
                yield self._limits.setdefault((id(step.origin), step.limit), new)


def _allowed(limits: tuple[Limit, ...]) -> bool:
    return not limits or all(limit.taken < limit.limit for limit in limits)
