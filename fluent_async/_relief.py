"""Relief: finds the bound that gives way when nothing else can move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fluent_async._sources import Flow, Values


if TYPE_CHECKING:
    from fluent_async._admission import Admission
    from fluent_async._channel import Channel
    from fluent_async._graph import Graph
    from fluent_async._parties import Stirrable
    from fluent_async._slots import Slots
    from fluent_async._stage import Stage


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

    def find(self, *, waited: bool) -> Channel[Any] | None:
        """Find the bound that has to give way if nothing moves, and a thread waits.

        Args:
            waited: whether a thread waits for the pool to be idle.

        Returns:
            The fullest channel of those nobody reads, if there is one; None if none has
            to. It was so a moment ago: readers go on meanwhile.
        """
        if not (waited or self._waited()):
            return None

        full = self._full()
        self._tell_others(full)
        read = self._read(full)
        unread = [channel for channel in full if channel not in read]
        if not unread:
            return None

        # One that a stage reads can only hold everything back if that stage is held
        # back as well: by another full drain, or by a limit that a waiting input keeps.
        return max(unread, key=lambda c: (c.reader is None, len(c.values)))

    def refuse_circle(self, *, waited: bool) -> None:
        """Refuse the waits of threads that wait for what they hold up themselves.

        So it is, once nothing moves, if all threads at a job of the pool wait for values of
        drains, or for their end; the pool alone feeds those; and it can start nothing but
        what comes from there. Nobody could end that but one who sends by hand, and who
        means to go on with that holds the drain open.

        Args:
            waited: whether a thread waits for the pool to be idle.
        """
        if not self._slots.occupants or self._slots.away:
            return

        awake, pool = self._graph.awake, self._pool
        channels = dict.fromkeys(c for stage in awake for c in stage.channels)
        circle = [channel for channel in channels if channel.fed_by(pool)]
        counts = [channel.waiting_for(pool) for channel in channels]
        waited = waited or any(others for _, others in counts)
        here = sum(channel.waiting_for(pool)[0] for channel in circle)
        all_here = here == len(self._slots.occupants)
        if waited and all_here and all(_done_but_for(circle, stage) for stage in awake):
            for channel in circle:
                channel.refuse(pool)

    @property
    def moves(self) -> bool:
        """Whether something runs, or will by itself."""
        slots = self._slots
        if slots.used > slots.abandoned or slots.resuming:
            return True

        if slots.judging > slots.away:  # else whoever judges waits in the middle of it
            return True

        return any(occupant.moves for occupant in slots.occupants)

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

    def _read(self, full: list[Channel[Any]]) -> set[Channel[Any]]:
        """Return the full channels that will have room again by themselves.

        Those that a thread or another pool reads; and those whose stage is held back by
        one of these, since it goes on when that has room.
        """
        read = {c for c in full if c.read_beside(self._pool) or not self._is_mine(c)}
        for stage in sorted(self._graph.awake, key=_depth, reverse=True):
            if isinstance(stage.source, Flow) and not read.isdisjoint(stage.channels):
                read |= {stage.source.channel}.intersection(full)

        return read

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


def _done_but_for(circle: list[Channel[Any]], stage: Stage) -> bool:
    """Say whether a stage starts nothing more unless it gets that from these channels."""
    source = stage.source
    if isinstance(source, Flow) and source.channel in circle:
        return not stage.waiting

    in_iterable = isinstance(source, Values) and not source.baton
    return not stage.waiting and (source.over() or in_iterable)


def _depth(stage: Stage) -> int:
    return stage.depth
