"""Cancelling: what has not started never does, what runs is told."""

import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from fluent_async import Args, Drain, Pool, cancelled, each, sleep, stream, task
from fluent_async.errors import Cancelled, PoolCancelled
from support import TIMEOUT, FakeClock, Gate, poll
from work import Form, at, double, every_form


@task
def until_told(number: int, /) -> int:
    """Run until told to end, then finish."""
    assert poll(cancelled)
    return number


def cancel(pool: Pool, attempts: int = 1) -> None:
    """Cancel a pool once it has started so many attempts, and see that it ends soon."""
    wait_for_attempts(pool, attempts)
    pool.cancel()
    with suppress(PoolCancelled):
        pool.wait(TIMEOUT / 2)


def wait_for_attempts(pool: Pool, attempts: int = 1) -> None:
    """Wait until the pool has started so many attempts."""
    assert poll(lambda: pool.stats().attempts >= attempts)


class TestCancel:
    """`pool.cancel()`: drops what has not started."""

    @every_form
    def test_drops_what_has_not_started(self, form: Form) -> None:
        """What is queued never runs; what runs may finish."""
        drain = Drain[int]()
        with Pool(limit=1) as pool:
            pool.go(*(work | drain for work in form([1, 2, 3], until_told)))
            wait_for_attempts(pool)
            pool.cancel()
            with pytest.raises(PoolCancelled):
                pool.wait(TIMEOUT)

        assert [1] == drain.drain()
        assert 1 == pool.stats().attempts

    @every_form
    def test_tells_what_runs(self, form: Form) -> None:
        """C7: `cancelled()` becomes true in every worker that runs."""
        drain = Drain[int]()
        with Pool(limit=3) as pool:
            pool.go(*(work | drain for work in form([1, 2, 3], until_told)))
            cancel(pool, attempts=3)

        assert [1, 2, 3] == sorted(drain.drain())

    @every_form
    def test_wakes_what_sleeps(self, form: Form) -> None:
        """`sleep` in a worker raises Cancelled at once."""
        heard = []

        @task
        def nap(number: int, /) -> int:
            try:
                sleep(TIMEOUT)
            except Cancelled:
                heard.append(number)
                raise

            return number

        with Pool() as pool:
            pool.go(*form([1], nap))
            cancel(pool)

        assert [1] == heard

    def test_drops_an_input_that_was_being_pulled(self) -> None:
        """What the iterable hands over afterwards is accepted, and never starts."""
        ran: list[int] = []
        with Pool(limit=1) as pool, Gate() as gate:

            def values() -> Iterator[int]:
                gate.arrive()
                yield 1

            pool.go(each(values()) >> task(ran.append))
            gate.wait_for(1)
            pool.cancel()
            gate.open()
            with pytest.raises(PoolCancelled):
                pool.wait(TIMEOUT)

        assert [] == ran
        assert (1, 1) == (pool.stats().accepted, pool.stats().cancelled)

    @pytest.mark.parametrize("ordered", [False, True])
    def test_wakes_an_iterable_that_sleeps(self, *, ordered: bool) -> None:
        """An iterable that waits in the library hears it as workers do."""
        heard: list[bool] = []

        def values() -> Iterator[int]:
            asked.set()
            try:
                sleep(TIMEOUT)
            except Cancelled:
                heard.append(True)
                raise

            yield 1

        asked = threading.Event()
        with Pool() as pool:
            pool.go(each(values()) >> double | Drain[int](ordered=ordered))
            assert asked.wait(TIMEOUT)
            cancel(pool, attempts=0)

        assert ([True], ()) == (heard, pool.errors())

    def test_does_not_wait(self) -> None:
        """It returns while what runs still runs."""
        with Pool() as pool, Gate() as gate:
            pool.go(1 >> at(gate).hold)
            gate.wait_for(1)
            pool.cancel()

            assert 1 == pool.stats().running

    def test_with_nothing_to_do_does_nothing(self) -> None:
        """A pool that is idle is not cancelled: there is nothing to raise."""
        drain = Drain[int]()
        with Pool() as pool:
            pool.cancel()
            pool.wait()
            pool.go(1 >> double | drain).wait()
            pool.cancel()

        assert [2] == drain.drain()

    def test_may_be_repeated(self) -> None:
        """C6: A second call changes nothing."""
        with Pool(limit=1) as pool:
            pool.go(1 >> until_told, 2 >> double)
            wait_for_attempts(pool)
            pool.cancel()
            pool.cancel()
            with pytest.raises(PoolCancelled, match=r"^1 worker did not finish$"):
                pool.wait(TIMEOUT)

    def test_may_be_called_by_a_worker(self) -> None:
        """C6: A worker cancels its own pool, and goes on itself."""
        drain = Drain[int]()

        @task
        def stop(number: int) -> int:
            pool.cancel()
            return number

        with Pool(limit=1) as pool:
            pool.go(each(range(10)) >> stop | drain)
            with pytest.raises(PoolCancelled):
                pool.wait(TIMEOUT)

        assert [0] == drain.drain()

    def test_of_a_closed_pool_does_nothing(self) -> None:
        """A pool that has ended has nothing to drop."""
        pool = Pool().go(1 >> double)
        pool.close()
        pool.cancel()

    def test_ends_a_close_that_waits(self) -> None:
        """C10: What `close()` waits for is dropped or told."""
        pool = Pool(limit=1).go(1 >> until_told, 2 >> double)
        wait_for_attempts(pool)
        closer = threading.Thread(target=pool.close)
        closer.start()
        assert poll(lambda: "closed" in repr(pool))
        pool.cancel()
        closer.join(TIMEOUT)

        assert (1, 1) == (pool.stats().succeeded, pool.stats().cancelled)

    def test_drops_what_waits_for_a_retry(self, fake_clock: FakeClock) -> None:
        """C4, R10: No further attempt is made, and nobody waits for its time."""

        @task(retry=2, backoff=3600)
        def flaky() -> None:
            raise OSError

        fake_clock.hold()
        with Pool() as pool:
            pool.go(flaky)
            assert poll(lambda: pool.stats().waiting_for_retry == 1)
            pool.cancel()
            with pytest.raises(PoolCancelled, match=r"^1 worker did not finish$"):
                pool.wait()

        assert 1 == pool.stats().attempts

    @every_form
    def test_ends_the_retries_of_what_runs(self, form: Form) -> None:
        """What fails after it was told is not tried again."""

        @task(retry=5)
        def fail_when_told(_: int, /) -> int:
            assert poll(cancelled)
            raise OSError

        with Pool() as pool:
            pool.go(*form([1], fail_when_told))
            cancel(pool)

        assert (1, 1) == (pool.stats().attempts, pool.stats().cancelled)

    def test_drops_what_waits_for_room(self) -> None:
        """C5: A worker that waits in a full drain ends there."""
        full = Drain[int](maxsize=1)

        @stream
        def many(args: Args[int, int]) -> None:
            for number in range(args.input):
                args.drainer.send(number)

        with Pool() as pool:
            pool.go(5 >> many | full)
            assert poll(lambda: pool.stats().waiting_for_room == 1)
            cancel(pool)

        assert (1, 1) == (full.count(), pool.stats().cancelled)

    def test_ends_a_stream_between_two_outputs(self) -> None:
        """A generator is closed after the output it is at."""
        ended = []

        @stream
        def endless(_: int) -> Iterator[int]:
            try:
                while True:
                    yield 1
            finally:
                ended.append(True)

        with Pool() as pool:
            pool.go(1 >> endless | Drain[int]())
            cancel(pool)

        assert [True] == ended

    def test_drops_what_is_on_its_way_between_stages(self) -> None:
        """Values that wait for a stage of the pool are dropped with it."""
        pages = Drain[int]()
        with Pool(limit=1) as pool:
            pool.go(each(range(10)) >> double | pages, pages >> until_told)
            wait_for_attempts(pool, 2)
            pool.cancel()
            with pytest.raises(PoolCancelled):
                pool.wait(TIMEOUT)

        assert [] == pages.drain()

    def test_stops_reading_an_iterable(self) -> None:
        """An iterable without end is read no further."""

        def endless() -> Iterator[int]:
            while True:
                yield 1

        with Pool() as pool:
            pool.go(each(endless()) >> double)
            wait_for_attempts(pool)
            pool.cancel()
            with pytest.raises(
                PoolCancelled, match="1 iterable was not read to its end"
            ):
                pool.wait(TIMEOUT)


class TestPoolCancelled:
    """`wait()` after `cancel()` raises PoolCancelled if work was dropped."""

    def test_says_what_was_dropped(self) -> None:
        """The message counts workers and iterables."""
        says = r"^2 workers did not finish, 2 iterables were not read to their end$"
        with Pool(limit=1) as pool:
            pool.go(0 >> until_told, 1 >> double, 2 >> double)
            pool.go(each([3]) >> double, each([4]) >> double)
            wait_for_attempts(pool)
            pool.cancel()
            with pytest.raises(PoolCancelled, match=says):
                pool.wait(TIMEOUT)

    def test_comes_out_of_with(self) -> None:
        """Leaving the block is `wait()`."""
        pool = Pool(limit=1).go(1 >> until_told, 2 >> double)
        wait_for_attempts(pool)
        pool.cancel()
        with pytest.raises(PoolCancelled), pool:
            pass

    def test_is_raised_for_work_that_gave_up(self) -> None:
        """A worker that was told, and let Cancelled pass, did not finish."""

        @task
        def nap() -> None:
            sleep(TIMEOUT)

        with Pool() as pool:
            pool.go(nap)
            wait_for_attempts(pool)
            pool.cancel()
            with pytest.raises(PoolCancelled, match=r"^1 worker did not finish$"):
                pool.wait(TIMEOUT)

    def test_is_not_raised_if_nothing_was_dropped(self) -> None:
        """If all that ran finished, the work is done."""
        with Pool() as pool:
            pool.go(1 >> until_told)
            wait_for_attempts(pool)
            pool.cancel()
            pool.wait(TIMEOUT)

        assert (1, 0) == (pool.stats().succeeded, pool.stats().cancelled)

    def test_is_not_raised_if_something_failed(self) -> None:
        """Failures say more, and are raised instead."""

        @task
        def fail_when_told() -> None:
            assert poll(cancelled)
            raise ValueError

        with Pool(limit=1) as pool:
            pool.go(fail_when_told, 2 >> double)
            wait_for_attempts(pool)
            pool.cancel()
            with pytest.raises(ExceptionGroup, match="1 worker failed"):
                pool.wait(TIMEOUT)

            pool.wait()

    def test_is_raised_once(self) -> None:
        """Another `wait` has nothing to tell."""
        with Pool(limit=1) as pool:
            pool.go(1 >> until_told, 2 >> double)
            wait_for_attempts(pool)
            pool.cancel()
            with pytest.raises(PoolCancelled):
                pool.wait(TIMEOUT)

            pool.wait()

    @every_form
    def test_leaves_the_pool_usable(self, form: Form) -> None:
        """Work given after `cancel()` is not cancelled."""
        drain = Drain[int]()
        with Pool(limit=1) as pool:
            pool.go(1 >> until_told, 2 >> double)
            wait_for_attempts(pool)
            pool.cancel()
            pool.go(*(work | drain for work in form([3, 4], double)))
            with pytest.raises(PoolCancelled, match=r"^1 worker did not finish$"):
                pool.wait(TIMEOUT)

        assert [6, 8] == drain.drain()

    def test_leaves_its_stages_usable(self) -> None:
        """A stage that was dropped works again when its drain is fed again."""
        pages, records = Drain[int](), Drain[int]()
        with Pool(limit=1) as pool:
            pool.go(pages >> double | records, 1 >> until_told, 2 >> double | pages)
            wait_for_attempts(pool)
            pool.cancel()
            with pytest.raises(PoolCancelled):
                pool.wait(TIMEOUT)

            pages.send(5)
            pool.wait(TIMEOUT)

        assert [10] == records.drain()


class TestCancelled:
    """What a worker that was told to end raises."""

    def test_is_no_exception(self) -> None:
        """No `except Exception` swallows it."""
        assert not issubclass(Cancelled, Exception)

    @every_form
    def test_is_never_retried(self, form: Form) -> None:
        """No policy covers it, and it is no failure."""

        @task(retry=5)
        def nap(number: int, /) -> int:
            sleep(TIMEOUT)
            return number

        with Pool() as pool:
            pool.go(*form([1], nap))
            cancel(pool)

        assert (1, 1, 0) == (
            pool.stats().attempts,
            pool.stats().cancelled,
            pool.stats().failed,
        )

    def test_is_not_told_to_work_given_later(self) -> None:
        """`cancelled()` is false in work that was given after `cancel()`."""
        drain = Drain[bool]()

        @task
        def told() -> bool:
            return cancelled()

        with Pool() as pool, Gate() as gate:
            pool.go(1 >> at(gate).hold)
            gate.wait_for(1)
            pool.cancel()
            pool.go(told | drain)

            assert [False] == drain.drain(TIMEOUT)

    def test_ends_a_pool_within_the_worker_that_it_waits_for(self) -> None:
        """A worker at the end of a `with Pool()` cancels that pool, and waits for it."""
        inner, ended = Pool(), list[int]()

        @task
        def nest() -> None:
            with inner:
                inner.go(1 >> until_told)

            ended.append(inner.stats().threads)

        with Pool() as outer:
            outer.go(nest)
            wait_for_attempts(inner)
            cancel(outer)

        assert 0 == inner.stats().threads
        assert not ended

    def test_ends_a_pool_within_the_worker_when_its_body_hears_it(self) -> None:
        """Leaving `with Pool()` by Cancelled is `cancel()` and `close()`."""
        inner = Pool()

        @task
        def nest() -> None:
            with inner:
                inner.go(1 >> until_told)
                sleep(TIMEOUT)

        with Pool() as outer:
            outer.go(nest)
            wait_for_attempts(inner)
            cancel(outer)

        assert 0 == inner.stats().threads
