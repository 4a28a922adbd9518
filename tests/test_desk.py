"""Desk: calls, and the shifts that take them, step by step and without a thread."""

from collections.abc import Callable

import pytest
from typing_extensions import override

from fluent_async._desk import Calls, Desk, Shift, Tally
from fluent_async._work import End
from hand import Step, no


pytestmark = pytest.mark.usefixtures("each_build")


class Interrupted(Step):
    """A call during whose end somebody else does something."""

    @override
    def make(self, tally: Tally, /) -> End | None:
        return self.end

    @override
    def settle(self, stand_by: Callable[[], bool]) -> bool:
        stands = stand_by()
        self.act()
        return stands


def begun(desk: Desk, *calls: Step) -> Shift:
    """Begin a shift with these calls; it ends when it would wait for its bell."""
    for call in calls:
        desk.hand_in(call)

    shift = desk.begin()
    assert shift is not None
    shift.hear = lambda: setattr(shift, "lost", True)
    return shift


def test_shift_begins_with_a_call_only() -> None:
    """Without a call there is no shift."""
    assert Desk().begin() is None


def test_shift_takes_calls_until_there_are_none() -> None:
    """A shift makes all calls in their order, and then stands by and rests."""
    desk = Desk()
    steps = [Step(), Step(), Step()]
    shift = begun(desk, *steps)
    assert desk.busy

    desk.work(shift, no, no)

    assert all(step.made for step in steps)
    assert list(desk.standing) == [shift]


def test_shift_counts_how_calls_end() -> None:
    """Those that were passed on are not counted; begun are all but the cancelled ones."""
    desk = Desk()
    ends = [End.SUCCEEDED, End.SUCCEEDED, End.FAILED, End.CANCELLED, None]
    desk.work(begun(desk, *(Step(end=end) for end in ends)), no, no)
    desk.hand_in(Step())
    desk.passed += 1

    assert desk.counts() == Calls(2, 1, 1, accepted=5, begun=3)


def test_shift_is_over_when_its_slot_is_wanted() -> None:
    """When somebody else wants the slot a shift ends after the call it is at."""
    desk = Desk()
    first, second = Step(), Step()
    desk.work(begun(desk, first, second), lambda: True, no)

    assert first.made
    assert not second.made


def test_shift_is_over_when_its_thread_is_wanted_and_no_call_waits() -> None:
    """When somebody waits for the pool to be idle a shift makes all calls and ends."""
    desk = Desk()
    steps = [Step(), Step()]
    shift = begun(desk, *steps)
    desk.work(shift, no, lambda: True)

    assert all(step.made for step in steps)
    assert not desk.standing
    assert not shift.lost


def test_shift_takes_what_is_handed_in_while_it_tells_an_end() -> None:
    """It stands by before that, and looks again after it."""
    desk = Desk()
    late = Step()
    shift = begun(desk, Interrupted(lambda: desk.backlog.append(late)))
    desk.work(shift, no, no)

    assert late.made


def test_shift_waits_for_its_bell_when_it_was_called_up_meanwhile() -> None:
    """Who took it off those that stand by rings, so it does not go on before."""
    desk = Desk()
    late = Step()
    heard: list[bool] = []

    def hand_in() -> None:
        assert desk.hand_in(late)

    shift = begun(desk, Interrupted(hand_in))

    def hear() -> None:
        heard.append(late.made)
        shift.lost = late.made

    shift.hear = hear
    desk.work(shift, no, no)

    assert heard == [False, True]


def test_shift_goes_back_when_another_took_the_call() -> None:
    """A shift that was called up for a call that is gone stands by again."""
    desk = Desk()
    shift = begun(desk, Step())
    rings = iter([False, True])
    stood: list[int] = []

    def hear() -> None:
        stood.append(len(desk.standing))
        desk.standing.clear()
        shift.lost = next(rings)

    shift.hear = hear
    desk.work(shift, no, no)

    assert stood == [1, 1]


def test_dismissed_shift_leaves_its_slot() -> None:
    """A shift that rests is ended for somebody else, and its counts are kept."""
    desk = Desk()
    shift = begun(desk, Step())
    ended: list[bool] = []
    shift.hear = lambda: ended.append(desk.dismiss())
    desk.work(shift, no, no)

    assert ended == [True]
    assert shift.lost
    assert not desk.shifts
    assert desk.counts() == Calls(1, 0, 0, accepted=1, begun=1)


def test_shift_that_does_not_rest_yet_is_not_dismissed() -> None:
    """While it tells an end it is nobody else's."""
    desk = Desk()
    ended: list[bool] = []
    shift = begun(desk, Interrupted(lambda: ended.append(desk.dismiss())))
    desk.work(shift, no, no)

    assert ended == [False]
    assert not desk.dismiss() or shift.lost


def test_closing_rings_every_shift() -> None:
    """Also for one whose caller was interrupted before it rang."""
    desk = Desk()
    shift = begun(desk, Step())
    desk.work(shift, no, no)
    rung: list[bool] = []
    shift.ring = lambda: rung.append(True)
    desk.close()

    assert rung == [True]
    assert not desk.standing


def test_call_can_be_taken_back_until_it_is_taken() -> None:
    """`withdraw` takes one call back, `clear` all; neither what a shift has."""
    desk = Desk()
    first, second, third = Step(), Step(), Step()
    begun(desk, first, second, third)

    assert not desk.withdraw(first)
    assert desk.withdraw(second)
    assert desk.clear() == [third]
    assert desk.counts() == Calls(0, 0, 1, accepted=2, begun=0)


def test_calls_a_shift_that_was_rung_already_no_second_time() -> None:
    """`close` rings every shift; one that stands by still is on its way, too."""
    desk = Desk()
    desk.hand_in(Step())
    shift = desk.begin()
    assert shift is not None
    assert shift.stand_by()
    shift.ring()

    assert desk.call_up()
    assert not desk.call_up()
