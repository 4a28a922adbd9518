"""Circles of drains that no drain shows: an iterable, or a function, waits for its own outputs."""

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from beside import beside
from fluent_async import Drain, Pool, each, task
from hand import channel_of
from support import TIMEOUT, poll
from work import double


Source = Callable[[Drain[int]], Iterator[int]]

same = task(int)


def iterates(drain: Drain[int]) -> Iterator[int]:
    """Give what is in a drain, and what comes."""
    yield from drain


def collects(drain: Drain[int]) -> Iterator[int]:
    """Give what is in a drain once nobody feeds it."""
    yield from drain.drain()


every_source = pytest.mark.parametrize("source", [iterates, collects])
every_limit = pytest.mark.parametrize("limit", [1, 2])


def refused(pool: Pool, failures: int = 1) -> bool:
    """Wait for a pool; say whether so many failures came of waits for themselves."""
    with pytest.raises(ExceptionGroup) as caught:
        pool.wait(TIMEOUT)

    errors = caught.value.exceptions
    told = (
        r"gets nothing but what work that waits for it sends: call go() from the worker"
    )
    return [told in str(error) for error in errors] == [True] * failures


class TestBound:
    """An iterable reads the drain that its own outputs go to, and that is full."""

    @every_limit
    def test_gives_way(self, limit: int) -> None:
        """Nothing reads the drain but what it holds up; so nothing else can move."""
        # 1. The iterable takes a value from the drain, and gives an input for it.
        # 2. The output of that fills the drain: no input may be pulled.
        # 3. The thread that was in the iterable is at no job, and reads nothing.
        drain = Drain[int](maxsize=1)

        def numbers() -> Iterator[int]:
            yield 0
            for number in drain:
                if number == 5:
                    return

                yield number + 1

        with Pool(limit) as pool:
            pool.go(each(numbers()) >> same | drain).wait(TIMEOUT)

        assert 6 == pool.stats().succeeded
        assert not len(drain)

    def test_holds_while_another_pool_reads(self) -> None:
        """What a pool does with an iterable that reads is not for another one to judge."""
        drain, read = Drain[int](maxsize=1), list[int]()

        def numbers() -> Iterator[int]:
            for number in drain:
                read.append(len(drain))
                yield number

        with Pool(1) as there, Pool(1) as here:
            there.go(each(numbers()) >> same)
            assert poll(lambda: channel_of(drain).watched)
            here.go(each(range(99)) >> same | drain).wait(TIMEOUT)

        assert 99 == len(read)
        assert max(read) <= 1


class TestWait:
    """Work waits for what it holds up itself, and nothing else could come."""

    @every_limit
    @every_source
    @pytest.mark.parametrize("maxsize", [0, 1])
    def test_of_an_iterable_is_refused(
        self, source: Source, limit: int, maxsize: int
    ) -> None:
        """It is a plain error in there, and so a failure of the batch; never a hang."""
        drain = Drain[int](maxsize)
        pool = Pool(limit).go(each(source(drain)) >> same | drain)

        assert refused(pool)

        pool.close()

    @every_source
    def test_over_several_stages_is_refused(self, source: Source) -> None:
        """However long the way back is."""
        first, second = Drain[int](), Drain[int]()
        pool = Pool(2).go(
            each(source(first)) >> same | second, second >> double | first
        )

        assert refused(pool)

        pool.close()

    @every_limit
    def test_of_a_function_is_refused(self, limit: int) -> None:
        """A worker that waits for the end of what it feeds is no better."""
        drain = Drain[int]()

        @task
        def total(_: int) -> int:
            return sum(drain)

        pool = Pool(limit).go(1 >> total | drain, 2 >> total | drain)

        assert refused(pool, failures=2)

        pool.close()

    def test_of_a_call_is_refused(self) -> None:
        """So is a call that was handed in, though other work is what feeds the drain."""
        drain = Drain[int]()
        pool = Pool(2)
        future = pool.executor.submit(sum, drain)

        @task
        def wait(_: int) -> int:
            return sum(drain)

        pool.go(1 >> wait | drain)

        assert refused(pool)
        assert isinstance(future.exception(TIMEOUT), RuntimeError)

        pool.close()

    def test_is_refused_for_who_reads_another_drain(self) -> None:
        """Whoever waits for outputs of the pool waits for the pool."""
        drain, other = Drain[int](), Drain[int]()
        pool = Pool(2).go(each(iterates(drain)) >> same | drain | other)

        assert [] == beside(lambda: list(other)).result(TIMEOUT)
        assert refused(pool)

        pool.close()


class TestIsLeftAlone:
    """Work that waits for itself while there is hope."""

    def waits(self, pool: Pool, drain: Drain[int]) -> bool:
        """Have an iterable wait for its own outputs; say whether it does."""
        pool.go(each(iterates(drain)) >> same | drain)
        return poll(lambda: channel_of(drain).watched)

    def test_until_somebody_waits_for_the_pool(self) -> None:
        """Whoever gave the work may send the first value."""
        drain = Drain[int]()
        with Pool(2) as pool:
            assert self.waits(pool, drain)

            drain.send(1)
            drain.shut_down()

        assert pool.stats().failed == 0

    def test_while_the_drain_is_open_to_be_fed_by_hand(self) -> None:
        """Whoever means to send while the pool is waited for says so."""
        drain = Drain[int]()
        with Pool(2) as pool, drain:
            assert self.waits(pool, drain)

            with pytest.raises(TimeoutError):
                pool.wait(timeout=0.01)

            drain.send(1)

        assert pool.stats().failed == 0

    def test_while_another_pool_feeds_the_drain(self) -> None:
        """What comes from there is for that pool to say."""
        drain, first = Drain[int](), Drain[int]()
        with Pool(2) as pool, Pool(1) as other, first:
            other.go(first >> same | drain)
            assert self.waits(pool, drain)

            with pytest.raises(TimeoutError):
                pool.wait(timeout=0.01)

            drain.shut_down()

        assert pool.stats().failed == 0

    def test_while_another_stage_may_get_inputs(self) -> None:
        """One of its outputs could be what is waited for."""
        drain, first = Drain[int](), Drain[int]()
        with Pool(2) as pool, first:
            pool.go(first >> same | drain)
            assert self.waits(pool, drain)

            with pytest.raises(TimeoutError):
                pool.wait(timeout=0.01)

            drain.shut_down()

        assert pool.stats().failed == 0


def test_leaves_the_drain_as_it_was() -> None:
    """Whoever reads it next is refused nothing."""
    drain = Drain[int]()
    with suppress(ExceptionGroup), Pool(1) as pool:
        pool.go(each(iterates(drain)) >> same | drain)

    drain.send(1)

    assert [1] == list(drain)
