"""Bad input: every parameter rejects what it cannot take at once, and says what it can.

The table says which rule each parameter of tasks, workers and retries follows; a rule,
which values are taken and which are not. A parameter without a row fails the suite.
"""

import inspect
import math
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from operator import methodcaller
from typing import NamedTuple

import pytest
from typing_extensions import override

import fluent_async
from fluent_async import Args, Backoff, Drain, Failure, _checks, each, task


def refuse(*_: object) -> str:
    """Raise, whatever is asked."""
    raise RuntimeError("hostile")


SHOWN = dict.fromkeys(
    ["__repr__", "__str__", "__format__", "__bool__", "__len__"], refuse
)
COMPARED = dict.fromkeys(["__eq__", "__lt__", "__le__", "__gt__", "__ge__"], refuse)
NUMBERED = dict.fromkeys(["__index__", "__float__", "__int__"], refuse)

HOSTILE: object = type("Hostile", (), SHOWN | COMPARED | NUMBERED)()
HOSTILE_INT: object = type("HostileInt", (int,), SHOWN | COMPARED)(3)
HOSTILE_FLOAT: object = type("HostileFloat", (float,), SHOWN | COMPARED)(0.5)
HOSTILE_STR: object = type("HostileStr", (str,), SHOWN | COMPARED)("name")
BROKEN_FLOAT: object = type("BrokenFloat", (float,), NUMBERED)(0.5)
NAMELESS: object = type("Meta", (type,), {"__name__": property(refuse)})("N", (), {})()


class Index:
    """An int of another library, such as numpy's."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __index__(self) -> int:
        """Give the plain int."""
        return self._number


async def later(_: Failure) -> float:
    """Give a delay to those who can await it."""
    return 1.0


def retry_after(_: Failure) -> float:
    """Give a delay."""
    return 1.0


class Rule(NamedTuple):
    """What a parameter takes, and what is a TypeError or a ValueError."""

    takes: list[object]
    wrong_types: list[object]
    wrong_values: list[object]


def optional(rule: Rule) -> Rule:
    """Return the rule that takes None, too."""
    wrong_types = [value for value in rule.wrong_types if value is not None]
    return rule._replace(takes=[*rule.takes, None], wrong_types=wrong_types)


THINGS: list[object] = [None, object(), HOSTILE, NAMELESS, [], {}, b"3", int]
NO_NUMBERS: list[object] = [*THINGS, True, False, "3", Decimal(2), 2j]

WHOLE = Rule(
    [1, 3, 10**9, Index(3), HOSTILE_INT],
    [*NO_NUMBERS, 1.0, 1.5, math.nan, math.inf, Fraction(2)],
    [0, -1, Index(0), -(10**5000)],
)
NUMBER = Rule(
    [0, 0.0, 0.2, 5, 1e300, Fraction(1, 2), HOSTILE_INT, HOSTILE_FLOAT],
    [*NO_NUMBERS, timedelta(1)],
    [-1, -0.1, math.nan, math.inf, -math.inf, 10**400, BROKEN_FLOAT],
)
SECONDS = Rule(
    [*NUMBER.takes, timedelta(0), timedelta(1), timedelta.max],
    NO_NUMBERS,
    [*NUMBER.wrong_values, timedelta(-1)],
)
DELAY = Rule(
    [*SECONDS.takes, Backoff(1), retry_after],
    [*SECONDS.wrong_types, Backoff, later],
    SECONDS.wrong_values,
)
MIXED: list[object] = [(OSError, BaseException), ((OSError,),), (OSError, None)]
RETRY_ON = Rule(
    [OSError, (OSError,), (OSError, ValueError), callable],
    [
        *THINGS,
        BaseException,
        KeyboardInterrupt,
        OSError(),
        "OSError",
        True,
        later,
        *MIXED,
    ],
    [()],
)
TEXT = Rule(["", "name", HOSTILE_STR], [*THINGS, 3, True], [])
SINK = Rule([Drain[int](), (each for each in [1])], [*THINGS, 3, "drain", Drain], [])
ITERABLE = Rule([[], (), {}, iter([])], [None, NAMELESS, 3, "text", b"text", int], [])


@task
def double(number: int) -> int:
    """Double a number."""
    return 2 * number


class Row(NamedTuple):
    """A parameter: where it is, its rule, and what else must be given."""

    owner: object
    method: str
    parameter: str
    rule: Rule
    others: tuple[tuple[str, object], ...] = ()

    @override
    def __str__(self) -> str:
        """Name the parameter as docs do."""
        owner = getattr(self.owner, "__name__", _checks.type_name(self.owner))
        return f"{owner}.{self.method}({self.parameter})"

    def given(self, value: object) -> object:
        """Call with `value` as the argument."""
        function = getattr(self.owner, self.method)
        parameter = inspect.signature(function).parameters[self.parameter]
        if parameter.kind is parameter.POSITIONAL_ONLY:
            return methodcaller(self.method, value)(self.owner)

        arguments = {**dict(self.others), self.parameter: value}
        return methodcaller(self.method, **arguments)(self.owner)


def rows() -> Iterator[Row]:
    """Give every parameter of tasks, workers and retries."""
    for decorator in ("task", "stream"):
        retry = (("retry", 3),)
        yield Row(fluent_async, decorator, "retry", optional(WHOLE))
        yield Row(fluent_async, decorator, "backoff", optional(DELAY), retry)
        yield Row(fluent_async, decorator, "retry_on", optional(RETRY_ON), retry)
        yield Row(fluent_async, decorator, "timeout", optional(SECONDS))
        yield Row(fluent_async, decorator, "limit", optional(WHOLE))
        yield Row(fluent_async, decorator, "name", optional(TEXT))

    for owner in (double, 1 >> double, each([1]) >> double):
        attempts = (("attempts", 3),)
        yield Row(owner, "with_retry", "attempts", WHOLE)
        yield Row(owner, "with_retry", "backoff", DELAY, attempts)
        yield Row(owner, "with_retry", "retry_on", RETRY_ON, attempts)
        yield Row(owner, "drain_to", "drain", SINK)

    yield from ROWS


ARGS = (("input", 1), ("drainer", Drain[int]()))
BACKOFF = (("initial", 1),)
ROWS = [
    Row(double, "with_timeout", "seconds", optional(SECONDS)),
    Row(double, "with_limit", "limit", optional(WHOLE)),
    Row(double, "named", "name", TEXT),
    Row(fluent_async, "each", "values", ITERABLE),
    Row(fluent_async, "Workers", "workers", ITERABLE),
    Row(fluent_async, "Backoff", "initial", SECONDS),
    Row(fluent_async, "Backoff", "factor", NUMBER, BACKOFF),
    Row(fluent_async, "Backoff", "maximum", SECONDS, BACKOFF),
    Row(fluent_async, "Backoff", "jitter", NUMBER, BACKOFF),
    Row(fluent_async, "Args", "drainer", SINK, ARGS),
    Row(fluent_async, "Args", "attempt", WHOLE, ARGS),
]
TABLE = {str(row): row for row in rows()}
FREE = {"fn", "input"}
"""Parameters that take anything, or that the tests of tasks look at."""


def shown(value: object) -> str:
    """Name a value in the list of tests."""
    name = _checks.type_name(value)
    plain = type(value) in {bool, float, str, bytes, tuple, complex}
    return f"{name} {value!r}" if plain else name


def cases(which: str) -> list[object]:
    """Make a test of each parameter and each value of its rule."""
    return [
        pytest.param(row, value, id=f"{name} {shown(value)}")
        for name, row in TABLE.items()
        for value in getattr(row.rule, which)
    ]


@pytest.mark.parametrize(("row", "value"), cases("takes"))
def test_takes(row: Row, value: object) -> None:
    """A right value is taken, whatever its own methods do."""
    row.given(value)


@pytest.mark.parametrize(("row", "value"), cases("wrong_types"))
def test_refuses_wrong_types(row: Row, value: object) -> None:
    """A wrong type is a TypeError that names parameter, type and the right form."""
    with pytest.raises(TypeError) as caught:
        row.given(value)

    says = str(caught.value)
    kind = value if isinstance(value, type) else type(value)
    named = (f"not {_checks.type_name(value)}", f"not the class {kind.__qualname__}")
    inside = ("not the class BaseException", "not NoneType", "not an async function")

    assert says.startswith(f"{row.parameter} must be ")
    assert any(name in says for name in (*named, *inside))


@pytest.mark.parametrize(("row", "value"), cases("wrong_values"))
def test_refuses_wrong_values(row: Row, value: object) -> None:
    """A wrong value is a ValueError that names parameter and right form."""
    with pytest.raises(ValueError, match=f"^{row.parameter} must be .*, not "):
        row.given(value)


PUBLIC: list[tuple[object, str]] = [
    *((fluent_async, name) for name in ("task", "stream", "each")),
    *((fluent_async, name) for name in ("Workers", "Backoff", "Args")),
    *(
        (owner, name)
        for owner in (double, 1 >> double, each([1]) >> double)
        for name in ("with_retry", "with_timeout", "with_limit", "named", "drain_to")
        if hasattr(owner, name)
    ),
]


@pytest.mark.parametrize(("owner", "method"), PUBLIC, ids=str)
def test_every_parameter_has_a_row(owner: object, method: str) -> None:
    """The table is complete: a new parameter fails until it says what it takes."""
    parameters = set(inspect.signature(getattr(owner, method)).parameters) - FREE
    known = {
        row.parameter
        for row in TABLE.values()
        if type(row.owner) is type(owner) and row.method == method
    }

    assert parameters == known


@pytest.mark.parametrize("decorator", ["task", "stream"])
@pytest.mark.parametrize("setting", [{"backoff": 0.2}, {"retry_on": OSError}], ids=str)
def test_settings_that_say_nothing_are_refused(
    decorator: str, setting: dict[str, object]
) -> None:
    """A backoff or retry_on without retry is a ValueError that says what to write."""
    (name,) = setting

    with pytest.raises(ValueError, match=f"{name} says nothing without retry: write"):
        methodcaller(decorator, **setting)(fluent_async)


class TestRules:
    """What the checks give back: the plain form of what they take."""

    @pytest.mark.parametrize("value", [3, Index(3), HOSTILE_INT], ids=shown)
    def test_whole_numbers_are_plain_ints(self, value: object) -> None:
        """An int of another type becomes an int, so that its methods are never asked."""
        whole = _checks.whole("limit", value, least=1)

        assert (type(whole), whole) == (int, 3)

    @pytest.mark.parametrize("value", [0.5, Fraction(1, 2), HOSTILE_FLOAT], ids=shown)
    def test_seconds_are_plain_floats(self, value: object) -> None:
        """Seconds of any form become a float."""
        seconds = _checks.seconds("timeout", value)

        assert (type(seconds), seconds) == (float, 0.5)

    def test_texts_are_plain(self) -> None:
        """A str of another type becomes a str."""
        text = _checks.text("name", HOSTILE_STR)

        assert (type(text), text) == (str, "name")

    def test_timeouts_may_be_none(self) -> None:
        """None waits for ever, or is no limit and no name."""
        assert _checks.timeout("timeout", None) is None
        assert _checks.limit("limit", None) is None
        assert _checks.name("name", None) is None

    def test_flags_are_true_or_false_themselves(self) -> None:
        """What is only like a bool is none."""
        assert _checks.flag("ordered", value=True)
        for value in (1, 0, None, "True", HOSTILE):
            with pytest.raises(TypeError, match="ordered must be True or False, not"):
                _checks.flag("ordered", value)

    def test_choices_are_one_of_their_texts(self) -> None:
        """Another text is a ValueError, anything else a TypeError; both name the right."""
        right = 'on_error must be one of "keep", "cancel", not'

        assert _checks.choice("on_error", "keep", ["keep", "cancel"]) == "keep"
        with pytest.raises(ValueError, match=f"{right} another str"):
            _checks.choice("on_error", "ignore", ["keep", "cancel"])

        with pytest.raises(TypeError, match=f"{right} NoneType"):
            _checks.choice("on_error", None, ["keep", "cancel"])

    @pytest.mark.parametrize("value", [None, 3, int, later], ids=shown)
    def test_functions_are_callable_and_not_async(self, value: object) -> None:
        """A class, or what would have to be awaited, is no function."""
        with pytest.raises(TypeError, match="describe must be a function, not"):
            _checks.function("describe", value)


def test_args_are_checked_when_made() -> None:
    """A drainer without `send` is refused before the function runs."""
    with pytest.raises(TypeError, match="drainer must be a Drain, or an object with"):
        Args(1, [])  # type: ignore[arg-type]
