"""Promise: a task that was handed in, and the future that its end is told to."""

from __future__ import annotations

import dataclasses
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from fluent_async._chain import with_drain
from fluent_async._inputs import stages_of
from fluent_async._monitor import outside
from fluent_async._outcome import Outcome
from fluent_async._step import Kind
from fluent_async._work import End
from fluent_async._worker import new_worker


if TYPE_CHECKING:
    from collections.abc import Callable

    from fluent_async._desk import Tally
    from fluent_async._engine import Engine
    from fluent_async._future import PoolFuture
    from fluent_async._retry import Failure
    from fluent_async._stage import Stage
    from fluent_async._worker import Worker


class Promise:
    """A task at a desk, which a thread on shift takes in its turn: it goes to the pool.

    There it is a work like others, but what becomes of it is its future's alone.
    """

    def __init__(
        self, future: PoolFuture[Any], worker: Worker[Any], engine: Engine
    ) -> None:
        self._future = future
        self._engine = engine
        self._context = copy_context()
        self._worker = worker
        self._fn = worker._steps[0].fn
        self._outcome = Told(future, worker)

    def make(self, tally: Tally) -> End | None:
        """Give the pool the work; None if it has it, and counts it itself."""
        if not self._future.pending:
            return End.CANCELLED

        try:
            self._context.run(self._engine.go, self._stages, self._outcome, late=True)
        except Exception as exc:  # its drains are shut, or feed somebody else
            tally.begun += 1
            self._outcome.die(exc)
            self._outcome.tell_future(End.FAILED)
            return End.FAILED

        return None

    def settle(self, stand_by: Callable[[], bool]) -> bool:
        """Go on, or leave the shift for the work."""
        return not self._future.pending and stand_by()

    def drop(self) -> None:
        """Cancel it."""
        self._future.drop()

    def refuse(self, exc: BaseException) -> None:
        """Let it fail for this reason."""
        self._future.refuse(exc)

    def _stages(self, number: int) -> list[Stage]:
        """Make the worker that tells the future; not before, since it leads back here."""
        worker = self._worker
        steps = with_drain(worker._steps, self._outcome)
        first = dataclasses.replace(steps[0], fn=self._begin)
        told = new_worker((first, *steps[1:]), worker._args, worker._kwargs)
        return stages_of(self._engine.bell, number, [told])

    def _begin(self, *args: Any, **kwargs: Any) -> Any:
        """Call the task's function, unless the future was cancelled before."""
        return self._future.call(self._fn, args, kwargs)


class Told(Outcome):
    """What comes of the one work of a promise; a future is told, and nobody else.

    It is the sink of the outputs, too.
    """

    def __init__(self, future: PoolFuture[Any], worker: Worker[Any]) -> None:
        super().__init__(own=True)
        self._future = future
        self._fn = worker._steps[0].fn
        self._streams = any(step.kind is not Kind.PLAIN for step in worker._steps)
        self._outputs: list[Any] = []

    def send(self, output: Any, /) -> None:
        """Note an output."""
        self._outputs.append(output)

    @override
    def fail(self, key: tuple[int, ...], failure: Failure) -> None:
        """Note what the work ended with."""
        self._future.fail(self._fn, failure.exception)

    @override
    def die(self, fatal: BaseException | None) -> None:
        """Note what the work, or what came of judging it, ended with."""
        assert fatal is not None
        self._future.fail(self._fn, fatal)

    @override
    def end(self, end: End) -> None:
        """Tell the future, once this thread has left the monitor."""
        outside(partial(self.tell_future, end))

    def tell_future(self, end: End) -> None:
        """Tell the future how the work ended."""
        outputs, self._outputs = self._outputs, []
        if end is End.CANCELLED:
            self._future.drop()
            return

        if end is End.SUCCEEDED:
            self._future.give(iter(outputs) if self._streams else outputs.pop())

        self._future.begin()
        self._future.settle(bool)
