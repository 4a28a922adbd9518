"""Leases: which thread may pull the inputs of which stages, and for how long."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Any

from fluent_async import _clock
from fluent_async._build import GIL
from fluent_async._course import Course, after, course
from fluent_async._pour import Pour
from fluent_async._relay import LAPS, Relay, relays
from fluent_async._slice import Slice
from fluent_async._sources import Flow, Values
from fluent_async._stage import PATIENCE_S, QUICK_S


if TYPE_CHECKING:
    from collections.abc import Sequence

    from fluent_async._admission import Admission
    from fluent_async._agenda import Agenda
    from fluent_async._channel import Channel
    from fluent_async._graph import Graph
    from fluent_async._parties import Stirrable
    from fluent_async._slots import Slots
    from fluent_async._sources import Source
    from fluent_async._stage import Stage


class Leases:
    """Gives the right to pull to one thread at a time. Guarded by the pool's monitor.

    Invariants:
        1. At most one slice has the lease of a stage.
        2. A slice is in `slices` of exactly the stages it has a place in.
    """

    def __init__(
        self,
        pool: Stirrable,
        graph: Graph,
        slots: Slots,
        admission: Admission,
        agenda: Agenda,
    ) -> None:
        self._pool = pool
        self._graph = graph
        self._slots = slots
        self._admission = admission
        self._agenda = agenda

    # -- beginnings --------------------------------------------------------------------

    def stretch(self, stage: Stage) -> tuple[list[Stage], int]:
        """Return which stages one thread may now start inputs in, and how many."""
        ready = stage.source.ready()
        if not ready or not self._admission.allowed(stage):
            return [stage], 0

        stages = course(stage, self._admission)
        while (size := self._size(stages, ready)) <= 1 and len(stages) > 1:
            stages.pop()  # no room at that end: leave the outputs in a drain before

        return stages, size

    def _size(self, stages: Sequence[Stage], ready: int) -> int:
        head, room = stages[0], self._admission.room(stages[-1].channels)
        size = min(ready, room, head.longest(self._slots.limit, len(stages)))
        return head.ahead(size) if head.siblings and size > 0 else size

    def begin(self, stages: Sequence[Stage], size: int, now: float) -> Slice | None:
        """Begin a slice; None if others were quicker to take the room, or are pulling."""
        head = stages[0]
        if isinstance(head.source, Values) and not head.source.claim():
            return None

        if relays(head):
            _put_back(head)  # its thread takes it for each pull
            return self._relay(head, now)

        new = _new(stages, now)
        if not self._keep_room(new, size):
            _put_back(head)
            return None

        for stage in stages:
            stage.lease = new
            self._enter(new, stage)

        _begin(new, head.source)
        others = self._slots.used + 1 < self._slots.limit
        if new.size == 1 and (
            head.source.foreign or (others and self._admission.allowed(head))
        ):
            # Others could use the source: let go of it after the pull. If that is of an
            # iterable, the clock of the input starts then, too.
            new.arm()
            new.holds = True

        return new

    def _relay(self, stage: Stage, now: float) -> Relay | None:
        """Begin a slice that shares the iterable with others, and the room."""
        new = Relay(stage, now, self._is_wanted)
        if not self._keep_room(new, self._laps(stage) if stage.slow else 1):
            return None

        self._enter(new, stage)
        new.begin(new.pull)
        return new

    def _laps(self, stage: Stage) -> int:
        """Return how many inputs a relay may take, and leave room for the others."""
        room = self._admission.room(stage.channels) // self._slots.limit
        return max(1, min(LAPS, room))

    def _is_wanted(self) -> bool:
        """Say whether the thread of a relay is wanted for something else; from any."""
        slots, agenda = self._slots, self._agenda
        if len(self._graph.awake) > 1 or slots.resuming or slots.desk.backlog:
            return True

        return bool(agenda.again or agenda.timers) and agenda.is_due(
            _clock.current().now
        )

    def _enter(self, new: Slice, stage: Stage) -> None:
        """Give a slice a place in one of its stages."""
        stage.slices.append(new)
        for limit in stage.limits:
            limit.taken += 1

    def _keep_room(self, new: Slice, size: int) -> bool:
        """Keep room for what a slice sends, between its stages too; all of it or none."""
        between = _between(new.stages)
        kept = list(takewhile(lambda drain: drain.bridge(new, self._pool), between))
        if len(kept) == len(between) and self._open(new, size):
            return True

        for channel in kept:
            channel.unbridge(new, self._pool)

        return False

    def _open(self, new: Slice, size: int) -> bool:
        """Say how many inputs a slice may take: as its last drain has room for."""
        for channel in new.stages[-1].promising:
            return channel.lease(size, self._pool, new, self._slots.limit)

        new.open(size, None)
        return True

    # -- others that could use a lease -------------------------------------------------

    def held_back(self, stage: Stage) -> bool:
        """Say whether a quick stage is best left to the thread that is downstream of it.

        That one comes to it next, and then takes its inputs all the way at once.
        """
        following = after(stage)
        while following is not None and following.lease is None:
            following = after(following)

        return following is not None

    def shareable(self, stage: Stage) -> bool:
        """Say whether a thread with patience would find something to do.

        It would if it could share a lease, use the room that the holder of one makes or
        keeps, or start what is held back.
        """
        lease = stage.lease
        if lease is None:
            held_back = self.held_back(stage) and self._admission.open(stage)
            return held_back or self._kept_out(stage)

        if isinstance(stage.source, Flow) and stage.source.channel.starves:
            return True

        if not stage.quick or lease.pulling:
            return False

        room = lease.may_pull or self._admission.room(stage.channels) > 0
        ready = stage.source.ready() > (not lease.begun)  # the first is its thread's
        return room and ready and self._admission.allowed(stage)

    @property
    def may_come(self) -> bool:
        """Whether there may be leases that are worth sharing."""
        return any(stage.quick and stage.budget > 1 for stage in self._graph.awake)

    def spare(self, stage: Stage, now: float) -> None:
        """Leave a lease to its thread, unless that does not come to begin.

        Such a thread has lost the interpreter to the one that asks, which had better do
        the work than wait for it. One that is in a long pull lets go after it.
        """
        lease = stage.lease
        assert lease is not None
        if stage.quick and not lease.begun and now - lease.started > PATIENCE_S:
            lease.arm()
            if not lease.closed_pulling():
                self.let_go(lease)
        elif not self._awaits(stage):
            lease.spared = lease.spared or (lease.pulled, now)
        else:
            lease.arm()
            if lease.stage is not stage:  # others can use it during that pull
                self.uncouple(lease)

    def take_spared(self, now: float) -> None:
        """Take the leases that were spared away from threads that are slow at them."""
        for stage in list(self._graph.awake):
            lease = stage.lease
            if lease is not None and lease.spared is not None:
                before, since = lease.spared
                quick_s = (lease.pulled - before) * QUICK_S * len(lease.stages)
                if quick_s <= now - since:
                    self._take(stage, lease)
                else:
                    lease.spared = None

    def take_room(self) -> None:
        """Have those who keep stages out give back room for what they have not begun."""
        for stage in filter(self._kept_out, self._graph.awake):
            for channel in stage.channels:
                channel.arm(taker=False)

    def _kept_out(self, stage: Stage) -> bool:
        """Say whether all that a stage lacks is room that leases of others keep."""
        if stage.lease is not None or stage.dropped:
            return False

        if not any(channel.keeps_room for channel in stage.channels):
            return False

        ready = bool(stage.waiting) or stage.source.ready() > 0
        room = self._admission.room(stage.channels)
        return ready and self._admission.allowed(stage) and room <= 0

    def _take(self, stage: Stage, lease: Slice) -> None:
        """Take the right to pull from a thread, unless it is pulling right now."""
        lease.arm()
        if not self._awaits(stage) and not lease.closed_pulling():
            for each in lease.stages:
                each.budget = 1

            self.let_go(lease)

    def _awaits(self, stage: Stage) -> bool:
        """Whether the stage's lease is at a pull, and its thread lets go of it after.

        One that is not quick pulls one input, and gives it its number only then.
        """
        lease = stage.lease
        assert lease is not None
        return not stage.quick or lease.pulling or not lease.pulled

    def arm(self) -> bool:
        """Stop slices whose outputs, or the room they make, would be work for others.

        Returns:
            Whether there may be any: else all that there is to do was seen.
        """
        found = False
        for stage in self._graph.awake:
            if isinstance(stage.source, Flow):
                found |= stage.source.channel.arm(taker=False)

            for channel in stage.channels:
                if channel.maxsize:
                    found |= channel.arm(taker=True)

        return found

    def goes_on(self, slice_: Slice) -> bool:
        """Pass on what a slice has sent that was stopped; say whether it may go on.

        It may if it was stopped for those who wait for that, outside the pool, and there
        is nothing else to do.
        """
        stage, source = slice_.stage, slice_.stage.source
        slice_.armed = False  # first: who sets it from now on is heard later
        if slice_.told or slice_.parted or len(slice_.stages) > 1 or self._is_wanted():
            return False

        if stage.pours or (isinstance(source, Flow) and source.channel.starves):
            return False

        return all(channel.report(slice_, self._pool) for channel in stage.promising)

    # -- ends --------------------------------------------------------------------------

    def uncouple(self, slice_: Slice) -> None:
        """Let others use the stages of a slice that its input is not in."""
        parted = slice_.uncouple()
        for stage in parted:
            self._part(slice_, stage)

        self._graph.rest(parted)

    def let_go(self, slice_: Slice) -> None:
        """Note that a slice's thread pulls no more; it still works on what it has."""
        slice_.close()
        slice_.holds = False
        self.uncouple(slice_)
        for stage in slice_.held:
            self._release(slice_, stage)

    def leave(self, slice_: Slice) -> None:
        """Take a slice that is over out of its stages."""
        self.let_go(slice_)
        for stage in slice_.held:
            self._part(slice_, stage)

        source = slice_.stage.source
        if isinstance(source, Values) and slice_.ended:
            source.read = True  # a pull gave nothing, and the thread has stopped
            source.put_back()

        slice_.inputs, slice_.threes = iter(()), None  # which lead back to it

    def _part(self, slice_: Slice, stage: Stage) -> None:
        """Take a slice out of one of its stages."""
        stage.slices.remove(slice_)
        for limit in stage.limits:
            limit.taken -= 1

        for channel in stage.promising:
            if stage is slice_.stages[-1]:
                slice_.late += channel.end_lease(self._pool, slice_)
            else:
                channel.unbridge(slice_, self._pool)

        self._release(slice_, stage)

    def _release(self, slice_: Slice, stage: Stage) -> None:
        """Let others pull the inputs of one of its stages."""
        if stage.lease is slice_:
            stage.lease = None
            stage.number = slice_.number_in(stage) + slice_.pulled
            if not slice_.pulling:  # else the iterable has ended
                _put_back(stage)

            for channel in stage.promising:
                if channel.turns is not None:
                    channel.give_turns_back(slice_)

        if isinstance(stage.source, Flow) and stage is slice_.stage:
            stage.source.channel.lent(slice_, self._pool)


def _put_back(stage: Stage) -> None:
    """Let others have the baton of an iterable."""
    if isinstance(stage.source, Values):
        stage.source.put_back()


def _begin(new: Slice, source: Source) -> None:
    """Have a slice take inputs of a source; promptly, if each is there at once.

    A single input may have to wait until others can use the source.
    """
    several = GIL and type(new) is Slice and new.size > 1
    if several and isinstance(source, Values) and not source.foreign:
        new.begin_promptly(*source.args)
    else:
        new.begin(source.pull(new))


def _new(stages: Sequence[Stage], now: float) -> Slice:
    """Make a slice of the kind that the stages need."""
    if len(stages) > 1:
        return Course(stages, now)

    return Pour(stages[0], now) if stages[0].pours else Slice(stages[0], now)


def _between(stages: Sequence[Stage]) -> list[Channel[Any]]:
    """Return the channels that lead from each of the stages to the next."""
    return [stage.channels[0] for stage in stages[:-1]]
