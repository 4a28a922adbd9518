"""Drains between stages: what they feed, and what becomes of what feeds them."""

import gc
import weakref
from collections.abc import Iterator
from functools import partial

import pytest

from beside import Waits, beside
from drains import filled, shut, stands_still
from fluent_async import Args, Drain, Pool, each, stream, task
from fluent_async.errors import DrainClosed
from support import TIMEOUT, Gate, poll
from work import at, double, fail


class Function:
    """Something to be called, whose life can be watched."""

    def call(self, number: int) -> int:
        """Give back what was given."""
        return number


class TestFeedsAStage:
    """`drain >> task`: a drain feeds one stage."""

    def test_feeds_it_what_is_there_and_what_comes(self) -> None:
        """A stage takes each value once, while the drain fills."""
        drain, out = filled(1), Drain[int]()
        with Pool(2) as pool:
            pool.go(each([2, 3]) >> task(int) | drain, drain >> double | out)

        assert [2, 4, 6] == sorted(out.drain())
        assert [] == drain.drain()

    def test_feeds_one_stage_alone(self) -> None:
        """A second one in the same `go` is a ValueError that says what to do instead."""
        drain = Drain[int]()
        with Pool(1) as pool, pytest.raises(ValueError, match=r"two drains.*limit"):
            pool.go(drain >> double, drain >> double)

    def test_feeds_no_stage_when_the_work_was_refused(self) -> None:
        """A `go` that raises leaves the drain free."""
        drain = filled(1)
        with Pool(1) as pool, pytest.raises(ValueError, match="stage"):
            pool.go(drain >> double, drain >> double)

        assert [1] == list(drain)

    def test_may_be_drained(self) -> None:
        """`drain()` takes nothing from the stage: it waits, and returns what is left."""
        drain, out = Drain[int](), Drain[int]()
        with Pool(1) as pool, Waits() as waits:
            pool.go(drain >> double | out)
            with drain:
                drained = beside(drain.drain)
                waits.wait_for(1)

        assert [] == drained.result(TIMEOUT)

    @pytest.mark.parametrize("ordered", [True, False])
    def test_keeps_nothing_of_a_closed_pool(self, *, ordered: bool) -> None:
        """A drain outlives its pools, and what fed it and what it fed are freed."""
        gc.disable()
        try:
            source, out = filled(1), Drain[int](ordered=ordered)
            function = Function()
            with Pool(1) as pool:
                pool.go(source >> task(function.call) | out)

            alive = weakref.ref(function)
            del function, pool

            assert poll(lambda: alive() is None, timeout=1.0)
        finally:
            gc.enable()

        assert [1] == out.drain()

    @pytest.mark.parametrize("ordered", [True, False])
    def test_keeps_nothing_of_a_batch_that_has_ended(self, *, ordered: bool) -> None:
        """What fed a drain and will not again is freed, though its pool goes on."""
        gc.disable()
        try:
            function, out = Function(), Drain[int](ordered=ordered)
            with Pool(1) as pool:
                pool.go(each([1]) >> task(function.call) | out).wait(TIMEOUT)
                alive = weakref.ref(function)
                del function

                assert poll(lambda: alive() is None, timeout=1.0)
        finally:
            gc.enable()

        assert [1] == out.drain()


class TestCycles:
    """A cycle of drains is refused, since it would never end."""

    def test_refuses_a_stage_that_feeds_itself(self) -> None:
        """The smallest cycle is a stage that drains to its own drain."""
        drain = Drain[int]()
        with Pool(1) as pool, pytest.raises(ValueError, match="double >> double"):
            pool.go(drain >> double | drain)

    def test_shows_the_cycle_and_says_what_to_do(self) -> None:
        """P18: The error names the stages on the way, and `go()` as what to call instead."""
        first, second = Drain[int](), Drain[int]()
        pattern = r"double >> fail >> double.*go\(\) from the worker"
        with Pool(1) as pool, pytest.raises(ValueError, match=pattern):
            pool.go(first >> double | second, second >> fail | first)

    def test_refuses_what_closes_a_cycle_later(self) -> None:
        """Stages of earlier calls count, and go on as they were."""
        first, second = Drain[int](), Drain[int]()
        with Pool(1) as pool:
            pool.go(first >> double | second)
            with pytest.raises(ValueError, match="cycle"):
                pool.go(second >> double | first)

            first.send(1)

        assert [2] == second.drain()

    def test_refuses_what_closes_a_cycle_in_another_pool(self) -> None:
        """Stages of other pools count."""
        first, second = Drain[int](), Drain[int]()
        with Pool(1) as one, Pool(1) as other:
            one.go(first >> double | second)
            with pytest.raises(ValueError, match="cycle"):
                other.go(second >> double | first)

    def test_refuses_a_cycle_through_the_middle_of_a_composition(self) -> None:
        """A drain in the middle is fed as well."""
        drain = Drain[int]()
        with Pool(1) as pool, pytest.raises(ValueError, match="cycle"):
            pool.go(drain >> (double | drain) >> double)

    def test_takes_two_ways_to_one_drain(self) -> None:
        """What parts and meets again is no cycle."""
        left, right, out = Drain[int](), Drain[int](), Drain[int]()
        with Pool(2) as pool:
            pool.go(each([1, 2]) >> double | left | right)
            pool.go(left >> double | out, right >> double | out)

        assert [4, 4, 8, 8] == sorted(out.drain())

    def test_takes_new_work_from_the_worker_instead(self) -> None:
        """What the error says to do works: a worker may give its pool more."""
        drain = Drain[int]()
        with Pool(1) as pool:

            @task
            def halve(number: int) -> int:
                if number > 1:
                    pool.go(number // 2 >> halve | drain)

                return number

            pool.go(8 >> halve | drain)

        assert [1, 2, 4, 8] == sorted(drain.drain())


class TestBrokenPipe:
    """What happens to workers whose drains are shut while they run."""

    def test_cancels_a_stream_in_the_middle(self) -> None:
        """A generator is closed where it is, and yields no more."""
        drain, steps = Drain[int](1), list[str]()

        @stream
        def produce() -> Iterator[int]:
            try:
                for number in range(100):
                    steps.append("yields")
                    yield number
            finally:
                steps.append("closed")

        with Pool(1) as pool:
            pool.go(produce | drain)
            assert poll(lambda: pool.stats().waiting_for_room == 1)
            drain.shut_down()

        assert ["yields", "yields", "closed"] == steps
        assert (1, [0]) == (pool.stats().cancelled, drain.drain())

    def test_ends_a_stage_when_its_drain_is_shut(self) -> None:
        """Inputs that nobody wants the outputs of are not taken any more."""
        drain, taken = Drain[int](1), list[int]()

        def numbers() -> Iterator[int]:
            for number in range(1000):
                taken.append(number)
                yield number

        with Pool(1) as pool:
            pool.go(each(numbers()) >> double | drain)
            assert poll(partial(stands_still, pool, succeeded=1))
            drain.shut_down()

        assert len(taken) < 10
        assert [0] == drain.drain()

    def test_lets_a_stage_go_on_until_all_its_drains_are_shut(self) -> None:
        """While one drain is left, everything runs, and goes there."""
        gone, left, gate = Drain[int](), Drain[int](), Gate()
        with Pool(1) as pool:
            pool.go(each(range(5)) >> at(gate).hold | gone | left)
            gate.wait_for(1)
            gone.shut_down()
            gate.open()

        assert ([], [0, 1, 2, 3, 4]) == (gone.drain(), left.drain())
        assert (5, 0) == (pool.stats().succeeded, pool.stats().cancelled)

    @pytest.mark.parametrize("middle_is_shut", [True, False])
    def test_lets_a_composition_go_on_until_all_its_drains_are_shut(
        self, *, middle_is_shut: bool
    ) -> None:
        """The drains in the middle and at the end count alike."""
        middle, last, gate = Drain[int](), Drain[int](), Gate()
        gone, left = (middle, last) if middle_is_shut else (last, middle)
        with Pool(1) as pool:
            pool.go(each([1, 2]) >> (at(gate).hold | middle) >> task(int) | last)
            gate.wait_for(1)
            gone.shut_down()
            gate.open()

        assert ([], [1, 2]) == (gone.drain(), left.drain())
        assert (2, 0) == (pool.stats().succeeded, pool.stats().cancelled)

    def test_drops_what_a_stage_has_left_when_its_drain_is_shut(self) -> None:
        """Values that wait for a stage whose drains are shut are taken and cancelled."""
        drain, out = filled(*range(5)), Drain[int]()
        with Pool(1) as pool, Gate() as gate:
            pool.go(drain >> at(gate).hold | out)
            gate.wait_for(1)
            out.shut_down()

        stats = pool.stats()

        assert ([], 5) == (out.drain(), stats.cancelled)
        assert (5, 0) == (stats.accepted, stats.failed)

    def test_raises_drain_closed_in_a_function_that_sends(self) -> None:
        """An Args function hears it from `send`, and may end in its own way."""
        drain, steps, gate = Drain[int](), list[str](), Gate()

        @stream
        def send(args: Args[int, int]) -> None:
            gate.arrive()
            with pytest.raises(DrainClosed):
                args.drainer.send(args.input)

            steps.append("heard")

        with Pool(1) as pool, gate:
            pool.go(1 >> send | drain)
            gate.wait_for(1)
            drain.shut_down()

        assert (["heard"], 1) == (steps, pool.stats().succeeded)

    def test_raises_drain_closed_in_a_function_that_waits_for_room(self) -> None:
        """A send that waits is woken, and raises the same."""
        drain, heard = Drain[int](1), list[str]()

        @stream
        def send(args: Args[int, int]) -> None:
            args.drainer.send(args.input)
            with pytest.raises(DrainClosed):
                args.drainer.send(args.input)

            heard.append("heard")

        with Pool(1) as pool:
            pool.go(1 >> send | drain)
            assert poll(lambda: pool.stats().waiting_for_room == 1)
            drain.shut_down()

        assert (["heard"], [1]) == (heard, drain.drain())

    def test_raises_nothing_in_a_function_while_a_drain_is_left(self) -> None:
        """`send` goes to those that are open."""
        gone, left, gate = Drain[int](), Drain[int](), Gate()

        @stream
        def send(args: Args[int, int]) -> None:
            gate.arrive()
            args.drainer.send(args.input)

        with Pool(1) as pool, gate:
            pool.go(1 >> send | gone | left)
            gate.wait_for(1)
            gone.shut_down()

        assert ([], [1], 1) == (gone.drain(), left.drain(), pool.stats().succeeded)

    @pytest.mark.parametrize("retry", [1, 3])
    def test_cancels_a_function_that_lets_it_escape(self, retry: int) -> None:
        """DrainClosed that escapes means the same as a broken pipe; it is no failure."""
        drain, gate, attempts = Drain[int](), Gate(), list[int]()

        @stream(retry=retry)
        def send(args: Args[int, int]) -> None:
            attempts.append(args.attempt)
            gate.arrive()
            args.drainer.send(args.input)

        with Pool(1) as pool, gate:
            pool.go(1 >> send | drain)
            gate.wait_for(1)
            drain.shut_down()

        assert ([1], 1, 0) == (attempts, pool.stats().cancelled, pool.stats().failed)

    def test_is_never_retried(self) -> None:
        """Neither the library's own send nor a function's is tried again."""
        drain, gate, attempts = Drain[int](), Gate(), list[int]()

        @task(retry=3)
        def produce(number: int) -> int:
            attempts.append(number)
            gate.arrive()
            return number

        with Pool(1) as pool, gate:
            pool.go(1 >> produce | drain)
            gate.wait_for(1)
            drain.shut_down()

        assert ([1], 1) == (attempts, pool.stats().cancelled)

    def test_is_an_error_where_it_is_no_worker_of_that_drain(self) -> None:
        """DrainClosed from a drain that a plain task was not given is its own failure."""
        drain = shut()
        with (
            pytest.raises(ExceptionGroup) as raised,
            Pool(1, retry=3) as pool,
        ):
            pool.go(1 >> task(drain.send))

        assert [DrainClosed] == [type(exc) for exc in raised.value.exceptions]
        assert 1 == pool.stats().attempts
