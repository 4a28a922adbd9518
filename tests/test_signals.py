"""Signals: a handler that raises never cuts in half what belongs together."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from beside import beside
from fluent_async import Drain, Pool, _signals, each
from fluent_async._channel import Channel
from fluent_async._monitor import Monitor, after
from fluent_async._signals import undisturbed
from fluent_async._wait import Waiter, block
from fluent_async.errors import PoolCancelled
from hand import Stirred, channel_of, filled, hold_back
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

    def test_ends_a_wait_inside(self) -> None:
        """K10: what was put off before the wait comes out of it, at once."""
        with interruption(), undisturbed:
            signal.raise_signal(signal.SIGUSR1)
            block(Waiter(), TIMEOUT)

        assert not _signals.signals.standing

    def test_finds_the_handler_of_a_stand_in_that_was_left_behind(self) -> None:
        """K7, K10: also if handlers were changed since."""
        with undisturbed:
            left_behind = signal.getsignal(signal.SIGUSR1)

        signal.signal(signal.SIGUSR1, lambda *_: None)
        with undisturbed:
            pass

        signal.signal(signal.SIGUSR1, left_behind)
        with undisturbed:
            pass

        assert interrupt == signal.getsignal(signal.SIGUSR1)

    def test_is_no_more_than_the_handler_where_a_program_set_it_again(self) -> None:
        """K7: a stand-in that is called while nothing is put off goes, at once."""
        with undisturbed:
            left_behind = signal.getsignal(signal.SIGUSR1)

        signal.signal(signal.SIGUSR1, left_behind)
        with interruption():
            signal.raise_signal(signal.SIGUSR1)

        assert interrupt == signal.getsignal(signal.SIGUSR1)

    @pytest.mark.parametrize("error", [ValueError, TypeError, KeyboardInterrupt])
    def test_passes_on_whatever_a_handler_raises(
        self, error: type[BaseException]
    ) -> None:
        """K10: wherever it comes; and the next signal is put off as before."""

        def handle(*_: object) -> None:
            raise error("from the handler")

        def enter() -> None:
            with undisturbed:
                pass

        signal.signal(signal.SIGUSR1, handle)
        for line in range(1, 40):
            with suppress(error):
                interrupted_at(line, enter)

            assert signal.getsignal(signal.SIGUSR1) == handle

        steps = list[str]()
        with suppress(error), undisturbed:
            signal.raise_signal(signal.SIGUSR1)
            steps.append("undisturbed")

        assert ["undisturbed"] == steps

    @pytest.mark.parametrize("step", [1, 2, 3])
    @pytest.mark.parametrize("at", ["in", "out"])
    def test_survives_a_handler_that_raises_when_handlers_are_set(
        self, monkeypatch: pytest.MonkeyPatch, at: str, step: int
    ) -> None:
        """K10: whichever handlers have stand-ins by then, all are back."""
        handlers = [signal.getsignal(number) for number in _signals.NUMBERS]
        change, left = _signals._set, step  # noqa: SLF001

        def interrupted(number: int, handler: object) -> object:
            nonlocal left
            left -= callable(handler) and (at == "in") == hasattr(handler, "handler")
            if left == 0:
                left = -1
                signal.raise_signal(signal.SIGUSR2)

            return change(number, handler)  # type: ignore[arg-type]

        monkeypatch.setattr(_signals, "_set", interrupted)
        with suppress(Interrupted), undisturbed:
            pass

        assert left < 0
        assert handlers == [signal.getsignal(number) for number in _signals.NUMBERS]
        assert not _signals.signals.standing

    def test_leaves_a_handler_that_another_one_sets_meanwhile(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """K7: one that is set between the look and its turn keeps its place."""
        change, ran = _signals._set, list[int]()  # noqa: SLF001

        def handle(number: int, _: object) -> None:
            ran.append(number)

        def interrupted(number: int, handler: object) -> object:
            if signal.getsignal(signal.SIGUSR2) == interrupt:
                signal.signal(signal.SIGUSR2, handle)

            return change(number, handler)  # type: ignore[arg-type]

        with undisturbed:  # so that the next one need not look
            pass

        monkeypatch.setattr(_signals, "_set", interrupted)
        with undisturbed:
            signal.raise_signal(signal.SIGUSR2)

        assert [signal.SIGUSR2] == ran
        assert handle == signal.getsignal(signal.SIGUSR2)

    def test_does_nothing_where_no_handler_can_be_set(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """X10: in a second interpreter the handlers are those of the first."""
        monkeypatch.setattr(_signals, "signals", _signals.Signals())
        monkeypatch.setattr(_signals, "_may_set", bool)
        steps = list[str]()
        with interruption(), undisturbed:
            signal.raise_signal(signal.SIGUSR1)
            steps.append("undisturbed")

        assert steps == []
        assert not _signals.signals.here

    def test_passes_on_what_a_handler_raises_at_the_first_look(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """K10: even if that is what tells a second interpreter."""

        def probe(number: int, handler: object) -> object:
            raise ValueError(number, handler)

        monkeypatch.setattr(_signals, "signals", _signals.Signals())
        monkeypatch.setattr(_signals, "_probe", probe)
        with pytest.raises(ValueError, match="None"), undisturbed:
            pass

        assert _signals.signals.here
        assert not _signals.signals.standing

    def test_may_be_entered_by_a_handler_at_any_line(self) -> None:
        """K5: one that calls the library while handlers are put off, or are put back."""
        ran = list[int]()

        def handle(*_: object) -> None:
            with undisturbed:
                ran.append(_signals.signals._depth)  # noqa: SLF001

        def enter() -> None:
            with undisturbed:
                pass

        signal.signal(signal.SIGUSR1, handle)
        lines = range(1, 40)
        reached = [interrupted_at(line, enter) for line in lines]

        assert sum(reached) == len(ran) > 5
        assert handle == signal.getsignal(signal.SIGUSR1)
        assert not _signals.signals.standing

    def test_puts_off_what_comes_after_a_handler_changed_another(self) -> None:
        """K7: the new handler has a stand-in as well, from the next block on."""
        with undisturbed:
            signal.signal(signal.SIGUSR2, interrupt)

        steps = list[str]()
        with interruption(), undisturbed:
            signal.raise_signal(signal.SIGUSR2)
            steps.append("undisturbed")

        assert ["undisturbed"] == steps

    def test_survives_a_handler_that_raises_wherever_it_interrupts(self) -> None:
        """K10: at each line of it a signal either raises at once or is put off."""

        def enter() -> None:
            with undisturbed:
                pass

        reached = list[bool]()
        for line in range(1, 100):
            reached.append(interrupted_at(line, enter))

            assert interrupt == signal.getsignal(signal.SIGUSR1)
            assert not _signals.signals.standing

        assert True in reached
        assert not reached[-1]


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
                after(lambda: steps.append("told"))

        with interruption():
            decide()

        assert ["woken", "told"] == steps


class TestTaking:
    """A signal comes when a thread has a value of a drain, and before its caller has."""

    @pytest.mark.usefixtures("each_build")
    @pytest.mark.parametrize("alone", [False, True])
    def test_leaves_the_value_in_the_drain(
        self, monkeypatch: pytest.MonkeyPatch, *, alone: bool
    ) -> None:
        """K5: nothing that was sent is lost, and the order is as it was."""
        drain = filled(1, 2)
        if alone:  # then it has the value before anybody else can
            hold_back(channel_of(drain), Stirred())

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
