"""Step: one function with its policy, and what it can be called with."""

# mypy: allow-any-explicit
# A step forgets the types of its function; Task remembers them.

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from types import MethodType
from typing import TYPE_CHECKING, Any, Generic, Self, final
from weakref import ref

from typing_extensions import TypeVar, override

from fluent_async import _checks, _wait


if TYPE_CHECKING:
    from fluent_async._retry import Policy
    from fluent_async.typing import Sink

T_co = TypeVar("T_co", covariant=True)
T_contra = TypeVar("T_contra", contravariant=True)

Kwargs = dict[str, Any] | None


class One(Enum):
    """What stands for arguments by name where there is one value, and nothing else."""

    ONE = "one"


ONE = One.ONE


class Kind(Enum):
    """What the outputs of a function are."""

    PLAIN = "plain"
    """One: what it returns."""

    ITERABLE = "iterable"
    """The items of the iterable that it returns; a generator is one."""

    ARGS = "args"
    """What it sends to the drainer of its Args."""


@dataclass(frozen=True, slots=True, eq=False)
class Arity:
    """How many positional arguments a function takes.

    `least` and `most` decide the common case; everything else asks the signature.
    """

    least: int
    most: int
    signature: inspect.Signature | None
    bound: bool = False  # whether the first argument is given already

    @classmethod
    def of(cls, fn: Callable[..., object]) -> Self:
        """Read the signature of `fn`; a function that hides it takes anything."""
        try:
            signature = signature_of(fn)
        except Exception:  # as of builtins, and of objects whose methods raise
            return cls(0, sys.maxsize, None)

        parameters = signature.parameters.values()
        positional = [each for each in parameters if each.kind in _POSITIONAL]
        least = sum(1 for each in positional if each.default is each.empty)
        most = len(positional)
        if any(each.kind is each.VAR_POSITIONAL for each in parameters):
            most = sys.maxsize

        if any(
            each.kind is each.KEYWORD_ONLY and each.default is each.empty
            for each in parameters
        ):
            most = -1  # positional arguments alone never do

        return cls(least, most, signature)

    def without_first(self) -> Arity:
        """Return what is left to give once the first argument is bound."""
        return Arity(max(0, self.least - 1), self.most - 1, self.signature, bound=True)

    def takes(self, count: int) -> bool:
        """Say whether `count` positional arguments, and nothing else, will do."""
        return self.least <= count <= self.most

    def mismatch(self, args: tuple[Any, ...], kwargs: Kwargs) -> str | None:
        """Say why a call with these arguments is none; None if it is one."""
        if self.signature is None or (not kwargs and self.takes(len(args))):
            return None

        try:
            self._bind(args, kwargs)
        except TypeError as exc:
            return str(exc)

        return None

    def named(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments by the names of the parameters they are for."""
        if self.signature is None:
            return {str(place): arg for place, arg in enumerate(args)} | kwargs

        return self._bind(args, kwargs)

    def _bind(self, args: tuple[Any, ...], kwargs: Kwargs) -> dict[str, Any]:
        signature = inspect.Signature(self._parameters())
        return signature.bind(*args, **(kwargs or {})).arguments

    def _parameters(self) -> list[inspect.Parameter]:
        """Return the parameters that are left to give."""
        if self.signature is None:
            return []

        parameters = list(self.signature.parameters.values())
        if self.bound and parameters and parameters[0].kind in _POSITIONAL:
            del parameters[0]

        return parameters

    @override
    def __str__(self) -> str:
        """Show the parameters by name; defaults are left out, since their repr may raise."""
        shown: list[str] = []
        for each in self._parameters():
            default = "" if each.default is each.empty else "=..."
            shown.append(f"{_STARS.get(each.kind, '')}{each.name}{default}")

        return f"({', '.join(shown)})"


_POSITIONAL = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
)

_STARS: dict[object, str] = {
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}

# From 3.14 on annotations are evaluated when asked for, which fails for names that only
# type checkers import; as strings (Format.STRING is 4) they never do.
_AS_STRINGS: dict[str, Any] = (
    {"annotation_format": 4} if sys.version_info >= (3, 14) else {}
)


def signature_of(fn: Callable[..., object]) -> inspect.Signature:
    """Return the signature of `fn`, with annotations as they are or as strings."""
    return inspect.signature(fn, **_AS_STRINGS)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Step:
    """One function with its policy. Immutable."""

    fn: Callable[..., Any]
    kind: Kind
    name: str
    arity: Arity
    origin: object
    """The decorated function: tasks of the same origin and limit share that limit."""

    policy: Policy | None = None
    """None takes the pool's whole policy; outside a pool it is one attempt."""

    timeout: float | None = None
    limit: int | None = None
    drains: tuple[Sink[Any], ...] = ()
    """In the order written. Those of a step in the middle get copies."""

    drained: ref[Step] | None = field(default=None, init=False)
    """This step with the drain that it last got, as long as anything uses that."""

    @property
    def retried_by_pool(self) -> bool:
        """Whether a pool's own policy reaches it: not generators and iterables."""
        return self.kind is not Kind.ITERABLE

    def check_arity(self, args: tuple[Any, ...], kwargs: Kwargs) -> None:
        """Raise TypeError unless the function can be called with these arguments."""
        if kwargs or not self.arity.least <= len(args) <= self.arity.most:
            wrong = self.arity.mismatch(args, kwargs)
            if wrong is not None:
                raise TypeError(
                    f"{self.name}{self.arity} {_missing(self, args, wrong)}"
                )

    def bound_to(self, instance: object) -> Step:
        """Return the step for the method of `instance`."""
        # Spelled out, since methods do this often and dataclasses.replace takes long.
        return Step(
            MethodType(self.fn, instance),
            self.kind,
            self.name,
            self.arity.without_first(),
            self.origin,
            self.policy,
            self.timeout,
            self.limit,
            self.drains,
        )


def _missing(step: Step, args: tuple[Any, ...], wrong: str) -> str:
    if args or not step.arity.takes(1):
        return f"cannot take this input: {wrong}"

    return f"has no input ({wrong}): write `value >> {step.name}`"


@final
class Args(Generic[T_co, T_contra]):
    """What a stream function that asks for it is called with.

    A function whose first parameter, or second after `self`, is an `Args[In, Out]` sends
    its outputs instead of yielding them. The pool makes the Args; make your own to call
    the bare function in a test.

    Args:
        input: the input.
        drainer: where the outputs go: anything with `send`.
        attempt: which attempt this is, from 1.

    Example:
        >>> from fluent_async import Drain
        >>> numbers = Drain[int]()
        >>> args = Args("1 2", numbers)
        >>> for word in args.input.split():
        ...     args.drainer.send(int(word))
        >>> numbers.drain()
        [1, 2]
    """

    __slots__ = ("_attempt", "_drainer", "_input")

    def __init__(
        self,
        input: T_co,  # noqa: A002  (what the glossary calls it)
        drainer: Sink[T_contra],
        *,
        attempt: int = 1,
    ) -> None:
        self._input = input
        self._drainer = _checks.sink("drainer", drainer)
        self._attempt = _checks.whole("attempt", attempt, least=1)

    @property
    def input(self) -> T_co:
        """The input."""
        return self._input

    @property
    def drainer(self) -> Sink[T_contra]:
        """Where the outputs go.

        `drainer.send` raises DrainClosed once all drains are shut; let it pass.
        """
        return self._drainer

    @property
    def attempt(self) -> int:
        """Which attempt this is: 1 is the first, more are retries."""
        return self._attempt

    @property
    def cancelled(self) -> bool:
        """Whether this worker was told to end, as `cancelled()` says."""
        return _wait.cancelled()
