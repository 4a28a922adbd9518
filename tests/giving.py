"""Giving: how a parameter is given a value, and what one sees of what came of it."""

# mypy: allow-any-explicit
# It calls everything with anything.

import functools
import inspect
import operator
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from typing import Any, NamedTuple

from typing_extensions import override

import fluent_async
from drains import filled
from fluent_async import (
    Args,
    Backoff,
    Drain,
    Pool,
    PoolStats,
    Task,
    Worker,
    Workers,
    each,
    futures,
    stream,
    task,
    testing,
)
from fluent_async._executor import PoolExecutor
from fluent_async.futures import ThreadPoolExecutor
from fluent_async.testing import Event, Explored, Simulation
from work import double


@task
def same(*values: object, **named: object) -> object:
    """Give what it was given."""
    return values, named


def ran() -> Pool:
    """Make a pool that has done something, and has a thread."""
    pool = Pool(1, name="ran").go(1 >> double)
    pool.wait()
    return pool


def done() -> Future[int]:
    """Make a future of a call that is done."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(int)


SUBJECTS: dict[str, Callable[[], object]] = {
    "Backoff": lambda: Backoff(1.0),
    "Drain": lambda: filled(1, 2),
    "Each": lambda: each([1, 2]),
    "Event": lambda: Event(0.0, "started", "task", 1, 1),
    "Executor": lambda: Pool(1).executor,
    "Explored": lambda: Explored(1, complete=True),
    "Future": done,
    "Pool": lambda: Pool(name="pool"),
    "Pool.go": ran,
    "Pool.wait": ran,
    "PoolStats": lambda: Pool().stats(),
    "Task": lambda: same,
    "ThreadPoolExecutor": lambda: ThreadPoolExecutor(1, "subject"),
    "Worker": lambda: 1 >> same,
    "Workers": lambda: each([1, 2]) >> same,
    "stream()": stream,
    "task()": task,
}
"""Whose methods are called, or what is called itself."""

DECORATORS = {"stream()", "task()"}
"""What has no name, but is given by a call."""

OTHERS: dict[str, dict[str, object]] = {
    "Args": {"input": 1, "drainer": Drain[int]()},
    "Backoff": {"initial": 1},
    "Drain.send": {"value": 3},
    "Event": dict.fromkeys(["at", "kind", "task", "input", "attempt"]),
    "Explored": dict.fromkeys(["schedules", "complete"]),
    "Executor.map": {"fn": repr, "iterables": []},
    "Executor.submit": {"fn": len, "kwargs": 1},
    "Failure": dict.fromkeys(["task", "input", "attempt", "elapsed", "exception"]),
    "Pool": {"retry": 3},
    "Pool.with_retry": {"attempts": 3},
    "PoolStats": dict.fromkeys(PoolStats.__dataclass_fields__),
    "Simulation": {"seed": 1},
    "Task.with_retry": {"attempts": 3},
    "ThreadPoolExecutor.map": {"fn": repr, "iterables": []},
    "ThreadPoolExecutor.submit": {"fn": len, "kwargs": 1},
    "Worker.with_retry": {"attempts": 3},
    "Workers.with_retry": {"attempts": 3},
    "explore": {"scenario": lambda _: None},
    "stream": {"retry": 3},
    "task": {"retry": 3},
}
"""What else is given."""

SYNTAX: dict[str, Callable[[object, object], object]] = {
    "__contains__": lambda subject, value: value in subject,  # type: ignore[operator]
    "__eq__": operator.eq,
    "__or__": operator.or_,
    "__rrshift__": lambda subject, value: operator.rshift(value, subject),
    "__rshift__": operator.rshift,
}
"""Methods that are called by operators."""


class Parameter(NamedTuple):
    """A parameter of the public surface: of what is called at a place."""

    place: str
    name: str

    @override
    def __str__(self) -> str:
        """Name it as docs do."""
        return f"{self.place}({self.name})"

    def subject(self) -> object:
        """Make what is called; None if that is a function or a class by its name."""
        owner, dot, _ = self.place.partition(".")
        if not dot and self.place not in DECORATORS:
            return None

        return SUBJECTS.get(self.place, SUBJECTS[owner])()

    def give(self, subject: object, *value: object) -> Any:
        """Call `subject` with a value, or without; what else it needs is given, too."""
        method = self.place.rpartition(".")[2]
        if method in SYNTAX:
            return SYNTAX[method](subject, *value)

        others = OTHERS.get(self.place, {}).items()
        arguments = {name: other for name, other in others if name != self.name}
        if value:
            arguments[self.name] = value[0]

        return _call(self._function(subject), arguments)

    def _function(self, subject: Any) -> Callable[..., Any]:
        """Return a method, what is called itself, or what a public module offers."""
        owner, _, name = self.place.rpartition(".")
        if self.place in DECORATORS:
            return subject  # type: ignore[no-any-return]

        among = [subject] if owner else [fluent_async, futures, testing]
        found: Any = next(each for each in among if hasattr(each, name))
        return getattr(found, name)  # type: ignore[no-any-return]


def _call(function: Callable[..., Any], arguments: dict[str, object]) -> object:
    """Call a function, with each argument as its parameter wants it: by name if it may."""
    kinds = _parameters(function, arguments)
    by_place = inspect.Parameter.VAR_POSITIONAL in kinds.values()
    positions: list[object] = []
    keywords: dict[str, object] = {}
    for name, kind in kinds.items():
        if kind is inspect.Parameter.VAR_KEYWORD:
            keywords["keyword"] = arguments[name]
        elif kind in BY_NAME and not (by_place and kind is BY_NAME[0]):
            keywords[name] = arguments[name]
        else:
            positions.append(arguments[name])

    return function(*positions, **keywords)


BY_NAME = (
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.KEYWORD_ONLY,
)


def _parameters(
    function: Callable[..., Any], arguments: dict[str, object]
) -> dict[str, object]:
    """Give the kind of each parameter, in their order; None if no signature tells."""
    try:
        found = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return dict.fromkeys(arguments)

    if not arguments.keys() <= found.keys():
        return dict.fromkeys(arguments)

    return {name: found[name].kind for name in found if name in arguments}


def shown(made: object) -> object:
    """Return what one sees of what a call gave; pools and executors are ended."""
    for kind, look in LOOKS.items():
        if isinstance(made, kind):
            return look(made)

    return made if type(made) in PLAIN else type(made)


def _closed(pool: Pool) -> str:
    pool.wait()
    pool.close()
    return re.sub(r"Pool-\d+", "Pool-...", repr(pool))


def _shut(executor: Any) -> tuple[int, str]:
    executor.shutdown()
    name = re.sub(r"Executor-\d+", "Executor-...", executor._thread_name_prefix)  # noqa: SLF001
    return executor._max_workers, name  # noqa: SLF001


def _listed(made: Iterator[object]) -> object:
    try:
        return list(made)
    except Exception as exc:  # noqa: BLE001  (what a call in a thread raised)
        return type(exc)


def none(value: object) -> None:
    """Give nothing."""


LOOKS: dict[type[Any], Callable[[Any], object]] = {
    **dict.fromkeys([Backoff, Drain, Simulation, Task, Worker, Workers], repr),
    Args: lambda args: args.attempt,
    Future: lambda future: type(future.exception()),
    Iterator: _listed,
    Pool: _closed,
    ThreadPoolExecutor: _shut,
    functools.partial: lambda decorator: repr(decorator(none)),
}
"""What one sees, by class; the first that fits."""

PLAIN = {bool, float, int, list, str, tuple, type(None), Explored}
"""What one sees as it is."""


def state(subject: object) -> object:
    """Return all that one can see of what is called."""
    match subject:
        case Pool():
            return repr(subject), subject.stats(), subject.errors()
        case Drain():
            return repr(subject), subject.drain()
        case PoolExecutor():
            intake = subject._intake  # noqa: SLF001
            return subject._shutdown, intake.engine.stats(), len(intake.among)  # noqa: SLF001
        case _:
            return repr(subject) if subject is not None else None


def end(subject: object) -> None:
    """End the threads of what was called."""
    if isinstance(subject, Pool):
        subject.close()
    elif isinstance(subject, Executor):
        subject.shutdown()
