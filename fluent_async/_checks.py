"""Checks of arguments: one function per rule.

Each takes the parameter's name and what was given, returns it in its plain form, and
raises TypeError or ValueError with the name, the type of what was given, and the right
form. Values are never shown by their repr, which may raise.
"""

import inspect
import math
import numbers
import operator
from collections.abc import Callable, Collection
from datetime import timedelta
from functools import partial
from typing import SupportsIndex, TypeVar

from fluent_async._signals import signals


T = TypeVar("T")


def type_name(value: object) -> str:
    """Name the type of `value`, whatever its metaclass says."""
    name: str = type.__dict__["__name__"].__get__(type(value))
    return name


def name_of(fn: object) -> str:
    """Name a function, whatever it is; as its type if it has no name, or will not say."""
    while isinstance(fn, partial):
        fn = fn.func

    try:
        name = getattr(fn, "__name__", None)
        return str.__str__(name) if isinstance(name, str) else type_name(fn)
    except BaseException as exc:
        if signals.may_have_raised(exc):
            raise

        return type_name(fn)


def wrong_type(name: str, value: object, right: str) -> TypeError:
    """Return the error for a `value` that is no `right`."""
    return TypeError(f"{name} must be {right}, not {type_name(value)}")


def whole(name: str, value: object, *, least: int) -> int:
    """Return `value` as a plain int of at least `least`; a bool is no number."""
    right = f"an int of at least {least}"
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        raise wrong_type(name, value, right)

    try:
        number = operator.index(value)
    except Exception as exc:
        raise wrong_type(name, value, right) from exc

    if number < least:
        # Beyond 4300 digits an int can't be printed.
        shown = f"int {number}" if number > -(10**9) else "a large negative int"
        raise ValueError(f"{name} must be {right}, not {shown}")

    return number


def seed(name: str, value: object) -> int:
    """Return `value` if it is an int, of any size and sign; a bool is no number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(name, value, "an int")

    return value


def number(name: str, value: object, right: str = "a finite number") -> float:
    """Return `value` as a finite float of at least 0; a bool is no number."""
    right = f"{right} of at least 0"
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise wrong_type(name, value, right)

    try:
        plain = float(value)
    except Exception as exc:
        raise ValueError(
            f"{name} must be {right}, not {type_name(value)} that no float can hold"
        ) from exc

    if not 0 <= plain < math.inf:
        raise ValueError(f"{name} must be {right}, not {type_name(value)} {plain}")

    return plain


def seconds(name: str, value: object) -> float:
    """Return `value`, a number or a timedelta, as finite seconds of at least 0."""
    if isinstance(value, timedelta):
        value = value.total_seconds()

    return number(name, value, "seconds, a finite number or timedelta,")


def timeout(name: str, value: object) -> float | None:
    """Return `value` as `seconds` does; None waits for ever."""
    return None if value is None else seconds(name, value)


def limit(name: str, value: object) -> int | None:
    """Return `value` as an int of at least 1; None is no limit."""
    return None if value is None else whole(name, value, least=1)


def flag(name: str, value: object) -> bool:
    """Return `value`, which must be True or False itself."""
    if not isinstance(value, bool):
        raise wrong_type(name, value, "True or False")

    return value


def text(name: str, value: object) -> str:
    """Return `value` as a plain str."""
    if not isinstance(value, str):
        raise wrong_type(name, value, "a str")

    return str.__str__(value)


def name(name: str, value: object) -> str | None:
    """Return `value` as a plain str; None is no name."""
    return None if value is None else text(name, value)


def choice(name: str, value: object, among: Collection[str]) -> str:
    """Return `value`, which must be one of the texts in `among`."""
    right = "one of " + ", ".join(f'"{each}"' for each in among)
    plain = text(name, value) if isinstance(value, str) else None
    if plain is None:
        raise wrong_type(name, value, right)

    if plain not in among:
        raise ValueError(f"{name} must be {right}, not another str")

    return plain


def function(
    name: str, value: object, right: str = "a function"
) -> Callable[..., object]:
    """Return `value`, which must be callable, no class, and not async."""
    if not callable(value) or isinstance(value, type):
        raise wrong_type(name, value, right)

    if is_async(value):
        raise TypeError(f"{name} must be {right}, not an async function")

    return value


def is_async(fn: Callable[..., object]) -> bool:
    """Say whether calling `fn` gives something to await or to iterate with async for."""
    return any(
        inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each)
        for each in bodies(fn)
    )


def bodies(fn: Callable[..., object]) -> tuple[object, ...]:
    """Return what runs when `fn` is called: itself, and `__call__` of an object."""
    while isinstance(fn, partial | staticmethod):
        fn = fn.func if isinstance(fn, partial) else fn.__func__

    return (fn,) if isinstance(fn, type) else (fn, type(fn).__call__)


def sink(name: str, value: T) -> T:
    """Return `value`, which must be an object that values can be sent to."""
    right = "a Drain, or an object with send(value)"
    if isinstance(value, type):
        raise TypeError(
            f"{name} must be {right}, not the class {value.__name__}: write "
            f"{value.__name__}()"
        )

    if not callable(getattr(value, "send", None)):
        raise wrong_type(name, value, right)

    return value


def iterable(name: str, value: T, right: str) -> T:
    """Return `value`, which must look iterable, and be no str or bytes."""
    if isinstance(value, str | bytes | bytearray) or not is_iterable(value):
        raise wrong_type(name, value, right)

    return value


def is_iterable(value: object) -> bool:
    """Say whether `value` looks iterable; nothing of it is called."""
    kind = type(value)
    return hasattr(kind, "__iter__") or hasattr(kind, "__getitem__")
