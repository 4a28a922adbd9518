"""What the tests of signals use: handlers that raise, at any line of the library."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Interrupted(Exception):  # noqa: N818  (what a handler does, no error)
    """What the handler of these tests raises."""


def interrupt(*_: object) -> None:
    """Handle a signal as that of Ctrl-C is: by raising."""
    raise Interrupted


@contextmanager
def raising_handlers() -> Iterator[None]:
    """Have two signals raise in the block, and put back what they did before."""
    numbers = (signal.SIGUSR1, signal.SIGUSR2)
    before = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def interrupted_at(line: int, call: Callable[[], object]) -> bool:
    """Send this thread a signal at the n-th line of the library that `call` comes to.

    Returns:
        Whether there are that many lines.
    """
    left = line

    def trace(frame: object, event: str, _: object) -> object:
        nonlocal left
        name = str(getattr(frame, "f_globals", {}).get("__name__"))
        if not name.startswith("fluent_async"):
            return None

        if event == "line":
            left -= 1
            if not left:
                sys.settrace(None)
                signal.raise_signal(signal.SIGUSR1)

        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        call()
    except Interrupted:
        pass
    finally:
        sys.settrace(before)

    return left <= 0
