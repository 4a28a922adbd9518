"""Leaks: no thread survives a pool, and nothing that is done with is kept alive."""

import contextvars
import gc
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

import pytest

from fluent_async import Args, Drain, Pool, Task, Workers, each, run, stream, task
from fluent_async._build import GIL
from fluent_async.errors import PoolCancelled, TaskTimeout
from support import TIMEOUT, FakeClock, Gate, Threads, let_go, poll
from work import at, double


PATIENCE = 2.0 if GIL else TIMEOUT
"""Seconds a thread may take to let go of what it is done with.

Without the GIL each look is a collection, which stops all threads, and takes its time where
a whole suite is loaded.
"""


class Value:
    """A value whose end can be seen."""


class Oops(Exception):  # noqa: N818  (what happens)
    """An exception whose end can be seen."""


class Fatal(BaseException):
    """What no pool collects, and whose end can be seen."""


class Watch:
    """Sees whether objects are still there, without keeping them."""

    def __init__(self) -> None:
        self._refs: list[weakref.ref[object]] = []

    def value(self) -> Value:
        """Make a value and watch it."""
        value = Value()
        self.see(value)
        return value

    def values(self) -> Iterator[Value]:
        """Make several."""
        return (self.value() for _ in range(20))

    def see(self, thing: object) -> None:
        """Watch an object."""
        self._refs.append(weakref.ref(thing))

    def assert_all_gone(self) -> None:
        """Fail if one is still there soon; a thread may be about to let go of it."""
        assert self._refs, "nothing was watched"
        assert poll(lambda: not self.left(), timeout=PATIENCE), self.left()

    def left(self) -> list[str]:
        """Name those that are still there."""
        let_go()
        return [
            type(thing).__name__ for ref in self._refs if (thing := ref()) is not None
        ]


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Give a Watch, and have the collector of cycles do nothing meanwhile."""
    gc.disable()
    try:
        yield Watch()
    finally:
        gc.enable()


@task
def new(_: object, /) -> Value:
    """Make an output."""
    return Value()


@stream
def several(_: object) -> Iterator[Value]:
    """Make outputs."""
    yield Value()
    yield Value()


@stream
def sent(args: Args[object, Value]) -> None:
    """Send outputs."""
    args.drainer.send(Value())


@task
def oops(_: object, /) -> Value:
    """Fail."""
    raise Oops


@task
def die(_: object, /) -> Value:
    """Raise what is no Exception."""
    raise Fatal


Made = Task[[object], object, Value]
SUCCEED: dict[str, Made] = {
    "plain": new,
    "retried": new.with_retry(3),
    "timed": new.with_timeout(60),
    "limited": new.with_limit(1),
    "stream": several,
    "args": sent,
    "composed": new >> new,
}
FAIL: dict[str, Made] = {
    "plain": oops,
    "retried": oops.with_retry(2),
    "timed": oops.with_timeout(60),
    "composed": new >> oops,
    "after a stream": several >> oops,
}
ALL = SUCCEED | {f"failing {name}": made for name, made in FAIL.items()}


def given(values: Iterable[object], made: Made, pool: Pool) -> None:
    """Give workers."""
    pool.go(*(made.with_input(value) for value in values))


def batch(values: Iterable[object], made: Made, pool: Pool) -> None:
    """Give a batch."""
    pool.go(each(values) >> made)


def mixed(values: Iterable[object], made: Made, pool: Pool) -> None:
    """Give a batch of workers."""
    pool.go(Workers(made.with_input(value) for value in values))


def fed(values: Iterable[object], made: Made, pool: Pool) -> None:
    """Feed a stage."""
    drain = Drain[object]()
    for value in values:
        drain.send(value)

    pool.go(drain >> made)


Give = Callable[[Iterable[object], Made, Pool], None]
forms: list[Give] = [given, batch, mixed]  # a stage (fed) belongs to the pool
every_form = pytest.mark.parametrize("give", [*forms, fed], ids=lambda f: f.__name__)
every_ending_form = pytest.mark.parametrize("give", forms, ids=lambda f: f.__name__)


def see_what_is_raised(watch: Watch, act: Callable[[], object]) -> None:
    """Watch the exceptions that come out of a call."""
    try:
        act()
    except* (Oops, Fatal, TaskTimeout) as group:
        for error in group.exceptions:
            watch.see(error)

        del error  # its traceback leads here


class TestInAnOpenPool:
    """Nothing is pinned by threads that are parked, nor by the pool's own books."""

    @pytest.mark.parametrize("made", ALL.values(), ids=ALL)
    @every_form
    def test_inputs_are_freed(self, watch: Watch, give: Give, made: Made) -> None:
        """M1: An input ends with its worker; that of a failure, when the pool forgets it."""
        with Pool(limit=2, on_error="keep") as pool:
            give(watch.values(), made, pool)
            pool.wait()
            pool.go(0 >> double).wait()

            watch.assert_all_gone()

    @pytest.mark.parametrize("made", SUCCEED.values(), ids=SUCCEED)
    @every_form
    def test_outputs_are_freed(self, watch: Watch, give: Give, made: Made) -> None:
        """M1: An output that was taken from its drain is its taker's alone."""
        drain = Drain[Value]()
        with Pool(limit=2) as pool:
            give(range(20), made | drain, pool)
            for value in drain:
                watch.see(value)

            del value
            pool.wait()

            watch.assert_all_gone()

    @pytest.mark.parametrize("made", FAIL.values(), ids=FAIL)
    @every_form
    def test_exceptions_are_freed(self, watch: Watch, give: Give, made: Made) -> None:
        """M4: A failure that was raised ends when the pool forgets it."""
        with Pool(limit=2) as pool:
            give(range(5), made, pool)
            see_what_is_raised(watch, pool.wait)
            pool.go(0 >> double).wait()

            watch.assert_all_gone()

    @pytest.mark.parametrize("made", FAIL.values(), ids=FAIL)
    @every_form
    def test_exceptions_raised_bare_are_freed(
        self, watch: Watch, give: Give, made: Made
    ) -> None:
        """With on_error="cancel" it is the same."""
        with Pool(limit=1, on_error="cancel") as pool:
            give(range(5), made, pool)
            see_what_is_raised(watch, pool.wait)
            pool.go(0 >> double).wait()

            watch.assert_all_gone()

    @every_form
    def test_fatal_exceptions_are_freed(self, watch: Watch, give: Give) -> None:
        """One that is no Exception is the one's who catches it."""
        with Pool(limit=1) as pool:
            give(range(5), die, pool)
            see_what_is_raised(watch, pool.wait)
            pool.go(0 >> double).wait()

            watch.assert_all_gone()

    @every_form
    def test_exceptions_of_attempts_that_were_retried_are_freed(
        self, watch: Watch, give: Give
    ) -> None:
        """M10: A failure that was mended is nobody's."""
        attempts: list[int] = []

        @task(retry=2)
        def flaky(_: object, /) -> Value:
            attempts.append(1)
            if len(attempts) == 1:
                watch.see(error := Oops())
                try:
                    raise error
                finally:
                    del error  # its traceback leads here

            return Value()

        with Pool(limit=1) as pool:
            give([1], flaky, pool)
            pool.wait()

            watch.assert_all_gone()

    @pytest.mark.parametrize("made", [new, several, sent, oops], ids=lambda m: m.name)
    @every_ending_form
    def test_contexts_are_freed(self, watch: Watch, give: Give, made: Made) -> None:
        """V3: What a context variable had at `go()` ends with the work."""
        variable = contextvars.ContextVar[Value]("variable")

        def go() -> None:
            variable.set(watch.value())
            give(range(5), made, pool)

        with Pool(limit=2, on_error="keep") as pool:
            contextvars.copy_context().run(go)
            pool.wait()
            pool.go(0 >> double).wait()

            watch.assert_all_gone()

    @every_form
    def test_what_tasks_set_is_freed(self, watch: Watch, give: Give) -> None:
        """Nor does a thread keep what a task set in a context variable."""
        variable = contextvars.ContextVar[Value]("variable")

        @task
        def sets(_: object, /) -> Value:
            variable.set(watch.value())
            return Value()

        with Pool(limit=2) as pool:
            give(range(5), sets, pool)
            pool.wait()

            watch.assert_all_gone()

    @pytest.mark.parametrize("limit", [None, 1])
    @every_ending_form
    def test_tasks_are_freed(self, watch: Watch, give: Give, limit: int | None) -> None:
        """M9: A function ends with the work it was for, so closures may be tasks."""

        def go() -> None:
            value = watch.value()

            @task(limit=limit)
            def closure(_: object, /) -> Value:
                return value

            give(range(5), closure, pool)

        with Pool(limit=2) as pool:
            go()
            pool.wait()

            watch.assert_all_gone()

    def test_iterables_are_freed(self, watch: Watch) -> None:
        """An iterable that was read to its end is nobody's."""
        with Pool(limit=2) as pool:
            values = (Value() for _ in range(5))
            watch.see(values)
            pool.go(each(values) >> new)
            del values
            pool.wait()

            watch.assert_all_gone()

    def test_drains_are_freed(self, watch: Watch) -> None:
        """M3: A drain that work drained to is not the pool's."""
        with Pool(limit=2) as pool:
            drain = Drain[Value]()
            watch.see(drain)
            watch.see(drain._channel)  # noqa: SLF001
            pool.go(each(range(5)) >> new | drain).wait()
            del drain

            watch.assert_all_gone()

    def test_what_was_dropped_is_freed(self, watch: Watch) -> None:
        """Inputs that `cancel()` dropped are nobody's."""
        with Pool(limit=1) as pool:
            with Gate() as gate:
                pool.go(
                    1 >> at(gate).hold, *(new.with_input(v) for v in watch.values())
                )
                gate.wait_for(1)
                pool.cancel()

            with suppress(PoolCancelled):
                pool.wait()

            watch.assert_all_gone()

    def test_what_waited_for_a_retry_is_freed(
        self, watch: Watch, fake_clock: FakeClock
    ) -> None:
        """The same for what waits for its time."""
        fake_clock.hold()
        with Pool(limit=1, retry=2, backoff=60) as pool:
            given(watch.values(), oops, pool)
            assert poll(lambda: pool.stats().waiting_for_retry == 20)
            pool.cancel()
            with suppress(PoolCancelled):
                pool.wait()

            watch.assert_all_gone()


class TestPools:
    """A pool ends with its last reference, however it was left."""

    def watched(self, watch: Watch, *, on_error: str = "keep") -> Pool:
        """Make a pool, and watch it and what it is made of."""
        pool = Pool(limit=2, on_error=on_error)  # type: ignore[arg-type]
        engine = pool._engine  # noqa: SLF001
        for part in (pool, engine, engine.scheduler, engine.threads):
            watch.see(part)

        return pool

    def test_never_used_are_freed(self, watch: Watch) -> None:
        """A pool without work is nobody's."""
        self.watched(watch)

        watch.assert_all_gone()

    @pytest.mark.parametrize("made", ALL.values(), ids=ALL)
    @every_form
    def test_closed_are_freed(self, watch: Watch, give: Give, made: Made) -> None:
        """A closed pool holds itself in no cycle, with and without failures."""
        with self.watched(watch) as pool:
            give(watch.values(), made, pool)

        del pool

        watch.assert_all_gone()

    @pytest.mark.parametrize("made", ALL.values(), ids=ALL)
    @every_form
    def test_dropped_are_freed(self, watch: Watch, give: Give, made: Made) -> None:
        """So does one that was dropped while it still worked."""
        give(watch.values(), made, self.watched(watch))

        watch.assert_all_gone()

    @pytest.mark.usefixtures("fake_clock")  # no input takes long: slices are long
    def test_keep_no_input_that_is_only_in_frames_of_an_exception(
        self, watch: Watch
    ) -> None:
        """M6: What a task caught, and keeps, leads back to the frame that called it."""
        kept: list[Exception] = []

        @task
        def fail_inside(value: Value) -> None:
            del value
            try:
                int("none")
            except ValueError as error:
                kept.append(error)

        values = [watch.value() for _ in range(200)]
        with Pool(limit=1) as pool:  # in no context, which takes one more frame
            contextvars.Context().run(pool.go, each(values) >> fail_inside)

        values.clear()  # without the GIL an iterator keeps its list to the end

        assert 200 == len(kept)
        watch.assert_all_gone()

    def test_with_failures_that_were_raised_are_freed(self, watch: Watch) -> None:
        """M6: What was raised does not keep the pool."""

        def use() -> None:
            with self.watched(watch, on_error="finish") as pool:
                pool.go(each(range(3)) >> oops, 4 >> oops)

        see_what_is_raised(watch, use)

        watch.assert_all_gone()

    def test_with_a_stage_are_freed(self, watch: Watch) -> None:
        """A drain that feeds a stage is not the pool's, nor the pool the drain's."""
        pages, records = Drain[object](), Drain[Value]()
        watch.see(pages)
        watch.see(records)
        with self.watched(watch) as pool:
            pool.go(each(range(5)) >> new | pages, pages >> new | records)

        del pool, pages, records

        watch.assert_all_gone()

    def test_are_freed_though_a_drain_is_kept(self, watch: Watch) -> None:
        """A drain keeps none of the pools that it had to do with."""
        pages, records = Drain[object](), Drain[Value]()
        with self.watched(watch) as pool:
            pool.go(each(range(5)) >> new | pages, pages >> new | records)

        del pool

        watch.assert_all_gone()
        assert 5 == records.count()

    def test_dropped_are_freed_though_a_drain_is_kept(self, watch: Watch) -> None:
        """Nor does a drain keep a pool that was dropped with a stage asleep."""
        pages = Drain[object]()
        self.watched(watch).go(pages >> new)

        watch.assert_all_gone()
        assert 0 == pages.count()

    def test_are_freed_though_they_waited_for_room(self, watch: Watch) -> None:
        """A drain that was full forgets who waited, too."""
        full = Drain[Value](maxsize=1)

        def use() -> None:
            pool = self.watched(watch).go(each(range(5)) >> new | full)
            assert poll(lambda: (full.count(), pool.stats().running) == (1, 0))
            pool.cancel()
            pool.close()

        use()

        watch.assert_all_gone()
        assert 1 == len(list(full))

    def test_of_run_are_freed(self, watch: Watch) -> None:
        """`run()` leaves nothing behind but its outputs."""
        outputs = run(each(watch.values()) >> new)

        watch.assert_all_gone()
        assert 20 == len(outputs)


class TestThreads:
    """No thread survives its pool."""

    def use(self, pool: Pool) -> None:
        """Have a pool start threads and end its work."""
        with Gate() as gate:
            pool.go(*(number >> at(gate).hold for number in range(3)))
            gate.wait_for(3)

    def test_are_gone_after_close(self) -> None:
        """When `close()` has returned they have ended, not only been told to."""
        threads = Threads()
        pool = Pool(limit=3)
        self.use(pool)
        pool.close()

        assert [] == threads.survivors(patience=0)

    def test_are_gone_after_with(self) -> None:
        """L1: The same for leaving `with`."""
        threads = Threads()
        with Pool(limit=3) as pool:
            self.use(pool)

        assert [] == threads.survivors(patience=0)

    def test_are_gone_after_with_was_left_by_an_exception(self) -> None:
        """However it is left."""
        threads = Threads()
        with suppress(Oops), Pool(limit=3) as pool:
            self.use(pool)
            raise Oops

        assert [] == threads.survivors(patience=0)

    def test_are_gone_after_run(self) -> None:
        """The same for `run()`, also when it raises."""
        threads = Threads()
        run(each(range(10)) >> double, limit=3)
        with suppress(ExceptionGroup):
            run(each(range(10)) >> oops, limit=3)

        assert [] == threads.survivors(patience=0)

    def test_end_with_a_pool_that_is_dropped(self) -> None:
        """A pool dropped without `close()` ends its threads."""
        threads = Threads()
        self.use(Pool(limit=3))

        assert [] == threads.survivors(TIMEOUT)

    def test_of_a_dropped_pool_finish_what_was_accepted(self) -> None:
        """L3: What was given to it runs first."""
        drain = Drain[int]()
        Pool(limit=1).go(each(range(100)) >> double | drain)

        assert list(range(0, 200, 2)) == drain.drain(TIMEOUT)

    def test_end_with_a_dropped_pool_whose_stages_sleep(self) -> None:
        """A stage that nobody feeds keeps no pool at work."""
        threads, pages = Threads(), Drain[int]()
        Pool(limit=3).go(pages >> double)

        assert [] == threads.survivors(TIMEOUT)
        pages.send(1)
        assert [1] == pages.drain()

    def test_end_with_a_pool_that_is_dropped_by_its_own_worker(self) -> None:
        """The last reference may end on a thread of the pool itself."""
        threads = Threads()
        pools = [Pool(limit=2)]
        gate = Gate()

        @task
        def drop() -> None:
            gate.arrive()
            pools.clear()

        pools[0].go(drop)
        gate.wait_for(1)
        gate.open()

        assert [] == threads.survivors(TIMEOUT)

    def test_end_with_a_pool_that_is_dropped_in_a_cycle(self) -> None:
        """A pool that only a cycle of references held ends when that is collected."""
        threads = Threads()
        cycle: list[object] = [Pool(limit=2).go(1 >> double)]
        cycle.append(cycle)
        del cycle
        gc.collect()

        assert [] == threads.survivors(TIMEOUT)

    def test_do_not_keep_the_pool(self, watch: Watch) -> None:
        """A worker that runs does not keep the pool that nobody else has."""
        with Gate() as gate:
            pool = Pool().go(1 >> at(gate).hold)
            watch.see(pool)
            gate.wait_for(1)
            del pool

            watch.assert_all_gone()

    def test_hold_nothing_while_they_are_parked(self, watch: Watch) -> None:
        """Many pools that are idle cost threads, and no value."""
        pools = [Pool(limit=1, on_error="keep") for _ in range(5)]
        for pool in pools:
            given([watch.value()], new, pool)
            batch([watch.value()], several, pool)
            pool.wait()

        watch.assert_all_gone()
        assert 5 == sum(pool.stats().threads for pool in pools)
        for pool in pools:
            pool.close()

    def test_are_not_started_by_a_pool_without_work(self) -> None:
        """L2: Making pools costs no thread."""
        before = threading.active_count()
        pools = [Pool() for _ in range(100)]

        assert before == threading.active_count()
        assert 100 == len(pools)
