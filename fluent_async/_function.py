"""Function: what can be decorated, and what its code and signature say about it."""

# mypy: allow-any-explicit
# It may be any function.

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from types import MethodType
from typing import Any, TypeAlias, TypeGuard, cast

from fluent_async import _checks
from fluent_async._step import Args, Arity, signature_of
from fluent_async._task import Task


Fn: TypeAlias = Callable[..., Any]


def target_of(decorator: str, fn: object) -> Fn:
    """Return the function to call, after refusing what can be no task."""
    if _checks.is_a(fn, classmethod):
        raise TypeError(
            f"{decorator} goes on a function, not on a classmethod: leave "
            f"{decorator} away and write `name = {decorator[1:]}(Class.method)`"
        )

    target: object = fn.__func__ if _is_static(fn) else fn
    if not callable(target):
        raise TypeError(
            f"{decorator} goes on a function, not on {_checks.type_name(fn)}: write "
            f"{decorator} or {decorator}(retry=3) above a `def`"
        )

    if _is_task(target):
        raise TypeError(
            f"{decorator} is on a Task already: write one decorator, and change a task "
            "with its with_... methods"
        )

    if _checks.is_async(target):
        raise TypeError(
            f"{decorator} goes on a function, not on an async one: threads run tasks, "
            "so write a plain `def`, in which asyncio.run() may call what is async"
        )

    return target


def _is_task(fn: object) -> bool:
    # By its type: there are objects that have any attribute one asks for.
    while not _checks.is_a(fn, Task):
        if _checks.is_a(fn, partial):
            fn = fn.func
        elif _checks.is_a(fn, _WRAPPERS):
            fn = getattr(fn, "__func__")  # noqa: B009  (which checkers don't know it has)
        else:
            return False

    return True


_WRAPPERS: tuple[type[object], ...] = (MethodType, staticmethod, classmethod)


def _is_static(fn: object) -> TypeGuard[staticmethod[..., Any]]:
    return issubclass(type(fn), staticmethod)


_NEVER_METHODS = (partial, MethodType, type)


def binds(target: Fn) -> bool:
    """Say whether `target` becomes a method of the class it is an attribute of."""
    kind = type(target)
    return hasattr(kind, "__get__") and not issubclass(kind, _NEVER_METHODS)


def _parameters(fn: Fn) -> list[inspect.Parameter]:
    try:
        return list(signature_of(fn).parameters.values())
    except Exception:  # as in Arity.of
        return []


_FORWARDREF = 3  # of 3.14's annotationlib.Format: what is not defined yet is named


def annotations_of(fn: Fn) -> dict[str, Any]:
    """Return the annotations of a function, with references to names not defined yet."""
    try:
        return fn.__annotations__
    except Exception:  # from 3.14 on they are evaluated now, which such names fail
        with suppress(Exception):
            return cast(
                "dict[str, Any]",
                import_module("annotationlib").get_annotations(fn, format=_FORWARDREF),
            )

        return {}


def args_place(fn: Fn) -> int | None:
    """Return which parameter is annotated as Args, 0 or 1; None if neither is."""
    for place, parameter in enumerate(_parameters(fn)[:2]):
        if _is_args(parameter.annotation, fn):
            return place

    return None


def args_arity(fn: Fn, place: int) -> Arity:
    """Return what a task takes whose function takes Args: the input in their place."""
    given = _parameters(fn)
    others = [
        each.name
        for each in given[place + 1 :]
        if each.default is each.empty
        and each.kind not in {each.VAR_POSITIONAL, each.VAR_KEYWORD}
    ]
    if others:
        raise TypeError(
            f"{_checks.name_of(fn)} takes Args, which hold all its input, and {others[0]}: "
            f"give {others[0]} a default, or make it part of the input"
        )

    taken = [
        each.replace(kind=each.POSITIONAL_ONLY, default=each.empty)
        for each in given[: place + 1]
    ]
    taken[place] = taken[place].replace(name="input")
    return Arity(place + 1, place + 1, inspect.Signature(taken))


def _is_args(annotation: object, fn: Fn) -> bool:
    """Say whether an annotation, as it is or as a string, is Args or an alias of it."""
    if isinstance(annotation, str):
        path = annotation.strip().partition("[")[0].split(".")
        annotation = _looked_up(path, fn)
        if annotation is None:  # a name that only type checkers know
            return path[-1] == Args.__name__

    for _ in range(MOST_ALIASES):
        if annotation is Args:
            return True

        annotation = getattr(annotation, "__value__", None) or getattr(
            annotation, "__origin__", None
        )

    return False


MOST_ALIASES = 8  # of an alias; more than anybody writes, and it ends on a cycle


def _looked_up(path: list[str], fn: Fn) -> object:
    """Return what a dotted name stands for where `fn` was written; None if unknown."""
    for body in _checks.bodies(inspect.unwrap(fn)):
        found = getattr(body, "__globals__", {}).get(path[0])
        for name in path[1:]:
            found = getattr(found, name, None)

        if found is not None:
            return found

    return None
