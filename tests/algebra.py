"""Algebra: expressions of the operators that are drawn, next to what they mean in lists."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from hypothesis import strategies as st

from fluent_async import Backoff, Drain, Pool, Task, Worker, Workers, each, run
from fluent_async.testing import simulate
from plans import NAP_S, Flop, Function, Item, Plan, Still
from support import FakeClock


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

Made: TypeAlias = Task[[Item], object, Item]
Work: TypeAlias = Worker[Item] | Workers[Item]
Kind = TypeVar("Kind", Made, Worker[Item], Workers[Item], Work)

DRAINS = 3
"""What the plans of a chain drain to has these numbers, from 0 on."""


# -- what expressions mean -----------------------------------------------------------------


@dataclass
class Meaning:
    """What comes of inputs that go through a chain of plans, in plain lists."""

    outputs: list[Item] = field(default_factory=list)
    sent: dict[int, list[Item]] = field(default_factory=lambda: defaultdict(list))
    failed: list[Item] = field(default_factory=list)

    def take(self, chain: Sequence[Plan], item: Item) -> bool:
        """Send one input through; say whether that succeeded."""
        try:
            self._go_through(chain, item)
        except Flop:
            self.failed.append(item)
            return False

        return True

    def _go_through(self, chain: Sequence[Plan], item: Item) -> None:
        if not chain:
            self.outputs.append(item)
            return

        plan, *rest = chain
        sent = plan.sent(item)
        together = plan.attempts > 1
        self._send(plan, sent if together else [])
        for output in sent:
            self._send(plan, [] if together else [output])
            self._go_through(rest, output)

        if not plan.succeeds(item):
            raise Flop

    def _send(self, plan: Plan, outputs: Sequence[Item]) -> None:
        for output in outputs:
            for target in plan.targets:
                self.sent[target].append(output)


def meaning(chain: Sequence[Plan], items: Sequence[Item]) -> Meaning:
    """Say what comes of all inputs."""
    came = Meaning()
    for item in items:
        came.take(chain, item)

    return came


def called(chain: Sequence[Plan], item: Item) -> tuple[list[Item], bool]:
    """Say what a call gives, and whether it ends without an error: streams try once."""
    direct = [
        replace(plan, targets=[], attempts=plan.attempts if plan.kind == "plain" else 1)
        for plan in chain
    ]
    came = Meaning()
    ends = came.take(direct, item)
    return came.outputs, ends


# -- what is drawn -------------------------------------------------------------------------


@dataclass(frozen=True)
class Tree:
    """How a chain is put in brackets: a plan, or a composition of two trees.

    What the last plan of it has is added to its task, or to a larger expression that
    ends with it, if that is `late`.
    """

    parts: tuple[Tree, Tree] | None
    late: bool

    def __len__(self) -> int:
        """How many plans it has."""
        return 1 if self.parts is None else sum(map(len, self.parts))


def trees(size: int) -> st.SearchStrategy[Tree]:
    """Draw brackets for so many plans."""
    if size == 1:
        return st.builds(Tree, st.none(), st.booleans())

    return st.integers(1, size - 1).flatmap(
        lambda left: st.builds(
            Tree, st.tuples(trees(left), trees(size - left)), st.booleans()
        )
    )


def plans() -> st.SearchStrategy[Plan]:
    """Draw a plan without inputs."""
    return st.builds(
        Plan,
        number=st.just(0),
        kind=st.sampled_from(["plain", "plain", "yielded", "returned", "sent"]),
        attempts=st.sampled_from([1, 1, 2, 3]),
        limit=st.none(),
        timeout=st.none(),
        pool=st.just(0),
        source=st.none(),
        form=st.just("each"),
        inputs=st.builds(list),
        targets=st.lists(st.integers(0, DRAINS - 1), max_size=2),
        salt=st.integers(0, 2**20),
    )


def chains(least: int = 1, most: int = 4) -> st.SearchStrategy[list[Plan]]:
    """Draw plans that follow each other."""
    return st.lists(plans(), min_size=least, max_size=most).map(
        lambda drawn: [replace(plan, number=n) for n, plan in enumerate(drawn)]
    )


def items(most: int = 5) -> st.SearchStrategy[list[Item]]:
    """Draw inputs: so many different ones, and one at least."""
    return st.integers(1, most).map(lambda count: [(n,) for n in range(count)])


@dataclass(eq=False)
class Chain:
    """A chain of plans, as objects of the library: drains, and a bare task for each plan."""

    plans: Sequence[Plan]
    drains: list[Drain[Item]] = field(
        default_factory=lambda: [Drain(name=f"d{n}") for n in range(DRAINS)]
    )

    def __post_init__(self) -> None:
        """Make the bare tasks."""
        self.tasks = [
            Function(Still(), plan).bare().named(f"f{plan.number}")
            for plan in self.plans
        ]

    def task(self, tree: Tree) -> Made:
        """Compose the tasks as a tree says; all that they have is added."""
        made, left = self._composed(tree, 0)
        return self._completed(made, len(tree) - 1) if left else made

    def works(self, tree: Tree, form: str, items: Sequence[Item]) -> list[Work]:
        """Bind inputs in some form; of a composition, to what stands first or to all."""
        first = tree.parts[0] if tree.parts is not None and tree.late else None
        if first is None:
            made, left = self._composed(tree, 0)
            works = FORMS[form](made, items)
        else:
            assert tree.parts is not None
            following, left = self._composed(tree.parts[1], len(first))
            works = [work >> following for work in FORMS[form](self.task(first), items)]

        if left:
            works = [self._completed(work, len(tree) - 1) for work in works]

        return works

    def forget(self) -> None:
        """Let every attempt of the next run be the first."""
        for plan in self.plans:
            plan.tries.clear()

    def _composed(self, tree: Tree, begin: int) -> tuple[Made, bool]:
        """Compose; say also whether what the last plan has is yet to be added."""
        if tree.parts is None:
            made, left = self.tasks[begin], True
        else:
            before, after = tree.parts
            first, left = self._composed(before, begin)
            if left:
                first = self._completed(first, begin + len(before) - 1)

            second, left = self._composed(after, begin + len(before))
            made = first >> second

        if tree.late or not left:
            return made, left

        return self._completed(made, begin + len(tree) - 1), False

    def _completed(self, made: Kind, index: int) -> Kind:
        """Add what the plan of this index has: its retries, and its drains."""
        plan = self.plans[index]
        if plan.attempts > 1:
            made = made.with_retry(plan.attempts, Backoff(NAP_S, jitter=0))

        for target in plan.targets:
            made = made | self.drains[target]

        return made


def filled(items: Sequence[Item]) -> Drain[Item]:
    """Make a drain in which inputs wait."""
    drain = Drain[Item](name="source")
    for item in items:
        drain.send(item)

    return drain


Form: TypeAlias = "Callable[[Made, Sequence[Item]], list[Work]]"

FORMS: dict[str, Form] = {
    "left": lambda made, items: [item >> made for item in items],
    "right": lambda made, items: [made >> item for item in items],
    "with_input": lambda made, items: [made.with_input(item) for item in items],
    "one by one": lambda made, items: [each([item]) >> made for item in items],
    "each": lambda made, items: [each(items) >> made],
    "Workers": lambda made, items: [Workers([item >> made for item in items])],
    "filled": lambda made, items: [filled(items) >> made],
}
"""How inputs are bound."""

BATCHES = {"each", "Workers", "filled"}
"""The forms in which all inputs are one."""


# -- how expressions are run ---------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Where work runs: on threads, without waiting for time, or in a simulation."""

    limit: int
    seed: int | None = None

    def open(self) -> AbstractContextManager[object]:
        """Give the block in which pools are made."""
        return FakeClock() if self.seed is None else simulate(self.seed)


def places() -> st.SearchStrategy[Place]:
    """Draw a place."""
    limits = st.integers(1, 4)
    return st.builds(Place, limits) | st.builds(Place, limits, st.integers(0, 2**16))


Way: TypeAlias = "Callable[[Sequence[Work], int], list[Item] | None]"
"""Runs works with so many slots; gives the outputs, or None if it only drains them."""


def by_pool(works: Sequence[Work], limit: int) -> None:
    """Give a pool all of it."""
    with Pool(limit, on_error="keep") as pool:
        pool.go(*works)


def by_calls_of_go(works: Sequence[Work], limit: int) -> None:
    """Give a pool one after the other."""
    with Pool(limit, on_error="keep") as pool:
        for work in works:
            pool.go(work)


def by_run(works: Sequence[Work], limit: int) -> list[Item]:
    """Have a list of the outputs."""
    return run(*works, limit=limit, on_error="keep")


def by_results(works: Sequence[Work], limit: int) -> list[Item]:
    """Iterate over the outputs, in a pool of its own for each work."""
    return [
        output
        for work in works
        for output in batch_of(work).results(limit=limit, on_error="keep")
    ]


def by_results_of_a_pool(works: Sequence[Work], limit: int) -> list[Item]:
    """Iterate over the outputs, in one pool."""
    with Pool(limit) as pool:
        return [
            output
            for work in works
            for output in batch_of(work).results(pool=pool, buffer=1, on_error="keep")
        ]


WAYS: list[Way] = [by_pool, by_calls_of_go, by_run, by_results, by_results_of_a_pool]


def batch_of(work: Work) -> Workers[Item]:
    """Return a batch of the work."""
    return work if isinstance(work, Workers) else Workers([work])


def plain(number: int) -> Plan:
    """Make the plan of a task that always succeeds at once."""
    return Plan(
        number=number,
        kind="plain",
        attempts=1,
        limit=None,
        timeout=None,
        pool=0,
        source=None,
        form="each",
        inputs=[],
        targets=[],
        salt=0,
    )


def by_input(values: Sequence[Item]) -> dict[int, list[Item]]:
    """Group what came by the inputs that it came of."""
    groups: dict[int, list[Item]] = defaultdict(list)
    for value in values:
        groups[value[0]].append(value)

    return groups
