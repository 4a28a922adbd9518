"""Timeouts: an attempt that runs too long is abandoned."""

import logging
import threading
from collections.abc import Callable, Iterator

import pytest

from fluent_async import (
    Args,
    Drain,
    Failure,
    Pool,
    Task,
    cancelled,
    each,
    run,
    sleep,
    stream,
    task,
)
from fluent_async.errors import Cancelled, PoolStalled, TaskTimeout
from support import TIMEOUT, FakeClock, Gate, poll
from work import Form, at, double, every_form, fail


@pytest.fixture
def clock(fake_clock: FakeClock) -> FakeClock:
    """Let time stand still until the test moves it."""
    return fake_clock.hold()


def abandon(pool: Pool, gate: Gate, clock: FakeClock) -> None:
    """Let 5 seconds pass while an attempt is at the gate, and see that it is abandoned."""
    gate.wait_for(1)
    clock.advance(5)
    assert poll(lambda: pool.stats().abandoned == 1)


class TestTimeout:
    """An attempt over its timeout fails with TaskTimeout."""

    @every_form
    def test_fails_the_input(self, clock: FakeClock, form: Form) -> None:
        """The failure is a TaskTimeout that says which task took how long, and where."""
        with Pool(on_error="keep", name="timed") as pool, Gate() as gate:
            pool.go(*form([1], at(gate).hold.with_timeout(5)))
            abandon(pool, gate, clock)
            pool.wait()
            (failure,) = pool.errors()

        assert isinstance(failure.exception, TaskTimeout)
        assert isinstance(failure.exception, TimeoutError)
        assert str(failure.exception) == (
            "hold ran longer than its timeout, 5.0 s, and is abandoned on timed-0"
        )

    def test_has_the_note_of_a_failure(self, clock: FakeClock) -> None:
        """It tells the input, the attempts and the seconds like any other."""
        with Pool(on_error="keep") as pool, Gate() as gate:
            pool.go(7 >> at(gate).hold.with_timeout(5))
            abandon(pool, gate, clock)
            pool.wait()
            (failure,) = pool.errors()

        assert ["hold(7) failed after 1 attempt, 5.00 s"] == failure.exception.__notes__

    def test_is_raised_like_a_failure(self, clock: FakeClock) -> None:
        """`wait()` has it in its group, and need not wait for the attempt."""
        with Pool() as pool, Gate() as gate:
            pool.go(7 >> at(gate).hold.with_timeout(5))
            abandon(pool, gate, clock)
            with pytest.raises(ExceptionGroup) as caught:
                pool.wait()

        assert caught.group_contains(TaskTimeout)

    def test_in_time_changes_nothing(self, clock: FakeClock) -> None:
        """An attempt that takes less than its timeout has none."""
        drain = Drain[int]()

        @task(timeout=5)
        def quick(number: int) -> int:
            clock.advance(4.9)
            return number

        with Pool(limit=1) as pool:
            pool.go(each([1, 2, 3]) >> quick | drain)

        assert [1, 2, 3] == drain.drain()

    def test_by_the_machines_clock(self) -> None:
        """Seconds are seconds."""
        with Pool(on_error="keep") as pool, Gate() as gate:
            pool.go(1 >> at(gate).hold.with_timeout(0.01)).wait(TIMEOUT)

            assert isinstance(pool.errors()[0].exception, TaskTimeout)

    def test_is_of_one_attempt(self, clock: FakeClock) -> None:
        """Each attempt has all of it."""
        calls = []

        @task(retry=3, timeout=5)
        def flaky() -> None:
            calls.append(clock.now())
            clock.advance(4)
            if len(calls) < 3:
                raise OSError

        with Pool(limit=1) as pool:
            pool.go(flaky)

        assert 3 == len(calls)

    def test_is_of_one_step_of_a_composition(self, clock: FakeClock) -> None:
        """Each task of a worker has its own, from where it begins."""
        drain = Drain[int]()

        @task(timeout=5)
        def slow(number: int) -> int:
            clock.advance(4)
            return number

        with Pool(limit=1) as pool:
            pool.go(1 >> slow >> slow >> slow | drain)

        assert [1] == drain.drain()

    def test_of_a_later_step_is_that_ones(self, clock: FakeClock) -> None:
        """The task that took too long is named."""
        with Pool(on_error="keep") as pool, Gate() as gate:
            pool.go(1 >> double >> at(gate).hold.with_timeout(5))
            abandon(pool, gate, clock)
            pool.wait()
            (failure,) = pool.errors()

        assert ("hold", 2) == (failure.task, failure.input)

    def test_of_several_attempts_is_kept_for_each(self, clock: FakeClock) -> None:
        """Whatever started first, the first to be over is the first to fail."""
        with Pool(on_error="keep") as pool, Gate() as gate:
            hold = at(gate).hold
            pool.go(*(n >> hold.with_timeout(n) for n in (3, 1, 2)))
            gate.wait_for(3)
            for failed in (1, 2, 3):
                clock.advance(1)
                assert poll(lambda: pool.stats().failed == failed)  # noqa: B023

            inputs = [failure.input for failure in pool.errors()]

        assert [3, 1, 2] == inputs

    def test_is_kept_though_something_is_due_later(self, clock: FakeClock) -> None:
        """A thread that keeps time for a later retry hears of an earlier timeout."""
        first, second = Gate(), Gate()
        pool = Pool(limit=2, on_error="keep")
        with pool, first, second:
            pool.go(1 >> at(first).hold >> at(second).hold.with_timeout(5))
            first.wait_for(1)
            pool.go(2 >> fail.with_retry(2, 60))
            clock.wait_for_waits(1)
            first.open()
            abandon(pool, second, clock)
            clock.advance(90)

        assert [1, 2] == [failure.input for failure in pool.errors()]


class TestTime:
    """`timeout` counts the time one attempt runs."""

    def test_is_not_what_it_waits_for_room(self, clock: FakeClock) -> None:
        """A worker in a full drain may wait as long as it takes."""
        full = Drain[int](maxsize=1)

        @stream(timeout=5)
        def two(args: Args[int, int]) -> None:
            args.drainer.send(1)
            args.drainer.send(2)

        with Pool() as pool:
            pool.go(1 >> two | full)
            assert poll(lambda: pool.stats().waiting_for_room == 1)
            clock.advance(100)

            assert [1, 2] == list(full)

    def test_goes_on_after_waiting_for_room(self, clock: FakeClock) -> None:
        """What it ran before it waited counts."""
        full = Drain[int](maxsize=1)

        @stream(timeout=5)
        def two(args: Args[int, int]) -> None:
            clock.advance(3)
            args.drainer.send(1)
            args.drainer.send(2)
            gate.arrive()

        with Pool(on_error="keep") as pool, Gate() as gate:
            pool.go(1 >> two | full)
            assert poll(lambda: pool.stats().waiting_for_room == 1)
            assert [1, 2] == [next(iter(full)), next(iter(full))]
            gate.wait_for(1)
            clock.advance(3)
            assert poll(lambda: pool.stats().abandoned == 1)

    def test_is_not_what_it_waits_for_a_slot(self, clock: FakeClock) -> None:
        """It begins when the attempt does."""
        drain = Drain[int]()
        with Pool(limit=1) as pool, Gate() as gate:
            pool.go(1 >> at(gate).hold, 2 >> double.with_timeout(5) | drain)
            gate.wait_for(1)
            clock.advance(100)

        assert [4] == drain.drain()

    def test_includes_what_it_sleeps(self, clock: FakeClock) -> None:
        """`sleep` keeps the slot, and is time that the attempt runs."""

        @task(timeout=5)
        def nap() -> None:
            sleep(10)

        with Pool(on_error="keep") as pool:
            pool.go(nap)
            clock.wait_for_waits(2)  # its own, and that of the thread that keeps time
            clock.advance(5)
            pool.wait()

            assert isinstance(pool.errors()[0].exception, TaskTimeout)


class TestRetry:
    """A timeout is retried if `retry_on` covers it."""

    @pytest.mark.parametrize(
        "retry_on", [Exception, TimeoutError, TaskTimeout, OSError]
    )
    def test_is_made_if_retry_on_covers_it(
        self, clock: FakeClock, retry_on: type[Exception]
    ) -> None:
        """TaskTimeout is a TimeoutError, which is an OSError; the default covers it."""
        drain = Drain[int]()
        with Pool(limit=2) as pool, Gate() as gate:
            first = first_at(gate).with_retry(2, retry_on=retry_on)
            pool.go(first.with_timeout(5) | drain)
            abandon(pool, gate, clock)

            assert [2] == drain.drain()

    def test_is_not_made_if_retry_on_does_not(self, clock: FakeClock) -> None:
        """It is final then."""
        with Pool(on_error="keep") as pool, Gate() as gate:
            first = first_at(gate).with_retry(2, retry_on=ValueError)
            pool.go(first.with_timeout(5))
            abandon(pool, gate, clock)
            pool.wait()

            assert 1 == pool.stats().attempts

    def test_is_made_by_the_policy_of_the_pool(self, clock: FakeClock) -> None:
        """A pool's policy covers it as well."""
        drain = Drain[int]()
        with Pool(limit=2, retry=2) as pool, Gate() as gate:
            pool.go(first_at(gate).with_timeout(5) | drain)
            abandon(pool, gate, clock)

            assert [2] == drain.drain()

    def test_delay_may_wait_in_the_library(self, clock: FakeClock) -> None:
        """The backoff of a timeout may run work itself."""
        drain = Drain[int]()

        def ask(_: Failure) -> float:
            return run(0 >> double)[0]

        with Pool(limit=2, retry=2, backoff=ask) as pool, Gate() as gate:
            pool.go(first_at(gate).with_timeout(5) | drain)
            abandon(pool, gate, clock)

            assert [2] == drain.drain()

    def test_waits_for_a_slot(self, clock: FakeClock) -> None:
        """With limit 1 the next attempt starts when the abandoned one has ended."""
        drain = Drain[int]()
        with Pool(limit=1, retry=2) as pool, Gate() as gate:
            pool.go(first_at(gate).with_timeout(5) | drain)
            abandon(pool, gate, clock)

            assert 1 == pool.stats().attempts
            gate.open()
            assert [2] == drain.drain()


def first_at(gate: Gate) -> Task[[], int, int]:
    """Make a task whose first attempt is held at the gate; it gives which it is."""
    attempts: list[int] = []

    @task
    def first() -> int:
        attempts.append(1)
        attempt = len(attempts)
        if attempt == 1:
            gate.arrive()

        return attempt

    return first


class TestAbandoned:
    """What an abandoned attempt may still do, and what nobody wants from it."""

    @pytest.mark.parametrize("end", ["returns", "raises", "exits"])
    @every_form
    def test_end_counts_for_nothing(
        self, clock: FakeClock, form: Form, end: str
    ) -> None:
        """C9: What it returns, raises, or would end Python with, is discarded."""
        drain = Drain[int]()
        ends: dict[str, BaseException] = {"raises": KeyError(), "exits": SystemExit()}

        @task(timeout=5)
        def late(number: int, /) -> int:
            gate.arrive()
            if end in ends:
                raise ends[end]

            return number

        with Pool(on_error="keep") as pool, Gate() as gate:
            pool.go(*(work | drain for work in form([1], late)))
            abandon(pool, gate, clock)
            gate.open()
            assert poll(lambda: pool.stats().running == 0)

        assert ([], 1) == (drain.drain(), len(pool.errors()))
        assert (0, 1) == (pool.stats().succeeded, pool.stats().failed)

    def test_keeps_its_slot(self, clock: FakeClock) -> None:
        """Others do not run in its place until it has really ended."""
        drain = Drain[int]()
        with Pool(limit=1, on_error="keep") as pool, Gate() as gate:
            pool.go(1 >> at(gate).hold.with_timeout(5), 2 >> double | drain)
            abandon(pool, gate, clock)

            assert poll(lambda: pool.stats().in_progress == 1)
            assert 1 == pool.stats().running
            gate.open()
            assert [4] == drain.drain()

        assert (0, 0) == (pool.stats().running, pool.stats().abandoned)

    @pytest.mark.parametrize("call", ["send", "sleep", "wait"])
    def test_hears_it_from_the_library(self, clock: FakeClock, call: str) -> None:
        """Its next send, sleep, or other wait raises Cancelled."""
        heard: list[str] = []
        calls: dict[str, Callable[[Args[int, int]], object]] = {
            "send": lambda args: args.drainer.send(1),
            "sleep": lambda _: sleep(0),
            "wait": lambda _: Pool().go(1 >> double).wait(),
        }

        @stream(timeout=5)
        def goes_on(args: Args[int, int]) -> None:
            gate.arrive()
            try:
                calls[call](args)
            except Cancelled:
                heard.append(call)

        with Pool(on_error="keep") as pool, Gate() as gate:
            pool.go(1 >> goes_on | Drain[int]())
            abandon(pool, gate, clock)
            gate.open()
            assert poll(lambda: pool.stats().running == 0)

        assert [call] == heard

    def test_may_ask(self, clock: FakeClock) -> None:
        """`cancelled()` is true in it."""
        heard: list[bool] = []

        @task(timeout=5)
        def asks() -> None:
            heard.append(cancelled())
            gate.arrive()
            heard.append(cancelled())

        with Pool(on_error="keep") as pool, Gate() as gate:
            pool.go(asks)
            abandon(pool, gate, clock)
            gate.open()
            assert poll(lambda: pool.stats().running == 0)

        assert [False, True] == heard

    def test_wakes_from_sleep(self, clock: FakeClock) -> None:
        """An attempt that sleeps when it is abandoned wakes at once."""
        heard: list[float] = []

        @task(timeout=5)
        def nap() -> None:
            try:
                sleep(1000)
            except Cancelled:
                heard.append(clock.now())

        with Pool(on_error="keep") as pool:
            began = clock.now()
            pool.go(nap)
            clock.wait_for_waits(2)
            clock.advance(5)
            assert poll(lambda: pool.stats().failed > pool.stats().running)

        assert [began + 5] == heard

    def test_stream_ends_after_an_output(self, clock: FakeClock) -> None:
        """A generator is closed when it gives its next output, which is lost."""
        drain = Drain[int]()
        ended = threading.Event()

        @stream(timeout=5)
        def endless(_: int) -> Iterator[int]:
            try:
                gate.arrive()
                while True:
                    yield 1
            finally:
                ended.set()

        with Pool(on_error="keep") as pool, Gate() as gate:
            pool.go(1 >> endless | drain)
            abandon(pool, gate, clock)
            gate.open()

            assert ended.wait(TIMEOUT)
            assert [] == drain.drain()

    def test_is_logged(
        self, clock: FakeClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A warning names it, since it keeps a slot."""
        with Pool(name="crawl", on_error="keep") as pool, Gate() as gate:
            pool.go(1 >> at(gate).hold.with_timeout(5))
            abandon(pool, gate, clock)

        says = (
            "crawl: hold is over its timeout of 5.0 s and abandoned on crawl-0: "
            "it keeps its slot"
        )

        assert [("fluent_async", logging.WARNING, says)] == caplog.record_tuples

    def test_outlives_close(self, clock: FakeClock) -> None:
        """C9: After `close()` no thread is left but abandoned ones, which are daemons."""
        with Gate() as gate:
            pool = Pool(limit=3, name="crawl", on_error="keep")
            pool.go(1 >> at(gate).hold.with_timeout(5), each(range(50)) >> double)
            abandon(pool, gate, clock)
            pool.close()
            left = [t for t in threading.enumerate() if t.name.startswith("crawl-")]

            assert [True] == [thread.daemon for thread in left]
            assert 1 == pool.stats().threads

        assert poll(lambda: pool.stats().threads == 0)


class TestStalled:
    """A pool in which abandoned attempts hold every slot for good is stalled."""

    @pytest.mark.usefixtures("fake_clock")
    def test_pool_is_told_by_wait(self) -> None:
        """What is left cannot run, and `wait` says what is in its way."""
        says = r"every slot of crawl is held by .*: hold\(7\) for 10 s"
        pool = Pool(1, name="crawl", on_error="keep")
        with Gate() as gate:
            pool.go(7 >> at(gate).hold.with_timeout(5), 2 >> double)
            gate.wait_for(1)
            with pytest.raises(PoolStalled, match=says):
                pool.wait()

        pool.close()

    @pytest.mark.usefixtures("fake_clock")
    def test_pool_is_closed_all_the_same(self) -> None:
        """`close()` drops what cannot run, and raises nothing."""
        pool = Pool(limit=1, on_error="keep")
        with Gate() as gate:
            pool.go(7 >> at(gate).hold.with_timeout(5), 2 >> double)
            gate.wait_for(1)
            pool.close()

            assert (1, 1) == (pool.stats().failed, pool.stats().cancelled)

    def test_pool_is_not_while_a_slot_is_free(self, clock: FakeClock) -> None:
        """One slot that is not held so is enough to go on."""
        drain = Drain[int]()
        with Pool(limit=2, on_error="keep") as pool, Gate() as gate:
            pool.go(7 >> at(gate).hold.with_timeout(5))
            abandon(pool, gate, clock)
            clock.advance(1000)
            pool.go(each([1, 2]) >> double | drain).wait()

        assert [2, 4] == drain.drain()

    def test_pool_may_recover(self, clock: FakeClock) -> None:
        """When the attempt ends after all, the pool goes on."""
        drain = Drain[int]()
        with Pool(limit=1, on_error="keep") as pool, Gate() as gate:
            pool.go(7 >> at(gate).hold.with_timeout(5), 2 >> double | drain)
            abandon(pool, gate, clock)
            clock.advance(1000)
            with pytest.raises(PoolStalled):
                pool.wait()

            gate.open()

            assert [4] == drain.drain()
