"""Threads: starts, parks, wakes and joins the threads of a pool."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from contextvars import Context
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from fluent_async._monitor import Monitor, after
from fluent_async._wait import Waiter, disturbed


if TYPE_CHECKING:
    import weakref
    from collections.abc import Callable, Iterator
    from types import FrameType

    from fluent_async._manner import Manner, W, Waiting, Wakeable


BEGIN_S = 1.0  # how long a thread may take to begin
KEPT = 8  # how many may park in a pool that is about to be closed


class Threads:
    """The threads of one pool. Guarded by the pool's monitor, which is passed in.

    Threads are daemons: one that runs a task nobody waits for must not keep the
    interpreter alive. They start in an empty context, because a thread would otherwise
    keep the context of whoever happened to need it first for as long as it lives.

    At most one thread is *seeking*: roused, and not yet back from looking for work. It
    rouses the next one itself if it finds more than it takes, so a burst of work starts
    as many threads as find something, and no more. For calls that are handed in one by
    one as many may be as there are calls.
    """

    def __init__(
        self,
        monitor: Monitor,
        serve: weakref.WeakMethod[Callable[[], None]],
        name: str,
    ) -> None:
        self._monitor = monitor
        self._serve = serve
        self._name = name  # each thread's is this and a number
        self._numbers = count()
        self._parked: list[Waiter] = []  # last in, first out: warm caches
        self._timekeeper: Waiter | None = None  # of those parked, wakes by itself
        self.kept_until: float | None = None  # when the timekeeper does
        self._patient: Waiter | None = None  # of those parked, looks after a lease
        self._seeking = 0
        self._roused: set[Waiter] = set()  # of those parked before, who are to look
        self._threads: set[threading.Thread] = set()
        self._ended: list[threading.Thread] = []  # have left, and only have to return
        # Who waits for threads to leave, or to be gone, and until what holds.
        self._joining: dict[Wakeable, Callable[[], bool]] = {}
        self.make_calls = False  # also those that are handed in one by one
        self.ending = False
        self.winding_up = False  # it will be soon: not all that find nothing may park

    def __len__(self) -> int:
        return len(self._threads)

    def __iter__(self) -> Iterator[threading.Thread]:
        return iter(set(self._threads))

    @property
    def patient(self) -> bool:
        """Whether a parked thread looks after a lease."""
        return self._patient is not None

    @property
    def dispensable(self) -> bool:
        """Whether a thread that found nothing may as well leave."""
        return self.ending or (self.winding_up and len(self._parked) >= KEPT)

    def rouse(self, most: int, seekers: int = 1) -> bool:
        """Have one more thread look for work, a new one if there are less than `most`.

        Args:
            most: how many threads there may be.
            seekers: how many may look at a time.

        Returns:
            Whether one looks, or is about to; else all are at work, or stand by for calls.
        """
        if self._seeking >= seekers:
            return True

        if self._parked:
            waiter = self._parked[-1]
            if waiter is self._patient:  # better one that has nothing to look after
                waiter = self._parked[-2:][0]

            self._roused.add(waiter)
            self._unpark(waiter)
        elif len(self) < most and not self.ending:
            after(self._start_quietly(self._new()))
        else:
            return False

        self._seeking += 1
        return True

    def found(self) -> None:
        """Note that a thread that was roused, or is new, looks now: others may be roused."""
        self._seeking -= 1

    def park(self, due: float | None, *, patient: bool) -> Waiter:
        """Register the wait of a thread that found nothing.

        Args:
            due: until when it keeps time; None if it does not.
            patient: whether it looks after a lease.
        """
        waiter = Waiter()
        self._parked.append(waiter)
        if patient:
            self._patient = waiter

        if due is not None:
            self._timekeeper = waiter
            self.kept_until = due

        return waiter

    def unpark(self, waiter: Waiter) -> bool:
        """End such a wait, if nobody did; say whether it was ended by `rouse`."""
        if waiter in self._parked:
            self._unpark(waiter)

        roused = waiter in self._roused
        self._roused.discard(waiter)
        return roused

    def hurry(self) -> None:
        """Wake the thread that keeps time: something is due earlier than it thinks."""
        assert self._timekeeper is not None  # the caller looked at kept_until
        self._unpark(self._timekeeper)

    def frames(self) -> list[tuple[str, FrameType | None]]:
        """Return each thread's name with the frame it is in now."""
        frames = sys._current_frames()
        return [(t.name, frames.get(t.ident or 0)) for t in list(self._threads)]

    def start(self) -> None:
        """Start a thread now; called outside the monitor.

        Raises:
            RuntimeError: if the system can't start one.
        """
        with Monitor():  # a thread that is counted must be one that runs
            with self._monitor:
                self._seeking += 1
                thread = self._new()

            self._start(thread)

    def wait_until_begun(self) -> None:
        """Wait until every thread that was started runs.

        If one begins when Python is about to end, some versions of that crash.
        """
        for thread in self:
            begun = _beginning_of(thread)
            if begun is not None:  # pragma: no branch  (all so far)
                threading.Event.wait(begun, BEGIN_S)

    def end(self) -> None:
        """Let every thread end that finds nothing to do."""
        self.ending = True
        for waiter in list(self._parked):
            self._unpark(waiter)

    def leave(self) -> None:
        """Note that the thread that calls this is about to end."""
        thread = threading.current_thread()
        self._threads.discard(thread)
        self._ended.append(thread)
        self._wake_joining()

    def joining(
        self, manner: Manner[W], abandoned: Callable[[], int]
    ) -> Waiting[W, None]:
        """Wait, outside the monitor, until all threads but `abandoned()` are gone."""
        yield from self._until(lambda: len(self) <= abandoned(), manner)
        if manner.blocks:
            disturbed(self._join)
        else:
            yield from self._joined(manner)

    def _join(self) -> None:
        """Join the threads that have left.

        They have only to return, and to free what tasks left in a `threading.local`.
        """
        for thread in list(self._ended):
            thread.join()
            with suppress(ValueError):  # somebody else joined it meanwhile
                self._ended.remove(thread)

    def _joined(self, manner: Manner[W]) -> Waiting[W, None]:
        """Wait for a thread that joins the others: to free may take its time."""
        joined = False

        def join() -> None:
            nonlocal joined
            self._join()
            with self._monitor:
                joined = True
                self._wake_joining()

        last = threading.Thread(target=join, name=f"{self._name}-last", daemon=True)
        try:
            last.start()
        except RuntimeError:  # "can't start new thread": there is no better way then
            join()

        yield from self._until(lambda: joined, manner)
        if last.ident is not None:
            last.join()  # it has only to return, and nothing of anybody's to free

    def _until(self, done: Callable[[], bool], manner: Manner[W]) -> Waiting[W, None]:
        """Wait until `done()`, which changes in the monitor, before `_wake_joining`."""
        while True:
            with self._monitor:
                if done():
                    return

                waiter = manner.waiter()
                self._joining[waiter] = done

            try:
                yield waiter
            finally:
                self._monitor.do(partial(self._joining.pop, waiter))

    def _wake_joining(self) -> None:
        for waiter, done in self._joining.items():
            if done():
                waiter.wake()

    def _unpark(self, waiter: Waiter) -> None:
        self._parked.remove(waiter)
        if waiter is self._timekeeper:
            self._timekeeper = self.kept_until = None

        if waiter is self._patient:
            self._patient = None

        waiter.wake()

    def _new(self) -> threading.Thread:
        name = f"{self._name}{next(self._numbers)}"
        serve = self._serve()
        assert serve is not None  # whoever asks for a thread holds the engine
        thread = threading.Thread(
            target=Context().run, args=(serve,), name=name, daemon=True
        )
        # To start one waits until it runs, which gives the interpreter away. A thread that
        # is needed can as well begin when this one waits for something else.
        # A call that was submitted is to be begun, though, when `submit` returns.
        begun = _beginning_of(thread)
        if begun is not None and not self.make_calls:
            begun.wait = bool  # type: ignore[method-assign, assignment]

        self._threads.add(thread)
        return thread

    def _start(self, thread: threading.Thread) -> None:
        try:
            # Holds a lock that the new thread needs: a signal handler that interrupts it
            # must not wait for that thread, so what it asks for is put off.
            # Some builds have it inherit the context, and keep that as long as it runs.
            with Monitor():
                Context().run(thread.start)
        except Exception:
            with self._monitor:
                self._threads.discard(thread)
                self.found()

            raise

    def _start_quietly(self, thread: threading.Thread) -> Callable[[], None]:
        def start() -> None:
            try:
                self._start(thread)
            except RuntimeError:
                # "can't start new thread": the threads there are do the work instead.
                # There is at least one: go() accepts nothing before it has started one.
                return

        return start


def _beginning_of(thread: threading.Thread) -> threading.Event | None:
    """Return what is set when a thread begins; None where Python has no such thing."""
    begun = getattr(thread, "_started", None)
    return begun if isinstance(begun, threading.Event) else None


def frames() -> dict[str, FrameType]:
    """Return where each thread of the process is now, by name."""
    current = sys._current_frames()
    places = ((t.name, current.get(t.ident or 0)) for t in threading.enumerate())
    return {name: frame for name, frame in places if frame is not None}
