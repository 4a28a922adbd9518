"""Checks of arguments: one function per rule.

Each takes the parameter's name and what was given, returns it in its plain form, and
raises TypeError or ValueError with the name, the type of what was given, and the right
form. Values are never shown by their repr, which may raise.
"""

import inspect
import math
import numbers
import operator
import sys
from collections.abc import Callable, Collection
from datetime import timedelta
from functools import partial
from types import CoroutineType
from typing import SupportsIndex, TypeGuard, TypeVar

from fluent_async._signals import signals


T = TypeVar("T")


def type_name(value: object) -> str:
    """Name the type of `value`, whatever its metaclass says."""
    return class_name(type(value))


def class_name(kind: type[object]) -> str:
    """Name a class, whatever its metaclass says."""
    name: str = type.__dict__["__name__"].__get__(kind)
    return name


def name_of(fn: object) -> str:
    """Name a function, whatever it is; as its type if it has no name, or will not say."""
    while is_a(fn, partial):
        fn = fn.func

    name = attribute(fn, "__name__")
    return str.__str__(name) if is_a(name, str) else type_name(fn)


def is_a(value: object, kinds: type[T] | tuple[type[T], ...]) -> TypeGuard[T]:
    """Say whether `value` is one of `kinds` by its type, whatever it says of itself."""
    try:
        return issubclass(type(value), kinds)
    except Exception:  # where kinds are ABCs, which hash the type of the value
        return False


def attribute(value: object, name: str) -> object:
    """Return an attribute of `value`; None if there is none, or asking for it fails."""
    try:
        found: object = getattr(value, name, None)
    except BaseException as exc:
        if signals.may_have_raised(exc):
            raise

        return None

    return found


def wrong_type(name: str, value: object, right: str) -> TypeError:
    """Return the error for a `value` that is no `right`."""
    return TypeError(f"{name} must be {right}, not {type_name(value)}")


def whole(name: str, value: object, *, least: int) -> int:
    """Return `value` as a plain int of at least `least`; a bool is no number."""
    right = f"an int of at least {least}"
    number = _index(name, value, right)
    if number < least:
        # Beyond 4300 digits an int can't be printed.
        kind = type_name(value)
        shown = f"{kind} {number}" if number > -(10**9) else f"a large negative {kind}"
        raise ValueError(f"{name} must be {right}, not {shown}")

    return min(number, sys.maxsize)  # more is no more, and could not be printed


def seed(name: str, value: object) -> int:
    """Return `value` as a plain int, of any size and sign; a bool is no number."""
    return _index(name, value, "an int")


def _index(name: str, value: object, right: str) -> int:
    if is_a(value, bool) or not is_a(value, SupportsIndex):
        raise wrong_type(name, value, right)

    try:
        return int(operator.index(value))
    except Exception as exc:
        raise wrong_type(name, value, right) from exc


def number(name: str, value: object, right: str = "a finite number") -> float:
    """Return `value` as a finite float of at least 0; a bool is no number."""
    return _finite(name, value, _float(name, value, f"{right} of at least 0"), right)


def _finite(name: str, value: object, plain: float, right: str) -> float:
    if not 0 <= plain < math.inf:
        shown = f"{type_name(value)} {plain}"
        raise ValueError(f"{name} must be {right} of at least 0, not {shown}")

    return plain


def _float(name: str, value: object, right: str) -> float:
    if is_a(value, bool) or not is_a(value, numbers.Real):
        raise wrong_type(name, value, right)

    try:
        return float(value)
    except Exception as exc:
        raise ValueError(
            f"{name} must be {right}, not {type_name(value)} that no float can hold"
        ) from exc


def seconds(name: str, value: object) -> float:
    """Return `value`, a number or a timedelta, as finite seconds of at least 0."""
    right = "seconds, a finite number or timedelta,"
    if is_a(value, timedelta):
        return _finite(name, value, timedelta.total_seconds(value), right)

    return number(name, value, right)


def timeout(name: str, value: object) -> float | None:
    """Return `value` as `seconds` does; None waits for ever."""
    return None if value is None else seconds(name, value)


def patience(name: str, value: object) -> float | None:
    """Return `value` as `concurrent.futures` takes it: less than 0 is no time at all."""
    if value is None:
        return None

    right = "seconds, a number or timedelta,"
    if is_a(value, timedelta):
        return timedelta.total_seconds(value)

    plain = _float(name, value, right)
    if math.isnan(plain):
        raise ValueError(f"{name} must be {right}, not {type_name(value)} {plain}")

    return plain


def limit(name: str, value: object) -> int | None:
    """Return `value` as an int of at least 1; None is no limit."""
    return None if value is None else whole(name, value, least=1)


def flag(name: str, value: object) -> bool:
    """Return `value`, which must be True or False itself."""
    if not is_a(value, bool):
        raise wrong_type(name, value, "True or False")

    return value


def text(name: str, value: object) -> str:
    """Return `value` as a plain str."""
    if not is_a(value, str):
        raise wrong_type(name, value, "a str")

    return str.__str__(value)


def name(name: str, value: object) -> str | None:
    """Return `value` as a plain str; None is no name."""
    return None if value is None else text(name, value)


def choice(name: str, value: object, among: Collection[str]) -> str:
    """Return `value`, which must be one of the texts in `among`."""
    right = "one of " + ", ".join(f'"{each}"' for each in among)
    plain = text(name, value) if is_a(value, str) else None
    if plain is None:
        raise wrong_type(name, value, right)

    if plain not in among:
        raise ValueError(f"{name} must be {right}, not another str")

    return plain


def function(
    name: str, value: object, right: str = "a function"
) -> Callable[..., object]:
    """Return `value`, which must be callable with one argument, no class, and not async."""
    if not callable(value) or is_a(value, type):
        raise wrong_type(name, value, right)

    if is_async(value):
        raise TypeError(f"{name} must be {right}, not an async function")

    if is_generator(value):
        raise TypeError(f"{name} must be {right}, not a generator function")

    if not takes(value, 1):
        raise TypeError(
            f"{name} must be {right}, not one that can't be called with one argument"
        )

    return value


def called(name: str, value: object) -> Callable[..., object]:
    """Return `value`, which must be callable in whatever way."""
    if not callable(value):
        raise wrong_type(name, value, "callable")

    return value


def is_async(fn: Callable[..., object]) -> bool:
    """Say whether calling `fn` gives something to await or to iterate with async for."""
    return any(
        inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each)
        for each in bodies(fn)
    )


def is_generator(fn: Callable[..., object]) -> bool:
    """Say whether calling `fn` gives a generator."""
    return any(map(inspect.isgeneratorfunction, bodies(fn)))


def takes(fn: Callable[..., object], count: int) -> bool:
    """Say whether `fn` can be called with so many arguments; True if it hides that."""
    try:
        signature = inspect.signature(fn)
    except Exception:  # as of builtins, and of what has strange attributes
        return True

    try:
        signature.bind(*[None] * count)
    except TypeError:
        return False

    return True


def bodies(fn: Callable[..., object]) -> tuple[object, ...]:
    """Return what runs when `fn` is called: itself, and `__call__` of an object."""
    while True:
        if is_a(fn, partial):
            fn = fn.func
        elif is_a(fn, staticmethod):
            fn = fn.__func__
        else:
            break

    return (fn,) if is_a(fn, type) else (fn, type(fn).__call__)


def sink(name: str, value: T) -> T:
    """Return `value`, which must be an object that values can be sent to."""
    right = "a Drain, or an object with send(value)"
    if is_a(value, type):
        kind = class_name(value)
        raise TypeError(f"{name} must be {right}, not the class {kind}: write {kind}()")

    send = attribute(value, "send")
    if not callable(send) or issubclass(type(value), CoroutineType):
        raise wrong_type(name, value, right)

    if is_async(send):
        raise TypeError(
            f"{name} must be {right}, not {type_name(value)}, whose send is async"
        )

    return value


def iterable(name: str, value: T, right: str) -> T:
    """Return `value`, which must look iterable, and be no str or bytes."""
    if is_a(value, (str, bytes, bytearray)) or not is_iterable(value):
        raise wrong_type(name, value, right)

    return value


def is_iterable(value: object) -> bool:
    """Say whether `value` looks iterable; nothing of it is called."""
    kind = type(value)
    return hasattr(kind, "__iter__") or hasattr(kind, "__getitem__")
