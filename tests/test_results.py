"""Workers.results(): the outputs as they come."""

import gc
import logging
import threading
import weakref
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beside import beside
from drains import filled
from fluent_async import (
    Args,
    Drain,
    Pool,
    Worker,
    Workers,
    cancelled,
    each,
    sleep,
    stream,
    task,
)
from fluent_async._build import GIL
from fluent_async._manner import THREADS
from fluent_async._outcome import Outcome
from fluent_async.errors import DrainClosed, PoolCancelled, PoolClosed, PoolStalled
from fluent_async.typing import Results, Takes
from hand import channel_of
from support import TIMEOUT, FakeClock, Gate, poll, start_child
from work import Form, at, batch, double, fail, fed, mixed


both_orders = pytest.mark.parametrize(
    "ordered", [True, False], ids=["ordered", "unordered"]
)


class Counting:
    """The numbers from 0 on, or as many as told; counts those it has given."""

    def __init__(self, end: int = 1 << 30) -> None:
        self.given = 0
        self.closed = False
        self._end = end

    def __iter__(self) -> Iterator[int]:
        """Give one number after the other."""
        try:
            while self.given < self._end:
                self.given += 1
                yield self.given - 1
        finally:
            self.closed = True


@stream
def repeat(number: int) -> Iterator[int]:
    """Give a number as many times as it says."""
    yield from [number] * number


@task
def odd(number: int) -> int:
    """Give an odd number, and fail at an even one."""
    if number % 2 == 0:
        raise ValueError(number)

    return number


@task
def leave(number: int) -> int:
    """Ask to exit."""
    raise SystemExit(number)


@stream
def thirds(number: int) -> Iterator[int]:
    """Give a number none to two times; fail at each seventh."""
    if number % 7 == 0:
        raise ValueError(number)

    yield from [number] * (number % 3)


@task
def ones(number: int) -> int:
    """Give a number; fail at each seventh."""
    if number % 7 == 0:
        raise ValueError(number)

    return number


def values_of(group: BaseExceptionGroup[ValueError]) -> list[int]:
    """Return what the failures of a group are about, in its order."""
    return [exc.args[0] for exc in group.exceptions if isinstance(exc, ValueError)]


class TestOrder:
    """Outputs in input order, unless `ordered=False`."""

    @pytest.mark.parametrize("limit", [1, 2, 8, None])
    @pytest.mark.parametrize("form", [batch, mixed, fed], ids=["batch", "mixed", "fed"])
    def test_is_that_of_the_inputs(self, form: Form, limit: int | None) -> None:
        """Whatever the batch is made of."""
        [work] = form(range(200), double)
        assert isinstance(work, Workers)

        assert list(range(0, 400, 2)) == list(work.results(limit=limit))

    def test_is_that_of_the_inputs_when_the_first_ends_last(self) -> None:
        """What is done early waits for its turn."""
        with Gate() as gate:

            @task
            def hold_first(number: int) -> int:
                if number == 0:
                    gate.arrive()
                elif number == 3:
                    gate.open()

                return number

            results = (each(range(4)) >> hold_first).results(limit=2)

            assert [0, 1, 2, 3] == list(results)

    def test_is_that_in_which_they_come_if_unordered(self) -> None:
        """An output does not wait for those of earlier inputs."""
        with Gate() as gate:

            @task
            def hold_first(number: int) -> int:
                if number == 0:
                    gate.arrive()

                return number

            results = (each(range(4)) >> hold_first).results(limit=2, ordered=False)
            early = [next(results) for _ in range(3)]
            gate.open()

            assert [1, 2, 3] == early
            assert [0] == list(results)

    @both_orders
    def test_of_streams_keeps_the_outputs_of_an_input_in_theirs(
        self, *, ordered: bool
    ) -> None:
        """Many outputs of an input, or none, are results like others."""
        results = list((each(range(5)) >> repeat).results(limit=3, ordered=ordered))

        assert [1, 2, 2, 3, 3, 3, 4, 4, 4, 4] == (
            results if ordered else sorted(results)
        )

    def test_holds_with_retries(self) -> None:
        """An input that is tried again keeps its turn."""
        tries: list[int] = []

        @task(retry=2)
        def once_more(number: int) -> int:
            tries.append(number)
            if number % 3 == 0 and tries.count(number) == 1:
                raise OSError

            return number

        assert list(range(20)) == list((each(range(20)) >> once_more).results(limit=4))

    def test_holds_with_tasks_that_send(self) -> None:
        """An Args function sends results."""

        @stream
        def twice(args: Args[int, int]) -> None:
            args.drainer.send(args.input)
            args.drainer.send(-args.input)

        assert [1, -1, 2, -2] == list((each([1, 2]) >> twice).results(limit=2))


class TestLaziness:
    """It starts at the first `next()`, and gives the first output as soon as it may."""

    def test_starts_nothing_before_the_first_next(self) -> None:
        """Neither threads nor the iterable."""
        source, before = Counting(), threading.active_count()
        with (each(source) >> double).results() as results:
            iter(results)
            assert 0 == source.given
            assert before == threading.active_count()

    def test_iterates_in_the_thread_that_asks_first(self) -> None:
        """As `go()` does; the values themselves come in the pool's threads."""

        class Known:
            def __iter__(self) -> Iterator[int]:
                assert threading.current_thread() is threading.main_thread()
                return iter([1])

        assert [2] == list((each(Known()) >> double).results())

    def test_runs_in_the_context_of_the_first_next(self) -> None:
        """What is set between `results()` and that is seen."""
        name = ContextVar("name", default="")

        @task
        def tell(number: int) -> str:
            return name.get()

        results = (each([1]) >> tell).results()
        name.set("set")

        assert ["set"] == list(results)

    @both_orders
    def test_gives_the_first_output_while_later_inputs_run(
        self, *, ordered: bool
    ) -> None:
        """An output waits for no input but earlier ones."""
        with Gate() as gate:

            @task
            def hold_all_but_first(number: int) -> int:
                if number:
                    gate.arrive()

                return number

            work = each(range(3)) >> hold_all_but_first
            with work.results(limit=2, ordered=ordered) as results:
                first = next(results)
                gate.open()

            assert 0 == first

    def test_gives_outputs_of_a_stream_as_it_sends_them(self) -> None:
        """The oldest input that runs gives its outputs at once."""
        with Gate() as gate:

            @stream
            def one_then_hold(number: int) -> Iterator[int]:
                yield number
                gate.arrive()
                yield -number

            with (each([7]) >> one_then_hold).results() as results:
                first = next(results)
                gate.open()

                assert [7, -7] == [first, *results]

    @both_orders
    @pytest.mark.parametrize(("limit", "buffer"), [(1, 1), (1, 5), (2, 3), (4, None)])
    def test_takes_no_more_inputs_ahead_than_it_says(
        self, limit: int, buffer: int | None, *, ordered: bool
    ) -> None:
        """Besides the outputs taken: the oldest input, the limit, and `buffer` more."""
        source = Counting()
        most = limit + (buffer or limit) + 1
        work = each(source) >> double
        with work.results(limit=limit, buffer=buffer, ordered=ordered) as results:
            for taken in range(1, 200):
                next(results)
                assert source.given <= taken + most

            assert poll(lambda: source.given >= taken + most - limit)

    def test_reads_an_endless_iterable(self) -> None:
        """Only as far as its outputs are asked for."""
        source = Counting()
        results = (each(source) >> double).results(limit=3)

        assert [0, 2, 4] == [next(results) for _ in range(3)]
        results.close()
        assert source.given < 20


class TestEnd:
    """It ends after the last output, and stays ended."""

    @pytest.mark.parametrize("form", [batch, mixed, fed], ids=["batch", "mixed", "fed"])
    def test_of_nothing_is_at_once(self, form: Form) -> None:
        """A batch of no inputs has no outputs."""
        [work] = form([], double)
        assert isinstance(work, Workers)
        if form is fed:
            return  # of a drain that is new: see below

        assert [] == list(work.results())

    def test_stays(self) -> None:
        """Asking again is the end again."""
        results = (each([1]) >> double).results()

        assert [2] == list(results)
        assert [] == list(results)
        with pytest.raises(StopIteration):
            next(results)

    def test_leaves_no_thread(self) -> None:
        """Threads have ended when the iterator has."""
        before = threading.active_count()
        assert 50 == sum(1 for _ in (each(range(50)) >> double).results())

        assert before == threading.active_count()

    def test_of_a_stage_is_when_its_drain_is_idle_and_empty(self) -> None:
        """A drain that is fed goes on giving inputs; then it is free for others."""
        numbers = Drain[int]()
        results = (numbers >> double).results()
        with numbers:
            numbers.send(1)
            first = next(results)
            numbers.send(2)

        assert [2, 4] == [first, *results]
        assert [] == list(numbers)

    def test_of_a_stage_waits_for_the_first_feeder_of_a_new_drain(self) -> None:
        """As every reader of a drain does."""
        numbers, got = Drain[int](), list[int]()
        results = (numbers >> double).results()
        reader = threading.Thread(target=lambda: got.extend(results))
        reader.start()
        with Pool() as pool:
            pool.go(each([1, 2]) >> double | numbers)

        reader.join()

        assert [4, 8] == sorted(got)

    def test_of_a_stage_leaves_its_drain_to_others(self) -> None:
        """What comes into the drain later can be read again."""
        numbers = Drain[int]()
        numbers.send(1)
        with Pool() as pool:
            assert [2] == list((numbers >> double).results(pool=pool))
            numbers.send(2)

            assert [2] == list(numbers)

    def test_of_a_stage_leaves_other_stages_alone(self) -> None:
        """Those of the pool sleep on."""
        numbers, others, out = Drain[int](), Drain[int](), Drain[int]()
        numbers.send(1)
        with Pool() as pool:
            pool.go(others >> double | out)
            assert [2] == list((numbers >> double).results(pool=pool))
            others.send(2)

        assert [4] == out.drain()

    def test_of_a_stage_is_not_while_its_drain_is_fed_again(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A value that comes at the last moment is an input like others."""
        # 1. The drain is idle and empty: there seems to be no more output.
        # 2. A value is sent to it, and wakes the stage.
        # 3. The iterator looks whether nothing runs, and goes on.
        numbers, late = Drain[int](), [2, 3]
        numbers.send(1)
        with Pool(limit=1) as pool:
            ends = pool._engine.ends  # noqa: SLF001

            def send_first(outcome: Outcome) -> bool:
                if late:
                    numbers.send(late.pop(0))

                return ends(outcome)

            monkeypatch.setattr(pool._engine, "ends", send_first)  # noqa: SLF001

            assert [2, 4, 6] == list((numbers >> double).results(pool=pool))

    def test_of_a_stage_that_the_same_pool_feeds(self) -> None:
        """Work of `go()` upstream, which has failures of its own."""
        numbers = Drain[int](10)
        pool = Pool(limit=2)
        pool.go(each(range(3000)) >> ones | numbers)

        assert [2 * n for n in range(3000) if n % 7] == sorted(
            (numbers >> double).results(pool=pool)
        )
        with pytest.raises(ExceptionGroup, match="429 workers failed"):
            pool.wait()

        pool.close()

    def test_gives_outputs_to_the_drains_of_the_workers_as_well(self) -> None:
        """They receive what they would without."""
        drain = Drain[int]()

        assert [0, 2, 4] == list((each(range(3)) >> double | drain).results())
        assert [0, 2, 4] == sorted(drain.drain())

    def test_comes_although_such_a_drain_is_bounded_and_unread(self) -> None:
        """A bound gives way where all else would stand still."""
        drain = Drain[int](1)

        assert 20 == sum(
            1 for _ in (each(range(20)) >> double | drain).results(limit=2)
        )
        assert 20 == len(drain)


class TestFailures:
    """Failures come after the last success."""

    @both_orders
    def test_come_as_one_group_in_input_order(self, *, ordered: bool) -> None:
        """Every output that there is comes first."""
        results = (each(range(5)) >> odd).results(ordered=ordered)

        assert [1, 3] == sorted([next(results), next(results)])
        with pytest.raises(ExceptionGroup, match="3 workers failed") as caught:
            next(results)

        assert [0, 2, 4] == values_of(caught.value)

    def test_are_raised_once(self) -> None:
        """Then the iterator has ended."""
        results = (each([2]) >> fail).results()
        with pytest.raises(ExceptionGroup):
            next(results)

        assert [] == list(results)
        results.close()

    @pytest.mark.parametrize("ask", [next, list])
    def test_with_cancel_come_bare_and_at_once(
        self, ask: Callable[[Results[int]], object]
    ) -> None:
        """The first cancels the rest, and comes before outputs that wait."""
        source, gate = Counting(), Gate()

        @task
        def fails_at_five(number: int) -> int:
            if number == 5:
                gate.arrive()
                raise ValueError(number)

            return number

        work = each(source) >> fails_at_five
        with Pool(limit=1) as pool:
            results = work.results(pool=pool, buffer=20, on_error="cancel")
            next(results)
            gate.open()
            assert poll(lambda: pool.stats().failed == 1)
            with pytest.raises(ValueError, match=r"^5\b"):
                ask(results)

        assert [] == list(results)
        assert source.given < 10

    @pytest.mark.parametrize("ends", [StopIteration, StopAsyncIteration])
    def test_that_would_end_the_loop_are_raised_as_generators_do(
        self, ends: type[Exception]
    ) -> None:
        """Else a loop would end as if nothing had failed."""

        @task
        def stop(number: int) -> int:
            raise ends(number)

        for take in (next, list):
            results = (each([1]) >> stop).results(on_error="cancel")
            with pytest.raises(RuntimeError, match=f"a task raised {ends.__name__}"):
                take(results)

    @pytest.mark.usefixtures("each_build")
    def test_with_cancel_come_before_outputs_that_one_waited_for(self) -> None:
        """It has been woken for one, and looks again."""
        # 1. A waits for an output.
        # 2. One comes, and wakes it; and before it goes on, another input fails.
        # 3. A goes on.
        outcome, drain = Outcome("cancel", own=True), Drain[int]()
        channel = channel_of(drain)
        outcome.outputs = (channel,)
        waiting = channel.taking(THREADS)
        waiter = next(waiting)
        drain.send(1)
        woken = waiter.woken
        outcome.die(None)
        with pytest.raises(StopIteration) as ended:
            next(waiting)

        assert (True, 0) == (woken, ended.value.value.size)

    def test_with_keep_are_not_raised(self, caplog: pytest.LogCaptureFixture) -> None:
        """Nor logged; they leave no gap."""
        assert [1, 3] == list((each(range(5)) >> odd).results(on_error="keep"))
        assert [] == caplog.records

    def test_of_the_iterable_come_after_what_it_gave(self) -> None:
        """What was taken still runs."""

        def broken() -> Iterator[int]:
            yield 1
            raise OSError

        results = (each(broken()) >> double).results()
        assert 2 == next(results)
        with pytest.raises(ExceptionGroup) as caught:
            next(results)

        assert isinstance(caught.value.exceptions[0], OSError)

    @pytest.mark.parametrize("on_error", ["finish", "cancel", "keep"])
    def test_that_are_no_exceptions_come_as_themselves(self, on_error: str) -> None:
        """SystemExit cancels the rest, and comes out of `next()`."""
        work = each(Counting()) >> leave
        with pytest.raises(SystemExit):
            list(work.results(on_error=on_error))  # type: ignore[arg-type]

    @pytest.mark.usefixtures("fake_clock")
    def test_to_run_come_out_of_next(self) -> None:
        """Where abandoned attempts hold every slot, nothing can come any more."""
        with Gate() as gate:
            work = each([7, 2]) >> at(gate).hold.with_timeout(5)
            results = work.results(limit=1)
            with pytest.raises(PoolStalled, match=r"hold\(7\)"):
                next(results)

            assert [] == list(results)

    def test_to_start_come_out_of_the_first_next(self) -> None:
        """And end the iterator."""
        shut = Drain[int]()
        shut.shut_down()
        results = (each([1]) >> double | shut).results()

        with pytest.raises(DrainClosed):
            next(results)

        assert [] == list(results)


class TestClose:
    """Leaving it early, in every way, cancels what is left and waits for what runs."""

    def test_before_it_began_makes_it_end(self) -> None:
        """Nothing ever starts."""
        source = Counting()
        results = (each(source) >> double).results()
        results.close()

        assert [] == list(results)
        assert 0 == source.given

    def test_waits_for_what_runs(self) -> None:
        """What runs hears that it is to end; when `close` returns no thread is left."""
        ended: list[int] = []

        @task
        def until_cancelled(number: int) -> int:
            try:
                sleep(60)
            finally:
                ended.append(number)

            return number

        @stream
        def first_then(number: int) -> Iterator[int]:
            yield number
            until_cancelled(number)

        before = threading.active_count()
        results = (each([1]) >> first_then).results()
        assert 1 == next(results)
        results.close()
        results.close()

        assert [1] == ended
        assert before == threading.active_count()
        assert [] == list(results)

    def test_while_it_begins_ends_it(self) -> None:
        """What begins at that moment is left, and the iterator has ended."""
        box: list[Results[int]] = []

        class Closing:
            def __iter__(self) -> Iterator[int]:
                box[0].close()
                return iter(range(9))

        box.append((each(Closing()) >> double).results())
        assert [] == list(box[0])

        drain = Drain[int]()
        with Pool() as pool:
            box[0] = (each(Closing()) >> double | drain).results(pool=pool)
            assert [] == list(box[0])

        assert pool.stats().in_progress == 0

    def test_drops_what_waits_for_a_retry_but_that_of_others(
        self, fake_clock: FakeClock
    ) -> None:
        """Work of the pool that waits for its next attempt is none of its business."""
        fake_clock.hold()
        with Pool(limit=1, retry=2, backoff=60, on_error="keep") as pool:
            pool.go(each(range(3)) >> fail)
            assert poll(lambda: pool.stats().waiting_for_retry == 3)
            results = (each(range(1, 4)) >> odd).results(pool=pool)
            assert 1 == next(results)
            assert poll(lambda: pool.stats().waiting_for_retry == 4)
            results.close()

            assert 3 == pool.stats().waiting_for_retry
            pool.cancel()
            with pytest.raises(PoolCancelled):
                pool.wait()

    def test_frees_all_of_it(self) -> None:
        """With failures that were raised, and dropped in the middle."""

        def use() -> weakref.ref[object]:
            results = (each(range(3)) >> odd).results()
            with pytest.raises(ExceptionGroup):
                list(results)

            return weakref.ref(results._engine)  # type: ignore[attr-defined]  # noqa: SLF001

        def drop() -> weakref.ref[object]:
            results = (each(Counting()) >> double).results()
            next(results)
            return weakref.ref(results._engine)  # type: ignore[attr-defined]  # noqa: SLF001

        gc.disable()
        try:
            dropped = drop()
            assert poll(lambda: dropped() is None)
        finally:
            gc.enable()

        used = use()
        gc.collect()
        assert poll(lambda: used() is None)

    def test_lets_go_of_the_iterable(self) -> None:
        """A generator is closed when nobody reads it any more."""
        source = Counting()
        with (each(source) >> double).results() as results:
            next(results)

        assert [] == list(results)
        del results
        gc.collect()
        assert source.closed

    def test_by_an_exception_in_the_body_lets_that_go_on(self) -> None:
        """The `with` block adds nothing to it."""
        before = threading.active_count()

        def read() -> None:
            with (each(Counting()) >> double).results() as results:
                raise KeyError(next(results))

        with pytest.raises(KeyError):
            read()

        assert before == threading.active_count()

    def test_by_break_and_drop_ends_the_threads(self) -> None:
        """A loop over results that nobody else has drops them when it ends."""
        source, before = Counting(), threading.active_count()
        for _ in (each(source) >> double).results():
            break

        assert poll(lambda: threading.active_count() == before)
        assert source.given < 100

    def test_that_is_interrupted_leaves_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A second Ctrl-C waits for nothing any more; what is left ends alone."""
        before = threading.active_count()
        results = (each(Counting()) >> double).results()
        next(results)
        engine = results._engine  # type: ignore[attr-defined]  # noqa: SLF001

        def interrupted(*args: object, **kwargs: object) -> bool:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(engine, "waiting", interrupted)
            with pytest.raises(KeyboardInterrupt):
                results.close()

        assert [] == list(results)
        del results, engine
        assert poll(lambda: threading.active_count() == before)

    def test_of_a_stage_can_be_repeated(self) -> None:
        """Cancelling what was cancelled does nothing, while some of it still runs."""
        numbers = filled(1, 2, 3)
        with Gate() as gate, Pool(limit=1) as pool:
            results = (numbers >> at(gate).hold).results(pool=pool)
            taker = threading.Thread(target=lambda: [None for _ in results])
            taker.start()
            gate.wait_for()
            closer = threading.Thread(target=results.close)
            closer.start()
            assert poll(lambda: not pool._engine.scheduler.graph.awake[0].may_start)  # noqa: SLF001
            pool.cancel()
            gate.open()
            closer.join()
            taker.join()

            assert [2, 3] == list(numbers)

    def test_by_drop_never_waits(self) -> None:
        """A worker that does not listen goes on to its end, alone."""
        with Gate() as gate:

            @task
            def hold_all_but_first(number: int) -> int:
                if number:
                    gate.arrive()

                return number

            results = (each(range(9)) >> hold_all_but_first).results(limit=2)
            next(results)
            gate.wait_for()
            del results

            assert not gate._open.is_set()  # noqa: SLF001  (we came here before it ended)

    def test_by_drop_in_a_cycle_ends_the_threads(self) -> None:
        """The collector ends them."""
        before = threading.active_count()
        holder: list[object] = [holder_of := (each(Counting()) >> double).results()]
        next(holder_of)
        holder.append(holder)
        del holder, holder_of
        gc.collect()

        assert poll(lambda: threading.active_count() == before)

    def test_leaves_in_its_drain_what_a_stage_has_not_taken(self) -> None:
        """Values stay in a drain until taken."""
        numbers = Drain[int]()
        for number in range(100):
            numbers.send(number)

        with (numbers >> double).results(limit=1, buffer=1) as results:
            assert 0 == next(results)

        left = list(numbers)
        assert left == list(range(100 - len(left), 100))
        assert len(left) > 90

    def test_logs_failures_that_nobody_was_shown(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """At WARNING, with task and input."""
        with (each(range(1, 3)) >> odd >> double).results(limit=1) as results:
            assert 2 == next(results)
            assert poll(lambda: "odd" in caplog.text or not results._outcome.awake)  # type: ignore[attr-defined]  # noqa: SLF001

        assert [logging.WARNING] == [record.levelno for record in caplog.records]
        assert "odd(2)" in caplog.text

    def test_by_drop_logs_them_once_nothing_runs(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """By whoever ends last."""
        with Gate() as gate:

            @task
            def fail_late(number: int) -> int:
                if number:
                    gate.arrive()
                    raise ValueError(number)

                return number

            results = (each(range(2)) >> fail_late).results(limit=2)
            next(results)
            gate.wait_for()
            del results
            assert [] == caplog.records

        assert poll(lambda: "fail_late(1)" in caplog.text)

    def test_by_ctrl_c_in_next_ends_everything(self) -> None:
        """The first cancels, waits for what runs, and goes on as KeyboardInterrupt."""
        source = """
            import threading
            from fluent_async import each, sleep, task

            @task
            def wait(number: int) -> int:
                print("runs", flush=True)
                sleep(60)
                return number

            results = (each([1, 2]) >> wait).results(limit=1)
            try:
                next(results)
            except KeyboardInterrupt:
                print(threading.active_count(), list(results), flush=True)
            """
        with start_child(source) as child:
            child.wait_for("runs")
            child.interrupt()
            done = child.finish()

        assert "1 []" == done.stdout.splitlines()[-1]
        assert 0 == done.returncode


class TestInAPool:
    """With `pool=` it runs inside that pool's limit, and has failures of its own."""

    def test_keeps_to_its_limit(self) -> None:
        """Its work and that of `go()` share the slots."""
        with Gate() as gate, Pool(limit=2) as pool:
            hold = at(gate).hold
            pool.go(each(range(2)) >> hold)
            gate.wait_for(2)
            results = (each(range(2)) >> hold).results(pool=pool)
            taker = threading.Thread(target=lambda: [None for _ in results])
            taker.start()
            gate.assert_nobody_arrives()
            gate.open()
            taker.join()

    @pytest.mark.parametrize("depth", [1, 2, 5, 30])
    @both_orders
    def test_works_in_a_worker_of_it_at_limit_1(
        self, depth: int, *, ordered: bool
    ) -> None:
        """The worker that waits for outputs lends its slot, at any depth."""
        pool = Pool(limit=1)

        @task
        def down(level: int) -> int:
            if level == 0:
                return 0

            work = each([level - 1, level - 1][: 1 + (depth < 6)]) >> down
            return 1 + sum(work.results(pool=pool, ordered=ordered))

        with pool:
            [total] = (each([depth]) >> down).results(pool=pool)

        assert total == (depth if depth >= 6 else 2**depth - 1)

    def test_leaves_the_pool_usable(self) -> None:
        """Again and again, and beside other work."""
        drain = Drain[int]()
        with Pool(limit=2) as pool:
            for _ in range(3):
                pool.go(1 >> double | drain)
                assert [4, 6] == list((each([2, 3]) >> double).results(pool=pool))

        assert [2, 2, 2] == drain.drain()

    def test_has_failures_of_its_own(self) -> None:
        """They are neither in `errors()` nor raised by `wait()`."""
        with Pool() as pool:
            with pytest.raises(ExceptionGroup, match="1 worker failed"):
                list((each([1]) >> fail).results(pool=pool))

            assert () == pool.errors()
            pool.wait()

    def test_does_not_tell_of_those_of_the_pool(self) -> None:
        """Work of `go()` that fails meanwhile is told by `wait()`."""
        pool = Pool(limit=1)
        pool.go(1 >> fail)

        assert [4] == list((each([2]) >> double).results(pool=pool))
        with pytest.raises(ExceptionGroup, match="1 worker failed"):
            pool.wait()

        pool.close()

    def test_is_not_cancelled_by_failures_of_the_pool(self) -> None:
        """`on_error="cancel"` of a pool is about what `go()` was given, and so the other way."""
        with Gate() as gate:
            pool = Pool(limit=2, on_error="cancel")
            results = (each([7]) >> at(gate).hold).results(pool=pool)
            got: list[int] = []
            taker = threading.Thread(target=lambda: got.extend(results))
            taker.start()
            gate.wait_for()
            pool.go(1 >> fail)
            with pytest.raises(ValueError, match=r"^1\b"):
                pool.wait()

            gate.open()
            taker.join()
            pool.close()

        assert [7] == got

    def test_cancels_no_work_of_the_pool(self) -> None:
        """Closing results is about their work alone."""
        drain = Drain[int]()
        with Gate() as gate, Pool(limit=3) as pool:
            pool.go(each([1]) >> at(gate).hold | drain)
            gate.wait_for()
            with (each(Counting()) >> double).results(pool=pool) as results:
                next(results)

            gate.open()

        assert [1] == drain.drain()

    def test_is_cancelled_with_the_pool(self) -> None:
        """`pool.cancel()` ends the iterator with PoolCancelled, after what there is."""
        with Pool(limit=2) as pool:
            results = (each(Counting()) >> double).results(pool=pool)
            first = next(results)
            pool.cancel()
            with pytest.raises(PoolCancelled):
                list(results)

            assert 0 == first
            assert [] == list(results)
            pool.wait()  # its own work was not cancelled: there was none

    def test_is_not_waited_for_by_wait(self) -> None:
        """`wait()` is about what `go()` was given; `close()` is about all."""
        with Gate() as gate:
            pool = Pool(limit=2)
            results = (each(range(2)) >> at(gate).hold).results(pool=pool)
            taker = threading.Thread(target=lambda: [None for _ in results])
            taker.start()
            gate.wait_for(2)
            pool.wait()
            gate.open()
            taker.join()
            pool.close()

    def test_is_run_to_its_end_by_close(self) -> None:
        """What was accepted is waited for; a bound gives way if nobody reads."""
        pool = Pool(limit=2)
        results = (each(range(100)) >> double).results(pool=pool, buffer=1)
        first = next(results)
        pool.close()

        assert list(range(0, 200, 2)) == [first, *results]

    def test_of_a_closed_pool_fails_when_it_starts(self) -> None:
        """At the first `next()`, like `go()`."""
        pool = Pool()
        results = (each([1]) >> double).results(pool=pool)
        pool.close()

        with pytest.raises(PoolClosed):
            next(results)

    def test_counts_in_its_stats(self) -> None:
        """Accounts are the pool's."""
        with Pool(limit=1) as pool:
            assert 5 == len(list((each(range(5)) >> double).results(pool=pool)))
            stats = pool.stats()

        assert (5, 5) == (stats.accepted, stats.succeeded)

    def test_in_a_worker_that_is_cancelled_raises_cancelled(self) -> None:
        """And cancels its work in turn."""
        told: list[bool] = []
        with Gate() as gate, Pool(limit=2) as pool:

            @task
            def inner(number: int) -> int:
                gate.arrive()
                told.append(cancelled())
                return number

            @task
            def outer(number: int) -> list[int]:
                return list((each([number]) >> inner).results(pool=pool))

            pool.go(1 >> outer)
            gate.wait_for()
            pool.cancel()
            gate.open()
            with pytest.raises(PoolCancelled):
                pool.wait()

        assert [True] == told


class TestThreads:
    """Several threads may iterate; a worker may not wait for itself."""

    def test_loops_and_next_take_turns(self) -> None:
        """Each goes on where another one stopped, be that in the middle of a run."""
        results = (each(range(100)) >> double).results(limit=1, buffer=50)
        got = [next(results)]
        for value in results:
            got.append(value)
            if value == 20:
                break

        loop = iter(results)
        got += [next(results), next(loop), next(results), *loop]

        assert list(range(0, 200, 2)) == got

    @pytest.mark.skipif(
        not GIL, reason="what a thread made is freed there when that runs again"
    )
    def test_a_loop_keeps_no_output_alive(self) -> None:
        """Neither the one that it gave last, nor any before."""

        class Output:
            pass

        @task
        def make(number: int) -> Output:
            return Output()

        seen: list[weakref.ref[Output]] = []
        for output in (each(range(50)) >> make).results(limit=1):
            seen.append(weakref.ref(output))
            del output
            assert [ref for ref in seen if ref() is not None] == []

    def test_close_leaves_nothing_to_who_waits(self) -> None:
        """Outputs that waited for their turn are dropped, not given without the first."""
        with Gate() as gate:

            @task
            def wait_at_first(number: int) -> int:
                if not number:
                    gate.arrive()

                return number

            with Pool(8) as pool:
                results = (each(range(8)) >> wait_at_first).results(pool=pool)
                reader = beside(lambda: list(results))
                gate.wait_for(1)
                assert poll(lambda: pool.stats().in_progress == 1)
                closing = beside(results.close)
                assert poll(lambda: "ended" in repr(results))
                gate.open()
                closing.result(TIMEOUT)

                assert [] == reader.result(TIMEOUT)

    @both_orders
    def test_each_output_goes_to_one(self, *, ordered: bool) -> None:
        """Together they have all."""
        results = (each(range(2000)) >> double).results(limit=4, ordered=ordered)
        got: list[list[int]] = [[], [], []]
        threads = [
            threading.Thread(target=lambda mine=mine: mine.extend(results))
            for mine in got
        ]
        for thread in threads:
            thread.start()

        for thread in threads:
            thread.join()

        assert list(range(0, 4000, 2)) == sorted(chain.from_iterable(got))
        if ordered:
            assert all(mine == sorted(mine) for mine in got)

    def test_failures_are_told_to_one(self) -> None:
        """For the others it has ended."""
        results = (each([1]) >> fail).results()
        told: list[str] = []

        def take() -> None:
            try:
                told.append(f"{list(results)}")
            except ExceptionGroup:
                told.append("raised")

        threads = [threading.Thread(target=take) for _ in range(3)]
        for thread in threads:
            thread.start()

        for thread in threads:
            thread.join()

        assert ["[]", "[]", "raised"] == sorted(told)

    def test_close_ends_the_wait_of_another(self) -> None:
        """A thread in `next()` hears the end."""
        got: list[list[int]] = []
        with Gate() as gate:

            @task
            def hold(number: int) -> int:
                gate.arrive()
                return number

            results = (each([1]) >> hold).results()
            taker = threading.Thread(target=lambda: got.append(list(results)))
            taker.start()
            gate.wait_for()
            closer = threading.Thread(target=results.close)
            closer.start()
            gate.open()
            closer.join()
            taker.join()

        assert got in ([[]], [[1]])

    @pytest.mark.parametrize("call", ["next", "close"])
    def test_a_worker_of_it_can_not_wait_for_it(self, call: str) -> None:
        """RuntimeError, since it would wait for itself."""
        box: list[Results[str]] = []

        @task
        def wait_for_itself(number: int) -> str:
            with pytest.raises(RuntimeError, match="would wait for itself"):
                next(box[0]) if call == "next" else box[0].close()

            return "refused"

        box.append((each([1]) >> wait_for_itself).results())

        assert ["refused"] == list(box[0])

    def test_its_iterable_can_not_wait_for_it(self) -> None:
        """The same for the code that makes its inputs."""
        box: list[Results[int]] = []

        def values() -> Iterator[int]:
            yield 1
            yield next(box[0])

        box.append((each(values()) >> double).results())
        with pytest.raises(ExceptionGroup) as caught:
            list(box[0])

        assert isinstance(caught.value.exceptions[0], RuntimeError)


class TestArguments:
    """Bad arguments fail at once, in the caller's frame."""

    def test_limit_and_pool_exclude_each_other(self) -> None:
        """The pool has a limit."""
        with (
            Pool() as pool,
            pytest.raises(ValueError, match="limit can't be given with"),
        ):
            (each([1]) >> double).results(pool=pool, limit=2)

    def test_is_told_by_repr(self) -> None:
        """What it is at."""
        results = (each([1, 2]) >> double).results()
        told = [repr(results)]
        next(results)
        told.append(repr(results))
        results.close()
        told.append(repr(results))

        assert ["<results, not started>", "<results, open>", "<results, ended>"] == told


def test_many_workers_with_several_arguments() -> None:
    """A batch of workers gives results like any other."""

    @task
    def add(left: int, right: int) -> int:
        return left + right

    workers: list[Worker[int]] = [add.with_input(n, right=n) for n in range(100)]

    assert list(range(0, 200, 2)) == list(Workers(workers).results(limit=4))


@settings(max_examples=60)
@given(
    size=st.integers(0, 60),
    limit=st.sampled_from([1, 2, 5]),
    buffer=st.sampled_from([None, 1, 3, 100]),
    called=st.sampled_from([ones, thirds, ones.with_retry(2)]),
    ordered=st.booleans(),
    shared=st.booleans(),
)
def test_results_are_what_the_calls_give(
    size: int,
    limit: int,
    buffer: int | None,
    called: Takes[int, int],
    *,
    ordered: bool,
    shared: bool,
) -> None:
    """In any pool, with any read-ahead, whatever fails: nothing lost, doubled or moved."""
    good = [number for number in range(size) if number % 7]
    expected = [n for n in good for _ in range(n % 3)] if called is thirds else good
    work, got, failed = each(range(size)) >> called, list[int](), list[int]()
    with Pool(limit) as pool:
        place = {"pool": pool} if shared else {"limit": limit}
        results = work.results(ordered=ordered, buffer=buffer, **place)
        try:
            for output in results:
                got.append(output)
        except* ValueError as group:
            failed = values_of(group)

    assert expected == (got if ordered else sorted(got))
    assert list(range(0, size, 7)) == failed


@pytest.mark.parametrize("times", range(5))
def test_many_threads_share_a_pool(times: int) -> None:
    """Each takes its own results, and some leave theirs early."""
    before = threading.active_count()
    with Pool(limit=3) as pool:

        def use(size: int) -> None:
            work = each(range(size)) >> double
            with work.results(pool=pool, buffer=2, ordered=size % 2 == 0) as results:
                first = [output for _, output in zip(range(size // 2), results)]  # noqa: B905
                assert len(first) == size // 2

        threads = [threading.Thread(target=use, args=(size,)) for size in range(40)]
        for thread in threads:
            thread.start()

        for thread in threads:
            thread.join()

        assert 0 == pool.stats().in_progress

    assert before == threading.active_count()
