"""Stage: a source of inputs, the task they are for, and the channels it drains to."""

from __future__ import annotations

from collections import deque
from contextvars import Context
from typing import TYPE_CHECKING, Any

from fluent_async._drain import channel_of
from fluent_async._sources import Flow, Given, Values
from fluent_async._step import ONE, Kind
from fluent_async._work import Work


if TYPE_CHECKING:
    from collections.abc import Callable

    from fluent_async._admission import Limit
    from fluent_async._channel import Channel
    from fluent_async._outcome import Outcome
    from fluent_async._parties import Stirrable
    from fluent_async._slice import Slice
    from fluent_async._sources import Source
    from fluent_async._step import Step
    from fluent_async._worker import Worker

# A stage is quick while its inputs take less than QUICK_S seconds each: then one thread
# runs up to LONGEST of them in a row, in a slice that aims to last SLICE_S, since sharing
# them would cost more than running them. In a pool of one thread a slice has at most
# ALONE, since no other thread is there to look at what else there is to do. Its first
# slice has BUDGET: nobody knows yet. A thread that could share a lease leaves it alone for
# PATIENCE_S, and on as long as it is quick.
QUICK_S = 0.00002
SLICE_S = 0.004
PATIENCE_S = 0.001
BUDGET = 1
ALONE, LONGEST = 2048, 65536


class Stage:
    """A task fed by many inputs, in one pool. Guarded by the pool's monitor."""

    outcome: Outcome  # what comes of it, from when it is taken in until it is over
    slow = False  # whether inputs were seen to take long, when last looked at
    depth = 0  # how far downstream
    awake = False
    dropped = False  # what it has not started: the pool was cancelled

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
        self.lease: Slice | None = None  # who may pull
        self.slices: list[Slice] = []
        self.waiting: deque[Work] = deque()  # pulled, but there was no room or limit
        self.in_progress = 0  # inputs taken and not ended, those of slices left out
        self.number = 0  # of the next input
        self.siblings: list[Stage] = []  # other workers given in the same go()
        self.budget = BUDGET  # inputs a slice may take, as far as time goes
        self.plain = steps is not None and is_plain(steps, drains)
        self.quick = steps is not None and self._is_quick(steps, drains)
        self.promising = self.channels if self.quick else ()
        # Whether inputs are worked through, and have any number of outputs.
        self.pours = self.quick and not self.plain
        # Whether its outputs come in the order of its inputs.
        self.ordered = any(channel.turns is not None for channel in self.channels)
        self.call: Callable[[Any], Any] = _call_given
        if steps is not None and not self.given:
            self.call = steps[0].fn

    def _is_quick(self, steps: tuple[Step, ...], drains: tuple[object, ...]) -> bool:
        """Say whether inputs can be worked through without a record of each."""
        return (
            len(steps) == 1
            and (self.plain or _pours(steps[0]))
            and steps[0].timeout is None
            and len(drains) == len(self.channels) <= 1
        )

    @property
    def rank(self) -> tuple[int, tuple[int, int]]:
        """The order in which threads look at stages: downstream first, then oldest."""
        key, source = self.key, self.source
        if isinstance(source, Given) and source.workers:
            key = (key[0], source.place)

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
    def at_work(self) -> int:
        """How many inputs are in progress; an iterable that is asked has given none."""
        slices = self.slices if self.quick else ()
        return self.in_progress + sum(each.at_work_in(self) for each in slices)

    @property
    def may_start(self) -> bool:
        """Whether there are inputs it has not started, or may be."""
        return bool(self.waiting) or not self.source.over()

    @property
    def reads(self) -> bool:
        """Whether a thread is in the iterable that it reads, or may enter it yet."""
        assert isinstance(self.source, Values)
        # In this order: nobody enters the iterable once it was read.
        return not self.source.read or not self.source.baton

    @property
    def is_read(self) -> bool:
        """Whether another stage takes what it sends."""
        return any(channel.reader is not None for channel in self.channels)

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
        if self.steps is None or not self.channels or not self.channels[0].shut:
            return False

        return all(channel.shut for channel in self.channels)

    def work(self, value: Any, number: int | None = None) -> Work:
        """Make the record of one input, which the source gave as `value`.

        Args:
            value: a worker, if those were given to `go()`.
            number: of the input, if that was given out before.
        """
        if number is None:
            number = self.number
            self.number += 1

        if isinstance(self.source, Given):
            return self._work_of(value, (self.key[0], self.source.places[number], 0))

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

    def longest(self, limit: int, stages: int) -> int:
        """Return how many inputs one slice may take through so many stages.

        Args:
            limit: of the pool.
            stages: how many, this one included.
        """
        if not self.quick:
            return 1

        return min(self.budget, ALONE if limit == 1 else LONGEST // stages)

    def ahead(self, most: int) -> int:
        """Return how many given workers come before the next one of a sibling."""
        assert isinstance(self.source, Given)
        heads = [
            sibling.source.place
            for sibling in self.siblings
            if isinstance(sibling.source, Given) and sibling.source.workers
        ]
        if not heads:
            return most

        return max(1, self.source.before(min(heads), most))

    def pace(self, slice_: Slice, now: float) -> None:
        """Learn from how long a slice took how long the next may be."""
        took = now - slice_.started
        done = slice_.pulled
        slow = took > max(done, 1) * QUICK_S * len(slice_.stages)
        self.slow = slow if done else self.slow
        if slow:
            self.budget = max(1, self.budget // 4)
        elif took < SLICE_S / 2 and done >= self.budget:
            more = 8 if took < SLICE_S / 16 else 2
            self.budget = min(more * self.budget, LONGEST)


def _pours(step: Step) -> bool:
    """Say whether outputs of a stream go out as they come, and are not made again."""
    once = step.policy is None or step.policy.attempts == 1
    return once and step.kind is Kind.ITERABLE


def _as_it_is(value: Any) -> Any:
    return value


def _call_given(worker: Worker[Any]) -> Any:
    """Call the function of a worker that has one step."""
    step: Any = worker._chain
    if worker._named is ONE:
        return step.fn(worker._held)

    return step.fn(*worker._held, **(worker._named or {}))


def drains_of(steps: tuple[Step, ...]) -> tuple[object, ...]:
    """Return the sinks of all steps, in the order in which they are sent to."""
    return tuple(drain for step in steps for drain in step.drains)


def channels_of(drains: tuple[object, ...]) -> tuple[Channel[Any], ...]:
    """Return the channels of those sinks that are drains, each once."""
    channels = [channel_of(drain) for drain in drains]
    return tuple(dict.fromkeys(c for c in channels if c is not None))


def is_plain(steps: tuple[Step, ...], drains: tuple[object, ...]) -> bool:
    """Say whether an input gives each drain one value, so that room can be kept."""
    once = len({id(drain) for drain in drains}) == len(drains)
    return once and all(step.kind is Kind.PLAIN for step in steps)
