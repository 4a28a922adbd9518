"""Simulated pools: no threads, no time, an order drawn from a seed."""

import _thread
import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import as_completed
from contextlib import suppress
from contextvars import ContextVar

import pytest

from fluent_async import (
    Args,
    Backoff,
    Drain,
    Pool,
    _simulation,
    _strands,
    cancelled,
    each,
    run,
    sleep,
    stream,
    task,
)
from fluent_async._simulation import World
from fluent_async._strands import Strand
from fluent_async.errors import (
    Cancelled,
    PoolCancelled,
    PoolClosed,
    PoolStalled,
    TaskTimeout,
)
from fluent_async.futures import ThreadPoolExecutor
from fluent_async.testing import Event, SimulationStuck, simulate
from support import TIMEOUT, Gate


SEEDS = range(40)

every_seed = pytest.mark.parametrize("seed", range(10))


@task
def double(number: int) -> int:
    """Double a number."""
    return 2 * number


@task
def nap(seconds: float) -> float:
    """Sleep."""
    sleep(seconds)
    return seconds


@stream
def twice(number: int) -> Iterator[tuple[int, int]]:
    """Yield two outputs."""
    yield number, 0
    yield number, 1


@stream
def twice_sent(args: Args[int, tuple[int, int]]) -> None:
    """Send two outputs."""
    args.drainer.send((args.input, 0))
    args.drainer.send((args.input, 1))


def failing(times: int) -> dict[int, int]:
    """Give what a flaky task counts in: how often each input is yet to fail."""
    return dict.fromkeys(range(100), times)


class TestTime:
    """Time is virtual."""

    def test_a_sleep_takes_no_time_of_the_machine(self) -> None:
        """An hour of sleep is over at once, and has passed in the simulation."""
        with simulate() as sim, Pool() as pool:
            pool.go(3600 >> nap)

        assert 3600 == sim.now

    def test_it_begins_at_zero(self) -> None:
        """`now` counts the seconds since the simulation began."""
        with simulate() as sim:
            assert 0 == sim.now

    def test_it_jumps_only_when_nothing_can_run(self) -> None:
        """What can run does so before the first second passes."""

        @task(retry=2, backoff=1)
        def refuse(_: int) -> None:
            raise OSError

        with simulate() as sim, Pool(on_error="keep") as pool:
            pool.go(0 >> refuse, each(range(50)) >> double)

        assert 1 <= sim.now

        assert {0.0} == {event.at for event in sim.events if event.task == "double"}

    def test_delays_before_retries_are_kept(self) -> None:
        """`sleeps` has the delay before each retry, in order."""
        left = failing(2)

        @task(retry=3, backoff=Backoff(0.5, jitter=0))
        def flaky(number: int) -> int:
            left[number] -= 1
            if left[number] >= 0:
                raise OSError

            return number

        with simulate() as sim:
            assert [7] == run(7 >> flaky)

        assert [0.5, 1.0] == sim.sleeps
        assert 1.5 == sim.now

    def test_a_direct_call_sleeps_in_virtual_time_too(self) -> None:
        """A task that is called as a function retries without a pool, and without time."""
        left = failing(1)

        @task(retry=2, backoff=Backoff(60, jitter=0))
        def flaky(number: int) -> int:
            left[number] -= 1
            if left[number] >= 0:
                raise OSError

            return number

        with simulate() as sim:
            assert 7 == flaky(7)

        assert [60] == sim.sleeps

    def test_a_timeout_comes_when_its_time_has_come(self) -> None:
        """An attempt that sleeps past its timeout fails at that moment."""
        with (
            simulate() as sim,
            pytest.RaisesGroup(TaskTimeout),
            Pool() as pool,
        ):
            pool.go(10 >> nap.with_timeout(3))

        assert 3 == sim.now

    def test_a_wait_that_runs_out_of_time_raises(self) -> None:
        """`wait(timeout=...)` ends at its time; the pool goes on afterwards."""
        with simulate() as sim, Pool() as pool:
            pool.go(10 >> nap)
            with pytest.raises(TimeoutError):
                pool.wait(timeout=4)

            assert 4 == sim.now

        assert 10 == sim.now

    def test_a_pool_whose_slot_is_abandoned_stalls(self) -> None:
        """While an attempt does not hear of its end, nothing else can run on its slot."""

        @stream(timeout=1)
        def deaf(_: int) -> Iterator[int]:
            with suppress(Cancelled):
                sleep(60)

            Pool().go(60 >> nap).close()  # waits, whoever is told to end
            yield 0

        with simulate() as sim:
            pool = Pool(2).go(each([1, 2]) >> deaf)
            with pytest.raises(PoolStalled, match=r"held by .* deaf\(.\) for"):
                pool.wait()

        assert 6 <= sim.now


class TestOrder:
    """The seed decides what comes first."""

    def doubled(self, seed: int, limit: int = 4) -> tuple[int, ...]:
        """Give the outputs in the order in which they came."""
        numbers = Drain[int]()
        with simulate(seed), Pool(limit) as pool:
            pool.go(each(range(4)) >> double | numbers)

        return tuple(numbers.drain())

    def test_seeds_differ(self) -> None:
        """Any of the inputs that threads would have at hand may be first."""
        orders = {self.doubled(seed) for seed in SEEDS}

        assert {0, 2, 4, 6} == {order[0] for order in orders}

    def test_a_limit_of_one_keeps_the_order(self) -> None:
        """With limit 1 no input passes another, as with one thread."""
        assert {(0, 2, 4, 6)} == {self.doubled(seed, limit=1) for seed in SEEDS}

    def test_with_limit_says_what_may_pass(self) -> None:
        """The limit that is set later counts as the one that is given."""
        numbers = Drain[int]()
        with simulate(), Pool().with_limit(1) as pool:
            pool.go(each(range(9)) >> double | numbers)

        assert list(range(0, 18, 2)) == numbers.drain()

    def test_given_workers_pass_each_other(self) -> None:
        """Workers that were given one by one start in any order."""

        def order(seed: int) -> tuple[int, ...]:
            numbers = Drain[int]()
            with simulate(seed), Pool(3) as pool:
                pool.go(*(number >> double | numbers for number in range(3)))

            return tuple(numbers.drain())

        assert 6 == len({order(seed) for seed in range(100)})

    def test_streams_take_turns_between_outputs(self) -> None:
        """Outputs of two streams may come one by one, or one stream's after the other's."""

        def order(seed: int) -> tuple[tuple[int, int], ...]:
            pairs = Drain[tuple[int, int]]()
            with simulate(seed), Pool(2) as pool:
                pool.go(1 >> twice | pairs, 2 >> twice_sent | pairs)

            return tuple(pairs.drain())

        orders = {order(seed) for seed in range(100)}

        assert ((1, 0), (2, 0), (1, 1), (2, 1)) in orders
        assert ((1, 0), (1, 1), (2, 0), (2, 1)) in orders
        assert 6 == len(orders)

    @every_seed
    def test_an_ordered_drain_keeps_the_order_of_its_inputs(self, seed: int) -> None:
        """Inputs run in any order, and their outputs come in that of the inputs."""
        started: list[int] = []

        @task
        def noted(number: int) -> int:
            started.append(number)
            return number

        numbers = Drain[int](ordered=True)
        with simulate(seed), Pool(4) as pool:
            pool.go(each(range(8)) >> noted | numbers)

        assert list(range(8)) == numbers.drain()
        assert list(range(8)) == sorted(started)

    def test_inputs_of_an_ordered_drain_run_in_any_order(self) -> None:
        """The order of the outputs doesn't keep inputs from passing each other."""

        def order(seed: int) -> tuple[object, ...]:
            with simulate(seed) as sim:
                numbers = Drain[int](ordered=True)
                with Pool(3) as pool:
                    pool.go(each(range(3)) >> double | numbers)

            return tuple(each.input for each in sim.events if each.kind == "started")

        assert 6 == len({order(seed) for seed in range(100)})

    @every_seed
    def test_the_same_seed_gives_the_same_run(self, seed: int) -> None:
        """Two runs of a seed are equal, event for event, jitter included."""

        def scenario() -> tuple[list[Event], list[float], list[object]]:
            left = failing(1)

            @task(retry=2, backoff=0.1)
            def flaky(number: int) -> int:
                left[number] -= 1
                if left[number] >= 0:
                    raise OSError

                return number

            numbers, pairs = Drain[int](2), Drain[object]()
            with simulate(seed) as sim, Pool(4) as pool:
                pool.go(
                    each(range(5)) >> flaky | numbers, numbers >> twice_sent | pairs
                )

            return sim.events, sim.sleeps, pairs.drain()

        assert scenario() == scenario()


class TestThreads:
    """Attempts run on the thread that waits."""

    def test_tasks_run_on_the_thread_that_waits(self) -> None:
        """A plain task finds the thread-local values of whoever waits for it."""
        threads: list[int] = []

        @task
        def here(_: int) -> None:
            threads.append(threading.get_ident())

        with simulate(), Pool(8) as pool:
            pool.go(each(range(5)) >> here)

        assert [threading.get_ident()] * 5 == threads

    def test_nothing_runs_before_somebody_waits(self) -> None:
        """`go` takes work in and runs none of it."""
        ran: list[int] = []
        with simulate(), Pool() as pool:
            pool.go(each([1]) >> task(ran.append))
            assert [] == ran

        assert [1] == ran

    def test_no_two_attempts_run_at_once(self) -> None:
        """Each attempt is whole before the next begins."""
        running: list[int] = []

        @task
        def alone(number: int) -> None:
            running.append(number)
            sleep(1)
            assert [running.pop()] == [number]

        with simulate(), Pool(8) as pool:
            assert 1 == pool.limit
            pool.go(each(range(5)) >> alone)

    def test_a_stream_stays_on_one_thread(self) -> None:
        """From its first output to its last a stream is on the same thread."""

        @stream
        def where(_: int) -> Iterator[int]:
            for _ in range(5):
                yield threading.get_ident()

        with simulate(), Pool(4) as pool:
            drains = [Drain[int](1) for _ in range(3)]
            pool.go(*(0 >> where | drain for drain in drains))
            threads = [set(drain) for drain in drains]

        assert [1, 1, 1] == [len(each) for each in threads]

    def test_an_attempt_runs_in_the_context_of_go(self) -> None:
        """What a task sets is gone with its attempt, though it ran on the test's thread."""
        name = ContextVar("name", default="nobody")
        seen: list[str] = []

        @task
        def look(_: int) -> None:
            seen.append(name.get())
            name.set("task")

        name.set("test")
        with simulate(), Pool() as pool:
            pool.go(each(range(2)) >> look)

        assert ["test", "test"] == seen
        assert "test" == name.get()

    def test_another_thread_keeps_the_time_of_the_machine(self) -> None:
        """A thread that is no part of the simulation waits as ever."""
        numbers = Drain[int]()
        found: list[list[int]] = []

        def read() -> None:
            found.append(list(numbers))

        with simulate() as sim:
            thread = threading.Thread(target=read)
            with numbers:
                thread.start()
                numbers.send(1)

            thread.join(TIMEOUT)
            assert [[1]] == found
            assert 0 == sim.now

    def test_a_pool_made_before_keeps_its_threads(self) -> None:
        """Only pools that are made inside are simulated."""
        threads: list[int] = []

        @task
        def here(_: int) -> None:
            threads.append(threading.get_ident())

        with Pool(2) as pool:
            pool.go(0 >> here).wait()
            with simulate():
                assert 2 == pool.limit

        assert threading.get_ident() not in threads

    def test_a_pool_made_afterwards_has_threads(self) -> None:
        """Leaving the block brings threads and time back."""
        with simulate():
            pass

        assert [0, 2] == run(each([0, 1]) >> double, limit=2)


class TestWaits:
    """Whatever waits, and for what, something goes on."""

    @every_seed
    def test_iterating_a_bounded_drain_runs_what_feeds_it(self, seed: int) -> None:
        """A reader and two stages pass values on though each drain holds one."""
        numbers, pairs = Drain[int](1), Drain[tuple[int, int]](1)
        with simulate(seed), Pool(3) as pool:
            pool.go(
                each(range(4)) >> double | numbers,
                numbers >> twice_sent >> task(tuple[int, int]) | pairs,
            )
            read = list(pairs)

        assert sorted(read) == [(2 * n, i) for n in range(4) for i in range(2)]

    @every_seed
    def test_bounds_hold(self, seed: int) -> None:
        """A drain never has more in it than its bound."""
        pairs = Drain[tuple[int, int]](2)
        with simulate(seed), Pool(4) as pool:
            pool.go(each(range(6)) >> twice_sent | pairs)
            most = [len(pairs) for _ in pairs]

        assert 12 == len(most)
        assert max(most) <= 2

    @every_seed
    def test_results_run_as_they_are_read(self, seed: int) -> None:
        """`results()` gives outputs in input order, and runs at most its buffer ahead."""
        with simulate(seed), (each(range(9)) >> twice).results(limit=3) as pairs:
            assert [(n, i) for n in range(9) for i in range(2)] == list(pairs)

    @every_seed
    def test_a_worker_waits_for_work_of_its_own_pool(self, seed: int) -> None:
        """A task on the waiting thread waits for other tasks, which run meanwhile."""
        with simulate(seed), Pool(3) as pool:

            @task
            def total(count: int) -> int:
                return sum((each(range(count)) >> double).results(pool=pool))

            totals = Drain[int]()
            pool.go(each([2, 3]) >> total | totals)
            assert [2, 6] == sorted(totals.drain())

    @every_seed
    def test_two_pools_feed_each_other(self, seed: int) -> None:
        """A pool that waits for another one's values gets them."""
        between, ends = Drain[int](1), Drain[int](1)
        with simulate(seed), Pool(2) as first, Pool(2) as second:
            first.go(each(range(5)) >> double | between)
            second.go(between >> double | ends)
            assert [0, 4, 8, 12, 16] == sorted(ends)

    @every_seed
    def test_a_task_may_wait_for_room_that_is_not_kept_for_it(self, seed: int) -> None:
        """One that drains to a drain twice runs on a thread of its own, so it can."""
        numbers = Drain[int](1)
        with simulate(seed), Pool(2) as pool:
            pool.go(each(range(3)) >> double | numbers | numbers)
            assert [0, 0, 2, 2, 4, 4] == sorted(numbers)

    @every_seed
    def test_a_bound_gives_way_to_results(self, seed: int) -> None:
        """Inputs that passed the oldest may fill a drain that nobody reads, too."""
        numbers = Drain[int](1)
        with simulate(seed):
            doubled = (each(range(3)) >> double | numbers).results(limit=3)
            assert [0, 2, 4] == list(doubled)

        assert [0, 2, 4] == sorted(numbers.drain())

    def test_a_bound_gives_way_where_nobody_reads(self) -> None:
        """`wait()` ends though nobody reads the drain, as with threads."""
        numbers = Drain[int](1)
        with simulate(), Pool() as pool:
            pool.go(each(range(3)) >> double | numbers).wait()

        assert 3 == len(numbers)

    def test_workers_of_a_batch_are_drawn_too(self) -> None:
        """A pulled worker that can't start yet waits for room as with threads."""
        numbers = Drain[int](1, ordered=True)
        with simulate(), Pool(4) as pool:
            pool.go(each(range(4)) >> double.with_limit(2) | numbers)
            assert [0, 2, 4, 6] == list(numbers)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_workers_that_take_turns_have_limits_of_their_own(self, seed: int) -> None:
        """One whose task is at its limit waits for its place, and then for its turn."""
        numbers, tried = Drain[int](ordered=True), list[int]()

        @task(limit=1, retry=2, backoff=1)
        def flaky(number: int) -> int:
            tried.append(number)
            if tried.count(number) == 1:
                raise OSError

            return number

        with simulate(seed), Pool(limit=1) as pool:
            pool.go(*(number >> flaky | numbers for number in range(3)))

        assert [0, 0, 1, 1, 2, 2] == tried
        assert [0, 1, 2] == numbers.drain()


class TestFailures:
    """Failures come out as they do with threads."""

    def test_failures_are_raised_by_wait(self) -> None:
        """All failures come as one group, in the order of the inputs."""

        @task
        def refuse(number: int) -> None:
            raise ValueError(number)

        with simulate(3) as sim, Pool(4) as pool:
            pool.go(each(range(3)) >> refuse)
            with pytest.raises(ExceptionGroup) as raised:
                pool.wait()

        assert [(0,), (1,), (2,)] == [each.args for each in raised.value.exceptions]
        assert 3 == sum(event.kind == "failed" for event in sim.events)

    def test_the_failure_of_an_iterable_is_recorded(self) -> None:
        """An iterable that raises is an event without input."""

        def numbers() -> Iterator[int]:
            yield 1
            raise OSError

        with simulate() as sim, pytest.RaisesGroup(OSError), Pool() as pool:
            pool.go(each(numbers()) >> double)

        assert Event(0.0, "failed", "double", None, 1) in sim.events

    def test_what_ends_a_program_comes_out_as_itself(self) -> None:
        """SystemExit in a task cancels the pool and comes out of `wait`."""

        @task
        def leave(_: int) -> None:
            raise SystemExit(3)

        with simulate() as sim, pytest.raises(SystemExit), Pool() as pool:
            pool.go(1 >> leave)

        assert ["started", "failed"] == [event.kind for event in sim.events]

    def test_cancel_drops_what_waits(self) -> None:
        """What waits for a retry is dropped, and time doesn't go on to it."""

        @task(retry=5, backoff=100)
        def refuse(_: int) -> None:
            raise OSError

        with simulate() as sim, Pool() as pool:
            pool.go(1 >> refuse)
            with pytest.raises(TimeoutError):
                pool.wait(timeout=1)

            pool.cancel()
            with pytest.raises(PoolCancelled):
                pool.wait()

        assert 1 == sim.now

    def test_a_worker_that_was_cancelled_hears_it(self) -> None:
        """A stream that is told to end between two outputs ends there."""
        told: list[bool] = []

        @stream
        def endless(_: int) -> Iterator[int]:
            try:
                while True:
                    yield 0
            finally:
                told.append(cancelled())

        numbers = Drain[int](1)
        with simulate() as sim, Pool() as pool:
            pool.go(1 >> endless | numbers)
            next(iter(numbers))
            pool.cancel()
            with pytest.raises(PoolCancelled):
                pool.wait()

        assert [True] == told
        assert "cancelled" == sim.events[-1].kind

    @every_seed
    def test_what_a_shut_drain_is_for_is_dropped(self, seed: int) -> None:
        """Nothing more starts once all that a stage drains to is shut."""
        pairs = Drain[tuple[int, int]](1)
        with simulate(seed), Pool(3) as pool:
            pool.go(each(range(9)) >> twice | pairs, each(range(3)) >> double)
            next(iter(pairs))
            pairs.shut_down()

        assert 0 == pool.stats().in_progress

    @every_seed
    def test_retries_at_once_and_streams_share_the_slot(self, seed: int) -> None:
        """What is due, what has room again, and what is new come in any order."""
        left = failing(2)

        @task(retry=3)
        def flaky(number: int) -> int:
            left[number] -= 1
            if left[number] >= 0:
                raise OSError

            return number

        pairs = Drain[object](1)
        with simulate(seed), Pool(4) as pool:
            pool.go(each(range(4)) >> flaky | pairs, each(range(4)) >> twice | pairs)
            assert 12 == len(list(pairs))

    @every_seed
    def test_streams_wait_for_a_slot_that_a_sleeper_has(self, seed: int) -> None:
        """A stream that has room again goes on when the sleeping task has ended."""
        pairs = Drain[tuple[int, int]]()
        with simulate(seed) as sim, Pool(8) as pool:
            pool.go(each([1.0] * 5) >> nap, each(range(5)) >> twice | pairs)

        assert 5 == sim.now
        assert 10 == len(pairs)

    def test_an_attempt_that_is_dropped_is_not_retried(self) -> None:
        """A failure after `cancel()` is the end of its input."""
        with simulate() as sim:
            pool = Pool()

            @task(retry=2)
            def refuse(_: int) -> None:
                pool.cancel()
                raise OSError

            with pytest.raises(PoolCancelled):
                pool.go(1 >> refuse).wait()

        assert ["started", "cancelled"] == [event.kind for event in sim.events]


class TestStuck:
    """What can't go on says so."""

    def test_a_wait_that_nothing_can_end_is_an_error(self) -> None:
        """The error names who waits, in which call, and where that was made."""
        with simulate(), pytest.raises(SimulationStuck) as raised:
            list(Drain[int]())

        assert "in Drain.__iter__" in str(raised.value)
        assert "test_simulate.py" in str(raised.value)
        assert "@stream" not in str(raised.value)

    def test_a_task_that_waits_for_its_own_thread_fails(self) -> None:
        """A task that sends to a full drain can't wait for the thread that it runs on."""
        numbers = Drain[int](2)  # room for one is kept for what it returns

        @task
        def push(count: int) -> int:
            for number in range(count):
                numbers.send(number)

            return count

        with simulate(), Pool(on_error="keep") as pool:
            pool.go(3 >> push | numbers)
            assert [0] == list(numbers)

        (failure,) = pool.errors()
        assert isinstance(failure.exception, SimulationStuck)
        assert "push(3) in Drain.send" in str(failure.exception)
        assert "make it a @stream" in str(failure.exception)

    def test_streams_that_wait_are_named(self) -> None:
        """The error names each stream that waits, with its input."""

        @stream
        def starve(_: int) -> Iterator[int]:
            yield from Drain[int]()

        with simulate(), pytest.raises(SimulationStuck) as raised, Pool() as pool:
            pool.go(4 >> starve)

        assert "starve(4) in Drain.__iter__" in str(raised.value)

    def test_a_stream_that_waits_for_room_is_named(self) -> None:
        """So is one between two outputs, where it is in no code of the user's."""
        numbers = Drain[tuple[int, int]](1)
        with simulate(), numbers:
            Pool().go(5 >> twice | numbers)
            with pytest.raises(SimulationStuck) as raised:
                list(Drain[int]())

            assert [(5, 0), (5, 1)] == [next(iter(numbers)) for _ in range(2)]

        assert "- twice(5)\n" in f"{raised.value}\n"

    def test_inputs_that_never_come_are_named(self) -> None:
        """An iterable that waits for ever is named by the task that it is for."""
        with simulate(), Pool(on_error="keep") as pool:
            pool.go(each(iter(Drain[int]())) >> double).wait()

        assert "the inputs of double" in str(pool.errors()[0].exception)


class TestEnd:
    """Leaving the block ends all that is left."""

    def test_what_nobody_waited_for_runs(self) -> None:
        """Work that was given, and not waited for, is done when the block is left."""
        with simulate() as sim:
            Pool().go(each(range(3)) >> double)

        assert 3 == sum(event.kind == "succeeded" for event in sim.events)

    def test_its_failures_are_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        """A failure that nobody was shown is in the log."""

        @task
        def refuse(_: int) -> None:
            raise OSError

        with simulate():
            pool = Pool()
            pool.go(1 >> refuse)

        assert "nobody was shown that refuse(1) failed" in caplog.text

    def test_the_pools_are_closed(self) -> None:
        """A pool that was made inside takes no work afterwards."""
        with simulate():
            pool = Pool().go(1 >> double)

        with pytest.raises(PoolClosed):
            pool.go(1 >> double)

    def test_an_exception_cancels_what_is_left(self) -> None:
        """Leaving by an exception drops what has not started; the exception goes on."""
        with pytest.raises(ZeroDivisionError), simulate() as sim:
            len(str(Pool().go(1 >> double))) / 0

        assert [] == sim.events

    def test_a_stream_that_waits_for_ever_is_told_to_end(self) -> None:
        """A stream that is stuck is cancelled, however often it takes no notice."""
        told: list[int] = []

        @stream
        def stubborn(_: int) -> Iterator[int]:
            for attempt in range(3):
                try:
                    yield from Drain[int]()
                except Cancelled:
                    told.append(attempt)

        with pytest.raises(SimulationStuck), simulate():
            Pool().go(1 >> stubborn)

        assert [0, 1, 2] == told

    def test_a_stream_that_never_hears_is_left_behind(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A stream that swallows every Cancelled is left waiting after some tries."""
        monkeypatch.setattr(_simulation, "TELLS", 3)
        deaf = True

        @stream
        def stubborn(_: int) -> Iterator[int]:
            while deaf:
                with suppress(Cancelled):
                    yield from Drain[int]()

        with pytest.raises(SimulationStuck), simulate() as sim:
            Pool().go(1 >> stubborn)

        deaf = False
        sim._world._end_fibres()  # noqa: SLF001  (no thread stays behind a test)

    def test_a_simulation_runs_once(self) -> None:
        """Entering one again is refused."""
        with simulate() as sim:
            pass

        with pytest.raises(RuntimeError, match="runs once"), sim:
            pass

    def test_simulations_are_not_nested(self) -> None:
        """Entering one inside another is refused, and leaves that one as it is."""
        with simulate() as sim:
            with pytest.raises(RuntimeError, match="nested"), simulate(1):
                pass

            sleep(5)
            assert 5 == sim.now


class TestInterrupts:
    """Ctrl-C, and what test runners raise out of a handler, gets through."""

    def test_what_runs_beside_is_cancelled(self) -> None:
        """Ctrl-C while a stream runs comes out of the wait, and the stream ends."""
        told: list[bool] = []

        @stream
        def interrupted(_: int) -> Iterator[int]:
            yield 0
            os.kill(os.getpid(), signal.SIGINT)
            try:
                while True:
                    yield 1
            finally:
                told.append(cancelled())

        with pytest.raises(KeyboardInterrupt), simulate(), Pool() as pool:
            pool.go(1 >> interrupted)

        assert [True] == told

    def test_one_that_comes_late_is_heard(self) -> None:
        """Ctrl-C that the interpreter hears of only when the wait is over gets through."""

        @stream
        def interrupting(_: int) -> Iterator[int]:
            _thread.interrupt_main()  # wakes nobody
            yield 1

        with pytest.raises(KeyboardInterrupt), simulate(), Pool() as pool:
            pool.go(each(range(3)) >> interrupting, each(range(3)) >> double)

    @every_seed
    def test_a_job_that_was_given_out_is_done(
        self, seed: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Ctrl-C between a decision and what it decides loses nothing."""
        hand_over = World._hand_over  # noqa: SLF001
        interrupts = [KeyboardInterrupt]

        def interrupted(world: World, *strands: Strand) -> None:
            if interrupts:
                raise interrupts.pop()

            hand_over(world, *strands)

        monkeypatch.setattr(World, "_hand_over", interrupted)
        pairs = Drain[tuple[int, int]]()
        with pytest.raises(KeyboardInterrupt), simulate(seed) as sim, Pool() as pool:
            pool.go(each(range(3)) >> twice | pairs)

        started = [event for event in sim.events if event.kind == "started"]
        assert 1 == len(started)
        assert 0 == pool.stats().in_progress

    def test_what_does_not_come_back_is_named(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A stream that hangs beside an interrupted thread is waited for a second."""
        monkeypatch.setattr(_strands, "GRACE_S", 0.01)
        gate = Gate()

        @stream
        def hung(number: int) -> Iterator[int]:
            os.kill(os.getpid(), signal.SIGINT)
            gate.arrive()
            yield number

        sim = simulate()
        with gate, pytest.raises(SimulationStuck, match=r"hung\(1\)"), sim:
            Pool().go(1 >> hung).wait()

        monkeypatch.undo()
        sim._world._end_fibres()  # noqa: SLF001  (no thread stays behind a test)

    def test_is_seen_as_another_begins_to_run(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Before the interrupted thread has begun to wait: it runs no more all the same."""
        # 1. The main thread lets a stream run, which hangs.
        # 2. It is interrupted before it waits for its own turn.
        monkeypatch.setattr(_strands, "GRACE_S", 0.01)
        gate, give_to = Gate(), Strand.give_to

        def interrupted(strand: Strand, other: Strand) -> None:
            give_to(strand, other)
            if threading.current_thread() is threading.main_thread():
                monkeypatch.setattr(Strand, "give_to", give_to)
                gate.wait_for(1)
                signal.raise_signal(signal.SIGINT)

        @stream
        def hung(number: int) -> Iterator[int]:
            gate.arrive()
            yield number

        monkeypatch.setattr(Strand, "give_to", interrupted)
        sim = simulate()
        with gate, pytest.raises(SimulationStuck, match=r"hung\(1\)"), sim:
            Pool().go(1 >> hung).wait()

        monkeypatch.undo()
        sim._world._end_fibres()  # noqa: SLF001  (no thread stays behind a test)


class TestSimulation:
    """What `simulate` gives."""

    def test_it_knows_its_seed(self) -> None:
        """The seed and the time are shown."""
        with simulate(7) as sim:
            sleep(0.5)

        assert 7 == sim.seed
        assert "<simulation, seed 7, 0.5 s>" == repr(sim)

    def test_what_it_tells_is_a_copy(self) -> None:
        """Changing the lists it gives changes nothing."""
        with simulate() as sim:
            sleep(1)
            sim.sleeps.clear()
            sim.events.append(Event(0.0, "failed", "", None, 1))

        assert [1] == sim.sleeps
        assert [] == sim.events

    def test_a_wait_that_ended_in_time_is_no_sleep(self) -> None:
        """Only waits that time alone ended are in `sleeps`."""
        with simulate() as sim, Pool() as pool:
            pool.go(1 >> double).wait(timeout=9)

        assert [] == sim.sleeps

    def test_an_event_has_all_of_an_attempt(self) -> None:
        """When, what, of which task, at which input, and the how manieth attempt."""
        with simulate() as sim:
            run(4 >> double)

        assert [
            Event(0.0, "started", "double", 4, 1),
            Event(0.0, "succeeded", "double", 4, 1),
        ] == sim.events

    def test_a_negative_seed_spells_the_order_out(self) -> None:
        """-1 takes the first option each time."""
        with simulate(-1) as sim, Pool(3) as pool:
            pool.go(each(range(3)) >> double)

        assert [0, 1, 2] == [e.input for e in sim.events if e.kind == "started"]


class TestElsewhere:
    """What a simulation can run, and what it refuses."""

    def test_runs_calls_of_executors(self) -> None:
        """Those of a pool, and a pool for them alone."""
        with simulate(), Pool(limit=2) as pool, ThreadPoolExecutor(2) as executor:

            def nested() -> int:
                return pool.executor.submit(pow, 2, 3).result()

            assert 8 == pool.executor.submit(nested).result()
            assert [1, 4] == list(executor.map(pow, [1, 2], [2, 2]))

    def test_waits_for_many_calls(self) -> None:
        """However that is asked for: the end of a block, or one after the other."""
        with simulate(), Pool(limit=2) as pool:
            with pool.executor as executor:
                left = executor.submit(pow, 2, 3)

            futures = [pool.executor.submit(pow, 2, number) for number in range(3)]

            assert left.done()
            assert {1, 2, 4} == {done.result() for done in as_completed(futures)}

    def test_records_calls(self) -> None:
        """A call that was submitted is one attempt, whatever it was given."""
        with simulate() as sim, Pool(limit=1) as pool:
            submit = pool.executor.submit
            futures = [submit(pow, 2, 3), submit(int), submit(int, "7", base=8)]
            futures += [submit(int, "x"), submit(double, 4)]
            submit(pow, 2, 4).cancel()

        with simulate() as other, Pool(limit=1) as pool:
            pool.executor.submit(int).set_result(4)
            assert [1, 2] == list(pool.executor.map(abs, iter([-1, 2])))

        assert ["abs"] * 4 == [event.task for event in other.events]
        ended = {event.kind for event in sim.events[1::2]}
        assert [f.exception() is None for f in futures] == [True] * 3 + [False, True]
        assert {"succeeded", "failed"} == ended
        assert [
            ("pow", (2, 3)),
            ("int", None),
            ("int", {"0": "7", "base": 8}),
            ("int", "x"),
            ("double", 4),
        ] == [(event.task, event.input) for event in sim.events[::2]]

    def test_has_no_thread_when_it_is_over(self) -> None:
        """A pool counts the thread that waits as its own until it is closed."""
        with simulate():
            pool = Pool().go(1 >> double)
            assert 1 == pool.stats().threads
            pool.close()

            assert 0 == pool.stats().threads

    def test_names_a_call_that_is_stuck(self) -> None:
        """It has no task and no input of its own."""
        full = Drain[int](maxsize=1)
        full.send(1)
        with (
            pytest.raises(SimulationStuck, match="a call that was submitted"),
            simulate(),
            Pool(limit=2) as pool,
        ):
            pool.executor.submit(full.send, 2).result()

    def test_refuses_event_loops(self) -> None:
        """Nobody would run the pool while a loop waits for it."""

        async def wait() -> None:
            await Pool().go(1 >> double).wait_async()

        with simulate(), pytest.raises(RuntimeError, match="in plain code"):
            asyncio.run(wait())
