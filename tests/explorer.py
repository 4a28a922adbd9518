"""Explorer: lets the threads of real pools take turns, in an order that a seed decides.

The library makes its locks and threads through `threading` as its modules know it, and asks
one clock for the time. An explorer puts its own in place of these. Then one thread goes on at
a time, until it waits, or is interrupted between two lines of the library; which one goes on
next is drawn from the seed. So a race that shows once shows again, and a wait that nothing
ends is found at once: nobody can go on.

A finalizer may run between any two steps, also where a thread is about to pass its turn on, or
has just done so, and it may call the library, which asks for a turn again. So a choice counts
only if nothing came in between, and who has no turn waits for it before all else.
"""

from __future__ import annotations

import _thread
import gc
import random
import sys
import threading
from contextlib import ExitStack, contextmanager, suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest import mock

from typing_extensions import override

from fluent_async import (
    _attempt,
    _channel,
    _clock,
    _course,
    _driver,
    _engine,
    _inlet,
    _leases,
    _loop,
    _monitor,
    _runner,
    _scheduler,
    _seat,
    _slots,
    _store,
    _threads,
    _wait,
)
from fluent_async._exits import Exits
from support import poll


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from _typeshed import TraceFunction

    Condition = Callable[[], bool]


SWITCHES = 100_000
"""More than any schedule takes; one that takes them goes round in circles."""

LINES = 1_000_000
"""More than any schedule runs, of the library; one that does goes round in circles."""

DEADLINE_S = 30.0
"""Far more than any schedule takes; only to fail."""

INTERRUPTED = {
    module.__file__
    for module in (
        _attempt,
        _channel,
        _inlet,
        _store,
        _course,
        _driver,
        _engine,
        _leases,
        _loop,
        _monitor,
        _runner,
        _scheduler,
        _seat,
        _slots,
        _threads,
        _wait,
    )
}
"""Where a thread may be interrupted between two lines."""


def at_once() -> bool:
    """Say that a thread need not wait."""
    return True


def never() -> bool:
    """Say that a thread goes on no more."""
    return False


class Over(BaseException):
    """The schedule is over, wherever a thread still is."""


class Player:
    """One thread that takes turns. It has one while its explorer says that it plays.

    Its lock is released to wake it, now and then for nothing.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.turn = _thread.allocate_lock()
        self.turn.acquire()
        self.ready: Condition = at_once
        self.until: float | None = None
        self.over = False
        self.interrupted = (
            False  # where it waits: its turn may come to it in a finalizer
        )


class Explorer:
    """One order of turns. What it runs, and all pools made there, run by turns.

    Invariants:
        1. From the first turn on exactly one player plays, and it alone says who is next.
        2. Whoever is to play is woken after that was said: by the one who said so, or
           first of all by what interrupts that one there.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311  (repeatable, not secret)
        self.check: Callable[[], object] = at_once  # whenever no decision is half made
        self.deciding = 0  # monitors that are held
        self.error: BaseException | None = None
        self._stays = self.random.choice([0.0, 0.3, 0.9])
        self._interrupts = self.random.choice([0.0, 0.01, 0.1])
        self._now = 0.0
        self._left = SWITCHES
        self._lines = LINES
        self.closed = False
        self._over = False
        self._looking = False
        self._playing: Player | None = None
        self._passed = 0  # how often the turn was passed on
        self._players: dict[int, Player] = {}
        self._threads: list[threading.Thread] = []

    def run(self, schedule: Callable[[], object]) -> None:
        """Run the schedule, in a thread of its own, and raise the first error anywhere.

        In a thread of its own, since an error may leave any thread it ends in the middle.
        """
        with self._worlds():
            main = self.new_thread(target=schedule, name="main", daemon=True)
            main.start()
            [self._playing] = self._players.values()
            self._wake()
            for thread in self._threads:  # the first is main, which ends the others
                threading.Thread.join(thread, DEADLINE_S)

            self.closed = True

        _wait.waiting.clear()  # of threads that were ended while they waited
        if self.error is not None:
            raise self.error

    # -- the clock ---------------------------------------------------------------------

    def now(self) -> float:
        """Seconds since the start; they pass only while nobody can go on."""
        return self._now

    def acquire(self, lock: _clock.Lock, timeout: float | None) -> bool:
        """Wait for `lock`."""
        assert isinstance(lock, Lock)
        return lock.wait(timeout)

    # -- turns -------------------------------------------------------------------------

    def switch(
        self, ready: Condition | None = None, timeout: float | None = None
    ) -> None:
        """Let some thread go on; this one not before it is `ready`, or `timeout` is over."""
        self.end_if_over()
        ready = ready or at_once
        me = self.me
        if me is None:  # it has not begun, or has ended, and is in a finalizer
            poll(ready)
            return

        self.await_turn()
        until = None if timeout is None else self._now + timeout
        goes_on = False
        while not goes_on:  # more than once if a finalizer had others go on meanwhile
            self._look()
            self._pass_on(me, ready, until)
            self._await_turn(me)
            self.end_if_over()
            goes_on = ready() or (until is not None and until <= self._now)

        if me.interrupted:
            _wake(me)

    @property
    def me(self) -> Player | None:
        """The thread that asks; None if it takes no turns, yet or any more."""
        return self._players.get(_thread.get_ident())

    @property
    def plays(self) -> bool:
        """Whether it is the turn of the thread that asks."""
        return self._playing is self.me

    def await_turn(self) -> None:
        """Wait for the turn of the thread that calls this, unless it has it.

        It has not in a finalizer that comes in when the turn was just passed on.
        """
        me = self.me
        if me is not None and self._playing is not me:
            me.interrupted = True
            self._wake()
            self._await_turn(me)
            _wake(me)

    def fail(self, error: BaseException) -> None:
        """End the schedule, for the first error anywhere."""
        if self.error is None:
            self.error = error

        self.stop()
        raise Over

    def stop(self) -> None:
        """End every thread, where it is."""
        self._over = True
        for player in list(self._players.values()):
            _wake(player)

    def spawn(self, name: str, target: Callable[[], object]) -> None:
        """Start a thread of the test's own."""
        self.new_thread(target=target, name=name, daemon=True).start()

    def new_thread(
        self,
        *,
        target: Callable[[Callable[[], None]], object] | Callable[[], object],
        args: tuple[object, ...] = (),
        name: str,
        daemon: bool,
    ) -> threading.Thread:
        """Make a thread that takes turns with the others."""
        thread = _Thread(self, target=target, args=args, name=name, daemon=daemon)
        self._threads.append(thread)
        return thread

    def enter(self, player: Player) -> None:
        """Wait for the first turn of the thread that calls this."""
        self._await_turn(player)
        self.end_if_over()
        sys.settrace(self._trace)

    def leave(self, player: Player) -> None:
        """Note that a thread is at its end, and let another one go on."""
        sys.settrace(None)
        player.over = True
        if player.name == "main":
            self.stop()
        elif not self._over:
            with suppress(Over):
                self._pass_on(player, never, None)

        self._players.pop(_thread.get_ident(), None)

    def admit(self, ident: int, player: Player) -> None:
        """Let a thread that was started take its turns."""
        self._players[ident] = player
        if self._over:
            _wake(player)

    def end_if_over(self) -> None:
        """End the thread that calls this if the schedule is over."""
        if self._over:
            raise Over

    def _look(self) -> None:
        self.end_if_over()
        self._left -= 1
        self._looking = True
        try:
            assert self._left, "the schedule goes round in circles"
            if not self.deciding:
                self.check()
        except AssertionError as error:
            self.fail(error)
        finally:
            self._looking = False

    def _pass_on(self, me: Player, ready: Condition, until: float | None) -> None:
        """Choose who goes on, and wake it; choose again if others went on meanwhile."""
        while True:
            passed = self._passed
            me.ready, me.until = ready, until
            chosen = self._choose(me)
            if passed == self._passed:
                break

        # Nothing comes in here: Python looks for what is due after calls and jumps back.
        self._passed += 1
        self._playing = chosen
        if chosen is not me:
            self._wake()

    def _await_turn(self, me: Player) -> None:
        while self._playing is not me and not self._over:
            me.turn.acquire()

    def _wake(self) -> None:
        """Wake who plays."""
        if self._playing is not None:
            _wake(self._playing)

    def _choose(self, me: Player) -> Player:
        """Choose who goes on; let time pass if nobody can otherwise."""
        players = [it for it in list(self._players.values()) if not it.over]
        ready = [player for player in players if player.ready()]
        if not ready:
            timed = [player for player in players if player.until is not None]
            if not timed:
                waiting = ", ".join(player.name for player in players)
                self.fail(AssertionError(f"stuck: nobody can go on of {waiting}"))

            first = min(timed, key=lambda player: player.until or 0.0)
            self._now = first.until or 0.0
            ready = [first]

        if me in ready and self.random.random() < self._stays:
            return me

        return self.random.choice(ready)

    def _trace(self, frame: FrameType, *_: object) -> TraceFunction | None:
        """Trace the lines of the library, in all its modules that know threads."""
        if frame.f_code.co_filename not in INTERRUPTED:
            return None

        self.await_turn()
        return self._interrupt

    def _interrupt(self, _: FrameType, event: str, *__: object) -> TraceFunction:
        line = event == "line" and not self._looking
        self._lines -= line
        if not self._lines:
            self.fail(AssertionError("a thread goes round in circles"))

        if line and self.random.random() < self._interrupts:
            self.switch()

        return self._interrupt

    # -- what the library knows as its world -------------------------------------------

    @contextmanager
    def _worlds(self) -> Iterator[None]:
        """Put this explorer's world in place of the library's."""
        with ExitStack() as patches:
            for module in (_monitor, _wait, _threads):
                world = self._world(monitor=module is _monitor)
                patches.enter_context(mock.patch.object(module, "threading", world))

            # A schedule that fails leaves pools behind: Python's exit need not wait for them.
            patches.enter_context(mock.patch.object(_engine, "exits", Exits()))
            patches.callback(_clock.use, _clock.use(self))
            gc.disable()  # what it finalizes would run at other steps each time
            patches.callback(gc.enable)
            yield

    def _world(self, *, monitor: bool) -> SimpleNamespace:
        """Make what a module knows as `threading`."""
        world = SimpleNamespace(**vars(threading))
        world.Lock = world.RLock = lambda: Lock(self, monitor=monitor)
        world.Thread = self.new_thread
        return world


def _wake(player: Player) -> None:
    with suppress(RuntimeError):  # it was woken before, and has not seen it yet
        player.turn.release()


class Lock:
    """What the library has in place of a Lock, and of an RLock, which it never takes twice."""

    def __init__(self, explorer: Explorer, *, monitor: bool) -> None:
        self._explorer = explorer
        self._monitor = monitor
        self._owner: int | None = None
        self._lock = _thread.allocate_lock()  # one that has no turn may take it, too

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002
        """Take the lock, in turn."""
        self._explorer.await_turn()
        if self._held and blocking and not self._explorer.closed:
            # A timed wait that no clock knows: it may be over at any moment, since how
            # far the others are by then depends on the machine.
            self._explorer.switch(at_once if timeout >= 0 else self._free)

        return self._take()

    def wait(self, timeout: float | None) -> bool:
        """Take the lock within so many seconds of the explorer's clock."""
        if self._held and not self._explorer.closed:
            self._explorer.switch(self._free, timeout)

        return self._take()

    def release(self) -> None:
        """Give it back."""
        self._lock.release()
        self._explorer.deciding -= self._monitor

    def _is_owned(self) -> bool:
        """Say whether the thread that calls this holds the lock, as an RLock does."""
        return self._held and self._owner == _thread.get_ident()

    @property
    def _held(self) -> bool:
        return self._lock.locked()

    def _free(self) -> bool:
        return not self._held

    def _take(self) -> bool:
        if not (self._lock.acquire(blocking=False) or self._explorer.closed):
            return False

        self._owner = _thread.get_ident()
        self._explorer.deciding += self._monitor
        return True


class _Thread(threading.Thread):
    """What the library has in place of `threading.Thread`."""

    def __init__(
        self,
        explorer: Explorer,
        *,
        target: Callable[[Callable[[], None]], object] | Callable[[], object],
        args: tuple[object, ...],
        name: str,
        daemon: bool,
    ) -> None:
        super().__init__(target=target, args=args, name=name, daemon=daemon)
        self._explorer = explorer
        self._player = Player(name)

    @override
    def start(self) -> None:
        self._explorer.end_if_over()
        super().start()
        threading.Event.wait(self._started)  # type: ignore[attr-defined]
        assert self.ident is not None
        self._explorer.admit(self.ident, self._player)

    @override
    def run(self) -> None:
        try:
            self._explorer.enter(self._player)
            super().run()
        except Over:
            pass
        except BaseException as error:  # noqa: BLE001  (it is raised in `Explorer.run`)
            self._ended_by(error)
        finally:
            self._explorer.leave(self._player)

    @override
    def join(self, timeout: float | None = None) -> None:
        self._explorer.switch(lambda: self._player.over, timeout)
        super().join(DEADLINE_S)

    def _ended_by(self, error: BaseException) -> None:
        try:
            self._explorer.fail(error)
        except Over:
            return
