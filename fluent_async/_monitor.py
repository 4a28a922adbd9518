"""A lock that finalizers and signal handlers cannot deadlock on."""

import threading
from collections import deque
from collections.abc import Callable


class _Thread(threading.local):
    """What one thread must know of the monitors it is in."""

    depth = 0  # how many monitors it is in, or about to be
    busy = False  # doing what was put off
    queue: deque[Callable[[], object]] | None = None  # what is put off

    @property
    def later(self) -> deque[Callable[[], object]]:
        """What is put off, in order. Appending and taking are one step each.

        No `__init__` makes it: a finalizer could put something off in the middle of it.
        """
        if self.queue is None:
            new: deque[Callable[[], object]] = deque()
            if self.queue is None:  # no finalizer was quicker
                self.queue = new

        return self.queue


_thread = _Thread()


class Monitor:
    """Mutual exclusion for decisions of a few microseconds; never held while user code runs.

    Python may run a finalizer or a signal handler between any two steps of a thread,
    also while that thread is inside a monitor. If that code calls the library again, it
    must neither wait for a lock its own thread holds nor see a half-made decision, so
    what it asks for is put off (`do`, `after`) until its thread has left every monitor.

    Order: a pool's monitor before a drain's; never two pools', never two drains'.
    """

    __slots__ = ("_lock", "_owner")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner: int | None = None  # the thread inside, written by that one alone

    def __enter__(self) -> None:
        if _thread.depth and self._owner == threading.get_ident():
            raise RuntimeError(
                "a finalizer or signal handler interrupted the pool or drain it calls "
                "in the middle of a decision; it can send, cancel and shut down there"
            )

        # The depth rises before the lock is asked for and falls after it is given back:
        # a handler that runs in between puts off its work for nothing, which is safe.
        _thread.depth += 1
        try:
            self._lock.acquire()
        except BaseException:  # a handler raised while this thread waited
            _thread.depth -= 1
            raise

        self._owner = threading.get_ident()

    def __exit__(self, *exc_info: object) -> None:
        self._owner = None
        self._lock.release()
        _thread.depth -= 1
        if _thread.queue and not _thread.depth:
            _run_later()

    def do(self, decision: Callable[[], object]) -> None:
        """Make `decision` inside the monitor: now, or when this thread is out of it."""
        if _thread.depth:
            after(lambda: self.do(decision))
            return

        with self:
            decision()


def after(act: Callable[[], object]) -> None:
    """Run `act` once this thread is in no monitor: at once if it is in none now."""
    if _thread.depth:
        _thread.later.append(act)
    else:
        act()


def inside() -> bool:
    """Say whether this thread is in a monitor: true only for what interrupts it there."""
    return _thread.depth > 0


def _run_later() -> None:
    """Do what was put off, in order; the outermost call does all of it."""
    if _thread.busy:
        return

    _thread.busy = True
    try:
        while _thread.later and not _thread.depth:
            _thread.later.popleft()()
    finally:
        _thread.busy = False
