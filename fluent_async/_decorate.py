"""The decorators `task` and `stream`: from a function to a Task."""

# mypy: allow-any-explicit
# What implements the overloads takes any function.

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, overload

from typing_extensions import ParamSpec, TypeVar

from fluent_async import _checks
from fluent_async._function import (
    Fn,
    annotations_of,
    args_arity,
    args_place,
    binds,
    target_of,
)
from fluent_async._retry import policy_of
from fluent_async._step import Args, Arity, Kind, Step
from fluent_async._task import Task


if TYPE_CHECKING:
    from fluent_async._retry import Policy
    from fluent_async.typing import Delay, RetryOn, Seconds

P = ParamSpec("P")
R = TypeVar("R")
NewOut = TypeVar("NewOut")
T = TypeVar("T")
S = TypeVar("S")
V = TypeVar("V")


class _TaskDecorator(Protocol):
    def __call__(self, fn: Callable[P, R], /) -> Task[P, R, R]: ...


class _StreamDecorator(Protocol):
    @overload
    def __call__(
        self, fn: Callable[P, Generator[T, S, V]], /
    ) -> Task[P, Generator[T, S, V], T]: ...
    @overload
    def __call__(self, fn: Callable[P, Iterable[T]], /) -> Task[P, Iterator[T], T]: ...
    @overload
    def __call__(
        self, fn: Callable[[Args[T, NewOut]], None], /
    ) -> Task[[T], Iterator[NewOut], NewOut]: ...
    @overload
    def __call__(
        self, fn: Callable[[S, Args[T, NewOut]], None], /
    ) -> Task[[S, T], Iterator[NewOut], NewOut]: ...


class Settings(NamedTuple):
    """What a decorator is told, checked."""

    policy: Policy | None
    timeout: float | None
    limit: int | None
    name: str | None


_NOTHING: Final = object()


@overload
def task(fn: Callable[P, R], /) -> Task[P, R, R]: ...
@overload
def task(
    *,
    retry: int | None = None,
    backoff: Delay | None = None,
    retry_on: RetryOn | None = None,
    timeout: Seconds | None = None,
    limit: int | None = None,
    name: str | None = None,
) -> _TaskDecorator: ...
def task(
    fn: Any = _NOTHING,
    /,
    *,
    retry: int | None = None,
    backoff: Delay | None = None,
    retry_on: RetryOn | None = None,
    timeout: Seconds | None = None,
    limit: int | None = None,
    name: str | None = None,
) -> Any:
    """Make a task of a function: one output per input, what it returns, None included.

    Used bare or with settings. The task is still that function: calling it calls the
    function, and methods bind.

    Args:
        fn: a function, or anything that can be called; not async, not a generator
            function, and without Args: those with any number of outputs are for
            `@stream`.
        retry: attempts in all; 1 never retries, None takes the pool's whole policy.
        backoff: what to wait before the next attempt: seconds, a Backoff, or a function
            from Failure to seconds. A number is `Backoff(number)`; None waits not at all.
        retry_on: which exceptions are retried: a class, a tuple of them, or a function
            from Exception to bool; None is Exception. FluentAsyncError never is, except
            TaskTimeout.
        timeout: how long one attempt may run in a pool, in seconds; None is no bound.
        limit: how many inputs may be in progress in one pool; None is no bound but the
            pool's.
        name: what pools, errors and notes call it; None is the function's own name.

    Raises:
        TypeError: if `fn` can be no task, or a setting is of the wrong type.
        ValueError: if a setting is out of its range, or says nothing without `retry`.

    Example:
        >>> @task(retry=3)
        ... def double(number: int) -> int:
        ...     return 2 * number
        >>> double(4)
        8
    """
    settings = _settings(retry, backoff, retry_on, timeout, limit, name)
    make = partial(_task, settings=settings)
    return make if fn is _NOTHING else make(fn)


@overload
def stream(
    fn: Callable[P, Generator[T, S, V]], /
) -> Task[P, Generator[T, S, V], T]: ...
@overload
def stream(fn: Callable[P, Iterable[T]], /) -> Task[P, Iterator[T], T]: ...
@overload
def stream(
    fn: Callable[[Args[T, NewOut]], None], /
) -> Task[[T], Iterator[NewOut], NewOut]: ...
@overload
def stream(
    fn: Callable[[S, Args[T, NewOut]], None], /
) -> Task[[S, T], Iterator[NewOut], NewOut]: ...
@overload
def stream(
    *,
    retry: int | None = None,
    backoff: Delay | None = None,
    retry_on: RetryOn | None = None,
    timeout: Seconds | None = None,
    limit: int | None = None,
    name: str | None = None,
) -> _StreamDecorator: ...
def stream(
    fn: Any = _NOTHING,
    /,
    *,
    retry: int | None = None,
    backoff: Delay | None = None,
    retry_on: RetryOn | None = None,
    timeout: Seconds | None = None,
    limit: int | None = None,
    name: str | None = None,
) -> Any:
    """Make a task of a function with any number of outputs per input.

    They are what a generator function yields, the items of an iterable it returns, or
    what it sends if its first parameter, or second after `self`, is an `Args[In, Out]`.

    Args:
        fn: such a function; not async.
        retry: attempts in all; 1 never retries. With more, outputs go out together when
            an attempt succeeds. None takes the pool's whole policy if it takes Args, and
            is 1 otherwise.
        backoff: as in `task`.
        retry_on: as in `task`.
        timeout: as in `task`; waiting for room in a drain does not count.
        limit: as in `task`.
        name: as in `task`.

    Raises:
        TypeError: if `fn` can be no stream, or a setting is of the wrong type.
        ValueError: if a setting is out of its range, or says nothing without `retry`.

    Example:
        >>> @stream
        ... def words(line: str) -> list[str]:
        ...     return line.split()
        >>> list(words("to be"))
        ['to', 'be']
    """
    settings = _settings(retry, backoff, retry_on, timeout, limit, name)
    make = partial(_stream, settings=settings)
    return make if fn is _NOTHING else make(fn)


def _settings(  # noqa: PLR0917
    retry: int | None,
    backoff: Delay | None,
    retry_on: RetryOn | None,
    timeout: Seconds | None,
    limit: int | None,
    name: str | None,
) -> Settings:
    """Check the settings of a decorator, and return what they are in a step."""
    return Settings(
        policy_of(retry, backoff, retry_on),
        _checks.timeout("timeout", timeout),
        _checks.limit("limit", limit),
        _checks.name("name", name),
    )


def _task(fn: object, settings: Settings) -> Task[..., Any, Any]:
    target = target_of("@task", fn)
    if _checks.is_generator(target):
        raise TypeError(
            f"{_checks.name_of(target)} is a generator function: write @stream above it, not @task"
        )

    if args_place(target) is not None:
        raise TypeError(
            f"{_checks.name_of(target)} takes Args: write @stream above it, not @task"
        )

    return _made(fn, target, Kind.PLAIN, Arity.of(target), settings)


def _stream(fn: object, settings: Settings) -> Task[..., Any, Any]:
    target = target_of("@stream", fn)
    place = args_place(target)
    if place is None:
        return _made(fn, target, Kind.ITERABLE, Arity.of(target), settings)

    if _checks.is_generator(target):
        raise TypeError(
            f"{_checks.name_of(target)} takes Args and yields: write args.drainer.send(value) "
            "instead of yield, or take the input instead of Args"
        )

    return _made(fn, target, Kind.ARGS, args_arity(target, place), settings)


def _made(
    fn: object, target: Fn, kind: Kind, arity: Arity, settings: Settings
) -> Task[..., Any, Any]:
    name = _checks.name_of(target)
    step = Step(
        target,
        kind,
        settings.name if settings.name is not None else name,
        arity,
        origin=target,
        policy=settings.policy,
        timeout=settings.timeout,
        limit=settings.limit,
    )
    like: Any = SimpleNamespace()
    attributes = vars(functools.update_wrapper(like, target))
    attributes.setdefault("__name__", name)
    attributes.setdefault("__qualname__", name)
    attributes.setdefault("__annotations__", annotations_of(target))
    return Task._of((step,), attributes, binds=fn is target and binds(target))
