"""Engine: what a Pool is on the inside, and what others ask of it."""

from __future__ import annotations

import weakref
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING

from fluent_async import _clock, _log, _simulator, _wait
from fluent_async._bell import Bell
from fluent_async._claims import claims
from fluent_async._driver import Driver
from fluent_async._exits import exits
from fluent_async._graph import check
from fluent_async._interrupt import ENDS, interrupts
from fluent_async._manner import THREADS, wait
from fluent_async._monitor import inside
from fluent_async._retry import shown
from fluent_async._scheduler import Scheduler
from fluent_async._text import listed, printable
from fluent_async._threads import Threads
from fluent_async._whereabouts import at
from fluent_async._work import Attempt
from fluent_async.errors import PoolClosed, PoolStalled


if TYPE_CHECKING:
    from collections.abc import Callable

    from fluent_async._accounts import PoolStats
    from fluent_async._desk import Call
    from fluent_async._manner import Manner, T, W, Waiting, Wakeable
    from fluent_async._outcome import Outcome
    from fluent_async._picture import Picture
    from fluent_async._retry import Policy
    from fluent_async._stage import Stage
    from fluent_async._wait import Who


class Engine(Driver):
    """A driver that is given work, waited for, cancelled and closed.

    Its threads alone keep it alive, and the Pool does. It is in no reference cycle.
    """

    def __init__(
        self,
        name: str,
        limit: int,
        policy: Policy,
        describe: Callable[[object], str],
        *,
        prefix: str | None = None,
        prepare: Callable[[], bool] | None = None,
    ) -> None:
        super().__init__(name, policy, describe, prepare)
        self.bell = Bell(self)
        self.scheduler, self.threads = self._parts(
            limit, prefix or f"{printable(name)}-"
        )
        self._gone = 0  # calls of go(); guarded by the monitor

    @property
    def foreign(self) -> bool:
        """Whether it is of the process that this one forked from."""
        return self.bell.foreign

    @property
    def started(self) -> bool:
        """Whether it was ever given work."""
        return self._gone > 0

    def _parts(self, limit: int, prefix: str) -> tuple[Scheduler, Threads]:
        """Return what decides here, and what runs the jobs."""
        simulator = _simulator.current()
        if simulator is not None:
            return simulator.equip(self, limit)

        serve = weakref.WeakMethod(self._serve)
        return Scheduler(self.bell, limit), Threads(self.monitor, serve, prefix)

    # -- for the Pool ------------------------------------------------------------------

    def go(
        self,
        make: Callable[[int], list[Stage]],
        outcome: Outcome | None = None,
        *,
        late: bool = False,
    ) -> None:
        """Take in the stages that `make` makes, as a whole or not at all.

        Args:
            make: called with the number of this call.
            outcome: what is to come of them; None is the pool's own.
            late: whether they were handed in before as a call, even if the pool is closed
                now.
        """
        if not late:
            self._refuse_closed()

        interrupts.forget()
        with self.monitor:
            self._gone += 1
            number = self._gone

        stages = make(number)
        check(stages)  # here, so that what is refused starts no thread
        claims.check(stages)
        if not len(self.threads):
            self._start_first()

        context = copy_context()
        with self.monitor:
            if not late:
                self._refuse_closed()

            check(stages)  # and here, since another go() may have come in between
            claims.take(stages)  # the last that may refuse
            if outcome is None and self.outcome.idle:
                self.outcome.failures.clear()

            for stage in stages:
                stage.base = context

            self.scheduler.desk.passed += late
            self.scheduler.add(stages, outcome)
            self.react()

    def hand_in(self, call: Call) -> None:
        """Have a thread make a call, as soon as one may; who asks looks at `closed`.

        Raises:
            RuntimeError: if no thread can be started.
        """
        slots = self.scheduler.slots
        desk = slots.desk
        if not (desk.standing or len(self.threads) or self.closed):
            self._start_first()

        if not desk.hand_in(call) and slots.running < slots.limit:
            self.monitor.do(self.react)

    def stir(self) -> None:
        """Look again: a channel around the pool changed."""
        self.monitor.do(self._stir)

    def cancel(self) -> None:
        """Drop what has not started; tell what runs."""
        self.monitor.do(self._cancel)

    def ends(self, outcome: Outcome) -> bool:
        """End work with an outcome of its own if it is idle; say whether it is."""
        with self.monitor:
            if outcome.idle:
                self.scheduler.finish(outcome)

            return outcome.idle or self.scheduler.slots.left

    def drop(self, outcome: Outcome) -> None:
        """Cancel what is left of such work, for good; never waits."""
        self.monitor.do(lambda: self._drop(outcome))

    def leave(self, outcome: Outcome) -> None:
        """Drop such work; what failed and nobody was shown is logged when none of it runs."""
        if not self.monitor.gone():
            self.monitor.do(lambda: self._leave(outcome))

    def awaiting(self, taking: Waiting[W, T]) -> Waiting[W, T]:
        """Wait as `taking` does, for outputs, and until there may be no more of them.

        Raises:
            PoolStalled: if every slot is held by an abandoned attempt.
        """
        try:
            waiter = next(taking)
            while True:
                with self.monitor:
                    stalled = self.scheduler.stalled(_clock.current().now())
                    self._readers.append(waiter)

                try:
                    if stalled:
                        raise self._stall()

                    yield waiter
                finally:
                    self.monitor.do(partial(self._readers.remove, waiter))

                waiter = next(taking)
        except StopIteration as done:
            value: T = done.value
            return value
        finally:
            taking.close()

    def finish(self) -> None:
        """Wait until nothing runs, or will unless somebody outside the pool acts."""
        wait(self.finishing(THREADS), shielded=True, elsewhere=True)
        self.threads.wait_until_begun()

    def finishing(self, manner: Manner[W]) -> Waiting[W, None]:
        """Wait as `finish` does, in some manner."""
        while True:
            with self.monitor:
                waiter = manner.waiter()
                self._finishing.append(waiter)
                self.scheduler.finishers += 1  # before it is asked: see `_desk`
                quiet = self.scheduler.quiet()

            try:
                if quiet:
                    return

                yield waiter
            finally:
                self.monitor.do(partial(self._end_finishing, waiter))

    def abandon(self) -> None:
        """Wait for nothing any more, and log what still runs."""
        if self.scheduler.slots.left:
            return

        self.monitor.do(self._abandon)
        for told in self.abandoned():
            _log.warning("abandoned while it runs: %s", told, pool=self.name)

    def wait(
        self,
        timeout: float | None,
        outcome: Outcome | None = None,
        *,
        shielded: bool = False,
    ) -> bool:
        """Wait until nothing is queued, running or waiting; say whether that is so.

        Args:
            timeout: seconds to wait; None is for ever.
            outcome: of the work that is waited for; None is all there is.
            shielded: see below.

        In a worker that is told to end the wait raises Cancelled, unless it is
        `shielded`: what the pool has accepted is waited for in any case then.

        Raises:
            PoolStalled: if every slot is held by an abandoned attempt.
        """
        waiting = self.waiting(THREADS, outcome)
        return wait(waiting, timeout, shielded=shielded, elsewhere=True)

    def waiting(
        self, manner: Manner[W], outcome: Outcome | None = None
    ) -> Waiting[W, bool]:
        """Wait as `wait` does, in some manner."""
        who = manner.who()
        while True:
            with self.monitor:
                if (
                    self.scheduler.idle()
                    or self.scheduler.slots.left
                    or (outcome is not None and outcome.idle)
                ):
                    return True

                stalled = self.scheduler.stalled(_clock.current().now())
                waiter = manner.waiter()
                self._waiting[waiter] = outcome
                self.scheduler.waiters += 1
                _wait.waiting.append(who)
                self.react()

            try:
                if stalled:
                    raise self._stall()

                late = yield waiter
                if late:
                    return False
            finally:
                self.monitor.do(partial(self._forget, waiter, who))

    def close(self) -> None:
        """Refuse new work, wait for what there is, and end the threads.

        What can't run any more, since every slot is held by an abandoned attempt, is
        dropped.
        """
        wait(self.closing(THREADS), shielded=True, elsewhere=True)

    def wind_up(self) -> None:
        """Note that the pool is to be closed once there is nothing to do."""
        self.threads.winding_up = True

    def closing(self, manner: Manner[W]) -> Waiting[W, None]:
        """Close as `close` does, waiting in some manner."""
        self.closed = True
        self.wind_up()
        try:
            yield from self.waiting(manner)
        except PoolStalled:
            self.cancel()
            yield from self.waiting(manner)

        yield from self.ending(manner)

    def cutting(self, manner: Manner[W], *, interrupted: bool) -> Waiting[W, None]:
        """Cancel what is left, wait for what runs, and end the threads, in some manner.

        If that is interrupted, or another such wait was, what runs is abandoned.
        """
        self.cancel()
        try:
            if interrupted and not self.scheduler.slots.left:
                self.abandon()

            yield from self.finishing(manner)
        except ENDS:
            self.abandon()

        yield from self.ending(manner)

    def end(self) -> None:
        """End the threads, and wait for all but those that are abandoned."""
        wait(self.ending(THREADS), shielded=True, elsewhere=True)

    def ending(self, manner: Manner[W]) -> Waiting[W, None]:
        """End the threads as `end` does, waiting in some manner."""
        self.closed = True
        with self.monitor:
            self._end()

        yield from self.threads.joining(manner, lambda: self.scheduler.slots.abandoned)

    def release(self) -> None:
        """Note that nobody has the Pool any more: end once there is nothing to do."""
        if not self.foreign:
            self.monitor.do(self._release)

    def stats(self) -> PoolStats:
        """Return the accounts, as of now."""
        with self.monitor:
            return self.scheduler.stats(len(self.threads))

    def picture(self) -> Picture:
        """Return the graph, as of now."""
        from fluent_async._survey import survey

        with self.monitor:
            return survey(self.name, self.scheduler)

    def log_unfed(self) -> None:
        """Warn of the stages that wait for a drain which nobody ever fed."""
        with self.monitor:
            unfed = self.scheduler.graph.name_unfed()

        if unfed:
            told = ", ".join(
                f"{channel!r} >> {stage.label}" for channel, stage in unfed
            )
            _log.warning(_UNFED, told, pool=self.name)

    def abandoned(self) -> list[str]:
        """Name what runs and is waited for by nobody: task, input and thread."""
        if self.foreign:
            return []

        with self.monitor:
            slots = self.scheduler.slots
            attempts = [*slots.given_up]
            if slots.left:
                attempts += [o for o in slots.occupants if isinstance(o, Attempt)]

            left = slots.left

        told = [(a.task, a.work.input, a.thread) for a in attempts]
        for name, frame in self.threads.frames() if left else ():
            place = at(frame)
            if place is not None:
                told.append((*place, name))

        return [self._told(task, value, f"on {thread}") for task, value, thread in told]

    def _start_first(self) -> None:
        """Start the first thread here, where it can be told if that fails."""
        exits.watch(self)
        if not inside():  # else whoever interrupted the pool has one started after that
            self.threads.start()

    def _end_finishing(self, waiter: Wakeable) -> None:
        """End the wait of one who waits for the pool to be quiet."""
        self._finishing.remove(waiter)
        self.scheduler.finishers -= 1

    def _forget(self, waiter: Wakeable, who: Who) -> None:
        """End the wait of one who waits for the pool to be idle."""
        del self._waiting[waiter]
        self.scheduler.waiters -= 1
        _wait.waiting.remove(who)

    def _refuse_closed(self) -> None:
        if self.closed:
            raise PoolClosed(f"{self.name} is closed: make a new pool")

        if exits.begun:
            raise RuntimeError("no work can be given to a pool while Python exits")

    def _stall(self) -> PoolStalled:
        """Say by what every slot is held."""
        now = _clock.current().now()
        with self.monitor:
            held = list(self.scheduler.slots.given_up)

        told = [
            self._told(
                attempt.task,
                attempt.work.input,
                f"for {now - attempt.started:.3g} s on {attempt.thread}",
            )
            for attempt in held
        ]
        return PoolStalled(
            f"every slot of {self.name} is held by an attempt that is over its timeout "
            f"and still runs: {listed(told)}"
        )

    def _told(self, task: str, value: object, where: str) -> str:
        return f"{printable(task)}({shown(value, self.describe)}) {printable(where)}"

    # -- in the monitor --------------------------------------------------------------

    def _stir(self) -> None:
        self.scheduler.graph.refresh()
        self.react()

    def _cancel(self) -> None:
        self.scheduler.cancel()
        self._stir()

    def _drop(self, outcome: Outcome) -> None:
        self.scheduler.finish(outcome)
        self._stir()

    def _leave(self, outcome: Outcome) -> None:
        self._left.append(outcome)
        self._drop(outcome)

    def _abandon(self) -> None:
        self.closed = True
        self.scheduler.abandon()
        self._end()
        for waiter in [*self._waiting, *self._finishing, *self._readers]:
            waiter.wake()


_UNFED = "nobody ever fed %s: drain work to it, or send it values"
