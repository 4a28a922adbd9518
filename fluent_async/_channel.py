"""Channel: what a drain is made of; values, the room for them, and who waits for either."""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar
from weakref import ref

from typing_extensions import override

from fluent_async._interrupt import Stoppable, stop
from fluent_async._manner import THREADS, Manner, W, Waiting, Wakeable, wait
from fluent_async._monitor import Monitor, after
from fluent_async._parties import Lease, Pouring, Reader, Stirrable
from fluent_async._readers import Readers, Reading, Readings
from fluent_async._room import Room
from fluent_async._senders import Sender, Senders
from fluent_async._signals import undisturbed
from fluent_async._taking import Taking
from fluent_async._turns import Turns
from fluent_async._wait import Waiter, Who, block, here, mark_of_this_thread
from fluent_async.errors import Cancelled, DrainClosed


T = TypeVar("T")

PLENTY = 1 << 30  # the room of a channel without a bound: more than anybody asks for

Left = Callable[[], float | None]  # seconds that are left to wait; None: for ever


class Channel(Generic[T]):
    """Values on their way, strictly private to a drain and to the pools around it.

    Invariants:
        1. Unless the bound gave way, len(values) plus the room promised to attempts and
           leases never exceeds maxsize.
        2. A sender waits only while there is no room; a reader only while nothing is
           there and somebody feeds the channel or nobody ever did.
        3. `feeders` falls only through `leave`, which tells whoever waits for that.
        4. Nothing arrives once `shut` is set: a lease that still holds the deque of
           before adds to that one, which nobody reads.
    """

    __slots__ = (
        "__weakref__",
        "_blocked",
        "_bridge",
        "_fed",
        "_limit",
        "_monitor",
        "_outlet",
        "_pools",
        "_readers",
        "_reading",
        "_room",
        "_senders",
        "_taker",
        "_taking",
        "_watchers",
        "feeders",
        "maxsize",
        "name",
        "pressed",
        "reader",
        "shut",
        "turns",
        "values",
        "wanted",
    )

    def __init__(self, maxsize: int, *, ordered: bool, name: str | None) -> None:
        self.maxsize = maxsize
        self.name = name
        self._monitor = Monitor()
        # Everything below is guarded by _monitor. The holders of leases also add to
        # `values` at one end, and take from it at the other, which deques allow.
        self.values: deque[T] = deque()
        self.turns: Turns[T] | None = Turns() if ordered else None
        self.feeders = 0
        self.shut = False
        self.reader: Reader | None = None
        self._outlet: deque[T] | None = None  # what leases add to, since it was shut
        self.pressed = False  # a thread waits for a pool that is held back here
        self.wanted = False  # a thread waits for a pool that has nothing to take here
        self._reading = Readings()
        self._fed = False
        self._limit = 0  # of the pool that last asked for room, if this is ordered
        self._room = Room(maxsize)
        self._taker: Lease | None = None  # held by the stage that this channel feeds
        self._bridge: Lease | None = (
            None  # takes outputs to that stage past the channel
        )
        self._pools: list[Stirrable] = []  # that feed this channel; one entry a feeder
        self._blocked: list[Stirrable] = []  # that found no room here
        self._senders: Senders[T] = Senders()
        self._readers = Readers()
        self._taking: Taking[T] | None = None  # a reader's
        self._watchers = Readers()  # in drain(): readers with room for all

    @override
    def __repr__(self) -> str:
        arguments = [str(self.maxsize)] if self.maxsize else []
        arguments += ["ordered=True"] if self.turns is not None else []
        arguments += [f"name={self.name!r}"] if self.name is not None else []
        return f"Drain({', '.join(arguments)})"

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

    def refuse_shut(self) -> None:
        """Raise DrainClosed if the channel is shut."""
        if self.shut:
            raise DrainClosed(f"{self!r} is shut")

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

    @property
    def over(self) -> bool:
        """Whether a reader ends: nothing is there, and nobody feeds the channel."""
        return not self.values and (self.shut or not self.feeders)

    @property
    def watched(self) -> bool:
        """Whether a thread waits for this channel."""
        return bool(self._readers or self._watchers)

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
        if self._taking is not None:  # left by Ctrl-C, or it is another's
            self._monitor.do(self._end_left)

    def _end_left(self) -> None:
        self._end_run_of_reader()
        self._made_room()

    @property
    def awaited(self) -> bool:
        """Whether a thread waits for room in this channel."""
        return bool(self._senders)

    # -- room, for the pools that feed the channel -------------------------------------

    def room(self, limit: int) -> int:
        """Return how many inputs a pool of `limit` may take for this channel now.

        That is as many as outputs may be promised room; in an ordered channel, as few
        as keep its window.
        """
        with self._monitor:
            return self._room_for(limit)

    def room_or_block(self, limit: int, by: Stirrable) -> int:
        """Return the same; the pool `by` that finds none is stirred when there is some."""
        with self._monitor:
            room = self._room_for(limit)
            if room <= 0:
                self._block(by)
                room = self._room_for(limit)  # it may have come before that was noted

            return room

    def promise(self, count: int, by: Stirrable) -> None:
        """Keep room for `count` outputs until `settle`."""
        with self._monitor:
            self._promise(count, by)

    def settle(self, count: int, by: Stirrable) -> None:
        """Give that room back, used or not, and pass on what arrived."""
        with self._monitor:
            self._room.promise(-count)
            self._pass_on(by)

    def reserve(self, by: Stirrable) -> bool:
        """Keep room for an output, if there is any: as `promise` does, in one step."""
        with self._monitor:
            if self._left() + self._room.overdraft <= 0:
                self._block(by)
                return False

            self._promise(1, by)
            return True

    def lease(self, most: int, by: Stirrable, lease: Lease, limit: int) -> bool:
        """Open a lease with room for as many as `most` outputs; say whether there was any.

        Looking and keeping is one step: other pools may feed the channel as well.
        """
        with self._monitor:
            count = min(most, self._room_for(limit))
            if count <= 0:
                self._block(by)
                return False

            self._use(count, by)
            self._open(lease, count)
            self._room.leases.append(lease)
            elsewhere = self.reader is not None and self.reader.pool is not by
            if self._readers or self.shut or (elsewhere and not self.values):
                lease.arm()

            return True

    def end_lease(self, by: Stirrable, lease: Lease) -> bool:
        """End a lease, and pass on what arrived.

        Returns:
            Whether its last output came after the channel was shut, and is lost.
        """
        with self._monitor:
            self._room.leases.remove(lease)
            late = self.shut and bool(lease.outlet) and lease.outlet is not self.values
            if late:
                lease.outlet.pop()

            if self.turns is not None:
                self._end_run(lease, self.turns)

            self._pass_on(by)
            return late

    def give_turns_back(self, lease: Lease) -> None:
        """Note that a lease of an ordered channel takes no more inputs than it has."""
        with self._monitor:
            assert self.turns is not None
            self.turns.give_back(lease.turn, lease.pulled)

    @property
    def clear(self) -> bool:
        """Whether an output would be the next that the stage takes, whoever sends it."""
        return not (self.values or self.shut or self._senders or self._blocked)

    def bridge(self, lease: Lease, by: Stirrable) -> bool:
        """Have a lease take outputs past the channel, which keeps room for one of them.

        Returns:
            Whether it may: there is room, and nothing that should come before.
        """
        with self._monitor:
            if not self.clear or not self._left():
                return False

            self._promise(1, by)
            self._bridge = lease
            return True

    def unbridge(self, lease: Lease, by: Stirrable) -> None:
        """Note that it does so no more, and give the room back."""
        with self._monitor:
            if self._bridge is lease:
                self._bridge = None

            self._room.promise(-1)
            self._pass_on(by)

    def arm(self, *, taker: bool) -> bool:
        """Stop who takes from the channel, or else who feeds it, without the monitor.

        Returns:
            Whether somebody does.
        """
        with self._monitor:
            if not taker:
                return self._room.arm()

            if self._taker is None:
                return False

            self._taker.arm()
            return True

    @property
    def keeps_room(self) -> bool:
        """Whether room is kept for outputs of inputs that are not begun."""
        if not self.maxsize:
            return False

        with self._monitor:
            return self._room.kept

    def block(self, pool: Stirrable) -> None:
        """Note that `pool` found no room: it is stirred when there is some."""
        with self._monitor:
            self._block(pool)

    def give_way(self) -> None:
        """Let one value in beyond the bound."""
        with self._monitor:
            self._room.overdraw()
            self._admit()
            for pool in self._blocked:  # not only the one that saw that nothing moves
                after(pool.stir)

    # -- outputs -----------------------------------------------------------------------

    def put(self, value: T, left: Left, *, promised: bool = False) -> None:
        """Let `value` in: at once if its room was promised, else when there is room."""
        with undisturbed:
            sender = self._offer(value, promised=promised)
            if sender is not None and not self._await(sender, left):
                self.refuse_shut()
                raise TimeoutError(f"{self!r} had no room in time")

    def _await(self, sender: Sender[T], left: Left) -> bool:
        """Wait in a queue; say whether the value was let in."""
        try:
            block(sender.waiter, left())
        except Cancelled:
            if self._withdraw(sender):
                raise
            # It was let in before; the next call of the library hears it.
        except BaseException:
            self._withdraw(sender)
            raise

        return not self._withdraw(sender)

    def put_in_turn(self, number: int, value: T, left: Left, *, promised: bool) -> None:
        """Let in an output of input `number`, or keep it until its turn."""
        with self._monitor:
            assert self.turns is not None  # the stages that call this checked it
            self.refuse_shut()
            if number != self.turns.head:
                self.turns.keep(number, value)
                return

        # Still its turn: only its own end, which comes later, passes the turn on.
        self.put(value, left, promised=promised)

    def end_turn(self, number: int) -> None:
        """Note that input `number` of an ordered channel has ended, however it did."""
        with self._monitor:
            assert self.turns is not None
            self._bring_forward()
            self.values.extend(self.turns.end(number))
            self._arm_head(self.turns)
            self._arrived(None)
            self._unblock(None)

    def take_turn(self) -> int:
        """Give the next input of an ordered channel its number."""
        with self._monitor:
            assert self.turns is not None
            self._room.use(1)
            return self.turns.take()

    # -- outputs of streams, for threads that send without the monitor -----------------

    def pour(self, pour: Pouring, value: T) -> bool:
        """Let in what a stream sends next, if there is room; and more to come if so.

        Raises:
            DrainClosed: if the channel is shut.
        """
        with self._monitor:
            self.refuse_shut()
            self._find_outlet(pour)
            waits = pour.outlet is self.values and (
                self._senders or not self._use_room()
            )
            if not waits:
                pour.outlet.append(value)
                self._refill(pour)

            return not waits

    def hear(self, pour: Pouring) -> None:
        """Pass on what a stream has sent, and give it room for more.

        Raises:
            DrainClosed: if what it sent last came after the channel was shut.
        """
        with self._monitor:
            pour.yield_room()
            if not self.shut:
                self._find_outlet(pour)
                self._refill(pour)
            elif pour.outlet:
                pour.outlet.pop()
                self.refuse_shut()

    def report(self, lease: Lease, by: Stirrable) -> bool:
        """Pass on what a lease has sent; False if it has to end for that."""
        with self._monitor:
            if self.shut or self.starves or lease.outlet is not self.values:
                return False

            self._arrived(by)
            return True

    # -- inputs, for the stage that the channel feeds ----------------------------------

    def feed(self, reader: Reader | None) -> None:
        """Feed a stage from now on, or none; threads that iterate hear of it."""
        with self._monitor:
            self.reader = reader
            self._readers.wake()
            self._end_run_of_reader()

    @property
    def starves(self) -> bool:
        """Whether somebody who feeds the channel found no room in it."""
        return bool(self._blocked or self._senders)

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
            waited = self.reader is not None or self._blocked or self._senders
            size = 0 if waited else len(self.values)
            self._taking = Taking(self.values.popleft, size)
            return self._taking

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

    def _room_for(self, limit: int) -> int:
        if self.turns is None:
            return self._left() + self._room.overdraft

        self._limit = limit
        if not self.maxsize or self._watchers:
            return PLENTY

        ahead = self.turns.past + len(self.values)
        return max(0, limit + self.maxsize - ahead) + self._room.overdraft

    def _open(self, lease: Lease, count: int) -> None:
        """Say how many inputs a lease may take, and where its outputs go."""
        outlet = self.values if self._outlet is None else self._outlet
        if self.turns is not None:
            lease.turn = self.turns.take(count)
            if lease.turn != self.turns.head:
                outlet = self.turns.run(lease.turn)

        lease.open(count, outlet)

    def _find_outlet(self, pour: Pouring) -> None:
        """Have a stream send to where its outputs belong now."""
        self._bring_forward()
        if self.turns is not None and pour.turn == self.turns.head:
            pour.outlet = self.values

    def _refill(self, pour: Pouring) -> None:
        """Pass on what a stream sent, and say how much more it may send by itself.

        If somebody waits for that already, it is to ask after each output.
        """
        self._arrived(None)
        if pour.outlet is not self.values:
            pour.widen(PLENTY)
        elif not self._senders:
            pour.widen(self._left())

        if self._readers or (self.reader is not None and not self.values):
            pour.arm()

    def _end_run(self, lease: Lease, turns: Turns[T]) -> None:
        """Pass the turn on from the inputs of a lease, and let in what this brings."""
        if lease.turn == turns.head and lease.outlet is not self.values:
            self.values.extend(lease.outlet)  # it came too early at first

        self.values.extend(turns.end_run(lease.turn, lease.turn + lease.turns))
        self._arm_head(turns)

    def _bring_forward(self) -> None:
        """Let in what leases of an ordered channel keep though it is their turn."""
        head = None if self.turns is None else self.turns.head
        for lease in self._room.leases:
            if lease.turn == head and lease.outlet is not self.values:
                while lease.outlet:
                    self.values.append(lease.outlet.popleft())

    def _arm_head(self, turns: Turns[T]) -> None:
        """Have a lease that keeps its outputs come forward with them: it is its turn."""
        for lease in self._room.leases:
            if lease.turn == turns.head and lease.outlet is not self.values:
                lease.arm()

    def _left(self) -> int:
        """Room within the bound."""
        if not self.maxsize or self._watchers:
            return PLENTY

        if self.turns is not None:  # what takes inputs looks at `_room_for`
            return max(0, self.maxsize - len(self.values))

        return self._room.left(self.values)

    def _offer(self, value: T, *, promised: bool) -> Sender[T] | None:
        """Let a value in, or queue its sender."""
        with self._monitor:
            self.refuse_shut()
            self._fed = True
            if promised or (not self._senders and self._use_room()):
                self.values.append(value)
                self._arrived(None)
                return None

            sender = self._senders.queue(value)
            self._room.arm()
            self._arm_takers()
            self._stir_pools()
            self._stir_reader(None)  # which is refused if it is of another process
            self._admit()  # looks again, now that the leases are armed
            return None if sender.admitted else sender

    def _end_run_of_reader(self) -> None:
        """Have a thread that takes values by itself ask again for the next."""
        if self._taking is not None:
            self._taking.close()

    def _arm_takers(self) -> None:
        for lease in (self._taker, self._bridge):
            if lease is not None:
                lease.arm()

        self._end_run_of_reader()

    def _block(self, pool: Stirrable) -> None:
        self._end_run_of_reader()
        if pool not in self._blocked:
            self._blocked.append(pool)

    def _withdraw(self, sender: Sender[T]) -> bool:
        """End the wait of a sender; False if its value was let in."""
        with self._monitor:
            return self._senders.withdraw(sender)

    def _promise(self, count: int, by: Stirrable) -> None:
        """Keep room that `by` found for so many outputs."""
        self._use(count, by)
        self._room.promise(count)

    def _use(self, count: int, by: Stirrable) -> None:
        """Note that `by` found room for `count` values."""
        if self._room.overdraft:
            beyond = count if self.turns is not None else count - self._left()
            self._room.use(max(0, beyond))

        if by in self._blocked:
            self._blocked.remove(by)

    def _pass_on(self, by: Stirrable) -> None:
        """Tell whoever waits for values, or for room, that there is some."""
        self._admit()
        self._arrived(by)
        self._unblock(by)

    def _use_room(self) -> bool:
        if self._left() > 0:
            return True

        overdraft = self._room.overdraft
        self._room.use(1)
        return overdraft > 0

    def _admit(self) -> None:
        """Let waiting senders in, first come first, while there is room."""
        while self._senders and self._use_room():
            sender = self._senders.popleft()
            self.values.append(sender.value)
            sender.admit()
            self._arrived(None)

    def _arrived(self, by: Stirrable | None) -> None:
        """Wake as many readers as there are values, and stir the stage that reads."""
        if self.values:
            self.wanted = False
            self._readers.wake(len(self.values))
            self._stir_reader(by)

    def _made_room(self, by: Stirrable | None = None) -> None:
        """Let in, or stir, who waits for room, if there is some."""
        self._admit()
        self._unblock(by)

    def _unblock(self, by: Stirrable | None) -> None:
        """Stir the pools that found no room here, if there is some now."""
        if self._blocked and self._opens() and not self._senders:
            for pool in self._blocked:
                if pool is not by:
                    after(pool.stir)

            self._blocked.clear()

        if not self._blocked and not self._senders:
            self.pressed = False  # else what pressed waits on, and looks at it no more

    def _opens(self) -> bool:
        """Whether a pool that found no room here may find some."""
        if self.turns is None:
            return self._left() > 0

        return self._room_for(self._limit) > 0

    def _stir_reader(self, by: Stirrable | None) -> None:
        if self.reader is not None and self.reader.pool is not by:
            after(self.reader.pool.stir)

    def _stir_pools(self) -> None:
        for pool in dict.fromkeys(self._pools):
            after(pool.stir)

    def _try_take(self) -> Taking[T] | None:
        if self.reader is not None:
            raise RuntimeError(
                f"{self!r} feeds a stage, which takes its values: "
                "drain the task to a second drain and iterate that"
            )

        if self.values:
            return self._begin_taking()

        ends = self.shut or (self._fed and self.over)
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
