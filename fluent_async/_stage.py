"""Stage: a source of inputs, the task they are for, and the channels it drains to."""

from __future__ import annotations

import sys
from collections import deque
from contextvars import Context
from itertools import compress, islice, repeat, starmap, takewhile
from operator import length_hint
from typing import TYPE_CHECKING, Any, Protocol

from fluent_async._channel import PLENTY, Channel
from fluent_async._drain import Drain
from fluent_async._step import Kind
from fluent_async._work import Work


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fluent_async._admission import Limit
    from fluent_async._parties import Stirrable
    from fluent_async._step import Step
    from fluent_async._worker import Worker

# A stage is quick while its inputs take less than QUICK_S seconds each: then one thread
# runs up to LONGEST of them in a row, in a slice that aims to last SLICE_S, since sharing
# them would cost more than running them. In a pool of one thread a slice has at most
# ALONE, since no other thread is there to look at what else there is to do.
QUICK_S = 0.00002
SLICE_S = 0.0005
ALONE, LONGEST = 256, 1024

_gil = getattr(sys, "_is_gil_enabled", lambda: True)
SHARED = _gil()  # whether leases may be longer than one input: see _parties.Lease


class Source(Protocol):
    """Where a stage's inputs come from. All but what `pull` gives is for the monitor."""

    foreign: bool  # whether a pull runs code of the user's
    args: tuple[Any, ...]  # of what `pull` gives

    def ready(self) -> int:
        """At least how many inputs can be taken now, as far as is known."""
        ...

    def over(self) -> bool:
        """Whether there is nothing to take, and nothing will come by itself."""
        ...

    def pull(self, lease: Slice) -> Callable[..., Any]:
        """Return the function that takes one input, for the holder of `lease`."""
        ...


class Values:
    """The items of an iterable; one thread at a time advances it."""

    foreign = True

    def __init__(self, iterator: Iterator[Any]) -> None:
        self.args = (iterator,)
        self.read = False  # to its end, or as far as it will be

    def ready(self) -> int:
        return 0 if self.read else PLENTY

    def over(self) -> bool:
        return self.read

    def pull(self, lease: Slice) -> Callable[..., Any]:  # noqa: ARG002
        return next


class Given:
    """Workers given to `go()`, each with its place among the arguments."""

    foreign = False
    args = ()

    def __init__(self) -> None:
        self.workers: deque[tuple[int, Worker[Any]]] = deque()

    def ready(self) -> int:
        return len(self.workers)

    def over(self) -> bool:
        return not self.workers

    def pull(self, lease: Slice) -> Callable[..., Any]:  # noqa: ARG002
        return self.workers.popleft


class Flow:
    """The values of a channel that feeds the stage."""

    foreign = False
    args = ()

    def __init__(self, channel: Channel[Any]) -> None:
        self.channel = channel

    def ready(self) -> int:
        return len(self.channel.values)

    def over(self) -> bool:
        return self.channel.over

    def pull(self, lease: Slice) -> Callable[..., Any]:
        return self.channel.lend(lease)


class Slice:
    """A run of inputs of one stage that one thread works through without the monitor.

    The thread iterates `inputs`. Each step of that uses up one place of the *gate*, then
    pulls an input, then counts it; so whoever empties the gate knows that nothing more
    is pulled, and, from the count, whether a pull was under way at that moment.
    """

    __slots__ = (
        "_counter",
        "_gate",
        "_left",
        "_size",
        "alarm",
        "inputs",
        "judged",
        "missed",
        "number",
        "outlet",
        "spared",
        "stage",
        "started",
        "told",
    )

    def __init__(self, stage: Stage, size: int, now: float) -> None:
        self._size = size
        self._gate = repeat(stage.source.args, size)
        self._counter = repeat(1, size)
        self._left = 0  # places others took from the gate
        self.stage = stage
        self.number = stage.number  # of its first input
        self.started = now
        self.missed = 0  # inputs that did not succeed, and are accounted for
        self.judged = 0  # how many it had pulled when the last of those failed
        self.told = False  # to end: the pool was cancelled
        self.spared = False  # by a thread that could have used the lease
        self.alarm: list[bool] = []
        self.inputs: Iterator[Any] = iter(())
        self.outlet: deque[Any] = deque(maxlen=0)  # outputs are added to it

    def begin(self, pull: Callable[..., Any]) -> None:
        """Take inputs with `pull` from now on."""
        self.inputs = compress(starmap(pull, self._gate), self._counter)

    def arm(self) -> None:
        """Ask the thread to stop and report after what it is at."""
        self.alarm.append(True)

    def again(self, value: Any) -> None:
        """Have the thread start with an input that it pulled and did not start."""
        self.alarm.clear()
        self.inputs = iter((value,))

    @property
    def last(self) -> int:
        """The number of the input it pulled last."""
        return self.number + self.pulled - 1

    def close(self) -> None:
        """Let the thread take no more inputs than it has."""
        self._left += len(list(self._gate))

    @property
    def pulled(self) -> int:
        """How many inputs it took so far."""
        return self._size - length_hint(self._counter)

    def closed_pulling(self) -> bool:
        """Close it, and say whether its thread was in a pull at that moment."""
        self.close()
        return self.pulling

    @property
    def pulling(self) -> bool:
        """Whether a pull was begun that has given nothing, at this moment."""
        return self._size - self._left - length_hint(self._gate) > self.pulled

    def progress(self) -> tuple[int, bool]:
        """Return how many inputs it took, and whether it is at work on the last."""
        while True:
            pulled = self.pulled
            at_work = pulled > self.judged and not self.pulling
            if pulled == self.pulled:  # else its thread went on meanwhile
                return pulled, at_work

    def promised(self) -> int:
        """At most how many outputs it may still send."""
        return length_hint(self._gate) + 1


class Stage:
    """A task fed by many inputs, in one pool. Guarded by the pool's monitor."""

    def __init__(
        self,
        pool: Stirrable,
        key: tuple[int, int],
        source: Source,
        steps: tuple[Step, ...] | None,
        *,
        drains: tuple[object, ...] = (),
        finish: Callable[[Any], Any] | None = None,
    ) -> None:
        self.pool = pool
        self.key = key  # which go(), which argument: orders failures
        self.source = source
        self.given = isinstance(source, Given)
        self.steps = steps  # None: each input is a worker that has its own
        self.channels = channels_of(drains)  # that it feeds, each once
        self.base = Context()  # what each attempt runs in a copy of
        self.finish = finish or _as_it_is  # makes an input of what the source gives
        self.limits: tuple[Limit, ...] = ()
        self.depth = 0  # how far downstream
        self.awake = False
        self.dropped = False  # what it has not started: the pool was cancelled
        self.lease: Slice | None = None  # who may pull
        self.slices: list[Slice] = []
        self.waiting: deque[Work] = deque()  # pulled, but there was no room or limit
        self.in_progress = 0  # inputs taken and not ended, those of slices left out
        self.number = 0  # of the next input
        self.siblings: list[Stage] = []  # other workers given in the same go()
        self.budget = 1  # inputs a slice may take, as far as time goes
        self.plain = steps is not None and is_plain(steps, drains)
        self.quick = steps is not None and self._is_quick(steps, drains)
        self.promising = self.channels if self.quick else ()
        self.call: Callable[[Any], Any] = _call_given
        if steps is not None and not self.given:
            self.call = steps[0].fn

    def _is_quick(self, steps: tuple[Step, ...], drains: tuple[object, ...]) -> bool:
        """Say whether inputs can be worked through without a record of each."""
        return (
            self.plain
            and len(steps) == 1
            and steps[0].timeout is None
            and len(drains) == len(self.channels) <= 1
            and all(channel.turns is None for channel in self.channels)
        )

    @property
    def rank(self) -> tuple[int, tuple[int, int]]:
        """The order in which threads look at stages: downstream first, then oldest."""
        workers = self.source.workers if isinstance(self.source, Given) else None
        key = (self.key[0], workers[0][0]) if workers else self.key
        return (-self.depth, key)

    @property
    def label(self) -> str:
        """What errors call the stage."""
        return "workers" if self.steps is None else self.steps[-1].name

    @property
    def busy(self) -> bool:
        """Whether an input is in progress."""
        return bool(self.in_progress or self.slices)

    @property
    def may_start(self) -> bool:
        """Whether there are inputs it has not started, or may be."""
        return bool(self.waiting) or not self.source.over()

    @property
    def lasts(self) -> bool:
        """Whether it may feed its channels again."""
        if isinstance(self.source, Flow):
            return self.source.channel.reader is self

        return self.awake

    @property
    def broken(self) -> bool:
        """Whether all it drains to is shut, so that nothing it does is of use.

        Where the workers of a batch drain to is known only as they come.
        """
        known = self.steps is not None and self.channels
        return bool(known) and all(c.shut for c in self.channels)

    def work(self, value: Any, number: int | None = None) -> Work:
        """Make the record of one input, which the source gave as `value`.

        Args:
            value: for workers given to `go()`, with the place among its arguments.
            number: of the input, if that was given out before.
        """
        if number is None:
            number = self.number
            self.number += 1

        if self.given:
            place, worker = value
            return self._work_of(worker, (self.key[0], place, 0))

        if self.steps is None:
            return self._work_of(value, (*self.key, number))

        call = (0, (value,), None)
        return Work(self, (*self.key, number), self.steps, call=call, value=value)

    def _work_of(self, worker: Worker[Any], key: tuple[int, ...]) -> Work:
        call = (0, worker._args, worker._kwargs)
        work = Work(self, key, worker._steps, call=call, value=worker._input)
        if self.steps is None:
            drains = drains_of(worker._steps)
            work.channels = channels_of(drains)
            work.plain = is_plain(worker._steps, drains)

        return work

    def longest(self, limit: int) -> int:
        """Return how many inputs one slice may take in a pool of `limit`."""
        if not self.quick or not SHARED:
            return 1

        return min(self.budget, ALONE if limit == 1 else LONGEST)

    def ahead(self, most: int) -> int:
        """Return how many given workers come before the next one of a sibling."""
        assert isinstance(self.source, Given)
        heads = [
            sibling.source.workers[0][0]
            for sibling in self.siblings
            if isinstance(sibling.source, Given) and sibling.source.workers
        ]
        if not heads:
            return most

        before = takewhile(lambda given: given[0] < min(heads), self.source.workers)
        return max(1, sum(1 for _ in islice(before, most)))

    def pace(self, slice_: Slice, now: float) -> None:
        """Learn from how long a slice took how long the next may be."""
        took = now - slice_.started
        done = slice_.pulled
        if took > max(done, 1) * QUICK_S:
            self.budget = max(1, self.budget // 4)
        elif took < SLICE_S / 2 and done >= self.budget:
            self.budget = min(2 * self.budget, LONGEST)


def _as_it_is(value: Any) -> Any:
    return value


def _call_given(given: tuple[int, Worker[Any]]) -> Any:
    worker = given[1]
    if worker._kwargs is None:
        return worker._steps[0].fn(*worker._args)

    return worker._steps[0].fn(*worker._args, **worker._kwargs)


def drains_of(steps: tuple[Step, ...]) -> tuple[object, ...]:
    """Return the sinks of all steps, in the order in which they are sent to."""
    return tuple(drain for step in steps for drain in step.drains)


def channels_of(drains: tuple[object, ...]) -> tuple[Channel[Any], ...]:
    """Return the channels of those sinks that are drains, each once."""
    channels = [drain._channel for drain in drains if isinstance(drain, Drain)]
    return tuple(dict.fromkeys(channels))


def is_plain(steps: tuple[Step, ...], drains: tuple[object, ...]) -> bool:
    """Say whether an input gives each drain one value, so that room can be kept."""
    once = len({id(drain) for drain in drains}) == len(drains)
    return once and all(step.kind is Kind.PLAIN for step in steps)
