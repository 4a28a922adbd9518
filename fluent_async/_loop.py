"""Loop: what a thread does with a slice; the hot path of the library."""

from __future__ import annotations

from contextvars import Context
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fluent_async._slice import Slice


class Held:
    """An input that a slice pulled and did not start."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Raised:
    """An input of a slice whose call raised."""

    __slots__ = ("exception", "value")

    def __init__(self, value: Any, exception: BaseException) -> None:
        self.value = value
        self.exception = exception


class InputError(Exception):
    """The iterable itself raised; the cause is what."""


def work_through(slice_: Slice, base: Context) -> Held | Raised | None:
    """Call the stage's function on one input of a slice after the other.

    Returns:
        What needs a decision, or None when the slice is over. Call again to go on.

    Raises:
        InputError: from the iterable's own exception.
    """
    context = Context()
    call = slice_.stage.call
    if len(base):  # each input gets a copy of its own
        call = _isolated(call, base)

    inputs, add, alarm = slice_.inputs, slice_.outlet.append, slice_.alarm
    while True:
        try:
            stop = context.run(_loop, inputs, call, add, alarm, context)
        except BaseException as exc:
            raise InputError from exc

        if stop is not None or alarm or not len(context):
            try:
                return stop
            finally:
                del stop  # its traceback leads back to this frame: no cycle, please

        context = Context()  # what the last input set ends with it


def _isolated(call: Callable[[Any], Any], base: Context) -> Callable[[Any], Any]:
    def isolated(value: Any) -> Any:
        return base.copy().run(call, value)

    return isolated


def _loop(
    inputs: Iterator[Any],
    call: Callable[[Any], Any],
    add: Callable[[Any], None],
    alarm: list[bool],
    context: Context,
) -> Held | Raised | None:
    """Do what the library is for, once an input: the hot loop, nothing else in it.

    The alarm is looked at after the pull, which may have taken long, and after the
    output went out. The output is never kept in a variable, which would keep it alive.
    """
    for value in inputs:
        if alarm:
            return Held(value)

        try:
            add(call(value))
        except BaseException as exc:
            return Raised(value, exc)

        value = None  # noqa: PLW2901  (not kept alive during the next pull)
        if alarm or context:
            return None

    return None
