"""Room: how many values a channel may still take, and to whom that is promised."""

from collections.abc import Sized

from fluent_async._parties import Lease


class Room:
    """The bound of a channel. Guarded by the channel's monitor.

    What is promised counts as if it were held already: so both together never exceed
    the bound, but for what it is made to give way.
    """

    __slots__ = ("_promised", "leases", "maxsize", "overdraft")

    def __init__(self, maxsize: int) -> None:
        self.maxsize = maxsize
        self.leases: list[Lease] = []  # each promised room for what it may still send
        self._promised = 0  # to attempts, one each
        self.overdraft = 0  # how many values may come although the bound is reached

    def left(self, held: Sized) -> int:
        """Return how many more values there is room for, besides those that are `held`.

        If there is none, leases give back what they can ask for again.
        What leases may still send is counted first: they go on meanwhile, and a value
        that one of them sends may count twice, for a moment, but never not at all.
        """
        left = self._left(held)
        if left <= 0 and self.leases:
            for lease in self.leases:
                lease.yield_room()

            left = self._left(held)

        return max(0, left)

    def _left(self, held: Sized) -> int:
        left = self.maxsize - self._promised
        for lease in self.leases:
            left -= lease.promised()

        return left - len(held)

    @property
    def kept(self) -> bool:
        """Whether a lease keeps room for more than what it is at, or begins with."""
        return any(lease.promised() > 1 for lease in self.leases)

    def overdraw(self) -> None:
        """Let one value more in than the bound says."""
        self.overdraft += 1

    def lapse(self) -> None:
        """Let no more values in beyond the bound: those it gave way to are gone."""
        self.overdraft = 0

    def use(self, count: int) -> None:
        """Note that values come, `count` of them beyond the bound if that is allowed."""
        self.overdraft = max(0, self.overdraft - count)

    def promise(self, count: int) -> None:
        """Keep room for `count` values; negative gives it back."""
        self._promised += count

    def arm(self) -> bool:
        """Stop the leases, for somebody who waits for what they send or may send.

        Returns:
            Whether there are any.
        """
        for lease in self.leases:
            lease.arm()

        return bool(self.leases)
