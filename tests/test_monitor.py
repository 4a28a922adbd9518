"""Monitors: decisions exclude each other, and what interrupts one waits until it is over."""

import gc
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

import pytest

from beside import beside
from fluent_async import Drain, Pool, _monitor, each, task
from fluent_async._monitor import Monitor, after, after_all, inside, outside
from fluent_async.errors import DrainClosed
from hand import channel_of, filled
from support import TIMEOUT, Gate, run_child, start_child


class Finalized:
    """Calls what it is told to when it is no longer used."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call

    def __del__(self) -> None:
        self._call()


class InCycle(Finalized):
    """One that only the garbage collector can finalize."""

    def __init__(self, call: Callable[[], object]) -> None:
        super().__init__(call)
        self._cycle = self


@contextmanager
def collecting(*, every: int) -> Iterator[None]:
    """Have the garbage collector run whenever so many objects were made, and at the end."""
    before = gc.get_threshold()
    gc.set_threshold(every)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.collect()


@pytest.fixture
def on_signal() -> Iterator[Callable[[Callable[[], object]], None]]:
    """Have a call made in the middle of what this thread is at, as Ctrl-C makes one."""
    previous = signal.getsignal(signal.SIGINT)

    def interrupt(call: Callable[[], object]) -> None:
        signal.signal(signal.SIGINT, lambda *_: call())
        signal.raise_signal(signal.SIGINT)

    yield interrupt
    signal.signal(signal.SIGINT, previous)


def enter(monitor: Monitor, gate: Gate) -> None:
    """Arrive at a gate from inside a monitor."""
    with monitor:
        gate.arrive()


class TestMonitor:
    """`with monitor:` is one thread at a time."""

    def test_lets_one_thread_in_at_a_time(self) -> None:
        """While a thread is in it, another waits; then it is let in."""
        monitor, gate = Monitor(), Gate()
        first, second = (beside(enter, monitor, gate) for _ in range(2))
        gate.wait_for(1)
        gate.assert_nobody_arrives()
        gate.open()
        first.result(TIMEOUT)
        second.result(TIMEOUT)

        gate.wait_for(1)

    def test_keeps_nobody_out_of_another_one(self) -> None:
        """Monitors know nothing of each other."""
        with Gate() as gate:
            calls = [beside(enter, Monitor(), gate) for _ in range(2)]
            gate.wait_for(2)

        assert [None, None] == [call.result(TIMEOUT) for call in calls]

    def test_can_be_entered_inside_another_one(self) -> None:
        """A pool's monitor goes before a drain's."""
        pools, drains = Monitor(), Monitor()
        with pools, drains:
            within = inside()

        assert (True, False) == (within, inside())

    def test_is_free_again_after_an_exception(self) -> None:
        """An exception leaves the monitor, and goes on."""
        monitor = Monitor()
        with pytest.raises(LookupError), monitor:
            raise LookupError

        assert not inside()
        assert "entered" == beside(self.enter, monitor).result(TIMEOUT)

    @pytest.mark.slow
    @pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")
    def test_survives_a_handler_that_raises_wherever_it_interrupts(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Ctrl-C at any moment leaves the monitor free, and its thread out of it."""
        # What measures coverage in children has a lock of its own, which is not made
        # for handlers that raise.
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        source = """
            import signal
            from fluent_async._monitor import Monitor, inside
            def interrupt(*_):
                raise KeyboardInterrupt
            monitor = Monitor()
            signal.signal(signal.SIGVTALRM, interrupt)
            for hit in range(100):
                try:
                    signal.setitimer(signal.ITIMER_VIRTUAL, 1e-6 * (hit % 60 + 1))
                    while True:
                        monitor.do(int)
                except KeyboardInterrupt:
                    assert not inside(), f"still inside after {hit} signals"
            print("free")
            """
        done = run_child(source)

        assert ("free\n", "") == (done.stdout, done.stderr)

    def test_leaves_no_trace_of_a_wait_that_was_interrupted(self) -> None:
        """Ctrl-C that is pressed again reaches a thread that waits to enter for long."""
        source = """
            from fluent_async import _signals
            from concurrent.futures import ThreadPoolExecutor
            from threading import Barrier, Event
            from fluent_async._monitor import Monitor, inside

            _signals.PATIENCE_S = 0.0
            monitor, held, free = Monitor(), Barrier(2), Event()
            with ThreadPoolExecutor() as threads:
                threads.submit(monitor.do, lambda: (held.wait(), free.wait()))
                held.wait()
                try:
                    print("waiting", flush=True)
                    monitor.do(print)
                except KeyboardInterrupt:
                    print("inside" if inside() else "outside")
                    free.set()

            monitor.do(lambda: print("entered"))
            """
        with start_child(source) as child:
            child.wait_for("waiting")
            child.interrupt()
            child.interrupt()
            done = child.finish()

        assert "waiting\noutside\nentered\n" == done.stdout

    @staticmethod
    def enter(monitor: Monitor) -> str:
        """Enter a monitor and leave it."""
        with monitor:
            return "entered"


class TestInside:
    """`inside()`: true only for what interrupts a thread in a monitor."""

    def test_is_true_in_a_monitor_alone(self) -> None:
        """It is true until the outermost monitor is left."""
        asked = [inside()]
        with Monitor():
            with Monitor():
                asked.append(inside())

            asked.append(inside())

        asked.append(inside())

        assert [False, True, True, False] == asked

    def test_is_of_the_thread_that_asks(self) -> None:
        """Another thread's monitors are no concern of this one's."""
        with Monitor():
            elsewhere = beside(inside).result(TIMEOUT)

        assert not elsewhere

    def test_is_true_for_a_finalizer_that_interrupts(self) -> None:
        """What the interpreter runs in the middle of a decision is told."""
        asked = list[bool]()
        with Monitor():
            Finalized(lambda: asked.append(inside()))

        assert [True] == asked

    def test_is_true_for_a_signal_handler_that_interrupts(
        self, on_signal: Callable[[Callable[[], object]], None]
    ) -> None:
        """A handler runs in the thread that it interrupts."""
        asked = list[bool]()
        with Monitor():
            on_signal(lambda: asked.append(inside()))

        assert [True] == asked


class TestDo:
    """`monitor.do(decision)`: now if it may be, else when the thread is out."""

    def test_decides_at_once_inside_the_monitor(self) -> None:
        """Outside every monitor the decision is made in this one, and is made on return."""
        monitor, asked = Monitor(), list[bool]()
        monitor.do(lambda: asked.append(inside()))

        assert [True] == asked

    def test_puts_a_decision_off_until_its_thread_is_out(self) -> None:
        """In the middle of a decision, another one waits for its end."""
        monitor, steps = Monitor(), list[str]()
        with monitor:
            monitor.do(lambda: steps.append("second"))
            steps.append("first")

        assert ["first", "second"] == steps

    def test_puts_a_decision_off_until_every_monitor_is_left(self) -> None:
        """It may want any of them, so it waits for the outermost."""
        inner, outer, steps = Monitor(), Monitor(), list[str]()
        with outer:
            with inner:
                inner.do(lambda: steps.append("decided"))

            steps.append("outer left")

        assert ["outer left", "decided"] == steps

    def test_decides_nothing_once_python_has_emptied_the_module(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As it does at its very end; what is finalized after that is let alone."""
        drain = filled(1, 2)
        with Pool(1) as pool:
            outputs = [iter(drain), (each([3]) >> task(int)).results(pool=pool)]
            firsts = [next(values) for values in outputs]
            with monkeypatch.context() as end:
                end.setattr(_monitor, "inside", None)
                gone = Monitor().gone()
                outputs.clear()

        assert ([1, 3], True, False) == (firsts, gone, Monitor().gone())

    def test_decides_inside_the_monitor_what_was_put_off(self) -> None:
        """A decision that was put off excludes others as any does."""
        monitor, gate = Monitor(), Gate()

        def decide() -> None:
            with monitor:
                monitor.do(gate.arrive)

        with gate:
            decision = beside(decide)
            gate.wait_for(1)
            entering = beside(monitor.do, gate.arrive)
            gate.assert_nobody_arrives()

        assert [None, None] == [decision.result(TIMEOUT), entering.result(TIMEOUT)]

    def test_puts_off_what_a_finalizer_asks_for(self) -> None:
        """A finalizer in the middle of a decision neither waits nor sees half of it."""
        monitor, steps = Monitor(), list[str]()
        with monitor:
            Finalized(partial(monitor.do, lambda: steps.append("asked for")))
            steps.append("decided")

        assert ["decided", "asked for"] == steps

    def test_puts_off_what_a_signal_handler_asks_for(
        self, on_signal: Callable[[Callable[[], object]], None]
    ) -> None:
        """A handler in the middle of a decision neither waits nor sees half of it."""
        monitor, steps = Monitor(), list[str]()
        with monitor:
            on_signal(partial(monitor.do, lambda: steps.append("asked for")))
            steps.append("decided")

        assert ["decided", "asked for"] == steps

    def test_makes_a_decision_that_was_put_off_in_spite_of_an_exception(self) -> None:
        """What fails is the decision in the middle of which it came."""
        monitor, steps = Monitor(), list[str]()

        def decide() -> None:
            with monitor:
                monitor.do(lambda: steps.append("decided"))
                raise LookupError

        with pytest.raises(LookupError):
            decide()

        assert ["decided"] == steps


class TestAfter:
    """`after(act)`: outside every monitor."""

    def test_acts_at_once_outside_every_monitor(self) -> None:
        """There is nothing to wait for: it has acted on return."""
        asked = list[bool]()
        after(lambda: asked.append(inside()))

        assert [False] == asked

    def test_puts_an_act_off_until_every_monitor_is_left(self) -> None:
        """It acts right after the outermost monitor, and in none."""
        asked = list[bool]()
        with Monitor():
            with Monitor():
                after(lambda: asked.append(inside()))

            too_early = list(asked)

        assert ([], [False]) == (too_early, asked)

    def test_keeps_the_order_of_what_it_puts_off(self) -> None:
        """First come, first served, decisions and acts alike."""
        monitor, steps = Monitor(), list[int]()
        with monitor:
            after(lambda: steps.append(1))
            monitor.do(lambda: steps.append(2))
            after(lambda: steps.append(3))

        assert [1, 2, 3] == steps

    def test_acts_once_if_the_same_is_asked_for_again_right_after(self) -> None:
        """Nothing happened in between that the second could see."""
        steps = list[int]()

        def act() -> None:
            steps.append(1)

        with Monitor():
            after(act)
            after(act)
            after(lambda: steps.append(2))
            after(act)

        assert [1, 2, 1] == steps

    def test_lets_an_act_enter_monitors_and_put_more_off(self) -> None:
        """What was put off may do all that code outside a monitor may."""
        monitor, steps = Monitor(), list[str]()

        def act() -> None:
            with monitor:
                after(lambda: steps.append("put off again"))
                steps.append("in the monitor")

        with monitor:
            after(act)
            after(lambda: steps.append("last"))

        assert ["in the monitor", "last", "put off again"] == steps

    def test_acts_on_the_thread_that_put_it_off(self) -> None:
        """Another thread that leaves a monitor does not do this one's work."""
        steps = list[str]()
        with Monitor():
            after(lambda: steps.append("this one's"))
            beside(TestMonitor.enter, Monitor()).result(TIMEOUT)
            too_early = list(steps)

        assert ([], ["this one's"]) == (too_early, steps)

    def test_leaves_the_rest_for_the_next_time_when_an_act_raises(self) -> None:
        """An act that raises takes nothing with it."""
        steps = list[str]()

        def put_off() -> None:
            with Monitor():
                after(partial({}.pop, "missing"))
                after(lambda: steps.append("the rest"))

        with pytest.raises(KeyError):
            put_off()

        with Monitor():
            pass

        assert ["the rest"] == steps


class TestOutside:
    """`outside(act)`: what is the user's, after all that is ours."""

    def test_acts_at_once_outside_every_monitor(self) -> None:
        """There is nothing to wait for."""
        steps = list[str]()
        outside(lambda: steps.append("theirs"))

        assert ["theirs"] == steps

    def test_acts_after_what_is_ours_was_done(self) -> None:
        """It may wait for a thread that ours starts."""
        steps = list[str]()
        with Monitor():
            outside(lambda: steps.append("theirs"))
            after(lambda: steps.append("ours"))

        assert ["ours", "theirs"] == steps

    def test_has_what_is_ours_done_in_the_middle_and_not_what_is_theirs(self) -> None:
        """What it puts off itself is done at once, another's act in its turn."""
        monitor, steps = Monitor(), list[str]()

        def act() -> None:
            steps.append("begins")
            with monitor:
                outside(lambda: steps.append("theirs"))
                after(lambda: steps.append("ours"))

            steps.append("ends")

        with monitor:
            outside(act)

        assert ["begins", "ours", "ends", "theirs"] == steps

    def test_acts_though_another_act_raised(self) -> None:
        """The exception comes out after that."""
        steps = list[str]()

        def fail() -> None:
            raise LookupError

        def put_off() -> None:
            with Monitor():
                outside(fail)
                outside(lambda: steps.append("theirs"))

        with pytest.raises(LookupError):
            put_off()

        assert ["theirs"] == steps


class TestReentry:
    """What a finalizer or a handler may ask of a drain in the middle of a decision."""

    def test_sends_once_the_decision_is_made(self) -> None:
        """The value is there when the thread is out, and not before."""
        drain = Drain[int]()
        with Monitor():
            Finalized(partial(drain.send, 1))
            too_early = drain.drain()

        assert ([], [1]) == (too_early, drain.drain())

    def test_sends_beyond_the_bound_since_it_cannot_wait(self) -> None:
        """A finalizer can't wait for its own thread to make room."""
        drain = Drain[int](maxsize=1)
        drain.send(0)
        with Monitor():
            Finalized(partial(drain.send, 1))

        assert [0, 1] == drain.drain()

    def test_hears_at_once_that_the_drain_is_shut(self) -> None:
        """Who sends gets DrainClosed, not the call that was interrupted."""
        drain = Drain[int]()
        drain.shut_down()

        with Monitor(), pytest.raises(DrainClosed):
            drain.send(1)

    def test_lets_the_interrupted_call_alone_when_the_drain_is_shut_meanwhile(
        self,
    ) -> None:
        """A send that was put off and comes too late is lost, as any that comes too late."""
        drain = Drain[int]()
        with Monitor():
            drain.send(1)
            beside(drain.shut_down).result(TIMEOUT)

        assert ([], True) == (drain.drain(), drain.closed)

    def test_shuts_down_once_the_decision_is_made(self) -> None:
        """The drain is shut when the thread is out, and not before."""
        drain = Drain[int]()
        with Monitor():
            Finalized(drain.shut_down)
            too_early = drain.closed

        assert (False, True) == (too_early, drain.closed)

    def test_drops_an_iterator_without_loss(self) -> None:
        """What it took is its own, the rest is there for the next one."""
        drain = filled(1, 2, 3)
        numbers = [iter(drain)]
        first = next(numbers[0])
        with channel_of(drain)._monitor:  # noqa: SLF001  (a decision of this drain)
            numbers.clear()

        assert (1, [2, 3]) == (first, drain.drain())
        assert not channel_of(drain).read

    @pytest.mark.parametrize("interrupts", [1, 5000])
    def test_loses_nothing_of_many_that_interrupt_each_other(
        self, interrupts: int
    ) -> None:
        """However many are put off, each is done, in order."""
        drain = Drain[int]()
        with Monitor():
            for number in range(interrupts):
                Finalized(partial(drain.send, number))

        assert list(range(interrupts)) == drain.drain()

    def test_loses_nothing_to_a_collection_in_the_middle(self) -> None:
        """Finalizers that run while something is put off put off what they ask for, too."""
        drain, acts = Drain[int](), list[int]()
        with Monitor(), collecting(every=1):
            for number in range(300):
                InCycle(partial(drain.send, number))
                after(partial(acts.append, number))

        assert (300, 300) == (len(acts), len(drain))

    def test_refuses_to_wait_for_what_its_own_thread_is_at(self) -> None:
        """A call that cannot be put off is a RuntimeError, not a wait without end."""
        drain, monitor = Drain[int](), Monitor()
        drain._channel._monitor = monitor  # noqa: SLF001

        with monitor, pytest.raises(RuntimeError, match="interrupted"):
            drain.drain()

        assert not inside()


class TestEntry:
    """A monitor that a thread could not enter is as if it had never asked."""

    def test_that_is_cut_short_leaves_its_thread_outside(self) -> None:
        """What may raise there in other threads than the main one does no harm."""

        class Cut:
            def acquire(self) -> bool:
                raise KeyError

            def _is_owned(self) -> bool:
                return False

        def enter() -> bool:
            monitor = Monitor()
            monitor._lock = Cut()  # type: ignore[assignment]  # noqa: SLF001
            with suppress(KeyError), monitor:
                pass

            return inside()

        assert not beside(enter).result(TIMEOUT)


class TestWithin:
    """A decision of a pool enters the monitors of drains, one after the other."""

    def test_refuses_a_drain_that_it_is_at(self) -> None:
        """On a thread that runs no handlers, too."""
        pool, drain = Monitor(owned=True), Monitor()

        def enter() -> bool:
            with pool, drain, pytest.raises(RuntimeError, match="interrupted"), drain:
                pass

            return inside()

        assert not beside(enter).result(TIMEOUT)

    def test_refuses_a_drain_that_a_finalizer_is_at_another_pool_in(self) -> None:
        """It was called in the middle of the drain's decision."""
        pool, drain, other = Monitor(owned=True), Monitor(), Monitor(owned=True)

        def enter() -> bool:
            refused = pytest.raises(RuntimeError, match="interrupted")
            with pool, drain, other, refused, drain:
                pass

            return inside()

        assert not beside(enter).result(TIMEOUT)

    def test_refuses_a_pool_that_it_is_at(self) -> None:
        """Though a drain was entered in between."""
        pool, drain = Monitor(owned=True), Monitor()

        def enter() -> bool:
            with pool, drain, pytest.raises(RuntimeError, match="interrupted"), pool:
                pass

            return inside()

        assert not beside(enter).result(TIMEOUT)


class TestAfterAll:
    """`after_all` puts off what waits for other threads until all else is done."""

    def test_runs_at_once_outside(self) -> None:
        """A thread in no monitor runs it now."""
        done: list[str] = []
        after_all(lambda: done.append("wait"))

        assert done == ["wait"]

    def test_runs_after_all_that_was_put_off(self) -> None:
        """Put off in a monitor, it comes last, also after what is put off later."""
        done: list[str] = []
        with Monitor():
            after_all(lambda: done.append("wait"))
            after(lambda: done.append("first"))
            after(lambda: after_all(lambda: done.append("next wait")))
            after(lambda: done.append("second"))

        assert done == ["first", "second", "wait", "next wait"]
