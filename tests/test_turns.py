"""Turns: the order in which an ordered drain lets outputs in, without any thread."""

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from fluent_async._turns import Turns


def taken(inputs: int) -> Turns[str]:
    """Make turns of which so many inputs were taken, and none has ended."""
    turns = Turns[str]()
    for _ in range(inputs):
        turns.take()

    return turns


class TestTurns:
    """Numbers, heads, and what is kept."""

    def test_number_inputs_in_the_order_in_which_they_are_taken(self) -> None:
        """The first is number 0, and each the next."""
        turns = Turns[str]()

        assert [0, 1, 2] == [turns.take() for _ in range(3)]

    def test_begin_with_the_first_input(self) -> None:
        """Number 0 is the head before and while it runs."""
        assert (0, 0) == (Turns[str]().head, taken(3).head)

    def test_pass_to_the_next_when_the_head_ends(self) -> None:
        """The oldest that has not ended is the head."""
        turns = taken(3)
        list(turns.end(0))

        assert 1 == turns.head

    def test_stay_when_another_than_the_head_ends(self) -> None:
        """Whoever ends early waits for those before it."""
        turns = taken(3)

        assert [] == list(turns.end(1))
        assert 0 == turns.head

    def test_skip_those_that_have_ended_already(self) -> None:
        """The head's end passes the turn on over all that ended before it."""
        turns = taken(4)
        list(turns.end(2))
        list(turns.end(1))
        list(turns.end(0))

        assert 3 == turns.head

    def test_let_in_what_was_kept_for_the_next_head_whether_or_not_it_ended(
        self,
    ) -> None:
        """What the new head sent before its turn comes at once, its rest as it is sent."""
        turns = taken(2)
        turns.keep(1, "a")
        turns.keep(1, "b")

        assert ["a", "b"] == list(turns.end(0))
        assert 1 == turns.head

    def test_let_in_all_outputs_of_an_input_together(self) -> None:
        """Outputs come input by input, in whatever order they were kept."""
        turns = taken(3)
        for number, value in [(2, "c1"), (1, "b1"), (2, "c2"), (1, "b2")]:
            turns.keep(number, value)

        list(turns.end(1))

        assert ["b1", "b2", "c1", "c2"] == list(turns.end(0))

    def test_leave_no_gap_for_an_input_without_outputs(self) -> None:
        """An input that sent nothing is passed over."""
        turns = taken(3)
        turns.keep(2, "c")
        list(turns.end(1))

        assert ["c"] == list(turns.end(0))

    def test_count_the_inputs_past_the_oldest_unfinished_one(self) -> None:
        """The head itself is not past itself; those that ended early still count."""
        turns = taken(4)
        before = turns.past
        list(turns.end(2))
        early = turns.past
        list(turns.end(0))

        assert (3, 3, 2) == (before, early, turns.past)

    def test_have_nobody_past_the_head_when_all_have_ended(self) -> None:
        """Then the head is the next to be taken."""
        turns = taken(1)
        list(turns.end(0))

        assert (0, 0) == (Turns[str]().past, turns.past)

    def test_give_up_all_that_is_kept_in_order(self) -> None:
        """When the drain is shut nothing waits for its turn any more, nor comes later."""
        turns = taken(4)
        for number in (3, 1, 3):
            turns.keep(number, f"{number}")

        list(turns.end(1))
        gave_up = list(turns.give_up())

        assert ["1", "3", "3"] == gave_up
        assert [[], [], []] == [list(turns.end(number)) for number in (0, 2, 3)]


@given(st.lists(st.integers(0, 3), max_size=6), st.data())
def test_turns_let_in_everything_once_in_input_order(
    outputs: list[int], data: st.DataObject
) -> None:
    """Whatever order inputs send and end in, what comes is in theirs, and complete."""
    turns = Turns[tuple[int, int]]()
    todo = {turns.take(): deque(range(count)) for count in outputs}
    came: list[tuple[int, int]] = []
    while todo:
        number = data.draw(st.sampled_from(sorted(todo)))
        if not todo[number]:
            del todo[number]
            came += turns.end(number)
        elif number == turns.head:
            came.append((number, todo[number].popleft()))
        else:
            turns.keep(number, (number, todo[number].popleft()))

    everything = [(n, i) for n, count in enumerate(outputs) for i in range(count)]

    assert everything == came
    assert (len(outputs), 0) == (turns.head, turns.past)


class TestRuns:
    """Inputs that one thread works through, and what they send together."""

    def test_number_inputs_in_a_row(self) -> None:
        """A run has as many numbers as it may have inputs."""
        turns = Turns[str]()

        assert [0, 3] == [turns.take(3), turns.take()]

    def test_give_numbers_back_that_they_did_not_use(self) -> None:
        """The next input has the first of those."""
        turns = Turns[str]()
        turns.give_back(turns.take(3), used=1)

        assert 1 == turns.take()

    def test_pass_the_turn_on_over_all_their_inputs(self) -> None:
        """They end together."""
        turns = taken(5)
        turns.keep(3, "d")

        assert ["d"] == list(turns.end_run(0, 3))
        assert 3 == turns.head

    def test_that_end_early_wait_for_the_head(self) -> None:
        """What they sent is let in as a whole, in its turn."""
        turns = taken(5)
        turns.run(1).extend("bcd")
        early = list(turns.end_run(1, 4))

        assert ([], list("bcd")) == (early, list(turns.end(0)))
        assert 4 == turns.head

    def test_without_an_input_are_as_if_they_had_not_been(self) -> None:
        """Nothing is kept for their number, which is the next one's."""
        turns = taken(1)
        first = turns.take(4)
        kept = turns.run(first)
        turns.give_back(first, used=0)

        assert kept is not turns.run(first)
        assert [] == list(turns.end_run(first, first))
        assert 1 == turns.take()
