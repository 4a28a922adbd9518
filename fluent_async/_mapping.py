"""Mapping: gives one call of `map` its inputs, and its results in their order."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from typing_extensions import TypeVar

from fluent_async import _wait


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fluent_async._future import PoolFuture
    from fluent_async._intake import Intake

T = TypeVar("T")

Left: TypeAlias = "Callable[[], float | None]"  # seconds that are left
Batch: TypeAlias = "tuple[list[PoolFuture[Any]], PoolFuture[Any] | None]"


class Feed:
    """Hands in one call for each input, a batch at a time, in turn with other calls.

    The next batch is pulled by a call of its own, handed in after the calls of the one
    before: so about as many inputs lie ahead as there are threads, whether results are
    read or not. One thread at a time pulls, the one that calls `map` first.
    """

    def __init__(
        self, intake: Intake, fn: Callable[..., Any], inputs: Iterator[Any], ahead: int
    ) -> None:
        self._intake = intake
        self._hand_in = intake.entrance(fn)
        self._fn = fn
        self._inputs = inputs
        self._ahead = ahead
        self.stopped = False

    def pull(self, *, late: bool = True) -> Batch:
        """Hand in the next batch; return its futures, and that of the one after it.

        What the iterable raises is told by that, after the results of what it gave.

        Args:
            late: whether this was accepted before, even if the pool is closed now.
        """
        futures: list[PoolFuture[Any]] = []
        try:
            for args in islice(self._inputs, self._ahead):
                if self.stopped or self._intake.cancelled or _wait.cancelled():
                    return futures, None

                futures.append(self._hand_in(self._fn, args, late=late))
        except Exception as exc:
            following = self._intake.future(None)
            following.fail(self._fn, exc)
            following.begin()
            following.settle(bool)
            return futures, following

        if len(futures) < self._ahead:
            return futures, None

        return futures, self._intake.hand_in(self.pull, ())

    def results(self, left: Left) -> Iterator[Any]:
        """Pull the first batch, and return the results of all, as they can be given."""
        return self._results(deque([self.pull(late=False)]), left)

    def _results(self, batches: deque[Batch], left: Left) -> Iterator[Any]:
        try:
            while batches:
                futures, following = batches.pop()
                yield from results(deque(futures), left)
                if following is not None:
                    batches.append(following.result(left()))
        finally:
            self.stopped = True


def results(
    futures: deque[PoolFuture[Any]],
    left: Left,
    another: Callable[[], PoolFuture[Any] | None] | None = None,
) -> Iterator[Any]:
    """Yield the results in order; cancel what is not read when that ends.

    Args:
        futures: of the calls, in order; taken as they are read.
        left: how many seconds there are to wait.
        another: hands in one call more before a result is given; None if there is none.
    """
    try:
        while futures:
            future = futures[0]
            result = [_result(future, left())]
            del future, futures[0]
            if another is not None and (more := another()) is not None:
                futures.append(more)

            yield result.pop()  # and not kept alive while the caller is at it
    finally:
        for future in futures:
            future.cancel()


def _result(future: PoolFuture[Any], timeout: float | None) -> Any:
    """Return a result; a call that is waited for in vain is cancelled."""
    try:
        return future.result(timeout)
    finally:
        future.cancel()
        del future  # an exception leads back to this frame
