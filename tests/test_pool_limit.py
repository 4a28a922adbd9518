"""Limits: how much of a pool runs at once, and on how many threads."""

import logging
import os
import threading

import pytest

from fluent_async import Drain, Pool, each, task
from support import Gate
from work import Box, Form, at, double, every_form


class TestLimit:
    """At most `limit` attempts run at any instant."""

    def test_is_a_few_more_than_the_processors_by_default(self) -> None:
        """The default is `min(32, cpus + 4)`."""
        assert min(32, (os.cpu_count() or 1) + 4) == Pool().limit

    @pytest.mark.parametrize("cpus", [1, 2, 28, 29, 64])
    def test_is_never_more_than_32_by_default(
        self, monkeypatch: pytest.MonkeyPatch, cpus: int
    ) -> None:
        """A large machine gets 32."""
        monkeypatch.setattr(os, "cpu_count", lambda: cpus)

        assert min(32, cpus + 4) == Pool().limit

    @pytest.mark.parametrize("limit", [1, 2, 3])
    @every_form
    def test_is_reached_and_never_exceeded(self, form: Form, limit: int) -> None:
        """O1: So many inputs run together, and the next one waits."""
        with Pool(limit) as pool, Gate() as gate:
            pool.go(*form(range(limit + 2), at(gate).hold))
            gate.wait_for(limit)

            assert limit == pool.stats().running
            gate.assert_nobody_arrives()

    def test_holds_over_several_calls_of_go(self) -> None:
        """It is the pool's, not one of each call."""
        with Pool(limit=2) as pool, Gate() as gate:
            for number in range(4):
                pool.go(number >> at(gate).hold)

            gate.wait_for(2)
            gate.assert_nobody_arrives()

    def test_includes_what_workers_give(self) -> None:
        """Work that a worker gives has no slots of its own."""
        with Pool(limit=2) as pool, Gate() as gate:

            @task
            def delegate(number: int) -> None:
                pool.go(number >> at(gate).hold)
                gate.arrive()

            pool.go(each([1, 2]) >> delegate)
            gate.wait_for(2)
            gate.assert_nobody_arrives()

    def test_includes_retries(self) -> None:
        """O1: A second attempt waits for a slot like a first one."""
        attempts: list[int] = []

        @task(retry=2)
        def flaky(number: int) -> None:
            attempts.append(number)
            if len(attempts) == 1:
                raise OSError

            gate.arrive()

        with Pool(limit=1) as pool, Gate() as gate:
            pool.go(1 >> flaky, 2 >> at(gate).hold)
            gate.wait_for(1)
            gate.assert_nobody_arrives()

    def test_can_be_set_later(self) -> None:
        """`with_limit` sets it, and returns the pool."""
        pool = Pool(limit=5)

        assert pool is pool.with_limit(2)
        assert 2 == pool.limit

    def test_holds_when_set_later(self) -> None:
        """What `with_limit` sets is what holds."""
        with Pool().with_limit(2) as pool, Gate() as gate:
            pool.go(each(range(4)) >> at(gate).hold)
            gate.wait_for(2)
            gate.assert_nobody_arrives()

    def test_cannot_be_set_once_there_was_work(self) -> None:
        """L12: A pool that was given work keeps its limit."""
        with Pool(limit=5, name="mine") as pool:
            pool.go(1 >> double).wait()
            with pytest.raises(RuntimeError, match=r"the limit of .*'mine'\) can't"):
                pool.with_limit(2)

            assert 5 == pool.limit


class TestStage:
    """STAGE=test in the environment: every pool has limit 1."""

    @pytest.fixture(autouse=True)
    def stage(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Set STAGE=test."""
        monkeypatch.setenv("STAGE", "test")

    def test_makes_every_limit_1(self) -> None:
        """Whatever limit is asked for, or none, it is 1."""
        assert [1, 1, 1] == [p.limit for p in (Pool(), Pool(8), Pool().with_limit(8))]

    def test_runs_one_at_a_time(self) -> None:
        """A pool runs its work one after the other, in the order given."""
        drain = Drain[int]()
        with Pool(limit=8) as pool:
            pool.go(each(range(50)) >> double | drain)

        assert list(range(0, 100, 2)) == drain.drain()

    def test_is_shown_by_repr(self) -> None:
        """The repr says why the limit is 1."""
        assert "<Pool(limit=1, name='mine'), STAGE=test>" == repr(Pool(8, name="mine"))

    def test_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        """One line at INFO says so."""
        with caplog.at_level(logging.INFO, "fluent_async"):
            Pool(8)

        assert [("INFO", "fluent_async")] == [
            (record.levelname, record.name) for record in caplog.records
        ]
        assert "STAGE=test" in caplog.text

    def test_other_stages_change_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Only the value "test" counts."""
        monkeypatch.setenv("STAGE", "production")

        assert (8, False) == (Pool(8).limit, "STAGE" in repr(Pool(8)))


class TestThreads:
    """A pool has as many threads as it needs, when it needs them."""

    def test_start_when_there_is_work(self) -> None:
        """A pool that was given nothing has none."""
        with Pool(limit=4) as pool:
            assert 0 == pool.stats().threads

    def test_are_never_more_than_the_limit(self) -> None:
        """Work that neither waits for time nor for room needs no more."""
        with Pool(limit=3) as pool, Gate() as gate:
            pool.go(each(range(10)) >> at(gate).hold)
            gate.wait_for(3)

            assert 3 == pool.stats().threads

    def test_are_used_again(self) -> None:
        """The same thread runs one input after the other."""
        drain = Drain[int]()

        @task
        def ident(_: int) -> int:
            return threading.get_ident()

        with Pool(limit=1) as pool:
            for number in range(5):
                pool.go(number >> ident | drain).wait()

        assert 1 == len(set(drain.drain()))

    def test_that_cannot_start_leave_the_work_to_others(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """L11: When the system gives no second thread, the first does everything."""
        start, drain = threading.Thread.start, Drain[int]()

        def start_one(thread: threading.Thread) -> None:
            if not thread.name.endswith("-0"):
                raise RuntimeError("can't start new thread")

            start(thread)

        monkeypatch.setattr(threading.Thread, "start", start_one)
        with Pool(limit=4, name="poor") as pool:
            pool.go(*(number >> double | drain for number in range(50)))

        assert list(range(0, 100, 2)) == sorted(drain.drain())

    def test_that_cannot_start_at_all_refuse_the_work(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """L11: Without any thread `go` raises, and accepts nothing."""

        def start_none(thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        box = Box()
        with Pool() as pool:
            with monkeypatch.context() as patch:
                patch.setattr(threading.Thread, "start", start_none)
                with pytest.raises(RuntimeError, match="can't start new thread"):
                    pool.go(box)

            assert (0, 0) == (pool.stats().accepted, pool.stats().threads)
            pool.go(box)

        assert 1 == box.ran
