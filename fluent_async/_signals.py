"""Signals: keeps handlers out of the middle of what must not be cut in half."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

from fluent_async import _clock


if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import FrameType

    Handler: TypeAlias = Callable[[int, FrameType | None], object]

PATIENCE_S = 1.0  # how long a signal is put off at most, once it comes again

# What `signal` has without its enums, which take 20 times as long.
_get: Callable[[int], object] = import_module("_signal").getsignal
_set: Callable[[int, Handler | None], object] = import_module("_signal").signal
_probe = _set

# What keys, `kill`, and alarms send. Looking at all that there are would take longer.
NAMES = (
    "SIGINT",
    "SIGTERM",
    "SIGHUP",
    "SIGQUIT",
    "SIGBREAK",
    "SIGUSR1",
    "SIGUSR2",
    "SIGALRM",
    "SIGVTALRM",
    "SIGPROF",
)
NUMBERS = [int(getattr(signal, name)) for name in NAMES if hasattr(signal, name)]


class _StandIn:
    """Takes the place of a handler for a while, and hears of the signal for it."""

    __slots__ = ("handler",)

    def __init__(self, handler: Handler) -> None:
        self.handler = handler

    def __call__(self, number: int, frame: FrameType | None) -> None:
        signals.note(self, number, frame)


class Signals:
    """Puts off what the handlers of signals do, while the main thread asks for that.

    Python runs handlers in the main thread alone, between any two of its steps. One that
    raises, as that of Ctrl-C does, would leave a decision half made, for good. So for the
    microseconds of one, each handler written in Python has a stand-in that notes the
    signal; then the handler is back, and runs for what was noted.

    A handler that was set in C, behind Python's back, cannot be seen, nor put back.

    Invariants (all is of the main thread, which a handler may interrupt at any step):
        1. A stand-in knows its handler. One that was left behind, or that the program
           found and set again, puts that back when it is called, or with the next `hold`.
        2. While `standing`, `_depth` is how many times `hold` was called, and what a
           stand-in hears is noted. Else `_depth` means nothing.
        3. What is noted is delivered by the next `release` that ends `standing`.
    """

    def __init__(self) -> None:
        self.thread = threading.main_thread().ident  # the one that runs handlers
        self._depth = 0
        self.standing = False
        self._seen: list[object] = []  # the handlers, to tell when one changed
        self._stand_ins: tuple[tuple[int, _StandIn, Handler], ...] = ()
        self._noted: dict[int, float] = {}  # in order of arrival, with when that was

    @property
    def here(self) -> bool:
        """Whether this thread is the one that runs handlers."""
        return threading.get_ident() == self.thread

    def may_have_raised(self, exc: BaseException) -> bool:
        """Whether what ran just now may have been cut off by a handler, as Ctrl-C does.

        Such an exception must get through, whatever user code it came out of.
        """
        return self.here and not isinstance(exc, Exception)

    def hold(self) -> None:
        """Put handlers off until `release`; for the main thread alone. May be nested."""
        if self.standing:
            self._depth += 1
            return

        try:
            self._depth = 1
            self.standing = True
            if list(map(_get, NUMBERS)) != self._seen:
                self._look()

            for number, stand_in, handler in self._stand_ins:
                if _get(number) is handler:
                    _set(number, stand_in)
        except BaseException:  # a handler that had no stand-in yet raised
            self.release()
            raise

    def release(self) -> None:
        """Put handlers back, and run them for the signals that came meanwhile."""
        if self.standing and self._depth > 1:
            self._depth -= 1
            return

        try:
            self._put_back()
        finally:
            if self._noted:
                self._deliver()

    def pause(self) -> int:
        """Let handlers run until `resume`, which takes what this returns."""
        depth = self._depth if self.standing else 0
        if depth:
            self._depth = 1
            try:
                self.release()
            except BaseException:  # what came before is what ends the pause
                self.resume(depth)
                raise

        return depth

    def resume(self, depth: int) -> None:
        """Put handlers off again, if they were before the pause."""
        if depth:
            self.hold()
            self._depth = depth

    def note(self, stand_in: _StandIn, number: int, frame: FrameType | None) -> None:
        """Hear of a signal for a handler."""
        now = _clock.MachineClock.now()
        if self.standing and now - self._noted.setdefault(number, now) <= PATIENCE_S:
            return

        if not self.standing:  # left behind
            _set(number, stand_in.handler)

        # If it was noted before, what was to take microseconds is stuck: Ctrl-C must get
        # through all the same.
        stand_in.handler(number, frame)

    def forked(self) -> None:
        """Note that this is a new process, whose main thread is the one that forked.

        If it was another one before, what the main thread was at is gone.
        """
        if not self.here:
            self.thread = threading.get_ident()
            self._noted.clear()
            self._put_back()

    def _look(self) -> None:
        """Note what handlers there are now."""
        stand_ins: list[tuple[int, _StandIn, Handler]] = []
        seen: list[object] = []
        for number in NUMBERS:
            handler = _get(number)
            if isinstance(handler, _StandIn):  # left behind
                handler = handler.handler
                _set(number, handler)

            seen.append(handler)
            if callable(handler):
                stand_ins.append((number, _StandIn(handler), handler))

        if not _may_set():
            self.thread = None
            stand_ins.clear()

        self._stand_ins, self._seen = tuple(stand_ins), seen

    def _put_back(self) -> None:
        """Put back the handlers that have stand-ins."""
        try:
            self.standing = False
            for number, stand_in, handler in self._stand_ins:
                if _get(number) is stand_in:  # else it was changed meanwhile
                    _set(number, handler)
        except BaseException:  # a handler that is back raised: the others go back, too
            self._put_back()
            raise

    def _deliver(self) -> None:
        try:
            while self._noted:
                number = next(iter(self._noted))
                del self._noted[number]
                handler = _get(number)
                if callable(handler):
                    handler(number, sys._getframe(1))
        finally:
            if self._noted:  # one raised: the others count as well
                self._deliver()


def _may_set() -> bool:
    """Say whether handlers can be set here: a second interpreter has none of its own."""
    may = True
    try:
        _probe(NUMBERS[0], None)
    except (TypeError, ValueError) as refused:  # for what it is, or for where
        if refused.__traceback__ is not None and refused.__traceback__.tb_next:
            raise  # what a handler raised

        may = isinstance(refused, TypeError)

    return may


class Undisturbed:
    """`with undisturbed:` runs to its end before any handler does. May be nested.

    For a few steps that belong together, and call nothing of the user's. Where the library
    waits (`_wait.block`) in such a block, handlers run. On other threads than the main one
    it does nothing, since no handler runs there.
    """

    def __enter__(self) -> None:
        if signals.here:
            signals.hold()

    def __exit__(self, *exc_info: object) -> None:
        if signals.here:
            signals.release()


@contextmanager
def disturbed() -> Generator[None]:
    """Let handlers run in a part of `with undisturbed:`: it waits, or is the user's."""
    depth = signals.pause() if signals.here else 0
    try:
        yield
    finally:
        signals.resume(depth)


signals = Signals()
undisturbed = Undisturbed()
if hasattr(os, "register_at_fork"):  # pragma: no branch  (all but Windows)
    os.register_at_fork(after_in_child=signals.forked)
