"""The stages of a pool and the drains that join them: who is awake, and what is refused."""

import gc
import sys
import weakref
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluent_async import Drain, Workers, each, task
from fluent_async._stage import Stage
from fluent_async.errors import DrainClosed
from fluent_async.typing import Executable
from hand import Hand, channel_of, filled, shown


CHAIN = 1000
"""Stages in the longest chain that is tried; Python's stack is as deep."""


@task(timeout=3600)
def fetch(number: int) -> int:
    """Stand somewhere."""
    return number


@task(timeout=3600)
def parse(number: int) -> int:
    """Stand somewhere else."""
    return number


def awake(hand: Hand, *stages: Stage) -> list[bool]:
    """Say which of these stages are awake, all if none are named."""
    for stage in stages:
        assert stage.awake is (stage in hand.scheduler.graph.awake)

    return [stage.awake for stage in stages]


def feeders(*drains: Drain[int]) -> list[int]:
    """Say how many feed each of these drains."""
    return [channel_of(drain).feeders for drain in drains]


def chain(drains: list[Drain[int]]) -> list[Executable]:
    """Make stages that carry values from each drain to the next."""
    return [source >> fetch | target for source, target in pairwise(drains)]


class TestAwake:
    """A stage is awake while it has inputs or may get some."""

    def test_from_go_until_its_last_input_has_ended(self) -> None:
        """A batch is awake while an input of it may start or is in progress."""
        hand = Hand(limit=2)
        [stage] = hand.go(each([1]) >> fetch)
        attempt = hand.attempt()
        hand.start()  # finds the end of the iterable
        before = awake(hand, stage)
        hand.end(attempt)

        assert [True] == before
        assert [False] == awake(hand, stage)
        assert hand.scheduler.idle()

    def test_not_while_its_drain_is_new(self) -> None:
        """A stage on a drain that nobody ever fed sleeps, and the pool is idle."""
        hand = Hand()
        [stage] = hand.go(Drain[int]() >> fetch)

        assert [False] == awake(hand, stage)
        assert hand.scheduler.idle()

    def test_when_a_value_is_sent_by_hand(self) -> None:
        """A value from outside wakes the stage; it sleeps again once that is done."""
        hand = Hand()
        drain = Drain[int]()
        [stage] = hand.go(drain >> fetch)
        drain.send(1)
        woken = awake(hand, stage)
        ran = hand.in_turn()

        assert [True] == woken
        assert ["fetch(1)"] == ran
        assert [False] == awake(hand, stage)

    def test_while_somebody_else_feeds_its_drain(self) -> None:
        """A feeder from outside wakes the stage, before any value; without it, it sleeps."""
        hand = Hand()
        drain = Drain[int]()
        [stage] = hand.go(drain >> fetch)
        channel_of(drain).join(None)
        fed = awake(hand, stage)
        channel_of(drain).leave(None)

        assert [True] == fed
        assert [False] == awake(hand, stage)

    def test_any_number_of_times(self) -> None:
        """A stage belongs to the pool for good: it wakes whenever its drain is fed."""
        hand = Hand()
        drain = Drain[int]()
        hand.go(drain >> fetch)
        ran: list[str] = []
        for number in range(3):
            drain.send(number)
            ran += hand.in_turn()

        assert ["fetch(0)", "fetch(1)", "fetch(2)"] == ran

    def test_downstream_of_what_is_given_before_the_first_input(self) -> None:
        """When go() returns every stage downstream is awake, and its drains are fed."""
        hand = Hand()
        drains = [Drain[int]() for _ in range(4)]
        stages = hand.go(*chain(drains))
        asleep = awake(hand, *stages)
        hand.go(1 >> fetch | drains[0])

        assert [False] * 3 == asleep
        assert [True] * 3 == awake(hand, *stages)
        assert [1] * 4 == feeders(*drains)

    def test_until_all_upstream_have_ended(self) -> None:
        """When the last input is through, one stage after the other sleeps."""
        hand = Hand()
        drains = [Drain[int]() for _ in range(4)]
        stages = hand.go(1 >> fetch | drains[0], *chain(drains))
        seen = [sum(awake(hand, *stages))]
        while (attempt := hand.start()) is not None:
            hand.end(attempt, 1)
            seen.append(sum(awake(hand, *stages)))

        assert [4, 3, 2, 1, 0] == seen
        assert [0] * 4 == feeders(*drains)
        assert [1] == drains[-1].drain()

    def test_until_its_drain_is_empty(self) -> None:
        """A stage whose feeders are gone, or whose drain is shut, takes what is there."""
        hand = Hand()
        drain = filled(1, 2)
        [stage] = hand.go(drain >> fetch)
        drain.shut_down()

        assert ["fetch(1)", "fetch(2)"] == hand.in_turn()
        assert [False] == awake(hand, stage)

    def test_while_a_retry_waits(self) -> None:
        """A stage with an input in progress is awake, though there is nothing to start."""
        hand = Hand()
        drain = filled(1)
        target = Drain[int]()
        [stage] = hand.go(drain >> fetch | target)
        hand.fail(hand.attempt(), retry_in=1.0)

        assert [True] == awake(hand, stage)
        assert [1] == feeders(target)

    def test_feeds_its_drains_meanwhile(self) -> None:
        """A stage opens its drains when it wakes, and leaves them when it sleeps."""
        hand = Hand()
        source, target = Drain[int](), Drain[int]()
        hand.go(source >> fetch | target)
        seen = feeders(target)
        source.send(1)
        seen += feeders(target)
        hand.in_turn()
        seen += feeders(target)

        assert [0, 1, 0] == seen

    def test_feeds_a_drain_once_however_often_it_sends_there(self) -> None:
        """A stage is one feeder of a drain that it sends to twice."""
        hand = Hand()
        drain = Drain[int]()
        hand.go(each([1]) >> fetch | drain | drain)

        assert [1] == feeders(drain)

    def test_feeds_drains_that_its_workers_bring_along(self) -> None:
        """A batch feeds the drains of the workers pulled so far until it ends."""
        hand = Hand(limit=2)
        first, second = Drain[int](), Drain[int]()
        hand.go(Workers([1 >> fetch | first, 2 >> fetch | second]))
        seen = [feeders(first, second)]
        for _ in range(2):
            attempt = hand.attempt()
            seen.append(feeders(first, second))
            hand.end(attempt, 1)

        hand.start()  # finds the end of the iterable

        assert [[0, 0], [1, 0], [1, 1]] == seen
        assert [0, 0] == feeders(first, second)

    def test_wakes_a_stage_that_a_worker_of_a_batch_feeds(self) -> None:
        """A stage wakes when the first worker that drains to its drain is pulled."""
        hand = Hand()
        drain = Drain[int]()
        [stage, _] = hand.go(drain >> parse, Workers([1 >> fetch | drain]))
        before = awake(hand, stage)
        hand.attempt()

        assert [False] == before
        assert [True] == awake(hand, stage)

    def test_though_one_of_its_drains_is_shut(self) -> None:
        """A stage that drains to two drains, one of them shut, wakes and feeds the other."""
        hand = Hand()
        source, shut, target = Drain[int](), Drain[int](), Drain[int]()
        [stage] = hand.go(source >> fetch | shut | target)
        shut.shut_down()
        source.send(1)
        woken = awake(hand, stage)

        assert [True] == woken
        assert [1] == feeders(target)
        assert ["fetch(1)"] == [shown(hand.attempt())]

    def test_only_to_drop_its_inputs_when_all_its_drains_are_shut(self) -> None:
        """Values for a stage that drains to nothing any more are cancelled."""
        hand = Hand()
        source, shut = Drain[int](), Drain[int]()
        [stage] = hand.go(source >> fetch | shut)
        shut.shut_down()
        source.send(1)

        assert hand.start() is None
        assert [False] == awake(hand, stage)
        assert [0] == feeders(shut)
        assert 1 == hand.scheduler.accounts.cancelled

    def test_in_the_pool_of_its_own(self) -> None:
        """A stage of another pool wakes when it is fed from this one."""
        here, there = Hand(), Hand()
        drain = Drain[int]()
        [stage] = there.go(drain >> parse)
        here.go(1 >> fetch | drain)
        fed = awake(there, stage)
        here.in_turn()

        assert [True] == fed
        assert ["parse(1)"] == there.in_turn()
        assert [False] == awake(there, stage)

    def test_feeds_nothing_any_more_once_the_pool_is_closed(self) -> None:
        """A drain of a closed pool is free to feed another stage."""
        hand, other = Hand(), Hand()
        drain = Drain[int]()
        hand.go(drain >> fetch)
        hand.scheduler.graph.clear()
        drain.send(1)
        other.go(drain >> parse)

        assert [] == hand.in_turn()
        assert ["parse(1)"] == other.in_turn()


class TestRest:
    """What has nothing to do, and will not have, goes to sleep."""

    def test_is_of_each_by_itself(self) -> None:
        """One that is busy keeps no other awake."""
        hand, source = Hand(), Drain[int]()
        channel_of(source).join(None)
        idle, busy = hand.go(source >> fetch, 1 >> parse)
        hand.attempt()
        channel_of(source).leave(None)
        hand.scheduler.graph.rest([idle, busy])

        assert [False, True] == awake(hand, idle, busy)

    def test_lets_go_of_the_outcome_of_what_is_over(self) -> None:
        """What failed must not lead from the stage to itself."""
        hand, source = Hand(), Drain[int]()
        asleep, over = hand.go(source >> parse, 1 >> fetch)
        hand.in_turn()
        before = hasattr(over, "outcome"), hasattr(asleep, "outcome")
        hand.scheduler.graph.clear()

        assert (False, True) == before
        assert not hasattr(asleep, "outcome")


class TestClearing:
    """At the end of a pool nothing feeds its stages any more, and they feed nothing."""

    def test_lets_go_of_a_stage_whose_drain_is_fed_by_others(self) -> None:
        """It is awake, and waits for what is no concern any more."""
        hand, source, out = Hand(), Drain[int](), Drain[int]()
        channel_of(source).join(None)
        [stage] = hand.go(source >> fetch | out)
        before = awake(hand, stage), feeders(out)
        hand.scheduler.graph.clear()

        assert ([True], [1]) == before
        assert ([False], [0]) == (awake(hand, stage), feeders(out))
        assert channel_of(source).reader is None

    def test_keeps_what_runs_or_may_start(self) -> None:
        """An input in progress, and one that was given."""
        hand, out = Hand(), Drain[int]()
        stages = hand.go(filled(1) >> fetch | out, 2 >> parse | out)
        attempt = hand.attempt()
        hand.scheduler.graph.clear()

        assert "fetch(1)" == shown(attempt)
        assert ([True, True], [2]) == (awake(hand, *stages), feeders(out))

    def test_leaves_ordered_drains_to_others(self) -> None:
        """Another stage may feed one after that."""
        hand, ordered = Hand(), Drain[int](ordered=True)
        hand.go(Drain[int]() >> fetch | ordered)
        turns = channel_of(ordered).turns
        assert turns is not None
        before = turns.feeder
        hand.scheduler.graph.clear()

        assert before is not None
        assert turns.feeder is None

    def test_leaves_ordered_drains_that_others_feed(self) -> None:
        """Whoever came later keeps it."""
        hand, ordered = Hand(), Drain[int](ordered=True)
        hand.go(Drain[int]() >> fetch | ordered)
        turns = channel_of(ordered).turns
        assert turns is not None
        turns.feeder = other = object()
        hand.scheduler.graph.clear()

        assert turns.feeder is other

    def test_of_what_is_abandoned_leaves_all_drains_to_others(self) -> None:
        """Those of stages at work, and of those that sleep."""
        hand = Hand()
        drains = filled(1), Drain[int]()
        hand.go(*(drain >> fetch for drain in drains))
        hand.attempt()
        hand.scheduler.graph.abandon()

        assert [None, None] == [channel_of(drain).reader for drain in drains]

    def test_forgets_which_stages_were_named(self) -> None:
        """Nothing keeps one alive."""
        hand = Hand()
        [stage] = hand.go(Drain[int]() >> fetch)
        named = len(hand.scheduler.graph.name_unfed())
        hand.scheduler.graph.clear()
        alive = weakref.ref(stage)
        del stage
        gc.collect()

        assert (1, None) == (named, alive())

    def test_of_what_is_abandoned_is_for_good(self) -> None:
        """What runs yet feeds nothing, and its end does not count a second time."""
        hand, out = Hand(), Drain[int]()
        hand.go(1 >> fetch | out)
        attempt = hand.attempt()
        hand.scheduler.abandon()
        before = feeders(out)
        hand.end(attempt, 1)

        assert ([0], [0]) == (before, feeders(out))


class TestUnfed:
    """Stages whose drains nobody ever fed."""

    def test_are_named_once(self) -> None:
        """However often one asks."""
        hand, drain = Hand(), Drain[int]()
        [stage] = hand.go(drain >> fetch)
        named = [hand.scheduler.graph.name_unfed() for _ in range(2)]

        assert [[(channel_of(drain), stage)], []] == named


class TestFeeding:
    """A batch whose workers bring their drains along."""

    def test_joins_each_drain_once(self) -> None:
        """The drain is one of the stage's from then on."""
        hand, out = Hand(), Drain[int]()
        [stage] = hand.go(each([1]) >> fetch)
        fed = [hand.scheduler.graph.feed(stage, channel_of(out)) for _ in range(2)]

        assert ([True, True], [1]) == (fed, feeders(out))

    def test_refuses_a_drain_that_is_shut(self) -> None:
        """Nothing can be sent there."""
        hand, out = Hand(), Drain[int]()
        [stage] = hand.go(each([1]) >> fetch)
        out.shut_down()

        assert not hand.scheduler.graph.feed(stage, channel_of(out))


class TestOrder:
    """A stage keeps the order of its inputs if one of its drains does."""

    def test_comes_with_a_drain_that_a_worker_brings_along(self) -> None:
        """Of a batch, whose drains are not known before."""
        hand, ordered = Hand(), Drain[int](ordered=True)
        [stage] = hand.go(Workers([1 >> fetch]))
        before = stage.ordered
        hand.scheduler.graph.feed(stage, channel_of(ordered))

        assert (False, True) == (before, stage.ordered)


class TestDepth:
    """How far downstream a stage is: further than whatever feeds it."""

    def test_is_one_more_than_that_of_the_deepest_feeder(self) -> None:
        """The longest way to a stage counts."""
        hand = Hand()
        drains = [Drain[int]() for _ in range(3)]
        stages = hand.go(
            each([1]) >> fetch | drains[0] | drains[2],
            drains[0] >> fetch | drains[1],
            drains[1] >> fetch | drains[2],
            drains[2] >> fetch,
        )

        assert [0, 1, 2, 3] == [stage.depth for stage in stages]

    def test_grows_when_something_is_put_upstream(self) -> None:
        """Stages that were there before are deeper when more feeds them."""
        hand = Hand()
        drains = [Drain[int]() for _ in range(3)]
        [last] = hand.go(drains[2] >> fetch)
        before = last.depth
        hand.go(*chain(drains))

        assert (0, 2) == (before, last.depth)

    def test_shrinks_when_what_was_upstream_is_over(self) -> None:
        """As soon as it is looked at again: a stage that feeds nothing counts no more."""
        hand = Hand()
        between = Drain[int]()
        _, last = hand.go(each([1]) >> fetch | between, between >> fetch)
        before = last.depth
        hand.in_turn()
        hand.go(Drain[int]() >> fetch)

        assert (1, 0) == (before, last.depth)

    def test_puts_what_is_awake_in_another_order_when_it_grows(self) -> None:
        """A stage comes before older ones once something feeds it."""
        hand, drain = Hand(), filled(1)
        [older] = hand.go(each([2]) >> fetch)
        [younger] = hand.go(drain >> parse)
        before = list(hand.scheduler.graph.awake)
        [feeder] = hand.go(filled(3) >> fetch | drain)

        assert [older, younger] == before
        assert [younger, older, feeder] == hand.scheduler.graph.awake

    def test_orders_the_stages_that_are_awake(self) -> None:
        """Those further downstream come first, then those given first."""
        hand = Hand()
        drains = [Drain[int]() for _ in range(3)]
        stages = hand.go(
            each([1]) >> fetch | drains[0], each([1]) >> fetch, *chain(drains)
        )
        batch, other, middle, last = stages

        assert [last, middle, batch, other] == hand.scheduler.graph.awake


@given(st.data())
def test_depth_is_the_longest_way_from_any_source(data: st.DataObject) -> None:
    """In any graph, given in any order, a stage is deeper than all that feed it."""
    size = data.draw(st.integers(1, 8))
    targets = [
        data.draw(st.sets(st.integers(source + 1, size))) for source in range(size)
    ]
    order = data.draw(st.permutations(range(size)))
    drains = [Drain[int]() for _ in range(size + 1)]
    works: list[Executable] = []
    for source in order:
        work = drains[source] >> fetch
        for target in sorted(targets[source]):
            work = work | drains[target]

        works.append(work)

    stages = Hand().go(*works)

    depths = dict(zip(order, (stage.depth for stage in stages), strict=True))
    for source in range(size):
        above = [
            depths[other] + 1 for other in range(source) if source in targets[other]
        ]
        assert max(above, default=0) == depths[source]


class TestCheck:
    """What `go()` refuses, all or nothing."""

    def test_refuses_a_drain_that_is_shut(self) -> None:
        """Work that drains to a shut drain is refused where it is given."""
        drain = Drain[int](name="pages")
        drain.shut_down()

        with pytest.raises(DrainClosed, match="pages"):
            Hand().go(1 >> fetch | drain)

    def test_refuses_two_stages_on_one_drain(self) -> None:
        """A drain feeds one stage; the error says what to do instead."""
        drain = Drain[int]()

        with pytest.raises(ValueError, match=r"two drains.*raise the limit"):
            Hand().go(drain >> fetch, drain >> parse)

    @pytest.mark.parametrize("same", [True, False])
    def test_refuses_a_second_stage_later(self, *, same: bool) -> None:
        """A drain that feeds a stage feeds no other, of this pool or another."""
        hand = Hand()
        drain = Drain[int]()
        hand.go(drain >> fetch)

        with pytest.raises(ValueError, match="feeds a stage already"):
            (hand if same else Hand()).go(drain >> parse)

    def test_takes_in_nothing_of_what_it_refuses(self) -> None:
        """After a refusal the pool and the drains are as they were."""
        hand = Hand()
        drain, other = Drain[int](), Drain[int]()
        hand.go(drain >> fetch)

        with pytest.raises(ValueError, match="feeds a stage already"):
            hand.go(1 >> fetch, each([2]) >> fetch | other, drain >> parse)

        assert hand.scheduler.idle()
        assert 0 == hand.scheduler.accounts.accepted
        assert [0] == feeders(other)

    def test_refuses_a_stage_that_feeds_itself(self) -> None:
        """A stage that drains to its own drain would never end."""
        drain = Drain[int]()

        with pytest.raises(ValueError, match=r"cycle: fetch >> fetch; call go\(\)"):
            Hand().go(drain >> fetch | drain)

    def test_refuses_a_cycle_and_shows_it(self) -> None:
        """The error names the stages around the cycle, and no other."""
        first, second, third = Drain[int](), Drain[int](), Drain[int]()

        with pytest.raises(ValueError, match="cycle: fetch >> parse >> fetch; "):
            Hand().go(
                first >> fetch | second,
                second >> parse | third | first,
                third >> fetch,
            )

    @pytest.mark.parametrize("same", [True, False])
    def test_refuses_a_cycle_closed_later(self, *, same: bool) -> None:
        """A stage that closes a cycle of earlier ones, in any pools, is refused."""
        hand = Hand()
        drains = [Drain[int]() for _ in range(3)]
        hand.go(*chain(drains))

        with pytest.raises(ValueError, match="cycle"):
            (hand if same else Hand()).go(drains[2] >> parse | drains[0])

    def test_takes_two_ways_to_one_stage(self) -> None:
        """Ways that part and meet again are no cycle."""
        hand = Hand()
        left, right, end = Drain[int](), Drain[int](), Drain[int]()
        stages = hand.go(
            each([1]) >> fetch | left | right,
            left >> parse | end,
            right >> parse | end,
        )

        assert [True] * 3 == awake(hand, *stages)
        assert [2] == feeders(end)

    def test_takes_more_ways_than_can_be_gone(self) -> None:
        """Each stage is looked at once, however many ways lead to it."""
        levels = [(Drain[int](), Drain[int]()) for _ in range(40)]
        works = [
            source >> fetch | left | right
            for sources, (left, right) in pairwise(levels)
            for source in sources
        ]

        assert 78 == len(Hand().go(*works))

    def test_takes_a_chain_of_a_thousand_stages(self) -> None:
        """No chain is too long: nothing here is as deep as the graph is."""
        hand = Hand()
        drains = [Drain[int]() for _ in range(CHAIN + 1)]
        assert sys.getrecursionlimit() <= CHAIN
        stages = hand.go(*reversed(chain(drains)))
        channel_of(drains[0]).join(None)
        woken = sum(awake(hand, *stages))
        channel_of(drains[0]).leave(None)

        assert list(reversed(range(CHAIN))) == [stage.depth for stage in stages]
        assert (CHAIN, 0) == (woken, sum(awake(hand, *stages)))


class TestOrderedFeeders:
    """One stage feeds an ordered drain."""

    def test_a_second_is_refused(self) -> None:
        """Two stages of one go() can't feed an ordered drain."""
        drain = Drain[int](ordered=True)

        with pytest.raises(ValueError, match=r"ordered.*one stage"):
            Hand().go(each([1]) >> fetch | drain, each([2]) >> parse | drain)

    @pytest.mark.parametrize("same", [True, False])
    def test_a_second_is_refused_while_the_first_is_awake(self, *, same: bool) -> None:
        """A later go(), of any pool, can't add one."""
        hand = Hand()
        drain = Drain[int](ordered=True)
        hand.go(each([1]) >> fetch | drain)

        with pytest.raises(ValueError, match=r"ordered.*one stage"):
            (hand if same else Hand()).go(2 >> parse | drain)

    def test_one_upstream_of_the_other_is_refused(self) -> None:
        """A stage and the one it feeds can't both feed an ordered drain."""
        drain, middle = Drain[int](ordered=True), Drain[int]()

        with pytest.raises(ValueError, match=r"ordered.*one stage"):
            Hand().go(each([1]) >> fetch | middle | drain, middle >> parse | drain)

    def test_a_second_is_refused_while_the_first_may_wake_again(self) -> None:
        """A stage that reads a drain feeds its own until the pool closes."""
        hand = Hand()
        drain = Drain[int](ordered=True)
        hand.go(Drain[int]() >> fetch | drain)

        with pytest.raises(ValueError, match=r"ordered.*one stage"):
            hand.go(1 >> parse | drain)

        hand.scheduler.graph.clear()
        hand.go(1 >> parse | drain)

    def test_one_may_follow_when_the_other_has_ended(self) -> None:
        """A batch that has ended makes way for the next."""
        hand = Hand()
        drain = Drain[int](ordered=True)
        hand.go(each([1]) >> fetch | drain)
        first = hand.in_turn()
        hand.go(each([2]) >> parse | drain)

        assert ["fetch(1)", "parse(2)"] == first + hand.in_turn()

    def test_one_is_forgotten_when_it_is_over(self) -> None:
        """The drain keeps no stage that has ended, with what it holds."""
        hand, drain = Hand(), Drain[int](ordered=True)
        hand.go(1 >> fetch | drain)
        before = channel_of(drain).turns
        hand.in_turn()

        assert before is not None
        assert before.feeder is None

    def test_given_workers_count_as_one(self) -> None:
        """Workers given together may drain to an ordered drain, whatever their tasks."""
        hand = Hand(limit=3)
        drain = Drain[int](ordered=True)
        hand.go(1 >> fetch | drain, 2 >> parse | drain, 3 >> fetch | drain)

        assert ["fetch(1)", "parse(2)", "fetch(3)"] == hand.started()

    def test_workers_of_a_batch_count_as_one(self) -> None:
        """The workers of a batch may bring the ordered drain along."""
        hand = Hand(limit=3)
        drain = Drain[int](ordered=True)
        hand.go(Workers([1 >> fetch | drain, 2 >> parse | drain]))

        assert ["fetch(1)", "parse(2)"] == hand.started()

    def test_a_second_is_refused_after_workers_of_a_batch(self) -> None:
        """A batch that feeds an ordered drain by its workers is its one stage."""
        hand = Hand()
        drain = Drain[int](ordered=True)
        hand.go(Workers([1 >> fetch | drain, 2 >> fetch]))
        hand.attempt()

        with pytest.raises(ValueError, match=r"ordered.*one stage"):
            hand.go(each([3]) >> parse | drain)
