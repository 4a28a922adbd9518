"""Bounds are exact: what is pulled ahead and what waits, seen from the source and the tasks."""

import sys
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import TypeAlias

import pytest

from beside import beside
from fluent_async import Drain, Pool, Task, each, task
from sources import Counted
from support import TIMEOUT, Gate, poll, run_child
from work import Form, at, double, every_form


Policy: TypeAlias = Callable[[Task[[int], int]], Task[[int], int]]

ITEMS = 300

RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in which the system says how much memory a process took at most."""


def quick(made: Task[[int], int]) -> Task[[int], int]:
    """Leave a task as it is: one thread takes its inputs in chunks."""
    return made


def timed(made: Task[[int], int]) -> Task[[int], int]:
    """Give a task a clock: each of its inputs needs a record."""
    return made.with_timeout(3600)


def retried(made: Task[[int], int]) -> Task[[int], int]:
    """Let a task be tried again: its outputs wait until an attempt has succeeded."""
    return made.with_retry(2)


every_policy = pytest.mark.parametrize(
    "policy", [quick, timed, retried], ids=lambda policy: policy.__name__
)
every_limit = pytest.mark.parametrize("limit", [1, 2, 8])


class TestPullAhead:
    """At most `limit` inputs, and never more than the free room, are pulled ahead."""

    @every_limit
    @every_policy
    def test_is_at_most_the_limit(self, policy: Policy, limit: int) -> None:
        """H2: At each pull no more than `limit` inputs were pulled and are not started."""
        started: list[int] = []

        @task
        def start(number: int) -> int:
            started.append(number)
            return number

        def look() -> None:
            assert source.pulled - len(started) <= limit

        source = Counted(ITEMS, look)
        with Pool(limit) as pool:
            pool.go(each(source) >> policy(start))

        assert list(range(ITEMS)) == sorted(started)

    @every_limit
    @every_policy
    def test_is_at_most_the_limit_while_all_are_busy(
        self, policy: Policy, limit: int
    ) -> None:
        """With every slot in use no more than `limit` others were pulled."""
        source = Counted(ITEMS, lambda: None)
        with Pool(limit) as pool, Gate() as gate:

            @task
            def hold(number: int) -> int:
                if number >= ITEMS // 2:  # by then quick ones are taken in chunks
                    gate.arrive()

                return number

            pool.go(each(source) >> policy(hold))
            gate.wait_for(limit)

            assert ITEMS // 2 + limit <= source.pulled <= ITEMS // 2 + 2 * limit

    @pytest.mark.parametrize("maxsize", [1, 3])
    @every_limit
    @every_policy
    def test_is_never_more_than_the_free_room(
        self, policy: Policy, limit: int, maxsize: int
    ) -> None:
        """At each pull there is room for its output, and for all that are on their way."""
        drain = Drain[int](maxsize)
        taken = 0  # or about to be

        def look() -> None:
            assert source.pulled <= taken + maxsize

        source = Counted(30, look)
        with Pool(limit) as pool:
            pool.go(each(source) >> policy(double) | drain)
            values = iter(drain)
            for pulled in range(maxsize, 31):
                assert poll(partial(source.has_given, pulled))
                taken += 1
                next(values)

            assert maxsize - 1 == len(list(values))

    @every_limit
    @every_policy
    def test_is_never_more_than_the_free_room_of_a_drain_that_is_read(
        self, policy: Policy, limit: int
    ) -> None:
        """The same while a thread takes values as fast as it can."""
        drain = Drain[int](4)
        taken = 0

        def look() -> None:
            assert source.pulled <= taken + 4

        source = Counted(ITEMS, look)
        with Pool(limit) as pool:
            pool.go(each(source) >> policy(double) | drain)
            values = iter(drain)
            for _ in range(ITEMS):
                taken += 1
                next(values)

        assert [] == drain.drain()

    @pytest.mark.parametrize("maxsize", [1, 3])
    @every_limit
    @every_policy
    def test_is_never_more_than_the_window_of_an_ordered_drain(
        self, policy: Policy, limit: int, maxsize: int
    ) -> None:
        """At each pull fewer than `limit + maxsize` are past the oldest that is not read."""
        drain = Drain[int](maxsize, ordered=True)
        taken = 0

        def look() -> None:
            assert source.pulled <= taken + 1 + limit + maxsize

        source = Counted(ITEMS, look)
        with Pool(limit) as pool:
            pool.go(each(source) >> policy(double) | drain)
            values = iter(drain)
            for number in range(ITEMS):
                taken += 1

                assert 2 * number == next(values)


class TestHolds:
    """A drain never holds more than `maxsize`."""

    @pytest.mark.parametrize("maxsize", [1, 3])
    @every_limit
    @every_policy
    def test_no_more_than_its_maxsize(
        self, policy: Policy, limit: int, maxsize: int
    ) -> None:
        """H4: Seen from the source, from every task around it, and by who reads its end."""
        drain, end = Drain[int](maxsize), Drain[int](maxsize)

        def look() -> None:
            assert len(drain) <= maxsize
            assert len(end) <= maxsize

        @task
        def watch(number: int) -> int:
            look()
            return number

        with Pool(limit) as pool:
            pool.go(
                each(Counted(ITEMS, look)) >> policy(watch) | drain,
                drain >> policy(watch) | end,
            )
            got = []
            for value in end:
                look()
                got.append(value)

        assert list(range(ITEMS)) == sorted(got)

    @every_limit
    def test_no_more_than_the_window_if_it_is_ordered(self, limit: int) -> None:
        """Outputs that came early are let in at once, and are no more than the window."""
        drain = Drain[int](2, ordered=True)
        with Pool(limit) as pool, Gate() as oldest:

            @task
            def first_waits(number: int) -> int:
                if not number:
                    oldest.arrive()

                return number

            pool.go(each(range(ITEMS)) >> first_waits | drain)
            ended = 0 if limit == 1 else limit + 2
            assert poll(lambda: pool.stats().succeeded == ended)
            oldest.open()
            assert poll(lambda: pool.stats().running == 0 < len(drain))

            assert len(drain) <= 1 + limit + 2
            assert list(range(ITEMS)) == list(drain)


class TestIdle:
    """No thread idles while another holds inputs that it has not started."""

    @pytest.mark.parametrize("limit", [2, 8])
    @every_form
    def test_threads_start_what_another_would_take_later(
        self, form: Form, limit: int
    ) -> None:
        """Inputs that one thread takes in a row are begun by others when they take long."""
        quick = 2000
        with Pool(limit) as pool, Gate() as gate:

            @task
            def turn_slow(number: int) -> int:
                if number >= quick:
                    gate.arrive()

                return number

            pool.go(*form(range(quick + limit), turn_slow))
            gate.wait_for(limit)

    def test_a_thread_starts_what_was_pulled_while_another_is_in_the_iterable(
        self,
    ) -> None:
        """An input runs though the next pull takes long."""
        ran, drain = Gate(), Drain[int]()

        def slow_source() -> list[int]:
            ran.wait_for(1)
            return [1]

        with Pool(2) as pool, ran:
            numbers = (n for some in ([0], slow_source) for n in _values(some))
            pool.go(each(numbers) >> at(ran).hold | drain)

        assert [0, 1] == sorted(drain.drain())


def _values(some: list[int] | Callable[[], list[int]]) -> list[int]:
    return some if isinstance(some, list) else some()


class TestBackpressure:
    """A full drain holds back what feeds it, up to the source, and nothing else."""

    @every_policy
    def test_reaches_the_source(self, policy: Policy) -> None:
        """While the last stage is busy the source gives what there is room for, no more."""
        first, second = Drain[int](2), Drain[int](3)

        def look() -> None:
            assert source.pulled <= most

        most = 2 + 3 + 1
        source = Counted(100, look)
        with Pool(4) as pool, Gate() as gate:
            pool.go(
                each(source) >> policy(double) | first,
                first >> policy(double) | second,
                second >> at(gate).hold.with_limit(1),
            )
            gate.wait_for(1)

            assert poll(lambda: source.pulled == most)
            gate.assert_nobody_arrives()
            most = 100

        assert 100 == source.pulled

    def test_is_felt_by_no_other_stage(self) -> None:
        """Stages of the same pool that have room run on, all the way."""
        full, middle, end = Drain[int](1), Drain[int](1), Drain[int]()
        with Pool(2) as pool, Gate() as gate:
            pool.go(
                each(range(9)) >> double | full,
                full >> at(gate).hold.with_limit(1),
            )
            gate.wait_for(1)
            pool.go(each(range(500)) >> double | middle, middle >> double | end)

            assert poll(lambda: 500 == len(end))
            assert 1 == len(full)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no getrusage")
@pytest.mark.slow
def test_memory_stays_flat_however_long_the_input_is() -> None:
    """500,000 items through three bounded stages take less than 20 MB more than 1,000."""
    source = """
        from resource import RUSAGE_SELF, getrusage
        from fluent_async import Drain, Pool, each, task

        @task
        def make(number: int) -> bytes:
            return bytes(1000)

        @task
        def same(page: bytes) -> bytes:
            return page

        def peak_of(items: int) -> int:
            first, second = Drain(maxsize=100), Drain(maxsize=100)
            with Pool(limit=4) as pool:
                pool.go(
                    each(range(items)) >> make | first,
                    first >> same | second,
                    second >> same,
                )

            assert pool.stats().succeeded == 3 * items
            return getrusage(RUSAGE_SELF).ru_maxrss

        print(peak_of(1_000), peak_of(500_000))
        """
    done = run_child(source, timeout=50.0)
    before, after = map(int, done.stdout.split())

    assert (after - before) * RSS_UNIT < 20_000_000


@every_policy
def test_tee_ends_though_only_one_half_is_iterated(policy: Policy) -> None:
    """A bound that nobody reads gives way, so that the other half gets all."""
    for limit in (1, 2, 3):
        half, other = Drain[int](1), Drain[int](1)
        with Pool(limit) as pool:
            pool.go(each(range(20)) >> policy(double) | half | other)
            got = beside(list, half).result(TIMEOUT)

        assert list(range(0, 40, 2)) == sorted(got) == sorted(islice(other, 20))
