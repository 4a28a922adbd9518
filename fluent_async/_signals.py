"""Signals: keeps handlers out of the middle of what must not be cut in half."""

from __future__ import annotations

import os
import signal
import sys
import threading
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

from fluent_async import _clock


if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    Handler: TypeAlias = Callable[[int, FrameType | None], object]

PATIENCE_S = 1.0  # how long a signal is put off at most, once it comes again

# What `signal` has without its enums, which take 20 times as long.
_get: Callable[[int], object] = import_module("_signal").getsignal
_set: Callable[[int, Handler], object] = import_module("_signal").signal

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


class Signals:
    """Puts off what the handlers of signals do, while the main thread asks for that.

    Python runs handlers in the main thread alone, between any two of its steps. One that
    raises, as that of Ctrl-C does, would leave a decision half made, for good. So for the
    microseconds of one, each handler written in Python has a stand-in that notes the
    signal; then the handler is back, and runs for what was noted.

    Invariants (all is of the main thread, which a handler may interrupt at any step):
        1. Where the stand-in is, `_theirs` has the handler it stands in for.
        2. A stand-in that was left behind, since a handler raised in the middle of
           `hold` or `release`, puts its handler back when it is called, or with the
           next `release`.
        3. depth > 0 only while every handler has a stand-in.
    """

    def __init__(self) -> None:
        self.thread = threading.main_thread().ident  # the one that runs handlers
        self._depth = 0
        self._seen: list[int] = []  # the ids of the handlers, to tell when one changed
        self._theirs: dict[int, Handler] = {}
        self._noted: dict[int, float] = {}  # in order of arrival, with when that was
        self._stand_in = self._note

    @property
    def here(self) -> bool:
        """Whether this thread is the one that runs handlers."""
        return threading.get_ident() == self.thread

    def hold(self) -> None:
        """Put handlers off until `release`; for the main thread alone. May be nested."""
        if not self._depth:
            if [id(_get(number)) for number in NUMBERS] != self._seen:
                self._look()

            try:
                for number in self._theirs:
                    _set(number, self._stand_in)
            except ValueError:  # an interpreter that has no signals: a second one
                self.thread = None
                return

        self._depth += 1

    def release(self) -> None:
        """Put handlers back, and run them for the signals that came meanwhile."""
        self._depth = max(0, self._depth - 1)  # a pause may have been cut short
        if self._depth:
            return

        for number, handler in self._theirs.items():
            if _get(number) is self._stand_in:  # else it was changed meanwhile
                _set(number, handler)

        if self._noted:
            self._deliver()

    def pause(self) -> int:
        """Let handlers run until `resume`, which takes what this returns."""
        depth = self._depth
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
            try:
                self.hold()
            finally:
                self._depth = depth

    def forked(self) -> None:
        """Note that this is a new process, whose main thread is the one that forked."""
        self.thread = threading.get_ident()

    def _look(self) -> None:
        """Note what handlers there are now."""
        theirs: dict[int, Handler] = {}
        seen: list[int] = []
        for number in NUMBERS:
            handler = _get(number)
            if handler is self._stand_in:  # left behind
                handler = self._theirs[number]

            seen.append(id(handler))
            if callable(handler):
                theirs[number] = handler

        self._theirs, self._seen = theirs, seen

    def _note(self, number: int, frame: FrameType | None) -> None:
        """Stand in for a handler."""
        now = _clock.MachineClock.now()
        if not self._depth:
            _set(number, self._theirs[number])
        elif now - self._noted.setdefault(number, now) <= PATIENCE_S:
            return

        # If it was noted before, what was to take microseconds is stuck: Ctrl-C must get
        # through all the same.
        self._theirs[number](number, frame)

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


class Undisturbed:
    """`with undisturbed:` runs to its end before any handler does. May be nested.

    For a few steps that belong together, and call nothing of the user's. Where the library
    waits (`_wait.block`) in such a block, handlers run. On other threads than the main one
    it does nothing, since no handler runs there.
    """

    def __enter__(self) -> None:
        if threading.get_ident() == signals.thread:
            signals.hold()

    def __exit__(self, *exc_info: object) -> None:
        if threading.get_ident() == signals.thread:
            signals.release()


signals = Signals()
undisturbed = Undisturbed()
if hasattr(os, "register_at_fork"):  # pragma: no branch  (all but Windows)
    os.register_at_fork(after_in_child=signals.forked)
