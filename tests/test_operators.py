"""Operators: >> binds inputs and composes, | drains outputs."""

from collections.abc import Callable, Iterator
from functools import partial
from operator import methodcaller, or_, rshift

import pytest

from fluent_async import Args, Drain, Worker, Workers, each, stream, task


@task
def double(number: int) -> int:
    """Double a number."""
    return 2 * number


@task
def text(value: object) -> str:
    """Show any value."""
    return repr(value)


@stream
def halves(number: int) -> Iterator[int]:
    """Yield two numbers that add up to one."""
    yield number // 2
    yield number - number // 2


@stream
def twice(args: Args[int, int]) -> None:
    """Send a number twice."""
    args.drainer.send(args.input)
    args.drainer.send(args.input)


@task
def add(left: int, right: int = 0, *, by: int = 0) -> int:
    """Add numbers."""
    return left + right + by


@task
def both(left: int, right: int) -> int:
    """Need two inputs."""
    return left + right


def outputs(worker: Worker[int] | Workers[int]) -> list[int]:
    """Run in this thread, and return what was drained."""
    drain = Drain[int]()
    (worker | drain).execute()
    return drain.drain()


def raised(act: Callable[[], object]) -> str:
    """Return what the TypeError of an act says."""
    with pytest.raises(TypeError) as caught:
        act()

    return str(caught.value)


class TestBinding:
    """`value >> task`: a worker, a task with its input."""

    def test_from_either_side_is_with_input(self) -> None:
        """`value >> task`, `task >> value` and `task.with_input(value)` are one thing."""
        workers = [4 >> double, double >> 4, double.with_input(4)]

        assert [[8]] * 3 == [outputs(worker) for worker in workers]

    @pytest.mark.parametrize(
        "value", [None, True, 3, 1.5, "text", (1, 2), {"a": 1}, {1}, frozenset(), [1]]
    )
    def test_takes_any_value_as_one(self, value: object) -> None:
        """I7: A tuple, a set or a dict is one value; None and booleans are, too."""
        drain = Drain[str]()
        (value >> text | drain).execute()

        assert [repr(value)] == drain.drain()

    def test_takes_numpy_values_as_one(self) -> None:
        """An array that would apply >> item by item leaves it to the task."""

        class Array:
            def __rshift__(self, other: object) -> object:
                if getattr(other, "__array_ufunc__", self) is None:
                    return NotImplemented  # as numpy does

                return "item by item"

        assert isinstance(Array() >> text, Worker)

    def test_leaves_optional_parameters_at_their_defaults(self) -> None:
        """One value is enough where the function needs no more than one."""
        assert [3] == outputs(3 >> add)

    def test_with_input_takes_what_the_function_takes(self) -> None:
        """Several positions and keywords are given with with_input."""
        assert [6] == outputs(add.with_input(1, 2, by=3))
        assert [4] == outputs(add.with_input(left=4))

    def test_does_not_run(self) -> None:
        """Binding an input calls nothing."""
        calls: list[int] = []

        @task
        def note(number: int) -> None:
            calls.append(number)

        1 >> note

        assert calls == []

    def test_never_changes_the_task(self) -> None:
        """The same task bound twice makes two workers that know nothing of each other."""
        one, two = 1 >> double, 2 >> double

        assert ([4], [2], [4]) == (outputs(two), outputs(one), outputs(two))

    @pytest.mark.parametrize(
        ("args", "kwargs", "says"),
        [
            (
                (),
                {},
                "double(number) has no input (missing a required argument: 'number'",
            ),
            ((), {}, "write `value >> double`"),
            ((1, 2), {}, "double(number) cannot take this input: too many positional"),
            ((), {"other": 1}, "missing a required argument"),
            ((1,), {"other": 1}, "got an unexpected keyword argument 'other'"),
        ],
    )
    def test_with_input_that_does_not_fit_fails_at_once(
        self, args: tuple[int, ...], kwargs: dict[str, int], says: str
    ) -> None:
        """Arguments that the function does not take are a TypeError, before it runs."""
        assert says in raised(lambda: double.with_input(*args, **kwargs))

    @pytest.mark.parametrize(
        ("left", "right", "says"),
        [
            (1, both, "both(left, right) cannot take this input: missing a required"),
            (both, 1, "missing a required argument: 'right'"),
            (each([1]), both, "both(left, right) cannot take this input"),
            (1, task(lambda: 3), "cannot take this input: too many"),
            (1, task(lambda *, key: key), "(key) cannot take this input"),
            (double, each([1]), "each has its input, and stands on the left"),
            (double, 1 >> double, "write worker >> double"),
            (double, each([1]) >> double, "write workers >> double"),
            (double, both, "both(left, right) cannot take this input"),
            (1 >> double, both, "both(left, right) cannot take this input"),
            (double, Drain(), "with |, not with >>: write double | drain"),
            (1 >> double, Drain(), "write worker | drain"),
            (each([1]) >> double, Drain(), "write workers | drain"),
            (each([1]), Drain(), "write each(...) >> task | drain"),
        ],
        ids=repr,
    )
    def test_that_does_not_fit_says_what_to_write(
        self, left: object, right: object, says: str
    ) -> None:
        """What >> cannot bind or compose is a TypeError where it is written."""
        assert says in raised(lambda: rshift(left, right))

    def test_asks_nothing_of_what_hides_its_signature(self) -> None:
        """A builtin without a signature takes whatever it is given."""
        drain = Drain[type]()
        (3 >> task(type) | drain).execute()

        assert [int] == drain.drain()


class TestComposing:
    """`task >> task`: one worker runs both."""

    def test_composes_the_calls(self) -> None:
        """Calling a composition calls one task after the other, at once."""
        assert (double >> double)(3) == 12
        assert (add >> double)(1, 2, by=3) == 12

    def test_with_a_stream_gives_an_iterator(self) -> None:
        """A stream anywhere in the chain makes an iterator of it."""
        assert list((double >> halves)(3)) == [3, 3]
        assert list((halves >> double)(5)) == [4, 6]
        assert list((halves >> twice >> double)(5)) == [4, 4, 6, 6]

    def test_calls_plain_tasks_in_front_at_once(self) -> None:
        """What stands before the first stream is called before the iterator is asked."""
        with pytest.raises(ZeroDivisionError):
            (task(lambda number: 1 // number) >> halves)(0)

    def test_runs_as_one_worker(self) -> None:
        """The worker does all of it for its one input."""
        assert [2, 4] == outputs(3 >> (halves >> double))
        assert [2, 4] == outputs(3 >> halves >> double)
        assert [2, 2, 4, 4] == outputs(3 >> halves >> twice >> double)

    def test_runs_for_each_input(self) -> None:
        """A batch of workers goes on with the next task, too."""
        assert [0, 2, 2, 2] == outputs(each([1, 2]) >> halves >> double)

    def test_of_ten_thousand_tasks_runs(self) -> None:
        """N9: No length of a composition reaches the limit of recursion."""
        same = task(lambda number: number)
        chain = halves >> same
        for _ in range(10_000):
            chain = chain >> same

        assert [1, 2] == list(chain(3)) == outputs(3 >> chain)

    def test_closes_streams_that_are_left(self) -> None:
        """An error further on closes the generators before it, at once."""
        closed: list[str] = []

        @stream
        def opened(number: int) -> Iterator[int]:
            try:
                yield number
            finally:
                closed.append("closed")

        divided = opened >> task(lambda number: 1 // number)
        with pytest.raises(ZeroDivisionError) as caught:
            (0 >> divided).execute()

        assert closed == ["closed"], caught


class Noted:
    """A sink that is no drain: notes who was sent what."""

    def __init__(self, name: str, notes: list[tuple[str, int]]) -> None:
        self._name = name
        self._notes = notes

    def send(self, value: int, /) -> None:
        """Note a value."""
        self._notes.append((self._name, value))


class TestDraining:
    """`| drain`: where the outputs go."""

    def test_sends_to_each_drain_in_the_order_written(self) -> None:
        """A second | adds a second drain, sent to after the first."""
        notes: list[tuple[str, int]] = []
        (3 >> halves | Noted("a", notes) | Noted("b", notes)).execute()

        assert [("a", 1), ("b", 1), ("a", 2), ("b", 2)] == notes

    def test_of_a_task_is_for_all_its_workers(self) -> None:
        """`task | drain` is `task.drain_to(drain)`, and holds for every input."""
        drain = Drain[int]()
        (1 >> (double | drain)).execute()
        (2 >> double.drain_to(drain)).execute()

        assert drain.drain() == [2, 4]

    def test_in_the_middle_gets_a_copy(self) -> None:
        """A drain in the middle of a composition does not take the outputs away."""
        middle, last = Drain[int](), Drain[int]()
        (3 >> (double | middle) >> halves | last).execute()

        assert ([6], [3, 3]) == (middle.drain(), last.drain())

    def test_is_not_for_calls(self) -> None:
        """A task that is called sends nothing."""
        drain = Drain[int]()
        (double | drain)(3)
        list((halves | drain)(3))

        assert drain.drain() == []

    @pytest.mark.parametrize(
        ("sink", "says"),
        [
            (1 >> double, "`a >> f | d >> g` means `(a >> f) | (d >> g)`"),
            (each([1]) >> double, "pool.go(a >> f | d, d >> g)"),
            (Drain[int]() >> double, "| takes a drain, not work"),
            (double, "| takes a drain, not a task: tasks compose with >>"),
        ],
        ids=repr,
    )
    def test_into_work_says_what_to_write(self, sink: object, says: str) -> None:
        """I8: Tasks, workers and batches each say how to write what was meant."""
        for left in (double, 1 >> double, each([1]) >> double, Workers([])):
            assert says in raised(partial(or_, left, sink))
            assert says in raised(partial(methodcaller("drain_to", sink), left))


class TestEach:
    """`each(values) >> task`: one worker per value."""

    def test_makes_a_worker_of_each_value(self) -> None:
        """Values become inputs in their order."""
        assert [2, 4, 6] == outputs(each([1, 2, 3]) >> double)

    @pytest.mark.parametrize(
        "values", [[1, 2], (1, 2), {1: "a", 2: "b"}, range(1, 3), iter([1, 2])]
    )
    def test_takes_any_iterable(self, values: list[int]) -> None:
        """Lists, tuples, dicts, ranges and iterators all will do."""
        assert [2, 4] == outputs(each(values) >> double)

    def test_takes_what_is_only_indexed(self) -> None:
        """A sequence without `__iter__` is iterable, as it is for Python."""

        class Old:
            def __getitem__(self, index: int) -> int:
                return [1, 2][index]

        assert [2, 4] == outputs(each(Old()) >> double)  # type: ignore[arg-type]

    def test_of_a_drain_is_the_drain(self) -> None:
        """`each(drain) >> task` is `drain >> task`: it takes the drain's values."""
        source = Drain[int]()
        source.send(3)
        (3 >> double | source).execute()

        assert each(source) is source  # type: ignore[comparison-overlap]
        assert [6, 12] == outputs(each(source) >> double)

    @pytest.mark.parametrize("values", ["text", b"bytes", bytearray(b"bytes")])
    def test_of_text_is_an_error(self, values: str) -> None:
        """I9: A str or bytes is one input, and rarely meant by the character."""
        says = raised(lambda: each(values))

        assert f"not {type(values).__name__}: write `value >> task` for one" in says

    def test_iterates_nothing_by_itself(self) -> None:
        """The iterable is not touched before the work runs."""
        values = iter([1, 2])
        workers = each(values) >> double | Drain[int]()

        assert [1, 2] == list(values)
        assert repr(workers) == "each(<list_iterator>) >> double | Drain()"


def test_one_value_is_refused_by_a_composition_that_begins_with_two() -> None:
    """Its first task says what it takes, whatever the last one does."""

    @task
    def both(left: int, right: int) -> int:
        return left + right

    @task
    def same(number: int) -> int:
        return number

    with pytest.raises(TypeError, match="right"):
        5 >> (both >> same)  # type: ignore[operator]


def test_workers_that_go_on_alike_share_no_more_than_that() -> None:
    """Two drains of one worker, and another one twice: each has what was written."""
    one, other = Drain[int](), Drain[int]()

    @task
    def same(number: int) -> int:
        return number

    begun = 1 >> same | one
    ended = begun | other
    twice = begun | one
    twice.execute()
    before = len(other)
    ended.execute()

    assert (0, [1], [1, 1, 1]) == (before, other.drain(), one.drain())


def test_what_follows_is_refused_if_it_is_no_task() -> None:
    """A worker or a task goes on with tasks alone."""

    @task
    def same(number: int) -> int:
        return number

    with pytest.raises(TypeError, match="what follows >> must be a task"):
        (1 >> same) >> 5  # type: ignore[operator]
