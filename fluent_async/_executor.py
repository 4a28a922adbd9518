"""PoolExecutor: a `concurrent.futures.Executor` on the slots of a pool."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sized
from concurrent.futures import Executor, wait
from functools import partial
from itertools import islice
from types import FunctionType
from typing import TYPE_CHECKING, Any
from weakref import ref

from typing_extensions import ParamSpec, TypeVar, override

from fluent_async import _checks, _wait
from fluent_async._future import under_way
from fluent_async._intake import AFTER
from fluent_async._interrupt import ENDS, stop
from fluent_async._mapping import Feed, results
from fluent_async._process import FOREIGN, process
from fluent_async._wait import remaining
from fluent_async.errors import PoolClosed


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

    from fluent_async._future import PoolFuture
    from fluent_async._intake import Intake

P = ParamSpec("P")
T = TypeVar("T")


WAITS_FOR_ITSELF = "cannot join current thread"  # as the standard one says


class PoolExecutor(Executor):
    """Submits single calls to a pool, and gives a future of each.

    Order: calls start in the order in which they were submitted.
    Blocking: `submit` never waits; it may start a thread.
    Failure: what a call raises is its future's alone. It is no failure of the pool, and
    logged at WARNING if the future is gone and nobody asked.
    Threads: every method is safe from any thread, and from finalizers and signal
    handlers, which may interrupt any of them.
    """

    def _open(self, intake: Intake, keep: object = None) -> None:
        """Take calls for `intake`; what `__init__` would do, which users see."""
        self._intake = intake
        self._keep = keep  # alive as long as this is
        self._max_workers = intake.engine.scheduler.slots.limit
        self._shutdown = False
        process.watch(self)
        if intake.engine.foreign:  # it was asked for after the fork
            self._inherit()

    @override
    def submit(
        self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Have `fn(*args, **kwargs)` called on a thread of the pool.

        It runs in a copy of the context of this call. A task keeps its policy: while it
        waits for its next attempt it holds no slot, and its limit, timeout and drains
        are as in `Pool.go`. A stream gives an iterator over its outputs, which have all
        been made.

        Raises:
            PoolClosed: after `shutdown`, or when the pool is closed.
            RuntimeError: if no thread can be started, or Python is about to exit.
            TypeError: if `fn` can't be called, or a task cannot take these arguments.
        """
        hand_in = self._intake.hand_in
        if type(fn) is not FunctionType:
            hand_in = self._intake.entrance(_checks.called("fn", fn))

        return hand_in(fn, args, kwargs, False)  # noqa: FBT003  (as `late` says there)

    @override
    def map(  # the standard one has no buffersize before 3.14
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[T]:
        """Call `fn` on the items of the iterables; return an iterator over the results.

        Every input is worked on, whether results are read or not, unless `buffersize`
        is given.
        Order: results come in the order of the inputs. An error comes in place of its
        result and ends them, and cancels what has not started.
        Blocking: reading waits; calling this waits for the first inputs only.

        Args:
            fn: the function.
            iterables: of its arguments. Those with a length are read here, at once; of
                others as much is read as there are threads, and the rest by the threads
                of the pool as the calls go on, one thread at a time; or all, at once, if
                a subclass has a `submit` of its own, which every call goes through.
            timeout: seconds from now in which all results must be there; None, or an
                infinity: for ever; if it is negative they must be there already.
            chunksize: has no effect, whatever it is, as in the standard one of threads.
            buffersize: how many results may wait to be read, at least 1. All inputs are
                then read in the thread that reads results, as these are taken.

        Raises:
            TypeError, ValueError: if an argument is not of that kind.
            TimeoutError: if reading a result takes longer.
        """
        left = remaining(_seconds(timeout))
        size = _checks.limit("buffersize", buffersize)
        self._intake.refuse()
        call = _checks.called("fn", fn)
        inputs = zip(*iterables, strict=False)
        if size is not None:
            return self._buffered(fn, inputs, size, left)

        sized = all(isinstance(each, Sized) for each in iterables)
        if sized or self._is_overridden():
            return results(deque(self._submitted(call, inputs)), left)

        return Feed(self._intake, fn, inputs, self._max_workers).results(left)

    @override
    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Refuse new calls; the pool itself, and its other work, go on.

        Blocking: if `wait`, until all that was submitted here is done. Ctrl-C cancels
        what has not started, waits for what runs, and goes on; after a second one
        nothing is waited for.

        Args:
            wait: until all that was submitted here is done.
            cancel_futures: cancel those that have not started.

        Raises:
            RuntimeError: if a call that was submitted here would wait for itself.
        """
        wait, cancel_futures = bool(wait), bool(cancel_futures)
        self._close()
        if cancel_futures:
            self._cancel()

        if wait:
            self._join()

    @override
    def __exit__(self, *exc_info: object) -> None:
        """Shut down and wait; if the block raised, cancel what has not started."""
        self.shutdown(cancel_futures=exc_info[0] is not None)

    def _close(self) -> None:
        self._shutdown = True
        self._intake.refusal = partial(PoolClosed, f"{AFTER} shutdown")

    def _cancel(self) -> None:
        """Cancel what has not started, at shutdown."""
        self._intake.cancelled = True
        for future in list(self._intake.among):
            future.cancel()

    def _join(self) -> None:
        """Wait for all that was submitted."""
        among = self._intake.among
        if _wait.here() is not None and not among.isdisjoint(under_way()):
            raise RuntimeError(WAITS_FOR_ITSELF)

        rest = _Rest(self)
        try:
            rest.finish()
        except ENDS:
            stop([rest])
            raise

    def _inherit(self) -> None:
        """Refuse calls in the child of a fork: the threads of the pool are elsewhere."""
        self._intake.refusal = partial(RuntimeError, FOREIGN)
        self._intake.among.clear()

    def _is_overridden(self) -> bool:
        """Whether somebody wants every call to go through a `submit` of theirs."""
        submit = getattr(self.submit, "__func__", None)
        return submit is not PoolExecutor.submit

    def _submitted(
        self, fn: Callable[..., T], inputs: Iterable[tuple[Any, ...]]
    ) -> Iterator[PoolFuture[T]]:
        for args in inputs:
            yield self.submit(fn, *args)  # type: ignore[misc]

    def _buffered(
        self,
        fn: Callable[..., T],
        inputs: Iterator[tuple[Any, ...]],
        size: int,
        left: Callable[[], float | None],
    ) -> Iterator[T]:
        futures = deque(self._submitted(fn, islice(inputs, size)))
        found = ref(self)  # whoever reads the results does not keep the executor alive

        def another() -> PoolFuture[T] | None:
            executor = found()
            if executor is None:
                return None

            return next(executor._submitted(fn, inputs), None)

        return results(futures, left, another)


def _seconds(timeout: object) -> float | None:
    """Return a timeout as the standard executor understands it."""
    seconds = _checks.patience("timeout", timeout)
    return None if seconds is None or seconds == math.inf else max(seconds, 0.0)


class _Rest:
    """What is left of the calls of an executor, for whoever is interrupted in its wait."""

    def __init__(self, executor: PoolExecutor) -> None:
        self._executor = executor

    def cancel(self) -> None:
        """Drop what has not started."""
        self._executor._cancel()

    def finish(self) -> None:
        """Wait for what has."""
        wait(list(self._executor._intake.among))

    def abandon(self) -> None:
        """Leave it to the pool, whose other work goes on."""
