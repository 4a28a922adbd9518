"""Outcomes: what is waited for, cancelled and told of as one."""

import pytest

from fluent_async import Drain, each
from fluent_async._outcome import OnError, Outcome
from fluent_async._retry import Failure
from hand import Hand, channel_of, filled
from work import double


def failure(number: int) -> Failure:
    """Make what a failed input leaves."""
    return Failure("task", number, 1, 0.0, ValueError(number))


class TestTold:
    """Failures are kept until they are told, once."""

    def test_in_the_order_of_the_inputs(self) -> None:
        """By go() call, argument and input, whichever failed first."""
        outcome, first, last = Outcome(), failure(1), failure(2)
        outcome.fail((1, 0, 7), last)
        outcome.fail((1, 0, 3), first)
        ends = outcome.tell()

        assert [last, first] == ends.failures
        assert [first, last] == ends.in_order()

    @pytest.mark.usefixtures("each_build")
    @pytest.mark.parametrize(
        ("on_error", "left"), [("finish", [1, 2]), ("keep", [1, 2]), ("cancel", [])]
    )
    def test_before_outputs_that_wait_only_with_cancel(
        self, on_error: OnError, left: list[int]
    ) -> None:
        """Who takes outputs by itself gets no more of them then."""
        outcome, channel = Outcome(on_error, own=True), channel_of(filled(1, 2))
        outcome.outputs = (channel,)
        taking = channel.take()
        outcome.fail((1, 0, 0), failure(1))

        assert left == list(taking.values)

    def test_once(self) -> None:
        """What was told is told no more; what is fatal and what was dropped likewise."""
        outcome = Outcome()
        outcome.fail((1, 0, 0), failure(1))
        outcome.die(SystemExit())
        outcome.drop(2, 1)
        told, again = outcome.tell(), outcome.tell()

        assert 1 == len(told.failures)
        assert isinstance(told.fatal, SystemExit)
        assert (
            "2 workers did not finish, 1 iterable was not read to its end"
            == told.undone
        )
        assert ([], None, "") == (again.failures, again.fatal, again.undone)

    def test_not_at_all_if_they_are_kept(self) -> None:
        """With "keep" nobody has to be told."""
        outcome = Outcome("keep")
        outcome.fail((1, 0, 0), failure(1))

        assert [] == outcome.tell().failures
        assert 1 == len(outcome.failures)

    def test_of_what_is_fatal_the_first(self) -> None:
        """What follows from that does not hide it."""
        outcome, first = Outcome(), SystemExit(1)
        outcome.die(first)
        outcome.die(SystemExit(2))

        assert first is outcome.tell().fatal

    @pytest.mark.parametrize(
        ("on_error", "halted"), [("finish", False), ("cancel", True), ("keep", False)]
    )
    def test_at_once_with_cancel(self, on_error: OnError, *, halted: bool) -> None:
        """Else after what succeeds."""
        outcome = Outcome(on_error)
        outcome.fail((1, 0, 0), failure(1))

        assert halted is outcome.halted
        assert halted is outcome.enough


class TestApart:
    """Work with an outcome of its own runs beside the pool's, and ends by itself."""

    def test_is_idle_apart(self) -> None:
        """While the other goes on."""
        hand, own = Hand(limit=2), Outcome(own=True)
        with hand.given(own):
            hand.go(1 >> double)

        hand.go(2 >> double)
        first = hand.attempt()
        assert own.awake == hand.scheduler.outcome.awake == 1
        hand.end(first)

        assert own.idle
        assert not hand.scheduler.outcome.idle

    def test_is_cancelled_apart(self) -> None:
        """What the other has not started stays."""
        hand, own = Hand(limit=1), Outcome(own=True)
        with hand.given(own):
            hand.go(1 >> double, 2 >> double)

        hand.go(3 >> double)
        hand.scheduler.cancel(own)
        hand.stir()

        assert own.idle
        assert ["double(3)"] == hand.in_turn()
        assert (2, 0) == (own.dropped, hand.scheduler.outcome.dropped)

    def test_is_cancelled_with_the_pool(self) -> None:
        """As everything is."""
        hand, own = Hand(limit=1), Outcome(own=True)
        with hand.given(own):
            hand.go(1 >> double)

        hand.go(3 >> double)
        hand.scheduler.cancel()
        hand.stir()

        assert own.idle
        assert (1, 1) == (own.dropped, hand.scheduler.outcome.dropped)

    def test_lets_go_of_drains_and_drops_nothing_in_them(self) -> None:
        """When it is cancelled: others may want what is there."""
        hand, own, numbers = Hand(limit=1), Outcome(own=True), filled(1, 2)
        with hand.given(own):
            hand.go(numbers >> double)

        hand.scheduler.finish(own)

        assert channel_of(numbers).reader is None
        assert [1, 2] == list(numbers)

    def test_is_not_joined_with_the_other_in_one_course(self) -> None:
        """Quick stages, one from the drain of the other, have a slice each."""
        hand, own, numbers = Hand(limit=1), Outcome(own=True), Drain[int]()
        with hand.given(own):
            [last] = hand.go(numbers >> double)

        [first] = hand.go(each(range(9)) >> double | numbers)
        first.budget = last.budget = 4

        assert (first,) == hand.slice().stages
