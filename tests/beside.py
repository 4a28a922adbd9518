"""What the tests of waiting use: calls on threads of their own, and when they wait."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import ParamSpec, Self, TypeVar

from fluent_async import _clock, _wait
from support import TIMEOUT


P = ParamSpec("P")
T = TypeVar("T")


def beside(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
    """Make a call on a thread of its own; wait for its end with `.result(TIMEOUT)`."""
    future = Future[T]()

    def run() -> None:
        try:
            future.set_result(call(*args, **kwargs))
        except BaseException as exc:  # noqa: BLE001  (the one who asks hears it)
            future.set_exception(exc)

    threading.Thread(target=run, daemon=True).start()
    return future


class Waits:
    """The machine's clock, that also tells when a thread which is no pool's waits.

    Whoever waits has said so to the drain or pool before, so it is known to be there.
    """

    def __init__(self) -> None:
        self._machine = _clock.current()
        self._begun = threading.Semaphore(0)

    def now(self) -> float:
        """Seconds on the machine's clock."""
        return self._machine.now()

    def acquire(self, lock: _clock.Lock, timeout: float | None) -> bool:
        """Wait for `lock`, and tell if that is not there yet."""
        if lock.acquire(blocking=False):
            return True

        if _wait.here() is None:
            self._begun.release()

        return self._machine.acquire(lock, timeout)

    def wait_for(self, waits: int = 1) -> None:
        """Wait until so many more waits have begun; each is counted once."""
        for begun in range(waits):
            assert self._begun.acquire(timeout=TIMEOUT), f"{begun} of {waits} wait"

    def __enter__(self) -> Self:
        """Put this clock in place of the machine's."""
        _clock.use(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Put the machine's clock back."""
        _clock.use(self._machine)
