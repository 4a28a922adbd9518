"""Slices into ordered drains, driven by hand: quick inputs keep their order, too."""

import math

import pytest

from fluent_async import Drain, each, task
from fluent_async._channel import Channel
from fluent_async._retry import Policy
from fluent_async._slice import Slice
from fluent_async._stage import Stage
from hand import Hand, channel_of


pytestmark = pytest.mark.usefixtures("each_build")


@task
def quick(number: int) -> int:
    """Be worked through in slices."""
    if number < 0:
        raise ValueError(number)

    return number


class Batch:
    """A batch that is known to be quick, drained in order, in a pool driven by hand."""

    def __init__(
        self, values: list[int] | range, *, limit: int = 3, maxsize: int = 0
    ) -> None:
        self.drain = Drain[int](maxsize, ordered=True)
        self.channel: Channel[int] = channel_of(self.drain)
        self.hand = Hand(limit)
        self.stage: Stage
        [self.stage] = self.hand.go(each(values) >> quick | self.drain)
        self.stage.budget = 4

    def begun(self, inputs: int = 1) -> Slice:
        """Have a thread take a slice, finish so many of its inputs, and no more."""
        slice_ = self.hand.slice()
        for _ in range(inputs):
            slice_.outlet.append(next(slice_.inputs))

        return slice_

    def let_go(self, inputs: int = 1) -> Slice:
        """Have a thread do so, and others take the right to pull from it."""
        slice_ = self.begun(inputs)
        slice_.arm()
        self.hand.scheduler.leases.let_go(slice_)
        return slice_

    @property
    def there(self) -> list[int]:
        """What is in the drain."""
        return list(self.channel.values)


class TestOrder:
    """Outputs come in the order of their inputs, whichever thread ends first."""

    def test_comes_as_it_is_made_from_the_oldest(self) -> None:
        """The thread of the oldest input leaves outputs in the drain itself."""
        batch = Batch(range(9))
        batch.begun(2)

        assert [0, 1] == batch.there

    def test_waits_for_the_slices_before(self) -> None:
        """What a later one makes is kept until those have ended."""
        batch = Batch(range(9))
        first, second, third = batch.let_go(2), batch.let_go(3), batch.let_go(1)
        batch.hand.settle(third)
        batch.hand.settle(second)
        before = batch.there
        batch.hand.settle(first)

        assert ([0, 1], [0, 1, 2, 3, 4, 5]) == (before, batch.there)

    def test_comes_when_its_turn_does(self) -> None:
        """A slice that goes on when those before it have ended need not end for that."""
        batch = Batch(range(9))
        first, second = batch.let_go(2), batch.begun(2)
        batch.hand.settle(first)

        assert [0, 1, 2, 3] == batch.there
        assert second.armed  # it has what comes yet to itself, and is to hand it over

        second.outlet.append(next(second.inputs))
        batch.hand.settle(second)

        assert [0, 1, 2, 3, 4] == batch.there

    def test_gives_turns_back_that_were_not_used(self) -> None:
        """A slice that others took the source from has the turns of what it pulled."""
        batch = Batch(range(9))
        first = batch.let_go(1)
        second = batch.hand.slice()
        batch.hand.scheduler.leases.let_go(second)
        third = batch.begun(2)
        batch.hand.settle(second)
        batch.hand.settle(first)

        assert [0, 1, 2] == batch.there

        batch.hand.settle(third)
        batch.hand.perform_all()

        assert list(range(9)) == batch.there

    def test_is_kept_through_a_retry(self) -> None:
        """What comes after an input that failed waits for its next attempt."""
        batch = Batch([0, 1, -2, 3, 4])
        batch.hand.policy = Policy.of(2, 0.0, Exception)
        batch.hand.perform_all()
        before = batch.there
        batch.hand.now = math.inf
        batch.hand.perform_all()

        assert ([0, 1], [0, 1, 3, 4]) == (before, batch.there)
        assert 1 == len(batch.hand.scheduler.outcome.failures)

    def test_leaves_no_gap_for_an_input_that_failed(self) -> None:
        """Nor for one that was dropped."""
        batch = Batch([-1, 1, -2, 3])
        batch.hand.perform_all()

        assert [1, 3] == batch.there

    def test_is_kept_when_the_drain_is_shut(self) -> None:
        """What was made before that was in time; what comes then is late."""
        batch = Batch(range(9))
        first, second = batch.let_go(2), batch.let_go(2)
        batch.drain.shut_down()
        second.outlet.append(9)
        batch.hand.settle(second)
        batch.hand.settle(first)

        assert [0, 1, 2, 3] == batch.there
        assert 1 == batch.hand.scheduler.accounts.cancelled

    def test_is_kept_over_several_tries(self) -> None:
        """A new head that has sent nothing yet changes nothing."""
        batch = Batch(range(9))
        first = batch.let_go(1)
        second = batch.hand.slice()
        batch.hand.settle(first)
        second.outlet.append(next(second.inputs))
        batch.hand.settle(second)

        assert [0, 1] == batch.there


class TestWindow:
    """How far ahead of the oldest unfinished input others are taken."""

    @pytest.mark.parametrize(("limit", "maxsize", "most"), [(1, 1, 2), (2, 1, 3)])
    def test_bounds_a_slice(self, limit: int, maxsize: int, most: int) -> None:
        """A slice is no longer than the window."""
        batch = Batch(range(9), limit=limit, maxsize=maxsize)

        assert most == batch.hand.slice().size

    def test_counts_what_waits_to_be_taken(self) -> None:
        """Values in the drain are part of it."""
        batch = Batch(range(9), limit=2, maxsize=2)
        batch.hand.settle(batch.let_go(3))

        assert 1 == batch.hand.slice().size

    def test_is_shared_with_a_thread_that_is_slow(self) -> None:
        """Others take the places that a slice keeps and does not use."""
        batch = Batch(range(9), limit=2, maxsize=2)
        slow = batch.begun(0)
        next(slow.inputs)

        assert batch.hand.scheduler.shared()
        assert batch.hand.next() is None

        other = batch.hand.slice(patient=True)

        assert (0, 1) == (next(slow.inputs, 0), next(other.inputs))


def test_room_that_a_slow_slice_keeps_is_shared() -> None:
    """So it is in a drain that is not ordered, if it has a bound."""
    hand, drain = Hand(2), Drain[int](maxsize=4)
    [stage] = hand.go(each(range(9)) >> quick | drain)
    stage.budget = 4
    slow = hand.slice()
    next(slow.inputs)

    assert hand.scheduler.shared()
    assert hand.next() is None
    assert 1 == next(hand.slice(patient=True).inputs)
