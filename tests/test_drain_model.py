"""A drain loses nothing and duplicates nothing, whatever is done to it."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from beside import beside
from drains import count, switching
from fluent_async import Drain, Pool, each, task
from fluent_async.errors import DrainClosed
from support import TIMEOUT


same = task(int)


class DrainModel(RuleBasedStateMachine):
    """A drain in one thread, next to the list it must be like."""

    iterators: Bundle[Iterator[int]] = Bundle("iterators")

    @initialize(maxsize=st.integers(0, 3), ordered=st.booleans())
    def make(self, maxsize: int, *, ordered: bool) -> None:
        """Begin with a new drain."""
        self.drain = Drain[int](maxsize, ordered=ordered)
        self.maxsize = maxsize
        self.values: list[int] = []
        self.new, self.shut = True, False
        self.feeders = 0
        self.ended: list[Iterator[int]] = []
        self.sent = 0

    @property
    def full(self) -> bool:
        """Whether there is no room."""
        return 0 < self.maxsize <= len(self.values)

    @property
    def over(self) -> bool:
        """Whether a reader ends that has taken what is there."""
        return self.shut or not (self.new or self.feeders)

    @rule()
    def send(self) -> None:
        """It takes a value if it is not shut, and if there is room."""
        self.sent += 1
        if self.shut:
            with pytest.raises(DrainClosed):
                self.drain.send(self.sent)
        elif self.full:
            with pytest.raises(TimeoutError):
                self.drain.send(self.sent, timeout=0)
        else:
            self.drain.send(self.sent, timeout=0)
            self._came(self.sent)

    @precondition(lambda self: self.shut or not self.full)
    @rule()
    def execute(self) -> None:
        """A worker feeds it for a moment."""
        self.sent += 1
        running = self.sent >> same | self.drain
        if self.shut:
            with pytest.raises(DrainClosed):
                running.execute()
        else:
            running.execute()
            self._came(self.sent)

    @rule()
    def feed(self) -> None:
        """A block feeds it from now on."""
        if self.shut:
            with pytest.raises(DrainClosed):
                self.drain.__enter__()
        else:
            self.drain.__enter__()
            self.feeders += 1
            self.new = False

    @precondition(lambda self: self.feeders)
    @rule()
    def stop_feeding(self) -> None:
        """The end of a block shuts it."""
        self.drain.__exit__(None, None, None)
        self.feeders -= 1
        self.shut = True

    @rule()
    def shut_down(self) -> None:
        """It is shut, for good."""
        self.drain.shut_down()
        self.shut = True

    @rule(target=iterators)
    def iterate(self) -> Iterator[int]:
        """Somebody begins to iterate."""
        return iter(self.drain)

    @rule(iterator=iterators)
    def take(self, iterator: Iterator[int]) -> None:
        """An iterator takes the oldest value, or ends if it would not have to wait."""
        if iterator in self.ended:
            assert [] == list(iterator)
        elif self.values:
            assert self.values.pop(0) == next(iterator)
        elif self.over:
            assert [] == list(iterator)
            self.ended.append(iterator)

    @rule()
    def collect(self) -> None:
        """`drain()` gives a copy of all that is there, if nobody feeds it."""
        if self.feeders and not self.shut:
            with pytest.raises(TimeoutError):
                self.drain.drain(timeout=0)
        else:
            values = self.drain.drain(timeout=0)
            assert self.values == values
            values.append(-1)

    @invariant()
    def says_what_it_is(self) -> None:
        """What it says of itself is so."""
        assert len(self.values) == len(self.drain) == self.drain.count()
        assert self.shut == self.drain.closed
        assert bool(self.drain)

    def _came(self, value: int) -> None:
        self.values.append(value)
        self.new = False


TestDrainModel = DrainModel.TestCase
TestDrainModel.settings = settings(max_examples=50, stateful_step_count=40)


def send_all(drain: Drain[tuple[int, int]], sender: int, values: int) -> None:
    """Send values that say who sent them, one after the other."""
    for number in range(values):
        drain.send((sender, number))


def exchange(
    maxsize: int, senders: list[int], readers: int
) -> list[list[tuple[int, int]]]:
    """Have threads send so many values each, and return what each reader took."""
    drain = Drain[tuple[int, int]](maxsize)
    reading = [beside(list, drain) for _ in range(readers)]
    with drain:
        sending = [beside(send_all, drain, *sender) for sender in enumerate(senders)]
        for call in sending:
            call.result(TIMEOUT)

    return [call.result(TIMEOUT) for call in reading]


def check_exchange(maxsize: int, senders: list[int], readers: int) -> None:
    """Check that each value came to one reader, and those of a sender in their order."""
    taken = exchange(maxsize, senders, readers)
    sent = [(sender, n) for sender, values in enumerate(senders) for n in range(values)]

    assert sent == sorted(value for values in taken for value in values)
    for values in taken:
        for sender in range(len(senders)):
            numbers = [number for who, number in values if who == sender]

            assert sorted(numbers) == numbers


@settings(max_examples=40)
@given(
    maxsize=st.integers(0, 3),
    senders=st.lists(st.integers(0, 20), min_size=1, max_size=4),
    readers=st.integers(1, 4),
)
def test_threads_take_each_value_once_in_the_order_of_its_sender(
    maxsize: int, senders: list[int], readers: int
) -> None:
    """O4, T12: However many threads send and take, and whatever the bound, nothing is lost."""
    check_exchange(maxsize, senders, readers)


@pytest.mark.slow
@pytest.mark.parametrize("maxsize", [0, 1, 3])
def test_threads_take_each_value_once_under_pressure(maxsize: int) -> None:
    """T6, H7: Nothing is lost while the interpreter changes threads all the time."""
    with switching(every=1e-6):
        check_exchange(maxsize, [1000, 700, 500], readers=3)


def through_two_stages(
    limit: int, maxsizes: tuple[int, int], inputs: list[int], readers: int
) -> list[int]:
    """Send inputs through a stream, a drain, a task and a drain; return what came."""
    first, last = map(Drain[int], maxsizes)
    with Pool(limit) as pool:
        reading = [beside(list, last) for _ in range(readers)]
        pool.go(each(inputs) >> count | first, first >> same | last)
        values = [value for call in reading for value in call.result(TIMEOUT)]

    return sorted(values + last.drain())


@settings(max_examples=60)
@given(
    limit=st.integers(1, 4),
    maxsizes=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    inputs=st.lists(st.integers(0, 6), max_size=8),
    readers=st.integers(0, 3),
)
def test_stages_pass_each_value_on_once(
    limit: int, maxsizes: tuple[int, int], inputs: list[int], readers: int
) -> None:
    """Whatever the limit and the bounds, and whether anybody reads the end or not."""
    came = through_two_stages(limit, maxsizes, inputs, readers)

    assert sorted(value for number in inputs for value in range(number)) == came


@pytest.mark.slow
@pytest.mark.parametrize("maxsizes", [(0, 0), (1, 1), (3, 0)])
def test_stages_pass_each_value_on_once_under_pressure(
    maxsizes: tuple[int, int],
) -> None:
    """Nothing is lost while the interpreter changes threads all the time."""
    inputs = list(range(20)) * 5
    with switching(every=1e-6):
        came = through_two_stages(4, maxsizes, inputs, readers=3)

    assert sorted(value for number in inputs for value in range(number)) == came
