"""Kinds: what a parameter takes, and what it says of all other values.

A kind judges every value of `values.VALUES`: it takes some, as what it says; the others are
a TypeError, but for the few that are a ValueError or that raise by themselves.
"""

import dataclasses
import math
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from fluent_async import _checks
from values import CLASSES, EXCEPTIONS, FUNCTIONS, ITERABLES, VALUES


DEFAULT = object()
"""A value means the same as to give nothing."""

ITSELF = object()
"""A value means nothing but itself."""


@dataclass(frozen=True)
class Kind:
    """What a parameter takes."""

    takes: Mapping[str, object]
    """What it takes, by name, and what each value means: the plain form of it."""

    right: str = ""
    """What errors call that."""

    says: Mapping[str, str] = field(default_factory=dict)
    """What errors say, as patterns, where they are not of the usual form."""

    wrong_values: frozenset[str] = frozenset()
    """What is a ValueError."""

    own: frozenset[str] = frozenset()
    """What raises an error of its own when it is looked at, or called; that comes out."""

    form: str = "^{parameter} must be {right}, not {type}"
    """What errors say else."""

    def message(self, parameter: str, name: str, value: object) -> str:
        """Return the pattern of what the error for a value says."""
        kind = _checks.type_name(value)
        form = self.says.get(name, self.form)
        right = re.escape(self.right)
        return form.format(parameter=parameter, right=right, type=re.escape(kind))

    def optional(self) -> "Kind":
        """Return the kind that takes None, too, as if nothing were given."""
        return self.but({"None": DEFAULT})

    def or_none(self) -> "Kind":
        """Return the kind that takes None, too, which must be given."""
        return self.but({"None": None})

    def but(self, takes: Mapping[str, object]) -> "Kind":
        """Return the kind that takes more."""
        return dataclasses.replace(self, takes={**self.takes, **takes})

    def saying(self, says: Mapping[str, str]) -> "Kind":
        """Return the kind whose errors say something else of some values."""
        return dataclasses.replace(self, says={**self.says, **says})


def each_as(meaning: object, names: Iterable[str]) -> dict[str, object]:
    """Return names of values, in their order, all with one meaning."""
    among = {*names}
    return {name: meaning for name in VALUES if name in among}


# -- numbers -------------------------------------------------------------------------------

POSITIVE_INTS = {
    "1": 1,
    "3": 3,
    "10**9": 10**9,
    "10**400": sys.maxsize,
    "10**5000": sys.maxsize,
    "Index(3)": 3,
    "int that can't be compared": 3,
}

LARGE_NEGATIVE = {"-10**5000": "^{parameter} must be {right}, not a large negative int"}

WHOLE = Kind(
    POSITIVE_INTS,
    "an int of at least 1",
    says=LARGE_NEGATIVE,
    wrong_values=frozenset({"0", "-1", "-10**5000", "Index(0)"}),
)
MAX_WORKERS = dataclasses.replace(
    WHOLE.optional(),
    says=dict.fromkeys(WHOLE.wrong_values, "^max_workers must be greater than 0"),
)
COUNT = Kind(
    {"0": 0, "Index(0)": 0, **POSITIVE_INTS},
    "an int of at least 0",
    says=LARGE_NEGATIVE,
    wrong_values=frozenset({"-1", "-10**5000"}),
)
SEED = Kind(
    {
        **COUNT.takes,
        "-1": -1,
        "10**400": 10**400,
        "10**5000": 10**5000,
        "-10**5000": -(10**5000),
    },
    "an int",
)
NUMBER = Kind(
    {
        "0": 0,
        "1": 1,
        "3": 3,
        "10**9": 10**9,
        "0.0": 0.0,
        "0.5": 0.5,
        "3.0": 3.0,
        "1e300": 1e300,
        "Fraction(1, 2)": 0.5,
        "int that can't be compared": 3,
        "float that can't be compared": 0.5,
    },
    "a finite number of at least 0",
    wrong_values=frozenset(
        {
            "-1",
            "10**400",
            "10**5000",
            "-10**5000",
            "-0.1",
            "nan",
            "inf",
            "-inf",
            "Fraction(10**400)",
            "float that raises",
        }
    ),
)
SECONDS = dataclasses.replace(
    NUMBER.but(
        {
            "timedelta(0)": 0,
            "timedelta(seconds=3)": 3,
            "timedelta.max": timedelta.max.total_seconds(),
        }
    ),
    right="seconds, a finite number or timedelta, of at least 0",
    wrong_values=NUMBER.wrong_values | {"timedelta(-1)"},
)
TIMEOUT = SECONDS.optional()
PATIENCE = dataclasses.replace(
    SECONDS.optional().but(
        {
            "-1": -1,
            "-0.1": -0.1,
            "inf": math.inf,
            "-inf": -math.inf,
            "timedelta(-1)": -86400,
        }
    ),
    right="seconds, a number or timedelta,",
    wrong_values=SECONDS.wrong_values - {"-1", "-0.1", "inf", "-inf", "timedelta(-1)"},
)
"""Seconds, as `concurrent.futures` takes them."""

FLAG = Kind({"True": True, "False": False}, "True or False")
HOSTILE = frozenset({"hostile", "hostile callable", "hostile sink"})
TRUTH = Kind(
    each_as(ITSELF, VALUES),
    own=HOSTILE | {name for name in VALUES if name.endswith("that can't be compared")},
)
"""Whatever is true or false, as the standard executor takes it."""


# -- texts ---------------------------------------------------------------------------------

STRS = {
    "text": "text",
    "empty text": "",
    "finish": "finish",
    "keep": "keep",
    "KEEP": "KEEP",
    "surrogate": "\ud800",
    "control characters": "a\0\x1b[31m\n\u202e",
    "text that can't be compared": "text",
}
TEXT = Kind(STRS, "a str")
ON_ERROR = Kind(
    {"finish": "finish", "keep": "keep"},
    'one of "finish", "cancel", "keep"',
    says=dict.fromkeys(STRS, "^{parameter} must be {right}, not another str"),
    wrong_values=frozenset(STRS) - {"finish", "keep"},
)


# -- functions -----------------------------------------------------------------------------

ASYNC = (
    "coroutine function",
    "async generator function",
    "partial of a coroutine function",
    "object with an async __call__",
)
OF_NOT_ONE = ("function of no argument", "function of two arguments")
TASKS = ("task", "task without input")
NO_FUNCTIONS = {
    **dict.fromkeys(ASYNC, "^{parameter} must be {right}, not an async function"),
    **dict.fromkeys(
        (*OF_NOT_ONE, "task without input"),
        "^{parameter} must be {right}, not one that can't be called with one argument",
    ),
    "generator function": "^{parameter} must be {right}, not a generator function",
}
OF_ONE = ("function", "lambda", "builtin", "partial", "method", "static method")
CALLED_WITH_ONE = each_as(
    ITSELF,
    (*OF_ONE, "object with __call__", "hostile callable", "answers all", "task"),
)
FUNCTION = Kind({**CALLED_WITH_ONE, "backoff": ITSELF}, "a function", says=NO_FUNCTIONS)
SCENARIO = dataclasses.replace(FUNCTION, own=frozenset({"builtin", "task", "backoff"}))
"""A function that is called at once."""

DELAY = Kind(
    {**SECONDS.takes, **CALLED_WITH_ONE, "backoff": 1.0},
    "seconds, a Backoff, or a function from Failure to seconds",
    says={
        **NO_FUNCTIONS,
        **dict.fromkeys(
            SECONDS.wrong_values,
            f"^{{parameter}} must be {SECONDS.right}, not {{type}}",
        ),
    },
    wrong_values=SECONDS.wrong_values,
)
OF_CLASSES = {
    name: f"^{{parameter}} must be {{right}}, not the class {name.split()[-1]}"
    for name in (*CLASSES, "BaseException", "KeyboardInterrupt")
}
RETRY_ON = Kind(
    {
        **CALLED_WITH_ONE,
        **each_as(ITSELF, ["backoff", "OSError", "tuple of OSError", "tuple of two"]),
        "Exception": DEFAULT,
    },
    "an Exception class, a tuple of them, or a function from Exception to bool",
    says={
        **NO_FUNCTIONS,
        **OF_CLASSES,
        "empty tuple": "^{parameter} must be {right}, not an empty tuple",
        "tuple with BaseException": OF_CLASSES["BaseException"],
        "tuple in a tuple": "^{parameter} must be {right}, not tuple",
        "tuple with None": "^{parameter} must be {right}, not NoneType",
    },
    wrong_values=frozenset({"empty tuple"}),
)
ERRORS = ("OSError", "Exception", "BaseException", "KeyboardInterrupt")
CALLED = Kind(
    each_as(
        ITSELF,
        {
            *CALLED_WITH_ONE,
            *FUNCTIONS,
            *CLASSES,
            *ERRORS,
            *TASKS,
            "backoff",
        }
        - {"class method"},
    ),
    "callable",
)
"""Whatever can be called, in any way."""

DECORATED = Kind(
    each_as(ITSELF, {*CALLED.takes} - {*ASYNC, *TASKS, "generator function"}),
    says={
        **dict.fromkeys(ASYNC, "goes on a function, not on an async one"),
        **dict.fromkeys(TASKS, "is on a Task already"),
        "generator function": "ones is a generator function: write @stream",
        "class method": "goes on a function, not on a classmethod",
    },
    own=frozenset({"class N"}),
    form="goes on a function, not on {type}: write @",
)
STREAMED = DECORATED.but({"generator function": ITSELF})


# -- iterables, sinks, work ----------------------------------------------------------------

ITERATED = each_as(
    ITSELF,
    {
        *ITERABLES,
        *(name for name in EXCEPTIONS if "tuple" in name or "list" in name),
        "hostile of __iter__",
        "list of workers",
        "drain",
    }
    - {"async generator", "coroutine"},
)
INPUTS = Kind(ITERATED, "an iterable of inputs")
WORKERS = Kind(ITERATED, "an iterable of workers")
OF_TEXTS = each_as(ITSELF, [*STRS, "bytes", "bytearray"])
ARGUMENTS = Kind(
    {**ITERATED, **OF_TEXTS},
    own=frozenset({"hostile of __iter__", "__iter__ of no iterator"}),
    form="not iterable|must support iteration",
)
"""Iterables of arguments, as the standard executor takes them."""

# By the tuple that is made of it, whose length is no more guessed from 3.14 on.
ASKED_FOR_ITS_LENGTH = (
    {"text that can't be compared"} if sys.version_info < (3, 14) else set[str]()
)

INITARGS = dataclasses.replace(
    ARGUMENTS,
    own=ARGUMENTS.own | {"iterator that raises", *ASKED_FOR_ITS_LENGTH},
    right="a tuple of arguments",
    form=Kind.form,
)
"""An iterable of arguments that is read at once."""

SINK = Kind(
    each_as(
        ITSELF,
        ["drain", "sink", "hostile sink", "answers all", "generator"],
    ),
    "a Drain, or an object with send(value)",
    says={
        **{
            name: f"^{{parameter}} must be {{right}}, not the class {word}: write {word}"
            for name in (*CLASSES, *ERRORS)
            for word in name.split()[-1:]
        },
        "async send": "^{parameter} must be {right}, not AsyncSink, whose send is async",
    },
)
DRAINED = SINK.saying(
    {
        **dict.fromkeys(TASKS, r"\| takes a drain, not a task"),
        **dict.fromkeys(["worker", "batch"], r"\| takes a drain, not work"),
    }
)
WORK = Kind(
    each_as(
        ITSELF,
        ["worker", "batch", "task without input", "object with execute", "answers all"],
    ),
    says={
        "task": "has no input .*: write `value >> double`",
        "async execute": "not AsyncWork, whose execute is async",
        "execute of a statement": "not Cursor, whose execute needs arguments",
    },
    form=r"a pool runs workers, batches and objects with execute\(\), not {type}: write",
)


# -- operands ------------------------------------------------------------------------------

NO_DRAIN = r"a drain takes outputs with \|, not with >>: write"
AFTER = Kind(
    {"task": ITSELF},
    says={"drain": NO_DRAIN, "task without input": "cannot take this input: too many"},
    form="what follows >> must be a task, not {type}",
)
"""What follows >>, which is a task."""

AFTER_DRAIN = dataclasses.replace(
    AFTER, form=r"unsupported operand type\(s\) for >>: 'Drain' and"
)
AFTER_TASK = Kind(
    each_as(
        ITSELF, {*VALUES} - {"drain", "task without input", "worker", "batch", "each"}
    ),
    says=AFTER.says,
    form="has its input, and stands on the left: write",
)
BEFORE_DRAIN = Kind({}, form=r"a drain takes outputs with \|, not .*with >>: write")
BEFORE_IN = Kind({}, form="`in` would take the values of the drain: write `value in")
ANYTHING = Kind(each_as(ITSELF, VALUES))
OTHER = dataclasses.replace(ANYTHING, own=TRUTH.own)
"""What is compared; it may have its own say."""

RECORD = dataclasses.replace(
    OTHER, own=OTHER.own | {"hostile of class", "hostile of attributes"}
)
"""What is compared with a record, which asks it for its class."""

POOL = Kind({"None": DEFAULT, "pool": ITSELF}, "a Pool")
FAILURE = Kind({"failure": ITSELF}, "a Failure")
NOTHING = Kind({}, form="is made by ")
"""No constructor: there is another way."""
