"""Context variables: each attempt has a fresh copy of the context of its `go()`."""

import contextvars
import threading
from collections.abc import Iterator

import pytest

from fluent_async import Args, Drain, Pool, each, stream, task
from support import Gate
from work import Form, at, every_form


seen: contextvars.ContextVar[int] = contextvars.ContextVar("seen", default=0)


@pytest.fixture(autouse=True)
def unseen() -> Iterator[None]:
    """Set the variable back after a test."""
    token = seen.set(0)
    yield
    seen.reset(token)


@task
def see(_: int, /) -> int:
    """Give the value, and set it to something that nobody must see."""
    value = seen.get()
    seen.set(-1)
    return value


@task
def change(number: int, /) -> int:
    """Set the value."""
    seen.set(number)
    return number


class TestContext:
    """What an attempt sees."""

    @every_form
    def test_is_that_of_go(self, form: Form) -> None:
        """V1: A task sees the values that its `go()` was called with."""
        drain = Drain[int]()
        seen.set(7)
        with Pool(limit=2) as pool:
            pool.go(*(work | drain for work in form(range(5), see)))

        assert [7] * 5 == drain.drain()

    @every_form
    def test_is_of_the_moment_of_go(self, form: Form) -> None:
        """What its caller sets later is not seen by what starts later."""
        drain = Drain[int]()
        with Pool(limit=1) as pool, Gate() as gate:
            seen.set(7)
            pool.go(1 >> at(gate).hold, *(work | drain for work in form([1, 2], see)))
            seen.set(8)

        assert [7, 7] == drain.drain()

    def test_is_that_of_its_own_go(self) -> None:
        """Work of several calls runs on the same threads, and sees what is its own."""
        drain = Drain[int]()
        with Pool(limit=1) as pool:
            for value in (7, 8, 9):
                seen.set(value)
                pool.go(1 >> see | drain, each([2]) >> see | drain)

        assert [7, 7, 8, 8, 9, 9] == sorted(drain.drain())

    @every_form
    def test_of_work_that_a_worker_gives_is_the_workers(self, form: Form) -> None:
        """A `go()` in a worker captures what the worker set."""
        drain = Drain[int]()

        @task
        def delegate(number: int, /) -> int:
            seen.set(number)
            pool.go(1 >> see | drain)
            return number

        with Pool(limit=1) as pool:
            pool.go(*form([5, 6], delegate))

        assert [5, 6] == sorted(drain.drain())

    def test_is_kept_by_a_stage_that_sleeps(self) -> None:
        """A stage that is woken later has the context of its `go()`."""
        pages, records = Drain[int](), Drain[int]()
        with Pool() as pool:
            seen.set(7)
            pool.go(pages >> see | records).wait()
            seen.set(8)
            pages.send(1)
            pool.wait()

        assert [7] == records.drain()


class TestLeaks:
    """What a task sets leaks nowhere."""

    @pytest.mark.parametrize("limit", [1, 3])
    @every_form
    def test_to_other_inputs(self, form: Form, limit: int) -> None:
        """V2: Each input starts with what `go()` had."""
        drain = Drain[int]()
        with Pool(limit) as pool:
            pool.go(*(work | drain for work in form(range(50), see)))

        assert [0] * 50 == drain.drain()

    @every_form
    def test_to_other_work(self, form: Form) -> None:
        """Nor do other tasks on the same thread see it."""
        drain = Drain[int]()
        with Pool(limit=1) as pool:
            pool.go(*form([1, 2], change)).wait()
            pool.go(each([1]) >> see | drain, 1 >> see | drain)

        assert [0, 0] == drain.drain()

    @every_form
    def test_to_the_caller(self, form: Form) -> None:
        """V2: The context of `go()` itself stays as it is."""
        with Pool() as pool:
            pool.go(*form([1, 2], change))

        assert 0 == seen.get()

    @every_form
    def test_to_the_next_attempt(self, form: Form) -> None:
        """V6: A retry starts afresh."""
        values = []

        @task(retry=3)
        def flaky(number: int, /) -> int:
            values.append(seen.get())
            seen.set(number)
            if len(values) < 3:
                raise OSError

            return number

        with Pool(limit=1) as pool:
            pool.go(*form([1], flaky))

        assert [0, 0, 0] == values

    def test_to_the_next_step(self) -> None:
        """Each task of a composition has a copy of its own."""
        drain = Drain[int]()
        with Pool() as pool:
            pool.go(5 >> change >> see | drain)

        assert [0] == drain.drain()

    def test_to_iterables(self) -> None:
        """An iterable of inputs sees nothing of what tasks set."""
        values = []

        def inputs() -> Iterator[int]:
            for number in range(5):
                values.append(seen.get())
                yield number

        with Pool(limit=1) as pool:
            pool.go(each(inputs()) >> change)

        assert {0} == set(values)

    def test_to_sinks(self) -> None:
        """What the user's own sink sets is as little seen as what a task sets."""
        drain = Drain[int]()

        class Sink:
            def send(self, value: int, /) -> None:
                seen.set(value)

        with Pool(limit=1) as pool:
            pool.go(each([1, 2]) >> see | Sink() | drain)

        assert [0, 0] == drain.drain()

    def test_to_threads_that_inherit_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Some builds start each thread in a copy of the context it is started in."""
        begin, contexts = threading.Thread.start, list[contextvars.Context]()

        def start(thread: threading.Thread) -> None:
            contexts.append(contextvars.copy_context())
            begin(thread)

        monkeypatch.setattr(threading.Thread, "start", start)
        seen.set(1)
        with Pool(limit=1) as pool:
            pool.go(1 >> see)

        assert [0] == list(map(len, contexts))

    def test_from_the_first_go_to_threads(self) -> None:
        """M8: A thread keeps nothing of the context it was started in."""
        values = []

        def inputs() -> Iterator[int]:
            for number in range(3):
                yield number
                values.append(seen.get())

        seen.set(7)
        with Pool(limit=1) as pool:
            pool.go(1 >> change).wait()
            seen.set(8)
            pool.go(each(inputs()) >> see)

        assert 7 not in values

    @pytest.mark.parametrize("each_is_quick", [True, False])
    def test_from_iterables_to_others(self, *, each_is_quick: bool) -> None:
        """What an iterable sets while a pool pulls from it is gone with it."""
        values = []

        @stream
        def nothing(_: int) -> Iterator[int]:
            yield from ()

        def setting() -> Iterator[int]:
            yield 1
            seen.set(5)
            yield 2

        def getting() -> Iterator[int]:
            yield 1
            values.append(seen.get())

        with Pool(limit=1) as pool:
            for values_of in (setting, getting):
                inputs = each(values_of())
                pool.go(inputs >> see if each_is_quick else inputs >> nothing).wait()

        assert [0] == values


class TestStreams:
    """A stream has one context, from its first output to its last."""

    def test_keep_their_own(self) -> None:
        """A generator sees what it set before it yielded, others don't."""
        drain = Drain[int]()

        @stream
        def three(number: int) -> Iterator[int]:
            for _ in range(3):
                yield seen.get()
                seen.set(number)

        with Pool(limit=1) as pool:
            pool.go(each([1, 2]) >> three | drain)

        assert [0, 1, 1, 0, 2, 2] == drain.drain()

    def test_of_args_functions_are_their_own(self) -> None:
        """An Args function has a copy like any other."""
        drain = Drain[int]()

        @stream
        def sends(args: Args[int, int]) -> None:
            args.drainer.send(seen.get())
            seen.set(args.input)
            args.drainer.send(seen.get())

        with Pool(limit=1) as pool:
            pool.go(each([1, 2]) >> sends | drain)

        assert [0, 1, 0, 2] == drain.drain()

    def test_do_not_lend_theirs_to_what_follows(self) -> None:
        """A task after a stream does not see what the stream set."""
        drain = Drain[int]()

        @stream
        def sets(number: int) -> Iterator[int]:
            seen.set(number)
            yield number

        with Pool() as pool:
            pool.go(5 >> sets >> see | drain)

        assert [0] == drain.drain()
