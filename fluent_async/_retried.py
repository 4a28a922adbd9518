"""Retried: a function of a step, called in one's own thread until its policy is content."""

# mypy: allow-any-explicit
# Steps forget the types of their functions; Task and Worker remember them.

from __future__ import annotations

import inspect
from types import FunctionType
from typing import TYPE_CHECKING, Any

from typing_extensions import TypeVar

from fluent_async import _checks, _clock, _log, _wait
from fluent_async._retry import Failure, bounded_repr, note


if TYPE_CHECKING:
    from collections.abc import Callable

    from fluent_async._step import Kwargs, Step

R = TypeVar("R")


def shown_input(step: Step, args: tuple[Any, ...], kwargs: Kwargs) -> object:
    """Return what a Failure shows as the input of a call."""
    if kwargs:
        return step.arity.named(args, kwargs)

    if len(args) == 1:
        return args[0]

    return args or None


def attempts(
    step: Step,
    args: tuple[Any, ...],
    kwargs: Kwargs,
    once: Callable[[int], R],
    since: tuple[int, float] | None = None,
) -> R:
    """Return what the first attempt that succeeds gives.

    Args:
        step: whose policy it is.
        args: what is called with; for the Failure.
        kwargs: as well.
        once: makes one attempt, which it gets the number of.
        since: the number of the next attempt, and when the first began, if there was
            one.
    """
    attempt, began = since or (1, _clock.current().now())
    while True:
        try:
            return once(attempt)
        except Exception as exc:
            delay = _delay_after(step, (args, kwargs), attempt, began, exc)
            if delay is None:
                raise

        # Outside the except block, so that a later error does not drag this one along.
        _wait.pause(delay)
        attempt += 1


# What these return is called much, and seldom fails: what it does then is elsewhere, and
# the clock in use is looked up without the call that `current()` is.


def retried(step: Step) -> Callable[..., Any]:
    """Return the function of a step as a function that is retried."""
    fn = step.fn
    if _takes_one(fn):
        return _retried_of_one(step)

    def call(*args: Any, **kwargs: Any) -> Any:
        began = _clock._clock.now()
        try:
            return fn(*args, **kwargs)
        except Exception as exc:
            delay = _delay_after(step, (args, kwargs), 1, began, exc)
            if delay is None:
                raise

        return _again(step, (args, kwargs), began, delay)

    return call


def _retried_of_one(step: Step) -> Callable[..., Any]:
    """Do the same for a function of one parameter: most tasks take one input.

    With (*args, **kwargs) a call costs twice as much. The parameter gets the name that
    it has there, so that keywords work.
    """
    fn: Any = step.fn

    def call(value: Any) -> Any:
        began = _clock._clock.now()
        try:
            return fn(value)
        except Exception as exc:
            delay = _delay_after(step, ((value,), None), 1, began, exc)
            if delay is None:
                raise

        return _again(step, ((value,), None), began, delay)

    names = (fn.__code__.co_varnames[0], *call.__code__.co_varnames[1:])
    renamed = FunctionType(
        call.__code__.replace(co_varnames=names),
        globals(),
        fn.__name__,
        fn.__defaults__,
        call.__closure__,
    )
    renamed.__qualname__ = fn.__qualname__  # what a TypeError about arguments names
    return renamed


def retried_method(step: Step) -> Callable[..., Any]:
    """Return the function of a step as one that is retried, with an instance in front."""
    fn = step.fn

    def call(instance: Any, /, *args: Any, **kwargs: Any) -> Any:
        began = _clock._clock.now()
        try:
            return fn(instance, *args, **kwargs)
        except Exception as exc:
            bound = step.bound_to(instance)
            delay = _delay_after(bound, (args, kwargs), 1, began, exc)
            if delay is None:
                raise

        return _again(bound, (args, kwargs), began, delay)

    return call


def _takes_one(fn: object) -> bool:
    """Say whether `fn` has one parameter, by position or name, and no other."""
    if not isinstance(fn, FunctionType):
        return False

    code = fn.__code__
    starred = code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount)
    return counts == (1, 0, 0) and not starred


def _again(
    step: Step, call: tuple[tuple[Any, ...], Kwargs], began: float, delay: float
) -> Any:
    """Go on after a first attempt that failed."""
    args, kwargs = call
    _wait.pause(delay)
    return attempts(
        step, args, kwargs, lambda _: step.fn(*args, **(kwargs or {})), (2, began)
    )


def _delay_after(
    step: Step,
    call: tuple[tuple[Any, ...], Kwargs],
    attempt: int,
    began: float,
    exc: Exception,
) -> float | None:
    """Return the seconds to wait for the next attempt, or None: `exc` is final.

    A call whose arguments don't fit is no attempt: trying again would not mend it.
    """
    args, kwargs = call
    if step.policy is None or step.arity.mismatch(args, kwargs) is not None:
        return None

    elapsed = _clock.current().now() - began
    value = shown_input(step, args, kwargs)
    failure = Failure(step.name, value, attempt, elapsed, exc)
    delay = step.policy.decide(failure)
    if delay is None:
        note(failure, bounded_repr)
    else:
        log_retry(failure, delay)

    return delay


def log_retry(failure: Failure, delay: float, *, pool: str | None = None) -> None:
    """Tell that an attempt failed and another follows, in a pool or outside of any."""
    _log.info(
        "attempt %d of %s failed (%s); the next is in %.3g s",
        failure.attempt,
        failure.task,
        _checks.type_name(failure.exception),
        delay,
        pool=pool,
    )
