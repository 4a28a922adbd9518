"""Results: the outputs of work, as they come, to the thread that iterates them."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, final

from typing_extensions import TypeVar, override

from fluent_async import _checks, _wait
from fluent_async._drain import Drain
from fluent_async._inputs import stages_of, worker_of
from fluent_async._interrupt import ENDS, abandon
from fluent_async._manner import THREADS, wait
from fluent_async._monitor import after
from fluent_async._outcome import Outcome
from fluent_async._pace import Pace
from fluent_async._pool import Pool, on_error_of
from fluent_async._report import log_untold, raise_ends
from fluent_async._seat import Seat
from fluent_async._stage import channels_of, drains_of
from fluent_async._taking import Taking
from fluent_async._worker import Worker, Workers
from fluent_async.errors import DrainClosed, PoolClosed, PoolStalled


if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from fluent_async._channel import Channel
    from fluent_async._manner import Manner, W, Waiting
    from fluent_async._outcome import OnError
    from fluent_async._task import Task
    from fluent_async._wait import Who

T = TypeVar("T")


@final
class Outputs(Generic[T]):
    """The outputs of work that starts at the first `next()`: what `results()` gives.

    The work drains to private drains as well, and has an outcome of its own; this takes
    from the drains, one after the other, and tells of the outcome when they are over.
    Nothing in the pool leads back here, so this can be dropped: then what is left is
    cancelled, and nobody waits for it.

    Threads: may be iterated by several, each with a loop of its own; each output goes to
    one of them.

    Invariants:
        1. `_work` is taken by the one thread that starts it, or by `close`.
        2. `_ended` is set once, before anything of what came of the work is told.
        3. A value is in the drain until the thread that returns it takes it: any thread
           may end the run that all of them take from.
    """

    __slots__ = (
        "__weakref__",
        "_channel",
        "_channels",
        "_ended",
        "_engine",
        "_outcome",
        "_own",
        "_pace",
        "_readings",
        "_started",
        "_taking",
        "_values",
        "_work",
    )

    def __init__(
        self,
        work: Sequence[object],
        drains: Sequence[Drain[T]],
        outcome: Outcome,
        pool: Pool,
        *,
        own: bool,
    ) -> None:
        self._work = [work]
        self._outcome = outcome
        self._engine = pool._engine
        self._own = pool if own else None  # dropped, or closed, with this
        self._readings: list[object] = []  # kept while this reads
        self._started = False
        self._ended = False
        self._channels: deque[Channel[T]] = deque(channels_of(tuple(drains)))
        outcome.outputs = tuple(self._channels)
        self._channel = self._channels.popleft()
        self._taking: Taking[T] = Taking(self._channel.values.popleft, 0)
        self._values = self._taking.values
        self._pace = Pace()

    def __iter__(self) -> Iterator[T]:
        while True:
            yield from self._values  # for a loop, in half the time of `next()`
            try:
                yield self._next()  # in no variable, which would keep it alive
            except StopIteration:
                return

    def __next__(self) -> T:
        for value in self._values:
            return value

        return self._next()

    def close(self) -> None:
        """Cancel what is left, and wait until nothing of it runs. Closing again is nothing.

        Failures that nobody was shown are logged.

        Raises:
            RuntimeError: if called by a worker of this very work.
        """
        self._refuse_own_worker("close()")
        self._abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        await self._pace.step()
        for value in self._values:
            return value

        return await self._next_async()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close as `close` does, without blocking the event loop.

        What runs is waited for in any case, however often that is cancelled; but for a
        second Ctrl-C under `asyncio.run`, which abandons it as it does in `Pool.wait`.
        """
        self._refuse_own_worker("__aexit__()")
        try:
            await self._close_async()
        finally:
            self._log_untold()

    def __del__(self) -> None:
        if self._started and not self._ended:
            self._engine.leave(self._outcome)

    @override
    def __repr__(self) -> str:
        state = "ended" if self._ended else "open" if self._started else "not started"
        return f"<results, {state}>"

    # -- taking ------------------------------------------------------------------------

    def _next(self) -> T:
        """Return the next output, or end: tell of the outcome, once."""
        self._refuse_own_worker("next()")
        try:
            self._start(_wait.mark_of_this_thread())
            for value in wait(self._seeking(THREADS)):
                return value
        except BaseException:
            self._abort()
            raise

        if not self._ended:
            self._close()
            self._tell()

        raise StopIteration

    async def _next_async(self) -> T:
        """Return the next output, or end; to be cancelled is to go on some other time."""
        from fluent_async import _await

        self._refuse_own_worker("anext()")
        try:
            self._start(_await.this_coroutine())
            for value in await _await.wait(self._seeking(_await.COROUTINES)):
                return value
        except Exception:
            await self.__aexit__()
            raise

        if not self._ended:
            await self._end_async()

        raise StopAsyncIteration

    async def _end_async(self) -> None:
        """Close, and tell of the outcome: to the log, if this is cancelled meanwhile."""
        try:
            await self._close_async()
        except BaseException:
            self._log_untold()
            raise

        self._tell()

    def _seeking(self, manner: Manner[W]) -> Waiting[W, Sequence[T]]:
        """Take the next output, waiting for it; none when there will be none."""
        while not (self._ended or self._outcome.halted):
            taking = yield from self._engine.awaiting(
                self._channel.taking(manner, before=self._taking)
            )
            for value in taking.values:
                if taking.size == 1:
                    taking = self._channel.go_on_taking(taking)

                self._taking, self._values = taking, taking.own
                return (value,)

            if self._over(taking):
                break

        return ()

    def _tell(self) -> None:
        """Raise what there is to raise; as generators do, if that would end a loop."""
        try:
            raise_ends(self._engine, self._outcome)
        except (StopIteration, StopAsyncIteration) as exc:
            raise RuntimeError(f"a task raised {_checks.type_name(exc)}") from exc
        finally:
            self._outcome.failures.clear()  # they lead back to this frame

    def _start(self, who: Who) -> None:
        """Start the work, unless some thread did, or it ended before it began."""
        try:
            work = self._work.pop()
        except IndexError:
            return

        self._started = True
        channels = (self._channel, *self._channels)
        self._readings += [channel.begin_reading(who) for channel in channels]

        try:
            self._engine.go(
                lambda number: stages_of(self._engine.bell, number, work), self._outcome
            )
        except (DrainClosed, PoolClosed):
            if not self._ended:  # else it was closed while it began
                raise

        if self._own is not None:  # this waits for who feeds them, if nobody does now
            self._engine.log_unfed()

    def _over(self, taking: Taking[T]) -> bool:
        """Say whether the last drain is over and nothing runs; else turn to the next."""
        return not (taking.size or self._turn()) and self._engine.ends(self._outcome)

    def _turn(self) -> bool:
        """Turn to the next drain, if there is one."""
        with suppress(IndexError):
            self._channel = self._channels.popleft()
            return True

        return False

    # -- the end -----------------------------------------------------------------------

    def _abort(self) -> None:
        """Close, and log what nobody was shown."""
        if self._engine.foreign:  # what runs is of the process before a fork
            return

        self._close()
        self._log_untold()

    def _log_untold(self) -> None:
        log_untold(self._engine, self._outcome)
        self._outcome.failures.clear()

    def _close(self) -> None:
        wait(self._closing(THREADS), shielded=True, elsewhere=True)

    async def _close_async(self) -> None:
        from fluent_async import _await

        await _await.wait_shielded(self._closing(_await.COROUTINES))

    def _closing(self, manner: Manner[W]) -> Waiting[W, None]:
        """Cancel what is left, wait until nothing of it runs, and let go of it all."""
        if self._ended:
            return

        self._ended = True
        self._work.clear()
        self._readings.clear()
        channels = (self._channel, *self._channels)
        for channel in channels:  # first: then nothing that begins now is taken in
            after(channel.halt)
            channel.close()

        try:
            yield from self._ending_work(manner)
        except BaseException:
            self._engine.leave(self._outcome)
            raise
        finally:
            for channel in channels:  # put off if a coroutine is dropped in a decision
                after(partial(channel.drop, self._engine.bell))

    def _ending_work(self, manner: Manner[W]) -> Waiting[W, None]:
        try:
            if self._started:
                self._engine.drop(self._outcome)
                with suppress(PoolStalled):  # by attempts that nobody waits for
                    yield from self._engine.waiting(manner, self._outcome)
        except ENDS:
            abandon([self._engine])  # Ctrl-C, again: what runs is left behind
            yield from self._engine.ending(manner)
            raise

        if self._own is not None:
            yield from self._engine.closing(manner)

    def _refuse_own_worker(self, call: str) -> None:
        seat = _wait.here()
        if isinstance(seat, Seat) and seat.serves(self._outcome):
            raise RuntimeError(
                f"{call} in a worker of the same results would wait for itself: "
                "iterate them outside"
            )


def results_of(
    workers: Workers[T],
    *,
    pool: object,
    limit: int | None,
    ordered: bool,
    buffer: int | None,
    on_error: OnError,
) -> Outputs[T]:
    """Return the outputs of a batch: see `Workers.results`."""
    ran_in = _pool_of(pool, limit)
    outcome = Outcome(on_error_of(on_error), own=True)
    ahead = _checks.limit("buffer", buffer) or ran_in.limit
    if not _checks.flag("ordered", ordered):
        ahead += ran_in.limit  # an ordered drain adds the limit to its window itself

    drain = Drain[T](ahead, ordered=ordered)
    work = (workers.drain_to(drain),)
    return Outputs(work, [drain], outcome, ran_in, own=pool is None)


def _pool_of(pool: object, limit: int | None) -> Pool:
    """Return the pool that results are to run in."""
    if pool is None:
        return Pool(limit)

    if not _checks.is_a(pool, Pool):
        raise _checks.wrong_type("pool", pool, "a Pool")

    if limit is not None:
        raise ValueError("limit can't be given with pool, whose own limit holds")

    return pool


def run(
    *workers: Worker[T] | Workers[T] | Task[[], Any, T],
    limit: int | None = None,
    on_error: Literal["finish", "cancel", "keep"] = "finish",
) -> list[T]:
    """Run workers in a pool of their own and return their outputs.

    Order: input order: argument by argument, and input by input.
    Blocking: until everything has run; a new drain that feeds a stage is waited for
    until somebody feeds it. Drains the workers have receive theirs too.

    Args:
        workers: workers, batches, and tasks that need no input.
        limit: how many attempts may run at any instant; None is `min(32, cpus + 4)`.
        on_error: as of a Pool; with "keep" the outputs of what succeeded are returned.

    Raises:
        ExceptionGroup, Exception: as `Pool.wait`.
        TypeError, ValueError: as `Pool` and `Pool.go`.

    Example:
        >>> from fluent_async import each, run, task
        >>> @task
        ... def double(number: int) -> int:
        ...     return 2 * number
        >>> run(each([1, 2, 3]) >> double)
        [2, 4, 6]
    """
    pool = Pool(limit)
    outcome = Outcome(on_error_of(on_error), own=True)
    drains: list[Drain[T]] = []
    work: list[Worker[T] | Workers[T]] = []
    last: object = None
    for value in workers:
        batch = issubclass(type(value), Workers)
        given: Any = value if batch else worker_of(value)
        kind = object() if batch else _ordered_of(given)
        if kind != last:  # workers one after the other take turns in one drain
            drains.append(Drain(ordered=True))

        last = kind
        work.append(given | drains[-1])

    if not work:
        return []

    return list(Outputs(work, drains, outcome, pool, own=True))


def _ordered_of(worker: Worker[Any]) -> tuple[Channel[Any], ...]:
    """Return the ordered channels a worker drains to: others share them with it as a whole."""
    channels = channels_of(drains_of(worker._steps))
    return tuple(channel for channel in channels if channel.turns is not None)
