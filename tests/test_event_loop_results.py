"""Results in event loops: outputs without blocking, and what becomes of the rest."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import suppress
from itertools import count

import pytest

from beside import beside
from fluent_async import Drain, Pool, cancelled, each, stream, task
from fluent_async._results import Outputs
from fluent_async.errors import PoolCancelled, PoolStalled
from fluent_async.typing import Results
from loops import Runner, arrivals, begun, every_runner, nobody_waits, run
from support import TIMEOUT, Gate, poll
from work import at, double, fail


async def collect(results: Results[int]) -> list[int]:
    """Take all there is."""
    return [value async for value in results]


class TestAsyncFor:
    """`async for output in batch.results()`."""

    @every_runner
    def test_gives_outputs_in_the_order_of_the_inputs(self, runner: Runner) -> None:
        """Each comes once, whatever runs the loop."""

        async def main() -> None:
            results = (each(range(300)) >> double).results(limit=3)

            assert [2 * number for number in range(300)] == await collect(results)
            assert [] == await collect(results)

        runner(main())

    def test_starts_nothing_before_the_first_output_is_asked_for(self) -> None:
        """Results are lazy here, too."""

        async def main() -> None:
            drain = Drain[int]()
            results = (each([1]) >> double | drain).results()
            aiter(results)
            await asyncio.sleep(0)

            assert 0 == len(drain)
            assert [2] == await collect(results)

        run(main())

    def test_waits_without_blocking_the_loop(self) -> None:
        """Other coroutines go on until there is an output."""

        async def main() -> None:
            with Gate() as gate:
                taking = await begun(collect((each([1]) >> at(gate).hold).results()))
                await arrivals(gate.wait_for)

                assert not taking.done()

                gate.open()

                assert [1] == await taking

        run(main())

    def test_raises_what_failed_after_the_last_success(self) -> None:
        """The failures come as one group, once."""

        async def main() -> None:
            results = (each(range(4)) >> odd).results()

            assert [1, 3] == [await anext(results), await anext(results)]
            with pytest.raises(ExceptionGroup, match="2 workers failed"):
                await anext(results)

            assert [] == await collect(results)

        run(main())

    def test_ends_at_once_with_on_error_cancel(self) -> None:
        """The first failure comes out bare."""

        async def main() -> None:
            with pytest.raises(ValueError, match="1"):
                await collect((each([1]) >> fail).results(on_error="cancel"))

        run(main())

    def test_gives_no_output_after_a_failure_with_on_error_cancel(self) -> None:
        """What is there already is not given either: the failure comes first."""

        async def main() -> None:
            with Gate() as gate, Pool(1) as pool:

                @task
                def fail_late(number: int) -> int:
                    if number == 0:
                        gate.arrive()

                    return odd(number)

                results = (each([1, 3, 5, 0]) >> fail_late).results(
                    pool=pool, buffer=4, on_error="cancel"
                )

                assert 1 == await anext(results)

                await arrivals(gate.wait_for)
                gate.open()
                await arrivals(lambda: poll(lambda: pool.stats().failed == 1))
                with pytest.raises(ValueError, match="0"):
                    await anext(results)

        run(main())

    def test_hears_that_its_pool_is_cancelled(self) -> None:
        """Work that was dropped is told of."""

        async def main() -> None:
            with Pool(1) as pool, Gate() as gate:
                batch = each(range(5)) >> at(gate).hold
                taking = await begun(collect(batch.results(pool=pool)))
                await arrivals(gate.wait_for)
                pool.cancel()
                gate.open()
                with pytest.raises(PoolCancelled):
                    await taking

        run(main())

    @pytest.mark.usefixtures("fake_clock")
    def test_raises_that_the_pool_is_stalled(self) -> None:
        """Outputs that can't come are waited for by nobody."""

        async def main() -> None:
            with Gate() as gate, Pool(1, on_error="keep") as pool:
                pool.go(7 >> at(gate).hold.with_timeout(5))
                await arrivals(gate.wait_for)
                with pytest.raises(PoolStalled):
                    await collect((each([1]) >> double).results(pool=pool))

                gate.open()

        run(main())

    def test_of_several_loops_gives_each_output_once(self) -> None:
        """Loops in threads, and a thread, share results."""
        results = (each(range(300)) >> double).results(limit=2)
        loops = [beside(lambda: run(collect(results))) for _ in range(2)]
        got = [*results, *(value for loop in loops for value in loop.result(TIMEOUT))]

        assert [2 * number for number in range(300)] == sorted(got)

    def test_gives_the_loop_a_turn_while_there_are_outputs(self) -> None:
        """What never has to wait lets others go on all the same."""

        async def main() -> None:
            turns = 0

            async def take_turns() -> None:
                nonlocal turns
                while True:
                    turns += 1
                    await asyncio.sleep(0)

            turning = asyncio.create_task(take_turns())
            await collect((each([1000]) >> up_to).results())
            turning.cancel()

            assert turns >= 1000 // 100 - 1

        run(main())

    def test_in_a_worker_of_the_same_results_is_misuse(self) -> None:
        """It would wait for itself."""
        made: list[Results[str]] = []

        @task
        def take(_: int) -> str:
            try:
                return run(anext(made[0]))
            except RuntimeError as exc:
                return str(exc)

        async def main() -> None:
            made.append((each([1]) >> take).results())

            assert "anext() in a worker" in await anext(made[0])

        run(main())
        made.clear()


@task
def odd(number: int) -> int:
    """Give back a number, if it is odd."""
    if number % 2 == 0:
        raise ValueError(number)

    return number


@stream
def up_to(number: int) -> Iterator[int]:
    """Count up to a number."""
    yield from range(number)


class TestCancelledWait:
    """A wait for an output that is cancelled."""

    def test_goes_on_some_other_time(self) -> None:
        """The work goes on, and no output is lost."""

        async def main() -> None:
            with Gate() as gate:
                results = (each([1, 2]) >> at(gate).hold).results(limit=1)
                for _ in range(2):
                    with suppress(TimeoutError):
                        async with asyncio.timeout(0):
                            await anext(results)

                assert nobody_waits()

                gate.open()

                assert [1, 2] == await collect(results)

        run(main())

    def test_loses_nothing_however_often_it_is_cancelled(self) -> None:
        """Outputs and cancellations that race give each output once."""

        async def main() -> None:
            got = list[int]()
            results = (each(range(300)) >> double).results(limit=2, buffer=2)

            async def step() -> None:
                got.append(await anext(results))

            for _ in range(200):
                stepping = await begun(step())
                stepping.cancel()
                await asyncio.wait([stepping])

            got += await collect(results)

            assert [2 * number for number in range(300)] == got

        run(main())


class TestLeave:
    """What becomes of the rest when results are left."""

    @every_runner
    def test_its_block_cancels_what_is_left(self, runner: Runner) -> None:
        """Inputs without end come to one, and what runs is waited for."""

        async def main() -> None:
            gate, heard = Gate(), list[bool]()
            gate.open()

            @task
            def listen(number: int) -> int:
                if number:
                    gate.arrive()
                    heard.append(poll(cancelled))

                return number

            async with Pool(2) as pool:
                async with (each(count()) >> listen).results(pool=pool) as results:
                    assert 0 == await anext(results)
                    await arrivals(gate.wait_for)

                assert 0 == pool.stats().in_progress

            assert heard
            assert all(heard)

        runner(main())

    def test_its_block_blocks_no_loop(self) -> None:
        """Other coroutines go on until nothing runs, however often it is cancelled."""

        async def main() -> None:
            gate = Gate()

            async def leave() -> None:
                batch = each(range(3)) >> at(gate).hold
                async with batch.results(limit=1) as results:
                    await anext(results)

            leaving = await begun(leave())
            await arrivals(gate.wait_for)
            for _ in range(3):
                leaving.cancel()
                await asyncio.sleep(0)
                await asyncio.sleep(0)

                assert not leaving.done()

            gate.open()
            await asyncio.wait([leaving])

            assert leaving.cancelled()

        run(main())

    def test_its_block_logs_failures_that_nobody_was_shown(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A failure is not lost when the block is left before it is raised."""

        async def main() -> None:
            with Pool(1) as pool:
                batch = each([1, 2, 3]) >> odd
                async with batch.results(pool=pool) as results:
                    assert 1 == await anext(results)
                    await arrivals(lambda: poll(lambda: pool.stats().failed == 1))

        run(main())

        assert ["nobody was shown" in each for each in caplog.messages] == [True]

    def test_that_is_cancelled_at_its_end_logs_them(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """So it is when the wait for the very end is cancelled: they are told, once."""
        close = Outputs._close_async  # noqa: SLF001

        async def close_late(results: Outputs[int]) -> None:
            await close(results)
            raise asyncio.CancelledError

        async def main() -> None:
            results = (each([1]) >> fail).results()
            monkeypatch.setattr(Outputs, "_close_async", close_late)
            with pytest.raises(asyncio.CancelledError):
                await anext(results)

            assert [] == await collect(results)

        run(main())

        assert ["nobody was shown" in each for each in caplog.messages] == [True]

    def test_dropped_results_end_by_themselves(self) -> None:
        """What nobody has any more is cancelled, and nobody waits for it."""

        async def main() -> None:
            with Pool(1) as pool:
                results = (each(count()) >> double).results(pool=pool)
                await anext(results)
                del results
                gc.collect()

                assert poll(lambda: not pool.stats().in_progress)

        run(main())

    def test_its_block_in_a_worker_of_the_same_results_is_misuse(self) -> None:
        """It would wait for itself."""
        made: list[Results[str]] = []

        async def leave() -> None:
            async with made[0]:
                pass

        @task
        def end(_: int) -> str:
            try:
                run(leave())
            except RuntimeError as exc:
                return str(exc)

            return ""

        async def main() -> None:
            made.append((each([1]) >> end).results())

            assert "in a worker" in await anext(made[0])

        run(main())
        made.clear()
