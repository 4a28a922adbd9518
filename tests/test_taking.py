"""Takings: a thread that iterates a drain takes values by itself, until somebody must hear."""

import threading

import pytest

from fluent_async import Drain, Pool, task
from fluent_async._room import Room
from fluent_async.errors import PoolCancelled
from hand import Stirred, channel_of, filled, hold_back
from support import TIMEOUT, Gate, poll


pytestmark = pytest.mark.usefixtures("each_build")


class TestTaking:
    """A run of values that one thread takes without a decision each."""

    def test_is_of_all_that_is_there(self) -> None:
        """What comes later is of the next run."""
        drain = filled(1, 2, 3)
        taking = channel_of(drain).take()
        drain.send(4)

        assert [1, 2, 3] == list(taking.values)
        assert [4] == list(drain.drain())

    def test_leaves_what_it_did_not_take(self) -> None:
        """A thread that stops early has taken what it got, and no more."""
        drain = filled(1, 2, 3)
        for value in drain:
            assert 1 == value
            break

        assert [2, 3] == drain.drain()

    def test_is_of_nothing_at_the_end(self) -> None:
        """A drain that nobody feeds any more ends the thread's iteration."""
        drain = filled()
        drain.shut_down()

        assert 0 == channel_of(drain).take().size

    def test_ends_where_another_thread_begins_one(self) -> None:
        """Two threads that iterate get each value once."""
        drain = filled(1, 2, 3)
        first, second = iter(drain), iter(drain)

        assert [1, 2, 3] == [next(first), next(second), next(first)]

    def test_goes_on_with_what_came_meanwhile(self) -> None:
        """Without a wait, in one decision; another thread's run ends there."""
        drain = filled(1)
        channel = channel_of(drain)
        first, second = channel.take(), channel.take()
        drain.send(2)
        third = channel.go_on_taking(first)

        assert ([1, 2], []) == (list(third.values), list(second.values))

    def test_goes_on_with_nothing_while_somebody_waits_for_room(self) -> None:
        """Who takes asks again for each value, and so tells of the room at once."""
        drain = filled(1, 2, maxsize=2)
        channel = channel_of(drain)
        channel.promise(1, Stirred())
        hold_back(channel, Stirred())
        taking = channel.take()

        assert [1] == list(taking.values)
        assert 0 == channel.go_on_taking(taking).size
        assert [2] == drain.drain()

    def test_is_of_nothing_once_the_channel_is_halted(self) -> None:
        """The run at hand ends, and whoever waits or asks later gets none."""
        drain = filled(1, 2, 3)
        channel = channel_of(drain)
        taking = channel.take()
        first = next(taking.values)
        channel.halt()

        assert (1, []) == (first, list(taking.values))
        assert [0, 0] == [channel.take().size, channel.go_on_taking(taking).size]

    def test_ends_when_the_drain_is_shut(self) -> None:
        """The values stay in order, and all are there."""
        drain = filled(1, 2, 3)
        iterator = iter(drain)
        before = next(iterator)
        drain.shut_down()

        assert [1, 2, 3] == [before, *iterator]

    def test_tells_who_waits_for_room_at_once(self) -> None:
        """A sender is let in as soon as a value is taken, whatever the taker does then."""
        drain = filled(1, 2, maxsize=2)
        iterator = iter(drain)
        next(iterator)
        drain.send(3)
        with Gate() as gate:
            gate.open()

            def send() -> None:
                drain.send(4)
                gate.arrive()

            thread = threading.Thread(target=send)
            thread.start()
            channel = channel_of(drain)
            assert poll(lambda: channel.awaited)
            assert 2 == next(iterator)

            gate.wait_for(1)
            thread.join(TIMEOUT)

        assert [3, 4] == drain.drain()

    def test_does_not_begin_for_a_thread_that_is_told_to_end(self) -> None:
        """It waits no more, and what comes is for others."""
        drain = Drain[int]()
        channel = channel_of(drain)
        with drain, Pool(1) as pool:
            pool.go(task(lambda: sum(drain)))
            assert poll(lambda: channel.watched)
            pool.cancel()
            with pytest.raises(PoolCancelled):
                pool.wait(TIMEOUT)

            drain.send(1)

            assert not channel.watched

        assert [1] == drain.drain()

    def test_begins_with_what_comes_while_a_lease_is_stopped(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A thread that found nothing looks again before it waits."""
        # 1. A thread finds nothing in the drain.
        # 2. A slice leaves an output there, before it hears that somebody waits.
        # 3. The thread takes that.
        channel = channel_of(Drain[int]())
        channel.join(None)
        monkeypatch.setattr(Room, "arm", lambda _: channel.values.append(1))

        assert [1] == list(channel.take().values)

    def test_ends_when_the_drain_feeds_a_stage(self) -> None:
        """Nothing more is taken from it then."""
        drain = filled(1, 2)
        channel = channel_of(drain)
        taking = channel.take()
        channel.feed(None)

        assert [] == list(taking.values)
