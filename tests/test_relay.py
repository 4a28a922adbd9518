"""Relays: slices of inputs that take long, which share an iterable pull by pull."""

import gc
import threading
import weakref
from collections.abc import Iterator
from typing import SupportsIndex, TypeVar
from unittest.mock import Mock

import pytest
from typing_extensions import override

from fluent_async import Drain, Pool, each, task
from fluent_async._agenda import Agenda
from fluent_async._channel import Channel
from fluent_async._relay import LAPS, Relay
from fluent_async._sources import Values
from fluent_async._threads import KEPT
from fluent_async._wait import Waiter
from fluent_async._worker import Workers
from hand import Hand, filled
from support import TIMEOUT, Gate, poll


pytestmark = pytest.mark.usefixtures("each_build")


T = TypeVar("T")


@task
def slow(number: int) -> int:
    """Take long, or fail."""
    if number < 0:
        raise ValueError(number)

    return number


@task(retry=2, backoff=5)
def again(number: int) -> int:
    """Be tried again."""
    return number


def shared(hand: Hand, batch: Workers[int]) -> Values:
    """Give a batch whose inputs are known to take long; return what it iterates."""
    [stage] = hand.go(batch)
    stage.slow = True
    assert isinstance(stage.source, Values)
    return stage.source


def relay(hand: Hand) -> Relay:
    """Have a thread take the next slice, which is a relay."""
    slice_ = hand.slice()
    assert isinstance(slice_, Relay)
    return slice_


class TestPulls:
    """Each thread pulls its next input by itself, while others are at theirs."""

    def test_come_one_by_one(self) -> None:
        """Who is free first takes the next input."""
        hand = Hand(2)
        shared(hand, each(range(9)) >> slow)
        first, second = relay(hand), relay(hand)

        assert [0, 1, 2, 3] == [
            next(first.inputs),
            next(second.inputs),
            next(second.inputs),
            next(first.inputs),
        ]

    def test_begin_while_another_thread_is_at_its_input(self) -> None:
        """Nothing has to be let go of for that."""
        hand = Hand(2)
        shared(hand, each(range(9)) >> slow)
        next(relay(hand).inputs)

        assert hand.scheduler.more(hand.now)

    def test_are_single_until_somebody_knows_how_long_inputs_take(self) -> None:
        """The first slice tells whether a lease is worth more."""
        hand = Hand()
        hand.go(each(range(9)) >> slow)

        assert [0] == hand.work_through(relay(hand))

    def test_are_counted_after_so_many(self) -> None:
        """A relay that is over tells how long its inputs take now."""
        hand = Hand()
        shared(hand, each(range(2 * LAPS)) >> slow)

        assert LAPS == len(hand.work_through(relay(hand)))

    def test_leave_room_for_those_of_others(self) -> None:
        """Each takes its share of the room that is left, and one input at least."""
        hand = Hand(4)
        shared(hand, each(range(99)) >> slow | Drain[int](maxsize=8))

        assert [2, 1] == [relay(hand).size, relay(hand).size]

    def test_use_no_more_room_than_they_fill(self) -> None:
        """A relay that has not begun keeps room for what it may send, and no more."""
        hand = Hand(3)
        shared(hand, each(range(9)) >> slow | Drain[int](maxsize=3))

        assert [1, 1, 1] == [relay(hand).size for _ in range(3)]

    @pytest.mark.parametrize("budget", [1, 4])
    def test_leave_the_iterable_to_others_without_room(
        self, budget: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Another pool may be quicker to take the room; nothing is kept then."""
        hand = Hand()
        source = shared(hand, each(range(9)) >> slow | Drain[int](maxsize=8))
        [stage] = hand.scheduler.graph.awake
        stage.budget = budget
        monkeypatch.setattr(Channel, "lease", lambda *_: False)

        assert hand.next() is None
        assert [True] == source.baton

    def test_keep_the_order_of_an_ordered_drain(self) -> None:
        """There, one thread at a time takes inputs, with their turns."""
        hand = Hand(2)
        shared(hand, each(range(9)) >> slow | Drain[int](ordered=True))

        assert not isinstance(hand.slice(), Relay)


class TestBaton:
    """Who has it is in the iterable, and nobody else is."""

    def test_is_found_by_one(self) -> None:
        """T5: Nobody waits for a thread that is in the iterable: who finds none stops."""
        # 1. A takes the baton, and is in the iterable.
        # 2. B finds no baton: it stops, and the iterable counts as not read.
        # 3. A gets its input, and puts the baton back.
        hand = Hand(2)

        def numbers() -> Iterator[int]:
            yield 0
            assert [] == hand.work_through(second)
            yield 1

        source = shared(hand, each(numbers()) >> slow)
        first, second = relay(hand), relay(hand)

        assert [0, 1] == [next(first.inputs), next(first.inputs)]
        assert not source.read

    def test_is_wanted_by_who_parks_without_it(self) -> None:
        """The thread that puts it back has others look before it begins its input."""
        # 1. A is in the iterable.
        # 2. B looks for work, finds no baton, and parks.
        # 3. A puts the baton back, and sees that.
        hand = Hand(2)

        def numbers() -> Iterator[int]:
            yield 0
            assert hand.next() is None
            yield 1

        source = shared(hand, each(numbers()) >> slow)
        first = relay(hand)
        next(first.inputs)
        before = first.armed
        next(first.inputs)

        assert (False, True) == (before, first.armed)

        relay(hand)

        assert not source.wanted

    def test_is_looked_for_again_by_who_wants_it(self) -> None:
        """It may come back before the thread that puts it back can see that."""
        # 1. B finds no baton.
        # 2. A puts it back, and looks whether it is wanted: it is not.
        # 3. B says that it is wanted, and looks again.
        hand = Hand(2)
        source = shared(hand, each(range(9)) >> slow)
        taken: list[bool] = []

        class ComesBack(list[bool]):
            @override
            def pop(self, index: SupportsIndex = -1, /) -> bool:
                if not taken:
                    taken.append(source.wanted)
                    raise IndexError

                return super().pop(index)

        source.baton = ComesBack([True])

        assert source.claim()
        assert ([False], False) == (taken, source.wanted)

    def test_is_kept_by_a_lease(self) -> None:
        """A relay stops when somebody has a lease, since inputs were quick lately."""
        hand = Hand(2)
        shared(hand, each(range(9)) >> slow)
        first = relay(hand)
        [stage] = first.stages
        stage.budget = 4
        leased = hand.slice()

        assert [] == hand.work_through(first)
        assert [0, 1, 2, 3] == hand.work_through(leased)
        assert [4] == hand.work_through(hand.slice())[:1]

    def test_stays_out_until_all_know_that_the_iterable_has_ended(self) -> None:
        """Nobody asks an iterable again that has ended."""
        # 1. A is told that there is no more input.
        # 2. B finds no baton.
        # 3. A says so; C, which began before, finds the baton and asks nobody.
        asked: list[int] = []

        class Ends:
            def __iter__(self) -> "Ends":
                return self

            def __next__(self) -> int:
                asked.append(1)
                raise StopIteration

        hand = Hand(3)
        source = shared(hand, each(Ends()) >> slow)
        first, second, third = relay(hand), relay(hand), relay(hand)

        assert [] == list(first.inputs)
        assert [] == hand.work_through(second)

        hand.settle(first)

        assert [] == hand.work_through(third)
        assert ([1], True) == (asked, source.read)
        assert hand.scheduler.idle()


class TestEnd:
    """A relay whose thread has stopped."""

    def test_keeps_nothing_alive(self) -> None:
        """An iterable is freed when it was read, without the collector."""

        class Numbers:
            def __iter__(self) -> Iterator[int]:
                return self

            def __next__(self) -> int:
                raise StopIteration

        hand, numbers = Hand(), Numbers()
        alive = weakref.ref(numbers)
        gc.collect()
        gc.disable()
        try:
            shared(hand, each(numbers) >> slow)
            del numbers
            hand.perform(relay(hand))
            left = alive()
        finally:
            gc.enable()

        assert left is None


class TestStops:
    """A relay stops before its next input when its thread is wanted elsewhere."""

    def stopped(self, hand: Hand) -> bool:
        """Say whether a relay stops after its first input."""
        return 1 == len(hand.work_through(self.first))

    def start(self, hand: Hand) -> None:
        """Begin a relay."""
        shared(hand, each(range(9)) >> slow)
        self.first = relay(hand)

    def test_for_no_reason_not(self) -> None:
        """If nothing else is to do, it goes on to the end of the iterable."""
        hand = Hand()
        self.start(hand)

        assert 9 == len(hand.work_through(self.first))

    def test_for_another_stage(self) -> None:
        """Which of them comes next is for the pool to say."""
        hand = Hand()
        self.start(hand)
        hand.go(filled(1) >> slow)

        assert self.stopped(hand)

    @pytest.mark.parametrize(("delay", "stops"), [(0, True), (9e9, False)])
    def test_for_a_retry_that_is_due(self, *, delay: float, stops: bool) -> None:
        """One that is not due yet is left alone."""
        hand = Hand()
        self.start(hand)
        work = self.first.stage.work(1)
        hand.scheduler.agenda.add(work, delay)

        assert stops == self.stopped(hand)

    def test_for_who_wants_a_slot_back(self) -> None:
        """An attempt that has waited goes on before new inputs begin."""
        hand = Hand()
        self.start(hand)
        hand.scheduler.slots.resuming.append(Waiter())

        assert self.stopped(hand)

    def test_for_a_call_that_was_handed_in(self) -> None:
        """Calls and inputs take turns."""
        hand = Hand()
        self.start(hand)
        hand.scheduler.desk.backlog.append(Mock())

        assert self.stopped(hand)


class TestFailures:
    """What fails is told with the number of its input, whoever pulled it."""

    def test_are_in_the_order_of_inputs(self) -> None:
        """Relays do not have consecutive inputs; the order is that of the iterable."""
        with Pool(3, on_error="keep") as pool, Gate() as gate:

            @task
            def fail(number: int) -> None:
                gate.arrive()
                raise ValueError(number)

            pool.go(each(range(3)) >> fail)
            gate.wait_for(3)

        assert [0, 1, 2] == [failure.input for failure in pool.errors()]

    def test_of_the_iterable_come_where_its_next_input_would(self) -> None:
        """After those of the inputs that it gave before."""

        def numbers() -> Iterator[int]:
            yield -1
            yield -2
            raise OSError

        hand = Hand()
        shared(hand, each(numbers()) >> slow)
        hand.perform_all()
        failures = hand.scheduler.outcome.failures

        assert [(1, 0, 0), (1, 0, 1), (1, 0, 2)] == sorted(key for key, _ in failures)


class TestRoom:
    """A relay keeps room only as long as nobody else wants it."""

    def test_is_given_back_to_whose_turn_it_is(self) -> None:
        """An input that waits for a later one does not wait for ever."""
        late = threading.Event()

        @task
        def waits(number: int) -> int:
            if number == 149:
                late.set()

            if number == 20:
                late.wait(TIMEOUT)

            return sum(range(5000)) + number  # takes long

        with Pool(2) as pool:
            pool.go(each(range(150)) >> waits | Drain[int](maxsize=151))
            pool.wait(TIMEOUT)

        assert late.is_set()

    def test_is_kept_for_one_input_until_it_begins(self) -> None:
        """Else relays that need room could take it from each other, and none begin."""
        hand, drain = Hand(2), Drain[int](maxsize=20)
        shared(hand, each(range(99)) >> slow | drain)
        one = relay(hand)
        before = one.promised()
        for _ in range(2):  # others may want it again and again
            one.yield_room()

        kept = one.promised()
        pulled = [next(one.inputs)]
        one.yield_room()

        assert (10, 1, 1) == (before, kept, one.promised())
        assert [0] == pulled + list(one.inputs)

    def test_is_none_for_one_that_was_closed_before_it_began(self) -> None:
        """Nothing is left to give back."""
        hand = Hand()
        shared(hand, each(range(9)) >> slow | Drain[int](maxsize=9))
        one = relay(hand)
        one.close()
        one.yield_room()

        assert 0 == one.promised()


class TestCancelled:
    """A relay of a pool that was cancelled."""

    def test_does_not_begin_what_it_pulls_then(self) -> None:
        """The input that the iterable was asked for is dropped."""
        calls = list[int]()

        @task
        def note(number: int) -> int:
            calls.append(number)
            return number

        def numbers() -> Iterator[int]:
            yield 0
            hand.scheduler.cancel()
            yield 1

        hand = Hand()
        shared(hand, each(numbers()) >> note)
        hand.perform(relay(hand))
        now = hand.scheduler.stats(threads=0)

        assert ([0], 1, 1) == (calls, now.succeeded, now.cancelled)


class TestAgenda:
    """What waits for its next attempt."""

    def test_is_looked_at_while_others_take_from_it(self) -> None:
        """The only timer may be gone by the time that it is read."""
        # 1. A thread sees that there is a timer.
        # 2. Another one takes it.
        # 3. The first looks when it is due.
        agenda = Agenda()

        class Emptied(list[T]):
            def __bool__(self) -> bool:
                self.clear()
                return True

        work = Hand().go(1 >> again)[0].work(1 >> again)
        agenda.timers = Emptied([(0.0, 0, work)])

        assert agenda.is_due(lambda: 1.0)


class TestWindingUp:
    """A pool whose block is left keeps few threads that have nothing to do."""

    def test_ends_threads_before_the_last_has(self) -> None:
        """They need not all be woken again, only to end."""
        pool = Pool(3 * KEPT)
        with pool, Gate() as gate:

            @task
            def hold(number: int) -> bool:
                gate.arrive()
                return number > 0 or poll(lambda: pool.stats().threads == KEPT + 1)

            drain = Drain[bool]()
            pool.go(each(range(3 * KEPT)) >> hold | drain)
            gate.wait_for(3 * KEPT)

        assert all(drain.drain())
