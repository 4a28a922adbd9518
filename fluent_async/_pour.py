"""Pour: a slice whose inputs have any number of outputs, which go out as they come."""

from __future__ import annotations

from collections.abc import Generator
from contextvars import Context
from itertools import repeat
from operator import length_hint
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from fluent_async._build import GIL
from fluent_async._loop import Held, InputError, Raised
from fluent_async._slice import Slice
from fluent_async._turnstile import Tickets


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fluent_async._stage import Stage

BURST = 1024  # outputs at most that go out before the thread enters the drain's monitor


class Pour(Slice):
    """A slice of a stage of streams: each output goes out before the next is made.

    Its thread has *places* for outputs that it adds to its outlet without a monitor. It
    takes one when an output was made, adds that, and looks at its alarm. A generator may
    take long to its next output, and the room is not kept from others meanwhile: who
    finds none takes the places back, and then the thread asks the drain for each output.

    Invariants:
        1. Nothing is added without a place, and none is added again when it was taken.
        2. `adding` is set from before a place is taken until its output is in the outlet.
           So who empties `places` and then reads `adding` knows whether one more comes.
    """

    __slots__ = ("_tickets", "adding", "places")

    def __init__(self, stage: Stage, now: float) -> None:
        super().__init__(stage, now)
        self.places: Iterator[object] = repeat((), 0)
        self._tickets: Tickets | None = None  # what `places` are, without the GIL
        self.adding = False

    def widen(self, places: int) -> None:
        """Let its thread, which calls this, send so many outputs by itself."""
        places = min(places, BURST)
        if GIL:
            self.places = repeat((), places)
        else:
            self._tickets = Tickets(places)
            self.places = iter(self._tickets)

        if self.told:  # since it last looked: that took back the places of before
            self.yield_room()

    @override
    def yield_room(self) -> None:
        if self._tickets is not None:
            self._tickets.take_back()
            return

        for _ in self.places:
            pass

    @override
    def close(self) -> None:
        super().close()
        self.yield_room()

    @override
    def promised(self) -> int:
        # In this order: the output of a place that is taken meanwhile counts all the same.
        tickets = self._tickets
        left = length_hint(self.places) if tickets is None else tickets.left
        return left + self.adding


class Opened:
    """An input of a pour whose outputs come; its thread has something to ask in between."""

    __slots__ = ("context", "output", "outputs", "value")

    def __init__(
        self, value: Any, outputs: Iterator[Any], context: Context, output: Any
    ) -> None:
        self.value = value
        self.outputs = outputs
        self.context = context  # which they are made in
        self.output = output  # made, and there was no place for it; or NOTHING


NOTHING = object()


def pour_through(
    slice_: Pour, opened: Opened | None = None
) -> Held | Raised | Opened | None:
    """Send the outputs of one input of a pour after the other.

    Args:
        slice_: of a stage of streams.
        opened: an input to go on with first.

    Returns:
        What needs a decision, or None when the pour is over. Call again to go on.

    Raises:
        InputError: from the iterable's own exception.
    """
    stop: Held | Raised | Opened | bool | None
    stop = opened is None or opened.context.run(_go_on, slice_, opened)
    opened = None
    while stop is True:
        context = slice_.stage.base.copy()
        try:
            stop = context.run(_loop, slice_, slice_.stage.call, context)
        except BaseException as exc:
            raise InputError from exc

    try:
        return stop or None
    finally:
        del stop  # its traceback leads back to this frame: no cycle, please


def cut_short(opened: Opened, exc: BaseException) -> Raised:
    """End an input with an exception, in the middle of its outputs."""
    try:
        try:
            raise exc
        finally:
            opened.context.run(_close, opened.outputs)
    except BaseException as last:
        return Raised(opened.value, last)
    finally:
        del opened, exc  # the exception leads back to this frame


def _go_on(slice_: Pour, opened: Opened) -> Raised | Opened | bool:
    """Send the rest of an input; say whether the next one may be taken."""
    value = opened.value
    try:
        stop = _send(slice_, value, opened.outputs, opened.context)
    except BaseException as exc:
        return Raised(value, exc)

    if stop is None:  # who called this has it still, while the next inputs come
        opened.value, opened.outputs, opened.context = None, iter(()), Context()

    return stop or not slice_.armed


def _loop(
    slice_: Pour, call: Callable[[Any], Any], context: Context
) -> Held | Raised | Opened | bool | None:
    """Open one input after the other, until the context is not what it was.

    Returns:
        What needs a decision; else whether to go on, in another context.
    """
    for value in slice_.inputs:
        if slice_.armed:
            return Held(value)

        try:
            stop = _send(slice_, value, iter(call(value)), context)
        except BaseException as exc:
            return Raised(value, exc)

        if stop is not None:
            return stop

        value = None  # noqa: PLW2901  (not kept alive during the next pull)
        if context or slice_.armed:
            return not slice_.armed

    return False


def _send(
    slice_: Pour, value: Any, outputs: Iterator[Any], context: Context
) -> Opened | None:
    """Send the outputs of an input: the hot loop of streams, nothing else in it.

    `value` is there for who looks at this frame. The output is not kept in a variable
    while the next one is made.
    """
    places, add = slice_.places, slice_.outlet.append
    try:
        for output in outputs:
            slice_.adding = True
            for _ in places:
                add(output)
                break
            else:
                slice_.adding = False
                return Opened(value, outputs, context, output)

            slice_.adding = False
            if slice_.armed:
                return Opened(value, outputs, context, NOTHING)

            output = None  # noqa: PLW2901
    except BaseException:
        _close(outputs)  # unless it is what raised, it would end somewhere else
        raise

    return None


def _close(outputs: Any) -> None:
    """End a generator here; other iterators are left where they are."""
    if isinstance(outputs, Generator):
        outputs.close()
