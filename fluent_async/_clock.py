"""Time: the one seam between the library and the machine's clock."""

import threading
import time
from typing import Protocol


class Lock(Protocol):
    """What a timed wait waits for: the part of `threading.Lock` that clocks use."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool: ...  # noqa: FBT001, FBT002


class Clock(Protocol):
    """A source of time; tests and simulations put their own in place of the machine's."""

    def now(self) -> float:
        """Seconds since some fixed moment; never goes backwards."""
        ...

    def acquire(self, lock: Lock, timeout: float | None) -> bool:
        """Wait for `lock` for at most `timeout` seconds; None waits for ever."""
        ...


class MachineClock:
    """The machine's monotonic clock."""

    # Monotonic: setting the wall clock changes nothing. No method of ours in between,
    # which would double what a direct call of a task with a retry policy costs.
    now = staticmethod(time.monotonic)

    def acquire(self, lock: Lock, timeout: float | None) -> bool:
        """Wait for `lock`; waits longer than the platform can express are cut to what it can."""
        if timeout is None:
            return lock.acquire()

        return lock.acquire(timeout=min(max(timeout, 0.0), threading.TIMEOUT_MAX))


_clock: Clock = MachineClock()


def current() -> Clock:
    """Return the clock in use."""
    return _clock


def use(clock: Clock) -> Clock:
    """Put `clock` in place of the one in use, and return that one."""
    global _clock
    previous, _clock = _clock, clock
    return previous
