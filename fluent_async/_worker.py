"""Worker and Workers: a task with its input, and many of them; descriptions, no threads."""

# mypy: allow-any-explicit
# A worker forgets the types of its steps; what it keeps is the type of its outputs.

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    TypeGuard,
    final,
)

from typing_extensions import TypeVar, override

from fluent_async import _call, _checks
from fluent_async._chain import (
    NO_SINK,
    Steps,
    drained,
    name_of,
    sink,
    sinks_of,
    steps_after,
    with_drain,
    with_last,
)
from fluent_async._code import (
    Operand,
    drain_operand,
    each_code,
    operands_of,
    values_code,
    worker_code,
    written,
)
from fluent_async._retried import shown_input
from fluent_async._retry import Policy
from fluent_async._step import ONE


if TYPE_CHECKING:
    from fluent_async._pool import Pool
    from fluent_async._step import Kwargs, One, Step
    from fluent_async.typing import Delay, Results, RetryOn, Sink, Takes

Out_co = TypeVar("Out_co", covariant=True)
NewOut = TypeVar("NewOut")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@final
class Worker(Generic[Out_co]):
    """A task with its input bound: one unit of work a pool can run.

    Made by `value >> task` or `task.with_input(...)`. Immutable; may be run again.
    """

    # Many are made one by one, and the garbage collector looks at each again and again: so
    # what most have, one step and one value, is in the worker itself.
    __slots__ = ("_chain", "_held", "_named")

    _no_sink = NO_SINK
    _chain: Step | Steps  # the step, if there is one alone
    _held: Any  # the arguments, or the one value that is all there is to the input
    _named: Kwargs | One  # the arguments by name; ONE if there is one value

    if not TYPE_CHECKING:  # pragma: no branch  (a checker must refuse it)

        def __init__(self, *_: object, **__: object) -> None:
            raise TypeError(
                "a Worker is made by `value >> task`, or by task.with_input(...)"
            )

    @property
    def _steps(self) -> Steps:
        chain = self._chain
        return chain if isinstance(chain, tuple) else (chain,)

    @property
    def _args(self) -> tuple[Any, ...]:
        return (self._held,) if self._named is ONE else self._held

    @property
    def _kwargs(self) -> Kwargs:
        return None if self._named is ONE else self._named

    @property
    def name(self) -> str:
        """The name of the task, or of the tasks."""
        return name_of(self._steps)

    def execute(self) -> None:
        """Run the task in the thread that calls, and send its outputs to its drains.

        Failure: retried as the task says; then the last exception comes out as it is.
        Blocking: sleeps between attempts, and waits while a drain is full.
        With a retry policy of several attempts, the outputs of the one that succeeded
        are sent; else outputs are sent as they come.

        Raises:
            DrainClosed: if a drain is shut.
        """
        _call.execute(self._steps, self._args, self._kwargs)

    def execute_and_shut_down(self) -> None:
        """Run the task as `execute` does, then shut its drains, even if it failed."""
        try:
            self.execute()
        finally:
            self.shut_down()

    def shut_down(self) -> None:
        """Shut the drains that the task and those before it drain to."""
        _call.shut_down(sinks_of(self._steps))

    def with_retry(
        self, attempts: int, backoff: Delay = 0.0, *, retry_on: RetryOn = Exception
    ) -> Worker[Out_co]:
        """Return this worker with another retry policy for its last task.

        Args:
            attempts: how many in all, at least 1; 1 never retries.
            backoff: what to wait before the next attempt: seconds, a Backoff, or a
                function from Failure to seconds. A number is `Backoff(number)`.
            retry_on: which exceptions are retried.
        """
        policy = Policy.of(attempts, backoff, retry_on)
        steps = with_last(self._steps, policy=policy)
        return new_worker(steps, self._args, self._kwargs)

    def drain_to(self, drain: Sink[Out_co], /) -> Worker[Out_co]:
        """Return this worker with one more drain; they are sent to in the order written."""
        chain = self._chain
        worker = blank(Worker)
        if isinstance(chain, tuple):
            worker._chain = with_drain(chain, drain)
        else:
            worker._chain = drained(chain, drain)

        worker._held = self._held
        worker._named = self._named
        return worker

    __or__ = drain_to

    def __rshift__(self, task: Takes[Out_co, NewOut], /) -> Worker[NewOut]:
        """Return a worker that runs `task` on each output of this one."""
        steps = steps_after(task, "worker")
        return new_worker(self._steps + steps, self._args, self._kwargs)

    @override
    def __repr__(self) -> str:
        """Show the input, the task and the drains, as they are written."""
        return worker_code(self._steps, self._args, self._kwargs)

    @property
    def _input(self) -> object:
        return shown_input(self._steps[0], self._args, self._kwargs)


blank: Callable[[type[Worker[Any]]], Worker[Any]] = object.__new__
"""Makes a worker, to be filled by who calls this."""


def new_worker(
    steps: Steps, args: tuple[Any, ...], kwargs: Kwargs = None, /
) -> Worker[Any]:
    """Make a worker of steps and arguments; None if there are none by name."""
    worker = blank(Worker)
    worker._chain = steps[0] if len(steps) == 1 else steps
    worker._held = args
    worker._named = kwargs
    return worker


@dataclass(frozen=True, slots=True, eq=False)
class Uniform:
    """One worker for each value of an iterable or a drain."""

    values: Iterable[Any]
    steps: Steps

    @property
    def sinks(self) -> tuple[Sink[Any], ...]:
        """What all of them send to."""
        return sinks_of(self.steps)

    @property
    def code(self) -> str:
        """What one writes to make the batch."""
        return written(each_code(self.values), operands_of(self.steps))

    def __iter__(self) -> Iterator[Worker[Any]]:
        """Make the workers, as they are asked for."""
        steps = self.steps
        for value in self.values:
            yield new_worker(steps, (value,))

    def changed(self, change: Callable[[Steps], Steps]) -> Uniform:
        """Return the batch with `change` made to the steps of its workers."""
        return Uniform(self.values, change(self.steps))


@dataclass(frozen=True, slots=True, eq=False)
class Mixed:
    """Workers as an iterable gives them, each changed in the same way."""

    workers: Iterable[Worker[Any]]
    changes: tuple[Callable[[Steps], Steps], ...] = ()
    sinks: tuple[Sink[Any], ...] = ()
    """What was added to the batch itself; known before the first worker is."""

    operands: tuple[Operand, ...] = ()
    """What is written on the right of the batch for its changes."""

    @property
    def code(self) -> str:
        """What one writes to make the batch."""
        return written(f"Workers({values_code(self.workers)})", self.operands)

    def __iter__(self) -> Iterator[Worker[Any]]:
        """Change the workers, as they are asked for."""
        return map(self.finish, self.workers)

    def finish(self, worker: object) -> Worker[Any]:
        """Return what the iterable gave, changed.

        Raises:
            TypeError: if that is no worker.
        """
        if not _is_worker(worker):
            raise _checks.wrong_type("an item of Workers(...)", worker, "a Worker")

        steps = worker._steps
        for change in self.changes:
            steps = change(steps)

        return new_worker(steps, worker._args, worker._kwargs)

    def changed(self, change: Callable[[Steps], Steps]) -> Mixed:
        """Return the batch with `change` made to the steps of its workers."""
        return dataclasses.replace(self, changes=(*self.changes, change))

    def with_more(
        self, sinks: tuple[Sink[Any], ...], operands: Iterable[Operand]
    ) -> Mixed:
        """Return the batch with sinks of its own, and operands to show, added."""
        return dataclasses.replace(
            self, sinks=self.sinks + sinks, operands=(*self.operands, *operands)
        )


def _is_worker(value: object) -> TypeGuard[Worker[Any]]:
    return issubclass(type(value), Worker)


@final
class Workers(Generic[Out_co]):
    """Many workers, made lazily as a pool takes them.

    `each(values) >> task` and `drain >> task` make one worker per value. `Workers(...)`
    takes workers as they are, for inputs of several arguments.
    Immutable. Run again, it iterates again.

    Args:
        workers: an iterable of workers; iterated once it runs, in the thread that runs
            it, and by a pool in `go()`, in its caller's thread.

    Raises:
        TypeError: if `workers` is not iterable.
    """

    __slots__ = ("_batch",)

    _no_sink = NO_SINK
    _batch: Uniform | Mixed

    def __init__(self, workers: Iterable[Worker[Out_co]], /) -> None:
        self._batch = Mixed(
            _checks.iterable("workers", workers, "an iterable of workers")
        )

    @classmethod
    def _of(cls, batch: Uniform | Mixed) -> Workers[Any]:
        workers = cls.__new__(cls)
        workers._batch = batch
        return workers

    def execute(self) -> None:
        """Run each worker in turn, in the thread that calls.

        Failure: the first that fails ends it.
        """
        self._execute({})

    def execute_and_shut_down(self) -> None:
        """Run as `execute` does, then shut the drains of all that ran, even on failure."""
        ran: dict[int, Sink[Any]] = {}
        try:
            self._execute(ran)
        finally:
            _call.shut_down(ran.values())

    def shut_down(self) -> None:
        """Shut the drains of the batch.

        Those that workers given to `Workers(...)` brought along are not known.
        """
        _call.shut_down(self._batch.sinks)

    def with_retry(
        self, attempts: int, backoff: Delay = 0.0, *, retry_on: RetryOn = Exception
    ) -> Workers[Out_co]:
        """Return the batch with another retry policy for the last task of each worker.

        Args:
            attempts: how many in all, at least 1; 1 never retries.
            backoff: what to wait before the next attempt: seconds, a Backoff, or a
                function from Failure to seconds. A number is `Backoff(number)`.
            retry_on: which exceptions are retried.
        """
        policy = Policy.of(attempts, backoff, retry_on)
        return self._changed(lambda steps: with_last(steps, policy=policy))

    def drain_to(self, drain: Sink[Out_co], /) -> Workers[Out_co]:
        """Return the batch with one more drain, sent to in the order written."""
        added = sink("drain", drain)
        changed = self._changed(lambda steps: with_drain(steps, added))
        if isinstance(changed._batch, Mixed):
            return self._of(changed._batch.with_more((added,), [drain_operand(added)]))

        return changed

    __or__ = drain_to

    def __rshift__(self, task: Takes[Out_co, NewOut], /) -> Workers[NewOut]:
        """Return a batch whose workers run `task` on each of their outputs."""
        following = steps_after(task, "workers")
        changed = self._changed(lambda steps: steps + following)
        if isinstance(changed._batch, Mixed):
            sinks, operands = sinks_of(following), operands_of(following)
            return self._of(changed._batch.with_more(sinks, operands))

        return changed

    def results(
        self,
        *,
        pool: Pool | None = None,
        limit: int | None = None,
        ordered: bool = True,
        buffer: int | None = None,
        on_error: Literal["finish", "cancel", "keep"] = "finish",
    ) -> Results[Out_co]:
        """Return the outputs as they come, to be iterated.

        Order: input order, or the order in which they come with `ordered=False`.
        Blocking: nothing starts before the first `next()`, which iterates the inputs in
        its thread as `Pool.go` does. Then `next()` waits for an output, interruptibly;
        in a worker the wait lends the slot, so it may be of the same pool.
        Failure: told after the last output, once, as `Pool.wait` does; the iterator has
        ended then. With "cancel" it is told at once, before outputs that wait.
        Drains the workers have receive their outputs too. Leaving its `with` block,
        `close()` and dropping it cancel what is left; the first two wait for what runs.

        Args:
            pool: runs the workers, within its limit; their failures are not among the
                pool's own, and `Pool.cancel` ends the iterator with PoolCancelled. None
                is a pool for these results.
            limit: of that pool, how many attempts may run at any instant; None is
                `min(32, cpus + 4)`.
            ordered: whether all outputs of an input come before those of the next.
            buffer: how many inputs may be taken ahead, besides as many as the limit;
                None is the limit. They count from the oldest input that is not done,
                and until their outputs were taken.
            on_error: "finish" tells of all failures as one group, "cancel" cancels the
                rest at the first and raises that, "keep" tells of none.

        Raises:
            TypeError: if an argument is of the wrong type.
            ValueError: if one is out of range, or `limit` comes with `pool`.

        Example:
            >>> from fluent_async import each, task
            >>> @task
            ... def double(number: int) -> int:
            ...     return 2 * number
            >>> for output in (each([1, 2, 3]) >> double).results():
            ...     print(output)
            2
            4
            6
        """
        # It knows pools, which a description does not: so it is loaded here, by its name.
        results_of = import_module("fluent_async._results").results_of
        results: Results[Out_co] = results_of(
            self,
            pool=pool,
            limit=limit,
            ordered=ordered,
            buffer=buffer,
            on_error=on_error,
        )
        return results

    @override
    def __repr__(self) -> str:
        """Show where the inputs come from, the task and the drains, as they are written.

        Nothing is iterated.
        """
        return self._batch.code

    def _changed(self, change: Callable[[Steps], Steps]) -> Workers[Any]:
        return self._of(self._batch.changed(change))

    def _execute(self, ran: dict[int, Sink[Any]]) -> None:
        """Run each worker; note in `ran`, by their ids, what they send to."""
        sinks = self._batch.sinks
        ran.update((id(sink), sink) for sink in sinks)
        with _call.feeding(sinks):
            for worker in self._batch:
                sinks = sinks_of(worker._steps)
                ran.update((id(sink), sink) for sink in sinks)
                worker.execute()
