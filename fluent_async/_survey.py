"""Survey: reads the graph of a pool into a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fluent_async._chain import name_of
from fluent_async._checks import type_name
from fluent_async._drain import channel_of
from fluent_async._outcome import Outcome
from fluent_async._picture import Box, Picture, Shape
from fluent_async._sources import Flow, Given
from fluent_async._stage import drains_of
from fluent_async._text import cut, printable


if TYPE_CHECKING:
    from fluent_async._channel import Channel
    from fluent_async._desk import Desk
    from fluent_async._scheduler import Scheduler
    from fluent_async._stage import Stage

LONGEST_LINE = 40  # characters; a name that is longer is cut


def survey(name: str, scheduler: Scheduler) -> Picture:
    """Return the picture of a pool; in its monitor. No code of the user's runs.

    Order: what is upstream comes first, then what was given first.
    """
    slots, graph = scheduler.slots, scheduler.graph
    stages = [*graph.awake, *graph.asleep]
    survey = _Survey()
    survey.add_calls(slots.desk)
    for stage in sorted(stages, key=lambda stage: (stage.depth, stage.key)):
        survey.add(stage)

    title = f"{_line(name)}: {slots.running} of {slots.limit} running"
    return Picture(title, tuple(survey.boxes), tuple(survey.arrows))


class _Survey:
    def __init__(self) -> None:
        self.boxes: list[Box] = []
        self.arrows: list[tuple[int, int]] = []
        self._known: dict[int, int] = {}  # the box of a channel or sink, by its id

    def add(self, stage: Stage) -> None:
        """Note a stage, what it takes its inputs from, and what it drains to."""
        source = self._source(stage)
        here = self._box(Shape.STAGE, _name(stage), _says(stage))
        self.arrows += [] if source is None else [(source, here)]
        others = [sink for sink in _sinks(stage) if channel_of(sink) is None]
        self.arrows += [(here, self._drain(channel)) for channel in stage.channels]
        self.arrows += [(here, self._sink(sink)) for sink in others]

    def add_calls(self, desk: Desk) -> None:
        """Note the calls that were handed in and have not ended, if there are any."""
        if desk.busy:
            at_work = sum(not shift.rests for shift in desk.shifts)
            says = f"{len(desk.backlog)} waiting, {at_work} in progress"
            self._box(Shape.STAGE, "submitted calls", says)

    def _source(self, stage: Stage) -> int | None:
        source = stage.source
        if isinstance(source, Flow):
            return self._drain(source.channel)

        if source.over():
            return None

        if isinstance(source, Given):
            return self._box(Shape.INPUTS, f"{source.ready()} given")

        return self._box(Shape.INPUTS, f"each({type_name(source.args[0])})")

    def _drain(self, channel: Channel[Any]) -> int:
        if id(channel) not in self._known:
            box = self._box(Shape.DRAIN, channel.name or "Drain", _holds(channel))
            self._known[id(channel)] = box

        return self._known[id(channel)]

    def _sink(self, sink: object) -> int:
        if id(sink) not in self._known:
            self._known[id(sink)] = self._box(Shape.DRAIN, type_name(sink))

        return self._known[id(sink)]

    def _box(self, shape: Shape, *lines: str) -> int:
        self.boxes.append(Box(shape, tuple(map(_line, lines))))
        return len(self.boxes) - 1


def _name(stage: Stage) -> str:
    return stage.label if stage.steps is None else name_of(stage.steps)


def _says(stage: Stage) -> str:
    limits = [step.limit for step in stage.steps or () if step.limit is not None]
    does = f"{stage.at_work} in progress" if stage.awake else "asleep"
    return ", ".join([does, *(f"limit={limit}" for limit in limits)])


def _holds(channel: Channel[Any]) -> str:
    most = f" of {channel.maxsize}" if channel.maxsize else ""
    says = [f"{len(channel.values)}{most} waiting", channel.state]
    return ", ".join(says if channel.turns is None else [*says, "ordered"])


def _sinks(stage: Stage) -> tuple[object, ...]:
    """Return what of the user's the stage sends to, each once, as far as that is known."""
    sinks = drains_of(stage.steps or ())
    theirs = [sink for sink in sinks if not isinstance(sink, Outcome)]  # that is ours
    return tuple({id(sink): sink for sink in theirs}.values())


def _line(text: str) -> str:
    return cut(printable(text), LONGEST_LINE)
