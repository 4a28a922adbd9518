"""run(): a pool for one call."""

import threading
from collections.abc import Iterator

import pytest

from fluent_async import Args, Drain, Workers, each, run, stream, task
from support import TIMEOUT
from work import double, fail


class TestRun:
    """`run(...)`: a pool for one call."""

    def test_returns_outputs_in_the_order_of_arguments(self) -> None:
        """Argument by argument, and input by input."""
        assert [2, 8, 10, 12, 4] == run(
            1 >> double, each([4, 5, 6]) >> double, 2 >> double
        )

    @pytest.mark.parametrize("limit", [2, 5, None])
    def test_returns_outputs_in_input_order_whoever_ends_first(
        self, limit: int | None
    ) -> None:
        """The first input ends last, and its output is the first."""
        others = threading.Semaphore(0)

        @task
        def last(number: int) -> int:
            if number:
                others.release()
            else:
                assert all(others.acquire(timeout=TIMEOUT) for _ in range(4))

            return number

        assert [0, 1, 2, 3, 4] == run(each(range(5)) >> last, limit=limit)

    def test_returns_all_outputs_of_streams(self) -> None:
        """An input may have any number of outputs; those of one input come together."""

        @stream
        def repeat(number: int) -> Iterator[int]:
            yield from [number] * number

        @stream
        def sent(args: Args[int, int]) -> None:
            for _ in range(args.input):
                args.drainer.send(-args.input)

        assert [1, 2, 2, 3, 3, 3] == run(each(range(4)) >> repeat, limit=4)
        assert [-1, -2, -2] == run(1 >> sent, 0 >> sent, 2 >> sent, limit=2)

    def test_returns_outputs_of_workers_with_several_arguments(self) -> None:
        """A batch of workers, and tasks without input, are work as any other."""

        @task
        def add(left: int, right: int) -> int:
            return left + right

        @task
        def nine() -> int:
            return 9

        batch = Workers(add.with_input(n, right=1) for n in range(3))

        assert [1, 2, 3, 9] == run(batch, nine)

    def test_of_nothing_is_nothing(self) -> None:
        """No work has no outputs."""
        assert [] == run()
        assert [] == run(each(list[int]()) >> double)

    def test_sends_outputs_to_drains_as_well(self) -> None:
        """The drains that the work has receive what they would without `run`."""
        drain = Drain[int]()

        assert [2, 4] == run(each([1, 2]) >> double | drain)
        assert [2, 4] == sorted(drain.drain())

    def test_lets_workers_share_an_ordered_drain(self) -> None:
        """Workers given one after the other are one stage to it."""
        drain = Drain[int](ordered=True)

        assert [2, 4, 6, 8] == run(
            1 >> double | drain, 2 >> double | drain, 3 >> double, 4 >> double
        )
        assert [2, 4] == drain.drain()

    def test_raises_failures(self) -> None:
        """It raises what `wait()` does."""
        with pytest.raises(ExceptionGroup, match="2 workers failed"):
            run(1 >> double, 2 >> fail, 3 >> fail)

    def test_with_cancel_raises_the_first_failure_bare(self) -> None:
        """`on_error` is as of a pool."""
        with pytest.raises(ValueError, match=r"^2\b"):
            run(2 >> fail, on_error="cancel")

    def test_with_keep_returns_what_succeeded(self) -> None:
        """With "keep" failures leave no gap."""

        @task
        def even(number: int) -> int:
            if number % 2:
                raise ValueError

            return number

        assert [0, 2, 4] == run(each(range(5)) >> even, on_error="keep")

    def test_has_a_limit(self) -> None:
        """`limit` is that of the pool."""
        most = []

        @task
        def running() -> int:
            most.append(1)
            try:
                return len(most)
            finally:
                most.pop()

        assert [1] * 20 == run(*[running] * 20, limit=1)

    def test_leaves_no_thread(self) -> None:
        """The pool ends with the call."""
        before = threading.active_count()
        run(each(range(10)) >> double)

        assert before == threading.active_count()
