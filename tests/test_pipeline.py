"""Stages joined by drains, on real threads: what comes out, how much waits, who wakes."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from itertools import product
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluent_async import Args, Drain, Pool, Workers, each, run, stream, task
from fluent_async.typing import Takes
from support import TIMEOUT, Gate, poll
from work import at


Tasks: TypeAlias = Callable[[], Takes[int, int]]


class Flaky(Exception):  # noqa: N818  (what it is)
    """What fails once for each input."""


def plain() -> Takes[int, int]:
    """Make a task with one output."""

    @task
    def add(number: int) -> int:
        return number + 1

    return add


def yielded() -> Takes[int, int]:
    """Make a generator."""

    @stream
    def add(number: int) -> Iterator[int]:
        yield number + 1

    return add


def sent() -> Takes[int, int]:
    """Make a function that takes Args."""

    @stream
    def add(args: Args[int, int]) -> None:
        args.drainer.send(args.input + 1)

    return add


def retried() -> Takes[int, int]:
    """Make a task whose first attempt at each input fails."""
    tried: set[int] = set()

    @task(retry=2)
    def add(number: int) -> int:
        if number not in tried:
            tried.add(number)
            raise Flaky

        return number + 1

    return add


class TestChain:
    """Drains that feed the next stage while they fill."""

    @pytest.mark.parametrize("make", [plain, yielded, sent, retried])
    @pytest.mark.parametrize("limit", [1, 2, 3])
    def test_ends_with_every_output(self, make: Tasks, limit: int) -> None:
        """P1: Whatever the bounds, a chain of three stages comes to its end with all values."""
        for sizes in product(range(4), repeat=2):
            first, second = (Drain[int](maxsize) for maxsize in sizes)
            end = Drain[int]()
            with Pool(limit) as pool:
                pool.go(
                    each(range(12)) >> make() | first,
                    first >> make() | second,
                    second >> make() | end,
                )

            assert list(range(3, 15)) == sorted(end.drain())

    @pytest.mark.parametrize("make", [plain, yielded, sent, retried])
    @pytest.mark.parametrize("limit", [1, 2, 3])
    def test_ends_though_nobody_reads_its_branches(
        self, make: Tasks, limit: int
    ) -> None:
        """A stage with two drains, one of them bounded and unread, comes to its end."""
        for maxsize in range(4):
            middle, tee, end = Drain[int](maxsize), Drain[int](maxsize), Drain[int]()
            with Pool(limit) as pool:
                pool.go(
                    each(range(12)) >> make() | middle | tee,
                    middle >> make() | end | tee,
                )

            assert list(range(2, 14)) == sorted(end.drain())
            assert sorted([*range(1, 13), *range(2, 14)]) == sorted(tee.drain())

    def test_may_be_given_in_any_order_and_in_parts(self) -> None:
        """Stages may come before what feeds them, in calls of their own."""
        middle, end = Drain[int](), Drain[int]()
        add = plain()
        with Pool(limit=2) as pool:
            pool.go(middle >> add | end)
            pool.go(each(range(5)) >> add | middle)

        assert list(range(2, 7)) == sorted(end.drain())

    def test_goes_through_a_stage_with_many_outputs(self) -> None:
        """A stream may send none, one or many outputs for an input."""

        @stream
        def count(number: int) -> Iterator[int]:
            yield from range(number)

        middle, end = Drain[int](maxsize=1), Drain[int]()
        with Pool(limit=2) as pool:
            pool.go(each(range(6)) >> count | middle, middle >> plain() | end)

        expected = sorted(n + 1 for number in range(6) for n in range(number))
        assert expected == sorted(end.drain())

    def test_shows_a_value_downstream_while_the_next_input_runs(self) -> None:
        """An idle pool takes what another has sent, though that is at its next input."""
        middle, end = Drain[int](), Drain[int]()
        passed, waited = threading.Event(), list[bool]()

        @task
        def last_waits(number: int) -> int:
            if number == 299:
                waited.append(passed.wait(TIMEOUT))

            return number

        @task
        def note(number: int) -> int:
            if number == 298:
                passed.set()

            return number

        with Pool(limit=1) as first, Pool(limit=1) as second:
            second.go(middle >> note | end)
            first.go(each(range(300)) >> last_waits | middle).wait()

        assert [True] == waited
        assert list(range(300)) == sorted(end.drain())


class TestBound:
    """`maxsize` bounds what waits in a drain, exactly."""

    @pytest.mark.parametrize("make", [plain, yielded, sent])
    @pytest.mark.parametrize("maxsize", [1, 2, 3])
    def test_is_filled_and_holds_while_the_reader_is_busy(
        self, make: Tasks, maxsize: int
    ) -> None:
        """The stage upstream goes on until the drain is full, and no further."""
        middle, end, gate = Drain[int](maxsize), Drain[int](), Gate()
        with Pool(limit=3) as pool, gate:
            reader = at(gate).hold.with_limit(1)
            pool.go(each(range(9)) >> make() | middle, middle >> reader | end)
            gate.wait_for(1)

            assert poll(lambda: maxsize == len(middle))
            gate.assert_nobody_arrives()
            assert maxsize == len(middle)

        assert 9 == len(end)

    def test_holds_while_a_stage_of_another_pool_is_busy(self) -> None:
        """A pool that can't move waits for the other, and lets no bound give way."""
        middle, end = Drain[int](maxsize=1), Drain[int]()
        with Pool(limit=1) as second, Pool(limit=2) as first, Gate() as gate:
            second.go(middle >> at(gate).hold | end)
            first.go(each(range(9)) >> plain() | middle)
            gate.wait_for(1)
            with pytest.raises(TimeoutError):
                first.wait(timeout=0.02)

            assert 1 == len(middle)

            gate.open()

    def test_starts_no_input_that_has_no_room(self) -> None:
        """Inputs in progress and values that wait are together at most the bound."""
        drain = Drain[int](maxsize=2)
        with Pool(limit=5) as pool, Gate() as gate:
            pool.go(each(range(9)) >> at(gate).hold | drain)
            gate.wait_for(2)
            gate.assert_nobody_arrives()

    def test_gives_way_when_nothing_else_can_move(self) -> None:
        """P7: A pool that is waited for comes to its end though nobody reads a full drain."""
        drain = Drain[int](maxsize=2)
        with Pool(limit=2) as pool:
            pool.go(each(range(20)) >> plain() | drain)

        assert 20 == len(drain)

    def test_gives_way_for_a_stream_that_needs_its_own_limit_downstream(self) -> None:
        """A stream that waits for room, and keeps its reader from starting, gets it."""

        @stream(limit=1)
        def twice(number: int) -> Iterator[int]:
            yield number
            yield number

        middle, end = Drain[int](maxsize=1), Drain[int]()
        with Pool(limit=4) as pool:
            pool.go(each(range(3)) >> twice | middle, middle >> twice | end)

        assert sorted([0, 1, 2] * 4) == sorted(end.drain())

    def test_is_logged_once_when_it_gives_way(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """P7: One warning says which drain held everything back."""
        drain = Drain[int](maxsize=1, name="pages")
        with caplog.at_level(logging.WARNING), Pool(limit=2) as pool:
            pool.go(each(range(20)) >> plain() | drain)

        warnings = [record.getMessage() for record in caplog.records]
        assert 1 == len(warnings)
        assert "pages" in warnings[0]


class TestStream:
    """A stream stays on the thread that started it, and lends its slot while it waits."""

    def test_stays_on_its_thread(self) -> None:
        """A generator may use what is bound to a thread, from first output to last."""

        @stream
        def rows(count: int) -> Iterator[int]:
            with sqlite3.connect(":memory:") as database:
                cursor = database.execute(NUMBERS, (count,))
                for (number,) in cursor:
                    yield number

            database.close()

        middle, end = Drain[int](maxsize=1), Drain[int]()
        with Pool(limit=2) as pool:
            pool.go(each([5, 6, 7]) >> rows | middle, middle >> plain() | end)

        assert sorted(n + 1 for count in (5, 6, 7) for n in range(count)) == sorted(
            end.drain()
        )

    @pytest.mark.parametrize("make", [yielded, sent])
    def test_lends_its_slot_while_it_waits_for_room(self, make: Tasks) -> None:
        """With a single slot, other work runs while a stream waits to send."""
        drain, ran = Drain[int](maxsize=1), threading.Event()
        drain.send(0)

        @task
        def note() -> None:
            ran.set()

        pool = Pool(limit=1).go(1 >> add >> make() | drain)
        pool.go(note)

        assert ran.wait(TIMEOUT)
        assert [0, 3] == list(drain)
        pool.close()


NUMBERS = """
    with recursive numbers(n) as (select 0 union all select n + 1 from numbers)
    select n from numbers limit ?
"""


class TestNested:
    """Work that gives work to its own pool, or to one of its own."""

    def test_go_from_a_worker_of_the_only_thread(self) -> None:
        """A worker at limit 1 may give its pool more work."""
        drain = Drain[int]()

        @task
        def split(number: int) -> None:
            if number:
                pool.go((number - 1) >> split, number >> add | drain)

        with Pool(limit=1) as pool:
            pool.go(4 >> split)

        assert [2, 3, 4, 5] == sorted(drain.drain())

    def test_worker_may_wait_for_work_of_its_own_pool(self) -> None:
        """At limit 1 a worker that waits for a drain lends its slot to what feeds it."""

        @task
        def total(count: int) -> int:
            drain = Drain[int]()
            pool.go(each(range(count)) >> plain() | drain)
            return sum(drain)

        end = Drain[int]()
        with Pool(limit=1) as pool:
            pool.go(4 >> total | end)

        assert [10] == end.drain()

    def test_pools_inside_pools(self) -> None:
        """A worker may make a pool of its own, at limit 1, to any depth."""

        @task
        def deep(depth: int) -> int:
            if not depth:
                return 1

            return 1 + sum(run((depth - 1) >> deep, limit=1))

        assert [6] == run(5 >> deep, limit=1)


class TestComposition:
    """`task >> task`: one worker runs both."""

    def test_retries_each_task_on_its_own(self) -> None:
        """A failure of the second task repeats the second alone."""
        calls: list[str] = []

        @task(retry=2)
        def first(number: int) -> int:
            calls.append("first")
            return number

        @task(retry=3)
        def second(number: int) -> int:
            calls.append("second")
            if calls.count("second") < 3:
                raise Flaky

            return number

        assert [1] == run(1 >> first >> second)
        assert ["first", "second", "second", "second"] == calls

    @pytest.mark.parametrize("make", [plain, yielded, sent, retried])
    def test_gives_a_drain_in_the_middle_a_copy(self, make: Tasks) -> None:
        """A drain of the first task gets what the second takes, each value once."""
        middle, end = Drain[int](), Drain[int]()
        with Pool(limit=2) as pool:
            pool.go((each(range(4)) >> make() | middle) >> make() | end)

        assert [1, 2, 3, 4] == sorted(middle.drain())
        assert [2, 3, 4, 5] == sorted(end.drain())

    @pytest.mark.parametrize("make", [plain, yielded, sent])
    def test_runs_the_next_task_on_each_output(self, make: Tasks) -> None:
        """A stream in front hands on each output as it comes, in order."""

        @stream
        def pair(number: int) -> Iterator[int]:
            yield number
            yield number + 10

        end = Drain[int]()
        with Pool(limit=1) as pool:
            pool.go(each([1, 2]) >> pair >> make() | end)

        assert [2, 12, 3, 13] == end.drain()

    def test_sends_to_all_drains_on_the_way(self) -> None:
        """Each task's drains get that task's outputs, in the order written."""
        got: list[tuple[str, int]] = []
        with Pool(limit=1) as pool:
            pool.go(
                1 >> (add | List("a", got) | List("b", got)) >> add | List("c", got)
            )

        assert [("a", 2), ("b", 2), ("c", 3)] == got


@task
def add(number: int) -> int:
    """Add one."""
    return number + 1


class List:
    """A sink that is no drain: it notes its name with each value."""

    def __init__(self, name: str, got: list[tuple[str, int]]) -> None:
        self._name = name
        self._got = got

    def send(self, value: int, /) -> None:
        """Note a value."""
        self._got.append((self._name, value))


class TestSink:
    """Sinks that are no drains."""

    @pytest.mark.parametrize("make", [plain, yielded, sent, retried])
    def test_get_every_output(self, make: Tasks) -> None:
        """Whatever has `send` gets the outputs of every kind of task."""
        got: list[tuple[str, int]] = []
        with Pool(limit=2) as pool:
            pool.go(each(range(5)) >> make() | List("", got))

        assert [1, 2, 3, 4, 5] == sorted(value for _, value in got)

    def test_that_raise_fail_the_worker(self) -> None:
        """What a sink raises is the failure of the worker that sent, and is not retried."""

        class Full:
            def send(self, value: int, /) -> None:
                raise OSError(value)

        pool = Pool(limit=1, retry=3, on_error="keep").go(1 >> add | Full())
        pool.wait()
        failures = pool.errors()
        pool.close()

        assert [OSError] == [type(failure.exception) for failure in failures]
        assert [1] == [failure.attempt for failure in failures]


class TestMixedBatch:
    """`Workers(...)`: a lazy batch of workers of any tasks, with any drains."""

    def test_runs_workers_of_any_kind(self) -> None:
        """Each worker runs with its own task, its own retries and its own drains."""
        ones, others = Drain[int](), Drain[int]()
        kinds = [plain(), yielded(), sent(), retried()]
        workers = (
            made.with_input(number) | (others if number % 2 else ones)
            for number, made in enumerate(kinds * 3)
        )
        with Pool(limit=3) as pool:
            pool.go(Workers(workers))

        assert [1, 3, 5, 7, 9, 11] == sorted(ones.drain())
        assert [2, 4, 6, 8, 10, 12] == sorted(others.drain())

    def test_adds_what_is_written_after_it_to_each_worker(self) -> None:
        """`| drain` and `>> task` after a batch hold for every worker in it."""
        end = Drain[int]()
        with Pool(limit=2) as pool:
            pool.go(Workers(number >> add for number in range(4)) >> add | end)

        assert [2, 3, 4, 5] == sorted(end.drain())

    def test_feeds_the_stages_that_its_workers_drain_to(self) -> None:
        """A stage reads what workers of a batch bring along."""
        middle, end = Drain[int](maxsize=1), Drain[int]()
        with Pool(limit=2) as pool:
            pool.go(
                Workers(number >> add | middle for number in range(9)),
                middle >> add | end,
            )

        assert list(range(2, 11)) == sorted(end.drain())

    def test_cancels_a_worker_whose_drain_is_shut(self) -> None:
        """A worker pulled too late for its drain ends alone; the others run."""
        shut, end = Drain[int](), Drain[int]()
        shut.shut_down()
        with Pool(limit=2) as pool:
            pool.go(Workers([1 >> add | end, 2 >> add | shut, 3 >> add | end]))

        assert [2, 4] == sorted(end.drain())
        assert 1 == pool.stats().cancelled


def test_each_of_a_drain_is_the_drain() -> None:
    """`each(drain) >> task` is a stage on the drain."""
    middle, end = Drain[int](), Drain[int]()
    with Pool(limit=2) as pool:
        pool.go(each(range(3)) >> add | middle, each(middle) >> add | end)

    assert [2, 3, 4] == sorted(end.drain())


@settings(max_examples=25)
@given(st.data())
def test_results_equal_map_in_any_order_of_completion(data: st.DataObject) -> None:
    """However the inputs overtake each other, the outputs are those of map, in order."""
    size = data.draw(st.integers(1, 5))
    order = data.draw(st.permutations(range(size)))
    turns = [threading.Event() for _ in order]

    @task
    def in_turn(number: int) -> int:
        place = order.index(number)
        if place:
            assert turns[place - 1].wait(TIMEOUT)

        turns[place].set()
        return number * number

    results = run(each(range(size)) >> in_turn, limit=size)

    assert list(map(in_turn.__wrapped__, range(size))) == results
