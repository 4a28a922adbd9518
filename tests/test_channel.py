"""Channel: who hears what about values and room, step by step, on one thread."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass

import pytest
from typing_extensions import override

from fluent_async import _channel, _inlet
from fluent_async._channel import Channel
from fluent_async._manner import THREADS
from fluent_async._parties import Stirrable
from fluent_async._store import PLENTY
from fluent_async._taking import Taking
from fluent_async._wait import Waiter, mark_of_this_thread, waiting
from fluent_async.errors import DrainClosed
from hand import Leased, Stirred, hold_back


pytestmark = pytest.mark.usefixtures("each_build")


@dataclass(frozen=True)
class Reading:
    """A stage that a channel feeds, as the channel knows it."""

    pool: Stirrable


class Stopping(Stirred):
    """A pool that notes how it is stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.told = list[str]()

    def cancel(self) -> None:
        """Note it."""
        self.told.append("cancel")

    def finish(self) -> None:
        """Note it."""
        self.told.append("finish")

    def abandon(self) -> None:
        """Note it."""
        self.told.append("abandon")


class Poured(Leased):
    """A lease of a stream, which has sent all that it might."""

    def __init__(self) -> None:
        super().__init__()
        self.widened = list[int]()

    @override
    def promised(self) -> int:
        return 0

    def widen(self, places: int) -> None:
        """Note it."""
        self.widened.append(places)


class CutOff:
    """A block in the middle of which no handler runs, but one at its very end."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, *exc_info: object) -> None:
        """Be Ctrl-C."""
        raise KeyboardInterrupt


def channel(*values: int, maxsize: int = 0, ordered: bool = False) -> Channel[int]:
    """Make a channel in which values wait."""
    made = Channel[int](maxsize, ordered=ordered, name=None)
    made.values.extend(values)
    return made


def read_by(pool: Stirrable, made: Channel[int]) -> Channel[int]:
    """Have a channel feed a stage of a pool."""
    made.feed(Reading(pool))
    return made


def fed_by(pool: Stirred, made: Channel[int]) -> Channel[int]:
    """Have a pool feed a channel; that it was told so does not count."""
    made.join(pool)
    pool.times = 0
    return made


@contextmanager
def waits(made: Channel[int]) -> Iterator[Waiter]:
    """Have a thread wait for a value, within the block."""
    asking = made.taking(THREADS)
    yield next(asking)
    asking.close()


def try_send(made: Channel[int], value: int) -> bool:
    """Send a value if there is room, and say whether there was."""
    try:
        made.put(value, lambda: 0.0)
    except TimeoutError:
        return False

    return True


class TestFeeders:
    """`join` and `leave`."""

    def test_are_counted(self) -> None:
        """A channel is new, open while somebody feeds it, and idle after that."""
        made, states = channel(), list[str]()
        states.append(made.state)
        made.join(None)
        made.join(Stirred())
        states.append(made.state)
        made.leave(None)
        states.append(made.state)
        made.leave(made._pools[0])
        states.append(made.state)
        made.close()

        assert ["new", "open", "open", "idle", "shut"] == [*states, made.state]

    def test_stir_the_pool_that_reads_when_they_come_and_when_the_last_goes(
        self,
    ) -> None:
        """The stage may wake, or may be at its end; another one that goes is no news."""
        reader, made = Stirred(), channel()
        read_by(reader, made)
        told = list[int]()
        for act in (made.join, made.join, made.leave, made.leave):
            act(None)
            told.append(reader.times)

        assert [1, 2, 2, 3] == told

    def test_do_not_stir_their_own_pool(self) -> None:
        """A pool knows what it does itself."""
        pool = Stirred()
        made = read_by(pool, channel())
        made.join(pool)
        made.leave(pool)

        assert 0 == pool.times

    @pytest.mark.parametrize(("maxsize", "stirred"), [(0, 0), (1, 1)])
    def test_that_go_leave_the_room_to_the_others(
        self, maxsize: int, stirred: int
    ) -> None:
        """Where there is a bound, they may have held what the others counted on."""
        first, other = Stirred(), Stirred()
        made = fed_by(other, fed_by(first, channel(maxsize=maxsize)))
        made.leave(first)

        assert (0, stirred) == (first.times, other.times)

    def test_that_go_leave_no_room_beyond_the_bound(self) -> None:
        """It gave way to a pool that had nothing to send after all: others keep to it."""
        pool = Stirred()
        made = fed_by(pool, channel(1, maxsize=1))
        made.join(None)
        made.give_way()
        made.leave(pool)

        assert 0 == made.room(1)
        assert not try_send(made, 2)

    def test_wake_all_who_wait_when_the_last_goes(self) -> None:
        """Threads that wait for values or for the end hear of it."""
        made, watcher = channel(), Waiter()
        made.join(None)
        assert made.watch(watcher)
        with waits(made) as reader:
            made.leave(None)

            assert (True, True) == (reader.woken, watcher.woken)

        made.unwatch(watcher)

    def test_make_a_channel_old(self) -> None:
        """One that was fed, or sent a value, or shut is not new any more."""
        fed, sent, shut = channel(), channel(), channel()
        fed.join(None)
        sent.put(1, lambda: 0.0)
        shut.close()

        assert [True, False, False, False] == [
            each.new for each in (channel(), fed, sent, shut)
        ]


class TestOver:
    """Whether a reader ends."""

    def test_is_when_nobody_feeds_it_or_it_is_shut_and_nothing_is_there(self) -> None:
        """Either is enough; a value that is left is one too much."""
        idle, fed, left, shut = channel(), channel(), channel(1), channel()
        fed.join(None)
        shut.join(None)
        shut.close()

        assert [True, False, False, True] == [
            each.over for each in (idle, fed, left, shut)
        ]

    @pytest.mark.parametrize("fed", [True, False])
    def test_makes_an_iteration_end_only_after_a_first_feeder(
        self, *, fed: bool
    ) -> None:
        """A thread waits for the first; once that has gone there is nothing to take."""
        made = channel()
        if fed:
            made.join(None)
            made.leave(None)

        with waits(made) if not fed else suppress(StopIteration) as reader:
            if fed:
                next(made.taking(THREADS))
                pytest.fail("it waits for ever")

            assert isinstance(reader, Waiter)


class TestPressing:
    """What a pool that is held back tells those around the channel."""

    def test_stirs_the_pool_that_reads_once(self) -> None:
        """It is told again only after there was room."""
        reader, pool = Stirred(), Stirred()
        made = read_by(reader, channel(1, 2, maxsize=2))
        hold_back(made, pool)
        made.press()
        made.press()
        first = reader.times, made.pressed
        made.pop(reader)
        made.press()

        assert ((1, True), 2) == (first, reader.times)

    def test_is_over_only_when_nobody_waits_for_room(self) -> None:
        """Room for one of two that were held back does not end it."""
        made = read_by(Stirred(), channel(1, 2, maxsize=1))
        hold_back(made, Stirred())
        made.press()
        made.pop(Stirred())
        before = made.pressed
        made.pop(Stirred())

        assert (True, False) == (before, made.pressed)

    def test_wanting_stirs_the_pools_that_feed_once(self) -> None:
        """Until a value comes."""
        feeder = Stirred()
        made = fed_by(feeder, channel())
        made.want()
        made.want()
        first = feeder.times, made.wanted
        made.put(1, lambda: 0.0)

        assert ((1, True), False) == (first, made.wanted)

    def test_wanting_what_is_there_stirs_nobody(self) -> None:
        """A value can be taken."""
        feeder = Stirred()
        made = fed_by(feeder, channel(1))
        made.want()

        assert (0, False) == (feeder.times, made.wanted)


class TestStopping:
    """What Ctrl-C does where a thread waits for the channel."""

    def test_stops_each_pool_around_it_once(self) -> None:
        """Those that feed it, and the one that reads it."""
        feeder, reader = Stopping(), Stopping()
        made = read_by(reader, channel())
        for _ in range(2):
            made.join(feeder)

        made.stop()

        assert 2 * [["cancel", "finish"]] == [feeder.told, reader.told]

    def test_stops_the_pools_that_feed_a_channel_that_nobody_reads(self) -> None:
        """A channel without a stage has feeders alone."""
        feeder = Stopping()
        made = fed_by(feeder, channel())
        made.stop()

        assert ["cancel", "finish"] == feeder.told

    def test_leaves_what_was_taken_a_moment_before(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A value that no one got yet is in the channel again."""
        made = channel(1, 2)
        hold_back(made, Stirred())  # so that one value is taken out, alone
        monkeypatch.setattr(_channel, "undisturbed", CutOff())
        with pytest.raises(KeyboardInterrupt):
            made.take()

        assert [1, 2] == list(made.values)

    def test_leaves_nothing_of_a_sender_that_waits(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its value is not let in later."""

        def interrupted(*_: object) -> bool:
            raise KeyboardInterrupt

        made = channel(1, maxsize=1)
        monkeypatch.setattr(_inlet, "block", interrupted)
        with pytest.raises(KeyboardInterrupt):
            made.put(2, lambda: None)

        assert not made.awaited


class TestRoom:
    """Room for outputs, which pools keep before they take an input."""

    def test_without_a_bound_is_plenty(self) -> None:
        """More than anybody asks for."""
        assert PLENTY == channel(1, 2).room(1)

    def test_is_what_the_bound_leaves(self) -> None:
        """Less what is there and what is promised."""
        made = channel(1, maxsize=4)
        made.promise(2, Stirred())

        assert 1 == made.room(1)

    def test_is_given_back(self) -> None:
        """A promise that is settled is room again, for those who found none too."""
        holder, other = Stirred(), Stirred()
        made = channel(maxsize=1)
        made.promise(1, holder)
        assert not made.reserve(other)
        made.settle(1, holder)

        assert (1, 1) == (other.times, made.room(1))

    def test_is_reserved_once(self) -> None:
        """Looking and keeping is one step."""
        made = channel(maxsize=1)

        assert [True, False] == [made.reserve(Stirred()) for _ in range(2)]

    def test_that_came_back_is_told_to_all_who_found_none(self) -> None:
        """Each is stirred once, but for who made it."""
        first, second = Stirred(), Stirred()
        made = channel(1, maxsize=1)
        for pool in (first, second, first):
            hold_back(made, pool)

        made.pop(second)
        made.put(2, lambda: 0.0)
        made.pop(Stirred())

        assert (1, 0) == (first.times, second.times)

    def test_that_a_sender_waits_for_is_told_to_no_pool(self) -> None:
        """Senders come first: nobody is stirred while one is let in."""
        pool = Stirred()
        made = channel(1, 2, maxsize=1)
        hold_back(made, pool)
        sender = made._offer(3, promised=False)
        made.pop(Stirred())
        told = pool.times
        assert sender is not None
        made._withdraw(sender)
        made.pop(Stirred())

        assert (0, 1) == (told, pool.times)

    def test_that_was_found_ends_the_search(self) -> None:
        """Who got room later is not stirred about it."""
        pool = Stirred()
        made = channel(1, maxsize=1)
        assert not made.reserve(pool)
        made.values.clear()
        assert made.reserve(pool)
        made.settle(1, Stirred())

        assert 0 == pool.times

    def test_of_a_bound_that_gave_way_is_for_one_value(self) -> None:
        """Whoever is first gets it, and the bound holds again."""
        made = channel(1, maxsize=1)
        made.give_way()

        assert [True, False] == [made.reserve(Stirred()) for _ in range(2)]

    def test_of_a_bound_that_gave_way_twice_is_for_two_values(self) -> None:
        """One after the other."""
        made = channel(1, maxsize=1)
        made.give_way()
        made.give_way()

        assert [True, True, False] == [try_send(made, value) for value in (2, 3, 4)]

    def test_within_a_bound_that_gave_way_is_used_first(self) -> None:
        """A value that has room anyway leaves what goes beyond to the next."""
        made = channel(1, maxsize=2)
        made.give_way()

        assert [True, True, False] == [made.reserve(Stirred()) for _ in range(3)]

    def test_of_a_bound_that_gave_way_counts_for_inputs(self) -> None:
        """A pool may take one more input."""
        made = channel(1, maxsize=1)
        made.give_way()

        assert 1 == made.room(1)

    def test_of_a_bound_that_gave_way_is_used_up_by_what_is_sent(self) -> None:
        """One value, and no second."""
        made = channel(1, maxsize=1)
        made.give_way()

        assert [True, False] == [try_send(made, value) for value in (2, 3)]
        assert [1, 2] == list(made.values)

    def test_that_is_given_back_lets_a_sender_in(self) -> None:
        """Senders wait for what was promised to others, too."""
        made = channel(maxsize=1)
        made.promise(1, Stirred())
        made._offer(1, promised=False)
        starving = made.starves
        made.settle(1, Stirred())

        assert (True, False, [1]) == (starving, made.starves, list(made.values))

    def test_lets_a_sender_in_when_the_bound_gives_way(self) -> None:
        """The sender that waits longest is let in at once."""
        made = channel(1, maxsize=1)
        first, second = (made._offer(value, promised=False) for value in (2, 3))
        made.give_way()
        assert first is not None
        assert second is not None

        assert (True, False) == (first.admitted, second.admitted)
        assert (True, False) == (first.waiter.woken, second.waiter.woken)


class TestOrderedRoom:
    """Room in an ordered channel is for inputs: a window over those not yet in order."""

    def test_is_the_limit_and_the_bound(self) -> None:
        """So many inputs may be past the oldest that has not ended."""
        assert 5 == channel(maxsize=2, ordered=True).room(3)

    def test_is_less_by_what_is_past_the_head_or_there(self) -> None:
        """The head itself takes no place in the window."""
        made = channel(7, maxsize=2, ordered=True)
        for _ in range(3):
            made.take_turn()

        assert 2 == made.room(3)

    def test_is_never_negative(self) -> None:
        """A window that is more than full has no room."""
        assert 0 == channel(*range(9), maxsize=1, ordered=True).room(1)

    def test_is_one_more_when_the_bound_gives_way(self) -> None:
        """For one input, whose turn uses it up."""
        made = channel(*range(9), maxsize=1, ordered=True)
        made.give_way()
        before = made.room(1)
        made.take_turn()

        assert (1, 0) == (before, made.room(1))

    def test_that_was_given_way_is_used_up_by_as_many_inputs(self) -> None:
        """One input for each value beyond the bound."""
        made = channel(1, maxsize=1, ordered=True)
        made.give_way()
        made.give_way()
        rooms = [made.room(1)]
        made.take_turn()
        rooms.append(made.room(1))

        assert [3, 2] == rooms

    def test_is_told_when_the_window_moves(self) -> None:
        """The pool that found none is stirred as soon as the head has ended."""
        pool = Stirred()
        made = channel(maxsize=1, ordered=True)
        for _ in range(3):
            made.take_turn()

        assert 0 == made.room(1)
        hold_back(made, pool)
        made.end_turn(0)

        assert 1 == pool.times

    def test_is_told_only_when_there_is_some(self) -> None:
        """A pool that found none is not stirred for a window that is full yet."""
        made, pool = channel(1, 2, 3, maxsize=1, ordered=True), Stirred()
        made.room(1)
        hold_back(made, pool)
        times = list[int]()
        for _ in range(2):
            made.pop(Stirred())
            times.append(pool.times)

        assert [0, 1] == times

    def test_for_values_is_the_bound_alone(self) -> None:
        """What is sent by hand is held back by what is there."""
        made = channel(maxsize=2, ordered=True)

        assert [True, True, False] == [try_send(made, value) for value in range(3)]


class TestLeases:
    """Threads that add outputs by themselves."""

    def test_get_as_much_room_as_there_is(self) -> None:
        """At most what they ask for."""
        made, few, rest = channel(maxsize=5), Leased(), Leased()
        pool = Stirred()

        assert made.lease(2, pool, few, 1)
        assert made.lease(9, pool, rest, 1)
        assert (2, 3) == (few.size, rest.size)

    def test_get_none_where_there_is_none(self) -> None:
        """The pool is stirred when there is some."""
        made, lease, pool = channel(1, maxsize=1), Leased(), Stirred()
        leased = made.lease(1, pool, lease, 1)
        made.pop(Stirred())

        assert (False, 0, 1) == (leased, lease.size, pool.times)

    def test_end_the_search_of_their_pool(self) -> None:
        """A pool that found none, and has a lease now, is not stirred about room."""
        made, pool = channel(1, maxsize=1), Stirred()
        made.lease(1, pool, Leased(), 1)
        made.values.clear()
        made.lease(1, pool, Leased(), 1)
        made.drop(Stirred())

        assert 0 == pool.times

    def test_use_up_what_a_bound_gave_way(self) -> None:
        """Beyond the bound there is one output for one lease."""
        made, pool = channel(1, maxsize=1), Stirred()
        made.give_way()

        assert [True, False] == [made.lease(1, pool, Leased(), 1) for _ in range(2)]

    def test_pass_on_what_they_leave(self) -> None:
        """Their room is free again, and a reader's pool hears of what they sent."""
        made, lease, pool, reader = channel(maxsize=2), Leased(), Stirred(), Stirred()
        read_by(reader, made)
        made.lease(2, pool, lease, 1)
        lease.send(7)
        late = made.end_lease(pool, lease)

        assert (False, 1, 1) == (late, made.room(1), reader.times)

    def test_are_armed_where_somebody_waits_for_what_they_send(self) -> None:
        """A thread that waits, or another pool with nothing to do, is not kept waiting."""
        own, other, awaited = channel(), channel(), channel()
        pool = Stirred()
        read_by(pool, own)
        read_by(Stirred(), other)
        leases = [Leased() for _ in range(3)]
        with waits(awaited):
            for made, lease in zip((own, other, awaited), leases, strict=True):
                made.lease(1, pool, lease, 1)

        assert [0, 1, 1] == [lease.armed for lease in leases]

    def test_are_not_armed_for_another_pool_that_has_values(self) -> None:
        """It has enough to do."""
        made, lease = read_by(Stirred(), channel(1)), Leased()
        made.lease(1, Stirred(), lease, 1)

        assert 0 == lease.armed

    def test_are_armed_by_a_thread_that_begins_to_wait(self) -> None:
        """For a value, or for room."""
        made, lease = channel(maxsize=1), Leased()
        made.lease(1, Stirred(), lease, 1)
        with waits(made):
            for_value = lease.armed

        made._offer(1, promised=False)

        assert (1, 2) == (for_value, lease.armed)

    def test_are_armed_without_those_that_take(self) -> None:
        """Who feeds the channel is one thing, who takes from it another."""
        made, feeder, taker = channel(), Leased(), Leased()
        made.lease(1, Stirred(), feeder, 1)
        made.lend(taker, Stirred())
        made.arm(taker=False)
        first = feeder.armed, taker.armed
        made.arm(taker=True)

        assert ((1, 0), (1, 1)) == (first, (feeder.armed, taker.armed))

    def test_lose_what_comes_after_the_channel_was_shut(self) -> None:
        """One output that was on its way; what was there before is kept."""
        made, lease, pool = channel(), Leased(), Stirred()
        made.lease(3, pool, lease, 1)
        lease.send(1)
        made.close()
        lease.send(2)

        assert made.end_lease(pool, lease)
        assert ([1], 1) == (list(made.values), lease.armed)

    def test_lose_nothing_that_came_in_time(self) -> None:
        """A channel that was shut meanwhile keeps it, and counts nothing as late."""
        made, lease, pool = channel(), Leased(), Stirred()
        made.lease(3, pool, lease, 1)
        lease.send(1)
        made.close()

        assert not made.end_lease(pool, lease)
        assert [1] == list(made.values)


class TestBridges:
    """A lease that takes outputs past the channel, to the stage that this feeds."""

    def test_keep_room_for_one(self) -> None:
        """And give it back."""
        made, lease, pool = channel(maxsize=2), Leased(), Stirred()
        bridged = made.bridge(lease, pool)
        before = made.room(1)
        made.unbridge(lease, pool)

        assert (True, 1, 2) == (bridged, before, made.room(1))

    @pytest.mark.parametrize("case", ["held", "shut", "sender", "blocked", "full"])
    def test_are_not_where_something_comes_before(self, case: str) -> None:
        """Values, a sender or another pool that waits, the end, or a bound."""
        made = channel(maxsize=1)
        match case:
            case "held":
                made.values.append(1)
            case "shut":
                made.close()
            case "blocked":
                hold_back(made, Stirred())
            case _:
                made.promise(1, Stirred())

        if case == "sender":
            assert made._offer(1, promised=False) is not None
            made.promise(-1, Stirred())

        assert not made.bridge(Leased(), Stirred())

    def test_are_armed_by_a_sender_that_waits(self) -> None:
        """Its value comes next; a bridge that has ended hears nothing."""
        made, first, second = channel(maxsize=1), Leased(), Leased()
        pool = Stirred()
        made.bridge(first, pool)
        made.unbridge(first, pool)
        made.bridge(second, pool)
        made._offer(1, promised=False)

        assert (0, 1) == (first.armed, second.armed)

    def test_leave_their_room_to_who_waits_for_it(self) -> None:
        """When they end."""
        made, lease, pool = channel(maxsize=1), Leased(), Stirred()
        made.bridge(lease, pool)
        made._offer(1, promised=False)
        before = list(made.values)
        made.unbridge(lease, pool)

        assert ([], [1]) == (before, list(made.values))

    def test_that_have_ended_hear_nothing(self) -> None:
        """Nobody waits for what they take."""
        made, lease, pool = channel(maxsize=1), Leased(), Stirred()
        made.bridge(lease, pool)
        made.unbridge(lease, pool)
        made._arm_takers()

        assert 0 == lease.armed

    def test_stay_when_another_one_ends(self) -> None:
        """Only its own lease ends one."""
        made, first, second = channel(maxsize=3), Leased(), Leased()
        pool = Stirred()
        made.bridge(first, pool)
        made.bridge(second, pool)
        made.unbridge(first, pool)
        made._arm_takers()

        assert (0, 1) == (first.armed, second.armed)


class TestTakers:
    """Threads of the stage that the channel feeds."""

    def test_are_armed_at_once_where_somebody_waits_for_the_room(self) -> None:
        """Another pool, or a sender; their own pool comes to it anyway."""
        pool = Stirred()
        own, other, sender = (channel(1, maxsize=1) for _ in range(3))
        hold_back(own, pool)
        hold_back(other, Stirred())
        sender._offer(2, promised=False)
        leases = [Leased() for _ in range(3)]
        for made, lease in zip((own, other, sender), leases, strict=True):
            made.lend(lease, pool)

        assert [0, 1, 1] == [lease.armed for lease in leases]

    def test_take_the_oldest_value(self) -> None:
        """One by one."""
        made = channel(1, 2)
        take = made.lend(Leased(), Stirred())

        assert [1, 2] == [take(), take()]

    def test_pass_on_the_room_they_made_when_they_end(self) -> None:
        """Who waits for it hears of it then; and no one arms them after that."""
        made, lease, feeder = channel(1, maxsize=1), Leased(), Stirred()
        take = made.lend(lease, Stirred())
        hold_back(made, feeder)
        take()
        made.lent(lease, Stirred())
        made.arm(taker=True)

        assert (1, 0) == (feeder.times, lease.armed)

    def test_stay_when_another_one_ends(self) -> None:
        """Only its own lease ends one."""
        made, lease = channel(), Leased()
        made.lend(lease, Stirred())
        made.lent(Leased(), Stirred())
        made.arm(taker=True)

        assert 1 == lease.armed

    def test_take_no_more_from_a_channel_that_is_shut(self) -> None:
        """What is there stays."""
        made, lease = channel(1), Leased()
        made.lend(lease, Stirred())
        made.close()

        assert (1, 1) == (lease.armed, lease.closed)

    def test_make_room_by_what_is_dropped(self) -> None:
        """All that is there goes, and those who wait come in."""
        made, feeder = channel(1, 2, maxsize=2), Stirred()
        hold_back(made, feeder)

        assert (2, 1, []) == (made.drop(Stirred()), feeder.times, list(made.values))


class TestSenders:
    """A thread that finds no room."""

    def test_stirs_all_around_the_channel(self) -> None:
        """The pools that feed it, and the one that reads it."""
        feeder, reader = Stirred(), Stirred()
        made = read_by(reader, fed_by(feeder, channel(1, maxsize=1)))
        made._offer(2, promised=False)

        assert (1, 1) == (feeder.times, reader.times)

    def test_is_let_in_before_who_comes_later(self) -> None:
        """Room that is there when one waits already is not for a newcomer."""
        made = channel(1, maxsize=1)
        made._offer(2, promised=False)
        made.values.clear()
        made._offer(3, promised=False)

        assert [2] == list(made.values)

    def test_wakes_a_reader_when_it_is_let_in(self) -> None:
        """Its value can be taken."""
        reader = Stirred()
        made = read_by(reader, channel(1, maxsize=1))
        made._offer(2, promised=False)
        before = reader.times
        made.pop(reader)

        assert ([2], 1) == (list(made.values), reader.times - before)

    def test_that_left_is_not_let_in(self) -> None:
        """Its value is no one's; and it cannot leave twice."""
        made = channel(1, maxsize=1)
        sender = made._offer(2, promised=False)
        assert sender is not None
        left = made._withdraw(sender), made._withdraw(sender)
        made.pop(Stirred())

        assert ((True, True), []) == (left, list(made.values))

    def test_hears_that_the_channel_is_shut(self) -> None:
        """It is woken, and its value is not let in."""
        made = channel(1, maxsize=1)
        sender = made._offer(2, promised=False)
        made.close()
        assert sender is not None

        assert (True, False) == (sender.waiter.woken, sender.admitted)
        with pytest.raises(DrainClosed):
            made.put(3, lambda: 0.0)

    def test_that_was_promised_room_goes_past_those_who_wait(self) -> None:
        """Its room was kept before."""
        made = channel(maxsize=1)
        made.promise(1, Stirred())
        made._offer(1, promised=False)
        made.put(2, lambda: 0.0, promised=True)

        assert [2] == list(made.values)


class TestTurns:
    """Outputs of an ordered channel come in the order of its inputs."""

    def test_keep_what_comes_too_early(self) -> None:
        """It is let in when all before it have ended, and the reader's pool hears."""
        reader = Stirred()
        made = read_by(reader, channel(ordered=True))
        first, second = made.take_turn(), made.take_turn()
        made.put_in_turn(second, 2, lambda: 0.0, promised=False)
        early = list(made.values), reader.times
        made.put_in_turn(first, 1, lambda: 0.0, promised=False)
        made.end_turn(first)

        assert (([], 0), [1, 2], 2) == (early, list(made.values), reader.times)

    def test_refuse_what_comes_when_the_channel_is_shut(self) -> None:
        """Whosever turn it is."""
        made = channel(ordered=True)
        made.take_turn()
        second = made.take_turn()
        made.close()
        with pytest.raises(DrainClosed):
            made.put_in_turn(second, 2, lambda: 0.0, promised=False)

    def test_of_a_lease_at_the_head_go_to_the_channel(self) -> None:
        """A lease further back keeps its outputs until it is its turn, and is armed then."""
        made, pool = channel(ordered=True), Stirred()
        head, next_, last = leases = Leased(), Leased(), Leased()
        for lease in leases:
            made.lease(1, pool, lease, 3)
            lease.turns = 1

        next_.send(2)
        head.send(1)
        early = list(made.values), next_.armed
        made.end_lease(pool, head)

        assert ([1], 0) == early
        assert ([1, 2], 1, 0) == (list(made.values), next_.armed, last.armed)

    def test_of_a_lease_come_when_the_input_before_it_has_ended(self) -> None:
        """Its thread hears of that; what it sends until then comes at the next end."""
        made, lease = channel(ordered=True), Leased()
        first = made.take_turn()
        made.lease(1, Stirred(), lease, 3)
        last = made.take_turn()
        lease.send(1)
        made.end_turn(first)
        before = list(made.values), lease.armed
        lease.send(2)
        made.end_turn(last)

        assert (([1], 1), [1, 2]) == (before, list(made.values))

    def test_of_a_lease_that_is_over_are_let_in(self) -> None:
        """What it sent since its turn came is not lost."""
        made, pool = channel(ordered=True), Stirred()
        head, next_ = Leased(), Leased()
        made.lease(1, pool, head, 2)
        made.lease(1, pool, next_, 2)
        head.turns = next_.turns = 1
        made.end_lease(pool, head)
        next_.send(2)
        made.end_lease(pool, next_)

        assert [2] == list(made.values)

    def test_of_a_lease_that_sent_in_time_come_when_the_channel_is_shut(self) -> None:
        """Though its thread has not heard yet that it is its turn."""
        made, lease = channel(ordered=True), Leased()
        first = made.take_turn()
        made.lease(1, Stirred(), lease, 2)
        made.end_turn(first)
        lease.send(2)
        before = list(made.values)
        made.close()

        assert ([], [2]) == (before, list(made.values))

    def test_that_wait_are_over_when_the_channel_is_shut(self) -> None:
        """What was sent in time is there, in order."""
        made = channel(ordered=True)
        numbers = [made.take_turn() for _ in range(3)]
        for number in (numbers[2], numbers[1]):
            made.put_in_turn(number, number, lambda: 0.0, promised=False)

        made.close()

        assert [1, 2] == list(made.values)


class TestPours:
    """Streams, which send what they have room for, and then ask for more."""

    def early(self, made: Channel[int]) -> Poured:
        """Begin a stream in an ordered channel, after an input that has not ended."""
        made.take_turn()
        pour = Poured()
        made.lease(1, Stirred(), pour, 2)
        return pour

    def test_may_send_what_there_is_room_for(self) -> None:
        """Beside what they just sent."""
        made, pour = channel(maxsize=3), Poured()
        made.lease(1, Stirred(), pour, 1)

        assert made.pour(pour, 7)
        assert ([7], [2]) == (list(made.values), pour.widened)

    def test_may_send_any_number_before_their_turn(self) -> None:
        """It is kept until then, whatever the bound is."""
        made = channel(maxsize=1, ordered=True)
        pour = self.early(made)

        assert made.pour(pour, 7)
        assert ([], [PLENTY]) == (list(made.values), pour.widened)

    def test_send_to_the_channel_once_it_is_their_turn(self) -> None:
        """After what was kept of them."""
        made = channel(ordered=True)
        pour = self.early(made)
        made.pour(pour, 1)
        made.end_turn(0)
        made.pour(pour, 2)

        assert [1, 2] == list(made.values)

    @pytest.mark.parametrize(
        ("reads", "ordered", "armed"),
        [
            ("thread", True, 1),
            ("stage", True, 1),
            ("nobody", True, 0),
            ("stage", False, 0),
            ("nobody", False, 0),
        ],
    )
    def test_are_armed_where_somebody_has_nothing_to_take(
        self, reads: str, armed: int, *, ordered: bool
    ) -> None:
        """They ask after each output then; what they send before their turn is not there."""
        made = channel(ordered=ordered)
        pour = self.early(made) if ordered else Poured()
        if not ordered:
            made.lease(1, Stirred(), pour, 2)

        if reads == "stage":
            read_by(Stirred(), made)

        with waits(made) if reads == "thread" else nullcontext():
            before = pour.armed
            made.pour(pour, 7)

            assert armed == pour.armed - before


class TestReaders:
    """Threads that iterate."""

    def test_are_woken_as_many_as_values_come(self) -> None:
        """In the order in which they came."""
        made = channel()
        with waits(made) as first, waits(made) as second:
            made.put(1, lambda: 0.0)

            assert (True, False) == (first.woken, second.woken)

    def test_stir_the_pools_that_feed(self) -> None:
        """A thread waits for them."""
        feeder = Stirred()
        made = fed_by(feeder, channel())
        with waits(made):
            assert 1 == feeder.times

    def test_wait_while_nothing_comes(self) -> None:
        """Such a thread is at work on no drain, and the channel is watched."""
        made, me = channel(), mark_of_this_thread()
        with waits(made):
            meanwhile = made.watched, me in waiting

        assert ((True, True), (False, False)) == (
            meanwhile,
            (made.watched, me in waiting),
        )

    def test_that_were_woken_pass_a_value_on_if_they_leave(self) -> None:
        """The next one that waits gets it."""
        made = channel()
        with waits(made) as second:
            first = made.taking(THREADS)
            made._readers.insert(0, made._readers.pop())
            next(first)
            made._readers.reverse()
            made.put(1, lambda: 0.0)
            first.close()

            assert second.woken

    def test_that_leave_before_they_were_woken_wake_nobody(self) -> None:
        """The value that is there is for another, who was."""
        made = channel()
        with waits(made) as first:
            second = made.taking(THREADS)
            next(second)
            with waits(made) as third:
                made.put(1, lambda: 0.0)
                second.close()

                assert (True, False) == (first.woken, third.woken)

    def test_hear_that_the_channel_feeds_a_stage(self) -> None:
        """They are woken, and may not take from it."""
        made = channel()
        with waits(made) as reader:
            read_by(Stirred(), made)
            assert reader.woken

        with pytest.raises(RuntimeError, match="feeds a stage"):
            made.take()

    def test_take_all_that_is_there_by_themselves(self) -> None:
        """One value alone if somebody waits for room, who is let in at once."""
        free, full = channel(1, 2, maxsize=2), channel(1, 2, maxsize=2)
        full._offer(3, promised=False)
        taken = [free.take(), full.take()]

        assert [2, 1] == [taking.size for taking in taken]
        assert [2, 3] == list(full.values)

    def test_stop_for_who_comes_to_wait_for_room(self) -> None:
        """A sender, a pool that is held back, the end, or another reader."""
        made = [channel(1, 2, maxsize=2) for _ in range(4)]
        takings = [each.take() for each in made]
        made[0]._offer(3, promised=False)
        hold_back(made[1], Stirred())
        made[2].close()
        made[3].take()

        assert 4 * [[]] == [list(taking.values) for taking in takings]

    def test_give_back_what_nobody_has(self) -> None:
        """A run that was cut off leaves its values in front, in order."""
        made = channel(1, 2, 3, maxsize=3)
        hold_back(made, Stirred())
        taking = made.take()
        made._give_back(taking)

        assert [1, 2, 3] == list(made.values)

    def test_go_back_beyond_the_bound_rather_than_be_lost(self) -> None:
        """Ctrl-C may end a reader that has taken a value, and whose room is used."""
        # 1. A reader takes the only value; a sender that waited gets its room.
        # 2. Ctrl-C comes before the reader has the value.
        made = channel(1, maxsize=1)
        sender = made._offer(2, promised=False)
        taking = made.take()
        made._give_back(taking)

        assert sender is not None
        assert sender.admitted
        assert [1, 2] == list(made.values)
        assert made.room(limit=1) == 0

    def test_give_back_to_others_who_wait(self) -> None:
        """They are woken for what is there again."""
        made = channel(1)
        hold_back(made, Stirred())  # so that it is taken out
        taking = made.take()
        with waits(made) as other:
            before = other.woken
            made._give_back(taking)

            assert (False, True) == (before, other.woken)

    def test_leave_the_values_of_a_run_that_is_given_back(self) -> None:
        """They were never taken out; and the run is over."""
        made = channel(1, 2, 3)
        taking = made.take()
        made._give_back(taking)

        assert ([1, 2, 3], []) == (list(made.values), list(taking.values))

    def test_that_are_gone_leave_their_run_to_others(self) -> None:
        """Ctrl-C may end one in the middle: it counts no more, and who waits hears of it."""
        made, feeder = channel(1, 2, maxsize=2), Stirred()
        reading = made.begin_reading(mark_of_this_thread())
        taking = made.take()
        next(taking.values)
        made._blocked.append(feeder)
        del reading

        assert ([], 1) == (list(taking.values), feeder.times)
        assert ([2], []) == (list(made.values), made._reading)

    def test_make_room_at_the_end_of_their_run(self) -> None:
        """Who waits for it hears of it, and no run is there to be ended."""
        made, feeder = channel(1, maxsize=1), Stirred()
        taking: Taking[int] = made.take()
        next(taking.values)
        made._blocked.append(feeder)
        made.end_taking(taking)

        assert (1, None) == (feeder.times, made._taking)


class TestWatchers:
    """Threads in drain(), which have room for everything."""

    def test_wait_only_for_who_feeds_it(self) -> None:
        """Neither for nobody, nor once it is shut."""
        shut = channel()
        shut.join(None)
        shut.close()

        assert [False, False] == [each.watch(Waiter()) for each in (channel(), shut)]

    def test_let_everybody_in(self) -> None:
        """Senders that wait, pools that found no room; those that feed are stirred."""
        feeder, blocked, waiter = Stirred(), Stirred(), Waiter()
        made = fed_by(feeder, channel(1, maxsize=1))
        made._offer(2, promised=False)
        hold_back(made, blocked)
        before = feeder.times
        assert made.watch(waiter)

        assert ([1, 2], 1, 1) == (
            list(made.values),
            blocked.times,
            feeder.times - before,
        )
        assert (PLENTY, True, True) == (
            made.room(1),
            made.watched,
            mark_of_this_thread() in waiting,
        )
        made.unwatch(waiter)
        assert (0, False, False) == (
            made.room(1),
            made.watched,
            mark_of_this_thread() in waiting,
        )

    def test_give_room_in_ordered_channels_as_well(self) -> None:
        """No window holds anybody back."""
        made, waiter = channel(*range(9), maxsize=1, ordered=True), Waiter()
        made.join(None)
        made.watch(waiter)
        room = made.room(1), made._left()
        made.unwatch(waiter)

        assert ((PLENTY, PLENTY), (0, 0)) == (room, (made.room(1), made._left()))

    def test_hear_that_the_channel_is_shut(self) -> None:
        """They are woken."""
        made, waiter = channel(), Waiter()
        made.join(None)
        made.watch(waiter)
        made.close()
        made.unwatch(waiter)

        assert waiter.woken


class TestClosing:
    """`close`."""

    def test_stirs_all_around_the_channel_once(self) -> None:
        """The pools that feed it end; the one that reads it may."""
        feeder, reader = Stirred(), Stirred()
        made = read_by(reader, fed_by(feeder, channel(1)))
        made.close()
        made.close()

        assert (1, 1, [1]) == (feeder.times, reader.times, list(made.values))

    def test_wakes_readers(self) -> None:
        """Nothing will come."""
        made = channel()
        with waits(made) as reader:
            made.close()

            assert reader.woken

    def test_lets_nobody_in_later(self) -> None:
        """Senders that waited are gone."""
        made = channel(1, maxsize=1)
        made._offer(2, promised=False)
        made.close()
        made.pop(Stirred())

        assert (False, []) == (made.awaited, list(made.values))
