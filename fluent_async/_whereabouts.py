"""Whereabouts: what a thread is at in a slice, read from its frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fluent_async._course import Course
from fluent_async._loop import _loop, _loop_through, go_on, work_through


if TYPE_CHECKING:
    from types import FrameType

    from fluent_async._slice import Slice

_OUTER = {work_through.__code__, go_on.__code__}
_LOOPS = {_loop.__code__, _loop_through.__code__, go_on.__code__}


def at_in_slice(frame: FrameType | None) -> tuple[str, Any] | None:
    """Return the task that a thread runs in a slice, by name, and the input of it.

    The hot loop notes nothing anywhere for this, so it costs nothing until somebody
    asks; who does has to expect that the thread has gone on since.

    Args:
        frame: the innermost one of the thread.

    Returns:
        None if the thread is in no slice; the input is None while it pulls one.
    """
    value: Any = None
    while frame is not None:
        if frame.f_code in _LOOPS:
            value = frame.f_locals.get("value")

        if frame.f_code in _OUTER:
            return _told(frame.f_locals["slice_"], value)

        frame = frame.f_back

    return None


def _told(slice_: Slice, value: Any) -> tuple[str, Any]:
    stage, at = slice_.stage, 0
    if isinstance(slice_, Course):
        at = min(slice_.at, len(slice_.stages) - 1)
        stage = slice_.stages[at]

    if stage.given and not at and value is not None:  # with the worker's place
        value = value[1]._input

    return stage.label, value
