"""Protocols: what a pool, a drain and a policy ask of objects, whoever made them."""

import pytest

from fluent_async import Drain, Pool, Task, Worker, Workers, each, stream, task
from fluent_async.typing import Delay, Drainable, Executable, Retryable
from work import Box, double, fail


class Own:
    """An object of the user's with everything that a worker has."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def execute(self) -> str:
        """Note it."""
        self.log.append("execute")
        return "done"

    def with_retry(self, attempts: int, backoff: Delay = 0.0) -> "Own":
        """Note it."""
        self.log.append(f"with_retry({attempts}, {backoff})")
        return self

    def shut_down(self) -> None:
        """Note it."""
        self.log.append("shut_down")


THINGS: dict[str, object] = {
    "worker": 1 >> double,
    "workers": each([1]) >> double,
    "task": double,
    "drain": Drain[int](),
    "pool": Pool(),
    "own": Own(),
    "box": Box(),
    "number": 3,
}


@pytest.mark.parametrize(
    ("protocol", "those"),
    [
        (Executable, {"worker", "workers", "own", "box"}),
        (Retryable, {"worker", "workers", "task", "pool", "own"}),
        (Drainable, {"worker", "workers", "drain", "own"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_protocols_can_be_checked_at_run_time(
    protocol: type[object], those: set[str]
) -> None:
    """`isinstance` says who has what a protocol asks for."""
    assert those == {
        name for name, thing in THINGS.items() if isinstance(thing, protocol)
    }


class TestExecutable:
    """A pool runs whatever has `execute()`."""

    def test_is_executed_once(self) -> None:
        """Its `execute()` is called, and nothing else of it."""
        own = Own()
        with Pool() as pool:
            pool.go(own)

        assert ["execute"] == own.log

    def test_counts_like_a_worker(self) -> None:
        """It is an input of the pool like another."""
        with Pool() as pool:
            pool.go(Own(), Own()).wait()

            assert (2, 2) == (pool.stats().accepted, pool.stats().succeeded)

    def test_fails_like_a_worker(self) -> None:
        """What it raises is a failure, named after its class."""

        class Breaks:
            def execute(self) -> None:
                raise ValueError("broken")

        with Pool(on_error="keep") as pool:
            pool.go(Breaks()).wait()
            (failure,) = pool.errors()

        assert ("Breaks", None) == (failure.task, failure.input)
        assert "broken" == str(failure.exception)

    def test_may_be_given_among_others(self) -> None:
        """Workers, batches and objects of one's own go together."""
        own, drain = Own(), Drain[int]()
        with Pool(limit=1) as pool:
            pool.go(1 >> double | drain, own, each([2]) >> double | drain)

        assert ([2, 4], ["execute"]) == (drain.drain(), own.log)

    def test_may_be_given_twice(self) -> None:
        """The same object given twice is executed twice."""
        own = Own()
        with Pool(limit=1) as pool:
            pool.go(own, own).wait()
            pool.go(own)

        assert ["execute"] * 3 == own.log

    def test_may_be_any_callable_attribute(self) -> None:
        """Whether it is a method or not."""
        box = Box()

        class Holds:
            def __init__(self) -> None:
                self.execute = box.execute

        with Pool() as pool:
            pool.go(Holds())

        assert 1 == box.ran

    def test_is_no_class(self) -> None:
        """A class is not an object of it, and is refused as what it is not."""
        with (
            Pool() as pool,
            pytest.raises(TypeError, match=r"not type|not the class Own"),
        ):
            pool.go(Own)  # type: ignore[arg-type]

    def test_may_be_compared_and_hashed_in_no_way(self) -> None:
        """A pool asks nothing but `execute()`."""

        class Strange(Own):
            __hash__ = None  # type: ignore[assignment]

        own = Strange()
        with Pool() as pool:
            pool.go(own, own)

        assert ["execute", "execute"] == own.log


class TestWorkers:
    """The library's own work has what the protocols ask for."""

    def work(self) -> list[Worker[int] | Workers[int]]:
        """Make work of each kind."""
        return [1 >> double, each([1]) >> double, Workers([1 >> double])]

    def test_can_be_executed(self) -> None:
        """`execute()` runs it in the calling thread."""
        for work in self.work():
            drain = Drain[int]()
            executable: Executable = work | drain
            executable.execute()

            assert [2] == drain.drain()

    def test_can_be_retried(self) -> None:
        """`with_retry` gives work that is executed with the policy."""
        calls = []

        @task
        def flaky(_: int) -> None:
            calls.append(1)
            if len(calls) < 3:
                raise OSError

        retryable: Retryable = 1 >> flaky
        retryable.with_retry(3).execute()

        assert 3 == len(calls)

    def test_can_be_shut_down(self) -> None:
        """`shut_down()` shuts the drains it drains to."""
        for work in self.work():
            drain = Drain[int]()
            drainable: Drainable = work | drain
            drainable.shut_down()

            assert drain.closed


def test_tasks_are_not_work_but_make_it() -> None:
    """A task is given to a pool when it needs no input, and has no `execute`."""

    @stream
    def three() -> list[int]:
        return [1, 2, 3]

    drain = Drain[int]()
    with Pool() as pool:
        pool.go(three | drain)

    assert isinstance(three, Task)
    assert not isinstance(three, Executable)
    assert [1, 2, 3] == drain.drain()


def test_tasks_that_lack_their_input_are_refused() -> None:
    """A task that needs one says what to write."""
    with Pool() as pool, pytest.raises(TypeError, match="write `value >> fail`"):
        pool.go(fail)  # type: ignore[arg-type]
