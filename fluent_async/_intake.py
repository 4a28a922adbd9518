"""Intake: makes a future of a call, and hands the call in to a pool."""

from __future__ import annotations

from contextvars import copy_context
from typing import TYPE_CHECKING, Any, cast

from fluent_async._exits import exits
from fluent_async._future import PoolFuture
from fluent_async._promise import Promise
from fluent_async._step import Kind
from fluent_async._task import Task
from fluent_async.errors import PoolClosed


if TYPE_CHECKING:
    from collections.abc import Callable

    from fluent_async._desk import Call
    from fluent_async._engine import Engine
    from fluent_async._future import Made
    from fluent_async._step import Step


AFTER = "cannot schedule new futures after"
_NO_KWARGS: dict[str, Any] = {}


class Intake:
    """Makes a future of each call, and hands the call in to one pool.

    `among` has the futures that are not done, or only those of tasks: whoever ends
    them, or adds them, changes it by one step that is atomic.
    """

    def __init__(self, engine: Engine, *, prepared: bool, counts: bool) -> None:
        self.engine = engine
        engine.threads.make_calls = True
        self.among: set[PoolFuture[Any]] = set()
        self._pool = engine.bell
        self._prepared = prepared  # calls run in the context of their thread
        self._counts = counts  # keeps all futures in `among`
        self.cancelled = False  # what was handed in and not begun, for good
        self.refusal: Callable[[], Exception] | None = None  # of every call from now on

    def refuse(self) -> None:
        """Raise if no call can be handed in."""
        if self.refusal is not None:
            raise self.refusal()

        if self.engine.closed:
            raise PoolClosed(f"{AFTER} shutdown")

        if exits.begun:
            raise RuntimeError(f"{AFTER} interpreter shutdown")

    def future(self, call: Made | None) -> PoolFuture[Any]:
        """Make a future of a call that is not handed in yet."""
        future: PoolFuture[Any] = PoolFuture(self._pool, call)
        if self._counts:
            future.join(self.among)

        return future

    def hand_in(
        self,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any] = _NO_KWARGS,
        late: bool = True,  # noqa: FBT001, FBT002  (a keyword costs more than the call)
    ) -> PoolFuture[Any]:
        """Hand in a call.

        Args:
            fn: is called.
            args: with these,
            kwargs: and with these.
            late: whether this is part of what was accepted before the pool was closed.
        """
        engine = self.engine
        if not late and (self.refusal is not None or engine.closed or exits.begun):
            self.refuse()

        context = None if self._prepared else copy_context()
        future: PoolFuture[Any] = PoolFuture(self._pool, (context, fn, args, kwargs))
        if self._counts:
            future.join(self.among)

        engine.hand_in(future)
        if not late and (self.refusal is not None or engine.closed):
            self._withdraw(future, future)

        return future

    def _withdraw(self, future: PoolFuture[Any], call: Call) -> None:
        """Take a call back that came too late, unless a thread has it already."""
        if self.engine.scheduler.desk.withdraw(call):
            future.cancel()
            self.refuse()

    def entrance(self, fn: Callable[..., Any]) -> Callable[..., PoolFuture[Any]]:
        """Return the method that hands in calls of `fn`: `hand_in`, or `promise`."""
        is_task = issubclass(type(fn), Task)
        if is_task and not self._is_plain(cast("Task[..., Any, Any]", fn)):
            return self.promise

        return self.hand_in

    def promise(
        self,
        task: Task[..., Any, Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any] = _NO_KWARGS,
        late: bool = True,  # noqa: FBT001, FBT002  (a keyword costs more than the call)
    ) -> PoolFuture[Any]:
        """Hand in a task, with its policy, as a worker of the pool; see `hand_in`."""
        if not late:
            self.refuse()

        worker = task.with_input(*args, **kwargs)
        future: PoolFuture[Any] = PoolFuture(self._pool, None)
        future.join(self.among)
        call = Promise(future, worker, self.engine)
        self.engine.hand_in(call)
        if not late and (self.refusal is not None or self.engine.closed):
            self._withdraw(future, call)

        return future

    def _is_plain(self, task: Task[..., Any, Any]) -> bool:
        """Say whether a task is made by one call of its function and nothing else."""
        first, *others = task._steps
        simple = first.policy is None and first.timeout is None and first.limit is None
        once = self.engine.policy.attempts == 1
        return simple and once and not others and _is_call(first)


def _is_call(step: Step) -> bool:
    return step.kind is Kind.PLAIN and not step.drains
