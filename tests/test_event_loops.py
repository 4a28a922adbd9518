"""Drains and pools in event loops: waits that block no loop, and what cancels them."""

import asyncio
import gc
import selectors
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from contextvars import Context
from functools import partial
from typing import TypeVarTuple

import anyio
import pytest
from typing_extensions import override

from beside import beside
from drains import filled
from fluent_async import Drain, Pool, Workers, cancelled, each, task
from fluent_async._await import Awaiter
from fluent_async._drain import channel_of
from fluent_async.errors import PoolClosed, PoolStalled
from loops import Main, Runner, arrivals, begun, every_runner, nobody_waits, run
from support import TIMEOUT, Gate, poll, run_child, start_child
from work import at, double, fail


Ts = TypeVarTuple("Ts")


async def collect(drain: Drain[int]) -> list[int]:
    """Take all there is, and all that comes."""
    return [value async for value in drain]


def reading(drain: Drain[int]) -> int:
    """Say how many iterators of the drain have not ended."""
    channel = channel_of(drain)
    assert channel is not None
    return len(channel._reading)  # noqa: SLF001


def is_read(drain: Drain[int]) -> bool:
    """Say whether a thread or coroutine reads the drain."""
    channel = channel_of(drain)
    assert channel is not None
    return channel.read


def is_waited_for(drain: Drain[int]) -> bool:
    """Say whether somebody waits for a value of the drain."""
    channel = channel_of(drain)
    assert channel is not None
    return channel.watched


class TestAsyncFor:
    """`async for value in drain`."""

    @every_runner
    def test_gives_what_a_pool_sends(self, runner: Runner) -> None:
        """Each value comes once, whatever runs the loop, and the end comes by itself."""

        async def main() -> None:
            drain = Drain[int](maxsize=2, ordered=True)
            async with Pool(2) as pool:
                pool.go(each(range(100)) >> double | drain)

                assert [2 * number for number in range(100)] == await collect(drain)

        runner(main())

    def test_waits_without_blocking_the_loop(self) -> None:
        """Other coroutines go on until there is a value."""

        async def main() -> None:
            drain = Drain[int]()
            with drain:
                taking = await begun(collect(drain))
                for number in range(3):
                    await asyncio.sleep(0)
                    assert not taking.done()
                    drain.send(number)

            assert [0, 1, 2] == await taking

        run(main())

    def test_hears_of_a_value_from_any_thread(self) -> None:
        """A thread that sends wakes the loop."""

        async def main() -> None:
            drain = Drain[int]()
            taking = await begun(collect(drain))
            beside(drain.send, 1).result(TIMEOUT)

            assert [1] == await taking

        run(main())

    def test_ends_when_the_drain_is_shut(self) -> None:
        """A coroutine that waits for the first value hears that there will be none."""

        async def main() -> None:
            drain = Drain[int]()
            taking = await begun(collect(drain))
            drain.shut_down()

            assert [] == await taking

        run(main())

    def test_stays_ended(self) -> None:
        """An iterator that has ended gives nothing that comes later; a new one does."""

        async def main() -> None:
            drain = filled(1)
            values = aiter(drain)

            assert [1] == [value async for value in values]

            drain.send(2)

            assert [] == [value async for value in values]
            assert [2] == await collect(drain)

        run(main())

    def test_gives_the_loop_a_turn_while_there_are_values(self) -> None:
        """What never has to wait lets others go on all the same."""

        async def main() -> None:
            turns = 0

            async def count() -> None:
                nonlocal turns
                while True:
                    turns += 1
                    await asyncio.sleep(0)

            counting = asyncio.create_task(count())
            await collect(filled(*range(1000)))
            counting.cancel()

            assert turns >= 1000 // 100 - 1

        run(main())

    def test_leaves_the_rest_when_it_is_left(self) -> None:
        """What the body did not get is still in the drain."""

        async def main() -> None:
            drain = filled(1, 2, 3)
            async for value in drain:
                assert 1 == value
                break

            assert [2, 3] == drain.drain()
            assert 0 == reading(drain)

        run(main())

    def test_leaves_the_rest_when_its_body_is_cancelled(self) -> None:
        """A value is taken when the body gets it, not before."""

        async def main() -> None:
            drain, got = filled(1, 2, 3), list[int]()

            async def consume() -> None:
                async for value in drain:
                    got.append(value)
                    await asyncio.get_running_loop().create_future()

            consuming = await begun(consume())
            consuming.cancel()
            await asyncio.wait([consuming])

            assert ([1], [2, 3]) == (got, drain.drain())

        run(main())

    def test_of_a_drain_that_feeds_a_stage_is_misuse(self) -> None:
        """The stage takes the values."""

        async def main() -> None:
            drain = Drain[int]()
            async with Pool(1) as pool:
                pool.go(drain >> double)
                with pytest.raises(RuntimeError, match="feeds a stage"):
                    await collect(drain)

        run(main())

    def test_hears_that_the_drain_feeds_a_stage_now(self) -> None:
        """A coroutine that waits is told, like a thread."""

        async def main() -> None:
            drain = Drain[int]()
            taking = await begun(collect(drain))
            async with Pool(1) as pool:
                pool.go(drain >> double)
                with pytest.raises(RuntimeError, match="feeds a stage"):
                    await taking

        run(main())

    def test_needs_an_event_loop(self) -> None:
        """Driven by hand, or by another library, it says what it is for."""
        step = anext(aiter(filled(1)))

        with pytest.raises(RuntimeError, match="no running event loop"):
            step.__await__().__next__()

    def test_needs_a_coroutine_that_the_loop_knows(self) -> None:
        """A callback that drives a coroutine by hand can't be told from another."""

        async def main() -> None:
            told = asyncio.get_running_loop().create_future()

            def drive() -> None:
                with pytest.raises(RuntimeError, match="asyncio runs") as caught:
                    anext(aiter(filled(1))).__await__().__next__()

                told.set_result(str(caught.value))

            asyncio.get_running_loop().call_soon(drive)

            assert "may await this" in await told

        run(main())

    def test_may_be_gone_on_with_by_another_coroutine(self) -> None:
        """Each step may be a coroutine of its own; the last one is the reader."""

        async def main() -> None:
            drain = filled(1, 2)
            kept = [aiter(drain)]

            async def step() -> int:
                return await anext(kept[0])

            assert [1, 2] == [await asyncio.create_task(step()) for _ in range(2)]
            assert 1 == reading(drain)

            kept.clear()

            assert 0 == reading(drain)

        run(main())

    def test_in_two_loops_gives_each_value_once(self) -> None:
        """Loops in two threads, and a thread, share the values of one drain."""
        drain = Drain[int](maxsize=3)
        with Pool(2) as pool:
            pool.go(each(range(300)) >> double | drain)
            loops = [beside(lambda: run(collect(drain))) for _ in range(2)]
            got = [*drain, *(value for loop in loops for value in loop.result(TIMEOUT))]

        assert [2 * number for number in range(300)] == sorted(got)

    def test_in_a_worker_keeps_the_slot(self) -> None:
        """Other coroutines of that loop may go on, so nobody else runs in its place."""
        drain, gate, got = Drain[int](), Gate(), list[int]()

        @task
        def iterate() -> None:
            gate.arrive()
            got.extend(run(collect(drain)))

        gate.open()
        with Pool(1) as pool:
            pool.go(iterate, task(gate.arrive).with_input())
            gate.wait_for()
            assert poll(lambda: is_waited_for(drain))
            gate.assert_nobody_arrives()
            drain.send(1)

        assert [1] == got


class TestCancelledWait:
    """A wait for a value that is cancelled."""

    def test_takes_nothing_and_leaves_nothing_behind(self) -> None:
        """What comes later is for others; nobody is registered any more."""

        async def main() -> None:
            drain = Drain[int]()
            taking = await begun(collect(drain))
            taking.cancel()
            await asyncio.wait([taking])
            drain.send(1)

            assert taking.cancelled()
            assert [1] == drain.drain()
            assert (False, True) == (is_read(drain), nobody_waits())

        run(main())

    def test_takes_nothing_if_the_value_was_quicker(self) -> None:
        """Woken and cancelled in one turn of the loop, it leaves the value in the drain."""

        async def main() -> None:
            drain = Drain[int]()
            taking = await begun(collect(drain))
            drain.send(1)
            taking.cancel()
            await asyncio.wait([taking])

            assert taking.cancelled()
            assert [1] == drain.drain()

        run(main())

    def test_takes_nothing_if_the_loop_knew_of_the_value(self) -> None:
        """So it does once the loop has ended the wait, before the coroutine goes on."""

        async def main() -> None:
            drain = Drain[int]()
            taking = await begun(collect(drain))
            drain.send(1)
            loop = asyncio.get_running_loop()
            loop.call_soon(taking.cancel)  # after the wait has ended
            await asyncio.wait([taking])

            assert taking.cancelled()
            assert [1] == drain.drain()

        run(main())

    def test_passes_its_turn_on(self) -> None:
        """Another one that waits gets the value that the first was woken for."""

        async def main() -> None:
            drain = Drain[int]()
            first, second = await begun(collect(drain)), await begun(collect(drain))
            drain.send(1)
            first.cancel()

            assert [1] == await second

            await asyncio.wait([first])

        run(main())

    def test_can_be_waited_for_again(self) -> None:
        """The iterator goes on where it was."""

        async def main() -> None:
            drain = Drain[int]()
            values = aiter(drain)
            for _ in range(2):
                with suppress(TimeoutError):
                    async with asyncio.timeout(0):
                        await anext(values)

            drain.send(1)

            assert 1 == await anext(values)

        run(main())

    def test_loses_nothing_however_often_it_is_cancelled(self) -> None:
        """Values and cancellations that race give each value once, to one or the other."""

        async def main() -> None:
            drain, got = Drain[int](maxsize=2), list[int]()
            values = aiter(drain)

            async def step() -> None:
                got.append(await anext(values))

            async with Pool(2) as pool:
                pool.go(each(range(300)) >> double | drain)
                for _ in range(200):
                    stepping = await begun(step())
                    stepping.cancel()
                    await asyncio.wait([stepping])

                got += await collect(drain)

            assert [2 * number for number in range(300)] == sorted(got)

        run(main())

    def test_is_forgotten_with_a_coroutine_that_is_dropped(self) -> None:
        """A loop that is closed over a pending coroutine leaves nothing registered."""
        drain = Drain[int]()

        async def main() -> None:
            await asyncio.sleep(0)

        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda *_: None)  # that it was pending
        taking = loop.create_task(collect(drain))
        loop.run_until_complete(main())
        loop.close()

        assert not nobody_waits()

        drain.send(1)  # wakes a loop that is closed
        del taking
        gc.collect()

        assert (0, True, [1]) == (reading(drain), nobody_waits(), drain.drain())


class TestAwaiter:
    """One wait of one coroutine."""

    def test_is_woken_by_any_thread(self) -> None:
        """The wait ends when somebody wakes it; who comes second changes nothing."""

        async def main() -> None:
            awaiter = Awaiter()
            waking = beside(awaiter.wake)
            await awaiter
            waking.result(TIMEOUT)
            awaiter.wake()
            await awaiter

        run(main())

    def test_may_be_woken_after_it_was_cancelled(self) -> None:
        """It has ended, and stays so."""

        async def main() -> None:
            awaiter = Awaiter()

            async def wait() -> None:
                await awaiter

            waiting = await begun(wait())
            waiting.cancel()
            await asyncio.wait([waiting])
            awaiter.wake()
            await asyncio.sleep(0)

        run(main())

    def test_may_be_woken_when_its_loop_is_closed(self) -> None:
        """Nobody waits there any more."""
        made: list[Awaiter] = []

        async def main() -> None:
            made.append(Awaiter())

        run(main())
        made[0].wake()

    def test_calls_its_loop_in_no_monitor(self) -> None:
        """A loop is not ours: it may call the drain while it is told."""
        drain, counts = Drain[int](), list[int]()

        class Loop(asyncio.SelectorEventLoop):
            @override
            def call_soon_threadsafe(
                self,
                callback: Callable[[*Ts], object],
                *args: *Ts,
                context: Context | None = None,
            ) -> asyncio.Handle:
                counts.append(len(drain.drain()))
                return super().call_soon_threadsafe(callback, *args, context=context)

        async def main() -> None:
            taking = await begun(collect(drain))
            drain.send(1)

            assert [1] == await taking

        with asyncio.Runner(loop_factory=Loop) as runner:
            runner.run(main())

        assert 1 in counts


class TestReader:
    """A coroutine that iterates is a reader, for the bounds that give way."""

    def test_keeps_the_bound_while_its_body_is_busy(self) -> None:
        """A pool that is waited for holds while somebody is at work on a value."""

        async def main() -> None:
            drain = Drain[int](maxsize=2)
            async with Pool(1) as pool:
                pool.go(each(range(10)) >> double | drain)
                values = aiter(drain)

                assert 0 == await anext(values)

                waiting = asyncio.create_task(pool.wait_async())
                await arrivals(lambda: poll(lambda: stands(pool, drain)))

                assert 2 == len(drain)
                assert 9 == len([value async for value in values])

                await waiting

        run(main())

    def test_is_none_while_it_waits_for_the_pool(self) -> None:
        """Whoever waits for a pool in the middle of iterating does not wait for ever."""

        async def main() -> None:
            drain = Drain[int](maxsize=2)
            async with Pool(1) as pool:
                pool.go(each(range(10)) >> double | drain)
                async for _ in drain:
                    await pool.wait_async()
                    break

                assert 9 == len(drain)

        run(main())

    def test_is_none_once_its_coroutine_has_ended(self) -> None:
        """An iterator that somebody kept reads nothing by itself."""

        async def main() -> None:
            drain = Drain[int](maxsize=2)
            kept: list[AsyncIterator[int]] = []

            async def take_one() -> None:
                kept.append(aiter(drain))
                await anext(kept[0])

            async with Pool(1) as pool:
                pool.go(each(range(10)) >> double | drain)
                await asyncio.create_task(take_one())

            assert (9, 1) == (len(drain), reading(drain))

        run(main())

    def test_is_none_once_its_loop_is_closed(self) -> None:
        """What was left pending there never goes on."""
        drain = Drain[int](maxsize=2)
        taken = asyncio.Event()

        async def take_one() -> None:
            async for _ in drain:
                taken.set()
                await asyncio.get_running_loop().create_future()

        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda *_: None)  # that it was pending
        with Pool(1) as pool:
            pool.go(each(range(10)) >> double | drain)
            pending = loop.create_task(take_one())
            loop.run_until_complete(taken.wait())
            loop.close()

        assert (9, 1) == (len(drain), reading(drain))

        del pending
        gc.collect()

        assert 0 == reading(drain)


def stands(pool: Pool, drain: Drain[int]) -> bool:
    """Say whether a pool is held back by a drain that is full."""
    return not pool.stats().running and len(drain) >= 2


class TestWaitAsync:
    """`await pool.wait_async()`."""

    @every_runner
    def test_ends_when_the_pool_is_done(self, runner: Runner) -> None:
        """It returns when nothing is queued, running or waiting."""

        async def main() -> None:
            drain = Drain[int]()
            pool = Pool(2).go(each(range(10)) >> double | drain)
            await pool.wait_async()

            assert 10 == len(drain)

            await pool.go(1 >> double | drain).wait_async()

            assert 11 == len(drain)

            pool.close()

        runner(main())

    def test_blocks_no_loop(self) -> None:
        """Other coroutines go on while something runs."""

        async def main() -> None:
            with Pool(1) as pool, Gate() as gate:
                pool.go(1 >> at(gate).hold)
                waiting = await begun(pool.wait_async())
                await arrivals(gate.wait_for)

                assert not waiting.done()

                gate.open()
                await waiting

        run(main())

    def test_raises_what_failed_once(self) -> None:
        """The group is that of `wait()`."""

        async def main() -> None:
            pool = Pool(1).go(each([1, 2]) >> fail)
            with pytest.raises(ExceptionGroup, match="2 workers failed") as caught:
                await pool.wait_async()

            assert ["1", "2"] == [str(each) for each in caught.value.exceptions]

            await pool.wait_async()
            pool.close()

        run(main())

    def test_warns_of_stages_that_nobody_fed(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The warning is that of `wait()`."""

        async def main() -> None:
            with Pool(1) as pool:
                await pool.go(Drain[int]() >> double).wait_async()

        run(main())

        assert ["nobody ever fed Drain()" in each for each in caplog.messages] == [True]

    def test_that_is_cancelled_only_stops_waiting(self) -> None:
        """The pool goes on, and nobody waits for it any more."""

        async def main() -> None:
            drain = Drain[int]()
            with Pool(1) as pool, Gate() as gate:
                pool.go(each([1, 2]) >> at(gate).hold | drain)
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0):
                        await pool.wait_async()

                assert nobody_waits()
                assert 0 == pool._engine.scheduler.waiters  # noqa: SLF001

                gate.open()

            assert [1, 2] == sorted(drain.drain())

        run(main())

    def test_in_several_loops_ends_everywhere(self) -> None:
        """Loops in threads, and a thread, wait for one pool."""
        with Pool(1) as pool, Gate() as gate:
            pool.go(1 >> at(gate).hold)
            loops = [beside(lambda: run(pool.wait_async())) for _ in range(3)]
            gate.wait_for()

            assert not any(loop.done() for loop in loops)

            gate.open()
            pool.wait(TIMEOUT)
            for loop in loops:
                loop.result(TIMEOUT)

    def test_in_a_worker_of_the_pool_is_misuse(self) -> None:
        """It would wait for itself."""
        pool = Pool(1)

        @task
        def wait() -> None:
            run(pool.wait_async())

        with pytest.raises(ExceptionGroup) as caught:
            pool.go(wait).wait(TIMEOUT)

        pool.close()

        assert "wait_async() in a worker" in str(caught.value.exceptions[0])

    @pytest.mark.usefixtures("fake_clock")
    def test_raises_that_the_pool_is_stalled(self) -> None:
        """Every slot is held by an attempt that nobody waits for."""

        async def main() -> None:
            with Gate() as gate:
                pool = Pool(1, on_error="keep")
                pool.go(7 >> at(gate).hold.with_timeout(5), 2 >> double)
                with pytest.raises(PoolStalled, match="every slot"):
                    await pool.wait_async()

                assert nobody_waits()

            pool.close()

        run(main())

    def test_lets_bounds_give_way(self) -> None:
        """Like a thread in `wait()`, it comes to an end though nobody reads."""

        async def main() -> None:
            drain = Drain[int](maxsize=1)
            async with Pool(1) as pool:
                pool.go(each(range(5)) >> double | drain)
                await pool.wait_async()

            assert 5 == len(drain)

        run(main())


class TestAsyncWith:
    """`async with Pool() as pool`."""

    def test_waits_and_ends_the_threads(self) -> None:
        """After the block all has run, and the pool is closed."""

        async def main() -> None:
            drain = Drain[int]()
            before = threading.active_count()
            async with Pool(4, name="brief") as pool:
                pool.go(each(range(10)) >> double | drain)

            assert (10, before) == (len(drain), threading.active_count())
            with pytest.raises(PoolClosed):
                pool.go(1 >> double)

        run(main())

    def test_of_a_pool_that_was_given_nothing_ends(self) -> None:
        """There is nothing to wait for, and no thread to end."""

        async def main() -> None:
            async with Pool():
                pass

        run(main())

    def test_raises_what_failed(self) -> None:
        """Failures come out of the block."""

        async def main() -> None:
            with pytest.raises(ExceptionGroup, match="1 worker failed"):
                async with Pool(1) as pool:
                    pool.go(1 >> fail)

        run(main())

    def test_left_by_an_exception_cancels(self) -> None:
        """What has not started is dropped, what runs is waited for; the error goes on."""

        async def main() -> None:
            drain, gate = Drain[int](), Gate()
            leaving = asyncio.Event()

            async def leave() -> None:
                async with Pool(1) as pool:
                    pool.go(each([1, 2, 3]) >> at(gate).hold | drain)
                    await arrivals(gate.wait_for)
                    leaving.set()
                    raise LookupError

            left = asyncio.create_task(leave())
            await leaving.wait()
            await asyncio.sleep(0)

            assert not left.done()

            gate.open()
            with pytest.raises(LookupError):
                await left

            assert len(drain) <= 1

        run(main())

    @every_runner
    def test_whose_body_is_cancelled_tells_what_runs(self, runner: Runner) -> None:
        """Cancellation of the coroutine reaches the workers."""

        async def main() -> None:
            gate, heard = Gate(), list[bool]()
            gate.open()

            @task
            def listen() -> None:
                gate.arrive()
                heard.append(poll(cancelled))

            async def body() -> None:
                async with Pool(1) as pool:
                    pool.go(listen)
                    await asyncio.get_running_loop().create_future()

            running = await begun(body())
            await arrivals(gate.wait_for)
            running.cancel()
            await asyncio.wait([running])

            assert (True, [True]) == (running.cancelled(), heard)

        runner(main())

    def test_that_is_cancelled_while_it_waits_cancels(self) -> None:
        """So it is at the end of the block."""

        async def main() -> None:
            drain, gate = Drain[int](), Gate()

            async def body() -> None:
                async with Pool(1) as pool:
                    pool.go(each([1, 2, 3]) >> at(gate).hold | drain)

            running = await begun(body())
            await arrivals(gate.wait_for)
            running.cancel()
            await asyncio.sleep(0)
            gate.open()
            await asyncio.wait([running])

            assert running.cancelled()
            assert len(drain) <= 1

        run(main())

    def test_waits_for_what_runs_however_often_it_is_cancelled(self) -> None:
        """No thread is left to itself; the cancellation goes on in the end."""

        async def main() -> None:
            gate, ended = Gate(), list[bool]()

            @task
            def hold() -> None:
                gate.arrive()
                ended.append(True)

            async def body() -> None:
                async with Pool(1) as pool:
                    pool.go(hold)

            running = await begun(body())
            await arrivals(gate.wait_for)
            for _ in range(3):
                running.cancel()
                await asyncio.sleep(0)
                await asyncio.sleep(0)

                assert not running.done()

            gate.open()
            await asyncio.wait([running])

            assert (True, [True]) == (running.cancelled(), ended)

        run(main())

    @pytest.mark.usefixtures("fake_clock")
    def test_drops_what_can_not_run_any_more(self) -> None:
        """A stalled pool closes as it does in a thread, and leaves what is abandoned."""

        async def main() -> None:
            pool = Pool(1, on_error="keep")
            with Gate() as gate:
                with pytest.raises(PoolStalled):
                    async with pool:
                        pool.go(7 >> at(gate).hold.with_timeout(5), 2 >> double)

                stats = pool.stats()

                assert (1, 1, 1) == (stats.failed, stats.cancelled, stats.threads)

        run(main())

    def test_logs_failures_that_nobody_was_shown(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The error of the body is raised; that of a worker is not lost."""

        async def main() -> None:
            with suppress(LookupError):
                async with Pool(1) as pool:
                    pool.go(1 >> fail)
                    await arrivals(lambda: poll(lambda: bool(pool.errors())))
                    raise LookupError

        run(main())

        assert ["nobody was shown" in each for each in caplog.messages] == [True]

    def test_in_a_worker_of_the_pool_is_misuse(self) -> None:
        """It would wait for itself."""
        pool = Pool(1)

        async def leave() -> None:
            async with pool:
                pass

        @task
        def enter() -> None:
            run(leave())

        with pytest.raises(ExceptionGroup) as caught:
            pool.go(enter).wait(TIMEOUT)

        pool.close()

        assert "in a worker" in str(caught.value.exceptions[0])

    def test_blocks_no_loop_while_threads_free_what_tasks_left(self) -> None:
        """What a thread-local holds is freed at the end of its thread, in its own time."""
        freed, local = Gate(), threading.local()

        class Session:
            def __del__(self) -> None:
                freed.arrive()

        @task
        def open_session() -> None:
            local.session = Session()

        async def main() -> None:
            async def body() -> None:
                async with Pool(1) as pool:
                    pool.go(open_session)

            running = await begun(body())
            await arrivals(freed.wait_for)

            assert not running.done()

            freed.open()
            await running

        run(main())

    def test_ends_though_no_thread_can_be_started(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A system at its limit does not keep a pool from closing."""

        async def main() -> None:
            async with Pool(1) as pool:
                await pool.go(1 >> double).wait_async()
                with monkeypatch.context() as patch:
                    patch.setattr(threading.Thread, "start", refuse)
                    await pool.__aexit__(None, None, None)

        run(main())


def refuse(_: threading.Thread) -> None:
    """Start no thread."""
    raise RuntimeError("can't start new thread")


class TestAnyio:
    """Cancel scopes, which cancel again and again."""

    def test_scope_that_is_cancelled_leaves_nothing_running(self) -> None:
        """The block ends when its workers have."""

        async def main() -> None:
            gate, ended = Gate(), list[bool]()
            gate.open()

            @task
            def listen() -> None:
                gate.arrive()
                ended.append(poll(cancelled))

            with anyio.CancelScope() as scope:
                async with Pool(1) as pool:
                    pool.go(listen)
                    await anyio.to_thread.run_sync(gate.wait_for)
                    scope.cancel()
                    await pool.wait_async()

            assert (True, [True]) == (scope.cancelled_caught, ended)

        anyio.run(main)


async def take(pool: Pool, gate: Gate) -> None:
    """Iterate a drain."""
    drain = Drain[int]()
    pool.go(1 >> at(gate).hold | drain)
    assert [1] == await collect(drain)


async def iterate(pool: Pool, gate: Gate) -> None:
    """Iterate results."""
    outputs = Workers([1 >> at(gate).hold]).results(pool=pool)
    assert [1] == [output async for output in outputs]


async def wait(pool: Pool, gate: Gate) -> None:
    """Wait for a pool."""
    await pool.go(1 >> at(gate).hold).wait_async()


async def leave(pool: Pool, gate: Gate) -> None:
    """Leave the block of a pool."""
    del pool
    async with Pool(1) as other:
        other.go(1 >> at(gate).hold)


async def cancel(pool: Pool, gate: Gate) -> None:
    """Leave the block of a pool by an exception."""
    del pool
    with suppress(KeyError):
        async with Pool(1) as other:
            other.go(1 >> at(gate).hold)
            gate.wait_for(1)
            raise KeyError


@pytest.mark.parametrize("waits", [take, iterate, wait, leave, cancel])
def test_no_wait_polls(
    monkeypatch: pytest.MonkeyPatch, waits: Callable[[Pool, Gate], Main[None]]
) -> None:
    """The loop sleeps until a thread wakes it: at no time it looks by itself."""
    # The gate opens when the loop is about to sleep with no time set to wake it.
    selector = selectors.DefaultSelector()
    sleep, naps = selector.select, list[float | None]()

    with Gate() as gate, Pool(1) as pool:

        def select(timeout: float | None = None) -> object:
            naps.append(timeout)
            if timeout is None:
                gate.open()

            return sleep(timeout)

        monkeypatch.setattr(selector, "select", select)
        loop = partial(asyncio.SelectorEventLoop, selector)
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(waits(pool, gate))

    assert {0, None} == set(naps)


class TestProcess:
    """What takes a Python of its own to see."""

    def test_import_leaves_asyncio_alone(self) -> None:
        """Who has no event loop does not pay for one."""
        done = run_child("import fluent_async, sys; print('asyncio' in sys.modules)")

        assert "False\n" == done.stdout

    def test_ctrl_c_cancels_the_pool(self) -> None:
        """Interrupted, the loop leaves the block, and what runs hears it."""
        source = """
            import asyncio
            from fluent_async import Pool, sleep, task

            @task
            def work():
                print("running", flush=True)
                try:
                    sleep(3600)
                finally:
                    print("ended", flush=True)

            async def main():
                async with Pool(1) as pool:
                    pool.go(work)

            try:
                asyncio.run(main())
            except KeyboardInterrupt:
                print("interrupted")
            """
        with start_child(source) as child:
            child.wait_for("running")
            child.interrupt()
            done = child.finish()

        assert ("running\nended\ninterrupted\n", 0) == (done.stdout, done.returncode)
