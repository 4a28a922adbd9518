"""Relief: finds the bound that gives way when nothing else can move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fluent_async._sources import Flow


if TYPE_CHECKING:
    from collections.abc import Sequence

    from fluent_async._admission import Admission
    from fluent_async._channel import Channel
    from fluent_async._graph import Graph
    from fluent_async._parties import Stirrable
    from fluent_async._slots import Slots


class Relief:
    """Ends what would stand still for ever. Guarded by the pool's monitor.

    A pool sees its own drains alone. Where it is held back by a drain that another pool
    reads, or has nothing to take from one that another feeds, it tells that pool that a
    thread waits, and leaves it to that one.
    """

    def __init__(
        self, pool: Stirrable, graph: Graph, slots: Slots, admission: Admission
    ) -> None:
        self._pool = pool
        self._graph = graph
        self._slots = slots
        self._admission = admission

    def give_way(self, waiting: Sequence[int]) -> Channel[Any] | None:
        """Let a bound give way if nothing moves and a thread waits for the pool.

        Args:
            waiting: the threads that wait for the pool to be idle.

        Returns:
            The channel that did, the fullest of those nobody reads if there is one: it
            takes one value more. None if none had to.
        """
        if self._moves() or not (waiting or self._waited()):
            return None

        full = self._full()
        self._tell_others(full)
        unread = [c for c in full if self._is_mine(c) and not c.is_read(waiting)]
        if not unread:
            return None

        # One that a stage reads can only hold everything back if that stage is held
        # back as well: by another full drain, or by a limit that a waiting input keeps.
        fullest = max(unread, key=lambda c: (c.reader is None, len(c.values)))
        fullest.give_way()
        return fullest

    def _moves(self) -> bool:
        """Whether something runs, or will by itself."""
        slots = self._slots
        awaited = any(o.told or o.elsewhere for o in slots.occupants)
        return awaited or slots.running > slots.abandoned or bool(slots.resuming)

    def _waited(self) -> bool:
        """Whether a thread waits for drains of the pool, or for it to read one."""
        awake = self._graph.awake
        return any(
            channel.watched or channel.wanted
            for stage in awake
            for channel in stage.channels
        ) or any(channel.pressed for channel in self._sources())

    def _full(self) -> list[Channel[Any]]:
        stages = self._graph.awake
        channels = dict.fromkeys(c for stage in stages for c in stage.channels)
        return [c for c in channels if c.maxsize and self._admission.full(c)]

    def _tell_others(self, full: list[Channel[Any]]) -> None:
        for channel in full:
            if not self._is_mine(channel):
                channel.press()

        for channel in self._sources():
            channel.want()

    def _sources(self) -> list[Channel[Any]]:
        stages = self._graph.awake
        return [s.source.channel for s in stages if isinstance(s.source, Flow)]

    def _is_mine(self, channel: Channel[Any]) -> bool:
        return channel.reader is None or channel.reader.pool is self._pool
