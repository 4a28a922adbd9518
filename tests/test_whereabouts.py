"""Whereabouts: what a thread is at in a slice, as its frames tell."""

import sys

from fluent_async import each, task
from fluent_async._whereabouts import at
from hand import Hand
from test_course import Line


def test_of_a_worker_are_its_task_and_input() -> None:
    """What was given as a worker of its own is told as what it was made of."""
    hand, told = Hand(), list[object]()

    @task
    def look(number: int) -> None:
        told.append(at(sys._getframe()))  # noqa: SLF001

    hand.go(1 >> look)
    hand.perform_all()

    assert [("look", 1)] == told


def test_of_an_iterable_are_the_input_that_was_pulled() -> None:
    """An input that came from a batch is told as it came."""
    hand, told = Hand(), list[object]()

    @task
    def look(number: int) -> None:
        told.append(at(sys._getframe()))  # noqa: SLF001

    hand.go(each([1, 2]) >> look)
    hand.perform_all()

    assert [("look", 1), ("look", 2)] == told


def test_in_a_course_are_the_stage_that_the_input_is_in() -> None:
    """The input is that of the stage it is in, not that of the first."""
    line, told = Line([1]), list[object]()
    for name in "fgh":
        line.meanwhile[f"{name}(1)"] = lambda: told.append(
            at(sys._getframe())  # noqa: SLF001
        )

    line.hand.perform(line.course())

    assert [("f", 1), ("g", 1), ("h", 1)] == told


def test_outside_of_any_slice_are_nothing() -> None:
    """A thread that is elsewhere is at nothing."""
    assert at(sys._getframe()) is None  # noqa: SLF001
