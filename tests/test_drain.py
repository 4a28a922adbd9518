"""Drains: what waits in them, and when they are open, idle and shut."""

import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Never, TypeAlias

import pytest
from typing_extensions import override

from beside import Waits, beside
from drains import (
    Ending,
    Feeding,
    every_end,
    every_feeding,
    execute,
    fed,
    filled,
    shut,
    stage,
    succeeds,
    switching,
    worker,
)
from fluent_async import Drain, Pool, Workers, each, task
from fluent_async.errors import DrainClosed
from fluent_async.typing import Executable
from support import TIMEOUT, Gate
from work import at, double, fail


Make: TypeAlias = Callable[[Drain[int]], Executable]

every_work = pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda drain: 1 >> double | drain, id="worker"),
        pytest.param(lambda drain: each([1]) >> double | drain, id="batch"),
        pytest.param(lambda drain: Workers([1 >> double]) | drain, id="mixed"),
        pytest.param(lambda drain: filled(1) >> double | drain, id="stage"),
        pytest.param(lambda drain: 1 >> (double | drain) >> double, id="middle"),
        pytest.param(lambda drain: 1 >> double | Drain[int]() | drain, id="second"),
    ],
)


class Hostile:
    """A value that answers no question about itself."""

    @override
    def __eq__(self, other: object) -> Never:
        raise AssertionError("compared")

    @override
    def __hash__(self) -> Never:
        raise AssertionError("hashed")

    @override
    def __repr__(self) -> Never:
        raise AssertionError("shown")

    @override
    def __str__(self) -> Never:
        raise AssertionError("written")

    def __bool__(self) -> Never:
        raise AssertionError("asked")

    def __len__(self) -> Never:
        raise AssertionError("measured")


@task
def same(value: Hostile) -> Hostile:
    """Give back what was given."""
    return value


class Growing(deque[int]):
    """Values to which one is added while they are copied for the first time."""

    grown = False

    @override
    def __iter__(self) -> Iterator[int]:
        for value in super().__iter__():
            yield value
            if not self.grown:
                self.grown = True
                self.append(3)


class TestMake:
    """`Drain(maxsize, ordered=..., name=...)`."""

    @pytest.mark.parametrize(
        ("drain", "shown"),
        [
            (Drain[int](), "Drain()"),
            (Drain[int](3), "Drain(3)"),
            (Drain[int](maxsize=3, ordered=True), "Drain(3, ordered=True)"),
            (Drain[int](ordered=False, name="records"), "Drain(name='records')"),
            (filled(1, 2), "Drain()"),
            (shut(), "Drain()"),
        ],
    )
    def test_shows_how_it_was_made(self, drain: Drain[int], shown: str) -> None:
        """`repr` is what was written, without the defaults; values are not shown."""
        assert shown == repr(drain)

    @pytest.mark.parametrize("maxsize", [True, 1.0, "1", None])
    def test_refuses_a_maxsize_that_is_no_int(self, maxsize: int) -> None:
        """A bool is no int here; the error says what was given."""
        kind = type(maxsize).__name__
        with pytest.raises(TypeError, match=f"maxsize.*{kind}"):
            Drain[int](maxsize)

    def test_refuses_a_negative_maxsize(self) -> None:
        """There is no room less than none."""
        with pytest.raises(ValueError, match="maxsize"):
            Drain[int](-1)

    @pytest.mark.parametrize("ordered", [1, "yes", None])
    def test_refuses_ordered_that_is_no_bool(self, *, ordered: bool) -> None:
        """True and False are all there is."""
        with pytest.raises(TypeError, match="ordered"):
            Drain[int](ordered=ordered)

    @pytest.mark.parametrize("name", [1, b"records"])
    def test_refuses_a_name_that_is_no_str(self, name: str) -> None:
        """A name is a str, or None."""
        with pytest.raises(TypeError, match="name"):
            Drain[int](name=name)

    def test_may_be_watched_by_a_weak_reference(self) -> None:
        """A drain that nobody has any more is freed, with what is in it."""
        drain = filled(1, 2)
        alive = weakref.ref(drain)
        del drain

        assert alive() is None


class TestCollects:
    """What is sent stays, in order, until it is taken."""

    def test_keeps_values_in_the_order_of_their_arrival(self) -> None:
        """First in, first out."""
        drain = filled(3, 1, 2)

        assert [3, 1, 2] == drain.drain()
        assert [3, 1, 2] == list(drain)

    def test_gives_the_same_values_to_whoever_drains_it_twice(self) -> None:
        """`drain()` removes nothing."""
        drain = filled(1, 2)

        assert [1, 2] == drain.drain() == drain.drain()

    def test_gives_a_new_list_to_whoever_drains_it(self) -> None:
        """What is done to a list that `drain()` returned is done to that list alone."""
        drain = filled(1, 2)
        first = drain.drain()
        first.clear()

        assert [1, 2] == drain.drain()

    def test_gives_lists_that_later_values_do_not_change(self) -> None:
        """A list that `drain()` returned is a copy."""
        drain = filled(1)
        before = drain.drain()
        drain.send(2)
        list(islice(drain, 1))

        assert [1] == before

    def test_copies_again_if_a_value_arrives_meanwhile(self) -> None:
        """A thread that adds to it during the copy makes nobody fail."""
        drain = filled(1, 2)
        drain._channel.values = Growing(drain._channel.values)  # noqa: SLF001

        assert [1, 2, 3] == drain.drain()

    def test_gives_each_value_once_to_whoever_iterates(self) -> None:
        """Iterating takes."""
        drain = filled(1, 2, 3)
        first = list(islice(drain, 1))

        assert ([1], [2, 3], []) == (first, list(drain), drain.drain())

    def test_counts_what_waits(self) -> None:
        """`count()` and `len()` say how many values wait in it."""
        drain = filled(1, 2)
        before = drain.count(), len(drain)
        next(iter(drain))

        assert (2, 2) == before
        assert (1, 1) == (drain.count(), len(drain))

    @pytest.mark.parametrize("drain", [Drain[int](), filled(1), shut()])
    def test_is_always_true(self, drain: Drain[int]) -> None:
        """An empty drain is a drain."""
        assert bool(drain) is True

    @pytest.mark.parametrize(
        "values", [[None, None], [0, "", [], False], [StopIteration()], [Drain[int]()]]
    )
    def test_takes_any_value_for_a_value(self, values: list[object]) -> None:
        """None, false values and exceptions are values as any other."""
        drain = Drain[object]()
        for value in values:
            drain.send(value)

        assert values == drain.drain()
        assert values == list(drain)

    def test_never_looks_at_a_value(self) -> None:
        """A value that can't be compared, hashed, shown or asked is stored as it is."""
        value, drain = Hostile(), Drain[Hostile]()
        for _ in range(3):
            drain.send(value)

        values = [*islice(drain, 1), *drain.drain(), *drain]

        assert 5 == len(values)
        assert all(one is value for one in values)

    def test_feeds_a_stage_with_values_it_never_looks_at(self) -> None:
        """Hostile values go through pools and ordered drains as others do."""
        plain, ordered = Drain[Hostile](2), Drain[Hostile](2, ordered=True)
        value, out = Hostile(), Drain[Hostile]()
        with Pool(2) as pool:
            pool.go(each([value] * 5) >> same | plain, plain >> same | ordered)
            pool.go(ordered >> same | out)

        values = out.drain()

        assert 5 == len(values)
        assert all(one is value for one in values)

    def test_lets_go_of_a_value_that_was_taken(self) -> None:
        """Nothing keeps a value alive once its taker has done with it."""
        drain = Drain[Hostile]()
        drain.send(Hostile())
        drain.send(Hostile())
        iterator = iter(drain)
        value = weakref.ref(next(iterator))

        assert value() is None
        assert 1 == len(drain)


class TestNew:
    """Nothing was ever sent or given."""

    @every_feeding
    def test_lets_who_iterates_wait_for_the_first_feeder(
        self, feeding: Feeding
    ) -> None:
        """A reader may come first: it waits, and gets what is sent."""
        drain = Drain[int]()
        with Waits() as waits:
            reader = beside(list, drain)
            waits.wait_for(1)
            with feeding(drain):
                assert not reader.done()

        assert [1] == reader.result(TIMEOUT)

    def test_lets_a_stage_wait_for_the_first_feeder(self) -> None:
        """A stage sleeps until its drain is fed, and its own drain stays new."""
        drain, out = Drain[int](), Drain[int]()
        with Pool(1) as pool, Waits() as waits:
            pool.go(drain >> double | out).wait(TIMEOUT)
            reader = beside(list, out)
            waits.wait_for(1)
            with drain:
                drain.send(1)

        assert [2] == reader.result(TIMEOUT)

    def test_is_drained_at_once(self) -> None:
        """Nobody feeds it, so `drain()` does not wait."""
        assert [] == Drain[int]().drain(timeout=0)

    def test_takes_what_is_sent_and_is_idle_then(self) -> None:
        """Anybody may send; that is no feeder, so readers take it and end."""
        drain = filled(1)

        assert [1] == drain.drain(timeout=0)
        assert [1] == list(drain)

    def test_is_not_shut(self) -> None:
        """`closed` is about being shut."""
        assert not Drain[int]().closed

    def test_stays_new_when_its_work_is_refused(self) -> None:
        """A `go` that raises gives the pool nothing, and opens nothing."""
        drain = Drain[int]()
        with Pool(1) as pool, Waits() as waits:
            with pytest.raises(DrainClosed):
                pool.go(1 >> double | drain, 2 >> double | shut())

            reader = beside(list, drain)
            waits.wait_for(1)
            drain.shut_down()

        assert [] == reader.result(TIMEOUT)


class TestOpen:
    """Somebody feeds it."""

    @every_feeding
    def test_has_who_drains_it_wait_for_the_last_value(self, feeding: Feeding) -> None:
        """`drain()` returns when nobody feeds the drain any more."""
        drain = Drain[int]()
        with Waits() as waits:
            with feeding(drain):
                drained = beside(drain.drain)
                waits.wait_for(1)

            assert [1] == drained.result(TIMEOUT)

    @every_feeding
    def test_has_who_drains_it_give_up_after_the_timeout(
        self, feeding: Feeding
    ) -> None:
        """`drain(timeout)` in vain raises TimeoutError, and takes nothing."""
        drain = filled(0)
        with feeding(drain), pytest.raises(TimeoutError, match="fed"):
            drain.drain(timeout=0)

        assert [0, 1] == drain.drain(timeout=0)

    @every_feeding
    def test_has_who_iterates_wait_for_the_next_value(self, feeding: Feeding) -> None:
        """A reader takes what comes as it comes, and ends with the last feeder."""
        drain = Drain[int]()
        with Waits() as waits:
            with feeding(drain):
                reader = beside(list, drain)
                waits.wait_for(1)
                drain.send(0)
                waits.wait_for(1)

            assert [0, 1] == reader.result(TIMEOUT)

    @every_feeding
    def test_takes_what_is_sent(self, feeding: Feeding) -> None:
        """Others may send meanwhile."""
        drain = Drain[int]()
        with feeding(drain):
            drain.send(0)

        assert [0, 1] == drain.drain()

    def test_stays_open_until_the_last_feeder_is_gone(self) -> None:
        """Feeders of several pools and threads are counted."""
        drain = Drain[int]()
        with worker(drain):
            with stage(drain), execute(drain):
                within = fed(drain)

            after = fed(drain)

        assert (True, True, False) == (within, after, fed(drain))

    @every_feeding
    def test_is_not_shut(self, feeding: Feeding) -> None:
        """Being fed is no end."""
        drain = Drain[int]()
        with feeding(drain):
            assert not drain.closed

    def test_is_open_from_the_moment_it_is_given(self) -> None:
        """`go()` opens the drains before it returns, those downstream included."""
        first, second, third = (Drain[int]() for _ in range(3))
        with Pool(1) as pool, Gate() as gate:
            pool.go(1 >> at(gate).hold)
            gate.wait_for(1)
            pool.go(second >> double | third, first >> double | second)
            pool.go(each([1]) >> double | first)

            assert [True, True, True] == [
                fed(drain) for drain in (first, second, third)
            ]


class TestIdle:
    """The last feeder is gone."""

    @every_end
    def test_is_drained_at_once_however_its_feeder_ended(self, end: Ending) -> None:
        """Nobody waits for a feeder that failed or was cancelled."""
        drain = Drain[int]()
        end(drain)

        assert not fed(drain)

    @every_end
    def test_ends_who_iterates_however_its_feeder_ended(self, end: Ending) -> None:
        """A reader takes what there is, and ends."""
        drain = Drain[int]()
        with Waits() as waits:
            reader = beside(list, drain)
            waits.wait_for(1)
            end(drain)

            assert reader.result(TIMEOUT) in ([], [1], [2])

    def test_gives_what_is_there_to_who_iterates(self) -> None:
        """Values stay until taken."""
        drain = Drain[int]()
        succeeds(drain)

        assert [2] == list(drain)
        assert [] == list(drain)

    def test_takes_what_is_sent(self) -> None:
        """`send` works without a feeder, and opens nothing."""
        drain = Drain[int]()
        succeeds(drain)
        drain.send(3)

        assert [2, 3] == drain.drain(timeout=0)

    @every_feeding
    def test_is_opened_again_by_a_new_feeder(self, feeding: Feeding) -> None:
        """Feeding may begin again at any time."""
        drain = Drain[int]()
        succeeds(drain)
        with feeding(drain):
            again = fed(drain)

        assert (True, [2, 1]) == (again, drain.drain(timeout=0))

    def test_has_ended_an_iterator_for_good(self) -> None:
        """An iterator that has ended stays ended, whatever comes; a new one goes on."""
        drain = filled(1)
        iterator = iter(drain)
        first = list(iterator)
        drain.send(2)

        assert ([1], []) == (first, list(iterator))
        assert [2] == list(drain)

    def test_is_not_shut(self) -> None:
        """It may be fed again."""
        drain = Drain[int]()
        succeeds(drain)

        assert not drain.closed


class TestShut:
    """`shut_down()`, or the end of `with drain:`; for good."""

    def test_is_closed(self) -> None:
        """`closed` says so."""
        assert shut().closed

    def test_refuses_what_is_sent(self) -> None:
        """`send` raises DrainClosed, which names the drain, and leaves nothing."""
        drain = Drain[int](name="records")
        drain.shut_down()

        with pytest.raises(DrainClosed, match="records"):
            drain.send(1)

        assert [] == drain.drain()

    def test_refuses_what_is_sent_when_it_is_full_as_well(self) -> None:
        """Nobody waits for room in a drain that takes no more."""
        drain = filled(1, maxsize=1)
        drain.shut_down()

        with pytest.raises(DrainClosed):
            drain.send(2)

    @every_work
    def test_refuses_work_that_drains_to_it(self, make: Make) -> None:
        """`go` raises DrainClosed, and the pool has nothing to do."""
        with Pool(1) as pool:
            with pytest.raises(DrainClosed):
                pool.go(make(shut()))

            assert 0 == pool.stats().accepted

    def test_refuses_the_work_that_was_given_with_such_work(self) -> None:
        """All that is given to one `go` is accepted, or nothing."""
        drain = Drain[int]()
        with Pool(1) as pool, pytest.raises(DrainClosed):
            pool.go(1 >> double | drain, 2 >> double | shut())

        assert [] == drain.drain()

    def test_refuses_a_worker_that_executes(self) -> None:
        """In one's own thread it is the same, and nothing runs."""
        with pytest.raises(DrainClosed):
            (1 >> fail | shut()).execute()

    def test_refuses_to_be_fed_by_hand(self) -> None:
        """`with` a drain that is shut raises DrainClosed."""
        with pytest.raises(DrainClosed), shut():
            pytest.fail("fed")

    def test_stays_readable(self) -> None:
        """What is there can be counted, drained and taken, to its end."""
        drain = shut(1, 2)

        assert (2, [1, 2]) == (len(drain), drain.drain())
        assert [1, 2] == list(drain)
        assert [] == list(drain)

    def test_ends_who_iterates_if_it_was_new(self) -> None:
        """There will be no first feeder, so nobody waits for it."""
        assert [] == list(shut())

    def test_ends_who_iterates_and_waits(self) -> None:
        """A reader that waits for the first feeder ends when the drain is shut."""
        drain = Drain[int]()
        with Waits() as waits:
            reader = beside(list, drain)
            waits.wait_for(1)
            drain.shut_down()

            assert [] == reader.result(TIMEOUT)

    @every_feeding
    def test_is_drained_at_once_though_a_feeder_is_left(self, feeding: Feeding) -> None:
        """Nothing more arrives, so `drain()` waits for nobody, nor goes on waiting."""
        drain = filled(0)
        with suppress(DrainClosed), Waits() as waits, feeding(drain):
            waiting = beside(drain.drain)
            waits.wait_for(1)
            drain.shut_down()

            assert [0] == waiting.result(TIMEOUT) == drain.drain(timeout=0)

    def test_refuses_those_who_wait_for_room(self) -> None:
        """Senders that wait get DrainClosed, and what they had is not left."""
        drain = filled(1, maxsize=1)
        with Waits() as waits:
            senders = [beside(drain.send, number) for number in (2, 3)]
            waits.wait_for(2)
            drain.shut_down()

            for sender in senders:
                with pytest.raises(DrainClosed):
                    sender.result(TIMEOUT)

        assert [1] == drain.drain()

    def test_lets_in_none_of_those_who_wait_for_room(self) -> None:
        """A sender that was refused is not let in, though there is room before it hears."""
        drain = filled(1, maxsize=1)
        with Waits() as waits, switching(every=1.0):
            sender = beside(drain.send, 2)
            waits.wait_for(1)
            drain.shut_down()
            taken = next(iter(drain))

            with pytest.raises(DrainClosed):
                sender.result(TIMEOUT)

        assert (1, []) == (taken, drain.drain())

    def test_ends_its_stage_though_a_feeder_is_left(self) -> None:
        """Nothing more arrives, so the stage has done, and feeds its own drain no more."""
        drain, out = Drain[int](), Drain[int]()
        with Pool(1) as pool, worker(drain):
            pool.go(drain >> double | out)
            before = fed(out)
            drain.shut_down()
            pool.wait(TIMEOUT)

            assert (True, False) == (before, fed(out))

    @every_feeding
    def test_stays_shut_when_its_feeders_are_gone(self, feeding: Feeding) -> None:
        """It is for good, and what its feeders still have for it is lost."""
        drain = Drain[int]()
        with suppress(DrainClosed), feeding(drain):
            drain.shut_down()

        assert (True, []) == (drain.closed, drain.drain())

    def test_may_be_shut_again(self) -> None:
        """Shutting a shut drain does nothing."""
        drain = shut(1)
        drain.shut_down()

        assert (True, [1]) == (drain.closed, drain.drain())

    def test_feeds_its_stage_to_the_end(self) -> None:
        """A stage takes what is there, as any reader does."""
        drain, out = shut(1, 2), Drain[int]()
        with Pool(1) as pool:
            pool.go(drain >> double | out)

        assert [2, 4] == out.drain()

    def test_feeds_a_stage_to_the_end_that_is_at_work(self) -> None:
        """Values that the stage has not taken yet are there for it all the same."""
        drain, out = filled(1, 2, 3), Drain[int]()
        with Pool(1) as pool, Gate() as gate:
            pool.go(drain >> at(gate).hold | out)
            gate.wait_for(1)
            drain.shut_down()

        assert [1, 2, 3] == out.drain()


class TestWith:
    """`with drain:` feeds it by hand."""

    def test_gives_the_drain(self) -> None:
        """So that it can be made and named in one line."""
        with Drain[int]() as drain:
            drain.send(1)

        assert [1] == drain.drain()

    def test_shuts_the_drain(self) -> None:
        """The end of the block is the end of the drain."""
        with Drain[int]() as drain:
            before = drain.closed

        assert (False, True) == (before, drain.closed)

    def test_shuts_the_drain_when_the_block_fails(self) -> None:
        """An exception shuts it as well, and goes on."""
        drain = Drain[int]()
        with pytest.raises(LookupError), drain:
            raise LookupError

        assert drain.closed

    def test_ends_the_readers_of_the_drain(self) -> None:
        """Readers in other threads take what was sent and end."""
        drain = Drain[int]()
        readers = [beside(list, drain) for _ in range(3)]
        with drain:
            for number in range(100):
                drain.send(number)

        values = [value for reader in readers for value in reader.result(TIMEOUT)]

        assert list(range(100)) == sorted(values)


class TestDrainAndShutDown:
    """`drain_and_shut_down()`: both, in this order."""

    def test_gives_what_is_there_and_shuts(self) -> None:
        """It is `drain()`, then `shut_down()`."""
        drain = filled(1, 2)

        assert [1, 2] == drain.drain_and_shut_down()
        assert (True, [1, 2]) == (drain.closed, drain.drain())

    @every_feeding
    def test_waits_until_nobody_feeds_the_drain(self, feeding: Feeding) -> None:
        """Whoever feeds it is waited for, not refused."""
        drain = Drain[int]()
        with Waits() as waits:
            with feeding(drain):
                drained = beside(drain.drain_and_shut_down)
                waits.wait_for(1)

            assert ([1], True) == (drained.result(TIMEOUT), drain.closed)

    def test_gives_what_is_sent_until_it_is_shut(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A value that slips in between is in the list: none is left unread."""
        drain, shut_down = filled(1), Drain.shut_down

        def shut_late(drain: Drain[int]) -> None:
            drain.send(2)
            shut_down(drain)

        monkeypatch.setattr(Drain, "shut_down", shut_late)

        assert [1, 2] == drain.drain_and_shut_down()
