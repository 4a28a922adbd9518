"""more-executors, whose executors try again."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from more_executors import Executors
from typing_extensions import override

from measuring import LIMIT
from measuring.peer import Fn, Peer, Start, Submit


class MoreExecutors(Peer):
    """Submits to an executor that tries again."""

    name = "more-executors"
    module = "more_executors"
    distribution = "more-executors"

    @override
    def drained(self, fn: Fn, inputs: Sequence[int], limit: int) -> list[int]:
        """Submit each input, then ask each future."""
        with Executors.thread_pool(max_workers=limit).with_retry() as executor:
            made = [executor.submit(fn, value) for value in inputs]
            return [future.result() for future in made]

    ordered = given = ran = drained

    @override
    def retried(self, fn: Fn, inputs: Sequence[int], delay: float) -> list[int]:
        """Let the executor try again; it counts from the first failure."""
        pool = Executors.thread_pool(max_workers=LIMIT)
        with pool.with_retry(max_attempts=2, sleep=delay, max_sleep=delay) as executor:
            made = [executor.submit(fn, value) for value in inputs]
            return [future.result() for future in made]

    @override
    @contextmanager
    def starter(self, limit: int) -> Generator[Start]:
        """Submit, and forget the future."""
        with Executors.thread_pool(max_workers=limit).with_retry() as executor:
            yield executor.submit

    @override
    @contextmanager
    def submitter(self, limit: int) -> Generator[Submit]:
        """Submit."""
        with Executors.thread_pool(max_workers=limit).with_retry() as executor:

            def submit(fn: Fn, value: int) -> Callable[[], int]:
                result: Callable[[], int] = executor.submit(fn, value).result
                return result

            yield submit
