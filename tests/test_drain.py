"""Drains: how they are made, and what waits in them."""

import weakref
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Never

import pytest
from typing_extensions import override

from drains import filled, shut
from fluent_async import Drain, Pool, _drain, each, task
from fluent_async._channel import Channel
from fluent_async._monitor import Monitor
from fluent_async.errors import DrainClosed
from hand import channel_of


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

    def test_takes_a_bound_of_at_least_nothing(self) -> None:
        """Zero is no bound."""
        with pytest.raises(ValueError, match="maxsize must be an int of at least 0"):
            Drain[int](-1)

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

    def test_is_not_searched_by_what_would_take_its_values(self) -> None:
        """`in` says what to write instead."""
        drain = filled(1, 2)
        with pytest.raises(TypeError, match=r"write `value in drain\.drain\(\)`"):
            1 in drain  # noqa: B015

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
        """M2: Nothing keeps a value alive once its taker has done with it."""
        drain = Drain[Hostile]()
        drain.send(Hostile())
        drain.send(Hostile())
        iterator = iter(drain)
        value = weakref.ref(next(iterator))

        assert value() is None
        assert 1 == len(drain)


class TestInterrupted:
    """Ctrl-C where a thread waits for a drain stops the pools around it."""

    @pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
    @pytest.mark.parametrize(
        ("where", "call"),
        [
            ("put", lambda drain: drain.send(1)),
            ("watch", Drain.drain),
            ("take", list),
        ],
        ids=["send", "drain", "iterate"],
    )
    def test_stops_what_is_around(
        self,
        monkeypatch: pytest.MonkeyPatch,
        kind: type[BaseException],
        where: str,
        call: Callable[[Drain[int]], object],
    ) -> None:
        """Once, and raises as it came."""
        drain, stopped = Drain[int](), list[Channel[int]]()

        def interrupted(*_: object, **__: object) -> None:
            raise kind

        def stop(channel: Channel[int]) -> None:
            stopped.append(channel)

        monkeypatch.setattr(Channel, where, interrupted)
        monkeypatch.setattr(Channel, "stop", stop)
        with pytest.raises(kind):
            call(drain)

        assert [channel_of(drain)] == stopped


def test_drain_waits_on_if_somebody_feeds_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever was the last feeder may have a follower when the thread looks."""
    drain, waits = Drain[int](), list[int]()
    channel_of(drain).join(None)

    def woken(*_: object) -> bool:
        waits.append(len(waits))
        if len(waits) == 2:
            channel_of(drain).leave(None)

        return True

    monkeypatch.setattr(_drain, "block", woken)

    assert ([], [0, 1]) == (drain.drain(), waits)


class TestPutOff:
    """What a finalizer sends in the middle of a decision of its thread."""

    def test_is_sent_after_the_decision(self) -> None:
        """The bound gives way, since it cannot wait for room."""
        drain = filled(1, maxsize=1)
        with Monitor():
            drain.send(2)
            before = len(drain)

        assert (1, [1, 2]) == (before, drain.drain())

    def test_is_refused_at_once_by_a_drain_that_is_shut(self) -> None:
        """As anywhere else."""
        drain = Drain[int]()
        drain.shut_down()
        with Monitor(), pytest.raises(DrainClosed):
            drain.send(1)


class TestDone:
    """What is left when somebody has done with a drain."""

    def test_block_feeds_it_no_more(self) -> None:
        """Nor does it count as a feeder."""
        drain = Drain[int]()
        with drain:
            during = channel_of(drain).feeders

        assert (1, 0) == (during, channel_of(drain).feeders)

    def test_iteration_that_stops_early_ends_its_run(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Others may take what it left, and hear of the room it made."""
        drain, sizes = filled(1, 2, 3), list[int]()
        monkeypatch.setattr(
            Channel, "end_taking", lambda _, taking: sizes.append(taking.size)
        )
        for _ in drain:
            break

        assert [3] == sizes
