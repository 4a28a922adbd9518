"""Signals: a handler that raises never cuts in half what belongs together."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from beside import beside
from fluent_async import Drain, Pool, _channel, _signals, each
from fluent_async._channel import Channel
from fluent_async._monitor import Monitor, after
from fluent_async._signals import undisturbed
from fluent_async.errors import PoolCancelled
from hand import filled
from interruption import Interrupted, interrupt, interrupted_at, raising_handlers
from support import TIMEOUT, Gate
from work import at, double


@pytest.fixture(autouse=True)
def signals_that_raise() -> Iterator[None]:
    """Have two signals raise in every test."""
    with raising_handlers():
        yield


@contextmanager
def interruption() -> Iterator[None]:
    """Expect that a handler raises somewhere in the block."""
    with pytest.raises(Interrupted):
        yield


class TestUndisturbed:
    """`with undisturbed:` runs to its end before any handler does."""

    def test_puts_a_signal_off_until_its_end(self) -> None:
        """The handler runs when the block is over, in the thread that was in it."""
        steps = list[str]()
        with interruption(), undisturbed:
            signal.raise_signal(signal.SIGUSR1)
            steps.append("undisturbed")

        assert ["undisturbed"] == steps

    def test_ends_with_the_outermost_block(self) -> None:
        """Blocks may be nested."""
        steps = list[str]()
        with interruption(), undisturbed:
            with undisturbed:
                signal.raise_signal(signal.SIGUSR1)

            steps.append("undisturbed")

        assert ["undisturbed"] == steps

    def test_runs_every_handler_though_one_raises(self) -> None:
        """Each signal counts; what one handler raises is the context of the next's."""
        ran = list[int]()
        signal.signal(signal.SIGUSR2, lambda number, _: ran.append(number))
        with interruption(), undisturbed:
            signal.raise_signal(signal.SIGUSR1)
            signal.raise_signal(signal.SIGUSR2)

        assert [signal.SIGUSR2] == ran

    def test_puts_the_handlers_back(self) -> None:
        """K7: a program's own handlers are those it set, whatever the library is at."""
        with suppress(Interrupted), undisturbed:
            signal.raise_signal(signal.SIGUSR1)

        assert interrupt == signal.getsignal(signal.SIGUSR1)
        assert signal.default_int_handler == signal.getsignal(signal.SIGINT)

    def test_leaves_a_handler_that_was_set_meanwhile(self) -> None:
        """K7: one that is set in the middle of it, as a finalizer may, stays."""
        ran = list[int]()
        with undisturbed:
            signal.raise_signal(signal.SIGUSR1)
            signal.signal(signal.SIGUSR1, lambda number, _: ran.append(number))

        assert [signal.SIGUSR1] == ran

    def test_hears_nothing_of_a_signal_that_is_ignored_meanwhile(self) -> None:
        """What was noted has no handler any more."""
        with undisturbed:
            signal.raise_signal(signal.SIGUSR1)
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)

        assert signal.SIG_IGN == signal.getsignal(signal.SIGUSR1)

    def test_lets_a_signal_through_that_waited_too_long(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Ctrl-C gets through even if something is stuck that never is."""
        monkeypatch.setattr(_signals, "PATIENCE_S", -1.0)
        steps = list[str]()

        def stuck() -> None:
            with undisturbed:
                signal.raise_signal(signal.SIGUSR1)
                steps.append("stuck")

        with suppress(Interrupted):
            stuck()

        assert [] == steps

    def test_is_of_the_main_thread_alone(self) -> None:
        """K8: another thread changes no handler; none runs there."""

        def look() -> object:
            with undisturbed, Monitor():
                return signal.getsignal(signal.SIGUSR1)

        assert interrupt == beside(look).result(TIMEOUT)

    def test_survives_a_handler_that_raises_wherever_it_interrupts(self) -> None:
        """K10: at each line of it a signal either raises at once or is put off."""

        def enter() -> None:
            with undisturbed:
                pass

        reached = [interrupted_at(line, enter) for line in range(1, 100)]

        assert True in reached
        assert not reached[-1]
        with undisturbed:  # puts back what was left behind
            pass

        assert interrupt == signal.getsignal(signal.SIGUSR1)
        assert 0 == _signals.signals._depth  # noqa: SLF001


class TestDecisions:
    """A decision of the library is made as a whole, with all that follows from it."""

    def test_are_made_as_a_whole(self) -> None:
        """The handler runs when the monitor is left, and nobody is kept out of it."""
        monitor, steps = Monitor(), list[str]()
        with interruption(), monitor:
            signal.raise_signal(signal.SIGUSR1)
            steps.append("decided")

        assert ["decided"] == steps
        beside(monitor.do, int).result(TIMEOUT)

    def test_have_done_what_they_put_off(self) -> None:
        """So nobody sleeps on who was to be woken after the decision."""
        steps = list[str]()

        def act() -> None:
            signal.raise_signal(signal.SIGUSR1)
            steps.append("woken")

        def decide() -> None:
            with Monitor():
                after(act)
                after(act)

        with interruption():
            decide()

        assert ["woken", "woken"] == steps


class TestTaking:
    """A signal comes when a thread has a value of a drain, and before its caller has."""

    @pytest.mark.parametrize("shared", [True, False])
    def test_leaves_the_value_in_the_drain(
        self, monkeypatch: pytest.MonkeyPatch, *, shared: bool
    ) -> None:
        """K5: nothing that was sent is lost, and the order is as it was."""
        monkeypatch.setattr(_channel, "SHARED", shared)
        drain = filled(1, 2)
        ask = Channel[int]._ask  # noqa: SLF001

        def interrupted(channel: Channel[int]) -> object:
            taking = ask(channel)
            signal.raise_signal(signal.SIGUSR1)
            return taking

        with monkeypatch.context() as patch, interruption():
            patch.setattr(Channel, "_ask", interrupted)
            next(iter(drain))

        assert [1, 2] == drain.drain()


class TestAnywhere:
    """A handler that raises anywhere in the library leaves everything consistent."""

    @pytest.mark.slow
    def test_leaves_pool_and_drain_as_good_as_new(
        self, errors_recorded: list[BaseException | None]
    ) -> None:
        """K5, K10, P16: at every eighth of the lines the main thread comes to."""
        line = 1
        while interrupted_round(line, errors_recorded):
            line += 8

        assert line > 500


def interrupted_round(line: int, errors: list[BaseException | None]) -> bool:
    """Use a pool and a drain, interrupted at a line of it; see that both work on.

    What the handler raises in the middle of a finalizer is Python's to report: it is
    taken off `errors`, where it would keep the iterator that it came through.

    Returns:
        Whether it has that many lines.
    """
    drain = Drain[int](maxsize=2)
    pool = Pool(limit=2, on_error="keep")

    def use() -> None:
        pool.go(each(range(4)) >> double | drain)
        for _ in zip(range(3), drain, strict=False):
            pass

        drain.drain()
        pool.wait()
        drain.send(1)
        pool.cancel()

    interrupted = interrupted_at(line, use)
    errors[:] = [error for error in errors if not isinstance(error, Interrupted)]
    beside(check, pool, drain).result(TIMEOUT)
    return interrupted


def check(pool: Pool, drain: Drain[int]) -> None:
    """See that no slot is lost, nor room, nor what wakes those who wait."""
    left = len(drain.drain())
    with suppress(PoolCancelled):
        pool.wait()

    for _ in range(left):
        next(iter(drain))

    with Gate() as gate:
        pool.go(each(range(2)) >> at(gate).hold)
        gate.wait_for(2)

    pool.wait()
    pool.go(each(range(2)) >> double | drain)
    pool.wait()
    stats = pool.stats()
    pool.close()

    assert [0, 2] == sorted(drain.drain())
    assert (0, 0) == (stats.in_progress, stats.running)
