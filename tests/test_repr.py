"""The repr of what one writes is what one writes."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

import pytest
from typing_extensions import override

from fluent_async import (
    Args,
    Backoff,
    Drain,
    Pool,
    Task,
    Workers,
    each,
    stream,
    task,
)
from support import Gate
from work import at, double


@stream
def count(number: int) -> Iterator[int]:
    """Count up to a number."""
    yield from range(number)


@task
def add(left: int, *, right: int = 0) -> int:
    """Add two numbers."""
    return left + right


class Sink:
    """Takes what is sent to it, and says nothing good of itself."""

    def send(self, value: object) -> None:
        """Take a value."""

    @override
    def __repr__(self) -> str:
        raise AssertionError


class TestTask:
    """The repr of a task."""

    def test_is_how_it_was_decorated(self) -> None:
        """The decorator, and the function without what it does; Args is its input."""

        @stream
        def send(args: Args[int, str]) -> None: ...

        assert "@task def double(number)" == repr(double)
        assert "@stream def count(number)" == repr(count)
        assert "@stream def send(input)" == repr(send)

    @pytest.mark.parametrize(
        ("made", "settings"),
        [
            (task(retry=3), "retry=3"),
            (task(retry=3, backoff=0.2), "retry=3, backoff=0.2"),
            (task(retry=3, backoff=timedelta(minutes=1)), "retry=3, backoff=60"),
            (
                task(retry=2, backoff=Backoff(1, jitter=0)),
                "retry=2, backoff=Backoff(1.0, factor=2.0, maximum=60.0, jitter=0.0)",
            ),
            (task(retry=2, backoff=lambda _: 1.0), "retry=2, backoff=..."),
            (task(retry=2, retry_on=OSError), "retry=2, retry_on=..."),
            (task(retry=2, retry_on=Exception), "retry=2"),
            (task(timeout=1.5, limit=2), "timeout=1.5, limit=2"),
        ],
    )
    def test_has_the_settings(
        self, made: Callable[[Callable[[int], int]], Task[[int], int]], settings: str
    ) -> None:
        """Those that are not the default; of a function only that there is one."""

        def work(number: int) -> int:
            return number

        assert f"@task({settings}) def work(number)" == repr(made(work))

    def test_that_was_composed_is_the_composition(self) -> None:
        """Operators join the names of the tasks."""
        assert "double >> double >> count" == repr(double >> double >> count)
        assert "count | Drain(5)" == repr(count | Drain[int](5))

    def test_has_parentheses_where_a_drain_is_in_the_middle(self) -> None:
        """`|` binds looser than `>>`."""
        kept, sink = Drain[int](name="kept"), Sink()
        made = (double | kept | sink) >> double | kept

        assert (
            "(double | Drain(name='kept') | <Sink>) >> double | Drain(name='kept')"
            == repr(made)
        )

    def test_is_one_line(self) -> None:
        """Control characters of a name are escaped."""
        assert r"@task def a\nb(number)" == repr(double.named("a\nb"))


class TestWorker:
    """The repr of a worker."""

    def test_is_input_and_task(self) -> None:
        """One value on the left, and the drains on the right."""
        assert "3 >> double" == repr(3 >> double)
        assert "'a b' >> double >> double" == repr(
            "a b" >> double >> double  # type: ignore[operator]
        )
        assert "3 >> double | Drain()" == repr(3 >> double | Drain[int]())

    def test_has_parentheses_where_a_drain_is_in_the_middle(self) -> None:
        """`|` binds looser than `>>`."""
        made = (3 >> double | Drain[int]()) >> double

        assert "(3 >> double | Drain()) >> double" == repr(made)

    def test_of_several_arguments_is_a_call(self) -> None:
        """Whatever is not one value was given to `with_input`."""
        made = add.with_input(1, right=2) >> double

        assert "add.with_input(1, right=2) >> double" == repr(made)
        assert "hello.with_input()" == repr(task(name="hello")(str).with_input())

    def test_shows_no_more_of_an_input_than_fits(self) -> None:
        """A long input is cut, and one whose repr raises is named by its type."""
        assert len(repr("x" * 999 >> task(len))) < 250
        assert "<Sink> >> id" == repr(Sink() >> task(id))


class TestBatch:
    """The repr of a batch."""

    @pytest.mark.parametrize(
        ("values", "shown"),
        [
            ([1, 2], "[1, 2]"),
            (range(9), "range(0, 9)"),
            (iter([1, 2]), "<list_iterator>"),
            ((number for number in [1]), "<generator>"),
        ],
    )
    def test_is_each_of_the_values(self, values: Iterable[int], shown: str) -> None:
        """A plain collection is shown, any other iterable named by its type."""
        assert f"each({shown})" == repr(each(values))
        assert f"each({shown}) >> double | Drain()" == repr(
            each(values) >> double | Drain[int]()
        )

    def test_asks_an_iterable_nothing(self) -> None:
        """The repr of an iterable may be a query to a database."""

        class Rows(list[int]):
            @override
            def __repr__(self) -> str:
                raise AssertionError

        assert "each(<Rows>)" == repr(each(Rows([1])))

    def test_of_a_drain_begins_with_it(self) -> None:
        """`drain >> task` is the stage of that drain."""
        made = each(Drain[int](9, name="numbers")) >> double

        assert "Drain(9, name='numbers') >> double" == repr(made)

    def test_of_given_workers_has_what_followed(self) -> None:
        """Workers that come one by one are not asked for; what is done with them is shown."""
        made = Workers([1 >> double]).with_retry(3) | Drain[int]()

        assert "Workers([1 >> double]) | Drain()" == repr(made)
        assert "Workers(<list_iterator>)" == repr(Workers(iter([1 >> double])))
        assert "(Workers([1 >> double]) | Drain()) >> double" == repr(made >> double)


class TestPool:
    """The repr of a pool."""

    def test_makes_it_again(self) -> None:
        """It has the limit, the name, and each setting that is not the default."""
        pool = Pool(
            4, retry=3, backoff=1, on_error="keep", max_failures=9, name="crawl"
        )
        settings = "limit=4, retry=3, backoff=1, on_error='keep', max_failures=9"

        assert f"Pool({settings}, name='crawl')" == repr(pool)
        assert repr(pool) == repr(eval(repr(pool)))  # noqa: S307  (it is code)

    def test_has_the_name_that_was_made_up(self) -> None:
        """A pool without a name can be found in a log."""
        assert repr(Pool(4)).startswith("Pool(limit=4, name='Pool-")

    def test_says_that_inputs_are_described(self) -> None:
        """Of a function it says only that there is one."""
        pool = Pool(1, describe=lambda _: "", name="a")

        assert "Pool(limit=1, name='a', describe=...)" == repr(pool)

    def test_says_that_it_is_closed(self) -> None:
        """A pool that is closed can't be made by code alone."""
        pool = Pool(4, name="crawl")
        pool.close()

        assert "<Pool(limit=4, name='crawl'), closed>" == repr(pool)

    def test_says_what_was_abandoned(self) -> None:
        """The first eight attempts, each with its input and thread; then how many more."""
        pool = Pool(10, name="crawl")
        with Gate() as gate:
            pool.go(each(range(10)) >> at(gate).hold)
            gate.wait_for(10)
            pool._engine.abandon()  # noqa: SLF001
            shown = repr(pool)

        pool.close()

        assert shown.startswith(
            "<Pool(limit=10, name='crawl'), closed, abandoned: hold("
        )
        assert shown.endswith(" and 2 more>")
        assert 8 == len(re.findall(r"hold\(\d\) on crawl-\d\b", shown))

    def test_is_that_of_a_drain(self) -> None:
        """A drain has what it was made with."""
        drain = Drain[int](5, ordered=True, name="a")

        assert "Drain(5, ordered=True, name='a')" == repr(drain)
