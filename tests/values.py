"""Values: what users may give, by mistake or not, each by a name that says what it is."""

import functools
import math
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from drains import shut
from fluent_async import Backoff, Drain, Failure, Pool, Workers, each, task
from work import Box, double


def refuse(*_: object) -> str:
    """Raise, whatever is asked."""
    raise RuntimeError("hostile")


SHOWN = dict.fromkeys(
    ["__repr__", "__str__", "__format__", "__bool__", "__len__"], refuse
)
COMPARED = dict.fromkeys(
    ["__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__"], refuse
)
NUMBERED = dict.fromkeys(["__index__", "__float__", "__int__"], refuse)
HOSTILE = {**SHOWN, **COMPARED}


def strange(
    name: str, *bases: type[object], given: object = None, **attributes: object
) -> object:
    """Make an object of a class of its own, with these attributes."""
    kind = type(name, bases, attributes)
    given_too = () if given is None else (given,)
    made: object = kind(*given_too)
    return made


def liar(kind: type[object]) -> object:
    """Make an object that claims to be of a class."""
    return strange(f"Not{kind.__name__}", __class__=property(lambda _: kind))


def nameless() -> object:
    """Make an object whose class will not say what it is called."""
    return type("Meta", (type,), {"__name__": property(refuse)})("N", (), {})()


def of_hostile_class() -> object:
    """Make an object whose class can't be compared or hashed."""
    return type("Meta", (type,), HOSTILE)("H", (), {})()


class AnswersAll:
    """Has every attribute one asks for, as the methods of a remote server."""

    def __getattr__(self, name: str) -> "AnswersAll":
        """Give another one."""
        return AnswersAll()

    def __call__(self, *_: object) -> int:
        """Take anything."""
        return 1


class Index:
    """An int of another library, such as numpy's."""

    def __init__(self, number: object) -> None:
        self._number = number

    def __index__(self) -> int:
        """Give the plain int."""
        return self._number  # type: ignore[return-value]


def function(_: object) -> float:
    """Take one argument."""
    return 1.0


def none_needed() -> float:
    """Take no argument."""
    return 1.0


def two_needed(_one: object, _two: object) -> float:
    """Take two arguments."""
    return 1.0


async def later(_: object) -> float:
    """Give a number to those who can await it."""
    return 1.0


async def later_ones(_: object) -> AsyncIterator[float]:
    """Yield a number to those who can await it."""
    yield 1.0


def ones(_: object) -> Iterator[float]:
    """Yield a number."""
    yield 1.0


class Callee:
    """Can be called."""

    def __call__(self, _: object) -> float:
        """Take one argument."""
        return 1.0


def coroutine() -> object:
    """Give a coroutine that nobody awaits."""
    made = later(1)
    made.close()
    return made


async def send_later(_self: object, _value: object, /) -> None:
    """Send to those who await it."""


async def execute_later(_self: object) -> None:
    """Execute for those who await it."""


def execute_statement(_self: object, _statement: str) -> None:
    """Execute a statement, as the cursors of databases do."""


@task
def nothing() -> int:
    """Need no input."""
    return 0


NUMBERS: dict[str, Callable[[], object]] = {
    "True": lambda: True,
    "False": lambda: False,
    "0": lambda: 0,
    "1": lambda: 1,
    "3": lambda: 3,
    "10**9": lambda: 10**9,
    "-1": lambda: -1,
    "10**400": lambda: 10**400,
    "10**5000": lambda: 10**5000,
    "-10**5000": lambda: -(10**5000),
    "0.0": lambda: 0.0,
    "0.5": lambda: 0.5,
    "3.0": lambda: 3.0,
    "1e300": lambda: 1e300,
    "-0.1": lambda: -0.1,
    "nan": lambda: math.nan,
    "inf": lambda: math.inf,
    "-inf": lambda: -math.inf,
    "2j": lambda: 2j,
    "Fraction(1, 2)": lambda: Fraction(1, 2),
    "Fraction(10**400)": lambda: Fraction(10**400),
    "Decimal(2)": lambda: Decimal(2),
    "timedelta(0)": lambda: timedelta(0),
    "timedelta(seconds=3)": lambda: timedelta(seconds=3),
    "timedelta(-1)": lambda: timedelta(-1),
    "timedelta.max": lambda: timedelta.max,
    "Index(3)": lambda: Index(3),
    "Index(0)": lambda: Index(0),
    "Index(text)": lambda: Index("3"),
    "index that raises": lambda: strange("NoIndex", **NUMBERED),
    "float of __float__ alone": lambda: strange("F", __float__=lambda _: 3.0),
    "int that can't be compared": lambda: strange("I", int, given=3, **HOSTILE),
    "float that can't be compared": lambda: strange("F", float, given=0.5, **HOSTILE),
    "float that raises": lambda: strange("NoFloat", float, given=0.5, **NUMBERED),
    "what claims to be an int": lambda: liar(int),
    "what claims to be a float": lambda: liar(float),
    "what claims to be True": lambda: liar(bool),
    "what claims to be a timedelta": lambda: liar(timedelta),
}

TEXTS: dict[str, Callable[[], object]] = {
    "text": lambda: "text",
    "empty text": str,
    "finish": lambda: "finish",
    "keep": lambda: "keep",
    "KEEP": lambda: "KEEP",
    "surrogate": lambda: "\ud800",
    "control characters": lambda: "a\0\x1b[31m\n\u202e",
    "text that can't be compared": lambda: strange("S", str, given="text", **HOSTILE),
    "what claims to be a str": lambda: liar(str),
    "bytes": lambda: b"text",
    "bytearray": lambda: bytearray(b"text"),
}

OBJECTS: dict[str, Callable[[], object]] = {
    "None": lambda: None,
    "object": object,
    "hostile": lambda: strange("Hostile", **HOSTILE, **NUMBERED),
    "hostile of class": lambda: strange("NoClass", __class__=property(refuse)),
    "hostile of attributes": lambda: strange("NoAttribute", __getattribute__=refuse),
    "hostile of __iter__": lambda: strange("NoIter", __iter__=refuse),
    "nameless": nameless,
    "of a hostile class": of_hostile_class,
    "answers all": AnswersAll,
}

ITERABLES: dict[str, Callable[[], object]] = {
    "list": list,
    "list of numbers": lambda: [1, 2],
    "dict": dict,
    "set": set,
    "range": lambda: range(2),
    "iterator at its end": lambda: iter([]),
    "iterator": lambda: iter([1, 2]),
    "generator": lambda: ones(1),
    "iterator that raises": lambda: map(refuse, [1]),
    "what is only indexed": lambda: strange("Old", __getitem__=lambda _, i: [1, 2][i]),
    "__iter__ of no iterator": lambda: strange("No", __iter__=lambda _: 3),
    "async generator": lambda: later_ones(1),
    "coroutine": coroutine,
}

FUNCTIONS: dict[str, Callable[[], object]] = {
    "function": lambda: function,
    "lambda": lambda: lambda _: 1.0,
    "builtin": lambda: len,
    "partial": lambda: functools.partial(two_needed, 1),
    "method": lambda: Callee().__call__,
    "object with __call__": Callee,
    "hostile callable": lambda: strange("C", __call__=lambda _, __: 1.0, **HOSTILE),
    "function of no argument": lambda: none_needed,
    "function of two arguments": lambda: two_needed,
    "coroutine function": lambda: later,
    "async generator function": lambda: later_ones,
    "partial of a coroutine function": lambda: functools.partial(later, 1),
    "object with an async __call__": lambda: strange("A", __call__=send_later),
    "generator function": lambda: ones,
    "static method": lambda: staticmethod(function),
    "class method": lambda: classmethod(function),
}

CLASSES: dict[str, Callable[[], object]] = {
    "class int": lambda: int,
    "class N": lambda: type(nameless()),
    "class Drain": lambda: Drain,
    "class Pool": lambda: Pool,
    "class Box": lambda: Box,
    "class Backoff": lambda: Backoff,
}

EXCEPTIONS: dict[str, Callable[[], object]] = {
    "OSError": lambda: OSError,
    "Exception": lambda: Exception,
    "BaseException": lambda: BaseException,
    "KeyboardInterrupt": lambda: KeyboardInterrupt,
    "OSError()": OSError,
    "tuple of OSError": lambda: (OSError,),
    "tuple of two": lambda: (OSError, ValueError),
    "empty tuple": tuple,
    "tuple with BaseException": lambda: (OSError, BaseException),
    "tuple in a tuple": lambda: ((OSError,),),
    "tuple with None": lambda: (OSError, None),
    "list of OSError": lambda: [OSError],
}

OURS: dict[str, Callable[[], object]] = {
    "task": lambda: double,
    "task without input": lambda: nothing,
    "worker": lambda: 1 >> double,
    "batch": lambda: each([1]) >> double,
    "each": lambda: each([1]),
    "drain": shut,
    "pool": lambda: Pool(name="given"),
    "backoff": lambda: Backoff(1.0),
    "failure": lambda: Failure("task", 1, 1, 0.0, OSError()),
    "list of workers": lambda: [1 >> double],
    "what claims to be a task": lambda: liar(type(double)),
    "what claims to be a worker": lambda: liar(type(1 >> double)),
    "what claims to be a batch": lambda: liar(Workers),
    "what claims to be a drain": lambda: liar(Drain),
    "what claims to be a pool": lambda: liar(Pool),
    "what claims to be a Backoff": lambda: liar(Backoff),
}

SINKS: dict[str, Callable[[], object]] = {
    "sink": lambda: strange("Sink", send=lambda _, __: None),
    "hostile sink": lambda: strange("Sink", send=lambda _, __: None, **HOSTILE),
    "send that is no method": lambda: strange("NoSink", send=3),
    "async send": lambda: strange("AsyncSink", send=send_later),
    "send that raises": lambda: strange("NoSink", send=property(refuse)),
}

WORK: dict[str, Callable[[], object]] = {
    "object with execute": Box,
    "execute that is no method": lambda: strange("NoWork", execute=3),
    "execute that raises": lambda: strange("NoWork", execute=property(refuse)),
    "async execute": lambda: strange("AsyncWork", execute=execute_later),
    "execute of a statement": lambda: strange("Cursor", execute=execute_statement),
}

VALUES = {
    **NUMBERS,
    **TEXTS,
    **OBJECTS,
    **ITERABLES,
    **FUNCTIONS,
    **CLASSES,
    **EXCEPTIONS,
    **OURS,
    **SINKS,
    **WORK,
}
"""Each is made anew for each parameter it is given to."""
