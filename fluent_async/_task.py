"""Task: a function with its policy and drains; a description, no threads."""

# mypy: allow-any-explicit
# Operators that do several things have overloads; what implements them takes anything.

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Generic,
    Protocol,
    Self,
    TypeGuard,
    cast,
    final,
    overload,
)

from typing_extensions import ParamSpec, TypeVar, override

from fluent_async import _call, _checks
from fluent_async._chain import Steps, name_of, with_drain, with_last
from fluent_async._code import task_code
from fluent_async._drain import Drain
from fluent_async._each import Each
from fluent_async._retry import Policy
from fluent_async._step import ONE
from fluent_async._worker import (
    Uniform,
    Worker,
    Workers,
    blank,
    new_worker,
)


if TYPE_CHECKING:
    from fluent_async._step import Step
    from fluent_async.typing import Delay, RetryOn, Seconds, Sink, Takes, TakesMany

    class _Call:
        """What makes a task callable; type checkers read `Task.__call__` instead."""

else:
    # Calls the function from C: a `__call__` in Python costs four times as much. Nothing
    # else of partial is meant to be used.
    _Call = functools.partial

P = ParamSpec("P")
MP = ParamSpec("MP")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
TaskOut_co = TypeVar("TaskOut_co", default=R_co, covariant=True)
Out_co = TypeVar("Out_co", covariant=True)
NewOut = TypeVar("NewOut")
T = TypeVar("T")
S = TypeVar("S")


class _Method(Protocol[MP, R_co, Out_co]):
    """A task as an attribute of a class: its first parameter is the instance."""

    def __call__(
        self, instance: Any, /, *args: MP.args, **kwargs: MP.kwargs
    ) -> R_co: ...
    def with_input(
        self, instance: Any, /, *args: MP.args, **kwargs: MP.kwargs
    ) -> Worker[Out_co]: ...


@final
class Task(Generic[P, R_co, TaskOut_co], _Call):  # noqa: PYI059  (its [] is Generic's)
    """A function with its policy and drains.

    Made by `@task` and `@stream`. Immutable: `with_*`, `|` and `>>` return new objects.
    Of tasks composed with `>>`, they change the last one.

    Calling a task calls the function, in the thread that calls, with the task's retries;
    timeout, limit, name and drains are for pools. Calling a stream gives an iterator
    over its outputs and is not retried. Calling a composition composes the calls, as an
    iterator if any of them is a stream.
    """

    __slots__ = ("_method", "_method_of", "_one", "_steps")

    __name__: str
    __qualname__: str
    __array_ufunc__: None = None
    """So that NumPy values on the left of >> bind as one value."""

    _no_sink: Final = "| takes a drain, not a task: tasks compose with >>"
    _steps: Steps
    _one: Step | Steps | None  # the step or steps, if one value is a whole input
    _method: Callable[..., Any] | None  # what methods call; None: it becomes none
    _method_of: tuple[Task[..., Any, Any], object]  # a method alone has it

    @classmethod
    def _of(
        cls, steps: Steps, attributes: dict[str, Any], *, binds: bool
    ) -> Task[Any, Any, Any]:
        task = _new(cls, _call.caller(steps))
        task._steps = steps
        task._one = _taking_one(steps)
        task._method = _call.method_caller(steps) if binds else None
        task.__dict__ = attributes
        return task

    @property
    def name(self) -> str:
        """What pools, errors and notes call it: the function's name unless `named`."""
        return name_of(self._steps)

    @property
    def __wrapped__(self) -> Callable[..., object]:
        """The bare function; of a composition, that of its first task."""
        return self._steps[0].fn

    if TYPE_CHECKING:

        def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R_co:
            """Call the function in this thread, retried as the task says."""
            ...

    else:

        def __new__(cls, *_: object, **__: object) -> None:
            raise TypeError("a Task is made by a decorator: write @task or @stream")

        def __getattr__(self, name: str) -> object:
            # A method's steps are made when asked for: calls, which are most of what
            # methods are for, do without.
            if name not in {"_steps", "_one"}:
                hint = f": write `value >> {self.name}`" if name == "execute" else ""
                raise AttributeError(f"a Task has no attribute {name!r}{hint}")

            unbound, instance = self._method_of
            first, *others = unbound._steps
            self._steps = (first.bound_to(instance), *others)
            self._one = _taking_one(self._steps)
            return getattr(self, name)

    def with_input(self, /, *args: P.args, **kwargs: P.kwargs) -> Worker[TaskOut_co]:
        """Return a worker: the task with its input, given as to the function.

        Raises:
            TypeError: if the function does not take these arguments.
        """
        self._steps[0].check_arity(args, kwargs)
        return new_worker(self._steps, args, kwargs or None)

    def with_retry(
        self, attempts: int, backoff: Delay = 0.0, *, retry_on: RetryOn = Exception
    ) -> Task[P, R_co, TaskOut_co]:
        """Return this task with another retry policy.

        Args:
            attempts: how many in all, at least 1; 1 never retries.
            backoff: what to wait before the next attempt: seconds, a Backoff, or a
                function from Failure to seconds. A number is `Backoff(number)`.
            retry_on: which exceptions are retried.
        """
        return self._with(policy=Policy.of(attempts, backoff, retry_on))

    def with_timeout(self, seconds: Seconds | None) -> Task[P, R_co, TaskOut_co]:
        """Return this task with a bound on how long one attempt runs in a pool.

        Args:
            seconds: at least 0; None is no bound.
        """
        return self._with(timeout=_checks.timeout("seconds", seconds))

    def with_limit(self, limit: int | None) -> Task[P, R_co, TaskOut_co]:
        """Return this task with a bound on its inputs in progress in one pool.

        Args:
            limit: at least 1; None is no bound but the pool's.
        """
        return self._with(limit=_checks.limit("limit", limit))

    def named(self, name: str) -> Task[P, R_co, TaskOut_co]:
        """Return this task with another name in pools, errors and notes."""
        return self._with(name=_checks.text("name", name))

    def drain_to(self, drain: Sink[TaskOut_co], /) -> Task[P, R_co, TaskOut_co]:
        """Return this task with one more drain; they are sent to in the order written.

        Raises:
            TypeError: if `drain` has no `send`.
        """
        return self._with_steps(with_drain(self._steps, drain))

    __or__ = drain_to

    def __rrshift__(self: Takes[T, NewOut], value: T, /) -> Worker[NewOut]:
        """Return a worker: the task with `value` as its input."""
        task: Any = self
        if task._one is None:
            task._steps[0].check_arity((value,), None)  # which it does not pass

        worker = blank(Worker)
        worker._chain = task._one or task._steps
        worker._held = value
        worker._named = ONE
        return worker

    # A task on the right composes: a stream anywhere in the chain makes a stream. Any
    # other value is bound as input.
    @overload
    def __rshift__(  # type: ignore[overload-overlap]
        self: Task[P, Iterator[S], S], task: Takes[S, NewOut], /
    ) -> Task[P, Iterator[NewOut], NewOut]: ...
    @overload
    def __rshift__(  # type: ignore[overload-overlap]
        self, task: TakesMany[TaskOut_co, NewOut], /
    ) -> Task[P, Iterator[NewOut], NewOut]: ...
    @overload
    def __rshift__(  # type: ignore[overload-overlap]
        self, task: Takes[TaskOut_co, NewOut], /
    ) -> Task[P, NewOut, NewOut]: ...
    @overload
    def __rshift__(self: Takes[T, NewOut], value: T, /) -> Worker[NewOut]: ...
    def __rshift__(self: Any, value: Any, /) -> Any:
        """Compose with a task, or bind any other value as input."""
        if _is_task(value):
            steps: Steps = self._steps + value._following()
            name = name_of(steps)
            attributes = {"__name__": name, "__qualname__": name, "__doc__": None}
            return Task._of(steps, attributes, binds=self._method is not None)

        _refuse_misplaced(value, self.name)
        return self.__rrshift__(value)

    @overload
    def __get__(self, instance: None, owner: type, /) -> Self: ...
    @overload
    def __get__(
        self: _Method[MP, R, NewOut], instance: object, owner: type, /
    ) -> Task[MP, R, NewOut]: ...
    def __get__(self: Any, instance: object, owner: type, /) -> Any:
        """Bind to an instance, as functions do."""
        if instance is None or self._method is None:
            return self

        method = _new(Task, self._method, instance)
        method._method = None
        method._method_of = (self, instance)
        method.__dict__ = self.__dict__
        return method

    @override
    def __reduce__(self) -> str:
        """Copy and pickle as functions do: by name."""
        return self.__qualname__

    @override
    def __repr__(self) -> str:
        """Show the decorated function, or what it was composed of."""
        return task_code(self._steps)

    def _with(self, **changes: Any) -> Task[P, R_co, TaskOut_co]:
        return self._with_steps(with_last(self._steps, **changes))

    def _with_steps(self, steps: Steps) -> Task[P, R_co, TaskOut_co]:
        return Task._of(steps, self.__dict__, binds=self._method is not None)

    def _following(self) -> Steps:
        """Return the steps, to follow others; each then gets one value.

        Raises:
            TypeError: if one value is no whole input.
        """
        if self._one is None:
            self._steps[0].check_arity((None,), None)

        return self._steps

    def _stage_of(self, values: Iterable[Any]) -> Workers[TaskOut_co]:
        """Return one worker per value of an iterable or a drain."""
        return Workers._of(Uniform(values, self._following()))


def _taking_one(steps: Steps) -> Step | Steps | None:
    """Return what a worker of one value has as its step or steps; None if there is none."""
    if not steps[0].arity.takes(1):
        return None

    return steps[0] if len(steps) == 1 else steps


_new = cast("Callable[..., Task[..., Any, Any]]", _Call.__new__)


def _refuse_misplaced(value: object, name: str) -> None:
    """Raise TypeError if `value` can't stand on the right of a task that `name` names."""
    kind = _checks.type_name(value).lower()
    if _checks.is_a(value, Drain):
        raise TypeError(
            f"a drain takes outputs with |, not with >>: write {name} | drain"
        )

    if _checks.is_a(value, (Worker, Workers, Each)):
        raise TypeError(
            f"{kind} has its input, and stands on the left: write {kind} >> {name}"
        )


def _is_task(value: object) -> TypeGuard[Task[..., Any, Any]]:
    return issubclass(type(value), Task)
