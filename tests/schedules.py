"""Schedules: pipelines drawn from a seed, run by turns, and looked at in every step."""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING
from unittest import mock

from explorer import Explorer
from fluent_async import Drain, Pool, Workers, _stage, each
from fluent_async._channel import Channel
from fluent_async._stage import channels_of
from fluent_async.errors import DrainClosed, PoolCancelled
from plans import Function, Inputs, Item, Plan, line, plans


if TYPE_CHECKING:
    from collections.abc import Callable

    from fluent_async import Worker
    from fluent_async.typing import Executable


def explore(seed: int) -> None:
    """Run the schedule of a seed; raise what is wrong with it."""
    log = logging.getLogger("fluent_async")
    explorer = Explorer(seed)
    with mock.patch.object(log, "disabled", new=True):
        explorer.run(lambda: Schedule(explorer).run())


class Schedule:
    """One pipeline; `run` it in the explorer that it is drawn from."""

    def __init__(self, explorer: Explorer) -> None:
        self._explorer = explorer
        self._draw = draw = explorer.random
        pools = draw.choice([1, 1, 2])
        sizes = [draw.choice([0, 1, 1, 2, 3]) for _ in range(draw.randint(1, 4))]
        drawn = draw.choice([line, plans])
        self.plans = list(drawn(draw, pools, len(sizes)))
        self.pools = [
            Pool(draw.randint(1, 3), on_error="keep", name=f"pool {number}")
            for number in range(pools)
        ]
        self.drains = [
            Drain[Item](size, ordered=self._may_be_ordered(index), name=f"{index}")
            for index, size in enumerate(sizes)
        ]
        self.disturbed = draw.random() < 0.25
        self._received: dict[int, list[Item]] = {}
        self._reading = 0
        self._gave_way: Counter[object] = Counter()

    def run(self) -> None:
        """Run it, and look at every step and at what came of it."""
        give_way = Channel.give_way

        def gives_way(channel: Channel[Item]) -> None:
            self._gave_way[channel] += 1
            give_way(channel)

        self._explorer.check = self._check
        budget = self._draw.choice(
            [1, 1, 2, 4]
        )  # as if the stages were known to be quick
        with (
            mock.patch.object(Channel, "give_way", gives_way),
            mock.patch.object(_stage, "BUDGET", budget),
        ):
            self._start()
            self._end()

        self._check_end()

    # -- the run -----------------------------------------------------------------------

    def _start(self) -> None:
        works = [(plan, self._works(plan)) for plan in self.plans]
        self._draw.shuffle(works)
        for index in self._unread():
            if self._draw.random() < 0.5:
                self._received[index] = []
                self._reading += 1
                self._explorer.spawn(f"reader {index}", self._reader(index))

        if self.disturbed:
            self._explorer.spawn("disturber", self._disturb)

        for plan, given in works:
            with suppress(DrainClosed):
                self.pools[plan.pool].go(*given)

    def _end(self) -> None:
        """Wait in all pools at once, then in one after the other until none wakes another."""
        for pool in self.pools[1:]:
            self._explorer.spawn(f"waiter for {pool!r}", partial(_wait, pool))

        for _ in range(len(self.plans) + 1):
            for pool in self.pools:
                _wait(pool)

        for index in self._unread():
            self.drains[index].shut_down()

        self._explorer.switch(lambda: not self._reading)
        for pool in self.pools:
            pool.close()

    def _works(self, plan: Plan) -> list[Executable]:
        function = Function(self._explorer, plan).task()
        drains = [self.drains[target] for target in plan.targets]
        inputs = Inputs(self._explorer, plan.inputs)
        if plan.source is not None:
            batch = self.drains[plan.source] >> function
        elif plan.form == "each":
            batch = each(inputs) >> function
        else:
            workers = (_drained(function.with_input(item), drains) for item in inputs)
            return list(workers) if plan.form == "given" else [Workers(workers)]

        for drain in drains:
            batch = batch | drain

        return [batch]

    def _may_be_ordered(self, drain: int) -> bool:
        """Say whether a drain is ordered: if one stage feeds it that may, sometimes."""
        feeders = [plan for plan in self.plans if drain in plan.targets]
        forms = [plan.form for plan in feeders if plan.source is None]
        return len(feeders) == 1 and "mixed" not in forms and self._draw.random() < 0.4

    def _unread(self) -> list[int]:
        """Return the drains that no stage reads."""
        sources = {plan.source for plan in self.plans}
        return [index for index in range(len(self.drains)) if index not in sources]

    def _reader(self, index: int) -> Callable[[], None]:
        def read() -> None:
            for item in self.drains[index]:
                self._received[index].append(item)
                self._explorer.switch()

            self._reading -= 1

        return read

    def _disturb(self) -> None:
        """Cancel a pool, or shut a drain, at some time."""
        for _ in range(self._draw.randint(0, 30)):
            self._explorer.switch()

        if self._draw.random() < 0.5:
            self._draw.choice(self.pools).cancel()
        else:
            self._draw.choice(self.drains).shut_down()

    # -- what must hold ----------------------------------------------------------------

    def _check(self) -> None:
        """Look at bounds, limits and accounts at one instant."""
        for number, pool in enumerate(self.pools):
            mine = [plan for plan in self.plans if plan.pool == number]
            scheduler = pool._engine.scheduler  # noqa: SLF001  (without taking turns)
            stats = scheduler.stats(threads=0)
            inside = sum(plan.inside for plan in mine)
            assert inside <= stats.running <= pool.limit, f"{inside} run, {stats}"
            assert stats.in_progress >= 0, f"more ended than were accepted: {stats}"

        for plan in self.plans:
            assert plan.limit is None or len(plan.in_progress) <= plan.limit, plan

        for drain in self.drains:
            [channel] = channels_of((drain,))
            most = channel.maxsize + self._gave_way[channel]
            bounded = channel.maxsize and channel.turns is None
            assert not bounded or len(drain) <= most, f"{drain!r} has {len(drain)}"

    def _check_end(self) -> None:
        """Look at what is left and what came out."""
        for drain in self.drains:
            [channel] = channels_of((drain,))
            assert channel.feeders == 0, f"{drain!r} is still fed"

        self._check_accounts()
        self._check_outputs()

    def _check_accounts(self) -> None:
        arrived = self._expected()
        for number, pool in enumerate(self.pools):
            stats = pool.stats()
            assert stats.in_progress == 0, stats
            assert stats.running == stats.abandoned >= stats.threads, stats
            mine = [plan for plan in self.plans if plan.pool == number]
            fates = Counter(plan.succeeds(i) for plan in mine for i in arrived[plan])
            if not self.disturbed:
                ends = (stats.succeeded, stats.failed, stats.cancelled)
                assert (fates[True], fates[False], 0) == ends, stats

    def _check_outputs(self) -> None:
        expected = self._outputs()
        for index in self._unread():
            drain = self.drains[index]
            got = self._received.get(index, []) + drain.drain()
            lost = Counter(expected[index]) - Counter(got)
            assert not Counter(got) - Counter(expected[index]), "something came twice"
            assert self.disturbed or not lost, f"{lost} never came to {drain!r}"
            [channel] = channels_of((drain,))
            if channel.turns is not None and not self.disturbed:
                self._check_order(index, got)

    def _check_order(self, index: int, got: list[Item]) -> None:
        [plan] = [plan for plan in self.plans if index in plan.targets]
        if plan.source is None:
            wanted = [output for item in plan.inputs for output in plan.sent(item)]
            assert wanted == got, f"in disorder: {got} for {wanted}"

    def _expected(self) -> dict[Plan, list[Item]]:
        """Return the inputs of every stage."""
        outputs = self._outputs()
        return {
            plan: plan.inputs if plan.source is None else outputs[plan.source]
            for plan in self.plans
        }

    def _outputs(self) -> dict[int, list[Item]]:
        """Return what is sent to every drain."""
        sent: dict[int, list[Item]] = {index: [] for index in range(len(self.drains))}
        for plan in sorted(self.plans, key=_place):
            inputs = plan.inputs if plan.source is None else sent[plan.source]
            for target in plan.targets:
                sent[target] += [out for item in inputs for out in plan.sent(item)]

        return sent


def _place(plan: Plan) -> int:
    return -1 if plan.source is None else plan.source


def _drained(worker: Worker[Item], drains: list[Drain[Item]]) -> Worker[Item]:
    for drain in drains:
        worker = worker | drain

    return worker


def _wait(pool: Pool) -> None:
    with suppress(PoolCancelled):
        pool.wait()
