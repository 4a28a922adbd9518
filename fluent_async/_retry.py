"""Retries: how often, after which failures, how long to wait; pure, no clock, no threads."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass
from datetime import timedelta
from numbers import Real
from typing import TYPE_CHECKING, Final, Self, cast, final

from typing_extensions import override

from fluent_async import _checks
from fluent_async._signals import signals
from fluent_async._simulator import random
from fluent_async._text import cut, printable
from fluent_async.errors import FluentAsyncError, TaskTimeout


if TYPE_CHECKING:
    from collections.abc import Callable

    from fluent_async.typing import Delay, RetryOn, Seconds


@final
class Backoff:
    """Delays that grow from attempt to attempt, up to a maximum, with random jitter.

    Before attempt n + 1 it is ``min(maximum, d + uniform(0, jitter * d))`` seconds,
    where ``d = initial * factor ** (n - 1)``; this cannot overflow. Jitter keeps inputs
    that failed together from coming back together: Marc Brooker, "Exponential Backoff
    And Jitter", AWS Architecture Blog, 4 March 2015. Ours adds to d and never shortens
    it, so `initial` is the least delay, as in his "Equal Jitter".

    Immutable; equal when its numbers are; its repr makes it again.

    Args:
        initial: the delay before the second attempt, jitter left out.
        factor: by what each delay is longer than the one before; at least 0.
        maximum: no delay is longer than this.
        jitter: what may be added to a delay, as a part of it; 0 adds nothing.

    Raises:
        TypeError: if an argument is neither a number nor, where seconds, a timedelta.
        ValueError: if one is negative, NaN or infinite.

    Example:
        >>> Backoff(0.5, jitter=0)
        Backoff(0.5, factor=2.0, maximum=60.0, jitter=0.0)
    """

    __slots__ = ("_factor", "_initial", "_jitter", "_maximum")

    _initial: Final[float]
    _factor: Final[float]
    _maximum: Final[float]
    _jitter: Final[float]

    def __init__(
        self,
        initial: Seconds,
        *,
        factor: float = 2.0,
        maximum: Seconds = 60.0,
        jitter: float = 0.5,
    ) -> None:
        self._initial = _checks.seconds("initial", initial)
        self._factor = _checks.number("factor", factor)
        self._maximum = _checks.seconds("maximum", maximum)
        self._jitter = _checks.number("jitter", jitter)

    def __call__(self, failure: Failure, /) -> float:
        """Return the seconds to wait after `failure`."""
        if not _checks.is_a(failure, Failure):
            raise _checks.wrong_type("failure", failure, "a Failure")

        delay = self._without_jitter(failure.attempt)
        if delay >= self._maximum:
            return self._maximum

        # In this order a jitter that overflows times a draw of 0 is 0 and not NaN.
        return min(self._maximum, delay + random() * self._jitter * delay)

    def _without_jitter(self, attempt: int) -> float:
        if not self._initial:
            return 0.0

        try:
            return self._initial * self._factor ** (attempt - 1)
        except OverflowError:
            return self._maximum

    def _key(self) -> tuple[float, ...]:
        return (self._initial, self._factor, self._maximum, self._jitter)

    @override
    def __eq__(self, other: object) -> bool:
        if not _checks.is_a(other, Backoff):
            return NotImplemented

        return self._key() == other._key()

    @override
    def __hash__(self) -> int:
        return hash(self._key())

    @override
    def __repr__(self) -> str:
        initial, factor, maximum, jitter = self._key()
        return f"Backoff({initial}, {factor=}, {maximum=}, {jitter=})"


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Failure:
    """One failed attempt, or a worker that failed for good. Frozen; equal only to itself.

    Attributes:
        task: the name of the task.
        input: the one value it was given; the tuple of them if there were several, a
            dict by parameter if there were keywords, None if there was nothing.
        attempt: which attempt failed, from 1; for a worker that failed, its last.
        elapsed: seconds since the first attempt began.
        exception: what it raised, as it is.
    """

    task: Final[str]
    input: Final[object]
    attempt: Final[int]
    elapsed: Final[float]
    exception: Final[Exception]

    @override
    def __repr__(self) -> str:
        return (
            f"<Failure {self.task}({bounded_repr(self.input)}), attempt {self.attempt}, "
            f"{self.elapsed:.2f} s: {_shown(self.exception)}>"
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """What is done about a failed attempt."""

    attempts: int
    delay: Callable[[Failure], object]
    retries: Callable[[Exception], object]

    @classmethod
    def of(
        cls, attempts: int, backoff: Delay = 0.0, retry_on: RetryOn = Exception
    ) -> Self:
        """Check what a user gave, and return the policy it describes."""
        return cls(
            _checks.whole("attempts", attempts, least=1),
            _delay(backoff),
            _retries(retry_on),
        )

    @property
    def retries_all(self) -> bool:
        """Whether it retries every exception that may be retried."""
        return self.retries is _all

    @property
    def backoff_code(self) -> str | None:
        """What one writes for its backoff; None: nothing, since it does not wait."""
        if not isinstance(self.delay, Backoff):
            return "..."

        seconds = self.delay._initial
        if self.delay == Backoff(seconds):
            return f"{seconds:g}" if seconds else None

        return repr(self.delay)

    def decide(self, failure: Failure) -> float | None:
        """Return the seconds until the next attempt, or None: the failure is final.

        This runs code of the user's. What that code raises, or a delay that is none,
        makes the failure final, with a note on its exception that says why.
        """
        if failure.attempt >= self.attempts or _is_ours(failure.exception):
            return None

        try:
            if not self.retries(failure.exception):
                return None

            return _checks.seconds("the delay that backoff gave", self.delay(failure))
        except Exception as exc:
            _add_note(failure.exception, f"not retried, since {_shown(exc)}")
            return None


def policy_of(
    retry: int | None, backoff: Delay | None, retry_on: RetryOn | None
) -> Policy | None:
    """Return the policy that settings named so describe; None if `retry` is None.

    Raises:
        ValueError: if `backoff` or `retry_on` is given without `retry`.
    """
    delay = _delay(0.0 if backoff is None else backoff)
    retries = _retries(Exception if retry_on is None else retry_on)
    if retry is not None:
        return Policy(_checks.whole("retry", retry, least=1), delay, retries)

    for name, value in (("backoff", backoff), ("retry_on", retry_on)):
        if value is not None:
            raise ValueError(
                f"{name} says nothing without retry: write retry=3, {name}=..."
            )

    return None


def note(failure: Failure, describe: Callable[[object], str]) -> None:
    """Add one note to the exception of `failure`: task, input, attempts, seconds.

    Nothing happens if the exception takes no notes.
    """
    _add_note(failure.exception, summary(failure, describe))


def summary(failure: Failure, describe: Callable[[object], str]) -> str:
    """Say in one line what failed: task, input, attempts, seconds."""
    attempts = "1 attempt" if failure.attempt == 1 else f"{failure.attempt} attempts"
    value = shown(failure.input, describe)
    return f"{failure.task}({value}) failed after {attempts}, {failure.elapsed:.2f} s"


def shown(value: object, describe: Callable[[object], str]) -> str:
    """Show an input by `describe`, or by its type if that raises or gives no str.

    In one line of at most 1,000 characters: control characters are escaped.
    """
    try:
        text = str.__str__(describe(value))[: LONGEST_TEXT + 1]
        return cut(printable(text), LONGEST_TEXT)
    except BaseException as exc:
        if signals.may_have_raised(exc):
            raise

        return f"<{_checks.type_name(value)}>"


LONGEST_REPR = 200  # characters: two or three lines of a terminal
LONGEST_TEXT = 1000  # characters that `describe` gives: a screen
MOST_BITS = 14_000  # of an int: some 4,200 digits, and Python prints 4,300
MOST_NOTES = 20  # on one exception object, which may be raised again and again


def bounded_repr(value: object) -> str:
    """Show any value in one line of at most 200 characters; what its repr raises is lost."""
    try:
        shown = _escaped(_repr.repr(value))
    except BaseException as exc:
        if signals.may_have_raised(exc):
            raise

        shown = f"<{_checks.type_name(value)}>"

    return cut(shown, LONGEST_REPR)


class _Repr(reprlib.Repr):
    """Looks at no more of a container or a text than will be shown."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = LONGEST_REPR
        self.maxlong = 40

    @override
    def repr_int(self, x: int, level: int) -> str:
        """Show an int; one that has too many digits for Python by its type."""
        if x.bit_length() > MOST_BITS:
            return f"<{_checks.type_name(x)}>"

        return super().repr_int(x, level)

    def repr_bytes(self, value: bytes, level: int) -> str:  # noqa: ARG002
        """Show the beginning of long bytes; reprlib would make the whole text first."""
        return repr(value) if len(value) <= LONGEST_REPR else f"<{len(value)} bytes>"

    repr_bytearray = repr_bytes

    @override
    def repr_instance(self, x: object, level: int) -> str:
        """Show any other value; one whose repr raises is named by its type."""
        try:
            return repr(x)
        except BaseException as exc:
            if signals.may_have_raised(exc):
                raise

            return f"<{_checks.type_name(x)}>"


_repr = _Repr()


def _escaped(text: str) -> str:
    return printable(str.__str__(text)[:LONGEST_REPR])


def _shown(exc: Exception) -> str:
    """Name an exception and what it says, in one line; what that raises is lost."""
    try:
        says = _escaped(str(exc))
    except BaseException as raised:
        if signals.may_have_raised(raised):
            raise

        says = "?"

    return cut(f"{_checks.type_name(exc)}: {says}", LONGEST_REPR)


def _add_note(exc: Exception, text: str) -> None:
    try:
        if len(getattr(exc, "__notes__", ())) < MOST_NOTES:
            exc.add_note(text)
    except BaseException as raised:  # one that takes no notes goes without
        if signals.may_have_raised(raised):
            raise


def _is_ours(exc: Exception) -> bool:
    return isinstance(exc, FluentAsyncError) and not isinstance(exc, TaskTimeout)


def _delay(backoff: object) -> Callable[[Failure], object]:
    if _checks.is_a(backoff, Backoff):
        return backoff

    right = "seconds, a Backoff, or a function from Failure to seconds"
    if callable(backoff):
        return _checks.function("backoff", backoff, right)

    if _checks.is_a(backoff, bool) or not _checks.is_a(backoff, (Real, timedelta)):
        raise _checks.wrong_type("backoff", backoff, right)

    return Backoff(_checks.seconds("backoff", backoff))


def _retries(retry_on: object) -> Callable[[Exception], object]:
    if retry_on is Exception:
        return _all

    right = "an Exception class, a tuple of them, or a function from Exception to bool"
    if _checks.is_a(retry_on, tuple):
        given = cast("tuple[object, ...]", retry_on)
        kinds = tuple(_exception_class(each, right) for each in given)
    elif _checks.is_a(retry_on, type):
        kinds = (_exception_class(retry_on, right),)
    else:
        return _checks.function("retry_on", retry_on, right)

    if not kinds:
        raise ValueError(f"retry_on must be {right}, not an empty tuple")

    return lambda exc: isinstance(exc, kinds)


def _all(_: Exception) -> bool:
    return True


def _exception_class(value: object, right: str) -> type[Exception]:
    if not issubclass(type(value), type):
        raise _checks.wrong_type("retry_on", value, right)

    kind = cast("type[object]", value)
    if not issubclass(kind, Exception):
        name = _checks.class_name(kind)
        raise TypeError(f"retry_on must be {right}, not the class {name}")

    return kind


NO_RETRY = Policy.of(1)
