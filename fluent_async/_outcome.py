"""Outcome: what comes of work that is waited for, cancelled and told of as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias


if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fluent_async._retry import Failure
    from fluent_async._work import End


Keyed: TypeAlias = "tuple[tuple[int, ...], Failure]"
OnError: TypeAlias = Literal["finish", "cancel", "keep"]


def in_order(failures: Iterable[Keyed]) -> list[Failure]:
    """Return failures in the order of go() call, argument and input."""
    return [failure for _, failure in sorted(failures, key=lambda keyed: keyed[0])]


class Ends:
    """What there is to tell, once."""

    def __init__(
        self, untold: list[Keyed], fatal: BaseException | None, undone: str
    ) -> None:
        self._untold = untold
        self.fatal = fatal
        self.undone = undone  # what was dropped, in words; empty if nothing was

    @property
    def failures(self) -> list[Failure]:
        """The failures, in the order in which they happened."""
        return [failure for _, failure in self._untold]

    def in_order(self) -> list[Failure]:
        """Return them in the order of the inputs."""
        return in_order(self._untold)


class Outlet(Protocol):
    """What gives outputs, to one who is told of this outcome as well."""

    def halt(self) -> None:
        """Give no more, whatever is there or comes."""
        ...


class Outcome:
    """What comes of work that is waited for, cancelled and told of as one.

    Every stage has one. That of a pool is common to all that `go()` was given; work
    that runs in the pool but has failures of its own has an outcome of its own. Limits,
    slots, drains and counts know no outcomes: they are the pool's.

    Guarded by the pool's monitor. Invariants:
        1. `awake` is how many of its stages are awake.
        2. A failure is in `untold` from when it is final until somebody asks `tell`.
    """

    def __init__(self, on_error: OnError = "finish", *, own: bool = False) -> None:
        self.on_error: OnError = on_error
        self.own = own  # apart from what the pool's `go()` was given
        self.max_failures: int | None = None
        self.awake = 0
        self.halted = False  # by a failure that is told at once, before any output
        self.outputs: Sequence[Outlet] = ()  # for one who iterates; set once, at first
        self.fatal: BaseException | None = None  # to be raised as it is
        self.dropped = 0  # inputs, by a cancellation, since that was last told
        self.unread = 0  # sources not read to their end, likewise
        self.failures: list[Keyed] = []  # since last idle
        self.untold: list[Keyed] = []  # not raised yet

    @property
    def idle(self) -> bool:
        """Whether nothing of it is queued, running or waiting."""
        return not self.awake

    @property
    def enough(self) -> bool:
        """Whether so much has failed that the rest is to be cancelled."""
        most = 0 if self.on_error == "cancel" else self.max_failures
        return most is not None and len(self.failures) > most

    def fail(self, key: tuple[int, ...], failure: Failure) -> None:
        """Keep a failure that is final; `key` is where it comes among others."""
        self.failures.append((key, failure))
        if self.on_error == "cancel":
            self._halt()

        if self.on_error != "keep":
            self.untold.append((key, failure))

    def die(self, fatal: BaseException | None) -> None:
        """Keep what is no failure but ends everything; the first counts."""
        self._halt()
        if self.fatal is None:
            self.fatal = fatal

    def _halt(self) -> None:
        self.halted = True
        for outlet in self.outputs:
            outlet.halt()

    def drop(self, inputs: int, sources: int = 0) -> None:
        """Count inputs that a cancellation dropped, and sources that it cut off."""
        self.dropped += inputs
        self.unread += sources

    def end(self, end: End) -> None:
        """Hear that an input has ended, if this is not the pool's."""

    def tell(self) -> Ends:
        """Return what has not been told yet, and forget it."""
        ends = Ends(self.untold, self.fatal, _undone(self.dropped, self.unread))
        self.untold = []
        self.fatal = None
        self.dropped = self.unread = 0
        return ends


def _undone(works: int, iterables: int) -> str:
    """Say in words what was left undone."""
    parts: list[str] = []
    if works:
        workers = "1 worker" if works == 1 else f"{works} workers"
        parts.append(f"{workers} did not finish")

    if iterables:
        many, its = f"{iterables} iterables were", "their"
        if iterables == 1:
            many, its = "1 iterable was", "its"

        parts.append(f"{many} not read to {its} end")

    return ", ".join(parts)
