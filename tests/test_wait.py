"""The one wait: waking, timeouts, lending a slot, and hearing of the end."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import TypeAlias

import pytest

from beside import Waits, beside
from fluent_async import (
    Args,
    Drain,
    Pool,
    Worker,
    cancelled,
    each,
    sleep,
    stream,
    task,
)
from fluent_async._wait import (
    Waiter,
    block,
    here,
    is_busy,
    mark_of_this_thread,
    pause,
    remaining,
)
from fluent_async.errors import Cancelled, PoolCancelled
from support import TIMEOUT, FakeClock, Gate, poll, start_child


Work: TypeAlias = Callable[[Callable[[], object]], Worker[None]]


def plain(call: Callable[[], object]) -> Worker[None]:
    """Make a worker of a function that makes a call: it needs no record of its own."""

    @task
    def plain() -> None:
        call()

    return plain.with_input()


def sender(call: Callable[[], object]) -> Worker[None]:
    """Make a worker of a function that takes Args and makes a call."""

    @stream
    def sender(args: Args[int, None]) -> None:
        call()

    return 1 >> sender


every_work = pytest.mark.parametrize(
    "work", [plain, sender], ids=lambda work: work.__name__
)


def told(
    work: Work, call: Callable[[], object], ready: Callable[[], object]
) -> list[object]:
    """Cancel the pool of a worker that makes a call once `ready` has returned.

    Returns:
        What the call raised, and whether the worker knew by then that it had to end.
    """
    heard: list[object] = []

    def hear() -> None:
        try:
            call()
        except BaseException as exc:
            heard.extend([type(exc), cancelled()])
            raise

    pool = Pool(1).go(work(hear))
    ready()
    pool.cancel()
    with pytest.raises(PoolCancelled):
        pool.wait(TIMEOUT)

    pool.close()
    return heard


class TestWaiter:
    """One wait of one thread."""

    def test_waits_until_woken(self) -> None:
        """The wait ends when somebody wakes it, and says so."""
        waiter = Waiter()
        with Waits() as waits:
            waiting = beside(waiter.wait)
            waits.wait_for(1)
            waiter.wake()

            assert waiting.result(TIMEOUT)

    def test_does_not_wait_if_it_was_woken_before(self) -> None:
        """Waking may come first: nothing is missed."""
        waiter = Waiter()
        waiter.wake()

        assert waiter.wait()

    def test_may_be_woken_more_than_once(self) -> None:
        """Whoever comes second changes nothing, not even after the wait."""
        waiter = Waiter()
        waiter.wake()
        waiter.wake()
        woken = waiter.wait()
        waiter.wake()

        assert woken

    def test_gives_up_after_its_timeout(self, fake_clock: FakeClock) -> None:
        """Nobody wakes it: it waits as long as it was told, by the clock in use."""
        woken = Waiter().wait(2.5)

        assert (False, [2.5]) == (woken, fake_clock.sleeps)

    def test_waits_until_something_is_due(self, fake_clock: FakeClock) -> None:
        """Without patience the end is a moment of the clock in use."""
        woken = Waiter().wait_for(fake_clock.now() + 2.5, None)

        assert (False, [2.5]) == (woken, fake_clock.sleeps)

    def test_does_not_wait_for_what_is_overdue(self, fake_clock: FakeClock) -> None:
        """A moment that has passed is no wait."""
        woken = Waiter().wait_for(fake_clock.now() - 1.0, None)

        assert (False, [0.0]) == (woken, fake_clock.sleeps)

    def test_waits_until_something_is_due_before_its_patience_ends(
        self, fake_clock: FakeClock
    ) -> None:
        """What is due first ends the wait, by the clock in use."""
        woken = Waiter().wait_for(fake_clock.now() + 2.5, TIMEOUT)

        assert (False, [2.5]) == (woken, fake_clock.sleeps)

    @pytest.mark.parametrize("due_in", [None, 60.0])
    def test_is_patient_by_the_clock_of_the_machine(
        self, fake_clock: FakeClock, due_in: float | None
    ) -> None:
        """Patience is no time for the clock in use."""
        due = None if due_in is None else fake_clock.now() + due_in
        woken = Waiter().wait_for(due, 0.001)

        assert (False, []) == (woken, fake_clock.sleeps)

    @pytest.mark.parametrize("patience", [None, TIMEOUT])
    def test_is_patient_only_until_woken(self, patience: float | None) -> None:
        """Waking ends a wait of any kind."""
        waiter = Waiter()
        waiter.wake()

        assert waiter.wait_for(None, patience)


class TestRemaining:
    """`remaining(timeout)`: how much of it is left."""

    def test_is_none_for_ever(self) -> None:
        """Without a timeout there is no end."""
        assert remaining(None)() is None

    def test_goes_down_with_the_clock(self, fake_clock: FakeClock) -> None:
        """What is left gets less as time goes by."""
        left = remaining(5.0)
        before = left()
        fake_clock.advance(1.5)

        assert (5.0, 3.5) == (before, left())

    def test_is_never_negative(self, fake_clock: FakeClock) -> None:
        """When the time is over, nothing is left."""
        left = remaining(5.0)
        fake_clock.advance(7.0)

        assert 0.0 == left()


class TestBlock:
    """`block(waiter)`: what every call of the library waits with."""

    def test_waits_outside_a_pool_as_the_waiter_does(
        self, fake_clock: FakeClock
    ) -> None:
        """It says whether it was woken."""
        woken = Waiter()
        woken.wake()

        assert (True, False) == (block(woken, 1.0), block(Waiter(), 2.0))
        assert [2.0] == fake_clock.sleeps

    def test_says_in_a_worker_whether_it_was_woken(self, fake_clock: FakeClock) -> None:
        """In a worker it says so too."""
        said = Drain[bool](ordered=True)

        @task
        def wait(waiter: Waiter) -> bool:
            return block(waiter, 3.0)

        woken = Waiter()
        woken.wake()
        with Pool(1) as pool:
            pool.go(each([woken, Waiter()]) >> wait | said)

        assert [True, False] == said.drain()
        assert 3.0 in fake_clock.sleeps

    def test_lends_the_slot_of_a_worker(self) -> None:
        """While one waits, another runs in a pool of limit 1."""
        waiter, drain = Waiter(), Drain[str]()

        @task
        def first() -> str:
            block(waiter)
            return "first"

        @task
        def second() -> str:
            waiter.wake()
            return "second"

        with Pool(1) as pool:
            pool.go(first | drain, second | drain)

        assert ["second", "first"] == drain.drain()

    def test_keeps_the_slot_of_a_worker_if_it_is_told_to(self) -> None:
        """With lends=False nobody else runs meanwhile."""
        waiter, gate = Waiter(), Gate()

        @task
        def keep() -> None:
            gate.arrive()
            block(waiter, lends=False)

        gate.open()
        with Pool(1) as pool:
            pool.go(keep, task(gate.arrive))
            gate.wait_for(1)
            gate.assert_nobody_arrives()
            waiter.wake()

        gate.wait_for(1)

    def test_takes_the_slot_back_before_it_returns(self) -> None:
        """Who was woken runs only when a slot is free again: the limit holds."""
        waiter, lent, back = Waiter(), Gate(), Gate()

        @task
        def wait() -> None:
            block(waiter)
            back.arrive()

        with Pool(1) as pool, back, lent:
            pool.go(wait, task(lent.arrive))
            lent.wait_for(1)
            waiter.wake()
            back.assert_nobody_arrives()
            lent.open()
            back.wait_for(1)

    def test_lends_the_slot_of_an_iterable_that_waits(self) -> None:
        """An iterable may call the library as a worker may, and others run meanwhile."""
        waiter, drain = Waiter(), Drain[int]()

        def numbers() -> Iterator[int]:
            yield 1
            block(waiter)
            yield 2

        @task
        def wake(number: int) -> int:
            waiter.wake()
            return number

        with Pool(1) as pool:
            pool.go(each(numbers()) >> wake | drain)

        assert [1, 2] == drain.drain()

    @every_work
    @pytest.mark.parametrize("lends", [True, False])
    def test_raises_cancelled_when_its_worker_is_told_to_end(
        self, fake_clock: FakeClock, work: Work, *, lends: bool
    ) -> None:
        """A pool that is cancelled ends the waits of its workers, whether they lend."""
        fake_clock.hold()
        heard = told(
            work,
            lambda: block(Waiter(), 60.0, lends=lends),
            fake_clock.wait_for_waits,
        )

        assert [Cancelled, True] == heard

    @every_work
    def test_raises_cancelled_at_once_if_its_worker_was_told_before(
        self, work: Work
    ) -> None:
        """A worker that was told to end waits for nothing any more."""
        gate = Gate()

        def wait() -> None:
            gate.arrive()
            assert poll(cancelled)
            block(Waiter())

        gate.open()

        assert [Cancelled, True] == told(work, wait, gate.wait_for)

    def test_is_interruptible(self) -> None:
        """Ctrl-C reaches a thread that waits without a timeout."""
        source = """
            from fluent_async._wait import Waiter, block
            try:
                print("waiting", flush=True)
                block(Waiter())
            except KeyboardInterrupt:
                print("interrupted")
            """
        with start_child(source) as child:
            child.wait_for("waiting")
            child.interrupt()
            done = child.finish()

        assert ("waiting\ninterrupted\n", 0) == (done.stdout, done.returncode)


class TestSleep:
    """`sleep(seconds)`, and `pause` beneath it."""

    @pytest.mark.parametrize(
        ("seconds", "slept"), [(2, 2.0), (0.5, 0.5), (timedelta(minutes=1), 60.0)]
    )
    def test_sleeps_so_long(
        self, fake_clock: FakeClock, seconds: float | timedelta, slept: float
    ) -> None:
        """Seconds are a number or a timedelta."""
        sleep(seconds)

        assert [slept] == fake_clock.sleeps

    def test_does_not_wait_for_nothing(self, fake_clock: FakeClock) -> None:
        """Zero seconds are no wait."""
        sleep(0)

        assert [] == fake_clock.sleeps

    def test_keeps_the_slot_of_a_worker(self, fake_clock: FakeClock) -> None:
        """While a worker sleeps, no other runs in a pool of limit 1."""
        gate, clock = Gate(), fake_clock.hold()
        gate.open()
        with Pool(1) as pool:
            pool.go(plain(lambda: sleep(60)), plain(gate.arrive))
            clock.wait_for_waits(1)
            gate.assert_nobody_arrives()
            clock.advance(60)

        gate.wait_for(1)

    @every_work
    def test_wakes_when_its_worker_is_told_to_end(
        self, fake_clock: FakeClock, work: Work
    ) -> None:
        """Nobody waits for the end of a sleep that is of no use."""
        fake_clock.hold()
        heard = told(work, lambda: sleep(60), fake_clock.wait_for_waits)

        assert [Cancelled, True] == heard

    @every_work
    def test_of_zero_seconds_hears_that_its_worker_was_told_to_end(
        self, work: Work
    ) -> None:
        """A loop that sleeps for nothing hears it, too."""
        gate = Gate()

        def pause_for_nothing() -> None:
            gate.arrive()
            assert poll(cancelled)
            pause(0)

        gate.open()

        assert [Cancelled, True] == told(work, pause_for_nothing, gate.wait_for)

    def test_is_interruptible(self) -> None:
        """Ctrl-C wakes it."""
        source = """
            from fluent_async import sleep
            try:
                print("asleep", flush=True)
                sleep(3600)
            except KeyboardInterrupt:
                print("awake")
            """
        with start_child(source) as child:
            child.wait_for("asleep")
            child.interrupt()
            done = child.finish()

        assert ("asleep\nawake\n", 0) == (done.stdout, done.returncode)


class TestCancelled:
    """`cancelled()`: whether the worker that asks was told to end."""

    def test_is_false_outside_a_pool(self) -> None:
        """Nobody tells a thread that is no worker."""
        assert not cancelled()

    @every_work
    def test_is_false_until_the_worker_is_told(self, work: Work) -> None:
        """A worker that nobody told to end goes on."""
        asked: list[bool] = []
        with Pool(1) as pool:
            pool.go(work(lambda: asked.append(cancelled())))

        assert [False] == asked

    @every_work
    def test_is_false_for_the_work_after_that_which_was_cancelled(
        self, work: Work
    ) -> None:
        """A cancelled pool is usable again, on the same threads."""
        gate, asked = Gate(), list[bool]()
        with Pool(1) as pool, gate:
            pool.go(work(gate.arrive))
            gate.wait_for(1)
            pool.cancel()
            gate.open()
            with suppress(PoolCancelled):
                pool.wait(TIMEOUT)

            pool.go(work(lambda: asked.append(cancelled())))

        assert [False] == asked

    def test_is_asked_of_args_as_well(self) -> None:
        """`args.cancelled` is the same question."""
        gate, asked = Gate(), list[bool]()

        @stream
        def ask(args: Args[int, int]) -> None:
            asked.append(args.cancelled)
            gate.arrive()
            asked.append(poll(lambda: args.cancelled))

        gate.open()
        with suppress(PoolCancelled), Pool(1) as pool:
            pool.go(1 >> ask)
            gate.wait_for(1)
            pool.cancel()

        assert [False, True] == asked


class TestHere:
    """`here()`: the seat of a pool's thread."""

    def test_is_none_outside_a_pool(self) -> None:
        """A thread that is no pool's has no seat."""
        assert here() is None
        assert beside(here).result(TIMEOUT) is None

    def test_is_the_same_for_all_that_one_thread_runs(self) -> None:
        """The seat is the thread's, not the attempt's."""
        seats: list[object] = []
        with Pool(1) as pool:
            pool.go(plain(lambda: seats.append(here())))
            pool.wait(TIMEOUT)
            pool.go(sender(lambda: seats.append(here())))

        assert seats[0] is seats[1] is not None


class TestMarks:
    """`mark_of_this_thread()`: one for each thread there ever was."""

    def test_is_the_same_each_time(self) -> None:
        """A thread keeps its mark."""
        assert mark_of_this_thread() == mark_of_this_thread()

    def test_tells_an_ended_thread_from_one_of_the_same_identifier(self) -> None:
        """The system gives identifiers away again; who has ended is not busy for that."""
        marks: list[int] = []
        for _ in range(20):
            thread = threading.Thread(
                target=lambda: marks.append(mark_of_this_thread())
            )
            thread.start()
            thread.join()

        assert 20 == len(set(marks))
        assert not any(map(is_busy, marks))
        assert is_busy(mark_of_this_thread())
