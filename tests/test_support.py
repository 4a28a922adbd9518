"""The kit the tests measure with, measured itself."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakSet

import pytest

from audit import adds_up, noting
from fluent_async import Pool, _clock, each
from fluent_async._engine import Engine
from support import FakeClock, Gate, Threads, poll, run_child, start_child
from work import at, double


@contextmanager
def thread(target: Callable[[], object]) -> Iterator[threading.Thread]:
    """Run `target` beside the block, which ends when it has ended."""
    running = threading.Thread(target=target)
    running.start()
    yield running
    running.join()


class TestGate:
    """Tasks arrive at a gate and wait there until it opens."""

    def test_holds_back_who_arrives_until_it_is_opened(self) -> None:
        """Whoever arrives is counted, and goes on when the gate opens."""
        gate, steps = Gate(), list[str]()

        def pass_through() -> None:
            gate.arrive()
            steps.append("passed")

        with thread(pass_through):
            gate.wait_for(1)
            steps.append("opened")
            gate.open()

        assert ["opened", "passed"] == steps

    def test_counts_each_arrival_once(self) -> None:
        """An arrival that was waited for is not counted again."""
        gate = Gate()
        gate.open()
        gate.arrive()

        gate.wait_for(1)

        gate.assert_nobody_arrives()

    def test_notices_an_arrival_that_must_not_be(self) -> None:
        """An arrival nobody waited for fails the negative wait."""
        gate = Gate()
        gate.open()
        gate.arrive()

        with pytest.raises(AssertionError, match="somebody arrived"):
            gate.assert_nobody_arrives()

    def test_opens_at_the_end_of_its_block(self) -> None:
        """No thread is left behind a gate whose block failed."""
        with Gate() as gate:
            pass

        gate.arrive()


class TestFakeClock:
    """The fake clock does what the machine's does, without the waiting."""

    def test_takes_a_free_lock_at_once(self) -> None:
        """What is there already costs no time and is no sleep."""
        clock = FakeClock()

        assert clock.acquire(threading.Lock(), 5.0)
        assert [] == clock.sleeps

    def test_jumps_to_the_end_of_a_timed_wait(self) -> None:
        """A timed wait in vain moves the clock by its length, and is noted."""
        clock, lock = FakeClock(), threading.Lock()
        lock.acquire()
        start = clock.now()

        assert not clock.acquire(lock, 3600.0)
        assert [3600.0] == clock.sleeps
        assert start + 3600.0 == clock.now()

    def test_ends_a_held_wait_when_advanced_past_its_end(self) -> None:
        """While time is held, a timed wait ends once the clock is advanced so far."""
        clock, lock, outcomes = FakeClock().hold(), threading.Lock(), list[bool]()
        lock.acquire()

        with thread(lambda: outcomes.append(clock.acquire(lock, 2.0))):
            clock.wait_for_waits(1)
            clock.advance(1.9)
            too_early = list(outcomes)
            clock.advance(0.1)

        assert [] == too_early
        assert [False] == outcomes

    def test_ends_a_held_wait_when_the_lock_is_released(self) -> None:
        """While time is held, a timed wait still ends when its lock is released."""
        clock, lock, outcomes = FakeClock().hold(), threading.Lock(), list[bool]()
        lock.acquire()

        with thread(lambda: outcomes.append(clock.acquire(lock, 2.0))):
            clock.wait_for_waits(1)
            lock.release()

        assert [True] == outcomes

    def test_is_the_clock_of_the_library_within_its_block(self) -> None:
        """The machine's clock is put back when the block ends."""
        machine = _clock.current()

        with FakeClock() as clock:
            inside = _clock.current()

        assert clock is inside
        assert machine is _clock.current()

    def test_really_waits_for_an_untimed_wait(self) -> None:
        """A wait without a timeout lasts until the lock is released."""
        clock, lock = FakeClock(), threading.Lock()
        lock.acquire()

        with thread(lock.release):
            got = clock.acquire(lock, None)

        assert got


def test_threads_names_a_thread_that_survives() -> None:
    """A thread started since, and not ended, is named."""
    threads = Threads()
    with Gate() as gate, thread(gate.arrive) as late:
        gate.wait_for(1)
        survivors = threads.survivors(patience=0.01)
        gate.open()

    assert [late.name] == survivors
    assert threads.survivors() == []


def test_poll_gives_up_after_its_timeout() -> None:
    """A condition that never holds is reported, not waited for."""
    assert not poll(lambda: False, timeout=0.01)


class TestChild:
    """A script in a Python of its own."""

    def test_gives_what_was_printed_and_the_exit_code(self) -> None:
        """Output, errors and the exit code come back."""
        done = run_child(
            """
            import sys
            print("out")
            sys.exit("err")
            """
        )

        assert ("out\n", "err\n", 1) == (done.stdout, done.stderr, done.returncode)

    def test_is_stopped_at_its_deadline_and_shows_its_stacks(self) -> None:
        """A child that hangs fails the test, which says where it hung."""
        with pytest.raises(pytest.fail.Exception, match="in acquire_for_ever"):
            run_child(
                """
                import threading
                def acquire_for_ever():
                    threading.Event().wait()
                acquire_for_ever()
                """,
                timeout=0.3,
            )

    def test_can_be_interrupted_at_a_known_point(self) -> None:
        """After a line was heard, a signal reaches the child where it then is."""
        source = """
            import threading
            try:
                print("ready", flush=True)
                threading.Event().wait()
            except KeyboardInterrupt:
                print("interrupted")
            """
        with start_child(source) as child:
            child.wait_for("ready")
            child.interrupt()
            done = child.finish()

        assert ("ready\ninterrupted\n", 0) == (done.stdout, done.returncode)

    def test_that_ends_early_fails_the_test(self) -> None:
        """A child that ends before the awaited line fails the test with its errors."""
        source = "raise SystemExit('early')"

        with (
            start_child(source) as child,
            pytest.raises(pytest.fail.Exception, match="early"),
        ):
            child.wait_for("ready")


class TestAudit:
    """After each test the accounts of its pools are compared with a count of their own."""

    @pytest.mark.parametrize(
        "account", ["accepted", "succeeded", "failed", "cancelled"]
    )
    def test_sees_an_input_that_was_counted_wrongly(self, account: str) -> None:
        """One input too many in one account is enough, while others are in progress."""
        with Pool(2) as pool, Gate() as gate:
            pool.go(each(range(9)) >> double, *[1 >> at(gate).hold] * 3)
            gate.wait_for(2)
            engine = pool._engine  # noqa: SLF001
            accounts = engine.scheduler.accounts
            assert poll(lambda: adds_up(engine))

            setattr(accounts, account, getattr(accounts, account) + 1)
            assert not adds_up(engine)

            setattr(accounts, account, getattr(accounts, account) - 1)
            assert adds_up(engine)

    def test_finds_the_pools_of_a_test(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A pool is known from when it was made until nobody has it."""
        engines: WeakSet[Engine] = WeakSet()
        monkeypatch.setattr(Engine, "__init__", noting(engines, Engine.__init__))
        pool = Pool(1)

        assert [pool._engine] == list(engines)  # noqa: SLF001
