"""Whereabouts: what a thread is at in a slice or shift, read from its frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fluent_async._checks import name_of
from fluent_async._course import Course
from fluent_async._desk import Desk
from fluent_async._loop import (
    _loop,
    _loop_promptly,
    _loop_through,
    go_on,
    work_through,
)
from fluent_async._pour import _go_on, _send, pour_through
from fluent_async._pour import _loop as _loop_of_pour


if TYPE_CHECKING:
    from types import FrameType

    from fluent_async._slice import Slice

_OUTER = {work_through.__code__, go_on.__code__, pour_through.__code__}
_ANSWER = Desk._answer.__code__
_LOOPS = {
    each.__code__
    for each in (
        _loop,
        _loop_promptly,
        _loop_through,
        go_on,
        _loop_of_pour,
        _go_on,
        _send,
    )
}


def at(frame: FrameType | None) -> tuple[str, Any] | None:
    """Return the task, or called function, that a thread is at, and the input of it.

    The hot loops note nothing anywhere for this, so it costs nothing until somebody
    asks; who does has to expect that the thread has gone on since.

    Args:
        frame: the innermost one of the thread.

    Returns:
        None if the thread is in no slice and at no call; the input is None while it
        pulls one, and a tuple if a call has several arguments.
    """
    value: Any = None
    inner: FrameType | None = None
    while frame is not None:
        if frame.f_code in _LOOPS:
            value = frame.f_locals.get("value")

        if frame.f_code in _OUTER:
            return _told(frame.f_locals["slice_"], value)

        if frame.f_code is _ANSWER:
            return _called(inner.f_locals) if inner is not None else None

        inner, frame = frame, frame.f_back

    return None


def _called(names: dict[str, Any]) -> tuple[str, Any] | None:
    """Return what is called where the names of a frame are these."""
    if "fn" not in names or "args" not in names:  # it is done, or not begun
        return None

    args = names["args"]
    return name_of(names["fn"]), args[0] if len(args) == 1 else args


def _told(slice_: Slice, value: Any) -> tuple[str, Any]:
    stage, at = slice_.stage, 0
    if isinstance(slice_, Course):
        at = min(slice_.at, len(slice_.stages) - 1)
        stage = slice_.stages[at]

    if stage.given and not at and value is not None:
        value = value._input

    return stage.label, value
