"""Corners: what happens rarely, made to happen."""

import sys
import threading
from collections.abc import Iterator

import pytest

from fluent_async import Drain, Pool, Workers, each, stream, task
from fluent_async._course import Course
from fluent_async._monitor import Monitor, _mine, inside
from fluent_async._slice import Slice
from hand import Hand
from support import FakeClock, Gate, poll


class TestOpenStreams:
    """A stream that is still open, and the tasks that follow it."""

    def test_waits_on_its_thread_for_a_retry_of_what_follows(self) -> None:
        """An output whose task fails is tried again before the next one is made."""
        failed: list[int] = []
        out = Drain[int]()

        @stream
        def two(number: int) -> Iterator[int]:
            yield number
            yield number + 1

        @task(retry=2)
        def flaky(number: int) -> int:
            if number not in failed:
                failed.append(number)
                raise OSError

            return number

        with Pool(limit=1) as pool:
            pool.go(1 >> two >> flaky | out)

        assert [1, 2] == out.drain()

    def test_is_followed_by_any_number_of_tasks(self) -> None:
        """Each output goes through all of them before the next is made."""
        out = Drain[int]()

        @stream
        def two(number: int) -> Iterator[int]:
            yield number
            yield number + 1

        @task
        def double(number: int) -> int:
            return 2 * number

        with Pool(limit=1) as pool:
            pool.go(1 >> two >> double >> double | out)

        assert [4, 8] == out.drain()

    def test_fails_with_what_follows(self) -> None:
        """A failure that is final ends the stream, and the worker."""

        @stream
        def ones(number: int) -> Iterator[int]:
            while True:
                yield number

        @task
        def fails(number: int) -> int:
            raise ValueError(number)

        with Pool(limit=1, on_error="keep") as pool:
            pool.go(1 >> ones >> fails)

        assert ["fails"] == [failure.task for failure in pool.errors()]


class TestTimekeeping:
    """The one parked thread that keeps time."""

    def test_hears_of_an_earlier_retry_of_a_quick_task(
        self, fake_clock: FakeClock
    ) -> None:
        """A retry that is due before the one it waits for wakes it."""
        tried: list[int] = []
        out = Drain[int]()

        @task(retry=2, backoff=lambda failure: float(str(failure.input)))
        def flaky(number: int) -> int:
            if number not in tried:
                tried.append(number)
                raise OSError

            return number

        fake_clock.hold()
        with Pool(limit=3) as pool, Gate() as gate:

            @task
            def hold(number: int) -> int:
                gate.arrive()
                return number

            pool.go(60 >> flaky | out)
            fake_clock.wait_for_waits(1)
            pool.go(each([10]) >> flaky | out, 1 >> hold)
            gate.wait_for(1)
            assert poll(lambda: pool.stats().waiting_for_retry == 2)
            fake_clock.advance(10)
            assert poll(lambda: out.count() == 1)
            fake_clock.advance(50)
            gate.open()

        assert [10, 60] == out.drain()

    def test_wakes_for_what_is_due_earlier_than_it_thinks(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Another thread found that out, and goes on with its own work."""
        engine = Pool()._engine  # noqa: SLF001
        monkeypatch.setattr(engine.scheduler, "next_due", lambda: 10.0)
        with engine.monitor:
            waiter = engine.threads.park(60.0, patient=False)
            engine.react()

        assert waiter.wait(0)


class TestCancelled:
    """Work given after cancel()."""

    def test_is_not_dropped_by_a_stage_that_is_still_at_work(self) -> None:
        """What a later go() sends downstream was not there to be dropped."""
        middle, out = Drain[int](), Drain[int]()
        with Gate() as gate, Pool(limit=2, on_error="keep") as pool:

            @task
            def hold(number: int) -> int:
                if number == 0:
                    gate.arrive()

                return number

            pool.go(0 >> hold.named("first") | middle, middle >> hold | out)
            gate.wait_for(1)
            gate.open()
            pool.wait()

        assert [0] == out.drain()

    def test_is_done_while_what_was_told_still_runs(self) -> None:
        """A stage that still runs an old input takes the new ones."""
        middle, out = Drain[int](), Drain[int]()
        with Gate() as gate, Pool(limit=2, on_error="keep") as pool:

            @task
            def hold(number: int) -> int:
                if number == 0:
                    gate.arrive()

                return number

            middle.send(0)
            pool.go(middle >> hold | out)
            gate.wait_for(1)
            pool.cancel()
            pool.go(each([1, 2]) >> hold | middle)
            assert poll(lambda: out.count() == 2)
            gate.open()

        assert [0, 1, 2] == sorted(out.drain())


def test_bound_holds_for_a_reader_at_work_and_gives_way_when_its_thread_ends() -> None:
    """A thread that iterates reads while it is in the body of its loop."""
    drain = Drain[int](maxsize=1)
    values = iter(drain)

    @task
    def same(number: int) -> int:
        return number

    def read_one() -> None:
        next(values)
        gate.arrive()

    with Gate() as gate, Pool(limit=2) as pool:
        pool.go(each(range(5)) >> same | drain)
        reader = threading.Thread(target=read_one)
        reader.start()
        gate.wait_for(1)
        assert poll(lambda: drain.count() == 1)
        with pytest.raises(TimeoutError):
            pool.wait(timeout=0.02)

        waiting = drain.count()
        gate.open()
        reader.join()

    assert (1, 4) == (waiting, drain.count())


def test_slice_that_goes_on_while_it_is_counted_is_counted_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The two numbers are of one instant."""
    counts = iter([1, 2, 2, 2])
    monkeypatch.setattr(Slice, "pulled", property(lambda _: next(counts)))
    monkeypatch.setattr(Slice, "pulling", property(lambda _: False))
    slice_ = Slice.__new__(Slice)
    slice_.judged = slice_.missed = 0

    assert (2, 0, True) == slice_.progress()


def test_course_that_goes_on_while_it_is_counted_is_counted_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The numbers of a course are of one instant, too."""
    counts = iter([1, 2, 2, 2])
    monkeypatch.setattr(Course, "pulled", property(lambda _: next(counts)))
    course = Course(Hand().go(1 >> task(int), 2 >> task(int).with_limit(1)), 0.0)

    assert (2, 2, False) == course.progress()


def test_monitor_that_was_left_behind_is_given_back() -> None:
    """The frame that entered it has ended, as after a handler that raised."""
    monitor = Monitor()

    def leave_behind() -> None:
        monitor._lock.acquire()  # noqa: SLF001
        _mine().entered.append((monitor, sys._getframe()))  # noqa: SLF001

    leave_behind()

    assert not inside()
    assert not monitor._lock._is_owned()  # type: ignore[attr-defined]  # noqa: SLF001


def test_monitor_is_given_back_if_a_handler_raises_while_it_is_entered() -> None:
    """Whether the lock was got before that or after."""
    monitor = Monitor()
    lock = monitor._lock  # noqa: SLF001

    class Raising:
        def acquire(self) -> None:
            lock.acquire()
            raise KeyboardInterrupt

        def __getattr__(self, name: str) -> object:
            return getattr(lock, name)

    monitor._lock = Raising()  # type: ignore[assignment]  # noqa: SLF001
    with pytest.raises(KeyboardInterrupt), monitor:
        pass

    assert not lock._is_owned()  # type: ignore[attr-defined]  # noqa: SLF001


def test_workers_are_a_batch_of_their_own() -> None:
    """Nothing is left of one that is empty."""
    with Pool() as pool:
        pool.go(Workers([]))

    assert 0 == pool.stats().accepted
