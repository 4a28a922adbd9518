"""Plans: stages drawn from a seed, and what becomes of each input in them."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeAlias, TypeVar

from fluent_async import Args, Backoff, Worker, Workers, each, sleep, stream, task


if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Iterator, Sequence

    from fluent_async import Drain, Task
    from fluent_async.typing import Executable, Takes

P = ParamSpec("P")
R = TypeVar("R")
W = TypeVar("W", "Worker[Item]", "Workers[Item]")

Item: TypeAlias = tuple[int, ...]
"""A number of its own, then the stages it came through, with its place in their outputs."""

TIMEOUT_S, NAP_S, HANG_S = 1.0, 0.25, 60.0


class Turns(Protocol):
    """What lets threads take turns, or leaves them to themselves."""

    def switch(self) -> None:
        """Let some other thread go on."""
        ...


class Still:
    """Leaves threads to themselves, without a turn between."""

    def switch(self) -> None:
        """Go on."""


class Flop(Exception):  # noqa: N818  (it is what was meant to happen)
    """What a task that fails raises, with the input and the number of its stage."""


@dataclass(frozen=True)
class Fate:
    """What becomes of one input in one stage, in whatever order threads take turns."""

    failures: int  # attempts that fail, before one that does not
    outputs: int  # of a stream
    hangs: bool  # when it fails: it runs into its timeout
    naps: bool


@dataclass(eq=False)
class Plan:
    """One stage, as it was drawn."""

    number: int
    kind: str  # plain, yielded, returned or sent
    attempts: int
    limit: int | None
    timeout: float | None
    pool: int
    source: int | None  # a drain; None for inputs of its own
    form: str  # of its own inputs: each, given or mixed
    inputs: list[Item]
    targets: list[int]  # drains
    salt: int
    composed: bool = False  # with a task that gives what it gets
    inside: int = 0  # threads in its function
    in_progress: set[Item] = field(default_factory=set)
    tries: Counter[Item] = field(default_factory=Counter)

    def fate(self, item: Item) -> Fate:
        """Say what becomes of an input."""
        drawn = hash((self.salt, item)) & 0xFFFFF
        return Fate(
            failures=(0, 0, 0, 0, 0, 1, 2, 9)[drawn & 7],
            outputs=drawn >> 3 & 3,
            hangs=self.timeout is not None and drawn >> 5 & 1 == 0,
            naps=drawn >> 6 & 7 == 0,
        )

    def succeeds(self, item: Item) -> bool:
        """Say whether one of the attempts at an input succeeds."""
        return self.fate(item).failures < self.attempts

    def made(self, item: Item, *, fails: bool) -> list[Item]:
        """Return the outputs that one attempt makes."""
        outputs = 1 if self.kind == "plain" else self.fate(item).outputs
        if fails:
            outputs = 0 if self.kind == "plain" else outputs // 2

        return [(*item, self.number, place) for place in range(outputs)]

    def sent(self, item: Item) -> list[Item]:
        """Return what reaches the drains; with one attempt, what a failing one sent too.

        But in a composition with a clock, whose steps are attempts with clocks of their own.
        """
        fails = not self.succeeds(item)
        clocks = self.composed and self.timeout is not None
        kept = self.attempts > 1 or self.kind == "returned" or clocks
        return [] if fails and kept else self.made(item, fails=fails)


def line(draw: random.Random, pools: int, drains: int) -> Iterator[Plan]:
    """Draw quick stages, each of which feeds the next."""
    for number in range(drains):
        yield Plan(
            number=number,
            kind=draw.choice(["plain"] * 7 + ["yielded"]),
            attempts=draw.choice([1, 1, 2]),
            limit=draw.choice([None, None, None, 1, 2]),
            timeout=None,
            pool=draw.choice([0, 0, 0, pools - 1]),
            source=number - 1 if number else None,
            form=draw.choice(["each", "each", "each", "given"]),
            inputs=[] if number else [(value,) for value in range(draw.randint(1, 9))],
            targets=[number],
            salt=draw.getrandbits(32),
        )


def plans(draw: random.Random, pools: int, drains: int, most: int) -> Iterator[Plan]:
    """Draw stages: each drains only to drains behind its own, so that there is no cycle."""
    read: set[int] = set()
    inputs = 0
    for number in range(draw.randint(1, most)):
        source = draw.choice([None, *range(drains)])
        if source in read or source == drains - 1:
            source = None

        if source is not None:
            read.add(source)

        count = 0 if source is not None else draw.randint(0, 6)
        behind = range(0 if source is None else source + 1, drains)
        inputs += count
        yield Plan(
            number=number,
            kind=draw.choice(
                ["plain", "plain", "plain", "yielded", "returned", "sent"]
            ),
            attempts=draw.choice([1, 1, 2, 3]),
            limit=draw.choice([None, None, None, 1, 2]),
            timeout=draw.choice([None, None, TIMEOUT_S]),
            pool=draw.randrange(pools),
            source=source,
            form=draw.choice(["each", "each", "given", "mixed"]),
            inputs=[(value,) for value in range(inputs - count, inputs)],
            targets=draw.sample(behind, min(len(behind), draw.choice([0, 1, 1, 1, 2]))),
            salt=draw.getrandbits(32),
            composed=draw.random() < 0.2,
        )


@task
def same(item: Item) -> Item:
    """Give the input."""
    return item


class Inputs:
    """An iterable that lets others go on while it is asked; one thread at a time may."""

    def __init__(self, turns: Turns, items: Iterable[Item]) -> None:
        self._turns = turns
        self._items = iter(items)
        self._asked = False

    def __iter__(self) -> Inputs:
        return self

    def __next__(self) -> Item:
        assert not self._asked, "two threads ask one iterable"
        self._asked = True
        self._turns.switch()
        self._asked = False
        return next(self._items)


class Function:
    """What the tasks of a stage do: take turns, fail and send as their inputs' fates say."""

    def __init__(self, turns: Turns, plan: Plan) -> None:
        self._turns = turns
        self.plan = plan

    def task(self) -> Takes[Item, Item]:
        """Make the task of the stage."""
        plan = self.plan
        retried = self.bare().with_retry(plan.attempts, Backoff(NAP_S, jitter=0))
        return retried.with_limit(plan.limit).with_timeout(plan.timeout)

    def bare(self) -> Task[[Item], object, Item]:
        """Make the task without retries, limit or timeout."""
        match self.plan.kind:
            case "plain":
                return task(self.plain)
            case "yielded":
                return stream(self.yielded)
            case "returned":
                return stream(self.returned)
            case _:
                return stream(self.sent)

    def plain(self, item: Item) -> Item:
        """Return one output."""
        [output] = self._attempt(item)
        return output

    def yielded(self, item: Item) -> Iterator[Item]:
        """Yield outputs."""
        yield from self._attempt(item)

    def returned(self, item: Item) -> list[Item]:
        """Return outputs, each made before the first is sent."""
        return list(self._attempt(item))

    def sent(self, args: Args[Item, Item]) -> None:
        """Send outputs."""
        for output in self._attempt(args.input):
            args.drainer.send(output)

    def _attempt(self, item: Item) -> Iterator[Item]:
        plan, fate = self.plan, self.plan.fate(item)
        plan.in_progress.add(item)
        plan.tries[item] += 1
        fails = plan.tries[item] <= fate.failures
        retried = fails and plan.tries[item] < plan.attempts
        try:
            with self._running():
                if fate.naps:
                    sleep(NAP_S)

            for output in plan.made(item, fails=fails):
                with self._running():
                    self._turns.switch()

                yield output

            with self._running():
                self._turns.switch()
        except BaseException:  # it was told to end, or nobody wants its outputs
            retried = False
            raise
        finally:
            if not retried:
                plan.in_progress.discard(item)

        if fails:
            with self._running():
                self._fail(item, hangs=fate.hangs)

    def _fail(self, item: Item, *, hangs: bool) -> None:
        if hangs:
            sleep(HANG_S)

        raise Flop((*item, self.plan.number))

    @contextmanager
    def _running(self) -> Iterator[None]:
        self.plan.inside += 1
        try:
            yield
        finally:
            self.plan.inside -= 1


def works(
    plan: Plan,
    made: Takes[Item, Item],
    drains: Sequence[Drain[Item]],
    inputs: Iterable[Item],
) -> list[Executable]:
    """Make what is given to `go()` for a stage."""
    finish = partial(_finished, plan, [drains[each] for each in plan.targets])
    if plan.source is not None:
        return [finish(drains[plan.source] >> made)]

    if plan.form == "each":
        return [finish(each(inputs) >> made)]

    workers = (finish(made.with_input(item)) for item in inputs)
    return list(workers) if plan.form == "given" else [Workers(workers)]


def sent(stages: Iterable[Plan], drains: int) -> dict[int, list[Item]]:
    """Return what stages send to every drain."""
    outputs: dict[int, list[Item]] = {index: [] for index in range(drains)}
    for plan in sorted(stages, key=_place):
        inputs = plan.inputs if plan.source is None else outputs[plan.source]
        for target in plan.targets:
            outputs[target] += [out for item in inputs for out in plan.sent(item)]

    return outputs


def _place(plan: Plan) -> int:
    return -1 if plan.source is None else plan.source


def _finished(plan: Plan, drains: list[Drain[Item]], work: W) -> W:
    """Add what follows the function of a stage."""
    if plan.composed:
        work = work >> same

    for drain in drains:
        work = work | drain

    return work
