"""Session: calls of the library, drawn one after the other, next to their ledger."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from concurrent.futures import CancelledError
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, ClassVar, cast
from unittest import mock

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from typing_extensions import override

import plans
from audit import assert_adds_up
from fluent_async import Drain, Pool, Workers, sleep
from fluent_async.errors import DrainClosed, PoolCancelled, PoolClosed
from fluent_async.testing import simulate
from ledger import Call, Given, Kept, Ledger, Pooled
from plans import Flop, Function, Item, Plan, Still, works
from support import Gate, Threads, poll


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fluent_async.typing import Executable, Results


numbers = st.integers(0, 11)

MOSTLY = 9
"""Of these numbers, those below this mean what is neither closed nor shut."""


class Door:
    """Where held tasks wait: for a gate on threads, for time to pass in a simulation."""

    def __init__(self, gate: Gate | None) -> None:
        self._gate = gate

    def switch(self) -> None:
        """Wait."""
        if self._gate is None:
            sleep(1000)
        else:
            self._gate.arrive()


class Reading:
    """An iterator over a drain."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.iterator = iter(kept.drain)
        self.ended = False


class Reader:
    """Results that are iterated, and what is to come of them."""

    def __init__(self, given: Given, results: Results[Item], *, ordered: bool) -> None:
        self.given = given
        self.results = results
        self.ordered = ordered
        self.rest = [out for item in given.plan.inputs for out in given.plan.sent(item)]
        self.started = self.ended = False


@dataclass(frozen=True)
class Drawn:
    """A piece of work, as it was drawn."""

    kind: str
    attempts: int
    limit: int | None
    form: str
    size: int
    """How many inputs it has, unless it has a source."""

    source: int | None
    into: list[int]
    salt: int
    held: bool


drawn_work = st.builds(
    Drawn,
    kind=st.sampled_from(["plain", "plain", "plain", "yielded", "returned", "sent"]),
    attempts=st.sampled_from([1, 1, 2, 3]),
    limit=st.sampled_from([None, None, 1, 2]),
    form=st.sampled_from(["each", "given", "mixed"]),
    size=st.integers(0, 5),
    source=st.sampled_from([None] * 8 + [0, 1, 2, 3]),
    into=st.lists(numbers, max_size=2),
    salt=st.integers(0, 2**16),
    held=st.sampled_from([False, False, False, True]),
)


class Session(RuleBasedStateMachine):
    """Calls on one thread, and pools that work beside it."""

    simulated: ClassVar[bool]

    @initialize(
        seed=st.integers(0, 2**16),
        pools=st.lists(
            st.tuples(
                st.integers(1, 3),
                st.sampled_from(["finish", "finish", "cancel", "keep"]),
            ),
            min_size=1,
            max_size=2,
        ),
        drains=st.lists(
            st.tuples(st.sampled_from([0, 0, 1, 2]), st.booleans()),
            min_size=1,
            max_size=4,
        ),
    )
    def begin(
        self,
        seed: int,
        pools: list[tuple[int, str]],
        drains: list[tuple[int, bool]],
    ) -> None:
        """Make drains and pools."""
        self.threads = Threads()
        self.stack = ExitStack()
        log = logging.getLogger("fluent_async")
        self.stack.enter_context(mock.patch.object(log, "disabled", new=True))
        no_naps = mock.patch.object(plans, "NAP_S", 0.0)
        self.stack.enter_context(simulate(seed) if self.simulated else no_naps)
        self.ledger = Ledger()
        self.numbers, self.items = count(), count()
        self.readings: list[Reading] = []
        self.readers: list[Reader] = []
        self.calls: list[Call] = []
        self.plans: list[Plan] = []
        self.before: dict[Pooled, Counter[str]] = {}
        self.steps = 0
        self.gate = Gate()
        for size, ordered in drains:
            self.make_drain(size, ordered=ordered)

        for limit, on_error in pools:
            self.make_pool(limit, on_error)

    # -- pools and work ----------------------------------------------------------------

    @precondition(lambda self: all(one.closed for one in self.ledger.pools))
    @rule(
        limit=st.integers(1, 3), on_error=st.sampled_from(["finish", "cancel", "keep"])
    )
    def make_pool(self, limit: int, on_error: str) -> None:
        """Make one more pool."""
        pool = Pool(limit, on_error=on_error)  # type: ignore[arg-type]
        self.ledger.pools.append(Pooled(pool, limit, on_error))

    @rule(pool=numbers, drawn=st.lists(drawn_work, min_size=1, max_size=2))
    def go(self, pool: int, drawn: list[Drawn]) -> None:
        """Work is accepted, or refused as a whole."""
        pooled = self.pooled(pool)
        given = [self.given(pooled, place, one) for place, one in enumerate(drawn)]
        gives = [work for one in given for work in self.works(one)]
        given = [one for one in given if one.something]
        errors, may_pass = self.ledger.refusals(given)
        raised = self.raised(lambda: pooled.pool.go(*gives))
        if raised is not None:
            assert isinstance(raised, tuple(errors)), raised
            return

        assert may_pass, f"none of {errors}"
        pooled.gone += 1
        for one in given:
            self.ledger.give(one)

    # Twice, since hypothesis leaves rules out of an example, each by chance.
    go_again = rule(pool=numbers, drawn=st.lists(drawn_work, min_size=1, max_size=2))(
        lambda self, pool, drawn: self.go(pool, drawn)
    )

    @rule(pool=numbers)
    def wait(self, pool: int) -> None:
        """`wait` ends when all is done, and tells what failed, once."""
        self.wait_for(self.pooled(pool))

    def wait_for(self, pooled: Pooled) -> None:
        """Wait, if that can end."""
        if self.ledger.blocked(pooled):
            with pytest.raises(TimeoutError):
                pooled.pool.wait(timeout=0)
        else:
            self.open()
            self.end_wait(pooled, self.raised(pooled.pool.wait))

    @rule(pool=numbers)
    def look(self, pool: int) -> None:
        """`wait` with a timeout says whether there is something to do."""
        pooled = self.pooled(pool)
        held, idle = self.ledger.held(pooled), self.ledger.idle(pooled)
        blocked = self.ledger.blocked(pooled)
        raised = self.raised(lambda: pooled.pool.wait(timeout=0))
        if isinstance(raised, TimeoutError):
            assert not idle, "there was nothing to wait for"
        else:
            assert not held, "it did not wait for what is held"
            assert not blocked, "it did not wait for a stage that is fed"
            self.end_wait(pooled, raised)

    @precondition(lambda self: self.ripe())
    @rule(pool=numbers)
    def cancel(self, pool: int) -> None:
        """`cancel` drops what has not started."""
        pooled = self.pooled(pool)
        pooled.pool.cancel()
        pooled.cancelled = True
        pooled.hit()

    @precondition(lambda self: self.ripe())
    @rule(pool=numbers)
    def close(self, pool: int) -> None:
        """`close` waits for all that was accepted, raises nothing, and ends the pool."""
        self.close_pool(self.pooled(pool))

    def close_pool(self, pooled: Pooled) -> None:
        """Close a pool, if that can end."""
        if not self.ledger.blocked(pooled):
            self.open()
            pooled.pool.close()
            self.end_pool(pooled)

    @precondition(lambda self: self.ripe())
    @rule(pool=numbers, fails=st.booleans())
    def leave(self, pool: int, *, fails: bool) -> None:
        """A block that is left by an exception cancels; else it waits and tells."""
        pooled = self.pooled(pool)
        if fails:
            self.open()
            pooled.hit()
            pooled.pool.__exit__(Flop, Flop(), None)
            self.end_pool(pooled)
        elif not (self.ledger.blocked(pooled) or pooled.closed):
            self.open()
            raised = self.raised(lambda: pooled.pool.__exit__(None, None, None))
            if raised is not None:  # then what is left was cancelled
                for given in [one for one in pooled.work if one.own]:
                    given.hit()

                for call in pooled.calls:
                    call.sure = False

            self.end_wait(pooled, raised)
            self.end_pool(pooled)

    # -- drains ------------------------------------------------------------------------

    @precondition(lambda self: all(one.shut for one in self.ledger.kept))
    @rule(size=st.integers(0, 2), ordered=st.booleans())
    def make_drain(self, size: int, *, ordered: bool) -> None:
        """Make one more drain."""
        drain = Drain[Item](size, ordered=ordered, name=f"d{len(self.ledger.kept)}")
        self.ledger.kept.append(Kept(drain, size, ordered))

    @rule(drain=numbers)
    def send(self, drain: int) -> None:
        """A value is let in if there is room; else that is an error."""
        kept, item = self.kept(drain), (next(self.items),)
        raised = self.raised(lambda: kept.drain.send(item, timeout=0))
        full = 0 < kept.maxsize <= len(kept.must) and self.ledger.settled(kept)
        if kept.shut:
            assert isinstance(raised, DrainClosed), raised
        elif raised is None:
            assert not full, "it was full"
            kept.come([item], surely=True)
            self.ledger.feed(kept)
        else:
            assert isinstance(raised, TimeoutError), raised
            room = kept.maxsize > len(self.ledger.possible(kept)) or not kept.maxsize
            assert not room, "there was room"

    @rule(drain=numbers)
    def begin_feeding(self, drain: int) -> None:
        """A block feeds a drain, unless that is shut."""
        kept = self.kept(drain)
        raised = self.raised(kept.drain.__enter__)
        assert kept.shut == isinstance(raised, DrainClosed)
        if raised is None:
            kept.by_hand += 1
            self.ledger.feed(kept)

    @rule(drain=numbers)
    def end_feeding(self, drain: int) -> None:
        """The end of a block shuts the drain."""
        kept = self.kept(drain)
        if kept.by_hand:
            self.stop_feeding(kept)

    def stop_feeding(self, kept: Kept) -> None:
        """End a block."""
        kept.by_hand -= 1
        kept.drain.__exit__(None, None, None)
        self.ledger.shut(kept)

    @precondition(lambda self: self.ripe())
    @rule(drain=numbers)
    def shut_down(self, drain: int) -> None:
        """It is shut for good."""
        kept = self.kept(drain)
        kept.drain.shut_down()
        self.ledger.shut(kept)

    @rule(drain=numbers)
    def collect(self, drain: int) -> None:
        """`drain()` waits until nobody feeds the drain, and gives what is there."""
        kept = self.kept(drain)
        if self.ledger.open(kept):
            raised = self.raised(lambda: kept.drain.drain(timeout=0))
            assert isinstance(raised, TimeoutError), raised
        else:
            self.open()
            there = kept.drain.drain()
            self.ledger.settle_feeders(kept)

            self.compare(kept, there)

    @rule(drain=numbers)
    def iterate(self, drain: int) -> None:
        """Somebody begins to iterate."""
        self.readings.append(Reading(self.kept(drain)))

    @precondition(lambda self: self.readings)
    @rule(reading=numbers)
    def take(self, reading: int) -> None:
        """An iterator takes a value, or ends."""
        one = self.readings[reading % len(self.readings)]
        kept = one.kept
        if one.ended:
            assert [] == list(one.iterator)
        elif kept.stage is not None:
            with pytest.raises(RuntimeError):
                next(one.iterator)

            one.ended = True
        elif kept.must or kept.shut or (kept.fed and not self.ledger.open(kept)):
            self.open()
            one.ended = not self.took(kept, one.iterator)

    def took(self, kept: Kept, iterator: Iterator[Item]) -> bool:
        """Take a value; say whether there was one."""
        for item in iterator:
            assert item in self.ledger.possible(kept), f"nobody sent {item}"
            kept.take(item)
            return True

        self.ledger.settle_feeders(kept)
        self.compare(kept, [])
        return False

    # -- results -----------------------------------------------------------------------

    @rule(
        pool=numbers,
        drawn=drawn_work,
        ordered=st.booleans(),
        buffer=st.sampled_from([None, 1, 2]),
        first=st.integers(0, 6),
    )
    def results(
        self, pool: int, drawn: Drawn, buffer: int | None, first: int, *, ordered: bool
    ) -> None:
        """Results are made, and begin with the first that is taken."""
        pooled = self.pooled(pool)
        form = "mixed" if drawn.form == "mixed" else "each"
        spec = replace(drawn, source=None, held=False, form=form)
        given = self.given(pooled, 0, spec, ordered=False)
        given.own = True
        [work] = self.works(given)
        assert isinstance(work, Workers)
        results = work.results(pool=pooled.pool, ordered=ordered, buffer=buffer)
        self.readers.append(Reader(given, results, ordered=ordered))
        for _ in range(first):
            self.read_next(self.readers[-1])

    @precondition(lambda self: self.readers)
    @rule(reader=numbers)
    def read(self, reader: int) -> None:
        """The next of the results comes, in order if that was wanted; failures come last."""
        self.read_next(self.readers[reader % len(self.readers)])

    def read_next(self, one: Reader) -> None:
        """Take one of the results."""
        errors = set[type[Exception]]() if one.started else self.begin_reader(one)
        self.open()
        got: list[Item] = []
        raised = self.raised(lambda: got.extend([next(one.results)]))
        if one.ended:
            assert isinstance(raised, StopIteration), raised
        elif errors:
            assert isinstance(raised, tuple(errors)), raised
            one.ended = True
        elif raised is None:
            self.check_output(one, got[0])
        else:
            self.end_reader(one, raised)

    def begin_reader(self, one: Reader) -> set[type[Exception]]:
        """Note that the work of results begins, or return how that is refused."""
        one.started = True
        errors, _ = self.ledger.refusals([one.given])
        if not errors:
            self.ledger.give(one.given)

        return errors

    def check_output(self, one: Reader, got: Item) -> None:
        """Look at one of the results."""
        assert got in one.rest, f"{got} came twice, or of nothing"
        place = one.rest.index(got)
        if one.ordered:
            assert not (place and one.given.sure), f"before it come {one.rest[:place]}"
            del one.rest[:place]

        one.rest.remove(got)

    def end_reader(self, one: Reader, raised: BaseException) -> None:
        """Look at how results ended."""
        one.ended = True
        given, sure = one.given, one.given.sure
        self.settle_own(one)
        failing = given.failing(given.plan.inputs)
        if isinstance(raised, ExceptionGroup):
            failed = [exc.args[0] for exc in raised.exceptions]
            inputs = [(*item, given.plan.number) for item in given.plan.inputs]
            wanted = [item for item in inputs if item in failed]
            assert wanted == failed, raised.exceptions
            assert set(failed) <= failing
        else:
            assert isinstance(raised, StopIteration | PoolCancelled), raised
            failed = []

        if sure:
            assert set(failed) == failing
            assert [] == one.rest
            assert not isinstance(raised, PoolCancelled)

    @precondition(lambda self: self.readers and self.ripe())
    @rule(reader=numbers)
    def close_results(self, reader: int) -> None:
        """Results that are closed early cancel what is left."""
        one = self.readers[reader % len(self.readers)]
        self.open()
        one.given.hit()
        one.results.close()
        self.settle_own(one)
        one.ended = one.started = True

    def settle_own(self, one: Reader) -> None:
        """Settle the work of results, if it is not."""
        if one.given in one.given.pool.work:
            self.ledger.settle([one.given])

    # -- calls -------------------------------------------------------------------------

    @rule(pool=numbers, drawn=drawn_work)
    def submit(self, pool: int, drawn: Drawn) -> None:
        """A call is accepted, unless the pool is closed."""
        pooled = self.pooled(pool)
        spec = replace(drawn, source=None, size=1, into=[], held=False)
        plan = self.given(pooled, 0, spec).plan
        raised = self.raised(lambda: self.hand_in(pooled, plan))
        assert pooled.closed == isinstance(raised, PoolClosed), raised

    def hand_in(self, pooled: Pooled, plan: Plan) -> None:
        """Submit, and note it."""
        [item] = plan.inputs
        made = cast("Callable[[Item], Item]", Function(Still(), plan).task())
        future = pooled.pool.executor.submit(made, item)
        call = Call(plan, pooled, item, future)
        future.add_done_callback(call.told.append)
        pooled.calls.append(call)
        pooled.called = True
        self.calls.append(call)

    @precondition(lambda self: self.calls)
    @rule(call=numbers)
    def ask(self, call: int) -> None:
        """A future has what the call gave, or raised."""
        self.open()
        self.check_call(self.calls[call % len(self.calls)])

    @precondition(lambda self: self.calls)
    @rule(call=numbers)
    def give_up(self, call: int) -> None:
        """A future that was cancelled says so, and stays so."""
        one = self.calls[call % len(self.calls)]
        if one.future.cancel():
            one.sure = False
            assert one.future.cancelled()

    def check_call(self, call: Call) -> None:
        """Look at how a call ended."""
        given: list[Item] = []
        raised = self.raised(lambda: given.append(call.future.result()))
        if isinstance(raised, CancelledError):
            assert not call.sure
        elif isinstance(raised, Flop):
            assert ((*call.item, call.plan.number),) == raised.args
            assert not call.plan.succeeds(call.item)
        else:
            assert raised is None, raised
            assert call.plan.succeeds(call.item)
            assert call.plan.kind != "plain" or call.plan.sent(call.item) == given

        assert poll(lambda: [call.future] == call.told), "called back, once"

    # -- what must hold ----------------------------------------------------------------

    @invariant()
    def accounts_add_up(self) -> None:
        """All that a pool accepted has ended or is somewhere, and counts only grow."""
        self.steps += 1
        for pooled in self.ledger.pools:
            stats = pooled.pool.stats()
            now = Counter(
                succeeded=stats.succeeded,
                failed=stats.failed,
                cancelled=stats.cancelled,
            )
            assert self.before.get(pooled, Counter()) <= now, stats
            assert stats.in_progress >= 0
            assert stats.running <= pooled.limit
            assert_adds_up(pooled.pool._engine)  # noqa: SLF001  (counted a second time)
            self.before[pooled] = now

    @invariant()
    def limits_hold(self) -> None:
        """No more inputs of a task are in progress than it allows.

        An input that was dropped before its next attempt can't tell that it has ended.
        """
        for given in self.ledger.work:
            limit, pooled = given.plan.limit, given.pool
            cut = not given.sure or pooled.cut or pooled.on_error == "cancel"
            known = given.plan.attempts == 1 or not cut
            if limit is not None and known:
                assert len(given.plan.in_progress) <= limit

    @invariant()
    def drains_say_what_they_are(self) -> None:
        """What a drain says of itself is so."""
        for kept in self.ledger.kept:
            assert bool(kept.drain)
            assert kept.shut == kept.drain.closed
            if self.ledger.settled(kept):
                assert len(kept.must) <= len(kept.drain) <= len(kept.may)

    @override
    def teardown(self) -> None:
        """End all that is left, and look at it a last time."""
        if not hasattr(self, "stack"):
            return

        try:
            if sys.exc_info()[0] is None:
                self.end()
        finally:
            self.open()
            for pooled in self.ledger.pools:
                pooled.pool.cancel()

            for kept in self.ledger.kept:
                kept.drain.shut_down()

            for pooled in self.ledger.pools:
                pooled.pool.close()

            self.stack.close()

        assert [] == self.threads.survivors()

    def end(self) -> None:
        """End all that is open, wait for all, and look."""
        for kept in self.ledger.kept:
            for _ in range(kept.by_hand):
                self.stop_feeding(kept)

        for number, _ in enumerate(self.readers):
            self.close_results(number)

        self.open()
        for call in self.calls:
            self.check_call(call)

        self.end_pools()
        for kept in self.ledger.kept:
            there = kept.drain.drain()
            self.compare(kept, there)
            self.check_order(kept, [*kept.taken, *there])

    def end_pools(self) -> None:
        """Wait for all pools, until none wakes another; then close them."""
        for step in (self.wait_for, self.wait_for, self.close_pool):
            for pooled in self.ledger.pools:
                step(pooled)

    def check_order(self, kept: Kept, came: list[Item]) -> None:
        """Look at the order in which values came to a drain."""
        for plan in self.plans:
            outputs = [item for item in came if item[-2:-1] == (plan.number,)]
            inputs = list(dict.fromkeys(item[:-2] for item in outputs))
            for one in inputs:
                mine = [item for item in outputs if item[:-2] == one]
                assert mine == sorted(mine), f"outputs of {one} in disorder: {mine}"

            if kept.ordered:
                together = [out for one in inputs for out in outputs if out[:-2] == one]
                assert together == outputs, f"not input by input: {outputs}"

            if kept.ordered and plan.inputs:
                wanted = [item for item in plan.inputs if item in inputs]
                assert wanted == inputs, f"not in the order of inputs: {outputs}"

    # -- parts of them -----------------------------------------------------------------

    def ripe(self) -> bool:
        """Say whether it is time to end something: after some steps only."""
        return self.steps % 5 == 0

    def pooled(self, number: int) -> Pooled:
        """Return a pool that was drawn."""
        pools = self.ledger.pools
        able = [one for one in pools if not one.closed] if number < MOSTLY else pools
        return (able or pools)[number % len(able or pools)]

    def kept(self, number: int) -> Kept:
        """Return a drain that was drawn."""
        drains = self.ledger.kept
        able = [one for one in drains if not one.shut] if number < MOSTLY else drains
        return (able or drains)[number % len(able or drains)]

    def given(
        self,
        pooled: Pooled,
        place: int,
        drawn: Drawn,
        *,
        ordered: bool = True,
    ) -> Given:
        """Make what was drawn; into drains that are ordered, too, unless it may not."""
        into = dict.fromkeys(map(self.kept, drawn.into))
        targets = [kept for kept in into if ordered or not kept.ordered]
        source = None if drawn.source is None else self.kept(drawn.source)
        form = drawn.form
        if any(kept.ordered for kept in targets) and form == "mixed":
            form = "each"  # a batch that does not know its drains can't be ordered

        size = 0 if source else drawn.size
        index = self.ledger.kept.index
        plan = Plan(
            number=next(self.numbers),
            kind=drawn.kind,
            attempts=drawn.attempts,
            limit=drawn.limit,
            timeout=None,
            pool=0,
            source=None if source is None else index(source),
            form=form,
            inputs=[(next(self.items),) for _ in range(size)],
            targets=list(map(index, targets)),
            salt=drawn.salt,
        )
        self.plans.append(plan)
        key = (pooled.gone, place)
        return Given(plan, pooled, key, source, targets, held=drawn.held)

    def works(self, given: Given) -> list[Executable]:
        """Make the work."""
        turns = Door(None if self.simulated else self.gate) if given.held else Still()
        made = Function(turns, given.plan).task()
        drains = [kept.drain for kept in self.ledger.kept]
        return works(given.plan, made, drains, given.plan.inputs)

    def open(self) -> None:
        """Let go on what is held, before a wait: in a simulation time passes in that."""
        if not self.simulated:
            self.gate.open()
            self.gate = Gate()

        for given in self.ledger.work:
            given.held = False

    def raised(self, call: Callable[[], object]) -> BaseException | None:
        """Make a call; return what it raised."""
        try:
            call()
        except Exception as exc:  # noqa: BLE001  (looked at)
            return exc

        return None

    def end_wait(self, pooled: Pooled, raised: BaseException | None) -> None:
        """Look at what `wait` raised, once all it waited for has ended."""
        self.ledger.settle(one for one in list(pooled.work) if not one.own)
        self.ledger.see_failures(pooled)
        self.check_told(pooled, raised)
        errors = [failure.exception.args[0] for failure in pooled.pool.errors()]
        self.check_failures(pooled.ever, errors)
        pooled.told.update(errors)
        self.forget_failures(pooled)
        self.check_accounts(pooled)
        for kept in self.ledger.kept:
            if self.ledger.settled(kept) and not kept.by_hand:
                kept.hold(kept.drain.drain(timeout=0))

    def check_told(self, pooled: Pooled, raised: BaseException | None) -> None:
        """Look at what was raised for what has failed or was dropped."""
        if pooled.closed:
            assert raised is None, raised
        elif isinstance(raised, ExceptionGroup):
            assert pooled.on_error == "finish"
            failed = [exc.args[0] for exc in raised.exceptions]
            assert pooled.sure <= set(failed), f"{pooled.sure - set(failed)} untold"
            self.check_failures(pooled.failures, failed)
            pooled.told.update(failed)
        elif isinstance(raised, Flop):
            assert pooled.on_error == "cancel"
            self.check_failures(pooled.failures, list(raised.args))
            pooled.told.update(raised.args)
        else:
            assert raised is None or isinstance(raised, PoolCancelled), raised
            assert raised is None or pooled.cancelled, "nobody cancelled it"
            assert pooled.on_error != "finish" or not pooled.sure, "failures untold"
            fails = pooled.fails and not pooled.cancelled
            assert pooled.on_error != "cancel" or not fails, "a failure untold"

    def forget_failures(self, pooled: Pooled) -> None:
        """Note that what failed was told, or logged."""
        pooled.failures.clear()
        pooled.sure.clear()
        pooled.cancelled = pooled.fails = False

    def check_failures(self, known: dict[Item, Given], failed: list[Item]) -> None:
        """Look at the failures that were told."""
        assert len(failed) == len(set(failed)), "told twice"
        assert set(failed) <= set(known), "told of what did not fail"
        places = [known[item].key for item in failed]
        assert places == sorted(places), "in disorder"

    def end_pool(self, pooled: Pooled) -> None:
        """Look at a pool that was closed."""
        self.ledger.settle(pooled.work, closed=pooled)
        self.check_accounts(pooled)
        self.ledger.forget(pooled)
        self.forget_failures(pooled)
        assert repr(pooled.pool).startswith("<")

    def check_accounts(self, pooled: Pooled) -> None:
        """Look at the accounts of a pool that has nothing to do."""
        stats = pooled.pool.stats()
        own = any(one.own for one in pooled.work)
        unknown = (
            pooled.called or pooled.closed
        )  # nothing is pending in what was closed
        if unknown or own or not self.ledger.idle(pooled):
            return

        assert 0 == stats.in_progress
        counts = self.before.pop(pooled, Counter())
        for name in ("succeeded", "failed", "cancelled"):
            counts[name] = getattr(stats, name)
            assert pooled.least[name] <= counts[name] <= pooled.most[name], (
                name,
                stats,
            )

        pooled.least, pooled.most = Counter(counts), Counter(counts)

    def compare(self, kept: Kept, there: Sequence[Item]) -> None:
        """Compare what is in a drain with what must be and may be."""
        if self.ledger.settled(kept):
            kept.hold(there)
        else:
            assert set(there) <= self.ledger.possible(kept)
