"""Chain: the steps that a worker does one after the other, changed and continued."""

# mypy: allow-any-explicit
# Steps forget the types of their functions; Task and Worker remember them.

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import ref

from typing_extensions import TypeVar

from fluent_async import _checks
from fluent_async._drain import Drain
from fluent_async._step import Step


if TYPE_CHECKING:
    from fluent_async.typing import Sink

T = TypeVar("T")

Steps: TypeAlias = tuple[Step, ...]


def name_of(steps: Steps) -> str:
    """Name what the steps do together."""
    return " >> ".join(step.name for step in steps)


def sinks_of(steps: Steps) -> tuple[Sink[Any], ...]:
    """Return what the steps send to, in the order written."""
    return tuple(sink for step in steps for sink in step.drains)


def with_last(steps: Steps, **changes: Any) -> Steps:
    """Return the steps with changes to the last one."""
    return (*steps[:-1], dataclasses.replace(steps[-1], **changes))


def with_drain(steps: Steps, drain: Sink[Any]) -> Steps:
    """Return the steps with one more sink for what comes out of the last one.

    Workers made one by one drain to the same: while one of them is there, the others
    get the step that it has. The two share its memory, and pools see that they are alike.

    Raises:
        TypeError: if `drain` is nothing that values can be sent to.
    """
    return (*steps[:-1], drained(steps[-1], drain))


def drained(step: Step, drain: Sink[Any]) -> Step:
    """Return a step with one more sink: the same for all that want the same."""
    known = step.drained
    made = None if known is None else known()
    if made is None or made.drains[-1] is not drain:
        drains = (*step.drains, sink("drain", drain))
        made = dataclasses.replace(step, drains=drains)
        # Two threads may do so at once: each has its own, and both are right.
        object.__setattr__(step, "drained", ref(made))

    return made


def sink(name: str, value: T) -> T:
    """Return `value`, which must be something that values can be sent to.

    A class whose objects may stand there by mistake says in `_no_sink` what to write.
    """
    if issubclass(type(value), Drain):
        return value

    hint: str | None = getattr(type(value), "_no_sink", None)
    if hint is not None:
        raise TypeError(hint)

    return _checks.sink(name, value)


def steps_after(task: object, left: str) -> Steps:
    """Return the steps of a task on the right of >>, which must take one value."""
    # Of its type: there are objects that have any attribute one asks for.
    following: Callable[[object], Steps] | None = getattr(
        type(task), "_following", None
    )
    if following is not None:
        return following(task)

    if _checks.is_a(task, Drain):
        raise TypeError(
            f"a drain takes outputs with |, not with >>: write {left} | drain"
        )

    raise _checks.wrong_type("what follows >>", task, "a task")


NO_SINK = (
    "| takes a drain, not work: `a >> f | d >> g` means `(a >> f) | (d >> g)`; give a "
    "pool both parts, `pool.go(a >> f | d, d >> g)`"
)
"""What work on the right of | is told."""
