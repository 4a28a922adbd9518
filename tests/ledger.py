"""Ledger: what a session of calls must and may have come to, in plain sets and counters.

It has every drain, pool and piece of work of the session, and knows what becomes of each
input, from its plan. What runs is *pending* until a call has waited for it; then it is
*settled*: what it sends has arrived. Work that something cut short, a cancellation or a
drain that was shut, is not *sure*: its outputs may have arrived.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fluent_async import Drain, Pool
from fluent_async.errors import DrainClosed, PoolClosed
from plans import Item, Plan


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Future


@dataclass(eq=False)
class Kept:
    """A drain, and what is in it."""

    drain: Drain[Item]
    maxsize: int
    ordered: bool
    must: set[Item] = field(default_factory=set)
    may: set[Item] = field(default_factory=set)
    taken: list[Item] = field(default_factory=list)
    gone: set[Item] = field(default_factory=set)
    """What a stage may have taken before it was known to have come."""

    shut: bool = False
    fed: bool = False
    """Whether it is surely not new."""

    by_hand: int = 0
    """How many blocks feed it."""

    stage: Given | None = None

    def come(self, items: Iterable[Item], *, surely: bool) -> None:
        """Note what has arrived, but what was taken before this was known."""
        came = set(items).difference(self.taken)
        self.may |= came
        self.must |= came - self.gone if surely else set()

    def take(self, item: Item) -> None:
        """Note that somebody took a value."""
        assert item not in self.taken, f"{item} came twice"
        self.taken.append(item)
        self.must.discard(item)
        self.may.discard(item)

    def hold(self, items: Sequence[Item]) -> None:
        """Compare with what is there, and know it from now on."""
        there = set(items)
        assert len(items) == len(there), f"something is twice in {items}"
        assert self.must <= there, f"{self.must - there} never came"
        assert there <= self.may, f"nobody sent {there - self.may}"
        self.must, self.may = there, set(there)


@dataclass(eq=False)
class Given:
    """Work that was given to a pool, or runs for results, or waits in its drain."""

    plan: Plan
    pool: Pooled
    key: tuple[int, int]
    source: Kept | None
    targets: list[Kept]
    own: bool = False
    """Whether its failures are not among the pool's."""

    held: bool = False
    sure: bool = True
    cut: bool = False
    """Whether a drain of it was shut."""

    @property
    def known(self) -> bool:
        """Whether it counts as a feeder of its drains before its first input is taken."""
        return self.source is not None or self.plan.form != "mixed"

    @property
    def something(self) -> bool:
        """Whether it is anything at all: a batch may be empty, too."""
        return bool(self.source or self.plan.form != "given" or self.plan.inputs)

    def sent(self, items: Iterable[Item]) -> set[Item]:
        """Say what comes of inputs."""
        return {output for item in items for output in self.plan.sent(item)}

    def failing(self, items: Iterable[Item]) -> set[Item]:
        """Say which inputs fail, each with the number of the stage."""
        number = self.plan.number
        return {(*item, number) for item in items if not self.plan.succeeds(item)}

    def hit(self) -> None:
        """Note that something cuts it short."""
        self.sure = False


@dataclass(eq=False)
class Call:
    """What was submitted to an executor."""

    plan: Plan
    pool: Pooled
    item: Item
    future: Future[Item]
    sure: bool = True
    told: list[object] = field(default_factory=list)
    """Who its callback was called by."""


@dataclass(eq=False)
class Pooled:
    """A pool, and what it has to do and to tell."""

    pool: Pool
    limit: int
    on_error: str
    closed: bool = False
    gone: int = 0
    work: list[Given] = field(default_factory=list)
    """What is pending, and the stages."""

    calls: list[Call] = field(default_factory=list)
    cancelled: bool = False
    """By hand, since that was told."""

    cut: bool = False
    """Whether anything ever cut short what it had to do."""

    fails: bool = False
    """Surely, since that was told."""

    failures: dict[Item, Given] = field(default_factory=dict)
    """That may be told, by the input; those that must be are in `sure`."""

    sure: set[Item] = field(default_factory=set)
    ever: dict[Item, Given] = field(default_factory=dict)
    """All failures that may have been told."""

    told: set[Item] = field(default_factory=set)
    """What was told, maybe before it was settled."""

    called: bool = False
    """Whether it ever had calls, which are counted in two places for a moment."""

    least: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)

    def hit(self) -> None:
        """Note that all it has to do is cut short."""
        self.cut = True
        for given in self.work:
            given.hit()

        for call in self.calls:
            call.sure = False

    def end(self, given: Given, must: set[Item], may: set[Item]) -> None:
        """Count inputs that have ended: those of `may`, and surely those of `must`."""
        must = must if given.sure else set()
        for items, count in ((must, self.least), (may, self.most)):
            failed = len(given.failing(items))
            count["failed"] += failed
            count["succeeded"] += len(items) - failed
            count["cancelled"] += 0

        self.most["cancelled"] += 0 if given.sure else len(may)
        if not given.own:
            self.failures |= dict.fromkeys(given.failing(may) - self.told, given)
            self.ever |= self.failures
            self.sure |= given.failing(must) - self.told


@dataclass
class Ledger:
    """All drains and pools of a session."""

    kept: list[Kept] = field(default_factory=list)
    pools: list[Pooled] = field(default_factory=list)

    # -- what was done -----------------------------------------------------------------

    def feed(self, kept: Kept) -> None:
        """Note that a drain was fed, and with it all that is downstream."""
        kept.fed = True
        if kept.stage is not None:
            for target in kept.stage.targets:
                self.feed(target)

    def give(self, given: Given) -> None:
        """Note that a pool accepted work."""
        given.pool.work.append(given)
        if any(target.shut for target in given.targets):
            given.hit()

        if given.source is not None:
            given.source.stage = given
            if given.source.must:
                self.feed(given.source)
        elif given.known:
            for target in given.targets:
                self.feed(target)

    def shut(self, kept: Kept) -> None:
        """Note that a drain was shut: what is sent there later is lost."""
        kept.shut = True
        for given in self.feeding(kept):
            given.cut = given.cut or given.source is not None
            given.hit()
            given.pool.fails = False  # it may be cut short before it does

    def forget(self, pooled: Pooled) -> None:
        """Note that a pool was closed: its stages leave their drains to others."""
        pooled.closed = True
        for given in pooled.work:
            if given.source is not None:
                given.source.stage = None

        pooled.work.clear()

    # -- what has ended ----------------------------------------------------------------

    def settle(self, work: Iterable[Given], *, closed: Pooled | None = None) -> None:
        """Note that work, and all that feeds it, has ended or sleeps.

        In a pool that is closed it has ended whatever goes on to feed it from elsewhere.
        """
        for given in sorted(work, key=lambda given: given.source is not None):
            self._foresee(given.pool)
            if given in given.pool.work:
                self._settle(given, closed)

    def settle_feeders(self, kept: Kept, closed: Pooled | None = None) -> None:
        """Note that readers end: what is known to feed a drain has ended or sleeps.

        They do not wait for that if the drain is shut.
        """
        if not kept.shut:
            feeding = [given for given in self.feeding(kept) if given.known]
            ended = [one for one in feeding if closed is None or one.pool is closed]
            self.settle(ended, closed=closed)

    def _settle(self, given: Given, closed: Pooled | None) -> None:
        must = may = set(given.plan.inputs)
        if given.source is None:
            given.pool.work.remove(given)
        else:
            self.settle_feeders(given.source, closed)
            # Some of what is pending may have come: it was not known to feed the drain, or
            # that was shut since.
            must, may = given.source.must, self.possible(given.source)
            given.source.gone |= may
            given.source.must = set()
            given.source.may = set(may) if given.cut else set()

        given.pool.end(given, must, may)
        for target in given.targets:
            target.come(given.sent(must), surely=given.sure)
            target.come(given.sent(may), surely=False)

        if given.source is not None:  # it may go on, with what comes later
            given.sure = not given.cut

    def _foresee(self, pooled: Pooled) -> None:
        """Note that a failure cancels the rest, if there is one, and a pool is so."""
        if pooled.on_error != "cancel":
            return

        work = [given for given in pooled.work if not given.own]
        may = [given for given in work if given.failing(self.inputs(given))]
        must = [
            given
            for given in may
            if given.sure
            and given.failing(
                given.plan.inputs if given.source is None else given.source.must
            )
        ]
        pooled.fails = pooled.fails or bool(must)
        if may:
            pooled.hit()

    def see_failures(self, pooled: Pooled) -> None:
        """Note what stages may have made of inputs that are not known to have come."""
        for given in pooled.work:
            if given.source and not given.own:
                failing = given.failing(self.inputs(given)) - pooled.told
                pooled.failures |= dict.fromkeys(failing, given)

        pooled.ever |= pooled.failures

    # -- what may be -------------------------------------------------------------------

    @property
    def work(self) -> Iterator[Given]:
        """What is pending in all pools, and the stages."""
        for pooled in self.pools:
            yield from pooled.work

    def feeding(self, kept: Kept) -> list[Given]:
        """Return what may send to a drain."""
        return [given for given in self.work if kept in given.targets]

    def inputs(self, given: Given) -> set[Item]:
        """Return what may be an input of work."""
        if given.source is None:
            return set(given.plan.inputs)

        return self.possible(given.source)

    def possible(self, kept: Kept) -> set[Item]:
        """Return what may be in a drain, now or as soon as what is pending goes on."""
        feeding = self.feeding(kept)
        sent = [given.sent(self.inputs(given)) for given in feeding]
        return kept.may.union(*sent).difference(kept.taken)

    def settled(self, kept: Kept) -> bool:
        """Say whether nothing that is pending may change what is in a drain."""
        return all(map(self._sleeps, self.feeding(kept))) and kept.stage is None

    def _sleeps(self, given: Given) -> bool:
        source = given.source
        if source is None or source.may or source.by_hand:
            return False

        return all(map(self._sleeps, self.feeding(source)))

    def idle(self, pooled: Pooled) -> bool:
        """Say whether a pool surely has nothing to do."""
        return all(map(self._sleeps, pooled.work))

    def held(self, pooled: Pooled) -> bool:
        """Say whether a pool surely has something to do, for as long as that is held."""
        self._foresee(pooled)
        return any(
            given.held and given.sure and given.plan.inputs for given in pooled.work
        )

    def open(self, kept: Kept) -> bool:
        """Say whether a drain is fed for as long as a block goes on."""
        if kept.shut:
            return False

        stages = [given.source for given in self.feeding(kept) if given.source]
        return bool(kept.by_hand) or any(map(self.open, stages))

    def blocked(self, pooled: Pooled) -> bool:
        """Say whether a pool can't be idle before a block ends."""
        return any(given.source and self.open(given.source) for given in pooled.work)

    # -- what is refused ---------------------------------------------------------------

    def refusals(self, works: Sequence[Given]) -> tuple[set[type[Exception]], bool]:
        """Say what `go()` raises, one of these, and whether it may raise nothing.

        A drain that is ordered may be fed again once its feeder has ended, and by several
        workers that are given one after the other.
        """
        if any(given.pool.closed for given in works):
            return {PoolClosed}, False

        errors = set(self._mistakes(works))
        may_pass = not errors
        ordered = [kept for given in works for kept in given.targets if kept.ordered]
        if len(set(ordered)) < len(ordered):  # workers that are given may be one feeder
            errors.add(ValueError)
            may_pass = may_pass and all(one.plan.form == "given" for one in works)

        if any(map(self.feeding, ordered)):
            errors.add(ValueError)

        return errors, may_pass

    def _mistakes(self, works: Sequence[Given]) -> Iterator[type[Exception]]:
        sources = [given.source for given in works if given.source]
        if len(set(sources)) < len(sources) or any(kept.stage for kept in sources):
            yield ValueError

        if self._cycle(works):
            yield ValueError

        if any(kept.shut for one in works if one.known for kept in one.targets):
            yield DrainClosed

    def _cycle(self, works: Sequence[Given]) -> bool:
        edges = [
            (given.source, target)
            for given in (*self.work, *works)
            if given.source
            for target in given.targets
        ]
        seen: set[tuple[Kept, Kept]] = set(edges)
        while True:
            more = {(a, d) for a, b in seen for c, d in edges if b is c} - seen
            if not more:
                return any(a is b for a, b in seen)

            seen |= more
