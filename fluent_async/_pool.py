"""Pool: runs workers on threads, at most `limit` at a time."""

from __future__ import annotations

import os
import weakref
from itertools import count
from typing import TYPE_CHECKING, Any, Literal, Self, final

from typing_extensions import TypeVar, override

from fluent_async import _checks, _log, _wait
from fluent_async._code import retry_settings
from fluent_async._engine import Engine
from fluent_async._inputs import stages_of
from fluent_async._interrupt import ENDS, stop
from fluent_async._outcome import in_order
from fluent_async._report import log_untold, raise_ends
from fluent_async._retry import NO_RETRY, Policy, bounded_repr, policy_of
from fluent_async._seat import Seat
from fluent_async._text import listed


if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from fluent_async._accounts import PoolStats
    from fluent_async._outcome import OnError
    from fluent_async._retry import Failure
    from fluent_async._task import Task
    from fluent_async.typing import Delay, Executable, RetryOn


T = TypeVar("T")

_numbers = count(1)


@final
class Pool:
    """Runs workers on threads, at most `limit` at a time.

    Leaving its `with` block waits for everything given to it and ends its threads; a
    block left by an exception cancels what has not started, and that exception goes on.
    `async with` does the same in an event loop, without blocking it.

    Order: inputs start most downstream stage first, then oldest first, and end in any.
    Blocking: `go` never waits for work; `wait`, `close` and the end of the block do.
    Failure: what `on_error` says.
    Threads: every method is safe from any thread. Threads start when there is something
    for them, are daemons, and park when idle. With STAGE=test in the environment every
    pool has limit 1.
    Reuse: `go` again after `wait`, any number of times; not after `close`.

    Args:
        limit: how many attempts may run at any instant, retries included, at least 1;
            None is `min(32, cpus + 4)`.
        retry: attempts in all, for tasks that name no retry themselves; None is 1.
        backoff: the delay before the next attempt: seconds, a timedelta, a Backoff, or
            a function of the Failure.
        retry_on: the exceptions to retry: a type, a tuple of them, or a function.
        on_error: "finish" runs everything and then raises all failures as one group,
            "cancel" cancels the rest at the first failure and raises that, "keep"
            raises nothing: see `errors`.
        max_failures: cancel once there are more failures; None never does.
        name: what threads, logs and repr call it; None makes one up.
        describe: shows an input in notes and logs; None is a bounded repr.

    Raises:
        TypeError: if an argument is of the wrong type.
        ValueError: if one is out of range, or `backoff` comes without `retry`.
    """

    def __init__(
        self,
        limit: int | None = None,
        *,
        retry: int | None = None,
        backoff: Delay | None = None,
        retry_on: RetryOn | None = None,
        on_error: Literal["finish", "cancel", "keep"] = "finish",
        max_failures: int | None = None,
        name: str | None = None,
        describe: Callable[[object], str] | None = None,
    ) -> None:
        chosen = _checks.limit("limit", limit)
        policy = policy_of(retry, backoff, retry_on) or NO_RETRY
        if describe is not None:
            _checks.function("describe", describe)

        self._engine = engine = Engine(
            _checks.name("name", name) or f"Pool-{next(_numbers)}",
            _limit(chosen),
            policy,
            bounded_repr if describe is None else describe,
        )
        engine.outcome.on_error = on_error_of(on_error)
        engine.outcome.max_failures = (
            None
            if max_failures is None
            else _checks.whole("max_failures", max_failures, least=0)
        )
        # Weakly: a failure that was raised leads back to the Pool, and the engine to it.
        weakref.finalize(self, _release, weakref.ref(engine)).atexit = False

    @property
    def limit(self) -> int:
        """How many attempts may run at any instant."""
        return self._engine.scheduler.slots.limit

    def with_limit(self, limit: int) -> Self:
        """Set the limit of this pool, and return it.

        Raises:
            RuntimeError: if the pool was given work before.
            TypeError: if `limit` is no int.
            ValueError: if it is less than 1.
        """
        limit = _checks.whole("limit", limit, least=1)
        self._refuse_started("limit")
        self._engine.scheduler.allow(_limit(limit))
        return self

    def with_retry(
        self, attempts: int, backoff: Delay = 0.0, *, retry_on: RetryOn = Exception
    ) -> Self:
        """Set the policy for tasks that name no retry themselves; return the pool.

        Raises:
            RuntimeError: if the pool was given work before.
            TypeError, ValueError: if an argument is no policy.
        """
        policy = Policy.of(attempts, backoff, retry_on)
        self._refuse_started("retry policy")
        self._engine.policy = policy
        return self

    def go(self, *workers: Executable | Task[[], Any, Any]) -> Self:
        """Start workers, batches, and any objects with `execute()`; return the pool.

        All that is given is accepted, or nothing. Iterating the values of a batch
        starts here, in the caller's thread, and goes on in the pool's.
        Blocking: never waits for work. May be called from a worker, too.

        Raises:
            TypeError: if something is no work, or a task lacks its input.
            ValueError: if a drain feeds two stages, an ordered one is fed by two,
                drains form a cycle, or another batch still reads the same iterator.
            DrainClosed: if something drains to a drain that is shut.
            PoolClosed: if the pool was closed before.
            RuntimeError: if no thread can be started, or Python is about to exit.
        """
        engine = self._engine
        if workers:
            engine.go(lambda number: stages_of(engine.bell, number, workers))

        return self

    def wait(self, timeout: float | None = None) -> None:
        """Wait until nothing is queued, running or waiting; then raise what failed.

        That is about all that `go` was given. What `results(pool=...)` runs here is
        waited for, and told of, by who iterates it.
        Each failure is raised once. The pool can be used again afterwards. Stages whose
        drain nobody ever fed are named in one warning, each once.
        Blocking: interruptibly. Ctrl-C cancels the pool, waits for what runs, and goes
        on. A second one abandons what runs: it is logged at WARNING, task by task, with
        input and thread, the pool is closed, and nothing waits for it any more, Python's
        exit included.

        Args:
            timeout: seconds to wait, at least 0; None waits for ever.

        Raises:
            ExceptionGroup: of all failures, in the order of go() call, argument and
                input; with on_error="finish".
            Exception: the first failure itself; with on_error="cancel".
            PoolCancelled: if work was dropped by `cancel()` and nothing failed.
            TimeoutError: if the pool was not done in time; it goes on.
            RuntimeError: if called by a worker of this pool.
        """
        left = _checks.timeout("timeout", timeout)
        self._refuse_worker("wait")
        try:
            done = self._engine.wait(left, self._engine.outcome)
        except ENDS:
            stop([self._engine])
            raise

        if not done:
            raise TimeoutError(f"{self!r} was not done after {left:g} s; it goes on")

        self._end_wait()

    async def wait_async(self) -> None:
        """Wait as `wait` does, without blocking the event loop.

        To cancel it, a timeout for one, only stops the wait: the pool goes on. Any
        number of coroutines, of several loops and threads, may wait for one pool.

        Raises:
            ExceptionGroup, Exception, PoolCancelled, PoolStalled: as `wait`.
            RuntimeError: if called by a worker of this pool, or outside an asyncio
                event loop.
        """
        from fluent_async import _await

        self._refuse_worker("wait_async")
        engine = self._engine
        await _await.wait(engine.waiting(_await.COROUTINES, engine.outcome))
        self._end_wait()

    def errors(self) -> tuple[Failure, ...]:
        """Return the failures of the work given since the pool was last idle.

        Order: by go() call, argument and input. Empty, so false, if nothing failed.
        """
        return tuple(in_order(self._engine.outcome.failures))

    def stats(self) -> PoolStats:
        """Return what the pool did and does, as of one instant."""
        return self._engine.stats()

    def to_mermaid(self) -> str:
        """Return the graph as the text of a Mermaid flowchart, as of one instant.

        It has the stages that the pool has now, their drains with bounds and states, and
        how much is in progress and waits; a notebook shows the same as a picture.
        GitHub and GitLab draw it in a block of the language `mermaid`. Names are escaped,
        and cut to 40 characters; no value and no code of the tasks is used.
        """
        from fluent_async._mermaid import mermaid

        return mermaid(self._engine.picture())

    def _repr_html_(self) -> str:
        """Draw the graph for a notebook."""
        from fluent_async._svg import svg

        return svg(self._engine.picture())

    def cancel(self) -> None:
        """Drop what has not started, and tell what runs to end.

        Work that waits for a retry or for room is dropped as well. What runs hears it
        from `cancelled()`, `sleep` and every other call of the library that waits.
        Blocking: never. Calling it again, or with nothing to do, does nothing.
        """
        self._engine.cancel()

    def close(self) -> None:
        """Refuse new work, wait for what was accepted, and end the threads.

        Failures that nobody was shown are logged. Closing again does nothing.

        Raises:
            RuntimeError: if called by a worker of this pool.
        """
        self._refuse_worker("close")
        try:
            self._engine.close()
        except ENDS:
            self._cut(interrupted=True)
            raise

        log_untold(self._engine, self._engine.outcome)

    @property
    def executor(self) -> Executor:
        """A `concurrent.futures.Executor` on the slots of this pool, a new one each time.

        Failures of what is submitted there belong to their futures alone: they are not
        in `errors`, and `wait` neither raises them nor waits for it; `close` does wait,
        and `cancel` drops what has not started. It keeps the pool alive.
        """
        # Here, since most pools do without, and concurrent.futures takes long to import.
        from fluent_async._executor import PoolExecutor
        from fluent_async._intake import Intake

        intake = Intake(self._engine, prepared=False, counts=True)
        executor = PoolExecutor()
        executor._open(intake, keep=self)
        return executor

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if exc_info[0] is None:
            self._engine.wind_up()
            try:
                self.wait()
            except BaseException as exc:
                self._cut(interrupted=isinstance(exc, ENDS))
                raise

            self.close()
        else:
            kind = exc_info[0]
            interrupted = isinstance(kind, type) and issubclass(kind, KeyboardInterrupt)
            self._cut(interrupted=interrupted)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Leave the block as a `with` is left, without blocking the event loop.

        If the block or this wait is cancelled, so is what the pool has not started;
        what runs is waited for in any case, however often that is asked. Ctrl-C under
        `asyncio.run` cancels so, too; a second one abandons what runs, as in `wait`.
        """
        from fluent_async import _await

        engine = self._engine
        if exc_info[0] is not None:
            cause = getattr(
                exc_info[1], "__cause__", None
            )  # if it ended a block in here
            await self._cut_async(interrupted=isinstance(cause, ENDS))
            return

        engine.wind_up()
        try:
            await self.wait_async()
            await _await.wait(engine.closing(_await.COROUTINES))
        except BaseException:
            await self._cut_async()
            raise

        log_untold(engine, engine.outcome)

    @override
    def __repr__(self) -> str:
        """Show the settings; in angle brackets what else there is to say.

        That is STAGE, whether it is closed, and what was abandoned: the first eight, each
        with its input, shown by `describe`, and its thread.
        """
        state = ", STAGE=test" if _tests() else ""
        state += ", closed" if self._engine.closed else ""
        abandoned = self._engine.abandoned()
        state += f", abandoned: {listed(abandoned)}" if abandoned else ""
        return f"<{self._code}{state}>" if state else self._code

    @property
    def _code(self) -> str:
        engine, outcome = self._engine, self._engine.outcome
        policy, most = engine.policy, outcome.max_failures
        settings = [f"limit={self.limit}"]
        settings += [] if policy is NO_RETRY else retry_settings(policy)
        if outcome.on_error != "finish":
            settings.append(f"on_error={outcome.on_error!r}")

        settings += [] if most is None else [f"max_failures={most}"]
        settings.append(f"name={engine.name!r}")
        settings += [] if engine.describe is bounded_repr else ["describe=..."]
        return f"Pool({', '.join(settings)})"

    def _cut(self, *, interrupted: bool) -> None:
        """Cancel what is left, wait for what runs, and close.

        Args:
            interrupted: whether that is because of Ctrl-C, so that another one abandons
                what runs.
        """
        if self._engine.foreign:  # its threads, and who waits for them, are elsewhere
            return

        self._refuse_worker("close")
        try:
            stop([self._engine], interrupted=interrupted)
        finally:
            self._engine.end()
            log_untold(self._engine, self._engine.outcome)

    async def _cut_async(self, *, interrupted: bool = False) -> None:
        """Cancel what is left, wait for what runs, and close, in an event loop.

        Args:
            interrupted: whether that was cut short by Ctrl-C before.
        """
        from fluent_async import _await

        engine = self._engine
        if engine.foreign:  # its threads, and who waits for them, are elsewhere
            return

        self._refuse_worker("close")
        try:
            await _await.wait_shielded(
                engine.cutting(_await.COROUTINES, interrupted=interrupted)
            )
        finally:
            log_untold(engine, engine.outcome)

    def _end_wait(self) -> None:
        """Tell what came of the work that was waited for, once."""
        self._engine.log_unfed()
        raise_ends(self._engine, self._engine.outcome)

    def _refuse_started(self, what: str) -> None:
        if self._engine.started:
            raise RuntimeError(
                f"the {what} of {self!r} can't change once it was given work"
            )

    def _refuse_worker(self, call: str) -> None:
        seat = _wait.here()
        if isinstance(seat, Seat) and seat.engine is self._engine:
            raise RuntimeError(
                f"{call}() in a worker of the same pool would wait for itself: "
                "use results(pool=...) to run work there and take its outputs"
            )


def _release(ref: weakref.ref[Engine]) -> None:
    engine = ref()
    if engine is not None:  # else all its threads have ended
        engine.release()


def _limit(limit: int | None) -> int:
    if _tests():
        _log.info("STAGE=test: a pool has limit 1 instead of %s", limit, pool=None)
        return 1

    return min(32, (os.cpu_count() or 1) + 4) if limit is None else limit


def _tests() -> bool:
    return os.environ.get("STAGE") == "test"


def on_error_of(value: object) -> OnError:
    """Return what was said about failures, if it is one of the words for that."""
    _checks.choice("on_error", value, ("finish", "cancel", "keep"))
    return value  # type: ignore[return-value]
