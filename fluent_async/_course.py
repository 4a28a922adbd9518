"""Course: a slice that takes each input through several stages, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import override

from fluent_async._slice import Slice
from fluent_async._sources import Flow
from fluent_async._stage import Stage


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fluent_async._admission import Admission


class Course(Slice):
    """A slice that goes on with what it sends, through the stages downstream.

    Whoever is free takes the most downstream input first, so the thread that made one
    would take it next anyway. It does so at once, and the drain in between keeps room
    for it meanwhile, but never holds it.

    The thread says in `at` what it does, before it looks at its alarm. So who sets the
    alarm and then reads `at` knows where the input is: `at` names the call it is in, or
    the one before which the thread will see the alarm. Others may then *uncouple* the
    course: it keeps its place in that stage alone, and leaves the output in the drain.

    Invariants, in the pool's monitor:
        1. It has a place in all its stages, or, once uncoupled, in `only` that one.
        2. In the drain after each of them but the last it keeps room for one value.
    """

    __slots__ = ("_numbers", "at", "calls", "only", "short")

    def __init__(self, stages: Sequence[Stage], now: float) -> None:
        super().__init__(stages[0], now)
        self.stages = tuple(stages)
        self.held = self.stages
        self._numbers = tuple(stage.number for stage in stages)
        self.calls: tuple[tuple[int, Callable[[Any], Any]], ...] = ()
        # The index of the stage its input is in; past the end: none.
        self.at = len(stages)
        # The stage it still has a place in, once uncoupled.
        self.only: int | None = None
        self.short = 0  # passes its last input did not make, or not in this slice

    @override
    def uncouple(self) -> Sequence[Stage]:
        if self.only is not None:
            return ()

        stages = list(self.stages)
        self.only = 0 if self.at == len(stages) or self.pulling else self.at
        self.held = (stages.pop(self.only),)
        return stages

    @property
    @override
    def place(self) -> object:
        return self.pulled, self.at

    @override
    def number_in(self, stage: Stage) -> int:
        return self._numbers[self.stages.index(stage)]

    @override
    def miss(self, index: int) -> None:
        self.missed += index == 0  # else its first stage did its part
        self.cut(index)

    def cut(self, index: int) -> None:
        """Note that the last input leaves the course before the stage at `index`."""
        self.short += len(self.stages) - max(index, 1)
        self.at = len(self.stages)

    @override
    def progress(self) -> tuple[int, int, bool]:
        while True:
            pulled, at = self.pulled, self.at
            further = (len(self.stages) - 1) * pulled - self.short
            at_work = at < len(self.stages) and not self.pulling
            if at_work:
                further += self._in(at) - len(self.stages) + 1

            if (pulled, at) == (self.pulled, self.at):  # else its thread went on
                return pulled - self.missed, further, at_work

    def _in(self, at: int) -> int:
        """Return in which stage its input is, if its thread is at that one.

        Uncoupled it goes no further than the stage it has a place in: the next one takes
        it anew, from the drain.
        """
        return at if self.only is None else min(at, self.only)

    @override
    def at_work_in(self, stage: Stage) -> bool:
        at = self.at  # read once: its thread goes on meanwhile
        inside = at < len(self.stages) and self.stages[self._in(at)] is stage
        return inside and self.progress()[2]


def course(head: Stage, admission: Admission) -> list[Stage]:
    """Return the stages that one slice may take inputs of `head` through, from there on.

    Each but the first is downstream of the one before, has nothing else to do, and is
    known to be quick: else other threads had better share the work.
    """
    stages = [head]
    while (following := after(stages[-1])) is not None and _is_free(following):
        taken = {limit for stage in stages for limit in stage.limits}
        if not taken.isdisjoint(following.limits) or not admission.allowed(following):
            break

        stages.append(following)

    return stages


def after(stage: Stage) -> Stage | None:
    """Return the stage that takes what `stage` sends, if both are known to be quick."""
    if stage.budget == 1 or not stage.quick or stage.ordered or not stage.channels:
        return None

    if stage.pours:
        return None

    following = stage.channels[0].reader
    if not isinstance(following, Stage) or following.pool is not stage.pool:
        return None

    if following.outcome is not stage.outcome:  # either may be cancelled by itself
        return None

    quick = following.quick and following.budget > 1
    one_each = not (following.ordered or following.pours)
    return following if quick and one_each else None


def _is_free(stage: Stage) -> bool:
    """Say whether a course may take its next input past the channel it reads."""
    assert isinstance(stage.source, Flow)
    at_work = stage.lease is not None or stage.waiting
    return not (at_work or stage.dropped or stage.broken) and stage.source.channel.clear
