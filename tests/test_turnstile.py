"""Turnstiles: what a thread takes step by step, until others stop it; with and without a GIL."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from itertools import repeat
from operator import length_hint

import pytest

from fluent_async import _turnstile
from fluent_async._taking import Taking
from fluent_async._turnstile import Tickets, Turnstile
from support import TIMEOUT


ARGUMENTS = ((),)


def through(turnstile: Turnstile, source: deque[int], size: int) -> Iterator[int]:
    """Take so many from a source."""
    return turnstile.through(source.popleft, repeat((), size), repeat(1, size))


class TestTurnstile:
    """One thread takes things, step by step, until another one shuts it."""

    def test_lets_as_many_through_as_there_are_places(self) -> None:
        """What is left stays where it is."""
        source = deque([1, 2, 3])

        assert [1, 2] == list(through(Turnstile(), source, 2))
        assert deque([3]) == source

    def test_lets_nothing_through_once_shut(self) -> None:
        """Shutting it again changes nothing."""
        turnstile = Turnstile()
        steps = through(turnstile, deque([1, 2, 3]), 3)
        assert 1 == next(steps)
        turnstile.shut()
        turnstile.shut()

        assert [] == list(steps)
        assert [] == list(steps)

    def test_lets_one_more_through_when_told(self) -> None:
        """Then it is shut."""
        turnstile = Turnstile()
        steps = through(turnstile, deque([1, 2, 3]), 3)
        turnstile.shut_after_next()

        assert [1] == list(steps)

    def test_is_busy_during_a_step(self) -> None:
        """And not before it, nor after."""
        turnstile, seen = Turnstile(), list[bool]()
        steps = turnstile.through(
            lambda: seen.append(turnstile.busy), ARGUMENTS, repeat(1, 1)
        )
        before = turnstile.busy
        next(steps)

        assert [False, True, False] == [before, *seen, turnstile.busy]

    def test_counts_a_thing_before_the_step_is_over(self) -> None:
        """So who finds no step under way knows how many there were."""
        turnstile, counted = Turnstile(), list[bool]()

        def counter() -> Iterator[int]:
            counted.append(turnstile.busy)
            yield 1

        next(turnstile.through(lambda: 7, ARGUMENTS, counter()))

        assert [True] == counted

    def test_stays_busy_after_a_step_that_gave_nothing(self) -> None:
        """The source has ended."""
        turnstile = Turnstile()
        empty = iter(())
        steps = turnstile.through(next, repeat((empty,), 3), repeat(1, 3))

        assert [] == list(steps)
        assert turnstile.busy

    def test_says_how_many_steps_may_begin_yet(self) -> None:
        """All that there are places for; one, before the last; and none at the end."""
        free, last, shut = Turnstile(), Turnstile(), Turnstile()
        last.shut_after_next()
        shut.shut()
        most = [each.most(3) for each in (free, last, shut)]
        list(through(last, deque([1, 2]), 2))
        list(through(shut, deque([1, 2]), 2))

        assert [3, 1, 0] == most
        assert [3, 0, 0] == [each.most(3) for each in (free, last, shut)]

    @pytest.mark.slow
    @pytest.mark.parametrize("moment", range(0, 2000, 10))
    def test_takes_nothing_after_it_was_shut_and_has_settled(self, moment: int) -> None:
        """T9: However two threads that shut it meet the one that takes."""
        turnstile, source, counter = Turnstile(), deque(range(2000)), repeat(1, 2000)
        taken, left = list[int](), list[int]()
        begun = threading.Barrier(3)

        def take() -> None:
            begun.wait(TIMEOUT)
            places = repeat((), 2000)
            taken.extend(turnstile.through(source.popleft, places, counter))

        def shut() -> None:
            begun.wait(TIMEOUT)
            while len(source) > 2000 - moment:
                pass

            turnstile.shut()
            turnstile.settle()
            left.append(len(source))

        run_all(take, shut, shut)

        assert [len(source)] * 2 == left
        assert list(range(2000)) == [*taken, *source]
        assert len(source) == length_hint(counter)

    def test_settles_when_the_step_under_way_has_ended(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Meanwhile other threads run: the one that is in the step among them."""
        turnstile = Turnstile()
        seen: list[bool] = []

        def inside() -> int:
            monkeypatch.setattr(_turnstile, "_let_others_run", finish)
            turnstile.settle()
            return 0

        def finish() -> None:
            seen.append(turnstile.busy)
            turnstile._passes.append(1)  # noqa: SLF001  (as the thread would)

        list(turnstile.through(inside, repeat((), 1), repeat(1, 1)))

        assert [True] == seen


class TestTickets:
    """Places that one thread takes and any other takes back."""

    def test_are_so_many(self) -> None:
        """One for each step of the iterator."""
        tickets = Tickets(3)
        places = iter(tickets)
        next(places)

        assert 2 == tickets.left
        assert 2 == len(list(places))
        assert 0 == tickets.left

    def test_are_gone_when_they_were_taken_back(self) -> None:
        """For whoever counts them, and for the thread, which may ask again."""
        tickets = Tickets(3)
        places = iter(tickets)
        next(places)
        tickets.take_back()

        assert 0 == tickets.left
        assert [] == list(places)
        assert [] == list(places)
        assert 0 == tickets.left

    @pytest.mark.slow
    @pytest.mark.parametrize("count", range(0, 2000, 10))
    def test_are_none_once_they_were_taken_back(self, count: int) -> None:
        """T9: However that meets the thread's steps."""
        tickets, taken, left = Tickets(count), list[int](), list[int]()
        begun = threading.Barrier(2)

        def take() -> None:
            begun.wait(TIMEOUT)
            taken.extend(tickets)

        def take_back() -> None:
            begun.wait(TIMEOUT)
            tickets.take_back()
            left.append(tickets.left)

        run_all(take, take_back)

        assert len(taken) <= count
        assert [0] == left


@pytest.mark.usefixtures("each_build")
def test_thread_that_did_not_begin_a_taking_may_iterate_it() -> None:
    """T9: It ends for that one at once, or gives it a value that nobody else gets."""
    source = deque(range(100))
    own = Taking(source.popleft, 100).own
    taken = [next(own)]
    run_all(lambda: taken.extend(own))
    taken.extend(own)

    assert list(range(100)) == taken


def run_all(*acts: Callable[[], object]) -> None:
    """Run each in a thread of its own, to its end."""
    threads = [threading.Thread(target=act) for act in acts]
    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join(TIMEOUT)
