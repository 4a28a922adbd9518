"""Graph: the stages of a pool, joined by channels; which of them are awake."""

from __future__ import annotations

from bisect import insort
from typing import TYPE_CHECKING, Any

from fluent_async._sources import Flow
from fluent_async._stage import Stage


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fluent_async._channel import Channel
    from fluent_async._outcome import Outcome
    from fluent_async._parties import Stirrable


class Graph:
    """The stages of one pool. Guarded by the pool's monitor.

    A stage is awake while it has inputs or may get some, and feeds its channels exactly
    then. A stage that reads a channel belongs to the pool until that is shut or the
    pool closes; it sleeps while nobody feeds the channel and nothing is in it.
    """

    def __init__(self, pool: Stirrable) -> None:
        self._pool = pool
        self.awake: list[Stage] = []  # most downstream first, then oldest
        self.asleep: dict[Stage, None] = {}
        self._named: set[Stage] = set()  # since nobody ever fed their drains
        self._left = False  # abandoned: no stage feeds its channels any more

    def add(self, stages: Iterable[Stage]) -> None:
        """Take in stages; what is downstream of them is awake when this returns."""
        stages = list(stages)
        flows = [stage for stage in stages if isinstance(stage.source, Flow)]
        for stage in stages:
            self.asleep[stage] = None
            for channel in stage.channels:
                if channel.turns is not None:
                    channel.turns.feeder = stage

        for stage in flows:
            _flow_of(stage).channel.feed(stage)

        if flows:
            self._deepen()

        self.wake(stages)

    def wake(self, stages: Iterable[Stage]) -> None:
        """Wake those of the stages that may have inputs, and what is downstream."""
        todo = list(stages)
        while todo:
            stage = todo.pop()
            if stage.awake and stage.dropped:
                stage.dropped = False  # what comes now was not there to be dropped
                todo.extend(self._readers_of(stage))

            if stage.awake or not stage.may_start:
                continue

            stage.awake = True
            stage.outcome.awake += 1
            stage.dropped = False
            del self.asleep[stage]
            insort(self.awake, stage, key=_rank)
            self._join(stage.channels)
            todo.extend(self._readers_of(stage))

    def rest(self, stages: Iterable[Stage]) -> None:
        """Put those to sleep that have nothing to do, and what that leaves idle."""
        todo = list(stages)
        while todo:
            stage = todo.pop()
            if not stage.awake or stage.busy or stage.may_start:
                continue

            stage.awake = False
            stage.outcome.awake -= 1
            self.awake.remove(stage)
            if isinstance(stage.source, Flow) and not stage.source.cut:
                self.asleep[stage] = None
            else:
                _part(stage)

            self._leave(stage)
            todo.extend(self._readers_of(stage))

            if not stage.lasts:
                _give_up_turns(stage)

    def sort(self) -> None:
        """Put stages in order again whose oldest input may have changed."""
        for stage in self.awake:
            if stage.siblings:
                self.awake.sort(key=_rank)
                return

    def refresh(self) -> None:
        """Wake and put to sleep whatever changes outside the pool call for."""
        self.wake(list(self.asleep))
        self.rest(list(self.awake))

    def feed(self, stage: Stage, channel: Channel[Any]) -> bool:
        """Let a stage that is awake feed a channel; False if the channel is shut."""
        if channel in stage.channels:
            return True

        if channel.shut:
            return False

        self._join((channel,))
        stage.channels += (channel,)
        if channel.turns is not None:
            channel.turns.feeder = stage
            stage.ordered = True

        self._deepen()
        self.wake(self._reader(channel))
        return True

    def name_unfed(self) -> list[tuple[Channel[Any], Stage]]:
        """Return the channels that are new, with their stages; each once, ever."""
        stages = [stage for stage in self.asleep if stage not in self._named]
        fed = [(_flow_of(stage).channel, stage) for stage in stages]
        unfed = [(channel, stage) for channel, stage in fed if channel.new]
        self._named.update(stage for _, stage in unfed)
        return unfed

    def clear(self, outcome: Outcome | None = None) -> None:
        """Let go of the stages with nothing to do; their drains feed nothing any more.

        One that is awake is among them if what feeds its drain is no concern any more:
        at the end of the pool.

        Args:
            outcome: of the stages; None is all there are.
        """
        for stage in list(self.awake) if outcome is None else ():
            if not stage.busy and isinstance(stage.source, Flow):
                stage.awake = False
                self.awake.remove(stage)
                self.asleep[stage] = None
                self._leave(stage)

        for stage in list(self.asleep):
            if outcome is None or stage.outcome is outcome:
                del self.asleep[stage]
                self._named.discard(stage)
                _flow_of(stage).cut_off()
                _give_up_turns(stage)
                _part(stage)

    def abandon(self) -> None:
        """Feed no drain any more, and take from none, whatever still runs."""
        for stage in self.awake:
            self._leave(stage)
            if isinstance(stage.source, Flow):
                stage.source.cut_off()

        self._left = True
        self.clear()

    def _join(self, channels: Iterable[Channel[Any]]) -> None:
        """Have a stage that is awake feed its channels, unless nobody waits for it."""
        for channel in () if self._left else channels:
            channel.join(self._pool)

    def _leave(self, stage: Stage) -> None:
        """End that."""
        for channel in () if self._left else stage.channels:
            channel.leave(self._pool)

    def _readers_of(self, stage: Stage) -> Iterator[Stage]:
        """Yield the stages of this pool that read what a stage sends."""
        for channel in stage.channels:
            yield from self._reader(channel)

    def _reader(self, channel: Channel[Any]) -> Iterator[Stage]:
        """Yield the stage of this pool that reads the channel, if there is one."""
        reader = channel.reader
        if isinstance(reader, Stage) and reader.pool is self._pool:
            yield reader

    def _deepen(self) -> None:
        """Say anew how far downstream each stage is."""
        stages = [*self.awake, *self.asleep]
        for stage in stages:
            stage.depth = 0

        todo = stages
        while todo:
            stage = todo.pop()
            for channel in stage.channels:
                for reader in self._reader(channel):
                    if reader.depth <= stage.depth:
                        reader.depth = stage.depth + 1
                        todo.append(reader)

        self.awake.sort(key=_rank)


def check(stages: Iterable[Stage]) -> None:
    """Refuse stages that can't work: shut or doubly used drains, and cycles.

    Raises:
        DrainClosed: if a stage drains to a drain that is shut.
        ValueError: if a drain feeds two stages, an ordered one is fed by two, or the
            drains form a cycle.
    """
    readers: dict[Channel[Any], Stage] = {}
    feeders: dict[Channel[Any], Stage] = {}
    stages = list(stages)
    for stage in stages:
        _check_channels(stage, feeders)
        if isinstance(stage.source, Flow):
            _check_reader(stage.source.channel, readers)
            readers[stage.source.channel] = stage

    for stage in stages:
        _check_cycle(stage, readers)


def _check_channels(stage: Stage, feeders: dict[Channel[Any], Stage]) -> None:
    check_channels(stage, stage.channels)
    for channel in stage.channels:
        channel.refuse_shut()
        if (
            channel.turns is not None
            and feeders.setdefault(channel, stage) is not stage
        ):
            raise _two_feeders(channel)


def _check_reader(channel: Channel[Any], readers: dict[Channel[Any], Stage]) -> None:
    if channel.reader is not None or channel in readers:
        raise ValueError(
            f"{channel!r} feeds a stage already: drain to two drains to feed two "
            "stages, or raise the limit to run one stage on more threads"
        )


def check_channels(stage: Stage, channels: Iterable[Channel[Any]]) -> None:
    """Refuse ordered channels that another stage feeds."""
    for channel in channels:
        now = None if channel.turns is None else channel.turns.feeder
        if isinstance(now, Stage) and now is not stage and now.lasts:
            raise _two_feeders(channel)


def _two_feeders(channel: Channel[Any]) -> ValueError:
    return ValueError(
        f"{channel!r} is ordered, and one stage may feed such a drain: give the second "
        "one a drain of its own"
    )


def _check_cycle(start: Stage, readers: dict[Channel[Any], Stage]) -> None:
    """Follow the drains downstream; refuse to come back to where this began."""
    paths = [[start]]
    seen = {start}
    while paths:
        path = paths.pop()
        for channel in path[-1].channels:
            reader = readers.get(channel, channel.reader)
            if reader is start:
                cycle = " >> ".join(stage.label for stage in [*path, start])
                raise ValueError(
                    f"the drains form a cycle: {cycle}; "
                    "call go() from the worker to give new work instead"
                )

            if isinstance(reader, Stage) and reader not in seen:
                seen.add(reader)
                paths.append([*path, reader])


def _part(stage: Stage) -> None:
    """Take a stage that is over out of its outcome.

    What failed leads back to the frames of its thread, and so to the stage: it must not
    lead on from there to what failed.
    """
    del stage.outcome


def _give_up_turns(stage: Stage) -> None:
    """Leave the ordered channels to others; they would keep the stage alive."""
    for channel in stage.channels:
        if channel.turns is not None and channel.turns.feeder is stage:
            channel.turns.feeder = None


def _flow_of(stage: Stage) -> Flow:
    assert isinstance(stage.source, Flow)
    return stage.source


def _rank(stage: Stage) -> tuple[int, tuple[int, int]]:
    return stage.rank
