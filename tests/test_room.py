"""Room: how many values a channel may still take, without any thread."""

from collections import deque

import pytest
from typing_extensions import override

from fluent_async._room import Room
from hand import Leased


def held(count: int) -> deque[int]:
    """Make so many values that a channel holds."""
    return deque(range(count))


class TestLeft:
    """What is left of the bound."""

    def test_is_the_bound_at_first(self) -> None:
        """An empty channel has room for as many as its bound says."""
        assert 3 == Room(3).left(held(0))

    def test_is_less_by_what_is_held_promised_and_leased(self) -> None:
        """All three count alike."""
        room = Room(9)
        room.promise(2)
        room.leases += [Leased(promised=1), Leased(promised=3)]

        assert 2 == room.left(held(1))

    def test_is_never_negative(self) -> None:
        """A bound that gave way leaves no room, and not less than none."""
        assert 0 == Room(1).left(held(3))

    def test_is_more_again_when_a_promise_is_given_back(self) -> None:
        """A negative promise gives room back."""
        room = Room(3)
        room.promise(2)
        room.promise(-1)

        assert 2 == room.left(held(0))


class Giving(Leased):
    """A lease that keeps room for one value, if it is asked."""

    asked = 0

    @override
    def yield_room(self) -> None:
        self.asked += 1
        self._promised = 1


class TestYielded:
    """What leases give back."""

    @pytest.mark.parametrize(
        ("bound", "left", "asked"), [(2, 1, 1), (3, 2, 1), (4, 1, 0), (5, 2, 0)]
    )
    def test_is_asked_for_when_there_is_no_room(
        self, bound: int, left: int, asked: int
    ) -> None:
        """And not before."""
        room, lease = Room(bound), Giving(promised=3)
        room.leases.append(lease)

        assert (left, asked) == (room.left(held(0)), lease.asked)


class TestKept:
    """Room of leases that others could have, if they gave it back."""

    @pytest.mark.parametrize("promised", [0, 1, 2])
    def test_is_what_goes_beyond_one_output_each(self, promised: int) -> None:
        """One output is of the input that the lease is at, or begins with."""
        room = Room(9)
        room.leases += [Leased(promised=1), Leased(promised=promised)]

        assert room.kept == (promised > 1)


class TestOverdraft:
    """What may come beyond the bound."""

    def test_is_nothing_at_first(self) -> None:
        """A bound holds."""
        assert 0 == Room(1).overdraft

    def test_is_one_value_more_each_time(self) -> None:
        """A bound gives way by one value."""
        room = Room(1)
        room.overdraw()
        first = room.overdraft
        room.overdraw()

        assert (1, 2) == (first, room.overdraft)

    @pytest.mark.parametrize(("used", "left"), [(0, 2), (1, 1), (2, 0), (5, 0)])
    def test_is_used_up_by_what_comes(self, used: int, left: int) -> None:
        """As many as came beyond the bound may not come again; fewer than none never."""
        room = Room(1)
        room.overdraw()
        room.overdraw()
        room.use(used)

        assert left == room.overdraft


def test_arming_stops_every_lease() -> None:
    """Whoever waits for what leases may send arms all of them, once each."""
    room, leases = Room(1), [Leased(), Leased()]
    room.leases += leases
    room.arm()

    assert [1, 1] == [lease.armed for lease in leases]
