"""Store: what a channel holds, and who is told when a value, or room, comes."""

from collections import deque
from typing import Generic, TypeVar

from typing_extensions import override

from fluent_async._monitor import Monitor, after
from fluent_async._parties import Lease, Reader, Stirrable
from fluent_async._readers import Readers, Readings
from fluent_async._room import Room
from fluent_async._senders import Senders
from fluent_async._taking import Taking
from fluent_async._turns import Turns
from fluent_async.errors import DrainClosed


T = TypeVar("T")

PLENTY = 1 << 30  # the room of a store without a bound: more than anybody asks for


class Store(Generic[T]):
    """Values on their way, the room for them, and who waits for either.

    What begins with an underscore is for the monitor. The values come and go through an
    `Inlet` and a `Channel`, which are one and the same object.

    Invariants:
        1. Unless the bound gave way, len(values) plus the room promised to attempts and
           leases never exceeds maxsize.
        2. A sender waits only while there is no room; a reader only while nothing is
           there and somebody feeds the channel or nobody ever did.
    """

    __slots__ = (
        "__weakref__",
        "_blocked",
        "_bridge",
        "_fed",
        "_halted",
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
        self._halted = False  # nobody who iterates is to get any more
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

    def refuse_shut(self) -> None:
        """Raise DrainClosed if the channel is shut."""
        if self.shut:
            raise DrainClosed(f"{self!r} is shut")

    @property
    def over(self) -> bool:
        """Whether a reader ends: nothing is there, and nobody feeds the channel."""
        return not self.values and (self.shut or not self.feeders)

    @property
    def watched(self) -> bool:
        """Whether a thread waits for this channel."""
        return bool(self._readers or self._watchers)

    def _room_for(self, limit: int) -> int:
        if self.turns is None:
            return self._left() + self._room.overdraft

        self._limit = limit
        if not self.maxsize or self._watchers:
            return PLENTY

        ahead = self.turns.past + len(self.values)
        return max(0, limit + self.maxsize - ahead) + self._room.overdraft

    def _opens(self) -> bool:
        """Whether a pool that found no room here may find some."""
        if self.turns is None:
            return self._left() > 0

        return self._room_for(self._limit) > 0

    def _left(self) -> int:
        """Room within the bound."""
        if not self.maxsize or self._watchers:
            return PLENTY

        if self.turns is not None:  # what takes inputs looks at `_room_for`
            return max(0, self.maxsize - len(self.values))

        return self._room.left(self.values)

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

    def _pass_on(self, by: Stirrable) -> None:
        """Tell whoever waits for values, or for room, that there is some."""
        self._admit()
        self._arrived(by)
        self._unblock(by)

    def _block(self, pool: Stirrable) -> None:
        self._end_run_of_reader()
        if pool not in self._blocked:
            self._blocked.append(pool)

    def _end_run_of_reader(self) -> None:
        """Have a thread that takes values by itself ask again for the next."""
        if self._taking is not None:
            self._taking.close()

    def _arm_takers(self) -> None:
        for lease in (self._taker, self._bridge):
            if lease is not None:
                lease.arm()

        self._end_run_of_reader()

    def _stir_reader(self, by: Stirrable | None) -> None:
        if self.reader is not None and self.reader.pool is not by:
            after(self.reader.pool.stir)

    def _stir_pools(self) -> None:
        for pool in dict.fromkeys(self._pools):
            after(pool.stir)
