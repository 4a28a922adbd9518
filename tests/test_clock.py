"""The seam between the library and the machine's clock."""

import threading
import time

import pytest

from beside import beside
from fluent_async import _clock
from fluent_async._clock import MachineClock
from support import TIMEOUT, FakeClock


class AskedLock:
    """A lock that notes how it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[bool, float]] = []

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002  (as the real one)
        """Note the call."""
        self.asked.append((blocking, timeout))
        return True


class TestMachineClock:
    """Time as the machine has it."""

    def test_shows_the_monotonic_clock(self) -> None:
        """R15: Setting the wall clock changes nothing: time is the monotonic clock's."""
        before = time.monotonic()
        now = MachineClock().now()

        assert before <= now <= time.monotonic()

    def test_takes_a_free_lock(self) -> None:
        """A lock that is there is taken, whatever the timeout."""
        lock = threading.Lock()

        assert MachineClock().acquire(lock, 0.0)
        assert lock.locked()

    def test_gives_up_after_the_timeout(self) -> None:
        """A lock that is not there in time is not taken, and the wait lasted so long."""
        lock = threading.Lock()
        lock.acquire()
        before = time.monotonic()
        taken = MachineClock().acquire(lock, 0.01)

        assert not taken
        assert time.monotonic() - before >= 0.01

    def test_waits_for_the_lock_to_be_released(self) -> None:
        """A wait ends when the lock is there, long before its timeout."""
        lock = threading.Lock()
        lock.acquire()
        timed = beside(MachineClock().acquire, lock, TIMEOUT)
        lock.release()

        assert timed.result(TIMEOUT)

    def test_waits_for_ever_without_a_timeout(self) -> None:
        """None is no timeout, not one of zero."""
        lock = AskedLock()
        MachineClock().acquire(lock, None)

        assert [(True, -1)] == lock.asked

    @pytest.mark.parametrize(
        ("timeout", "cut"),
        [
            (-1.0, 0.0),
            (0.0, 0.0),
            (1.5, 1.5),
            (1e300, threading.TIMEOUT_MAX),
            (float("inf"), threading.TIMEOUT_MAX),
        ],
    )
    def test_cuts_a_timeout_to_what_the_platform_can(
        self, timeout: float, cut: float
    ) -> None:
        """R6: Negative is no wait at all, and too long is as long as can be."""
        lock = AskedLock()
        MachineClock().acquire(lock, timeout)

        assert [(True, cut)] == lock.asked


class TestUse:
    """The clock in use."""

    def test_is_the_machines_if_nobody_changed_it(self) -> None:
        """The library starts with the machine's clock."""
        assert isinstance(_clock.current(), MachineClock)

    def test_gives_back_the_clock_that_was_in_use(self) -> None:
        """So whoever puts a clock in place can put the other one back."""
        machine, clock = _clock.current(), FakeClock()
        replaced = _clock.use(clock)
        in_use = _clock.current()
        _clock.use(replaced)

        assert machine is replaced
        assert clock is in_use
        assert machine is _clock.current()
