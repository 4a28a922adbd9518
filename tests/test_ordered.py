"""Ordered drains: outputs come in the order of their inputs, whatever happens to these."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import NamedTuple, Self, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beside import Waits, beside
from drains import filled
from fluent_async import Args, Drain, Pool, Workers, each, stream, task
from fluent_async.errors import DrainClosed, PoolCancelled
from fluent_async.typing import Takes
from support import TIMEOUT, FakeClock, Gate, poll
from work import Form, at, double, every_form


Send: TypeAlias = Callable[[int], object]


class Gates:
    """Tasks that wait at a gate of their own, each by its input."""

    def __init__(self, count: int, *, open: bool = False) -> None:  # noqa: A002  (it is)
        self._gates = [Gate() for _ in range(count)]
        if open:
            self.open(*range(count))

    def open(self, *numbers: int) -> None:
        """Let these inputs go on."""
        for number in numbers:
            self._gates[number].open()

    def wait_for(self, *numbers: int) -> None:
        """Wait until these have arrived."""
        for number in numbers:
            self._gates[number].wait_for(1)

    @task
    def hold(self, number: int, /) -> int:
        """Wait, then give the input."""
        self._gates[number].arrive()
        return number

    @stream
    def hold_between(self, number: int, /) -> Iterator[str]:
        """Yield, wait, yield again."""
        yield f"{number}a"
        self._gates[number].arrive()
        yield f"{number}b"

    @stream
    def hold_after(self, args: Args[int, str]) -> None:
        """Send twice, then wait."""
        args.drainer.send(f"{args.input}a")
        args.drainer.send(f"{args.input}b")
        self._gates[args.input].arrive()

    @stream
    def hold_before(self, number: int, /) -> list[str]:
        """Wait, then return both."""
        self._gates[number].arrive()
        return [f"{number}a", f"{number}b"]

    def __enter__(self) -> Self:
        """Give the gates; leaving the block opens them all."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Open all gates."""
        self.open(*range(len(self._gates)))


def ended(pool: Pool, inputs: int) -> bool:
    """Wait until so many inputs have ended in any way."""

    def enough() -> bool:
        stats = pool.stats()
        return stats.accepted - stats.in_progress >= inputs

    return poll(enough)


def iterate(_: Pool, drain: Drain[int]) -> list[int]:
    """Take what comes, as it comes."""
    return list(drain)


def drain_at_once(_: Pool, drain: Drain[int]) -> list[int]:
    """Wait for all of it."""
    return drain.drain(TIMEOUT)


def drain_when_done(pool: Pool, drain: Drain[int]) -> list[int]:
    """Wait for the pool, with nobody to read the drain."""
    pool.wait(TIMEOUT)
    return drain.drain(TIMEOUT)


every_stream = pytest.mark.parametrize(
    "name", ["hold_between", "hold_after", "hold_before"]
)
every_limit = pytest.mark.parametrize("limit", [1, 4])


def streams(gates: Gates, name: str) -> Takes[int, str]:
    """Make a stream of each kind: a generator, a function that sends, an iterable."""
    found: Takes[int, str] = getattr(gates, name)
    return found


class TestOrder:
    """`Drain(ordered=True)`: outputs in the order of their inputs."""

    @every_form
    def test_gives_outputs_in_the_order_of_the_inputs(self, form: Form) -> None:
        """Inputs that end the other way round come out as they went in."""
        drain = Drain[int](ordered=True)
        with Pool(4) as pool, Gates(4) as gates:
            pool.go(*(work | drain for work in form(range(4), gates.hold)))
            for number in (3, 2, 1, 0):
                gates.wait_for(number)
                gates.open(number)
                assert ended(pool, 4 - number)

        assert [0, 1, 2, 3] == drain.drain()

    @every_form
    @every_limit
    def test_gives_outputs_in_the_order_of_the_inputs_at_any_limit(
        self, form: Form, limit: int
    ) -> None:
        """O2: One thread or several, the order is the same."""
        drain = Drain[int](ordered=True)
        with Pool(limit) as pool:
            pool.go(*(work | drain for work in form(range(200), double)))

        assert list(range(0, 400, 2)) == drain.drain()

    def test_keeps_outputs_until_every_earlier_input_has_ended(self) -> None:
        """Nothing comes before its turn, and nothing later than that."""
        drain, came = Drain[int](ordered=True), list[list[int]]()
        with Pool(4) as pool, Gates(4) as gates:
            pool.go(each(range(4)) >> gates.hold | drain)
            for done, number in enumerate((2, 0, 3, 1), start=1):
                gates.open(number)
                assert ended(pool, done)
                came.append(list(drain._channel.values))  # noqa: SLF001

        assert [[], [0], [0], [0, 1, 2, 3]] == came

    @every_stream
    def test_gives_all_outputs_of_an_input_together(self, name: str) -> None:
        """Streams that send at the same time are not mixed."""
        drain = Drain[str](ordered=True)
        with Pool(3) as pool, Gates(3) as gates:
            pool.go(each(range(3)) >> streams(gates, name) | drain)
            gates.wait_for(0, 1, 2)
            gates.open(2)
            assert ended(pool, 1)
            gates.open(1)
            assert ended(pool, 2)

        assert ["0a", "0b", "1a", "1b", "2a", "2b"] == drain.drain()

    @every_stream
    @every_limit
    def test_gives_streams_in_the_order_of_their_inputs_at_any_limit(
        self, name: str, limit: int
    ) -> None:
        """One thread or several, the order is the same."""
        drain = Drain[str](ordered=True)
        with Pool(limit) as pool:
            pool.go(each(range(20)) >> streams(Gates(20, open=True), name) | drain)

        assert [f"{n}{x}" for n in range(20) for x in "ab"] == drain.drain()

    def test_lets_in_what_the_oldest_input_sends_as_it_sends_it(self) -> None:
        """An input whose turn it is keeps nothing back until it ends."""
        drain = Drain[str](ordered=True)
        with Pool(1) as pool, Gates(1) as gates:
            pool.go(0 >> gates.hold_between | drain)
            gates.wait_for(0)

            assert "0a" == next(iter(drain))

    def test_lets_in_what_was_kept_when_the_turn_comes(self) -> None:
        """An input that still runs when its turn comes gets in what it has sent."""
        drain = Drain[str](ordered=True)
        with Pool(2) as pool, Gates(2) as gates:
            pool.go(each(range(2)) >> gates.hold_between | drain)
            gates.wait_for(0, 1)
            gates.open(0)
            assert ended(pool, 1)

            assert 3 == len(drain)

        assert ["0a", "0b", "1a", "1b"] == drain.drain()

    def test_orders_the_outputs_in_the_middle_of_a_composition(self) -> None:
        """A drain in the middle gets its copies in the order of the inputs."""
        middle, last = Drain[int](ordered=True), Drain[int](ordered=True)
        with Pool(3) as pool, Gates(3) as gates:
            pool.go(each(range(3)) >> (gates.hold | middle) >> double | last)
            gates.open(2)
            assert ended(pool, 1)
            gates.open(1)
            assert ended(pool, 2)

        assert ([0, 1, 2], [0, 2, 4]) == (middle.drain(), last.drain())

    def test_orders_given_workers_of_any_task(self) -> None:
        """The workers given to one `go` are in the order of its arguments."""
        drain = Drain[int](ordered=True)
        with Pool(3) as pool, Gates(3) as gates:
            pool.go(
                0 >> gates.hold | drain, 1 >> double | drain, 2 >> gates.hold | drain
            )
            assert ended(pool, 1)
            gates.open(2)
            assert ended(pool, 2)

        assert [0, 2, 2] == drain.drain()

    def test_feeds_the_next_stage_in_order(self) -> None:
        """A chain of ordered drains is ordered from end to end."""
        drains = [Drain[int](ordered=True) for _ in range(3)]
        first, second, third = drains
        with Pool(4) as pool, Gates(4) as gates:
            pool.go(first >> double | second, second >> double | third)
            pool.go(each(range(4)) >> gates.hold | first)
            for number in (3, 2, 1):
                gates.open(number)

        assert [0, 4, 8, 12] == third.drain()

    def test_wakes_a_reader_for_each_output_that_was_kept(self) -> None:
        """When outputs come together, as many who wait for one have it."""
        drain = Drain[str](ordered=True)
        with Waits() as waits, Pool(2) as pool, Gates(2) as gates:
            pool.go(each(range(2)) >> gates.hold_after | drain)
            gates.wait_for(0, 1)
            assert ["0a", "0b"] == list(islice(drain, 2))
            readers = [beside(next, iter(drain)) for _ in range(2)]
            waits.wait_for(2)
            gates.open(0)
            taken = sorted(reader.result(TIMEOUT) for reader in readers)

        assert ["1a", "1b"] == taken

    def test_begins_again_with_the_next_batch(self) -> None:
        """An ordered drain may be fed again when its stage is done."""
        drain = Drain[int](ordered=True)
        with Pool(4) as pool:
            for start in (0, 10, 20):
                pool.go(each(range(start, start + 10)) >> double | drain).wait(TIMEOUT)

        assert list(range(0, 60, 2)) == drain.drain()


class TestNoGap:
    """Inputs that send nothing leave no gap in the order."""

    @every_limit
    def test_is_left_by_an_input_that_failed(self, limit: int) -> None:
        """What comes after a failure comes."""
        drain = Drain[int](ordered=True)

        @task
        def fail_odd(number: int) -> int:
            if number % 2:
                raise ValueError(number)

            return number

        with Pool(limit, on_error="keep") as pool:
            pool.go(each(range(10)) >> fail_odd | drain)

        assert ([0, 2, 4, 6, 8], 5) == (drain.drain(), pool.stats().failed)

    @pytest.mark.parametrize(
        ("retry", "left"), [(1, ["0a", "1a", "1b"]), (2, ["1a", "1b"])]
    )
    def test_is_left_by_a_stream_that_failed(self, retry: int, left: list[str]) -> None:
        """What it sent is in its place, unless it was kept for a success."""
        drain = Drain[str](ordered=True)

        @stream(retry=retry)
        def fail_in_between(number: int) -> Iterator[str]:
            yield f"{number}a"
            if number == 0:
                raise ValueError

            yield f"{number}b"

        with Pool(2, on_error="keep") as pool:
            pool.go(each(range(2)) >> fail_in_between | drain)

        assert left == drain.drain()

    @every_limit
    def test_is_left_by_an_input_that_was_cancelled(self, limit: int) -> None:
        """An input that ends because nobody wants it is passed over."""
        drain = Drain[int](ordered=True)

        @stream
        def give_up_odd(args: Args[int, int]) -> None:
            if args.input % 2:
                raise DrainClosed

            args.drainer.send(args.input)

        with Pool(limit) as pool:
            pool.go(each(range(6)) >> give_up_odd | drain)

        assert ([0, 2, 4], 3) == (drain.drain(), pool.stats().cancelled)

    def test_is_left_by_those_that_run_when_the_pool_is_cancelled(self) -> None:
        """What ended before the pool was cancelled comes, whatever ran before it."""
        drain = Drain[str](ordered=True)
        with suppress(PoolCancelled), Pool(3) as pool, Gates(3) as gates:
            pool.go(each(range(3)) >> gates.hold_before | drain)
            gates.wait_for(0, 1, 2)
            gates.open(1)
            assert ended(pool, 1)
            pool.cancel()

        assert ["1a", "1b"] == drain.drain()

    def test_is_left_by_an_input_that_took_too_long(
        self, fake_clock: FakeClock
    ) -> None:
        """An attempt over its timeout sends nothing any more, and holds up nobody."""
        drain, clock = Drain[int](ordered=True), fake_clock.hold()
        with Pool(2, on_error="keep") as pool, Gates(2) as gates:
            pool.go(each(range(2)) >> gates.hold.with_timeout(5) | drain)
            gates.wait_for(0, 1)
            gates.open(1)
            assert ended(pool, 1)
            clock.wait_for_waits(1)
            clock.advance(5)
            assert ended(pool, 2)
            values = drain.drain(timeout=0)

        assert [1] == values == drain.drain()

    @every_limit
    def test_is_left_by_an_input_that_is_tried_again(
        self, fake_clock: FakeClock, limit: int
    ) -> None:
        """A retry keeps its turn: those that ended meanwhile wait for it."""
        drain, clock = Drain[int](ordered=True), fake_clock.hold()
        flaky = Flaky(0)
        with Pool(limit) as pool:
            pool.go(each(range(4)) >> flaky.run | drain)
            assert ended(pool, 3)
            before = len(drain)
            clock.wait_for_waits(1)
            clock.advance(60)

        assert (0, [0, 1, 2, 3]) == (before, drain.drain())

    @pytest.mark.usefixtures("fake_clock")
    def test_is_left_by_a_stream_that_is_tried_again(self) -> None:
        """All outputs of the attempt that succeeded are in their place, each once."""
        drain, flaky = Drain[int](ordered=True), Flaky(1)
        with Pool(2) as pool:
            pool.go(each(range(3)) >> flaky.run_twice | drain)

        assert [0, 0, 1, 1, 2, 2] == drain.drain()


class TestTee:
    """A stage that drains to several drains, ordered ones among them."""

    def test_orders_each_ordered_drain(self) -> None:
        """The others get outputs as they come."""
        first, second = Drain[int](ordered=True), Drain[int](ordered=True)
        plain = Drain[int]()
        with Pool(3) as pool, Gates(3) as gates:
            pool.go(each(range(3)) >> gates.hold | first | plain | second)
            for done, number in enumerate((2, 1, 0), start=1):
                gates.open(number)
                assert ended(pool, done)

        assert [[0, 1, 2], [0, 1, 2]] == [first.drain(), second.drain()]
        assert [2, 1, 0] == plain.drain()

    @every_stream
    def test_gives_a_drain_that_is_there_twice_each_output_twice(
        self, name: str
    ) -> None:
        """All outputs of an input are together, those of the other place as well."""
        drain = Drain[str](ordered=True)
        with Pool(2) as pool, Gates(2) as gates:
            pool.go(each(range(2)) >> streams(gates, name) | drain | drain)
            gates.wait_for(0, 1)
            gates.open(1)
            assert ended(pool, 1)

        assert ["0a", "0a", "0b", "0b", "1a", "1a", "1b", "1b"] == drain.drain()

    def test_holds_back_what_is_too_far_ahead_for_one_of_them(self) -> None:
        """The narrowest window counts."""
        wide, narrow = Drain[int](7, ordered=True), Drain[int](1, ordered=True)
        others = Gate()
        others.open()
        with Pool(2) as pool, Gate() as oldest:

            @task
            def run(number: int) -> int:
                (others if number else oldest).arrive()
                return number

            pool.go(each(range(50)) >> run | wide | narrow)
            oldest.wait_for(1)
            others.wait_for(2 + 1)
            others.assert_nobody_arrives()
            oldest.open()
            reader = beside(list, narrow)

            assert list(range(50)) == list(wide)

        assert list(range(50)) == reader.result(TIMEOUT)

    @pytest.mark.parametrize("gone", [0, 1])
    def test_goes_on_in_order_when_one_of_them_is_shut(self, gone: int) -> None:
        """The one that is left gets everything, in order."""
        drains = [Drain[int](ordered=True), Drain[int](ordered=True)]
        with Pool(3) as pool, Gates(6) as gates:
            pool.go(each(range(6)) >> gates.hold | drains[0] | drains[1])
            gates.wait_for(0, 1, 2)
            drains[gone].shut_down()
            gates.open(2)
            assert ended(pool, 1)

        assert [0, 1, 2, 3, 4, 5] == drains[1 - gone].drain()
        assert [] == drains[gone].drain()

    def test_orders_those_workers_that_drain_to_it(self) -> None:
        """Workers of one batch that drain elsewhere leave no gap."""
        drain, other = Drain[int](ordered=True), Drain[int]()
        with Pool(4) as pool, Gates(4) as gates:
            pool.go(
                Workers(
                    number >> gates.hold | (other if number % 2 else drain)
                    for number in range(4)
                )
            )
            gates.wait_for(0, 1, 2, 3)
            gates.open(2)
            assert ended(pool, 1)
            gates.open(0)
            assert ended(pool, 2)

            assert 2 == len(drain)

        assert [0, 2] == drain.drain()


class TestByHand:
    """Values that no input sent."""

    def test_come_as_they_are_sent(self) -> None:
        """They have no turn: what waits for its own comes after them."""
        drain = Drain[int](ordered=True)
        with Pool(2) as pool, Gates(2) as gates:
            pool.go(each(range(2)) >> gates.hold | drain)
            gates.wait_for(0, 1)
            gates.open(1)
            assert ended(pool, 1)
            drain.send(7)

        assert [7, 0, 1] == drain.drain()


class TestShut:
    """An ordered drain that is shut."""

    def test_has_all_that_was_sent_before(self) -> None:
        """What waits for its turn is let in at once, in order; nothing comes later."""
        drain = Drain[str](ordered=True)
        with Pool(3) as pool, Gates(3) as gates:
            pool.go(each(range(3)) >> gates.hold_between | drain)
            gates.wait_for(0, 1, 2)
            gates.open(2)
            assert ended(pool, 1)
            drain.shut_down()
            at_once = drain.drain()

        stats = pool.stats()

        assert ["0a", "1a", "2a", "2b"] == at_once == drain.drain()
        assert (1, 2) == (stats.succeeded, stats.cancelled)

    def test_keeps_what_came_in_before(self) -> None:
        """What is there stays readable."""
        drain = Drain[int](ordered=True)
        with Pool(2) as pool, Gates(2) as gates:
            pool.go(each(range(2)) >> gates.hold | drain)
            gates.wait_for(0, 1)
            gates.open(0)
            assert ended(pool, 1)
            drain.shut_down()

        assert [0] == drain.drain()


class Flaky:
    """Fails the first attempt at one input."""

    def __init__(self, number: int) -> None:
        self._fails = {number}

    @task(retry=2, backoff=60)
    def run(self, number: int, /) -> int:
        """Give the input, at the second attempt if it is that one."""
        self._check(number)
        return number

    @stream(retry=2, backoff=60)
    def run_twice(self, number: int, /) -> Iterator[int]:
        """Yield the input twice, and fail in between if it is that one."""
        yield number
        self._check(number)
        yield number

    def _check(self, number: int) -> None:
        if number in self._fails:
            self._fails.remove(number)
            raise ConnectionError


class TestWindow:
    """An input is taken while fewer than `limit + maxsize` are past the oldest one."""

    @pytest.mark.parametrize(("limit", "maxsize"), [(2, 1), (4, 2), (4, 7)])
    def test_holds_back_what_is_too_far_ahead(self, limit: int, maxsize: int) -> None:
        """While the oldest input runs, so many others are taken, and not one more."""
        drain, others = Drain[int](maxsize, ordered=True), Gate()
        others.open()
        with Pool(limit) as pool, Gate() as oldest:

            @task
            def run(number: int) -> int:
                (others if number else oldest).arrive()
                return number

            pool.go(each(range(50)) >> run | drain)
            oldest.wait_for(1)
            others.wait_for(limit + maxsize)
            others.assert_nobody_arrives()
            oldest.open()

            assert list(range(50)) == list(drain)

    def test_holds_back_what_is_too_far_ahead_of_a_retry(
        self, fake_clock: FakeClock
    ) -> None:
        """At limit 1 as well: while the oldest waits for its next attempt."""
        drain, clock, flaky = Drain[int](2, ordered=True), fake_clock.hold(), Flaky(0)
        with Pool(1) as pool:
            pool.go(each(range(50)) >> flaky.run | drain)
            assert ended(pool, 1 + 2)
            clock.wait_for_waits(1)
            stats = pool.stats()
            clock.advance(60)

            assert (1 + 1 + 2, 0) == (stats.accepted, stats.running)
            assert list(range(50)) == list(drain)

    def test_begins_at_the_oldest_input_that_has_not_ended(self) -> None:
        """When that ends the next one that runs is the oldest, and others are taken."""
        drain, others = Drain[int](1, ordered=True), Gate()
        others.open()
        with Pool(2) as pool, Gates(9) as gates:

            @task
            def run(number: int) -> int:
                if number in {0, 4}:
                    return gates.hold(number)

                others.arrive()
                return number

            pool.go(each(range(20)) >> run | drain)
            others.wait_for(3)
            gates.open(0)
            assert [0, 1, 2, 3] == list(islice(drain, 4))
            gates.wait_for(0, 4)
            others.wait_for(3)
            others.assert_nobody_arrives()
            gates.open(4)

            assert list(range(4, 20)) == list(drain)

    def test_moves_on_with_each_value_that_is_taken(self) -> None:
        """Also while more than `maxsize` values are in the drain."""
        drain, taken = Drain[int](1, ordered=True), list[int]()

        @task
        def take(number: int) -> int:
            taken.append(number)
            return number

        with Pool(3) as pool:
            pool.go(each(range(50)) >> take | drain)
            reader = iter(drain)
            for number in range(10):
                assert number == next(reader)
                assert poll(lambda count=number + 1: len(taken) >= count + 3 + 1)  # type: ignore[misc]

            assert list(range(10, 50)) == list(reader)

    def test_is_endless_without_a_maxsize(self) -> None:
        """0 is no bound: inputs are taken however far ahead they are."""
        drain = Drain[int](ordered=True)
        with Pool(2) as pool, Gates(100) as gates:
            pool.go(each(range(100)) >> gates.hold | drain)
            gates.open(*range(1, 100))
            assert ended(pool, 99)

            assert 0 == len(drain)

        assert list(range(100)) == drain.drain()

    @pytest.mark.parametrize(("limit", "maxsize"), [(1, 1), (1, 3), (4, 2)])
    def test_bounds_what_waits_unread(self, limit: int, maxsize: int) -> None:
        """If nobody reads, inputs are held back that have nobody ahead of them."""
        drain = Drain[int](maxsize, ordered=True)
        with Pool(limit) as pool:
            pool.go(each(range(50)) >> double | drain)
            assert ended(pool, maxsize)
            assert poll(lambda: pool.stats().running == 0)
            waiting = len(drain)

            assert list(range(0, 100, 2)) == list(drain)

        assert maxsize <= waiting <= limit + maxsize + 1

    def test_never_holds_back_what_an_input_sends_before_its_turn(self) -> None:
        """It is kept whole with the input: only the oldest waits for room."""
        drain = Drain[int](1, ordered=True)

        @stream
        def send_many(number: int) -> Iterator[int]:
            if number == 0:
                gate.arrive()

            yield from range(1000 * number)

        with Pool(2) as pool, Gate() as gate:
            pool.go(each(range(2)) >> send_many | drain)
            assert ended(pool, 1)

            assert 0 == len(drain)
            gate.open()
            assert list(range(1000)) == list(drain)


class TestOneFeeder:
    """One stage feeds an ordered drain, since there is no order over several."""

    def test_refuses_a_second_stage(self) -> None:
        """Two stages of one `go` are a ValueError that says what to do instead."""
        drain = Drain[int](ordered=True, name="results")
        with Pool(1) as pool, pytest.raises(ValueError, match=r"results.*drain of its"):
            pool.go(each([1]) >> double | drain, each([2]) >> double | drain)

    def test_refuses_a_stage_upstream_of_the_one_that_feeds_it(self) -> None:
        """A stage may not feed what a stage after it feeds."""
        middle, drain = Drain[int](), Drain[int](ordered=True)
        with Pool(1) as pool, pytest.raises(ValueError, match="ordered"):
            pool.go(each([1]) >> double | middle | drain, middle >> double | drain)

    def test_refuses_a_worker_beside_a_stage(self) -> None:
        """Given workers are one feeder, and a stage is another."""
        drain = Drain[int](ordered=True)
        with Pool(1) as pool, pytest.raises(ValueError, match="ordered"):
            pool.go(1 >> double | drain, each([2]) >> double | drain)

    @pytest.mark.parametrize("same", [True, False])
    def test_refuses_a_second_stage_while_the_first_is_at_work(
        self, *, same: bool
    ) -> None:
        """Later calls of `go` are looked at too, of any pool; and the first goes on."""
        drain = Drain[int](ordered=True)
        with Pool(1) as pool, Pool(1) as other, Gate() as gate:
            pool.go(each(range(3)) >> at(gate).hold | drain)
            with pytest.raises(ValueError, match="ordered"):
                (pool if same else other).go(4 >> double | drain)

        assert [0, 1, 2] == drain.drain()

    def test_refuses_a_second_stage_while_the_first_may_be_fed_again(self) -> None:
        """A stage that a drain feeds belongs to its pool, awake or not, until that closes."""
        source, drain = filled(1), Drain[int](ordered=True)
        with Pool(1) as pool:
            pool.go(source >> double | drain).wait(TIMEOUT)
            with pytest.raises(ValueError, match="ordered"):
                pool.go(4 >> double | drain)

    def test_opens_nothing_when_it_refuses(self) -> None:
        """A `go` that raises leaves the drain to others."""
        drain = Drain[int](ordered=True)
        with Pool(1) as pool:
            with pytest.raises(ValueError, match="ordered"):
                pool.go(each([1]) >> double | drain, each([2]) >> double | drain)

            pool.go(each([3]) >> double | drain)

        assert [6] == drain.drain()

    def test_refuses_a_second_lazy_batch(self) -> None:
        """What a lazy batch drains to is known late: then it is a failure of the batch."""
        drain = Drain[int](ordered=True)
        with Gate() as gate, Pool(2, on_error="keep") as pool:

            @task
            def hold(number: int) -> int:
                gate.arrive()
                return number

            pool.go(Workers([1 >> hold | drain]))
            gate.wait_for(1)
            pool.go(Workers([2 >> double | drain]))
            assert poll(lambda: bool(pool.errors()))
            gate.open()

        assert [ValueError] == [type(failure.exception) for failure in pool.errors()]
        assert [1] == drain.drain()


@settings(max_examples=30)
@given(st.permutations(range(5)))
def test_ordered_lets_in_what_is_complete_from_the_first_input_on(
    ends: list[int],
) -> None:
    """Whatever order inputs end in, the outputs there are those up to the first gap."""
    drain = Drain[int](ordered=True)
    with Pool(5) as pool, Gates(5) as gates:
        pool.go(each(range(5)) >> gates.hold | drain)
        for done, number in enumerate(ends, start=1):
            gates.open(number)
            assert ended(pool, done)
            missing = set(range(6)) - set(ends[:done])

            assert min(missing) == len(drain)

    assert [0, 1, 2, 3, 4] == drain.drain()


@settings(max_examples=60)
@given(
    limit=st.integers(1, 4),
    maxsizes=st.lists(st.integers(1, 3), min_size=2, max_size=2),
    outputs=st.lists(st.integers(0, 5), max_size=8),
    read=st.sampled_from([iterate, drain_at_once, drain_when_done]),
)
def test_ordered_never_gets_stuck(
    limit: int,
    maxsizes: list[int],
    outputs: list[int],
    read: Callable[[Pool, Drain[int]], list[int]],
) -> None:
    """Whatever is sent, through whatever bounds: all of it comes, in order."""
    first, last = (Drain[int](maxsize, ordered=True) for maxsize in maxsizes)

    @stream
    def repeat(number: int) -> list[int]:
        return outputs[number] * [number]

    with Pool(limit) as pool:
        inputs = each(range(len(outputs)))
        pool.go(inputs >> repeat | first, first >> repeat | last)
        came = read(pool, last)

    once = [number for number, count in enumerate(outputs) for _ in range(count)]

    assert [number for number in once for _ in range(outputs[number])] == came


class Plan(NamedTuple):
    """What becomes of one input: it sends some outputs, then ends in some way."""

    outputs: int
    end: str


plans = st.builds(
    Plan, st.integers(0, 3), st.sampled_from(["returns", "fails", "gives up"])
)


def generator(act: Callable[[int, Send], None], retry: int) -> Takes[int, int]:
    """Make a stream that hands over what it sends when it is asked for the next."""

    @stream(retry=retry)
    def run(number: int) -> Iterator[int]:
        sent = list[int]()
        try:
            act(number, sent.append)
        finally:
            yield from sent

    return run


def sender(act: Callable[[int, Send], None], retry: int) -> Takes[int, int]:
    """Make a function that takes Args."""

    @stream(retry=retry)
    def run(args: Args[int, int]) -> None:
        act(args.input, args.drainer.send)

    return run


@settings(max_examples=100)
@given(
    limit=st.integers(1, 4),
    maxsize=st.integers(0, 3),
    inputs=st.lists(plans, max_size=10),
    make=st.sampled_from([generator, sender]),
    retry=st.integers(1, 3),
    read=st.sampled_from([iterate, drain_at_once, drain_when_done]),
)
def test_ordered_is_in_order_whatever_becomes_of_the_inputs(
    *,
    limit: int,
    maxsize: int,
    inputs: list[Plan],
    make: Callable[[Callable[[int, Send], None], int], Takes[int, int]],
    retry: int,
    read: Callable[[Pool, Drain[int]], list[int]],
) -> None:
    """Inputs that succeed, fail, fail at first, or are cancelled; with one drain more."""
    drain, tee = Drain[int](maxsize, ordered=True), Drain[int](ordered=True)
    failed = set[int]()

    def act(number: int, send: Send) -> None:
        for _ in range(inputs[number].outputs):
            send(number)

        if inputs[number].end == "gives up":
            raise DrainClosed

        if inputs[number].end == "fails" and number not in failed:
            failed.add(number)
            raise ConnectionError

    with Pool(limit, on_error="keep") as pool:
        pool.go(each(range(len(inputs))) >> make(act, retry) | drain | tee)
        came = read(pool, drain)

    expected = [
        number
        for number, plan in enumerate(inputs)
        if retry == 1 or plan.end != "gives up"
        for _ in range(plan.outputs)
    ]

    assert expected == came == tee.drain()
