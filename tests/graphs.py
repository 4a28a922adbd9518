"""Graphs: small pipelines by number, for those who run all orders of steps in them.

A number says all there is to a graph. Its shape, the limit of the pool, the kinds of the
tasks and the sizes of the drains are its digits, so that so many numbers in a row have every
combination of them; the rest is drawn from the number. Larger graphs are drawn from their
number altogether.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import chain
from math import prod
from typing import TYPE_CHECKING

from typing_extensions import override

from plans import Fate, Item, Plan, plans


if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(eq=False)
class Stage(Plan):
    """A plan of which one input, or none, fails so often."""

    failing: int | None = None
    failures: int = 0
    sends: int = 1

    @override
    def fate(self, item: Item) -> Fate:
        fails = item[0] == self.failing
        failures = self.failures if fails else 0
        return Fate(failures=failures, outputs=self.sends, hangs=False, naps=False)


@dataclass(eq=False, frozen=True)
class Graph:
    """Stages in the order in which they are given to `go()`, and what is done to them."""

    name: str
    """What makes it again: `small` or `drawn`, and a number."""

    limit: int
    stages: Sequence[Plan]
    sizes: Sequence[int]
    """The bounds of the drains."""

    budget: int = 1
    """How many inputs a first slice may take, as if the stages were known to be quick."""

    ordered: Sequence[int] = ()
    """The drains that are ordered."""

    iterated: Sequence[int] = ()
    """The drains that a thread iterates, from some time on."""

    collected: Sequence[int] = ()
    """The drains of which a thread calls `drain()`, at some time."""

    cancelled: bool = False
    """Whether a thread cancels the pool, at some time."""

    shut: Sequence[int] = field(default=())
    """The drains that a thread shuts, at some time."""

    @property
    def disturbed(self) -> bool:
        """Whether some inputs may come to nothing."""
        return self.cancelled or bool(self.shut)

    @property
    def unread(self) -> list[int]:
        """The drains that no stage reads."""
        sources = {stage.source for stage in self.stages}
        return [index for index in range(len(self.sizes)) if index not in sources]


@dataclass(frozen=True)
class Shape:
    """Where stages read from, a drain or inputs of their own, and where they drain to."""

    sources: tuple[int | None, ...]
    targets: tuple[tuple[int, ...], ...]

    @property
    def drains(self) -> int:
        """How many there are."""
        return 1 + max(chain.from_iterable(self.targets))

    @property
    def digits(self) -> list[int]:
        """How many values each digit of a graph has."""
        return [3, *[len(KINDS)] * len(self.sources), *[4] * self.drains]


SHAPES = {
    "alone": Shape((None,), ((0,),)),
    "pair": Shape((None,), ((0, 1),)),
    "meeting": Shape((None, None), ((0,), (0,))),
    "chain": Shape((None, 0), ((0,), (1,))),
    "tee": Shape((None, 0), ((0, 1), (2,))),
    "long-chain": Shape((None, 0, 1), ((0,), (1,), (2,))),
    "fan-in": Shape((None, None, 0), ((0,), (0,), (1,))),
    "fork": Shape((None, 0, 1), ((0, 1), (2,), (3,))),
    "diamond": Shape((None, 0, 1), ((0, 1), (2,), (2,))),
    "bypass": Shape((None, 0, 1), ((0, 1), (1,), (2,))),
}

KINDS = ["plain", "retried", "yielded", "sent"]


def small(shape: str, number: int, inputs: int = 2) -> Graph:
    """Make the graph of a shape and a number: of `count(shape)` numbers each is different."""
    draw = random.Random(f"{shape} {number} {inputs}")  # noqa: S311  (repeatable)
    form = SHAPES[shape]
    limit, *digits = _digits(number, form.digits)
    kinds, sizes = digits[: len(form.sources)], digits[len(form.sources) :]
    stages = [
        _stage(draw, place, KINDS[kinds[place]], form, inputs)
        for place in range(len(form.sources))
    ]
    draw.shuffle(stages)
    return _surrounded(draw, f"{shape}:{number}:{inputs}", limit + 1, stages, sizes)


def count(shape: str) -> int:
    """Return how many combinations of digits graphs of a shape have."""
    return prod(SHAPES[shape].digits)


def drawn(number: int) -> Graph:
    """Draw a graph of up to four stages that has whatever plans have but timeouts."""
    draw = random.Random(number)  # noqa: S311  (repeatable)
    sizes = [draw.choice([0, 1, 1, 2, 3]) for _ in range(draw.randint(1, 4))]
    stages = list(plans(draw, 1, len(sizes), 4))
    for stage in stages:
        stage.timeout, stage.composed = None, False

    draw.shuffle(stages)
    return _surrounded(draw, f"drawn:{number}", draw.randint(1, 3), stages, sizes)


def named(name: str) -> Graph:
    """Make a graph again."""
    shape, *numbers = name.split(":")
    if shape == "drawn":
        return drawn(int(numbers[0]))

    return small(shape, *map(int, numbers))


def _digits(number: int, bases: Sequence[int]) -> list[int]:
    digits: list[int] = []
    for base in bases:
        number, digit = divmod(number, base)
        digits.append(digit)

    return digits


def _stage(
    draw: random.Random, place: int, kind: str, shape: Shape, inputs: int
) -> Stage:
    source = shape.sources[place]
    first = 10 * place
    retried = kind == "retried"
    return Stage(
        number=place,
        kind=draw.choice(["plain", "plain", "sent", "yielded", "returned"])
        if retried
        else kind,
        attempts=2 if retried else 1,
        limit=draw.choice([None, None, 1, 2]),
        timeout=None,
        pool=0,
        source=source,
        form=draw.choice(["each", "each", "given", "mixed"]),
        inputs=[] if source is not None else [(first + n,) for n in range(inputs)],
        targets=list(shape.targets[place]),
        salt=0,
        failing=draw.choice([None, 0, 1]),
        failures=draw.choice([1, 2]),
        sends=draw.choice([0, 1, 2, 2]),
    )


def _surrounded(
    draw: random.Random,
    name: str,
    limit: int,
    stages: Sequence[Plan],
    sizes: Sequence[int],
) -> Graph:
    """Say what else becomes of stages: which drains are ordered, read, shut."""
    sources = {stage.source for stage in stages}
    drains = range(len(sizes))
    return Graph(
        name,
        limit,
        stages,
        sizes,
        budget=draw.choice([1, 1, 2, 4]),
        ordered=[
            n for n in drains if _may_be_ordered(stages, n) and draw.random() < 0.3
        ],
        iterated=[n for n in drains if n not in sources and draw.random() < 0.3],
        collected=[n for n in drains if draw.random() < 0.1],
        cancelled=draw.random() < 0.1,
        shut=[n for n in drains if draw.random() < 0.05],
    )


def _may_be_ordered(stages: Sequence[Plan], drain: int) -> bool:
    feeders = [stage for stage in stages if drain in stage.targets]
    forms = [stage.form for stage in feeders if stage.source is None]
    return len(feeders) == 1 and "mixed" not in forms
