"""Pours: streams whose inputs one thread works through; each output goes out at once."""

import gc
import sys
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from functools import partial
from itertools import count, islice
from operator import length_hint

import pytest
from typing_extensions import override

from beside import Waits, beside
from explorer import Explorer
from fluent_async import Drain, Pool, Task, each, sleep, stream, task
from fluent_async._channel import Channel
from fluent_async._pour import BURST, NOTHING, Opened, Pour, cut_short, pour_through
from fluent_async._stage import Stage
from fluent_async._whereabouts import at
from fluent_async.errors import DrainClosed, PoolCancelled
from fluent_async.typing import TakesMany
from hand import Hand, channel_of
from support import TIMEOUT, Gate, poll


pytestmark = pytest.mark.usefixtures("each_build")


Act = Callable[[], object]
variable = ContextVar("variable", default="unset")


class Spring:
    """A stream in a pool that is driven by hand, known to be quick.

    Each input gives itself, as often as `outputs` says. `meanwhile` says what happens
    before an output of an input is made, or after the last, as if another thread did it.
    """

    def __init__(
        self,
        inputs: Iterable[int],
        drain: Drain[int] | None = None,
        *,
        outputs: int = 3,
    ) -> None:
        self.outputs = outputs
        self.meanwhile: dict[tuple[int, int], Act] = {}
        self.closed: list[int] = []
        self.drain = Drain[int]() if drain is None else drain
        self.channel: Channel[int] = channel_of(self.drain)
        self.hand = Hand(limit=3)
        self.stage: Stage
        [self.stage] = self.hand.go(each(inputs) >> self.task() | self.drain)
        self.stage.budget = 4

    def task(self) -> Task[[int], Iterator[int], int]:
        """Make the task."""

        @stream
        def spring(number: int) -> Iterator[int]:
            try:
                for place in range(self.outputs):
                    self.meanwhile.get((number, place), int)()
                    yield number

                self.meanwhile.get((number, self.outputs), int)()
            except GeneratorExit:
                self.closed.append(number)
                raise

        return spring

    def pour(self) -> Pour:
        """Take the next job, which is a pour."""
        job = self.hand.next()
        assert isinstance(job, Pour)
        return job

    @property
    def there(self) -> list[int]:
        """What is in the drain."""
        return list(self.channel.values)

    def counts(self) -> tuple[int, int, int, int]:
        """Return how many inputs were accepted, succeeded, failed, and were cancelled."""
        now = self.hand.scheduler.stats(threads=0)
        return now.accepted, now.succeeded, now.failed, now.cancelled


def raises() -> None:
    """Fail."""
    raise ValueError


def in_turn(*acts: Act) -> Act:
    """Do one after the other."""

    def act() -> None:
        for each_act in acts:
            each_act()

    return act


class TestPour:
    """One thread takes one input after the other, and sends what comes of each."""

    def test_sends_each_output_before_the_next_is_made(self) -> None:
        """What was yielded is in the drain when the generator goes on."""
        spring = Spring([7])
        seen: list[int] = []
        for place in range(4):
            spring.meanwhile[7, place] = lambda: seen.append(len(spring.drain))

        spring.hand.perform(spring.pour())

        assert [0, 1, 2, 3] == seen

    def test_counts_inputs_not_outputs(self) -> None:
        """An input succeeds when its last output is out."""
        spring = Spring(range(9))
        spring.hand.perform(spring.pour())

        assert [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3] == spring.there
        assert (4, 4, 0, 0) == spring.counts()

    def test_takes_inputs_that_take_long_one_by_one(self) -> None:
        """Each is a pour of its own then, too."""
        spring = Spring(range(9))
        spring.stage.budget = 1

        assert 1 == spring.pour().size

    def test_asks_the_drain_again_after_a_burst(self) -> None:
        """However many outputs an input has, all of them come."""
        spring = Spring([1, 2], outputs=2 * BURST + 1)
        spring.hand.perform_all()

        assert 4 * BURST + 2 == len(spring.drain)

    def test_needs_no_drain(self) -> None:
        """Outputs that go nowhere are made all the same."""
        made: list[int] = []

        @stream
        def count(number: int) -> Iterator[int]:
            for output in range(number):
                yield output
                made.append(output)

        hand = Hand()
        hand.go(each([BURST + 1]) >> count)
        hand.perform_all()

        assert list(range(BURST + 1)) == made

    def test_takes_any_iterable(self) -> None:
        """A function may return what is not made as it goes."""
        out = Drain[int]()

        @stream
        def pair(number: int) -> list[int]:
            return [number, -number]

        hand = Hand()
        hand.go(1 >> pair | out, each([2, 3]) >> pair | out)
        hand.perform_all()

        assert [1, -1, 2, -2, 3, -3] == out.drain()

    def test_lets_go_of_an_output_while_the_next_is_made(self) -> None:
        """Once it was taken from the drain, nothing holds it."""

        class Value:
            pass

        out = Drain[Value]()
        alive: list[bool] = []

        @stream
        def values(_: int) -> Iterator[Value]:
            ref = weakref.ref(value := Value())
            yield value
            del value
            next(iter(out))
            alive.append(ref() is not None)

        with Pool(1) as pool:
            pool.go(each([1]) >> values | out)

        assert [False] == alive

    def test_is_told_by_its_task_and_input(self) -> None:
        """Where its thread is, is seen from the call and from between two outputs."""
        told = list[object]()
        hand = Hand()

        @stream
        def look(number: int) -> Iterator[int]:
            for _ in range(2):
                told.append(at(sys._getframe()))  # noqa: SLF001
                yield number

        hand.go(each([5]) >> look | Drain[int]())
        hand.perform_all()

        assert [("look", 5)] * 2 == told


class TestContext:
    """An input has one context, from its first output to its last."""

    def spring(self, seen: list[str]) -> Spring:
        """Make one whose inputs say what they see, and change it before each output."""
        spring = Spring([1, 2, 3], outputs=2)

        def change() -> None:
            seen.append(variable.get())
            variable.set(f"{len(seen)}")

        spring.meanwhile = {(n, place): change for n in (1, 2, 3) for place in range(3)}
        return spring

    def test_keeps_what_the_input_set(self) -> None:
        """Between two outputs as well, where its thread asks the drain; not to the next."""
        seen: list[str] = []
        spring = self.spring(seen)
        spring.hand.perform(spring.pour())

        assert ["unset", "1", "2", "unset", "4", "5", "unset", "7", "8"] == seen

    def test_begins_as_a_copy_of_that_of_go(self) -> None:
        """What was set there is seen by each input anew."""
        seen: list[str] = []
        spring = self.spring(seen)
        context = copy_context()
        context.run(variable.set, "given")
        spring.stage.base = context
        spring.hand.perform_all()

        assert ["given", "1", "2", "given", "4", "5", "given", "7", "8"] == seen
        assert "given" == context[variable]

    def test_is_that_in_which_the_generator_is_closed(self) -> None:
        """What it does at its end sees what it has set."""
        seen: list[str] = []
        hand = Hand()

        @stream
        def endless(number: int) -> Iterator[int]:
            variable.set("set")
            try:
                while True:
                    yield number
                    hand.scheduler.cancel()
            finally:
                seen.append(variable.get())

        hand.go(each([1]) >> endless | Drain[int]())
        hand.perform_all()

        assert ["set"] == seen


class TestRoom:
    """Its drain holds no more than it may, and keeps no room for what is not made."""

    def test_is_left_to_others_between_two_outputs(self) -> None:
        """Whoever sends meanwhile finds all the room that is not taken, and no more."""
        spring = Spring([1], Drain(maxsize=3))

        def sends() -> None:
            spring.drain.send(8, timeout=0)
            spring.drain.send(9, timeout=0)
            with pytest.raises(TimeoutError):
                spring.drain.send(10, timeout=0)

            assert [1, 8] == list(islice(spring.drain, 2))

        spring.meanwhile[1, 1] = sends
        spring.hand.perform(spring.pour())

        assert ([9, 1, 1], (1, 1, 0, 0)) == (spring.there, spring.counts())

    def test_counts_the_output_that_is_on_its_way(self) -> None:
        """1. A place is taken. 2. Others ask for room. 3. The output is added."""
        spring = Spring([1], Drain(maxsize=2))
        pour = spring.pour()
        pour.widen(2)
        pour.adding = True
        next(pour.places)

        assert 2 == pour.promised()
        assert 1 == spring.channel.room(3)
        assert (0, 1) == (length_hint(pour.places), pour.promised())

    def test_counts_an_output_until_it_is_in_the_drain(self) -> None:
        """From before its place is taken; and not while the next one is made."""
        spring, kept = Spring([1], Drain(maxsize=3)), list[int]()
        pour = spring.pour()

        class Watched(deque[int]):
            @override
            def append(self, value: int, /) -> None:
                kept.append(pour.promised())
                super().append(value)

        for place in range(4):
            spring.meanwhile[1, place] = lambda: kept.append(-pour.promised())

        pour.outlet = Watched()
        pour.widen(3)
        pour_through(pour)

        assert [-3, 3, -2, 2, -1, 1, 0] == kept

    def test_is_first_for_those_who_wait_for_it(self) -> None:
        """Nothing goes out by itself while a thread waits to send."""
        spring = Spring([1], Drain(maxsize=1))
        pour = spring.pour()
        spring.channel.pour(pour, 1)
        sending = beside(spring.drain.send, 2)
        while not spring.channel.awaited:
            sleep(0.001)

        spring.channel.hear(pour)

        assert 0 == length_hint(pour.places)
        assert [1, 2] == list(islice(spring.drain, 2))

        sending.result(TIMEOUT)

    @pytest.mark.parametrize("maxsize", [1, 3])
    def test_does_not_keep_other_inputs_from_starting(self, maxsize: int) -> None:
        """As many run as there are slots, though few of them have room for an output."""
        with Gate() as gate:

            @stream
            def slow(number: int) -> Iterator[int]:
                gate.arrive()
                yield number
                yield number

            out = Drain[int](maxsize)
            with Pool(limit=6) as pool:
                pool.go(each(range(6)) >> slow | out)
                gate.wait_for(6)
                gate.open()

                assert sorted([*range(6)] * 2) == sorted(out)

    def test_goes_on_with_a_quick_one_while_a_slow_one_makes_its_output(self) -> None:
        """A stream that has asked for room before keeps none from another."""
        out = Drain[int](maxsize=2)
        with Gate() as gate:

            @stream
            def outputs(number: int) -> Iterator[int]:
                yield number
                if number == 0:
                    gate.arrive()

                yield from [number] * 5

            with Pool(limit=2) as pool:
                pool.go(0 >> outputs | out)
                gate.wait_for(1)
                pool.go(1 >> outputs | out)
                got = list(islice(out, 7))
                gate.open()

                assert ([0, *[1] * 6], [0] * 5) == (got, list(out))

    def test_is_waited_for_without_the_slot(self) -> None:
        """A stream in front of a full drain lets its reader run."""
        middle, out = Drain[int](maxsize=1), Drain[int]()
        spring = Spring([])
        with Pool(limit=1) as pool:
            pool.go(each(range(5)) >> spring.task() | middle)
            pool.go(middle >> task(int) | out)

        assert sorted([*range(5)] * 3) == sorted(out.drain())

    @pytest.mark.parametrize("seed", range(20))
    def test_is_never_exceeded(self, seed: int) -> None:
        """In whatever order threads take turns: two pools, a bound of two, one reader."""
        explorer = Explorer(seed)

        def schedule() -> None:
            out = Drain[int](maxsize=2)

            @stream
            def look(number: int) -> Iterator[int]:
                for _ in range(3):
                    assert len(out) <= 2
                    yield number

            first, second = Pool(limit=2), Pool(limit=1)
            first.go(each(range(3)) >> look | out)
            second.go(each(range(3, 5)) >> look | out)
            got = sorted(out)
            first.wait()
            second.wait()
            first.close()
            second.close()

            assert sorted([*range(5)] * 3) == got

        explorer.run(schedule)


class TestReaders:
    """An output reaches who waits for it before the next is made."""

    def outputs(self, gates: list[Gate]) -> TakesMany[int, int]:
        """Make a stream that stops at a gate before each output but the first."""

        @stream
        def outputs(number: int) -> Iterator[int]:
            yield number
            for gate in gates:
                gate.arrive()
                yield number

        return outputs

    def test_a_thread_that_iterates(self) -> None:
        """Whether it waited before the stream began, or began to wait in between."""
        out = Drain[int]()
        with Pool(limit=2) as pool, Gate() as first, Gate() as second, Waits() as waits:
            pool.go(each([1]) >> self.outputs([first, second]) | out)
            numbers = iter(out)

            assert 1 == next(numbers)

            first.wait_for(1)
            waiting = beside(next, numbers)
            waits.wait_for(1)
            first.open()

            assert 1 == waiting.result(TIMEOUT)

            second.wait_for(1)

    @pytest.mark.parametrize("ordered", [True, False])
    def test_a_thread_that_iterates_results(self, *, ordered: bool) -> None:
        """With an order, and without."""
        with Gate() as first, Gate() as second:
            work = each([1, 2]) >> self.outputs([first, second])
            with work.results(limit=1, ordered=ordered) as results:
                assert 1 == next(results)

                first.wait_for(1)
                first.open()

                assert 1 == next(results)

                second.wait_for(1)
                second.open()

                assert [1, 2, 2, 2] == list(results)

    @pytest.mark.parametrize("others", [True, False])
    def test_a_stage(self, *, others: bool) -> None:
        """Of the same pool, or of another one."""
        middle, out = Drain[int](), Drain[int]()
        with Pool(2) as pool, Pool(1) as other, Gate() as first, Gate() as second:
            (other if others else pool).go(middle >> task(int) | out)
            pool.go(each([1]) >> self.outputs([first, second]) | middle)
            numbers = iter(out)
            first.wait_for(1)

            assert 1 == next(numbers)

            first.open()
            second.wait_for(1)

            assert 1 == next(numbers)

    def test_one_that_began_to_wait_when_there_was_nothing(self) -> None:
        """1. An output is taken. 2. A reader waits. 3. The next output wakes it."""
        spring = Spring([1])
        readers = []

        def waits() -> None:
            assert [1] == list(islice(spring.drain, 1))
            readers.append(beside(next, iter(spring.drain)))
            while not spring.channel.watched:
                pass

        def hears() -> None:
            assert 1 == readers[0].result(TIMEOUT)

        spring.meanwhile = {(1, 1): waits, (1, 2): hears}
        spring.hand.perform(spring.pour())

        assert (1, 1, 0, 0) == spring.counts()

    def test_others_may_use_the_source_then(self) -> None:
        """Who wants something of its thread gets the rest of the inputs, too."""
        spring = Spring(range(9))
        pour = spring.pour()
        spring.meanwhile[0, 1] = pour.arm
        spring.hand.perform(pour)

        assert ([0, 0, 0], 1) == (spring.there, pour.pulled)


class TestEnd:
    """Ends in the middle of an input."""

    def test_fails_after_what_it_sent(self) -> None:
        """Outputs that are out stay out; the next input goes on."""
        spring = Spring([1, 2], outputs=2)
        spring.meanwhile[1, 1] = raises
        spring.hand.perform_all()
        [(_, failure)] = spring.hand.scheduler.outcome.failures

        assert [1, 2, 2] == spring.there
        assert (2, 1, 1, 0) == spring.counts()
        assert ("spring", 1, 1) == (failure.task, failure.input, failure.attempt)

    def test_fails_if_nothing_iterable_is_returned(self) -> None:
        """What the function returned is no stream."""
        hand = Hand()
        hand.go(each([1]) >> stream(lambda number: number) | Drain[int]())
        hand.perform_all()
        [(_, failure)] = hand.scheduler.outcome.failures

        assert isinstance(failure.exception, TypeError)

    def test_closes_what_is_open_when_its_thread_is_interrupted(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever is raised between two outputs, the generator ends there."""
        spring = Spring([1, 2])
        pour = spring.pour()
        spring.channel.pour(pour, 0)

        def interrupted() -> Iterator[tuple[()]]:
            raise KeyboardInterrupt
            yield ()

        monkeypatch.setattr(pour, "places", interrupted())
        spring.hand.perform(pour)

        assert ([0], [1]) == (spring.there, spring.closed)
        assert isinstance(spring.hand.scheduler.outcome.fatal, KeyboardInterrupt)

    def test_is_after_an_input_error(self) -> None:
        """An iterable that raises is told of as such."""

        def broken() -> Iterator[int]:
            yield 1
            raise LookupError

        spring = Spring(broken())
        spring.hand.perform_all()
        [(_, failure)] = spring.hand.scheduler.outcome.failures

        assert isinstance(failure.exception, LookupError)
        assert [1, 1, 1] == spring.there

    def test_sends_nothing_that_is_made_once_it_was_told(self) -> None:
        """A generator that runs when the pool is cancelled is closed at its next output."""
        spring = Spring([1, 2])
        spring.meanwhile[1, 1] = spring.hand.scheduler.cancel
        spring.hand.perform(spring.pour())

        assert ([1], [1]) == (spring.there, spring.closed)
        assert (1, 0, 0, 1) == spring.counts()

    def test_is_told_while_it_is_given_places(self) -> None:
        """1. It looks whether it was told. 2. It is told. 3. It gets places, and has none."""
        spring = Spring([1, 2])
        pour = spring.pour()
        spring.hand.scheduler.cancel()
        pour.widen(8)

        assert 0 == length_hint(pour.places)

    def test_is_cancelled_while_it_waits_for_room(self) -> None:
        """Nothing more of it comes."""
        out = Drain[int](maxsize=1)
        spring = Spring([])
        with suppress(PoolCancelled), Pool(limit=1) as pool:
            pool.go(each([1]) >> spring.task() | out)
            while not pool.stats().waiting_for_room:
                sleep(0.001)

            pool.cancel()

        assert ([1], [1]) == (out.drain(), spring.closed)

    def test_sends_nothing_that_is_made_once_the_drain_is_shut(self) -> None:
        """It ends as by a broken pipe: cancelled, and not told of."""
        spring = Spring([1, 2])
        spring.meanwhile[1, 1] = spring.drain.shut_down
        spring.hand.perform_all()

        assert ([1], [1]) == (spring.there, spring.closed)
        assert (1, 0, 0, 1) == spring.counts()

    def test_succeeds_if_nothing_is_made_once_the_drain_is_shut(self) -> None:
        """All it made was in time."""
        spring = Spring([1])
        spring.meanwhile[1, 3] = spring.drain.shut_down
        spring.hand.perform_all()

        assert ([1, 1, 1], (1, 1, 0, 0)) == (spring.there, spring.counts())

    @pytest.mark.parametrize("ordered", [True, False])
    def test_loses_the_output_that_comes_as_the_drain_is_shut(
        self, monkeypatch: pytest.MonkeyPatch, *, ordered: bool
    ) -> None:
        """1. A place is taken. 2. The drain is shut. 3. The output comes too late."""
        spring = Spring([1], Drain(ordered=ordered))
        widen = Pour.widen

        def shuts(pour: Pour, places: int) -> None:
            widen(pour, places)
            real = pour.places

            def taken() -> Iterator[object]:
                for place in real:
                    spring.drain.shut_down()
                    yield place

            monkeypatch.setattr(pour, "places", taken())

        monkeypatch.setattr(Pour, "widen", shuts)
        monkeypatch.setattr(Pour, "promised", lambda _: 0)
        spring.hand.perform_all()

        assert ([1], [1]) == (spring.there, spring.closed)
        assert (1, 0, 0, 1) == spring.counts()

    def test_hears_that_the_drain_is_shut_after_what_it_sent(self) -> None:
        """1. An output is in. 2. The drain is shut. 3. It asks; the next one is refused."""
        spring = Spring([1])
        pour = spring.pour()
        spring.channel.pour(pour, 1)
        spring.drain.shut_down()
        spring.channel.hear(pour)

        assert ([1], 0) == (spring.there, length_hint(pour.places))
        with pytest.raises(DrainClosed):
            spring.channel.pour(pour, 1)

    def test_is_shut_while_it_waits_for_room(self) -> None:
        """The output that waits is not let in."""
        out = Drain[int](maxsize=1)
        spring = Spring([])
        with Pool(limit=1) as pool:
            pool.go(each([1]) >> spring.task() | out)
            while not pool.stats().waiting_for_room:
                sleep(0.001)

            out.shut_down()

        assert ([1], [1]) == (out.drain(), spring.closed)
        assert 1 == pool.stats().cancelled

    def test_closes_no_iterator_that_cannot_be(self) -> None:
        """What is no generator is left where it is."""
        drain = Drain[int]()
        left = iter(range(9))
        hand = Hand()

        @stream
        def numbers(_: int) -> Iterator[int]:
            drain.shut_down()
            return left

        hand.go(each([1]) >> numbers | drain)
        hand.perform_all()

        assert (1, [1, 2, 3]) == (hand.scheduler.accounts.cancelled, list(left)[:3])

    def test_fails_by_what_it_raises_when_it_is_closed(self) -> None:
        """That is an error of its own, and counts."""
        drain = Drain[int]()
        hand = Hand()

        @stream
        def numbers(number: int) -> Iterator[int]:
            try:
                yield number
                drain.shut_down()
                yield number
            finally:
                raises()

        hand.go(each([1]) >> numbers | drain)
        hand.perform_all()
        [(_, failure)] = hand.scheduler.outcome.failures

        assert isinstance(failure.exception, ValueError)
        assert isinstance(failure.exception.__context__, GeneratorExit)

    def test_fails_by_an_error_of_another_drain(self) -> None:
        """Only its own drains, shut, are no failure."""
        other = Drain[int]()
        other.shut_down()
        spring = Spring([1])
        spring.meanwhile[1, 1] = lambda: other.send(1)
        spring.hand.perform_all()
        [(_, failure)] = spring.hand.scheduler.outcome.failures

        assert isinstance(failure.exception, DrainClosed)


class TestOrder:
    """Into an ordered drain outputs come in the order of the inputs."""

    def springs(self) -> tuple[Spring, Pour, Pour]:
        """Make two pours, of one input each, of which the first has sent an output."""
        spring = Spring([1, 2, 3], Drain(ordered=True))
        spring.stage.budget = 1
        pours: list[Pour] = []
        for number in (1, 2):
            pours.append(spring.pour())
            assert number == next(pours[-1].inputs)
            spring.hand.scheduler.leases.let_go(pours[-1])
            pours[-1].again(number)

        return spring, pours[0], pours[1]

    def test_keeps_what_comes_before_its_turn(self) -> None:
        """The outputs of the second come when the first has ended."""
        spring, first, second = self.springs()
        spring.hand.perform(second)
        before = spring.there
        spring.hand.perform(first)

        assert ([], [1, 1, 1, 2, 2, 2]) == (before, spring.there)

    def test_comes_forward_when_its_turn_comes(self) -> None:
        """What it sends from then on is in the drain at once."""
        spring, first, second = self.springs()
        seen: list[list[int]] = []
        spring.meanwhile[2, 1] = partial(spring.hand.perform, first)
        spring.meanwhile[2, 2] = lambda: seen.append(spring.there)
        spring.hand.perform(second)

        assert [[1, 1, 1, 2, 2]] == seen
        assert [1, 1, 1, 2, 2, 2] == spring.there

    @pytest.mark.parametrize("failing", [1, 2, 3])
    def test_has_what_a_failed_input_sent_in_its_place(self, failing: int) -> None:
        """Its turn came, and then it failed before it asked again."""
        spring, first, second = self.springs()
        spring.meanwhile[2, 1] = partial(spring.hand.perform, first)
        spring.meanwhile[2, failing] = raises
        if failing == 1:
            spring.meanwhile[2, 1] = in_turn(
                partial(spring.hand.perform, first), raises
            )

        spring.hand.perform(second)
        spring.hand.perform_all()

        assert [1, 1, 1, *[2] * failing, 3, 3, 3] == spring.there

    def test_has_all_that_was_in_time_when_the_drain_is_shut(self) -> None:
        """What came early and what comes late are told apart."""
        spring, first, second = self.springs()
        spring.meanwhile[2, 2] = spring.drain.shut_down
        spring.hand.perform(second)
        spring.hand.perform(first)

        assert ([2, 2], [2, 1]) == (spring.there, spring.closed)

    def test_is_kept_with_what_came_forward_when_the_drain_is_shut(self) -> None:
        """1. Its turn comes. 2. The drain is shut. 3. It hears of both."""
        spring, first, second = self.springs()
        spring.meanwhile[2, 1] = in_turn(
            partial(spring.hand.perform, first),
            partial(second.outlet.append, 22),
            spring.drain.shut_down,
        )
        spring.hand.perform(second)

        assert [1, 1, 1, 2, 22] == spring.there

    def test_waits_for_room_only_in_its_turn(self) -> None:
        """The first waits; what comes after it is kept, whatever the bound."""
        spring = Spring([])
        results = (each(range(20)) >> spring.task()).results(limit=3, buffer=1)

        assert [number for number in range(20) for _ in range(3)] == list(results)

    def test_is_as_far_ahead_as_the_window(self) -> None:
        """No more inputs are taken than the limit and the bound allow."""
        spring = Spring(range(99), Drain(2, ordered=True))
        spring.stage.budget = 64

        assert 5 == spring.pour().size


@pytest.mark.usefixtures("fake_clock")
def test_quick_streams_are_worked_through_in_long_slices() -> None:
    """A thread looks at its pool once in many inputs that take no time."""
    spring = Spring(range(1000))
    spring.hand.perform_all()

    assert spring.stage.budget > 64
    assert 3000 == len(spring.drain)


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Have nothing freed but by reference count."""
    gc.disable()
    yield
    gc.enable()


class Value:
    """What can be seen to be freed."""


@pytest.mark.usefixtures("no_collector")
class TestMemory:
    """What is over is freed at once."""

    def test_of_inputs_is_free_while_the_next_are_pulled(self) -> None:
        """Also of one that its thread stopped in the middle of."""
        values: list[weakref.ref[Value]] = []
        alive: list[int] = []

        def inputs() -> Iterator[Value]:
            for _ in range(3000):
                value = Value()
                values.append(weakref.ref(value))
                yield value
                del value

            alive.extend(n for n, value in enumerate(values) if value() is not None)

        @stream
        def one(_: Value) -> Iterator[int]:
            yield 1

        with Pool(1) as pool:
            pool.go(each(inputs()) >> one | Drain[int]())

        assert [] == alive

    def test_of_what_cut_an_input_short_is_free_with_its_failure(self) -> None:
        """Without the collector."""

        class Error(Exception):
            pass

        gc.disable()
        try:
            raised = cut_short(Opened(1, iter(()), Context(), NOTHING), Error())
            alive = weakref.ref(raised.exception)
            del raised
            left = alive()
        finally:
            gc.enable()

        assert left is None

    def test_of_an_iterable_is_free_when_its_outputs_are_wanted_no_more(self) -> None:
        """Its generator is closed once the pool has nothing to do with it."""
        closed: list[bool] = []

        def endless() -> Iterator[int]:
            try:
                yield from count()
            finally:
                closed.append(True)

        @stream
        def twice(number: int) -> Iterator[int]:
            yield number
            yield number

        drain = Drain[int]()
        with Pool(2) as pool:
            pool.go(each(endless()) >> twice | drain)
            assert poll(lambda: drain.count() > 0)
            drain.shut_down()
            pool.wait(TIMEOUT)

            assert poll(lambda: closed == [True])
