"""Claims: an iterator is read by one batch, since two would take its values from each other."""

import gc
import os
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Never, Self

import pytest
from typing_extensions import override

from fluent_async import Drain, Pool, Workers, each, run, task
from fluent_async._claims import Claims, claims
from fluent_async._inputs import stages_of
from fluent_async.errors import PoolCancelled
from hand import Hand
from support import TIMEOUT, Gate, run_child
from work import at, double, fail


def numbers() -> Iterator[int]:
    """Yield some numbers."""
    yield from range(3)


class Countdown:
    """An iterator of the user's, which answers no question but for the next value."""

    def __init__(self) -> None:
        self._left = 3

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> int:
        if not self._left:
            raise StopIteration

        self._left -= 1
        return self._left

    @override
    def __repr__(self) -> Never:
        raise AssertionError("shown")

    @override
    def __eq__(self, other: object) -> Never:
        raise AssertionError("compared")

    @override
    def __hash__(self) -> Never:
        raise AssertionError("hashed")


class Shared:
    """An iterable that gives the same iterator whenever it is asked."""

    def __init__(self) -> None:
        self._iterator = iter([0, 1, 2])

    def __iter__(self) -> Iterator[int]:
        return self._iterator


once = pytest.mark.parametrize(
    ("values", "name"),
    [
        (numbers, "the generator numbers"),
        (lambda: (n for n in [0, 1, 2]), "the generator .*<genexpr>"),
        (lambda: iter([0, 1, 2]), "one list_iterator"),
        (lambda: map(abs, [0, 1, 2]), "one map"),
        (Countdown, "one Countdown"),
        (Shared, "one list_iterator"),
    ],
    ids=["generator", "expression", "list_iterator", "map", "own", "shared"],
)
"""What gives each of its values once, and how an error names it."""


class Slow:
    """An iterator whose second value is long in coming."""

    def __init__(self, gate: Gate) -> None:
        self._values = self._wait(gate)

    def __iter__(self) -> Iterator[int]:
        return self._values

    def _wait(self, gate: Gate) -> Iterator[int]:
        yield 1
        gate.arrive()
        yield 2


class TestRefused:
    """Two batches that read one iterator."""

    def test_whatever_else_is_given(self) -> None:
        """Work that reads no iterator does not hide those that do."""
        values = numbers()
        hand = Hand()
        stages = stages_of(
            hand,
            1,
            (Drain[int]() >> double, each(values) >> double, each(values) >> fail),
        )
        with pytest.raises(ValueError, match="double and fail"):
            Claims().check(stages)

    @once
    def test_in_one_go(self, values: Callable[[], Iterable[int]], name: str) -> None:
        """T5: The error names the iterator and both batches, and says what to do instead."""
        shared = values()
        says = rf"{name} is read by two batches, double and fail, .*make a list"
        with Pool(1) as pool, pytest.raises(ValueError, match=says):
            pool.go(each(shared) >> double, each(shared) >> fail)

        assert 0 == pool.stats().accepted

    @once
    def test_in_two_calls_of_go_while_the_first_reads(
        self, values: Callable[[], Iterable[int]], name: str
    ) -> None:
        """A later `go` is told, and the first goes on."""
        shared, drain = values(), Drain[int]()
        with Pool(1) as pool, Gate() as gate:
            pool.go(each(shared) >> at(gate).hold | drain)
            gate.wait_for(1)
            with pytest.raises(ValueError, match=f"{name} .*, hold and fail,"):
                pool.go(each(shared) >> fail)

        assert [0, 1, 2] == sorted(drain.drain())

    def test_in_two_pools(self) -> None:
        """It does not matter whose threads would read."""
        shared, drain = numbers(), Drain[int]()
        with Pool(1) as pool, Pool(1) as other, Gate() as gate:
            pool.go(each(shared) >> at(gate).hold | drain)
            gate.wait_for(1)
            with pytest.raises(ValueError, match="read by two batches"):
                other.go(each(shared) >> double)

        assert [0, 1, 2] == drain.drain()

    def test_between_pools_that_looked_at_the_same_time(self) -> None:
        """Whoever comes second is refused, though nobody had it when it looked first."""
        shared = numbers()
        first, second = (
            stages_of(Hand(), 1, [each(shared) >> double]) for _ in range(2)
        )
        claims.check(first)
        claims.check(second)
        claims.take(first)
        with pytest.raises(ValueError, match="read by two batches"):
            claims.take(second)

    def test_by_a_batch_that_is_given_twice(self) -> None:
        """A batch of an iterator can be run once, with whatever drains."""
        batch = each(numbers()) >> double
        with pytest.raises(ValueError, match="generator numbers"):
            run(batch, batch | Drain[int]())

    def test_of_workers(self) -> None:
        """An iterator of workers is one as any other."""
        workers = iter([1 >> double, 2 >> double])
        with Pool(1) as pool, pytest.raises(ValueError, match="one list_iterator"):
            pool.go(Workers(workers), Workers(workers))

    def test_of_a_file(self, tmp_path: Path) -> None:
        """A file gives each line once."""
        path = tmp_path / "lines"
        path.write_text("1\n2\n", encoding="utf-8")
        with path.open(encoding="utf-8") as lines, Pool(1) as pool:
            with pytest.raises(ValueError, match="one TextIOWrapper is read by two"):
                pool.go(each(lines) >> task(int), each(lines) >> task(len))

            assert ["1\n", "2\n"] == list(lines)

    def test_gives_the_pool_nothing(self) -> None:
        """All that is given to one `go` is accepted, or nothing; no drain is opened."""
        shared, drain = numbers(), Drain[int]()
        with Pool(1) as pool:
            with pytest.raises(ValueError, match="two batches"):
                pool.go(each(shared) >> double | drain, each(shared) >> double)

            threads = pool.stats().threads

        assert (0, 0, []) == (threads, pool.stats().accepted, drain.drain(timeout=0))

    def test_leaves_the_iterator_to_others(self) -> None:
        """Nothing was taken, and a `go` that was refused claims nothing."""
        shared = numbers()
        try:
            run(each(shared) >> double, each(shared) >> double)
        except ValueError:  # its frames are still there
            assert [0, 2, 4] == run(each(shared) >> double)

    def test_while_a_thread_is_in_it_though_the_pool_was_cancelled(self) -> None:
        """What was dropped may still be at a value that is long in coming."""
        gate = Gate()
        slow = Slow(gate)
        with suppress(PoolCancelled), Pool(1) as pool, Pool(1) as other, gate:
            pool.go(each(slow) >> double)
            gate.wait_for(1)
            pool.cancel()
            with pytest.raises(ValueError, match="two batches"):
                other.go(each(slow) >> double)


class TestTaken:
    """What may be given twice."""

    @pytest.mark.parametrize(
        "values", [[0, 1, 2], (0, 1, 2), range(3), {0: 1, 1: 2, 2: 3}]
    )
    def test_is_what_can_be_iterated_twice(self, values: Iterable[int]) -> None:
        """A list gives each batch an iterator of its own."""
        outputs = run(each(values) >> double, each(values) >> double)

        assert [0, 2, 4, 0, 2, 4] == outputs

    @pytest.mark.parametrize("values", [numbers, Countdown, Shared])
    def test_is_an_iterator_that_has_ended(
        self, values: Callable[[], Iterable[int]]
    ) -> None:
        """It gives nothing any more, to whoever asks."""
        shared, drain = values(), Drain[int]()
        with Pool(1) as pool:
            for _ in range(2):
                pool.go(each(shared) >> double | drain).wait(TIMEOUT)

        assert [0, 2, 4] == sorted(drain.drain())

    def test_is_an_iterator_whose_last_input_still_runs(self) -> None:
        """What was read to its end is free, whatever comes of the inputs."""
        shared = iter([1])
        with Pool(2) as pool, Gate() as gate:
            pool.go(each(shared) >> at(gate).hold.with_timeout(TIMEOUT))
            gate.wait_for(1)
            pool.go(1 >> double).go(each([1]) >> at(gate).hold)
            gate.wait_for(1)  # a thread that found the end of the first went on to this

            pool.go(each(shared) >> double)

        assert 3 == pool.stats().succeeded

    def test_is_an_iterator_that_was_left_by_a_pool(self) -> None:
        """What a cancelled pool has not read can be read by the next."""
        shared = iter(range(3))
        with suppress(PoolCancelled), Pool(1) as pool, Gate() as gate:
            pool.go(each(shared) >> at(gate).hold)
            gate.wait_for(1)
            pool.cancel()

        assert [2, 4] == run(each(shared) >> double)

    def test_is_an_iterator_that_failed(self) -> None:
        """An iterator that raised is not read any more."""

        def broken() -> Iterator[int]:
            yield 1
            raise LookupError

        shared = broken()
        with Pool(1, on_error="keep") as pool:
            pool.go(each(shared) >> double).wait(TIMEOUT)
            pool.go(each(shared) >> double)

        assert 1 == pool.stats().succeeded


class TestMemory:
    """Claims keep nothing alive."""

    def test_of_what_was_read(self) -> None:
        """An iterator is freed with its batch, whoever has the pool."""
        gc.disable()
        try:
            shared = numbers()
            alive = weakref.ref(shared)
            with Pool(1) as pool:
                pool.go(each(shared) >> double).wait(TIMEOUT)
                del shared

                assert alive() is None
        finally:
            gc.enable()

    def test_of_what_was_not_given(self) -> None:
        """Stages that came to nothing have claimed nothing, when they are gone."""
        own, shared = Claims(), numbers()
        stages = stages_of(Hand(), 1, [each(shared) >> double])
        own.take(stages)
        del stages
        own.take(stages_of(Hand(), 1, [each(shared) >> double]))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_the_child_of_a_fork_begins_anew() -> None:
    """A fork in the middle of a claim, or of a batch, stops no batch of the child."""
    done = run_child(
        """
        import os, threading, warnings
        from fluent_async import Pool, each, run, task
        from fluent_async._claims import claims

        warnings.simplefilter("ignore")  # the child of a process with threads is warned of
        shared, begun, end = iter(range(4)), threading.Event(), threading.Event()

        @task
        def hold(number):
            begun.set()
            end.wait(10)

        with Pool(limit=1) as pool:
            pool.go(each(shared) >> hold)
            begun.wait(10)
            with claims._monitor:
                child = os.fork()

            if not child:
                print(run(each(shared) >> task(abs), limit=1), flush=True)
                os._exit(0)

            os.waitpid(child, 0)
            end.set()
        """
    )

    assert ("[1, 2, 3]\n", "", 0) == (done.stdout, done.stderr, done.returncode)
