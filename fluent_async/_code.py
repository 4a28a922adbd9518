"""Code: what one writes to make a task, a worker, a batch or a pool, as text for its repr."""

# mypy: allow-any-explicit
# Steps and inputs are shown whatever their types are.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from fluent_async import _checks
from fluent_async._drain import channel_of
from fluent_async._retry import bounded_repr
from fluent_async._step import Kind
from fluent_async._text import printable


if TYPE_CHECKING:
    from collections.abc import Iterable

    from fluent_async._chain import Steps
    from fluent_async._retry import Policy
    from fluent_async._step import Kwargs, Step

Operand: TypeAlias = tuple[Literal[">>", "|"], str]
"""An operator, and what stands on the right of it."""

# Of these the repr shows values, and runs no code but that of the values. That of any other
# iterable might take its values, or ask a database for them.
_SHOWN = frozenset({list, tuple, range, dict, set, frozenset})


def task_code(steps: Steps) -> str:
    """Write a task as it was decorated; once composed or drained, as operators."""
    first, *others = operands_of(steps)
    return written(first[1], others) if others else _decorated(steps[0])


def worker_code(steps: Steps, args: tuple[Any, ...], kwargs: Kwargs) -> str:
    """Write a worker: the input and the task, or a call where that has no one value."""
    first, *others = operands_of(steps)
    if len(args) == 1 and not kwargs:
        return written(bounded_repr(args[0]), [first, *others])

    given = [bounded_repr(arg) for arg in args]
    given += [
        f"{printable(name)}={bounded_repr(arg)}" for name, arg in (kwargs or {}).items()
    ]
    return written(f"{first[1]}.with_input({', '.join(given)})", others)


def each_code(values: object) -> str:
    """Write what gives one input per value; no value of an iterator is taken."""
    channel = channel_of(values)
    return f"each({values_code(values)})" if channel is None else repr(channel)


def values_code(values: object) -> str:
    """Write a plain collection as it is, and any other iterable by its type."""
    return bounded_repr(values) if type(values) in _SHOWN else _by_type(values)


def operands_of(steps: Steps) -> list[Operand]:
    """Return what is written on the right of the input of these steps."""
    operands: list[Operand] = []
    for step in steps:
        operands.append((">>", printable(step.name)))
        operands += [drain_operand(drain) for drain in step.drains]

    return operands


def drain_operand(sink: object) -> Operand:
    """Return what is written for one drain, or another sink."""
    channel = channel_of(sink)
    return "|", _by_type(sink) if channel is None else repr(channel)


def written(left: str, operands: Iterable[Operand]) -> str:
    """Write operators from left to right, with parentheses where `|` binds too loosely."""
    loose = False
    for operator, right in operands:
        if loose and operator == ">>":
            left = f"({left})"

        left = f"{left} {operator} {right}"
        loose = operator == "|"

    return left


def retry_settings(policy: Policy) -> list[str]:
    """Write the settings that make a policy; what is the default is left out."""
    settings = [f"retry={policy.attempts}"]
    if (backoff := policy.backoff_code) is not None:
        settings.append(f"backoff={backoff}")

    return settings if policy.retries_all else [*settings, "retry_on=..."]


def _decorated(step: Step) -> str:
    settings = [] if step.policy is None else retry_settings(step.policy)
    settings += [] if step.timeout is None else [f"timeout={step.timeout:g}"]
    settings += [] if step.limit is None else [f"limit={step.limit}"]
    decorator = "@task" if step.kind is Kind.PLAIN else "@stream"
    given = f"({', '.join(settings)})" if settings else ""
    return f"{decorator}{given} def {printable(step.name)}{step.arity}"


def _by_type(value: object) -> str:
    return f"<{printable(_checks.type_name(value))}>"
