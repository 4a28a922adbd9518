"""Each: the values of an iterable, on their way to become inputs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Generic, cast, final

from typing_extensions import TypeVar, override

from fluent_async import _checks
from fluent_async._chain import steps_after
from fluent_async._code import each_code
from fluent_async._drain import Drain
from fluent_async._worker import Uniform, Workers


if TYPE_CHECKING:
    from fluent_async.typing import Takes

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
NewOut = TypeVar("NewOut")


@final
class Each(Generic[T_co]):
    """Many values, each to become the input of a task: `each(values) >> task`.

    Raises:
        TypeError: if `values` is not iterable, or a str or bytes.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Iterable[T_co], /) -> None:
        self._values = _checks.iterable("values", values, "an iterable of inputs")

    def __rshift__(self, task: Takes[T_co, NewOut], /) -> Workers[NewOut]:
        """Return one worker per value, made as they are taken."""
        return Workers._of(
            Uniform(self._values, steps_after(task, "each(...) >> task"))
        )

    @override
    def __repr__(self) -> str:
        """Show a plain collection, and any other iterable by its type alone."""
        return each_code(self._values)


def each(values: Iterable[T], /) -> Each[T]:
    """Return the values as inputs: `each(values) >> task` is one worker per value.

    Nothing is iterated before the work runs: by a pool in `go()`, in its caller's
    thread. A list is iterated anew each time that is run; what gives its values once,
    such as a generator, is for one batch at a time. `each(drain)` is the drain.

    Args:
        values: any iterable but a str or bytes, which are rarely meant by the character.

    Raises:
        TypeError: if `values` is not iterable, or a str or bytes.
    """
    if _checks.is_a(values, Drain):
        return cast("Each[T]", values)  # it has the same >>

    if _checks.is_a(values, (str, bytes, bytearray)):
        raise TypeError(
            f"values must be an iterable of inputs, not {_checks.type_name(values)}: "
            "write `value >> task` for one input, `each([value])` for a list of it"
        )

    return Each(values)
