"""Mistakes in a graph: each is told where it is made, with what to write instead."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import pytest

from drains import fed
from fluent_async import Drain, Pool, Workers, each, task
from support import Gate
from work import Work, at, double, fail


Parts: TypeAlias = tuple[Work, Work]


class Mistake(NamedTuple):
    """Two parts of a graph that don't go together."""

    make: Callable[[], Parts]
    says: str


@task
def halve(number: int) -> int:
    """Halve a number."""
    return number // 2


def two_stages() -> Parts:
    """Have a drain feed two stages."""
    pages = Drain[int](name="pages")
    return pages >> double, pages >> fail


def cycle() -> Parts:
    """Have the second stage feed the first."""
    first, second = Drain[int](), Drain[int]()
    return first >> double | second, second >> halve | first


def long_cycle() -> Parts:
    """Close a cycle through a drain in the middle of a composition."""
    first, second = Drain[int](), Drain[int]()
    return first >> (double | second) >> fail, second >> halve >> fail | first


def two_feeders() -> Parts:
    """Have two stages feed an ordered drain."""
    results = Drain[int](ordered=True, name="results")
    return each([1]) >> double | results, each([2]) >> halve | results


def feeder_upstream() -> Parts:
    """Have a stage feed an ordered drain, and the stage that feeds it as well."""
    middle, results = Drain[int](), Drain[int](ordered=True, name="results")
    return each([1]) >> double | middle | results, middle >> halve | results


def one_iterator() -> Parts:
    """Have two batches read an iterator."""
    numbers = iter([1, 2])
    return each(numbers) >> double, each(numbers) >> halve


def one_generator() -> Parts:
    """Have two batches read a generator, one of them of workers."""
    workers = (number >> double for number in [1, 2])
    return Workers(workers), each(workers) >> task(repr)  # type: ignore[return-value]


MISTAKES = {
    mistake.make.__name__: mistake
    for mistake in (
        Mistake(
            two_stages,
            r"Drain\(name='pages'\) feeds a stage already: drain to two drains to feed "
            r"two stages, or raise the limit to run one stage on more threads",
        ),
        Mistake(
            cycle,
            r"the drains form a cycle: (double >> halve >> double|halve >> double >> "
            r"halve); call go\(\) from the worker to give new work instead",
        ),
        Mistake(long_cycle, r"form a cycle: fail >> fail >> fail; call go\(\)"),
        Mistake(
            two_feeders,
            r"Drain\(ordered=True, name='results'\) is ordered, and one stage may feed "
            r"such a drain: give the second one a drain of its own",
        ),
        Mistake(feeder_upstream, r"name='results'\) is ordered, .* drain of its own"),
        Mistake(
            one_iterator,
            r"one list_iterator is read by two batches, double and halve, and would give "
            r"each of its values to one of them: make one for each, or make a list of "
            r"the values first",
        ),
        Mistake(
            one_generator, r"the generator one_generator.<locals>.<genexpr> is read"
        ),
    )
}
every_mistake = pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)


class TestAtGo:
    """What `go()` refuses, with a ValueError in the frame of its caller."""

    @every_mistake
    @pytest.mark.parametrize("backwards", [False, True])
    def test_in_one_call(self, mistake: Mistake, *, backwards: bool) -> None:
        """Nothing of that call starts, no thread either; the pool is as good as new."""
        first, second = mistake.make()
        drain = Drain[int]()
        good = 1 >> double | drain
        parts = [second, first] if backwards else [first, second]
        with Pool(1) as pool:
            with pytest.raises(ValueError, match=_either(mistake.says)):
                pool.go(good, *parts)

            assert (0, 0) == (pool.stats().accepted, pool.stats().threads)
            assert not fed(drain)
            pool.go(good)

        assert [2] == drain.drain()

    @every_mistake
    @pytest.mark.parametrize("same", [True, False])
    def test_in_two_calls(self, mistake: Mistake, *, same: bool) -> None:
        """The second call is refused, by any pool; what the first gave goes on."""
        first, second = mistake.make()
        drain = Drain[int]()
        with Pool(1, on_error="keep") as pool, Pool(1) as other, Gate() as gate:
            pool.go(0 >> at(gate).hold)
            gate.wait_for(1)
            pool.go(first)
            accepted = pool.stats().accepted, other.stats().accepted
            with pytest.raises(ValueError, match=_either(mistake.says)):
                (pool if same else other).go(1 >> double | drain, second)

            assert accepted == (pool.stats().accepted, other.stats().accepted)
            assert not fed(drain)

        assert [] == drain.drain()
        assert () == pool.errors()


def _either(says: str) -> str:
    """Match a message whose two batches are named in either order."""
    return says.replace("double and halve", "(double and halve|halve and double)")


class TestAsWritten:
    """What the operators refuse, with a TypeError, before there is a graph."""

    @pytest.mark.parametrize(
        ("write", "says"),
        [
            (lambda drain: 1 >> drain, "write `value >> task | drain`, or `drain.send"),
            (lambda drain: double >> drain, "write double | drain"),
            (lambda drain: (1 >> double) >> drain, "write worker | drain"),
            (lambda drain: (drain >> double) >> drain, "write workers | drain"),
            (lambda drain: each([1]) >> drain, r"write each(...) >> task | drain"),
            (lambda drain: drain >> drain, "write drain >> task | drain"),
            (lambda drain: each(drain) >> drain, "write drain >> task | drain"),
        ],
        ids=["value", "task", "worker", "stage", "each", "drain", "each drain"],
    )
    def test_is_a_drain_on_the_right(
        self, write: Callable[[Drain[int]], object], says: str
    ) -> None:
        """Outputs go through |; the error says what to write."""
        with pytest.raises(TypeError, match=r"a drain takes outputs with \|") as raised:
            write(Drain[int]())

        assert says in str(raised.value)

    @pytest.mark.parametrize(
        "write",
        [
            lambda drain: 1 >> double | drain >> halve,
            lambda drain: each([1]) >> double | drain >> halve,
            lambda drain: Drain[int]() >> double | drain >> halve | Drain[int](),
            lambda drain: double | drain >> halve,
        ],
        ids=["worker", "batch", "stage", "task"],
    )
    def test_is_a_pipeline_in_one_line(
        self, write: Callable[[Drain[int]], object]
    ) -> None:
        """`|` binds looser than `>>`; the error says how Python reads it, and what to do."""
        with pytest.raises(TypeError) as raised:
            write(Drain[int]())

        assert "`a >> f | d >> g` means `(a >> f) | (d >> g)`" in str(raised.value)
        assert "`pool.go(a >> f | d, d >> g)`" in str(raised.value)
