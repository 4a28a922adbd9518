"""Work: one accepted input, and the attempts at it, from the first to its one end."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

from typing_extensions import override


if TYPE_CHECKING:
    from fluent_async._admission import Limit
    from fluent_async._channel import Channel
    from fluent_async._stage import Stage
    from fluent_async._step import Step
    from fluent_async._wait import Waiter

Call: TypeAlias = "tuple[int, tuple[Any, ...], dict[str, Any] | None]"


class End(Enum):
    """How an attempt ended: decided once, in the pool's monitor, and for good.

    An attempt that has no end yet runs, or waits inside the library. From there every
    end can be reached; from an end, no other.
    """

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    CANCELLED = "cancelled"


class Work:
    """One accepted input of a stage.

    `todo` is a stack of calls that are left, as (step, args, kwargs): the call on top
    comes next, and is taken off only when it has succeeded. So a retry repeats that
    step alone, and steps with many outputs pass them on in order.
    """

    __slots__ = (
        "began",
        "channels",
        "dropped",
        "input",
        "key",
        "limits",
        "plain",
        "promised",
        "stage",
        "steps",
        "todo",
        "tries",
        "turns",
    )

    def __init__(
        self,
        stage: Stage,
        key: tuple[int, ...],
        steps: tuple[Step, ...],
        *,
        call: Call,
        value: Any,
    ) -> None:
        self.stage = stage
        self.key = key  # which go(), argument and input: orders failures
        self.steps = steps
        self.todo: list[Call] = [call]
        self.input = value
        self.dropped = False  # by cancel(): it is not to be tried again
        self.tries = 0  # attempts at the call on top
        self.began: float | None = None  # when the first of those did
        self.plain = stage.plain  # one output, and so one value to each channel
        self.channels = stage.channels
        self.limits: tuple[Limit, ...] = ()  # that it has a place in
        self.promised: tuple[Channel[Any], ...] = ()  # that keep room for it
        self.turns: tuple[tuple[Channel[Any], int], ...] = ()  # in ordered channels

    def input_of(self, call: Call) -> Any:
        """Return what a Failure shows as the input of a call of this work."""
        index, args, _ = call
        return self.input if index == 0 else args[0]


class Occupant:
    """Whatever occupies a slot and may wait: an attempt, or the thread of a slice."""

    __slots__ = ("deadline", "elsewhere", "left", "lent", "stage", "told", "waiter")

    def __init__(self, stage: Stage | None) -> None:
        self.stage = stage  # None: it is at a call that was handed in by itself
        self.told = False  # to end: the pool was cancelled, or nobody waits for it
        self.waiter: Waiter | None = None  # woken when it is told to end
        self.lent = False  # its slot, while it waits
        self.elsewhere = False  # for what goes on outside the pool
        self.deadline: float | None = None  # while it runs
        self.left: float | None = None  # seconds to the deadline, while it waits

    @property
    def moves(self) -> bool:
        """Whether it goes on, or will, whatever the pool does, though it waits."""
        woken = self.waiter is not None and self.waiter.woken
        return self.told or self.elsewhere or woken

    @property
    def over(self) -> bool:
        """Whether nobody waits for it any more, though it goes on."""
        return False

    def tell(self) -> None:
        """Tell it to end; it hears when it next calls the library."""
        self.told = True
        if self.waiter is not None:
            self.waiter.wake()


class Attempt(Occupant):
    """One attempt at a work's next call, on one thread."""

    __slots__ = ("end", "started", "thread", "work")

    def __init__(self, work: Work, now: float) -> None:
        super().__init__(work.stage)
        self.work = work
        self.started = now
        self.end: End | None = None
        self.thread = ""  # the name of the one it runs on

    @property
    def task(self) -> str:
        """The name of the task whose call comes next, or came last."""
        todo = self.work.todo
        return self.work.steps[todo[-1][0] if todo else -1].name

    @property
    def timeout(self) -> float | None:
        """How many seconds it may run."""
        return self.work.steps[self.work.todo[-1][0]].timeout

    @property
    @override
    def over(self) -> bool:
        return self.end is not None
