"""Faults: what docs/faults.md lists and no other file is about."""

import _thread
import gc
import itertools
import operator
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from contextvars import ContextVar
from weakref import ref

import pytest
from typing_extensions import override

from fluent_async import Args, Drain, Pool, each, run, stream, task
from fluent_async._monitor import inside
from fluent_async._outcome import Outcome
from fluent_async._scheduler import Scheduler
from fluent_async._stage import Stage
from fluent_async.errors import DrainClosed, PoolCancelled
from support import TIMEOUT, Gate, poll, run_child
from work import double, fail


class TestErrors:
    """Whatever is raised comes out, once, and the pool works on."""

    def test_of_classes_that_cannot_be_copied_come_out(self) -> None:
        """E7: nothing makes the exception anew."""

        class AwkwardError(Exception):
            def __init__(self, one: int, two: int) -> None:
                super().__init__(f"{one}, {two}")

            @override
            def __reduce__(self) -> str:
                raise TypeError

        raised = AwkwardError(1, 2)

        @task
        def act() -> None:
            raise raised

        with pytest.raises(ExceptionGroup) as caught:
            run(act)

        assert raised is caught.value.exceptions[0]

    @pytest.mark.parametrize("kind", [StopIteration, StopAsyncIteration])
    def test_that_end_iterations_end_none(self, kind: type[Exception]) -> None:
        """E8: StopIteration of a task is a failure; the other inputs run."""

        @task
        def act(number: int) -> int:
            if number == 1:
                raise kind

            return number

        done = Drain[int](ordered=True)
        with Pool(on_error="keep") as pool:
            pool.go(each(range(4)) >> act | done)
            pool.wait()
            (failure,) = pool.errors()

        assert kind is type(failure.exception)
        assert [0, 2, 3] == done.drain()

    @pytest.mark.slow
    def test_by_the_ten_thousand_are_one_group(self) -> None:
        """E11: each failure is in the group, which is made in one piece."""
        with pytest.raises(ExceptionGroup) as caught:
            run(each(range(10_000)) >> fail)

        numbers = [error.args[0] for error in caught.value.exceptions]
        assert list(range(10_000)) == numbers

    def test_of_task_and_sink_are_both_raised(self) -> None:
        """E13: none hides another."""

        class Full:
            def send(self, value: int) -> None:
                raise OSError(value)

        with pytest.raises(ExceptionGroup) as caught:
            run(1 >> fail, (2 >> double).drain_to(Full()))

        assert [ValueError, OSError] == [type(e) for e in caught.value.exceptions]

    @pytest.mark.parametrize("kind", [MemoryError, RecursionError])
    def test_of_the_interpreter_end_no_thread(self, kind: type[Exception]) -> None:
        """E16: the next input runs on the one thread there is."""

        @task
        def act(number: int) -> int:
            if number:
                return number

            if kind is RecursionError:
                act(0)

            raise kind

        done = Drain[int]()
        with Pool(limit=1, on_error="keep") as pool:
            pool.go(each([0, 1]) >> act | done)
            pool.wait()
            (failure,) = pool.errors()

        assert kind is type(failure.exception)
        assert [1] == done.drain()

    def test_of_what_is_left_of_an_iterable_end_nothing(
        self, errors_recorded: list[BaseException | None]
    ) -> None:
        """E18, M4: a generator that raises when it is closed is reported by Python."""

        def numbers() -> Iterator[int]:
            try:
                yield from itertools.count()
            finally:
                raise LookupError

        with Pool(limit=1, on_error="cancel") as pool, suppress(ValueError):
            pool.go(each(numbers()) >> fail)
            pool.wait()

        del pool
        gc.collect()
        assert poll(lambda: bool(errors_recorded))
        assert {LookupError} == {type(error) for error in errors_recorded}
        errors_recorded.clear()

    @pytest.mark.slow
    def test_at_the_same_instant_are_never_lost(self) -> None:
        """E19: with "cancel" one of them comes out; with "finish" both do."""
        for _ in range(200):
            meet = threading.Barrier(2)

            @task
            def act(number: int, meet: threading.Barrier = meet) -> None:
                meet.wait(TIMEOUT)
                raise ValueError(number)

            with pytest.raises(ExceptionGroup) as caught:
                run(each(range(2)) >> act, limit=2)

            assert 2 == len(caught.value.exceptions)
            with pytest.raises(ValueError, match=r"[01]"):
                run(each(range(2)) >> act, limit=2, on_error="cancel")


class TestOutputs:
    """What comes out does so as it is ready, and each attempt has its own context."""

    def test_come_as_their_inputs_end(self) -> None:
        """O3: a drain gets them in that order, and each once."""
        first, second = Gate(), Gate()

        @task
        def act(number: int) -> int:
            (first, second)[number].arrive()
            return number

        done = Drain[int]()
        with Pool(limit=2) as pool:
            pool.go(each(range(2)) >> act | done)
            first.wait_for()
            second.wait_for()
            second.open()
            came = list(itertools.islice(done, 1))
            first.open()

        assert [1, 0] == [*came, *done.drain()]

    def test_of_one_context_may_be_made_at_once(self) -> None:
        """V4: two attempts of one `go()` run in copies, not in that context itself."""
        variable = ContextVar("variable", default=0)
        variable.set(1)
        meet = threading.Barrier(2)

        @task
        def act(number: int) -> int:
            before = variable.get()
            meet.wait(TIMEOUT)
            variable.set(10 + number)
            meet.wait(TIMEOUT)
            return before + variable.get()

        assert [11, 12] == run(each(range(2)) >> act, limit=2)


class TestCancel:
    """Cancelling at any moment leaves nothing behind."""

    @pytest.mark.slow
    def test_and_close_at_once_never_hang(self) -> None:
        """C2: whatever was queued or about to run then."""
        for limit in range(200):
            pool = Pool(limit=1 + limit % 3)
            pool.go(each(range(5)) >> double)
            pool.cancel()
            pool.close()

            stats = pool.stats()
            assert (0, 0) == (stats.in_progress, stats.threads)


class TestSignals:
    """What a program does with signals stays its own affair."""

    @pytest.mark.parametrize(
        ("act", "says"),
        [
            ("sys.exit(5)", "out 5"),
            ("pool.cancel()", "cancelled"),
            ("pool.close()", "done"),
        ],
    )
    @pytest.mark.parametrize("at", ["while True: pool.go(1 >> nap)", "pool.wait()"])
    def test_may_end_a_pool_from_a_handler(self, act: str, says: str, at: str) -> None:
        """K6: a handler of SIGTERM may raise, cancel or close, wherever it interrupts."""
        script = f"""
            import os, signal, sys, threading
            from fluent_async import Pool, each, sleep, task
            from fluent_async.errors import PoolCancelled, PoolClosed

            inside = threading.Event()

            @task
            def nap(number: int) -> None:
                inside.wait()
                if number == 9:
                    os.kill(os.getpid(), signal.SIGTERM)

                sleep(0.001)

            def handle(*_: object) -> None:
                {act}

            pool = Pool(limit=2)
            signal.signal(signal.SIGTERM, handle)
            pool.go(each(range(300)) >> nap)
            try:
                with pool:
                    inside.set()
                    {at}
            except SystemExit as exit:
                print("out", exit.code)
            except PoolCancelled:
                print("cancelled")
            except PoolClosed:
                print("done")
            else:
                print("done")
        """
        if act == "pool.cancel()" and at.startswith("while"):
            script = script.replace("while True", "while not pool.stats().cancelled")

        # What measures coverage has a lock, which a handler may interrupt.
        ended = run_child(script, alone=True)

        assert (f"{says}\n", "") == (ended.stdout, ended.stderr)

    def test_leave_pools_of_other_threads_alone(self) -> None:
        """K8: Ctrl-C is the main thread's; the work of others goes on."""
        script = """
            import signal, threading
            from fluent_async import each, run, task

            @task
            def double(number: int) -> int:
                return 2 * number

            def work() -> None:
                for _ in range(50):
                    assert run(each(range(3)) >> double) == [0, 2, 4]

                print("done")

            other = threading.Thread(target=work)
            other.start()
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                other.join()
        """
        ended = run_child(script)

        assert ("done\n", "") == (ended.stdout, ended.stderr)

    def test_may_be_sent_by_a_task(self) -> None:
        """K9: the main thread is interrupted, and the task ends as it does."""
        script = """
            import _thread
            from fluent_async import Drain, Pool, sleep, task

            @task
            def act() -> int:
                _thread.interrupt_main()
                return 1

            done = Drain[int]()
            try:
                with Pool(limit=1) as pool:
                    pool.go(act | done)
                    while True:
                        sleep(0.001)
            except KeyboardInterrupt:
                stats = pool.stats()
                print(done.drain(), stats.succeeded, stats.in_progress)
        """
        ended = run_child(script)

        assert ("[1] 1 0\n", "") == (ended.stdout, ended.stderr)


class TestNesting:
    """Work may give work, wait for it, and be deep."""

    def test_pools_within_pools_work(self) -> None:
        """N1: a task may have a pool of its own, and its tasks theirs."""

        @task
        def nest(depth: int) -> int:
            return 1 + run((depth - 1) >> nest, limit=1)[0] if depth else 0

        assert [5] == run(5 >> nest)

    @pytest.mark.parametrize("depth", [1, 500])
    def test_work_that_waits_for_work_of_its_own_pool_lends_its_slot(
        self, depth: int
    ) -> None:
        """N2: one slot is enough for any depth."""
        pool = Pool(limit=1)

        @task
        def nest(depth: int) -> int:
            if not depth:
                return 0

            below = Drain[int]()
            pool.go((depth - 1) >> nest | below)
            return 1 + below.drain()[0]

        result = Drain[int]()
        with pool:
            pool.go(depth >> nest | result)

        assert [depth] == result.drain()

    def test_pools_may_wait_for_each_other(self) -> None:
        """N3: what waits lends its slot to whoever the other pool sends back."""
        ones, twos = Pool(limit=1), Pool(limit=1)

        @task
        def nest(depth: int) -> int:
            if not depth:
                return 0

            below = Drain[int]()
            (ones, twos)[depth % 2].go((depth - 1) >> nest | below)
            return 1 + below.drain()[0]

        result = Drain[int]()
        with ones, twos:
            ones.go(20 >> nest | result)
            assert [20] == result.drain()

    def test_failures_of_deep_pools_come_out_flat_at_each_depth(self) -> None:
        """E12: a group has what failed in it, and can be split at any depth."""

        @task
        def nest(depth: int) -> None:
            if not depth:
                raise LookupError

            run((depth - 1) >> nest, limit=1)

        with pytest.raises(ExceptionGroup) as caught:
            run(50 >> nest)

        matched, rest = caught.value.split(LookupError)
        assert (True, None) == (matched is not None, rest)

    @pytest.mark.slow
    def test_a_thousand_stages_work(self) -> None:
        """N9: a pipeline of any length recurses nowhere."""
        drains = [Drain[int](maxsize=1) for _ in range(1000)]
        last = Drain[int]()
        with Pool(limit=1) as pool:
            ends = [*drains[1:], last]
            stages = map(lambda a, b: a >> double_back | b, drains, ends)
            pool.go(*stages)
            drains[0].send(1)

        assert [1] == last.drain()

    @pytest.mark.slow
    def test_a_task_may_give_itself_again_and_again(self) -> None:
        """N10: giving work does not nest; nothing grows."""
        pool, done = Pool(limit=1), list[int]()

        @task
        def again(left: int) -> None:
            if left:
                pool.go((left - 1) >> again)
            else:
                done.append(left)

        with pool:
            pool.go(3000 >> again)

        assert [0] == done

    def test_may_come_from_a_finalizer_in_a_decision(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """N5: `__del__` may send, cancel, shut and look, in the middle of any call."""
        drain, other, last = Drain[int](), Pool(), Drain[int]()
        within = list[bool]()

        class Dropped:
            def __del__(self) -> None:
                within.append(inside())
                drain.send(1)
                len(drain)
                other.cancel()
                last.shut_down()

        add = Scheduler.add

        def interrupted(
            scheduler: Scheduler, stages: list[Stage], outcome: Outcome | None
        ) -> None:
            Dropped()
            add(scheduler, stages, outcome)

        monkeypatch.setattr(Scheduler, "add", interrupted)
        with other, Pool(limit=2) as pool:
            for _ in range(5):
                pool.go(each(range(3)) >> double | Drain[int]())
                pool.wait()

        assert [True] * 5 == within
        assert 5 == len(drain)
        with pytest.raises(DrainClosed):
            last.send(1)

    def test_may_come_from_a_profiler_at_any_moment(self) -> None:
        """N6: a hook that runs between any two steps may send as well."""
        drain, pool, seen = Drain[int](), Pool(limit=2), list[int]()

        def hook(frame: object, event: str, _: object) -> None:
            sys.setprofile(None)
            drain.send(1)
            seen.append(1)
            sys.setprofile(hook)

        sys.setprofile(hook)
        try:
            with pool:
                pool.go(each(range(3)) >> double)
        finally:
            sys.setprofile(None)

        assert len(seen) == len(drain) > 10


double_back = task(operator.pos)


class TestMemory:
    """Nothing grows."""

    @pytest.mark.slow
    def test_pools_in_a_row_leave_no_cycle(self) -> None:
        """M6, M11, M12: the collector finds nothing to do, and objects do not pile up."""
        script = """
            import gc
            from contextlib import suppress
            from fluent_async import Drain, Pool, each, task
            from fluent_async.errors import PoolCancelled

            @task
            def double(number: int) -> int:
                return 2 * number

            @task
            def fail(number: int) -> int:
                raise ValueError(number)

            def rounds(count: int) -> None:
                for _ in range(count):
                    with suppress(ExceptionGroup, PoolCancelled), Pool(limit=2) as pool:
                        pool.go(each([1]) >> double | Drain[int](), 2 >> fail)

            rounds(20)
            gc.collect()
            gc.disable()
            before = len(gc.get_objects())
            rounds(100)
            print(len(gc.get_objects()) - before < 100, gc.collect())
        """
        ended = run_child(script, alone=True)

        assert ("True 0\n", "") == (ended.stdout, ended.stderr)

    @pytest.mark.slow
    def test_pools_in_a_row_leave_nothing_to_the_system(self) -> None:
        """L13: threads, descriptors and memory are as before."""
        script = """
            import os, resource, threading
            from fluent_async import Drain, Pool, each, task

            @task
            def double(number: int) -> int:
                return 2 * number

            def rounds(count: int) -> None:
                for _ in range(count):
                    with Pool(limit=2) as pool:
                        pool.go(each(range(3)) >> double | Drain[int]())

            def peak() -> int:
                return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

            rounds(1000)
            files, before = os.listdir("/proc/self/fd"), peak()
            rounds(1000)
            assert peak() - before < 1024, (before, peak())
            assert len(os.listdir("/proc/self/fd")) == len(files)
            print(threading.active_count())
        """
        ended = run_child(script, timeout=50, alone=True)

        assert ("1\n", "") == (ended.stdout, ended.stderr)

    @pytest.mark.slow
    def test_a_million_inputs_leave_nothing(self) -> None:
        """M7, H1: what ran takes no memory any more."""
        script = """
            import resource
            from fluent_async import Pool, each, task

            @task
            def double(number: int) -> int:
                return 2 * number

            def peak() -> int:
                return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

            with Pool(limit=4) as pool:
                pool.go(each(range(100_000)) >> double).wait()
                before = peak()
                pool.go(each(range(900_000)) >> double).wait()
                assert peak() - before < 5 * 1024, (before, peak())
                print(pool.stats().succeeded)
        """
        ended = run_child(script, timeout=50)

        assert ("1000000\n", "") == (ended.stdout, ended.stderr)

    @pytest.mark.slow
    def test_an_unbounded_drain_takes_what_its_values_take(self) -> None:
        """P8: a value that waits costs a reference, and no more than 120 bytes."""
        script = """
            import tracemalloc
            from fluent_async import Drain, Pool, each, task

            @task
            def same(number: int) -> None:
                return None

            done = Drain[None]()
            tracemalloc.start()
            with Pool(limit=2) as pool:
                pool.go(each(range(100_000)) >> same | done)

            print(len(done), tracemalloc.get_traced_memory()[0] // len(done) < 120)
        """
        ended = run_child(script, timeout=50, alone=True)

        assert ("100000 True\n", "") == (ended.stdout, ended.stderr)

    def test_what_a_failed_task_had_is_freed(self) -> None:
        """M5: once the exception is handled, without the collector."""

        class Big:
            pass

        seen = list[ref[Big]]()

        @task
        def act(number: int) -> None:
            big = Big()
            seen.append(ref(big))
            raise ValueError(number)

        gc.collect()
        gc.disable()
        try:
            with suppress(ExceptionGroup):
                run(each(range(3)) >> act)

            assert poll(lambda: all(made() is None for made in seen), timeout=1.0)
        finally:
            gc.enable()

        assert 3 == len(seen)

    def test_outputs_are_never_copied(self) -> None:
        """H5: what a task returns is what a drain gives."""
        big = bytearray(1_000_000)
        done = Drain[bytearray]()

        @task
        def act(value: bytearray) -> bytearray:
            return value

        with Pool() as pool:
            pool.go(big >> act >> act | done)

        assert big is done.drain()[0]

    def test_drains_and_tasks_have_no_threads(self) -> None:
        """H8: ten thousand of each are so many objects."""
        before = _thread._count()  # noqa: SLF001
        drains = [Drain[int]() for _ in range(10_000)]
        tasks = [double.named(str(number)) for number in range(10_000)]

        assert before >= _thread._count()  # noqa: SLF001
        assert (10_000, 10_000) == (len(drains), len(tasks))

    def test_an_idle_pool_costs_nothing(self) -> None:
        """L14: after a burst its threads are parked, and look at nothing."""
        script = """
            import resource, time
            from fluent_async import Pool, each, sleep, task

            @task
            def nap(number: int) -> None:
                sleep(0.001)

            def spent() -> float:
                usage = resource.getrusage(resource.RUSAGE_SELF)
                return usage.ru_utime + usage.ru_stime

            with Pool(limit=32) as pool:
                pool.go(each(range(64)) >> nap).wait()
                sleep(0.1)
                before = spent()
                sleep(1.0)
                print(spent() - before < 0.01)
        """
        ended = run_child(script)

        assert ("True\n", "") == (ended.stdout, ended.stderr)


class TestSize:
    """The other side may be large, or endless."""

    def test_of_an_endless_iterable_is_no_matter(self) -> None:
        """H3: outputs come while it goes on, and it ends with the pool."""
        done = Drain[int](maxsize=10)
        with suppress(PoolCancelled), Pool(limit=2) as pool:
            pool.go(each(itertools.count()) >> double | done)
            first = list(itertools.islice(done, 100))
            pool.cancel()

        assert 100 == len(set(first))

    def test_of_a_limit_beyond_what_the_system_gives_is_no_matter(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """H6: with fewer threads than slots everything runs all the same."""
        start, started = threading.Thread.start, list[threading.Thread]()

        def limited(thread: threading.Thread) -> None:
            if len(started) >= 3:
                raise RuntimeError("can't start new thread")

            started.append(thread)
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", limited)
        done = Drain[int](ordered=True)
        with Pool(limit=10_000) as pool:
            pool.go(each(range(100)) >> double | done)

        assert [2 * number for number in range(100)] == done.drain()

    def test_a_reader_that_leaves_early_leaves_the_rest(self) -> None:
        """P6: what is in the drain stays there, and who feeds it is not held up."""
        done = Drain[int](maxsize=1)
        with Pool(limit=1) as pool:
            pool.go(each(range(5)) >> double | done)
            first = list(itertools.islice(done, 1))

        assert [0, 2, 4, 6, 8] == [*first, *done.drain()]

    def test_a_stage_that_fails_holds_nobody_up(self) -> None:
        """P5: who waits for room goes on when a consumer is gone."""

        @stream
        def produce(args: Args[int, int]) -> None:
            for number in range(args.input):
                args.drainer.send(number)

        middle = Drain[int](maxsize=1)
        with pytest.raises(ExceptionGroup) as caught, Pool(limit=2) as pool:
            pool.go(4 >> produce | middle, middle >> fail)

        assert 4 == len(caught.value.exceptions)

    def test_one_task_in_many_workers_is_many_runs(self) -> None:
        """L9: binding a task never changes it, so it may run any number of times at once."""
        with Gate() as gate:

            @task
            def act(number: int) -> int:
                gate.arrive()
                return number

            done = Drain[int](ordered=True)
            with Pool(limit=2) as pool:
                pool.go(1 >> act | done, 2 >> act | done)
                gate.wait_for(2)
                gate.open()

        assert [1, 2] == done.drain()


class TestExit:
    """The exit of Python, by what is left to do then."""

    @pytest.mark.parametrize(
        ("script", "code", "prints"),
        [
            ("with pool: sys.exit(3)", 3, "told\n"),
            ("sys.exit(3)", 3, "end\n"),
            ("raise SystemExit(3)", 3, "end\n"),
            ("os._exit(4)", 4, ""),
        ],
    )
    def test_keeps_the_code(self, script: str, code: int, prints: str) -> None:
        """X6, X7: whatever runs then, and however Python ends."""
        ended = run_child(BUSY.format(act=script))

        assert (code, prints, "") == (ended.returncode, ended.stdout, ended.stderr)

    def test_shows_an_exception_that_nobody_handled(self) -> None:
        """X7: and waits, after that, for what was accepted."""
        ended = run_child(BUSY.format(act="raise LookupError"))

        assert (1, "end\n") == (ended.returncode, ended.stdout)
        assert ended.stderr.endswith("\nLookupError\n")

    @pytest.mark.parametrize("order", ["before", "after"])
    def test_refuses_work_from_hooks_that_come_later(self, order: str) -> None:
        """X2, X4, X8: hooks run last first; one made after the import still has pools.

        From 3.12 on some Pythons start no thread any more then, and `go()` says so.
        """
        hook = "atexit.register(lambda: late())"
        script = f"""
            import atexit
            {hook if order == "before" else ""}
            from fluent_async import run, task
            {hook if order == "after" else ""}

            @task
            def act() -> int:
                return 1

            def late() -> None:
                try:
                    print(run(act))
                except RuntimeError as error:
                    print(error)
        """
        says = {
            "before": ["no work can be given to a pool while Python exits\n"],
            "after": ["[1]\n", "can't create new thread at interpreter shutdown\n"],
        }
        ended = run_child(script)

        assert ended.stdout in says[order]
        assert "" == ended.stderr

    def test_lets_finalizers_use_a_pool(self) -> None:
        """X5: one that runs at the very end hears a refusal, and holds nothing up."""
        script = """
            from fluent_async import Pool, task

            @task
            def act() -> None:
                pass

            class Late:
                def __init__(self, pool: Pool) -> None:
                    self.pool, self.me = pool, self

                def __del__(self) -> None:
                    try:
                        self.pool.go(act)
                    except RuntimeError:
                        pass

                    self.pool.cancel()

            late = Late(Pool().go(act))
        """
        ended = run_child(script)

        assert (0, "", "") == (ended.returncode, ended.stdout, ended.stderr)

    @pytest.mark.slow
    def test_is_never_disturbed_by_threads_that_print(self) -> None:
        """X9: what prints until the end ends before standard output does."""
        for _ in range(10):
            ended = run_child("""
                from fluent_async import Pool, each, task

                @task
                def show(number: int) -> None:
                    print(f"{number}\\n", end="")  # one write each

                pool = Pool(limit=4).go(each(range(50)) >> show)
            """)
            shown = sorted(map(int, ended.stdout.split()))

            assert (0, "", list(range(50))) == (
                ended.returncode,
                ended.stderr,
                shown,
            )

    def test_of_a_second_interpreter_works_or_is_a_clean_error(self) -> None:
        """X10: where daemon threads are not allowed, `go()` says so."""
        script = """
            try:
                import _interpreters as interpreters
            except ImportError:
                import _xxsubinterpreters as interpreters

            code = '''if True:
                from fluent_async import Drain, run, task
                drain = Drain[int]()
                drain.send(1)
                assert list(drain) == [1]
                try:
                    run(task(int))
                except RuntimeError as error:
                    assert "thread" in str(error), error
            '''
            interpreter = interpreters.create()
            failed = getattr(interpreters, "exec", interpreters.run_string)(
                interpreter, code
            )
            assert failed is None, failed
            interpreters.destroy(interpreter)
            print("clean")
        """
        ended = run_child(script, alone=True)

        assert ("clean\n", "") == (ended.stdout, ended.stderr)


BUSY = """
import os, sys, threading
from fluent_async import Pool, cancelled, sleep, task

started = threading.Event()

@task
def act() -> None:
    started.set()
    for _ in range(20):
        if cancelled():
            print("told", flush=True)
            return

        threading.Event().wait(0.005)

    print("end", flush=True)

pool = Pool().go(act)
started.wait()
{act}
"""
"""A program that does something while a task runs for a tenth of a second."""
