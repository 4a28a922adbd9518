"""Names for annotations: protocols to implement or accept, and aliases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, Self, TypeAlias, runtime_checkable

from typing_extensions import TypeVar

from fluent_async._retry import Backoff, Failure


if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from fluent_async._worker import Worker

__all__ = [
    "Delay",
    "Drainable",
    "Executable",
    "Results",
    "RetryOn",
    "Retryable",
    "Seconds",
    "Sink",
    "Takes",
    "TakesMany",
]

Out_co = TypeVar("Out_co", covariant=True)
T_co = TypeVar("T_co", covariant=True)
T_contra = TypeVar("T_contra", contravariant=True)

Seconds: TypeAlias = float | timedelta
Delay: TypeAlias = Seconds | Backoff | Callable[[Failure], float]
RetryOn: TypeAlias = (
    type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool]
)


@runtime_checkable
class Executable(Protocol):
    """Anything a pool can run."""

    def execute(self) -> object:
        """Do the work, in the thread that calls; raise if it failed."""
        ...


@runtime_checkable
class Retryable(Protocol):
    """Anything that can be given a retry policy."""

    def with_retry(self, attempts: int, backoff: Delay = ...) -> Executable:
        """Return the same work with `attempts` attempts in all."""
        ...


@runtime_checkable
class Drainable(Protocol):
    """Anything whose drains can be shut."""

    def shut_down(self) -> None:
        """Shut the drains: nothing more arrives in them."""
        ...


class Sink(Protocol[T_contra]):
    """Anything values can be sent to; Drain is one."""

    def send(self, value: T_contra, /) -> object:
        """Take `value`; may wait for room; what it returns is ignored."""
        ...


class Takes(Protocol[T_contra, Out_co]):
    """A task that one value completes: `value >> task` is typed through this."""

    def with_input(self, value: T_contra, /) -> Worker[Out_co]:
        """Return the task with `value` as its input."""
        ...


class TakesMany(Protocol[T_contra, Out_co]):
    """A stream that one value completes."""

    def __call__(self, value: T_contra, /) -> Iterator[Out_co]:
        """Call the function: an iterator over its outputs."""
        ...

    def with_input(self, value: T_contra, /) -> Worker[Out_co]:
        """Return the stream with `value` as its input."""
        ...


class Results(Protocol[T_co]):
    """A lazy, closable stream of outputs.

    Iterate it, iterate it with `async for`, or leave its `with` early.
    """

    def __iter__(self) -> Iterator[T_co]: ...
    def __next__(self) -> T_co: ...
    def __aiter__(self) -> AsyncIterator[T_co]: ...
    async def __anext__(self) -> T_co: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exc_info: object) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *exc_info: object) -> None: ...
    def close(self) -> None:
        """Cancel what is left, and wait for what runs; idempotent."""
        ...
