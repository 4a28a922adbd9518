"""Inlet: how values come into a channel, and how room is kept for them."""

from collections.abc import Callable
from typing import TypeVar

from fluent_async._monitor import after
from fluent_async._parties import Lease, Pouring, Stirrable
from fluent_async._senders import Sender
from fluent_async._signals import undisturbed
from fluent_async._store import PLENTY, Store
from fluent_async._turns import Turns
from fluent_async._wait import block
from fluent_async.errors import Cancelled


T = TypeVar("T")

Left = Callable[[], float | None]  # seconds that are left to wait; None: for ever


class Inlet(Store[T]):
    """The side of a channel where values come in: from attempts, slices and senders.

    Invariant: nothing arrives once `shut` is set: a lease that still holds the deque of
    before adds to that one, which nobody reads.
    """

    __slots__ = ()

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
            return self._find_room(limit, by)

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
            if self._find_room(self._limit, by) <= 0:
                return False

            self._promise(1, by)
            return True

    def lease(self, most: int, by: Stirrable, lease: Lease, limit: int) -> bool:
        """Open a lease with room for as many as `most` outputs; say whether there was any.

        Looking and keeping is one step: other pools may feed the channel as well.
        """
        with self._monitor:
            count = min(most, self._find_room(limit, by))
            if count <= 0:
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

    def give_way(self) -> None:
        """Let one value in beyond the bound."""
        with self._monitor:
            self._room.overdraw()
            self._admit()
            for pool in self._blocked:  # not only the one that saw that nothing moves
                after(pool.stir)

    @property
    def awaited(self) -> bool:
        """Whether a thread waits for room in this channel."""
        return bool(self._senders)

    @property
    def starves(self) -> bool:
        """Whether somebody who feeds the channel found no room in it."""
        return bool(self._blocked or self._senders)

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

    # -- in the monitor ----------------------------------------------------------------

    def _find_room(self, limit: int, by: Stirrable) -> int:
        room = self._room_for(limit)
        if room <= 0:
            self._block(by)
            room = self._room_for(limit)  # it may have come before that was noted

        return room

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
