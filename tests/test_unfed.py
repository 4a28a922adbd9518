"""Drains that feed a stage and that nobody ever fed: one warning names them."""

import logging
from collections.abc import Callable
from contextlib import suppress

import pytest
from typing_extensions import override

from beside import beside
from drains import Feeding, every_feeding, shut
from fluent_async import Drain, Pool, each, run
from fluent_async._monitor import inside
from fluent_async._worker import Workers
from support import TIMEOUT, Gate, poll
from work import at, double, fail


Log = Callable[[], list[str]]


def collected(work: Workers[int]) -> list[int]:
    """Iterate what comes of work."""
    return list(work.results())


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Log:
    """Give what was logged at WARNING so far."""
    return lambda: [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.WARNING
    ]


class TestWarns:
    """A stage whose drain is still new at `wait()`."""

    def test_of_the_stage_and_the_drain(self, warnings: Log) -> None:
        """The warning names the pool, the drain and the task, and says what to do."""
        with Pool(1, name="crawl") as pool:
            pool.go(Drain[int](name="pages") >> double).wait(TIMEOUT)

        says = "nobody ever fed Drain(name='pages') >> double: drain work to it"

        assert [f"crawl: {says}, or send it values"] == warnings()

    def test_of_all_of_them_at_once(self, warnings: Log) -> None:
        """What is downstream of such a stage is new as well: the chain is seen whole."""
        first, second = Drain[int](name="first"), Drain[int](name="second")
        with Pool(1) as pool:
            pool.go(first >> double | second, second >> fail).wait(TIMEOUT)

        [warning] = warnings()

        assert "Drain(name='first') >> double, Drain(name='second') >> fail" in warning

    def test_at_the_end_of_the_block(self, warnings: Log) -> None:
        """Leaving `with Pool()` is `wait()`."""
        with Pool(1) as pool:
            pool.go(Drain[int]() >> double, 1 >> double)

        assert 1 == len(warnings())

    def test_once(self, warnings: Log) -> None:
        """However often the pool is waited for; a stage that comes later is told anew."""
        with Pool(1) as pool:
            pool.go(Drain[int]() >> double).wait(TIMEOUT)
            pool.wait(TIMEOUT)
            before = len(warnings())
            pool.go(Drain[int](name="late") >> double)

        assert 1 == before
        assert ["late" in warning for warning in warnings()] == [False, True]

    @pytest.mark.parametrize("call", [run, collected])
    def test_while_outputs_are_waited_for(
        self, call: Callable[[Workers[int]], list[int]], warnings: Log
    ) -> None:
        """`run()` and `results()` wait for the first feeder, and say for whom they do."""
        drain = Drain[int](name="pages")
        running = beside(lambda: call(drain >> double))

        assert poll(lambda: bool(warnings()))
        assert "nobody ever fed Drain(name='pages') >> double" in warnings()[0]

        drain.send(1)

        assert [2] == running.result(TIMEOUT)

    def test_before_it_raises(self, warnings: Log) -> None:
        """Failures of other work hide nothing."""
        with pytest.raises(ExceptionGroup), Pool(1) as pool:
            pool.go(Drain[int]() >> double, 1 >> fail)

        assert 1 == len(warnings())

    def test_outside_of_what_handlers_must_not_see(self) -> None:
        """A handler of the user's may call the pool and the drain that are named."""
        drain, seen = Drain[int](), list[tuple[bool, int]]()

        class Handler(logging.Handler):
            @override
            def emit(self, record: logging.LogRecord) -> None:
                seen.append((inside(), pool.stats().accepted))
                drain.send(1)

        handler, log = Handler(), logging.getLogger("fluent_async")
        log.addHandler(handler)
        try:
            with Pool(1) as pool:
                pool.go(drain >> double)
        finally:
            log.removeHandler(handler)

        assert [(False, 0)] == seen
        assert 1 == pool.stats().succeeded


class TestIsSilent:
    """Where nobody forgot anything."""

    @every_feeding
    def test_of_a_drain_that_was_fed(self, feeding: Feeding, warnings: Log) -> None:
        """Whoever fed it, and before or after it came to feed a stage."""
        before, after = Drain[int](), Drain[int]()
        with Pool(1) as pool:
            with feeding(before):
                pass

            pool.go(before >> double, after >> double)
            with feeding(after):
                pass

        assert [] == warnings()

    def test_of_a_drain_that_was_sent_a_value(self, warnings: Log) -> None:
        """A value by hand is something to do."""
        drain = Drain[int]()
        with Pool(1) as pool:
            pool.go(drain >> double)
            drain.send(1)

        assert [] == warnings()

    def test_of_a_drain_that_was_fed_nothing(self, warnings: Log) -> None:
        """An empty batch that drains to it is no mistake."""
        drain = Drain[int]()
        with Pool(1) as pool:
            pool.go(drain >> double, each(list[int]()) >> double | drain)

        assert [] == warnings()

    def test_of_drains_of_others(self, warnings: Log) -> None:
        """Results in a pool wait for their own work, and not for what else is there."""
        with Pool(2) as pool:
            pool.go(Drain[int]() >> double)

            assert [2] == list((each([1]) >> double).results(pool=pool))
            assert [] == warnings()

    def test_of_a_drain_that_is_shut(self, warnings: Log) -> None:
        """To shut it says that nothing is to come."""
        with Pool(1) as pool:
            pool.go(shut() >> double)

        assert [] == warnings()

    def test_when_the_wait_is_in_vain(self, warnings: Log) -> None:
        """What still runs may feed the drain yet."""
        drain = Drain[int]()
        with Pool(1) as pool, Gate() as gate:
            pool.go(drain >> double, 1 >> at(gate).hold)
            with pytest.raises(TimeoutError):
                pool.wait(timeout=0)

            drain.send(1)

        assert [] == warnings()

    def test_when_the_block_raises(self, warnings: Log) -> None:
        """What went wrong there is told by its exception alone."""
        with suppress(LookupError), Pool(1) as pool:
            pool.go(Drain[int]() >> double)
            raise LookupError

        assert [] == warnings()
