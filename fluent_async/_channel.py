"""Channel: what a drain is made of; its life, and the side where values are taken."""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TypeVar
from weakref import ref

from fluent_async._inlet import Inlet
from fluent_async._interrupt import Stoppable, stop
from fluent_async._manner import THREADS, Manner, W, Waiting, Wakeable, wait
from fluent_async._monitor import after
from fluent_async._parties import Lease, Reader, Stirrable
from fluent_async._readers import Reading
from fluent_async._signals import undisturbed
from fluent_async._taking import Taking
from fluent_async._wait import Waiter, Who, here, mark_of_this_thread


T = TypeVar("T")


class Channel(Inlet[T]):
    """Values on their way, strictly private to a drain and to the pools around it.

    Invariant: `feeders` falls only through `leave`, which tells whoever waits for that.
    """

    __slots__ = ()

    # -- feeding -----------------------------------------------------------------------

    def join(self, pool: Stirrable | None) -> None:
        """Count one more feeder: the channel is open until it leaves, unless shut."""
        with self._monitor:
            self.feeders += 1
            self._fed = True
            if pool is not None:
                self._pools.append(pool)

            self._stir_reader(pool)

    def leave(self, pool: Stirrable | None) -> None:
        """Count one feeder less; with the last one the channel is idle."""
        with self._monitor:
            self.feeders -= 1
            if pool is not None:
                self._pools.remove(pool)

            if not self._pools:  # what the bound gave way to is gone
                self._room.lapse()

            if not self.feeders:
                self._readers.wake()
                self._watchers.tell()
                self._stir_reader(pool)
            elif self.maxsize:  # other feeders may have counted on what this one did
                self._stir_pools()

    def close(self) -> None:
        """Refuse what comes from now on."""
        self._monitor.do(self._close)

    @property
    def state(self) -> str:
        """In which of its four states it is, in one word."""
        with self._monitor:
            if self.shut:
                return "shut"

            if self.feeders:
                return "open"

            return "idle" if self._fed else "new"

    @property
    def new(self) -> bool:
        """Whether nothing was ever sent or given, and still may be."""
        return not self._fed and not self.shut

    def press(self) -> None:
        """Tell the pool that reads the channel that a thread waits for it to."""
        with self._monitor:
            if not self.pressed:
                self.pressed = True
                self._stir_reader(None)

    def want(self) -> None:
        """Tell the pools that feed the channel that a thread waits for them to."""
        with self._monitor:
            if not self.wanted and not self.values:
                self.wanted = True
                self._stir_pools()

    def stop(self) -> None:
        """Stop the pools around, for a thread that was interrupted while it waited.

        In a worker nothing is stopped: whoever waits for its pool is interrupted.
        """
        if here() is None:
            readers = [] if self.reader is None else [self.reader.pool]
            pools = dict.fromkeys([*self._pools, *readers])
            stop(pool for pool in pools if isinstance(pool, Stoppable))

    @property
    def read(self) -> bool:
        """Whether a thread reads the channel.

        A thread reads while it waits for a value here, or has an iterator that it has
        not done with: it is at work on what that gave it, unless it waits elsewhere.
        """
        return self.read_beside(None)

    def read_beside(self, still: Stirrable | None) -> bool:
        """Say whether a thread reads the channel though the pool `still` does nothing."""
        with self._monitor:  # one that begins or ends to wait here is seen either way
            return self.watched or self._reading.busy(still)

    def fed_by(self, pool: Stirrable) -> bool:
        """Say whether that pool feeds the channel, nobody else does, and it is empty."""
        with self._monitor:
            alone = self.feeders == len(self._pools) and set(self._pools) == {pool}
            return alone and not self.values

    def waiting_for(self, pool: Stirrable) -> tuple[int, int]:
        """Return how many threads of the pool that feeds it wait here, and how many others."""
        with self._monitor:
            own = len(self._readers.of(pool)) + len(self._watchers.of(pool))
            return own, len(self._readers) + len(self._watchers) - own

    def refuse(self, pool: Stirrable) -> None:
        """Have the threads of that pool not wait here any longer."""
        with self._monitor:
            self._readers.refuse(pool)
            self._watchers.refuse(pool)

    def refuse_refused(self, waiter: object) -> None:
        """Raise if who waited was refused to wait any longer, since it did for itself."""
        if isinstance(waiter, Waiter) and waiter.refused:
            raise RuntimeError(
                f"{self!r} gets nothing but what work that waits for it sends: "
                "call go() from the worker to give new work instead"
            )

    def begin_reading(self, who: Who) -> object:
        """Count one as a reader while it is alive, and what this returns is kept.

        Nobody has to say that it reads no more, and so nothing can cut that short.
        """
        return self._reading.begin(who, self._end_reading)

    def _end_reading(self, reading: ref[Reading]) -> None:
        self._reading.remove(reading)
        # A run that was left by Ctrl-C, or is another's.
        if self._taking is not None and not self._monitor.gone():
            self._monitor.do(self._end_left)

    def _end_left(self) -> None:
        self._end_run_of_reader()
        self._made_room()

    # -- inputs, for the stage that the channel feeds ----------------------------------

    def feed(self, reader: Reader | None) -> None:
        """Feed a stage from now on, or none; threads that iterate hear of it."""
        with self._monitor:
            self.reader = reader
            self._readers.wake()
            self._end_run_of_reader()

    def lend(self, lease: Lease, by: Stirrable) -> Callable[[], T]:
        """Let one thread take values by itself; return the function that takes one."""
        with self._monitor:
            self._taker = lease
            if self._senders or any(pool is not by for pool in self._blocked):
                lease.arm()

            return self.values.popleft

    def lent(self, lease: Lease, by: Stirrable) -> None:
        """Note that such a lease has ended, and pass on the room it made."""
        with self._monitor:
            if self._taker is lease:
                self._taker = None

            self._made_room(by)

    def pop(self, by: Stirrable) -> T:
        """Take the oldest value."""
        with self._monitor:
            value = self.values.popleft()
            self._made_room(by)
            return value

    def drop(self, by: Stirrable) -> int:
        """Drop the values that are there; return how many there were."""
        with self._monitor:
            dropped = len(self.values)
            self.values.clear()
            self._made_room(by)
            return dropped

    # -- values, for threads that iterate or collect -----------------------------------

    def take(self) -> Taking[T]:
        """Begin to take what is there, waiting for it; nothing when there will be none.

        One thread takes at a time: the run of another one ends here. So it does when
        somebody waits for room, to hear of it as soon as there is some.
        """
        taking: Taking[T] | None = None
        try:
            with undisturbed:
                # Asked first: it is quicker when values are there.
                taking = self._ask() or wait(self.taking(THREADS))
        except BaseException:
            if taking is not None:  # Ctrl-C came before anybody had it
                self._give_back(taking)

            raise

        return taking

    def taking(
        self, manner: Manner[W], before: Taking[T] | None = None
    ) -> Waiting[W, Taking[T]]:
        """Begin to take as `take` does, waiting in some manner.

        Args:
            manner: how.
            before: a run that is over, of the same reader.
        """
        who = manner.who()
        while True:
            with self._monitor:
                if before is not None:
                    self._end_taking(before)

                before = None
                taking = self._try_take() or self._register(manner.waiter, who)
                if isinstance(taking, Taking):
                    return taking

            try:
                yield taking
            finally:
                self._monitor.do(partial(self._unregister, taking, who))

            self.refuse_refused(taking)

    def end_taking(self, taking: Taking[T]) -> None:
        """Note that such a run is over, and pass on the room it made."""
        with self._monitor:
            self._end_taking(taking)

    def go_on_taking(self, taking: Taking[T]) -> Taking[T]:
        """End a run, and take what is there; of none if that makes room for somebody."""
        with self._monitor:
            self._end_taking(taking)
            self._end_run_of_reader()
            waited = self._blocked or self._senders
            ends = self.reader is not None or self._halted
            size = 0 if waited or ends else len(self.values)
            self._taking = Taking(self.values.popleft, size)
            return self._taking

    def leave_taking(self, taking: Taking[T]) -> None:
        """End such a run when who takes is dropped, maybe in the middle of a decision."""
        if not self._monitor.gone():
            after(lambda: self.end_taking(taking))

    def halt(self) -> None:
        """Give nothing more to those who iterate, whatever is there or comes."""
        with self._monitor:
            self._halted = True
            self._end_run_of_reader()
            self._readers.wake()

    def watch(self, waiter: Waiter) -> bool:
        """Wait, with room for everything, for the last feeder; False if there is none."""
        with self._monitor:
            if not self.feeders or self.shut:
                return False

            self._watchers.queue(waiter, mark_of_this_thread())
            self._made_room()
            self._stir_pools()
            return True

    def unwatch(self, waiter: Waiter) -> None:
        """End such a wait, however it ended."""
        with self._monitor:
            self._watchers.withdraw(waiter, mark_of_this_thread())

        self.refuse_refused(waiter)

    # -- in the monitor ----------------------------------------------------------------

    def _try_take(self) -> Taking[T] | None:
        if self.reader is not None:
            raise RuntimeError(
                f"{self!r} feeds a stage, which takes its values: "
                "drain the task to a second drain and iterate that"
            )

        if self.values and not self._halted:
            return self._begin_taking()

        ends = self._halted or self.shut or (self._fed and self.over)
        return Taking(self.values.popleft, 0) if ends else None

    def _begin_taking(self) -> Taking[T]:
        self._end_run_of_reader()
        if not self._blocked and not self._senders:
            self._taking = Taking(self.values.popleft, len(self.values))
            return self._taking

        taken = deque([self.values.popleft()])
        self._made_room()
        return Taking(taken.popleft, 1)

    def _end_taking(self, taking: Taking[T]) -> None:
        taking.close()
        if self._taking is taking:
            self._taking = None

        self._made_room()

    def _ask(self) -> Taking[T] | None:
        with self._monitor:
            return self._try_take()

    def _give_back(self, taking: Taking[T]) -> None:
        with self._monitor:
            if self._taking is not taking:  # else its values are still here
                self.values.extendleft(taking.values)
                self._arrived(None)

        self.end_taking(taking)

    def _register(self, new: Callable[[], W], who: Who) -> Taking[T] | W:
        """Queue a reader, unless a value came while the leases were armed."""
        self._room.arm()
        self._stir_pools()
        taking = self._try_take()
        if taking is not None:
            return taking

        waiter = new()
        self._readers.queue(waiter, who)
        return waiter

    def _unregister(self, waiter: Wakeable, who: Who) -> None:
        if not self._readers.withdraw(waiter, who):
            self._arrived(None)  # it was woken, and may not take

    def _close(self) -> None:
        if self.shut:
            return

        self._room.arm()
        self._arm_takers()
        self._bring_forward()
        self.shut = True
        if self._taker is not None:
            self._taker.close()

        # Leases go on adding to the old deque until they hear. What is in there now was
        # in time; what comes yet is not, and is counted by `end_lease`.
        self._outlet, self.values = self.values, deque()
        while self._outlet:
            self.values.append(self._outlet.popleft())

        if self.turns is not None:  # what waits for its turn was sent in time, too
            self.values.extend(self.turns.give_up())

        self._senders.dismiss()
        self._readers.wake()
        self._watchers.tell()
        self._stir_pools()
        self._stir_reader(None)
