"""Schedules: pipelines that are drawn, run by turns or as threads like, and looked at."""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Protocol
from unittest import mock

from explorer import Explorer
from fluent_async import Drain, Pool, _stage
from fluent_async._channel import Channel
from fluent_async._stage import channels_of
from fluent_async.errors import DrainClosed, PoolCancelled
from plans import Function, Inputs, Item, Plan, line, plans, sent, works


if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    from fluent_async.typing import Executable


class Threads(Protocol):
    """What runs the threads of a schedule."""

    random: random.Random
    check: Callable[[], object]  # called whenever no decision is half made, or never

    def switch(self, ready: Callable[[], bool] | None = None) -> None:
        """Let some other thread go on; this one not before it is `ready`."""
        ...

    def spawn(self, name: str, target: Callable[[], object]) -> None:
        """Start a thread."""
        ...


def explore(seed: int) -> None:
    """Run the schedule of a seed; raise what is wrong with it."""
    log = logging.getLogger("fluent_async")
    explorer = Explorer(seed)
    with mock.patch.object(log, "disabled", new=True):
        explorer.run(lambda: Schedule(explorer).run())


class Schedule:
    """One pipeline; `run` it by the threads that it is drawn from.

    Args:
        threads: what runs it.
        most: the most stages it has.
        timed: whether attempts may take too long.
    """

    def __init__(self, threads: Threads, *, most: int = 4, timed: bool = True) -> None:
        self._threads = threads
        self._draw = draw = threads.random
        pools = draw.choice([1, 1, 2])
        sizes = [draw.choice([0, 1, 1, 2, 3]) for _ in range(draw.randint(1, most))]
        if draw.random() < 0.5:
            self.plans = list(line(draw, pools, len(sizes)))
        else:
            self.plans = list(plans(draw, pools, len(sizes), most))

        if not timed:
            self.plans = [replace(plan, timeout=None) for plan in self.plans]

        # As if the stages were known to be quick.
        self._budget = draw.choice([1, 1, 2, 4])
        self.pools = [
            Pool(draw.randint(1, 3), on_error="keep", name=f"pool {number}")
            for number in range(pools)
        ]
        self.drains = [
            Drain[Item](size, ordered=self._may_be_ordered(index), name=f"{index}")
            for index, size in enumerate(sizes)
        ]
        # All is drawn before the first thread starts: who draws may end the test there.
        self._gone = list(self._calls_of_go())
        self._readers = [
            (index, self._drained_by(index))
            for index in self._unread()
            if draw.random() < 0.5
        ]
        self._disturb = self._disturbance() if draw.random() < 0.25 else None
        self._received: dict[int, list[Item]] = {}
        self._drained: set[int] = set()  # have room for everything, for some time
        self._reading: list[int] = []
        self._gave_way: Counter[object] = Counter()

    def run(self) -> None:
        """Run it, and look at every step and at what came of it."""
        give_way = Channel.give_way

        def gives_way(channel: Channel[Item]) -> None:
            self._gave_way[channel] += 1
            give_way(channel)

        self._threads.check = self._check
        with (
            mock.patch.object(Channel, "give_way", gives_way),
            mock.patch.object(_stage, "BUDGET", self._budget),
        ):
            self._start()
            self._end()

        self._check_end()

    # -- what is drawn -----------------------------------------------------------------

    def _may_be_ordered(self, drain: int) -> bool:
        """Say whether a drain is ordered: if one stage feeds it that may, sometimes."""
        feeders = [plan for plan in self.plans if drain in plan.targets]
        forms = [plan.form for plan in feeders if plan.source is None]
        return len(feeders) == 1 and "mixed" not in forms and self._draw.random() < 0.4

    def _calls_of_go(self) -> Iterator[tuple[Pool, list[Plan]]]:
        """Draw in which order, and which together, stages are given to their pools."""
        order = self._draw.sample(self.plans, len(self.plans))
        if self._draw.random() < 0.3:
            for number, pool in enumerate(self.pools):
                yield pool, [plan for plan in order if plan.pool == number]
        else:
            for plan in order:
                yield self.pools[plan.pool], [plan]

    def _drained_by(self, reader: int) -> int | None:
        """Draw which drain a reader waits for in `drain()`: its own, or one at each value."""
        if self._draw.random() < 0.3:
            return self._draw.choice([reader, *self._unread()])

        return None

    def _disturbance(self) -> Callable[[], None]:
        """Draw what disturbs, and when: a pool is cancelled, or a drain shut."""
        turns = self._draw.randint(0, 30)
        if self._draw.random() < 0.5:
            disturb = self._draw.choice(self.pools).cancel
        else:
            disturb = self._draw.choice(self.drains).shut_down

        def later() -> None:
            for _ in range(turns):
                self._threads.switch()

            disturb()

        return later

    # -- the run -----------------------------------------------------------------------

    def _start(self) -> None:
        for index, drained in self._readers:
            self._read(index, drained)

        if self._disturb is not None:
            self._threads.spawn("disturber", self._disturb)

        given_for = {plan: self._works(plan) for plan in self.plans}
        for pool, given in self._gone:
            with suppress(DrainClosed):
                pool.go(*[work for plan in given for work in given_for[plan]])

    def _end(self) -> None:
        """Wait in all pools at once, then in one after the other until none wakes another."""
        for pool in self.pools[1:]:
            self._threads.spawn(f"waiter for {pool!r}", partial(_wait, pool))

        for _ in range(len(self.plans) + 1):
            for pool in self.pools:
                _wait(pool)

        for index in self._unread():
            self.drains[index].shut_down()

        self._threads.switch(lambda: not self._reading)
        for pool in self.pools:
            pool.close()

    def _works(self, plan: Plan) -> list[Executable]:
        function = Function(self._threads, plan).task()
        inputs = Inputs(self._threads, plan.inputs)
        return works(plan, function, self.drains, inputs)

    def _unread(self) -> list[int]:
        """Return the drains that no stage reads."""
        sources = {plan.source for plan in self.plans}
        return [index for index in range(len(self.drains)) if index not in sources]

    def _read(self, index: int, drained: int | None) -> None:
        """Start a thread that takes the values of a drain, and waits for all of one."""
        drain, received = self.drains[index], list[Item]()

        def read() -> None:
            if drained == index:
                drain.drain()
            else:
                for item in drain:
                    received.append(item)
                    self._threads.switch()
                    if drained is not None:
                        self.drains[drained].drain()

            self._reading.remove(index)

        self._received[index] = received
        self._drained |= set() if drained is None else {drained}
        self._reading.append(index)
        self._threads.spawn(f"reader {index}", read)

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

        for index, drain in enumerate(self.drains):
            [channel] = channels_of((drain,))
            most = channel.maxsize + self._gave_way[channel]
            bounded = channel.maxsize and channel.turns is None
            bounded = bounded and index not in self._drained
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
            if self._disturb is None:
                ends = (stats.succeeded, stats.failed, stats.cancelled)
                assert (fates[True], fates[False], 0) == ends, stats

    def _check_outputs(self) -> None:
        expected = self._outputs()
        for index in self._unread():
            drain = self.drains[index]
            got = self._received.get(index, []) + drain.drain()
            lost = Counter(expected[index]) - Counter(got)
            assert not Counter(got) - Counter(expected[index]), "something came twice"
            assert self._disturb is not None or not lost, (
                f"{lost} never came to {drain!r}"
            )
            [channel] = channels_of((drain,))
            if channel.turns is not None and self._disturb is None:
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
        return sent(self.plans, len(self.drains))


def _wait(pool: Pool) -> None:
    with suppress(PoolCancelled):
        pool.wait()
