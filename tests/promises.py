"""Promises: what must hold after every step of an order, and at its end.

They are looked at from outside: what the players did is counted here, and held against what
the scheduler and the drains say.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from crew import BEFORE_HEARD, Call
from fluent_async._slice import Slice
from fluent_async._sources import Given
from fluent_async._stage import Stage
from plans import Function, Item, Plan, sent


if TYPE_CHECKING:
    from collections.abc import Iterator

    from fluent_async._accounts import PoolStats
    from fluent_async._channel import Channel
    from fluent_async._step import Step
    from fluent_async._work import Attempt
    from orders import Order


GIVEN_WAY = 200
"""More often than a bound has to give way in any order of a small graph."""


class Promises:
    """The account of one order. What does not hold raises AssertionError."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._graph = order.graph
        self.open: dict[int, set[Item]] = {}  # by stage: pulled, and nothing sent yet
        self.taken: dict[int, list[Item]] = {}  # by stage, in that order
        self.tries: Counter[tuple[int, Item]] = Counter()
        self.in_progress: set[tuple[int, Item]] = set()
        self.received: dict[int, list[Item]] = {}  # by drain: what its reader took
        self.allowed: Counter[str | None] = Counter()  # by drain: beyond its bound
        self.beyond: Counter[str | None] = Counter()  # inputs taken beyond the window
        self._ahead: dict[int, tuple[int, int]] = {}
        for stage in self._graph.stages:
            self.open[stage.number] = set()
            self.taken[stage.number] = []

    def state(self) -> object:
        """Return all of it that later looks depend on."""
        received = [self._known(index, got) for index, got in self.received.items()]
        return (
            [sorted(items) for items in self.open.values()],
            [self._known_taken(number, items) for number, items in self.taken.items()],
            sorted(self.tries.items()),
            sorted(self.in_progress),
            received,
            sorted(self.allowed.items()),
            sorted(self.beyond.items()),
            sorted(self._ahead.items()),
        )

    # -- what players tell -------------------------------------------------------------

    def handed_over(self, plan: Plan) -> Iterator[Item]:
        """Give the inputs of a stage, each of which was pulled when it is given."""
        for item in plan.inputs:
            self.open[plan.number].add(item)
            yield item

    def chose(self, job: Slice | Attempt) -> None:
        """Look whether no stage downstream of a new input's could start one instead."""
        if isinstance(job, Slice):
            chosen = job.stage
        elif job.work.tries == 1:
            chosen = job.work.stage
        else:
            return

        downstream = [reader for c in chosen.channels if (reader := c.reader)]
        for stage in downstream:
            assert isinstance(stage, Stage)
            downstream += [reader for c in stage.channels if (reader := c.reader)]
            left = self._order.crew.scheduler.leases.held_back(stage)
            assert left or not _could_start(stage), f"{stage.label} was not chosen"

    def took(self, step: Step, item: Item) -> None:
        """Note that a thread took an input."""
        number = plan_of(step).number
        self.in_progress.add((number, item))
        if item not in self.taken[number]:
            self.taken[number].append(item)

    def calls(self, step: Step, item: Item) -> Call:
        """Say what the next call with an input comes to."""
        plan = plan_of(step)
        key = plan.number, item
        self.tries[key] += 1
        tries = self.tries[key]
        assert tries <= plan.attempts, f"attempt {tries} at {item} in {plan.number}"
        fails = tries <= plan.fate(item).failures
        held = plan.attempts > 1 or plan.kind in {"plain", "returned"}
        outputs = plan.made(item, fails=fails)
        return Call(outputs, fails=fails, last=tries == plan.attempts, held=held)

    def sent(self, step: Step, item: Item) -> None:
        """Note that an output of an input is on its way, or in its drain."""
        self.open[plan_of(step).number].discard(item)

    def ended(self, step: Step, item: Item) -> None:
        """Note that an input is not in progress any more."""
        plan = plan_of(step)
        self.in_progress.remove((plan.number, item))
        self.open[plan.number].discard(item)

    def give_way(self, channel: Channel[Item]) -> None:
        """Look whether a bound gives way only since nothing else can move."""
        crew, now = self._order.crew, self._order.crew.now()
        for player in crew.players:
            moves = player.runs or (player.job and player.moment.is_over(now))
            assert player is crew.stepping or not moves, (
                f"{channel.name} gives way while {player.about} {player.moment.next}"
            )

        full = self.allowed[channel.name] or len(channel.values) >= channel.maxsize
        assert channel.maxsize, f"{channel.name} has no bound to give way"
        assert full, f"{channel.name} gives way before it is full"
        self.allowed[channel.name] += 1
        assert self.allowed[channel.name] < GIVEN_WAY, "bounds give way for ever"

    # -- after every step --------------------------------------------------------------

    def check(self) -> None:
        """Look at bounds, limits, what is pulled ahead, and accounts."""
        stats = self._order.crew.stats()
        self._check_limits(stats)
        self._check_accounts(stats)
        for index, channel in enumerate(self._order.channels):
            self._check_bound(index, channel)
            self._check_heard(index, channel)

        for plan in self._graph.stages:
            self._check_stage(plan)

    def _check_limits(self, stats: PoolStats) -> None:
        running = sum(player.runs for player in self._order.crew.players)
        limit = self._graph.limit
        assert running <= stats.running <= limit, f"{running} run, {stats}"

    def _check_accounts(self, stats: PoolStats) -> None:
        assert stats.in_progress >= 0, f"more ended than were accepted: {stats}"
        if self._graph.disturbed:
            return

        stages = self._order.crew.scheduler.graph.awake
        waiting = sum(len(stage.waiting) for stage in stages)
        sources = [stage.source for stage in stages]
        given = sum(len(s.workers) for s in sources if isinstance(s, Given))
        expected = len(self.in_progress) + waiting + given
        assert stats.in_progress == expected, f"{expected} are in progress, {stats}"

    def _check_heard(self, index: int, channel: Channel[Item]) -> None:
        """Look whether readers got what streams sent, before they make the next output."""
        feeders = [plan for plan in self._graph.stages if index in plan.targets]
        waits = any(not waiter.woken for waiter, _ in channel._readers)  # type: ignore[attr-defined]  # noqa: SLF001
        if channel.values and waits and all(map(pours, feeders)):
            moments = [player.moment for player in self._order.crew.players]
            told = [str(moment) for moment in moments if moment not in BEFORE_HEARD]
            assert len(told) < len(moments), f"{channel.name} is read, but for {told}"

    def _check_bound(self, index: int, channel: Channel[Item]) -> None:
        if not channel.maxsize or self._order.collected(index):
            return

        most = channel.maxsize + self.allowed[channel.name]
        if channel.turns is not None:
            if (
                not self._graph.disturbed
            ):  # else values may be dropped, then inputs taken
                self._check_window(index, channel)

            return

        held = len(channel.values) + self._kept_for(index)
        assert held <= most, f"{channel.name} has {held}"

    def _kept_for(self, index: int) -> int:
        """Say for how many pulled inputs a drain must keep room: if only those come."""
        feeders = [plan for plan in self._graph.stages if index in plan.targets]
        if len(feeders) != 1 or self._graph.disturbed:
            return 0

        [plan] = feeders
        pulls = plan.source is None and plan.form != "given" and plan.kind == "plain"
        return len(self.open[plan.number]) if pulls else 0

    def _check_window(self, index: int, channel: Channel[Item]) -> None:
        """Look whether the inputs taken since the last look were within the window."""
        [plan] = [plan for plan in self._graph.stages if index in plan.targets]
        taken = self.taken[plan.number]
        unfinished = [(plan.number, item) in self.in_progress for item in taken]
        past = len(taken) - unfinished.index(True) - 1 if any(unfinished) else 0
        before, ahead = self._ahead.get(index, (0, 0))
        window = self._graph.limit + channel.maxsize
        # A slice keeps the places of its inputs before it takes them; the oldest of all,
        # which is in no window, may have ended by then.
        window += plan.kind == "plain" or pours(plan)
        for more in range(len(taken) - before):
            self.beyond[channel.name] += ahead + more >= window

        assert self.beyond[channel.name] <= self.allowed[channel.name], (
            f"{channel.name} had {ahead} ahead when an input was taken"
        )
        self._ahead[index] = len(taken), past + len(channel.values)

    def _check_stage(self, plan: Plan) -> None:
        # One that a course brings is not in the stage yet while its thread may see the
        # alarm, and leave it in the drain.
        called = [key for key in self.in_progress if key in self.tries]
        progress = sum(number == plan.number for number, _ in called)
        assert plan.limit is None or progress <= plan.limit, f"{progress} of {plan}"
        if self._graph.disturbed:  # what is dropped not taken is told to nobody
            return

        untaken = self.open[plan.number] - set(self.taken[plan.number])
        assert len(untaken) <= self._graph.limit, f"{untaken} are pulled ahead"

    # -- at the end --------------------------------------------------------------------

    def check_end(self) -> None:
        """Look whether anything is stuck, lost, doubled or in disorder."""
        crew = self._order.crew
        stuck = [o.about for o in self._order.outsiders if not o.over]
        for index, channel in enumerate(self._order.channels):
            if channel.new and f"reader of {index}" in stuck:
                stuck.remove(f"reader of {index}")  # it waits for the first feeder

        stuck += [player.about for player in crew.players if player.job]
        assert not stuck, f"stuck: {stuck}, {crew.stats()}"
        assert not crew.stats().in_progress, crew.stats()
        assert not crew.stats().running, crew.stats()
        for channel in self._order.channels:
            assert channel.feeders == 0, f"{channel.name} is still fed"

        self._check_ends()
        self._check_outputs()

    def _check_ends(self) -> None:
        """Look whether as many inputs came to each end as should."""
        if self._graph.disturbed:
            return

        stages, stats = self._graph.stages, self._order.crew.stats()
        arrived = sent(stages, len(self._graph.sizes))
        inputs = {
            p: p.inputs if p.source is None else arrived[p.source] for p in stages
        }
        fates = Counter(p.succeeds(item) for p in stages for item in inputs[p])
        ends = stats.succeeded, stats.failed, stats.cancelled
        assert (fates[True], fates[False], 0) == ends, stats

    def _check_outputs(self) -> None:
        expected = sent(self._graph.stages, len(self._graph.sizes))
        for index, channel in enumerate(self._order.channels):
            if index not in self._graph.unread:
                assert not channel.values, f"{channel.name} has values yet"
                continue

            got = [*self.received.get(index, []), *channel.values]
            lost = Counter(expected[index]) - Counter(got)
            doubled = Counter(got) - Counter(expected[index])
            assert not doubled, f"{doubled} came twice to {channel.name}"
            if not self._graph.disturbed:
                assert not lost, f"{lost} never came to {channel.name}"
                self._check_order(index, got)

    def _check_order(self, index: int, got: list[Item]) -> None:
        if index in self._graph.ordered:
            [plan] = [plan for plan in self._graph.stages if index in plan.targets]
            taken = self.taken[plan.number]
            wanted = [output for item in taken for output in plan.sent(item)]
            assert wanted == got, f"in disorder: {got} for {wanted}"

    # -- what of it decides how it goes on -----------------------------------------------

    def _known(self, index: int, got: list[Item]) -> list[Item]:
        return got if index in self._graph.ordered else sorted(got)

    def _known_taken(self, number: int, items: list[Item]) -> list[Item]:
        [plan] = [plan for plan in self._graph.stages if plan.number == number]
        ordered = any(target in self._graph.ordered for target in plan.targets)
        return items if ordered else sorted(items)


def _could_start(stage: Stage) -> bool:
    """Say whether a stage could start an input without doubt: nothing holds it back."""
    held_back = stage.limits or any(channel.maxsize for channel in stage.channels)
    at_it = stage.lease or stage.waiting or stage.dropped or stage.broken
    return not held_back and not at_it and stage.source.ready() > 0


def pours(plan: Plan) -> bool:
    """Say whether a thread works through inputs of a stage that have many outputs."""
    once = plan.attempts == 1 and len(plan.targets) == 1
    return once and plan.kind in {"yielded", "returned"} and plan.form != "mixed"


def plan_of(step: Step) -> Plan:
    """Return the plan of the stage that a step is the task of."""
    function = step.fn.__self__  # type: ignore[attr-defined]
    assert isinstance(function, Function)
    return function.plan
