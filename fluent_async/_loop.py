"""Loop: what a thread does with a slice; the hot path of the library."""

from __future__ import annotations

from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING, Any

from fluent_async._course import Course


if TYPE_CHECKING:
    from collections.abc import Callable

    from fluent_async._slice import Slice
    from fluent_async._stage import Stage


class Held:
    """An input that a slice pulled and did not start."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Raised:
    """An input of a slice whose call raised."""

    __slots__ = ("exception", "index", "value")

    def __init__(self, value: Any, exception: BaseException, index: int = 0) -> None:
        self.value = value
        self.exception = exception
        self.index = index  # of the stage, in a course


class Passing:
    """An input of a course that is before the stage of that index, and was stopped there."""

    __slots__ = ("course", "index", "value")

    def __init__(self, course: Course, index: int, value: Any) -> None:
        self.course = course
        self.index = index
        self.value = value


class InputError(Exception):
    """The iterable itself raised; the cause is what."""


def work_through(slice_: Slice) -> Held | Raised | Passing | None:
    """Call the stage's function on one input of a slice after the other.

    Returns:
        What needs a decision, or None when the slice is over. Call again to go on.

    Raises:
        InputError: from the iterable's own exception.
    """
    context, add = Context(), slice_.outlet.append
    loop: Callable[[Context], Held | Raised | Passing | None]
    if isinstance(slice_, Course):
        slice_.calls = tuple(enumerate(map(_call_of, slice_.stages)))
        loop = partial(_loop_through, slice_, slice_.calls, add)
    else:
        each = _loop if slice_.threes is None else _loop_promptly
        loop = partial(each, slice_, _call_of(slice_.stage), add)

    while True:
        try:
            stop = context.run(loop, context)
        except BaseException as exc:
            raise InputError from exc

        if isinstance(stop, Passing) and not slice_.armed:  # the context stopped it
            stop = go_on(stop)

        if stop is not None or slice_.armed or not len(context):
            try:
                return stop
            finally:
                del stop  # its traceback leads back to this frame: no cycle, please

        context = Context()  # what the last input set ends with it


def go_on(passing: Passing) -> Raised | Passing | None:
    """Take one input further, each call in a context of its own."""
    slice_, value = passing.course, passing.value
    end = len(slice_.calls)
    last = end if slice_.only is None else slice_.only + 1
    calls = slice_.calls[passing.index : last]
    for slice_.at, call in calls:
        if slice_.armed:
            return Passing(slice_, slice_.at, value)

        try:
            value = Context().run(call, value)
        except BaseException as exc:
            return Raised(value, exc, slice_.at)

    if last < end:
        return Passing(slice_, last, value)

    slice_.outlet.append(value)
    slice_.at = end
    return None


def _call_of(stage: Stage) -> Callable[[Any], Any]:
    """Return what calls the function of a stage, with a copy of its context if it has any."""
    base, call = stage.base, stage.call
    if not len(base):
        return call

    return lambda value: base.copy().run(call, value)


def _loop(
    slice_: Slice,
    call: Callable[[Any], Any],
    add: Callable[[Any], None],
    context: Context,
) -> Held | Raised | None:
    """Do what the library is for, once an input: the hot loop, nothing else in it.

    The alarm is looked at after the pull, which may have taken long, and after the
    output went out. The output is never kept in a variable, which would keep it alive.
    """
    for value in slice_.inputs:
        if slice_.armed:
            return Held(value)

        try:
            add(call(value))
        except BaseException as exc:
            return Raised(value, exc)

        value = None  # noqa: PLW2901  (not kept alive during the next pull)
        if context or slice_.armed:
            return None

    return None


def _loop_promptly(
    slice_: Slice,
    call: Callable[[Any], Any],
    add: Callable[[Any], None],
    context: Context,
) -> Raised | None:
    """Do the same with inputs that are there at once: a pull begins one, in that step.

    Who closes the slice knows which these are, and there is nothing else to report.
    """
    assert slice_.threes is not None
    for _, value, _ in slice_.threes:
        try:
            add(call(value))
        except BaseException as exc:
            return Raised(value, exc)

        if context or slice_.armed:
            break

    value = None  # nor after the last: an exception may keep this frame
    return None


def _loop_through(  # noqa: C901  (a function of its own would cost a call an input)
    course: Course,
    calls: tuple[tuple[int, Callable[[Any], Any]], ...],
    add: Callable[[Any], None],
    context: Context,
) -> Raised | Passing | None:
    """Do the same with several functions in a row, each on what the one before returned.

    The course is told where the input is before the alarm is looked at. The first and
    the last function are called outside the inner loop for speed alone.
    """
    (_, first), *middle, (end, last) = calls
    for value in course.inputs:
        try:
            course.at = 0
            if course.armed:
                return Passing(course, 0, value)

            value = first(value)  # noqa: PLW2901
            for course.at, call in middle:
                if context or course.armed:
                    return Passing(course, course.at, value)

                value = call(value)  # noqa: PLW2901

            course.at = end
            if context or course.armed:
                return Passing(course, end, value)

            add(last(value))
        except BaseException as exc:
            return Raised(value, exc, course.at)

        value = None  # noqa: PLW2901  (not kept alive during the next pull)
        course.at = end + 1
        if context or course.armed:
            return None

    return None
