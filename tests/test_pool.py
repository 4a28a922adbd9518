"""Pools: what they are given, when they are done, how they end."""

import re
import threading
from collections.abc import Iterator

import pytest

from fluent_async import Drain, Pool, cancelled, each, task
from fluent_async.errors import DrainClosed, PoolClosed
from support import TIMEOUT, FakeClock, Gate, poll
from work import Box, Form, at, double, every_form, fail


@task
def until_told() -> str:
    """Run until told to end, and finish."""
    assert poll(cancelled)
    return "told"


def leave(pool: Pool, error: Exception) -> None:
    """Leave the block of a pool by an exception, once it runs something."""
    with pool:
        assert poll(lambda: pool.stats().attempts > 0)
        raise error


class TestGo:
    """`pool.go(...)`: gives work to the pool."""

    def test_returns_the_pool(self) -> None:
        """It returns the pool, so that calls chain."""
        with Pool() as pool:
            assert pool is pool.go(1 >> double)

    @every_form
    def test_runs_what_it_is_given(self, form: Form) -> None:
        """Each input runs once, in whatever form it was given."""
        drain = Drain[int]()
        with Pool(limit=3) as pool:
            pool.go(*(work | drain for work in form(range(100), double)))

        assert list(range(0, 200, 2)) == sorted(drain.drain())

    @every_form
    def test_starts_work_and_does_not_wait_for_it(self, form: Form) -> None:
        """O7: Work runs once `go` has returned, with nobody in `wait`."""
        with Pool() as pool, Gate() as gate:
            pool.go(*form([1], at(gate).hold))

            gate.wait_for(1)

    def test_takes_a_task_that_needs_no_input(self) -> None:
        """A task without parameters is a worker."""
        drain = Drain[str]()

        @task
        def greet() -> str:
            return "hello"

        with Pool() as pool:
            pool.go(greet | drain)

        assert ["hello"] == drain.drain()

    def test_takes_any_object_that_can_be_executed(self) -> None:
        """Whatever has `execute()` is work."""
        box = Box()
        with Pool() as pool:
            pool.go(box, box)

        assert 2 == box.ran

    def test_may_be_called_again_after_wait(self) -> None:
        """A pool that was waited for takes more work, any number of times."""
        drain = Drain[int]()
        with Pool() as pool:
            for number in range(5):
                pool.go(number >> double | drain).wait()

        assert [0, 2, 4, 6, 8] == drain.drain()

    def test_may_be_called_while_other_work_runs(self) -> None:
        """Work given later need not wait for work given before."""
        drain = Drain[int]()
        with Pool(limit=2) as pool, Gate() as gate:
            pool.go(1 >> at(gate).hold)
            gate.wait_for(1)
            pool.go(2 >> double | drain)

            assert [4] == drain.drain(TIMEOUT)

    def test_may_be_called_from_a_worker(self) -> None:
        """Work given by a worker of the pool is work of the pool, even at limit 1."""
        drain = Drain[int]()

        @task
        def delegate(number: int) -> None:
            pool.go(number >> double | drain)

        with Pool(limit=1) as pool:
            pool.go(each([1, 2, 3]) >> delegate)

        assert [2, 4, 6] == sorted(drain.drain())

    def test_may_be_called_from_many_threads(self) -> None:
        """T6: Every method is safe from any thread: nothing that four threads give is lost."""
        drain = Drain[int]()
        with Pool(limit=2) as pool:

            def give() -> None:
                for number in range(50):
                    pool.go(number >> double | drain)

            givers = [threading.Thread(target=give) for _ in range(4)]
            for giver in givers:
                giver.start()
            for giver in givers:
                giver.join(TIMEOUT)

        assert sorted(4 * list(range(0, 100, 2))) == sorted(drain.drain())

    def test_without_arguments_does_nothing(self) -> None:
        """A pool that was given nothing can still be configured."""
        with Pool() as pool:
            pool.go()

            assert 3 == pool.with_limit(3).limit

    def test_accepts_all_or_nothing(self) -> None:
        """If one argument is no work, none of the others runs."""
        box = Box()
        with Pool() as pool:
            with pytest.raises(TypeError):
                pool.go(box, 3)  # type: ignore[arg-type]

            assert (0, 0) == (box.ran, pool.stats().accepted)

        assert 0 == box.ran

    def test_accepts_nothing_if_a_drain_is_shut(self) -> None:
        """A drain that is shut refuses the whole call."""
        box, drain = Box(), Drain[int]()
        drain.shut_down()
        with Pool() as pool, pytest.raises(DrainClosed):
            pool.go(box, 1 >> double | drain)

        assert 0 == box.ran

    def test_begins_to_iterate_in_the_thread_of_its_caller(self) -> None:
        """`iter()` is called in the caller's thread; what it raises is raised there."""

        class Broken:
            def __iter__(self) -> Iterator[int]:
                raise LookupError(threading.current_thread().name)

        box, here = Box(), threading.current_thread().name
        with Pool() as pool, pytest.raises(LookupError, match=here):
            pool.go(box, each(Broken()) >> double)

        assert 0 == box.ran


class TestWait:
    """`pool.wait()`: until nothing is queued, running or waiting."""

    def test_returns_at_once_if_there_was_no_work(self) -> None:
        """A new pool has nothing to wait for."""
        with Pool() as pool:
            pool.wait()

    @every_form
    def test_waits_for_what_runs(self, form: Form) -> None:
        """It does not return while an input runs, and returns when it has ended."""
        with Pool() as pool, Gate() as gate:
            pool.go(*form([1], at(gate).hold))
            gate.wait_for(1)
            with pytest.raises(TimeoutError):
                pool.wait(0)

            gate.open()
            pool.wait(TIMEOUT)

    @every_form
    def test_waits_for_what_is_queued(self, form: Form) -> None:
        """Inputs that have not started count."""
        drain = Drain[int]()
        with Pool(limit=1) as pool:
            pool.go(*(work | drain for work in form(range(1000), double)))
            pool.wait()

            assert 1000 == drain.count()

    def test_waits_for_retries(self, fake_clock: FakeClock) -> None:
        """An input that waits for its next attempt is not done."""
        calls = []

        @task(retry=3, backoff=60)
        def flaky() -> None:
            calls.append(fake_clock.now())
            if len(calls) < 3:
                raise OSError

        with Pool() as pool:
            pool.go(flaky).wait()

            assert 3 == len(calls)

    def test_waits_for_work_given_meanwhile(self) -> None:
        """Work that a worker gives while the pool is waited for counts, too."""
        ran = []

        @task
        def descend(depth: int) -> None:
            ran.append(depth)
            if depth:
                pool.go(depth - 1 >> descend)

        with Pool() as pool:
            pool.go(20 >> descend).wait()

            assert list(range(20, -1, -1)) == ran

    def test_waits_until_every_stage_is_asleep(self) -> None:
        """A stage whose drain is open is awake: there may be more for it."""
        pages = Drain[int]()
        with Pool() as pool:
            with pages:
                pool.go(pages >> double)
                with pytest.raises(TimeoutError):
                    pool.wait(0)

            pool.wait(TIMEOUT)

    def test_does_not_wait_for_a_stage_that_sleeps(self) -> None:
        """A stage whose drain is idle and empty does not keep the pool at work."""
        with Pool() as pool:
            pool.go(Drain[int]() >> double).wait(TIMEOUT)

    def test_timeout_says_what_was_not_done(self) -> None:
        """A TimeoutError names the pool and the seconds, and that the pool goes on."""
        says = r"name='mine'\) was not done after 0\.5 s; it goes on"
        with FakeClock(), Pool(1, name="mine") as pool, Gate() as gate:
            pool.go(1 >> at(gate).hold)
            with pytest.raises(TimeoutError, match=says):
                pool.wait(0.5)

    def test_timeout_changes_nothing(self) -> None:
        """C8: After a TimeoutError the pool still does what it was given."""
        drain = Drain[int]()
        with Pool() as pool, Gate() as gate:
            pool.go(1 >> at(gate).hold | drain)
            with pytest.raises(TimeoutError):
                pool.wait(0)

            gate.open()

            assert [1] == drain.drain(TIMEOUT)

    def test_releases_every_thread_that_waits(self) -> None:
        """P11: Any number of threads may wait; all return."""
        with Pool() as pool:
            with Gate() as gate:
                pool.go(1 >> at(gate).hold)
                waiters = [threading.Thread(target=pool.wait) for _ in range(3)]
                for waiter in waiters:
                    waiter.start()

            for waiter in waiters:
                waiter.join(TIMEOUT)

            assert not any(waiter.is_alive() for waiter in waiters)

    @pytest.mark.parametrize("call", ["wait", "close"])
    @every_form
    def test_is_refused_in_a_worker_of_the_pool(self, form: Form, call: str) -> None:
        """L8: A worker that waits for its own pool would wait for itself."""

        @task
        def waits(_: int, /) -> int:
            getattr(pool, call)()
            return 1

        with Pool(limit=1, on_error="keep") as pool:
            pool.go(*form([1], waits)).wait()
            says = f"{call}() in a worker of the same pool would wait for itself"

            assert isinstance(pool.errors()[0].exception, RuntimeError)
            assert says in str(pool.errors()[0].exception)

    @every_form
    def test_may_be_called_in_a_worker_of_another_pool(self, form: Form) -> None:
        """A pool within a task of another pool is a pool as any other."""
        drain = Drain[int]()

        @task
        def nest(number: int, /) -> int:
            with Pool(limit=1) as inner:
                inner.go(number >> double | drain)

            return drain.count()

        with Pool(limit=1) as outer:
            outer.go(*form([1, 2], nest))

        assert [2, 4] == sorted(drain.drain())


class TestClose:
    """`pool.close()`: refuses new work, waits for what was accepted, ends the threads."""

    def test_waits_for_what_was_accepted(self) -> None:
        """P12: All that was given before runs."""
        drain = Drain[int]()
        pool = Pool(limit=1).go(each(range(100)) >> double | drain)
        pool.close()

        assert 100 == drain.count()

    def test_ends_the_threads(self) -> None:
        """When it returns, no thread of the pool is left."""
        pool = Pool(limit=3, name="ends").go(each(range(100)) >> double)
        pool.close()

        assert 0 == pool.stats().threads
        assert not [t for t in threading.enumerate() if t.name.startswith("ends")]

    def test_refuses_new_work(self) -> None:
        """L5: Giving work to a closed pool is PoolClosed, which is a RuntimeError."""
        pool = Pool(name="old")
        pool.close()
        with pytest.raises(RuntimeError) as info:
            pool.go(1 >> double)

        assert PoolClosed is info.type
        assert "old is closed: make a new pool" == str(info.value)

    def test_refuses_new_work_while_it_waits(self) -> None:
        """L7: What runs while the pool closes cannot give it more."""
        refused: list[PoolClosed] = []

        @task
        def late() -> None:
            gate.arrive()
            try:
                pool.go(1 >> double)
            except PoolClosed as exc:
                refused.append(exc)

        with Pool() as pool, Gate() as gate:
            pool.go(late)
            gate.wait_for(1)
            closer = threading.Thread(target=pool.close)
            closer.start()
            assert poll(lambda: "closed" in repr(pool))

        closer.join(TIMEOUT)

        assert 1 == len(refused)

    def test_raises_nothing(self, caplog: pytest.LogCaptureFixture) -> None:
        """Failures do not come out of it; they are logged."""
        pool = Pool().go(1 >> fail)
        pool.close()

        assert ["WARNING"] == [record.levelname for record in caplog.records]

    def test_does_nothing_the_second_time(self) -> None:
        """Closing a closed pool is allowed, and `wait` returns at once."""
        pool = Pool().go(1 >> double)
        pool.close()
        pool.close()
        pool.wait()

    def test_may_be_called_by_several_threads(self) -> None:
        """L4: Each returns when the threads of the pool have ended."""
        left: list[int] = []
        for _ in range(20):
            pool = Pool(limit=3).go(each(range(20)) >> double)

            def close(pool: Pool = pool) -> None:
                pool.close()
                left.append(pool.stats().threads)

            closers = [threading.Thread(target=close) for _ in range(3)]
            for closer in closers:
                closer.start()
            for closer in closers:
                closer.join(TIMEOUT)

        assert [0] * 60 == left

    def test_closes_a_pool_that_never_worked(self) -> None:
        """A pool without work is closed as any other."""
        pool = Pool()
        pool.close()

        assert "closed" in repr(pool)

    def test_lets_another_pool_have_a_drain_that_fed_a_stage(self) -> None:
        """A stage belongs to the pool until it is closed, and no longer."""
        pages, records = Drain[int](), Drain[int]()
        with Pool() as first:
            first.go(pages >> double)

        pages.send(1)
        with Pool() as second:
            second.go(pages >> double | records)

        assert [2] == records.drain()


class TestWith:
    """`with Pool() as pool:` is `wait()` and `close()`."""

    def test_gives_the_pool(self) -> None:
        """The name after `as` is the pool itself."""
        pool = Pool()
        with pool as same:
            assert pool is same

    def test_waits_and_closes(self) -> None:
        """After the block everything has run and the threads are gone."""
        drain = Drain[int]()
        with Pool(limit=1) as pool:
            pool.go(each(range(100)) >> double | drain)

        assert (100, 0) == (drain.count(), pool.stats().threads)

    def test_raises_what_wait_raises(self) -> None:
        """Failures come out of the block, and the pool is closed all the same."""
        pool = Pool()
        with pytest.raises(ExceptionGroup, match="1 worker failed"), pool:
            pool.go(1 >> fail)

        assert "closed" in repr(pool)

    def test_left_by_an_exception_raises_that(self) -> None:
        """The exception of the body goes on as it is; failures don't replace it."""
        error, pool = LookupError("body"), Pool()
        with pytest.raises(LookupError) as info:
            leave(pool.go(1 >> fail), error)

        assert error is info.value
        assert "closed" in repr(pool)

    def test_left_by_an_exception_drops_what_has_not_started(self) -> None:
        """E3: What is queued never starts."""
        drain = Drain[int]()
        with pytest.raises(LookupError):
            leave(Pool(limit=1).go(until_told, 2 >> double | drain), LookupError())

        assert [] == drain.drain()

    def test_left_by_an_exception_waits_for_what_runs(self) -> None:
        """What runs is told, and may finish."""
        drain = Drain[str]()
        with pytest.raises(LookupError):
            leave(Pool().go(until_told | drain), LookupError())

        assert ["told"] == drain.drain()


class TestName:
    """A pool has a name, for threads, logs and repr."""

    def test_is_made_up_if_none_is_given(self) -> None:
        """Pools without a name can be told apart."""
        first, second = repr(Pool(1)), repr(Pool(1))

        assert "name='Pool-" in first
        assert first != second

    def test_is_in_the_names_of_threads(self) -> None:
        """V5: Threads are called after their pool, and numbered."""
        drain = Drain[str]()

        @task
        def name() -> str:
            return threading.current_thread().name

        with Pool(name="crawl") as pool:
            pool.go(name | drain)

        # Not always the first: one that was started later may be quicker.
        assert [True] == [bool(re.fullmatch(r"crawl-\d", name)) for name in drain]

    def test_threads_are_daemons(self) -> None:
        """A task that nobody waits for does not keep Python alive."""
        drain = Drain[bool]()

        @task
        def is_daemon() -> bool:
            return threading.current_thread().daemon

        with Pool() as pool:
            pool.go(is_daemon | drain)

        assert [True] == drain.drain()
