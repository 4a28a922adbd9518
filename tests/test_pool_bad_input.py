"""Bad input to pools and drains: refused at once, in the caller's frame, with the right form.

The rules, and what a row is, are those of tasks: see test_checks.py. Here a parameter of
Pool, Drain or run without a row fails the suite, too.
"""

import inspect
from collections.abc import Iterator
from operator import methodcaller
from types import FunctionType

import pytest

import fluent_async
from fluent_async import Args, Drain, Pool, Workers, each, run, stream, task
from fluent_async.errors import DrainClosed
from fluent_async.typing import Executable
from test_checks import (
    DELAY,
    RETRY_ON,
    SECONDS,
    TEXT,
    THINGS,
    WHOLE,
    Row,
    Rule,
    later,
    optional,
    retry_after,
    shown,
)
from work import Box, double


CHOICE = Rule(
    ["finish", "cancel", "keep"],
    [*THINGS, True, 3, b"keep"],
    ["", "ignore", "KEEP", "finish "],
)
COUNT = Rule([0, *WHOLE.takes], WHOLE.wrong_types, [-1, -(10**5000)])
FLAG = Rule([True, False], [*THINGS, 1, 0, "True"], [])
FUNCTION = Rule([str.upper, repr, retry_after], [*THINGS, 3, "repr", later], [])


class SendingOne:
    """A drain as a row knows it: its `send` has a value already."""

    def __init__(self) -> None:
        self._drain = Drain[int]()

    def send(self, timeout: object) -> None:
        """Send 1."""
        methodcaller("send", 1, timeout=timeout)(self._drain)


def rows() -> Iterator[Row]:
    """Give every parameter of pools and drains."""
    retry = (("retry", 3),)
    yield Row(fluent_async, "Pool", "limit", optional(WHOLE))
    yield Row(fluent_async, "Pool", "retry", optional(WHOLE))
    yield Row(fluent_async, "Pool", "backoff", optional(DELAY), retry)
    yield Row(fluent_async, "Pool", "retry_on", optional(RETRY_ON), retry)
    yield Row(fluent_async, "Pool", "on_error", CHOICE)
    yield Row(fluent_async, "Pool", "max_failures", optional(COUNT))
    yield Row(fluent_async, "Pool", "name", optional(TEXT))
    yield Row(fluent_async, "Pool", "describe", optional(FUNCTION))
    attempts = (("attempts", 3),)
    yield Row(Pool(), "with_limit", "limit", WHOLE)
    yield Row(Pool(), "with_retry", "attempts", WHOLE)
    yield Row(Pool(), "with_retry", "backoff", DELAY, attempts)
    yield Row(Pool(), "with_retry", "retry_on", RETRY_ON, attempts)
    yield Row(Pool(), "wait", "timeout", optional(SECONDS))
    yield Row(fluent_async, "run", "limit", optional(WHOLE))
    yield Row(fluent_async, "run", "on_error", CHOICE)
    yield Row(fluent_async, "Drain", "maxsize", COUNT)
    yield Row(fluent_async, "Drain", "ordered", FLAG)
    yield Row(fluent_async, "Drain", "name", optional(TEXT))
    yield Row(Drain[int](), "drain", "timeout", optional(SECONDS))
    yield Row(SendingOne(), "send", "timeout", optional(SECONDS))


TABLE = {str(row): row for row in rows()}


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
    """I1: A wrong type is a TypeError that begins with the parameter and the right form."""
    with pytest.raises(TypeError, match=f"^{row.parameter} must be .*, not [a-zA-Z]"):
        row.given(value)


@pytest.mark.parametrize(("row", "value"), cases("wrong_values"))
def test_refuses_wrong_values(row: Row, value: object) -> None:
    """I1, I2, I3: A wrong value is a ValueError that begins with the parameter and the right form."""
    with pytest.raises(ValueError, match=f"^{row.parameter} must be .*, not [a-zA-Z]"):
        row.given(value)


FREE = {
    "Pool.go(workers)",  # below
    "run(workers)",
    "Drain.send(value)",  # anything
    "Drain.__rshift__(task)",  # the tests of operators
    "Pool.__exit__(exc_info)",  # Python's
    "Pool.__aexit__(exc_info)",
    "Drain.__exit__(exc_info)",
}
"""Parameters without a rule of their own."""


def parameters(owner: type[object] | FunctionType) -> Iterator[str]:
    """Name every public parameter of a class or function."""
    if not isinstance(owner, type):
        yield from (
            f"{owner.__name__}({name})" for name in inspect.signature(owner).parameters
        )
        return

    yield from (
        f"{owner.__name__}({name})" for name in inspect.signature(owner).parameters
    )
    for method, function in vars(owner).items():
        public = not method.startswith("_") or method in {"__exit__", "__aexit__"}
        if public and inspect.isfunction(function):
            names = list(inspect.signature(function).parameters)[1:]
            yield from (f"{owner.__name__}.{method}({name})" for name in names)


@pytest.mark.parametrize("owner", [Pool, Drain, run])
def test_every_parameter_has_a_row(owner: type[object] | FunctionType) -> None:
    """The table is complete: a new parameter fails until it says what it takes."""
    known = {name.replace("fluent_async.", "") for name in TABLE}
    known |= {name.replace("SendingOne", "Drain") for name in known}
    missing = set(parameters(owner)) - known - FREE

    assert set() == missing


@pytest.mark.parametrize("setting", [{"backoff": 0.2}, {"retry_on": OSError}], ids=str)
def test_settings_that_say_nothing_are_refused(setting: dict[str, object]) -> None:
    """A backoff or retry_on without retry is a ValueError that says what to write."""
    (name,) = setting
    with pytest.raises(ValueError, match=f"{name} says nothing without retry: write"):
        methodcaller("Pool", **setting)(fluent_async)


@task
def nothing() -> int:
    """Need no input."""
    return 0


@stream
def words(args: Args[str, str]) -> None:
    """Take an Args."""


NO_WORK: dict[str, object] = {
    "a number": 3,
    "None": None,
    "a text": "work",
    "a function": repr,
    "a class": Box,
    "the class Workers": Workers,
    "a list of workers": [1 >> double],
    "a generator of workers": (number >> double for number in [1]),
    "each() without a task": each([1]),
    "a drain": Drain[int](),
    "a pool": Pool(),
    "execute that is no method": type("Odd", (), {"execute": 3})(),
}


class TestWork:
    """What is given to `go` and `run`."""

    @pytest.mark.parametrize("call", ["go", "run"])
    @pytest.mark.parametrize("wrong", NO_WORK.values(), ids=NO_WORK)
    def test_that_is_none_is_refused(self, call: str, wrong: object) -> None:
        """A TypeError names its type and says what to write."""
        calls = {"go": Pool().go, "run": run}
        says = f"a pool runs workers, batches and objects with execute\\(\\), not {kind(wrong)}: "
        with pytest.raises(TypeError, match=says):
            calls[call](wrong)  # type: ignore[operator]

    @pytest.mark.parametrize("call", ["go", "run"])
    @pytest.mark.parametrize("unbound", [double, words, double >> double])
    def test_that_lacks_its_input_is_refused(self, call: str, unbound: object) -> None:
        """A task that needs an input says so, with its parameters."""
        calls = {"go": Pool().go, "run": run}
        with pytest.raises(TypeError, match=r"has no input .*: write `value >> "):
            calls[call](unbound)  # type: ignore[operator]

    @pytest.mark.parametrize(
        "work", [nothing, 1 >> double, each([1]) >> double, Box()], ids=str
    )
    def test_that_is_some_is_taken(self, work: Executable) -> None:
        """Workers, batches, tasks without parameters, and what can be executed."""
        with Pool() as pool:
            assert pool is pool.go(work)

    def test_with_a_shut_drain_is_refused(self) -> None:
        """DrainClosed names the drain."""
        drain = Drain[int](name="records")
        drain.shut_down()
        with Pool() as pool, pytest.raises(DrainClosed, match="records"):
            pool.go(1 >> double | drain)


def kind(value: object) -> str:
    """Name the type of a value."""
    return type(value).__name__
