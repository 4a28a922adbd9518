"""ThreadPoolExecutor: a drop-in for the standard one that does not break as that does."""

import gc
import logging
import math
import operator
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    CancelledError,
    Future,
    as_completed,
    wait,
)
from concurrent.futures.thread import BrokenThreadPool
from contextvars import ContextVar

import pytest
from typing_extensions import override

from fluent_async import Backoff, Drain, Pool, sleep, stream, task
from fluent_async._desk import Call, Desk
from fluent_async._engine import Engine
from fluent_async._future import PoolFuture
from fluent_async._lending import Event
from fluent_async.errors import PoolClosed, TaskTimeout
from fluent_async.futures import ThreadPoolExecutor
from support import TIMEOUT, FakeClock, Gate, let_go, poll, run_child


request = ContextVar("request", default="none")


class Fatal(BaseException):
    """What no pool may collect."""


def fail(error: BaseException) -> None:
    """Raise what is given."""
    raise error


@task
def absolute(number: int, /) -> int:
    """Return a number without its sign."""
    return abs(number)


def name_of_thread() -> str:
    """Return the name of the thread that calls this."""
    return threading.current_thread().name


def warnings(log: pytest.LogCaptureFixture) -> list[str]:
    """Return the warnings that were logged."""
    return [r.getMessage() for r in log.records if r.levelno == logging.WARNING]


@pytest.fixture
def one() -> Iterator[ThreadPoolExecutor]:
    """Give an executor of one thread."""
    with ThreadPoolExecutor(1) as executor:
        yield executor


class TestSubmit:
    """`submit` gives a future of one call."""

    def test_gives_a_future_of_the_standard_library(
        self, one: ThreadPoolExecutor
    ) -> None:
        """What `submit` returns is a `concurrent.futures.Future`, with what fn returns."""
        future = one.submit(pow, 2, exp=5)

        assert isinstance(future, Future)
        assert future.result(TIMEOUT) == 32
        assert future.done()

    def test_tells_what_a_call_raises_to_its_future_alone(
        self, one: ThreadPoolExecutor
    ) -> None:
        """An exception comes out of `result` as it is, and the thread goes on."""
        error = LookupError()
        future = one.submit(fail, error)

        assert future.exception(TIMEOUT) is error
        with pytest.raises(LookupError):
            future.result()

        assert one.submit(int).result(TIMEOUT) == 0

    @pytest.mark.parametrize("error", [SystemExit(), KeyboardInterrupt(), Fatal()])
    def test_tells_what_is_no_exception_as_well(
        self, one: ThreadPoolExecutor, error: BaseException
    ) -> None:
        """A BaseException belongs to the future, too, and ends no thread."""
        assert one.submit(fail, error).exception(TIMEOUT) is error
        assert one.submit(int).result(TIMEOUT) == 0

    def test_runs_at_most_as_many_as_it_has_workers(self) -> None:
        """Two of three calls run at once in an executor of two workers."""
        with ThreadPoolExecutor(2) as executor, Gate() as gate:
            for _ in range(3):
                executor.submit(gate.arrive)

            gate.wait_for(2)
            gate.assert_nobody_arrives()

    def test_starts_calls_in_the_order_of_submit(self, one: ThreadPoolExecutor) -> None:
        """Calls start in the order in which they were submitted."""
        order: list[int] = []
        with Gate() as gate:
            one.submit(gate.arrive)
            futures = [one.submit(order.append, number) for number in range(20)]

        wait(futures, TIMEOUT)

        assert order == list(range(20))

    def test_uses_an_idle_thread_before_it_starts_one(self) -> None:
        """Calls made one after the other are made by one thread."""
        with ThreadPoolExecutor(8) as executor:
            names = {executor.submit(name_of_thread).result() for _ in range(100)}

        assert len(names) == 1

    def test_runs_in_a_copy_of_the_context_of_submit(
        self, one: ThreadPoolExecutor
    ) -> None:
        """A call sees the context variables of `submit`; what it sets leaks nowhere."""
        context = request.set("mine")
        future = one.submit(lambda: (request.get(), request.set("its")))
        request.reset(context)

        assert future.result(TIMEOUT)[0] == "mine"
        assert one.submit(request.get).result(TIMEOUT) == "none"

    def test_takes_any_name_of_a_keyword(self, one: ThreadPoolExecutor) -> None:
        """I13: keywords named self and fn are the function's; no function is an error."""
        names = one.submit(dict, self=1, fn=2).result(TIMEOUT)

        assert names == {"self": 1, "fn": 2}
        for wrong in ({}, {"fn": int}):
            with pytest.raises(TypeError, match="fn"):
                one.submit(**wrong)  # type: ignore[call-arg]

    @pytest.mark.parametrize("timeout", [-1, 0])
    def test_takes_a_timeout_that_is_over(
        self, one: ThreadPoolExecutor, timeout: float
    ) -> None:
        """`result` does not wait then, and what is not done is a TimeoutError."""
        with Gate() as gate:
            future = one.submit(gate.arrive)
            with pytest.raises(TimeoutError):
                future.result(timeout)

    def test_refuses_calls_after_shutdown(self, one: ThreadPoolExecutor) -> None:
        """After `shutdown` it raises PoolClosed, which is a RuntimeError."""
        one.shutdown()

        with pytest.raises(PoolClosed, match="cannot schedule new futures"):
            one.submit(int)

    @pytest.mark.parametrize("kind", [absolute, absolute.with_retry(2)])
    def test_takes_back_what_comes_too_late(
        self, monkeypatch: pytest.MonkeyPatch, kind: Callable[[int], int]
    ) -> None:
        """A call handed in while the executor ends is not made: `submit` raises."""
        executor = ThreadPoolExecutor(1)
        executor.submit(int).result(TIMEOUT)

        def close(engine: Engine, call: Call) -> None:
            monkeypatch.undo()
            executor.shutdown()
            engine.hand_in(call)

        monkeypatch.setattr(Engine, "hand_in", close)
        with pytest.raises(PoolClosed):
            executor.submit(kind, 1)

        assert executor._work_queue.empty()  # noqa: SLF001

    def test_waits_for_a_call_whose_submit_was_interrupted(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A shutdown that interrupts `submit` before that rings a thread does so itself."""
        executor = ThreadPoolExecutor(1)
        executor.submit(int).result(TIMEOUT)

        def close(desk: Desk) -> bool:
            monkeypatch.undo()
            executor.shutdown()
            return desk.call_up()

        monkeypatch.setattr(Desk, "call_up", close)

        assert executor.submit(int, 3).result(TIMEOUT) == 3

    def test_can_be_called_in_the_middle_of_a_decision(self) -> None:
        """What interrupts the executor submits at once; a thread is started after it."""
        with ThreadPoolExecutor(1) as executor:
            with executor._intake.engine.monitor:  # noqa: SLF001
                future = executor.submit(int, 3)
                assert not executor._threads  # noqa: SLF001

            assert future.result(TIMEOUT) == 3

    def test_keeps_what_comes_late_but_was_taken(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A call that a thread has when the executor ends is made."""
        executor = ThreadPoolExecutor(1)
        call_up = Desk.call_up

        def close(desk: Desk) -> bool:
            monkeypatch.undo()
            called = call_up(desk)
            assert poll(lambda: not desk.backlog)
            executor.shutdown(wait=False)
            return called

        executor.submit(int).result(TIMEOUT)
        monkeypatch.setattr(Desk, "call_up", close)

        assert executor.submit(int, 3).result(TIMEOUT) == 3

    def test_is_not_made_if_its_future_was_set_before(
        self, one: ThreadPoolExecutor
    ) -> None:
        """A result that somebody else set before the call begins stays."""
        made: list[int] = []
        with Gate() as gate:
            one.submit(gate.arrive)
            future: Future[object] = one.submit(made.append, 1)
            gate.wait_for()
            future.set_result("mine")

        one.shutdown()
        assert future.result() == "mine"
        assert made == []

    def test_is_refused_once(self, one: ThreadPoolExecutor) -> None:
        """A future that has ended is neither dropped nor refused any more."""
        future = one.submit(int, 3)
        assert isinstance(future, PoolFuture)
        assert future.result(TIMEOUT) == 3
        future.drop()
        future.refuse(OSError())

        assert future.result() == 3
        other: PoolFuture[int] = PoolFuture(one._intake.engine.bell, None)  # noqa: SLF001
        other.drop()
        other.refuse(OSError())
        assert other.cancelled()

    def test_forgets_waits_that_are_over(self, one: ThreadPoolExecutor) -> None:
        """Asking again and again, in vain, leaves nothing behind in the future."""
        with Gate() as gate:
            future = one.submit(gate.arrive)
            for _ in range(10):
                with pytest.raises(TimeoutError):
                    future.result(0)

            assert future._condition.waiting == []  # type: ignore[attr-defined]  # noqa: SLF001

    def test_forgets_who_asks_once_it_is_cancelled(
        self, one: ThreadPoolExecutor
    ) -> None:
        """Nobody would wake them, and they do not wait."""
        future: PoolFuture[int] = PoolFuture(one._intake.engine.bell, None)  # noqa: SLF001
        future.cancel()
        for _ in range(10):
            with pytest.raises(CancelledError):
                future.result()

        assert future._condition.waiting == []  # type: ignore[attr-defined]  # noqa: SLF001

    def test_lets_a_call_that_waits_be_cancelled(self, one: ThreadPoolExecutor) -> None:
        """A call that has not started can be cancelled, and is never made."""
        made: list[int] = []
        with Gate() as gate:
            running = one.submit(gate.arrive)
            waiting = one.submit(made.append, 1)
            gate.wait_for()

            assert not running.cancel()
            assert waiting.cancel()
            assert waiting.cancel()

        with pytest.raises(CancelledError):
            waiting.result()

        one.shutdown()
        assert made == []

    def test_leaves_what_is_marked_as_running_to_who_marked_it(
        self, one: ThreadPoolExecutor
    ) -> None:
        """It cannot be cancelled any more, as with the standard library's."""
        with Gate() as gate:
            one.submit(gate.arrive)
            gate.wait_for()
            waiting = one.submit(pow, 2, 3)

            assert waiting.set_running_or_notify_cancel()
            assert not waiting.cancel()

        one.submit(int).result(TIMEOUT)  # so its turn has come, and gone
        assert waiting.running()
        waiting.set_result(9)
        assert 9 == waiting.result(TIMEOUT)

    @pytest.mark.parametrize("fn", [absolute, absolute.with_retry(2)])
    def test_cancels_nothing_that_is_marked_as_running(
        self, fn: Callable[[int], int]
    ) -> None:
        """Nor does the end of the executor: it is for whoever marked it."""
        executor = ThreadPoolExecutor(1)
        with Gate() as gate:
            executor.submit(gate.arrive)
            gate.wait_for()
            marked = [executor.submit(fn, 1), executor.submit(fn, 2)]
            for future in marked:
                future.set_running_or_notify_cancel()

            executor.shutdown(wait=False, cancel_futures=True)

        executor.shutdown()
        assert all(future.running() for future in marked)

    def test_logs_a_failure_that_nobody_asked_for(
        self, one: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A failed call whose future is gone unread is logged, without its values."""
        one.submit(fail, ValueError("secret"))

        def logged() -> bool:
            let_go()
            return warnings(caplog) != []

        assert poll(logged)

        assert warnings(caplog) == [
            "nobody was shown that a call of fail that was submitted raised ValueError"
        ]

    def test_leaves_no_cycle_behind_a_failure(self, one: ThreadPoolExecutor) -> None:
        """A failed future is freed by reference count alone."""
        gc.disable()
        try:
            future = one.submit(operator.truediv, 1, 0)
            assert isinstance(future.exception(TIMEOUT), ZeroDivisionError)
            gone = weakref.ref(future)
            one.submit(int).result(TIMEOUT)
            del future

            assert poll(lambda: gone() is None)
        finally:
            gc.enable()

    def test_logs_no_failure_that_somebody_asked_for(
        self, one: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Reading the exception or the result is being shown."""
        one.submit(fail, ValueError()).exception(TIMEOUT)
        with pytest.raises(ValueError):  # noqa: PT011
            one.submit(fail, ValueError()).result(TIMEOUT)

        assert warnings(caplog) == []


class Value:
    """What nothing refers to by itself."""


@task
def drop(_: Value, /) -> None:
    """Do nothing with an input."""


class TestTasks:
    """`submit` takes a task too, and keeps its policy."""

    @pytest.mark.parametrize("limit", [1, 2])
    def test_may_be_followed_by_waits_in_callbacks(self, limit: int) -> None:
        """A callback waits for another call, as that of a plain call may."""
        results: list[int] = []
        with ThreadPoolExecutor(limit) as one:

            def follow(_: Future[int]) -> None:
                results.append(one.submit(pow, 2, 3).result(TIMEOUT))

            with Gate() as gate:
                for _ in range(limit):
                    one.submit(gate.arrive)

                futures = [one.submit(absolute.with_retry(2), 1) for _ in range(5)]
                for future in futures:
                    future.add_done_callback(follow)

                gate.wait_for(limit)

            assert poll(lambda: len(results) == 5)

        assert [8] * 5 == results

    def test_leave_no_cycle_behind(self, one: ThreadPoolExecutor) -> None:
        """The input of a task is freed by reference count alone."""
        gc.disable()
        try:
            value = Value()
            gone = weakref.ref(value)
            one.submit(drop.with_retry(2), value).result(TIMEOUT)
            del value

            assert poll(lambda: gone() is None)
        finally:
            gc.enable()

    def test_retries_as_the_task_says(
        self, one: ThreadPoolExecutor, fake_clock: FakeClock
    ) -> None:
        """A task is called again as its policy says, and its last value is the result."""
        calls: list[int] = []

        @task(retry=3, backoff=5)
        def third(number: int) -> int:
            calls.append(number)
            if len(calls) < 3:
                raise OSError

            return number

        assert one.submit(third, 7).result() == 7
        assert calls == [7, 7, 7]
        assert fake_clock.now() >= 1010.0

    def test_holds_no_slot_while_a_task_waits_for_its_next_attempt(
        self, one: ThreadPoolExecutor, fake_clock: FakeClock
    ) -> None:
        """Other calls are made meanwhile, at limit 1, and then it has its turn."""
        fake_clock.hold()
        calls: list[int] = []

        @task(retry=2, backoff=Backoff(60, jitter=0))
        def twice() -> int:
            calls.append(1)
            if len(calls) == 1:
                raise OSError

            return len(calls)

        future = one.submit(twice)
        fake_clock.wait_for_waits()
        assert one.submit(int, 3).result() == 3
        assert not future.done()

        fake_clock.advance(60)
        assert future.result() == 2

    def test_tells_the_last_failure_of_a_task_to_the_future(
        self, one: ThreadPoolExecutor
    ) -> None:
        """When attempts run out the last exception comes out as it is."""
        errors = [OSError(1), OSError(2)]

        @task(retry=2)
        def twice() -> None:
            raise errors.pop(0)

        with pytest.raises(OSError, match="2") as caught:
            one.submit(twice).result(TIMEOUT)

        assert "attempts" in caught.value.__notes__[0]

    def test_tells_what_is_no_exception_of_a_task_to_the_future(
        self, one: ThreadPoolExecutor
    ) -> None:
        """A task that raises a BaseException ends nothing but its future."""
        dying = task(fail).with_retry(2)

        assert isinstance(one.submit(dying, Fatal()).exception(TIMEOUT), Fatal)
        assert one.submit(int).result(TIMEOUT) == 0

    def test_gives_an_iterator_over_the_outputs_of_a_stream(
        self, one: ThreadPoolExecutor
    ) -> None:
        """A stream runs in the pool, and its outputs are the result."""

        @stream
        def count_to(most: int) -> Iterator[int]:
            yield from range(most)

        future = one.submit(count_to, 3)

        assert list(future.result(TIMEOUT)) == [0, 1, 2]

    def test_sends_outputs_to_the_drains_of_a_task(
        self, one: ThreadPoolExecutor
    ) -> None:
        """The drains of a task receive what the future gets."""
        drain = Drain[int]()

        assert one.submit(absolute | drain, -3).result(TIMEOUT) == 3
        assert drain.drain() == [3]

    def test_keeps_the_limit_of_a_task(self) -> None:
        """Of a task with limit 1 one call runs, whatever the executor allows."""
        with ThreadPoolExecutor(4) as executor, Gate() as gate:
            arrive = task(limit=1)(gate.arrive)
            for _ in range(2):
                executor.submit(arrive)

            gate.wait_for()
            gate.assert_nobody_arrives()

    def test_keeps_the_timeout_of_a_task(
        self, one: ThreadPoolExecutor, fake_clock: FakeClock
    ) -> None:
        """A task over its timeout fails with TaskTimeout, and keeps its slot."""
        fake_clock.hold()
        with Gate() as gate:
            future = one.submit(task(timeout=3)(gate.arrive))
            gate.wait_for()
            fake_clock.wait_for_waits()
            fake_clock.advance(3)

            assert isinstance(future.exception(TIMEOUT), TaskTimeout)

    def test_cancels_a_task_that_waits(self, one: ThreadPoolExecutor) -> None:
        """A task whose future was cancelled before it starts is never called."""
        made: list[int] = []
        with Gate() as gate:
            one.submit(gate.arrive)
            future = one.submit(task(made.append).with_retry(2), 1)
            gate.wait_for()

            assert future.cancel()

        one.shutdown()
        assert made == []

    def test_cancels_a_task_that_waits_for_its_limit(self) -> None:
        """A task that the pool has, and whose limit is used up, can be cancelled."""
        with ThreadPoolExecutor(2) as executor, Gate() as gate:
            arrive = task(limit=1)(gate.arrive)
            executor.submit(arrive)
            future = executor.submit(arrive)
            gate.wait_for()
            executor.submit(int).result(TIMEOUT)

            assert future.cancel()
            gate.open()

        assert future.cancelled()

    def test_refuses_what_a_task_cannot_take_at_once(
        self, one: ThreadPoolExecutor
    ) -> None:
        """Wrong arguments of a task with a policy are a TypeError of `submit`."""
        with pytest.raises(TypeError, match="cannot take this input"):
            one.submit(absolute.with_retry(2), 1, 2)  # type: ignore[call-arg]


class TestWaitingInside:
    """A call may wait for another of the same executor, at one worker too."""

    @pytest.mark.parametrize(
        "look",
        [
            lambda future: future.result(),
            lambda future: future.exception() or future.result(),
            lambda future: wait([future]).done.pop().result(),
            lambda future: wait([future], return_when=FIRST_COMPLETED).done and 5,
            lambda future: next(as_completed([future])).result(),
        ],
        ids=["result", "exception", "wait", "wait for first", "as_completed"],
    )
    def test_lends_the_slot(
        self, one: ThreadPoolExecutor, look: Callable[[Future[int]], int]
    ) -> None:
        """Waiting in every way there is lets the other call run."""

        def outer() -> int:
            return look(one.submit(int, 5))

        assert one.submit(outer).result(TIMEOUT) == 5

    def test_hears_of_failures_as_well(self) -> None:
        """`wait` ends with a failure, in a call and outside of every pool."""
        with ThreadPoolExecutor(2) as executor, Gate() as gate:

            def late() -> None:
                gate.arrive()
                raise LookupError

            future = executor.submit(late)
            waits = executor.submit(wait, [future], return_when=FIRST_EXCEPTION)
            gate.wait_for()
            assert not waits.done()
            gate.open()

            assert waits.result(TIMEOUT).done == {future}
            assert isinstance(future.exception(), LookupError)

    def test_waits_for_several_at_most_so_long(self, one: ThreadPoolExecutor) -> None:
        """`wait` with a timeout ends in a call as well, with what is not done."""
        with ThreadPoolExecutor(1) as other, Gate() as gate:
            future = other.submit(gate.arrive)
            gate.wait_for()

            assert one.submit(wait, [future], 0.001).result(TIMEOUT).not_done == {
                future
            }

    def test_hears_a_set_that_came_as_a_wait_began(self) -> None:
        """An event that is set while its wait begins ends that wait."""

        class Late(Event):
            @override
            def _is_set(self) -> bool:
                self._set = True  # which woke the waiter there was before
                return super()._is_set()

        assert Late(Pool(1)._engine.bell).wait(TIMEOUT)  # noqa: SLF001

    def test_is_told_to_end_where_it_waits_for_a_call(self) -> None:
        """`cancel()` ends a call that waits for another, once it has a slot to go on."""
        with Pool(2) as pool, Gate() as gate:

            def outer() -> None:
                pool.executor.submit(gate.arrive).result()

            future = pool.executor.submit(outer)
            gate.wait_for()
            pool.cancel()

            with pytest.raises(CancelledError):
                future.result(TIMEOUT)

    def test_works_at_any_depth(self, one: ThreadPoolExecutor) -> None:
        """Twenty calls that wait for each other end."""

        def dig(depth: int) -> int:
            return depth and 1 + one.submit(dig, depth - 1).result()

        assert one.submit(dig, 20).result(TIMEOUT) == 20

    def test_waits_for_the_results_of_map(self, one: ThreadPoolExecutor) -> None:
        """The results of `map` can be read in a call."""

        def outer() -> list[int]:
            return list(one.map(abs, [-1, -2, -3]))

        assert one.submit(outer).result(TIMEOUT) == [1, 2, 3]

    def test_runs_one_at_a_time_all_the_same(self, one: ThreadPoolExecutor) -> None:
        """The call that waited gets its slot back only when the other is done with it."""
        running: list[str] = []
        seen: list[list[str]] = []

        def inner() -> None:
            running.append("inner")
            seen.append(list(running))
            running.remove("inner")

        def outer() -> None:
            one.submit(inner).result()
            running.append("outer")
            seen.append(list(running))
            running.remove("outer")

        wait([one.submit(outer) for _ in range(20)], TIMEOUT)

        assert all(len(names) == 1 for names in seen)

    def test_ends_at_a_timeout(self, one: ThreadPoolExecutor) -> None:
        """A wait of a call that takes too long is a TimeoutError in the call."""

        def outer() -> None:
            never = Future[int]()
            future = one.submit(never.result, 0.001)
            future.result(0)

        assert isinstance(one.submit(outer).exception(TIMEOUT), TimeoutError)

    def test_hears_that_the_executor_is_left_by_an_exception(self) -> None:
        """A call that waits in the library is told to end; its future says cancelled."""
        futures: list[Future[None]] = []
        with Gate() as gate, pytest.raises(LookupError), ThreadPoolExecutor(1) as one:  # noqa: PT012

            def outer() -> None:
                gate.arrive()
                sleep(60)

            futures += [one.submit(outer), one.submit(fail, ValueError())]
            gate.wait_for()
            gate.open()
            raise LookupError

        assert futures[1].cancelled()
        with pytest.raises(CancelledError):
            futures[0].result()


class TestMap:
    """`map` gives results in the order of its inputs."""

    def test_gives_results_in_order(self) -> None:
        """Order: results come in the order of the inputs, of several iterables too."""
        with ThreadPoolExecutor(4) as executor:
            assert list(executor.map(pow, range(50), [2] * 50)) == [
                number**2 for number in range(50)
            ]

    def test_works_on_every_input_unread(self) -> None:
        """Every input is worked on, whether results are read or not."""
        done: list[int] = []
        with ThreadPoolExecutor(2) as executor:
            executor.map(done.append, (number for number in range(100)))

        assert sorted(done) == list(range(100))

    def test_reads_no_more_ahead_than_there_are_threads(self) -> None:
        """Of a generator no more is read than calls can start."""
        read: list[int] = []

        def numbers() -> Iterator[int]:
            for number in range(1000):
                read.append(number)
                yield number

        with ThreadPoolExecutor(2) as executor, Gate() as gate:
            results = executor.map(lambda _: gate.arrive(), numbers())
            gate.wait_for(2)
            gate.assert_nobody_arrives()

            assert len(read) <= 4

            gate.open()
            assert len(list(results)) == 1000

    @pytest.mark.parametrize("fn", [absolute, absolute.with_retry(2)])
    def test_reads_no_more_ahead_for_a_task(self, fn: Callable[[int], int]) -> None:
        """A task keeps its policy, and its inputs come as its calls go on."""
        read: list[int] = []

        def numbers() -> Iterator[int]:
            for number in range(1000):
                read.append(number)
                yield -number

        with ThreadPoolExecutor(1) as executor, Gate() as gate:
            executor.submit(gate.arrive)
            gate.wait_for()
            results = executor.map(fn, numbers())
            assert len(read) < 5
            gate.open()

            assert list(range(1000)) == list(results)

    def test_gives_results_of_an_endless_iterable(self) -> None:
        """The first results of an endless generator come; closing ends the reading."""
        ended: list[bool] = []

        def numbers() -> Iterator[int]:
            number = 0
            while True:
                yield number
                number += 1

        with ThreadPoolExecutor(2) as executor:
            results = executor.map(abs, numbers())
            first = [next(results) for _ in range(100)]
            ended.append(True)
            results.close()  # type: ignore[attr-defined]

        assert first == list(range(100))

    def test_tells_what_an_iterable_raises_after_the_results(self) -> None:
        """An error of the iterable comes in order, and nothing before it is lost."""

        def numbers() -> Iterator[int]:
            yield from range(5)
            raise LookupError

        with ThreadPoolExecutor(2) as executor:
            results = executor.map(abs, numbers())

            assert [next(results) for _ in range(5)] == list(range(5))
            with pytest.raises(LookupError):
                next(results)

    def test_ends_with_an_error_in_its_place(self) -> None:
        """An error comes in place of its result, and cancels what has not started."""
        with ThreadPoolExecutor(1) as executor:
            results = executor.map(operator.truediv, [1, 2, 3], [1, 0, 1])

            assert next(results) == 1.0
            with pytest.raises(ZeroDivisionError):
                next(results)

            assert list(results) == []

    def test_bounds_the_results_that_wait(self, one: ThreadPoolExecutor) -> None:
        """With a buffersize inputs are read as results are taken, by who takes them."""
        readers: list[str] = []

        def numbers() -> Iterator[int]:
            for number in range(6):
                readers.append(name_of_thread())
                yield number

        results = one.map(abs, numbers(), buffersize=2)
        assert len(readers) == 2

        assert next(results) == 0
        assert len(readers) == 3
        assert list(results) == [1, 2, 3, 4, 5]
        assert set(readers) == {name_of_thread()}

    def test_hands_in_nothing_for_an_executor_that_is_gone(self) -> None:
        """Results that can be read yet are; no further input is."""
        executor = ThreadPoolExecutor(1)
        results = executor.map(abs, range(10), buffersize=2)
        del executor

        assert list(results) == [0, 1]

    @pytest.mark.parametrize("wait", [True, False])
    def test_hands_in_nothing_more_when_it_is_cancelled(self, wait: bool) -> None:  # noqa: FBT001
        """`shutdown(cancel_futures=True)` ends the reading of an iterable."""
        read: list[int] = []

        def numbers() -> Iterator[int]:
            number = 0
            while True:
                read.append(number)
                yield number
                number += 1

        executor = ThreadPoolExecutor(1)
        with Gate() as gate:
            results = executor.map(lambda _: gate.arrive(), numbers())
            gate.wait_for()
            executor.shutdown(wait=False, cancel_futures=True)

        executor.shutdown(wait=wait)
        assert next(results) is None
        with pytest.raises(CancelledError):
            list(results)

        assert len(read) < 5

    def test_ends_at_the_timeout(self, one: ThreadPoolExecutor) -> None:
        """Results that are not there in time are a TimeoutError."""
        with Gate() as gate:
            results = one.map(lambda _: gate.arrive(), [1], timeout=0.001)
            with pytest.raises(TimeoutError):
                next(results)

    def test_takes_what_the_standard_one_takes(self, one: ThreadPoolExecutor) -> None:
        """A timeout that is over, one that never is, and any chunk size."""
        assert [1] == list(one.map(abs, [-1], timeout=math.inf, chunksize=0))
        with Gate() as gate:
            results = one.map(lambda _: gate.arrive(), [1], timeout=-1)
            with pytest.raises(TimeoutError):
                next(results)


class TestShutdown:
    """`shutdown` refuses calls and ends the threads."""

    def test_waits_for_what_was_submitted(self) -> None:
        """When it returns everything submitted is done, and no thread is left."""
        executor = ThreadPoolExecutor(3)
        futures = [executor.submit(int) for _ in range(100)]
        executor.shutdown()

        assert all(future.done() for future in futures)
        assert len(executor._threads) == 0  # noqa: SLF001

    def test_can_leave_what_was_submitted_to_itself(self) -> None:
        """With wait=False it returns at once; the calls are made all the same."""
        executor = ThreadPoolExecutor(1)
        with Gate() as gate:
            future = executor.submit(gate.arrive)
            last = executor.submit(int, 4)
            executor.shutdown(wait=False)

            assert not future.done()

        assert last.result(TIMEOUT) == 4

    def test_cancels_what_has_not_started(self) -> None:
        """With cancel_futures=True what waits is cancelled, tasks included."""
        executor = ThreadPoolExecutor(1)
        with Gate() as gate:
            running = executor.submit(gate.arrive)
            waiting = [executor.submit(int), executor.submit(task(int).with_retry(2))]
            gate.wait_for()
            executor.shutdown(wait=False, cancel_futures=True)

            assert all(future.cancelled() for future in waiting)
            assert wait(waiting, TIMEOUT).not_done == set()

        assert running.result(TIMEOUT) is None
        executor.shutdown()

    def test_refuses_to_wait_for_itself(self, one: ThreadPoolExecutor) -> None:
        """Waiting for it in a call of its own is a RuntimeError."""
        future = one.submit(one.shutdown)

        with pytest.raises(RuntimeError, match="cannot join current thread"):
            future.result(TIMEOUT)

    def test_cancels_what_waits_when_it_is_interrupted(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Ctrl-C while it waits cancels what has not started, and waits for the rest."""
        executor = ThreadPoolExecutor(1)
        with Gate() as gate:
            running = executor.submit(gate.arrive)
            waiting = executor.submit(int)
            gate.wait_for()

            def interrupt(engine: Engine) -> None:
                monkeypatch.undo()
                gate.open()
                raise KeyboardInterrupt

            monkeypatch.setattr(Engine, "close", interrupt)
            with pytest.raises(KeyboardInterrupt):
                executor.shutdown()

        assert running.done()
        assert waiting.done()

    def test_may_be_called_again(self) -> None:
        """Shutting down twice does nothing more."""
        executor = ThreadPoolExecutor(1)
        executor.submit(int)
        executor.shutdown()
        executor.shutdown()

    def test_of_one_that_is_dropped_happens_by_itself(self) -> None:
        """An executor nobody has any more makes its calls, and ends its threads."""
        executor = ThreadPoolExecutor(2)
        gone = weakref.ref(executor)
        futures = [executor.submit(int, number) for number in range(10)]
        del executor

        assert [future.result(TIMEOUT) for future in futures] == list(range(10))
        assert poll(lambda: gone() is None)

    def test_happens_when_python_exits(self) -> None:
        """What was submitted is done first; what comes after that is refused."""
        ended = run_child("""
            import atexit

            @atexit.register
            def late():
                try:
                    executor.submit(int)
                except RuntimeError as error:
                    print(error)

            from fluent_async.futures import ThreadPoolExecutor
            executor = ThreadPoolExecutor(1)
            for number in range(100):
                executor.submit(print if number == 99 else int, number)
        """)

        assert ended.stdout.splitlines() == [
            "99",
            "cannot schedule new futures after interpreter shutdown",
        ]

    def test_is_undone_for_nobody_by_a_fork(self) -> None:
        """What a child of a fork renews has threads of its own, unless it was shut down."""
        ended = run_child("""
            from fluent_async._process import process
            from fluent_async.futures import ThreadPoolExecutor

            open_, shut = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
            before = open_.submit(id, 1).result() and open_._threads
            shut.shutdown()
            process.forked()
            print(open_.submit(int, 3).result(), bool(open_._threads & before))
            try:
                shut.submit(int)
            except RuntimeError as error:
                print(error)

            open_.shutdown()
        """)

        assert ended.stdout.splitlines() == [
            "3 False",
            "cannot schedule new futures after shutdown",
        ]


class TestThreads:
    """Its threads, as others know them."""

    def test_have_names_that_begin_with_the_prefix(self) -> None:
        """The names of threads are the prefix and a number."""
        with ThreadPoolExecutor(1, "mine") as executor:
            assert executor.submit(name_of_thread).result(TIMEOUT) == "mine_0"

    def test_are_prepared_by_the_initializer(self) -> None:
        """The initializer is called once in each thread, before its first call."""
        local = threading.local()

        def prepare(value: int) -> None:
            local.value = value
            request.set("prepared")

        with ThreadPoolExecutor(2, initializer=prepare, initargs=(7,)) as executor:
            futures = [
                executor.submit(lambda: (local.value, request.get())) for _ in range(9)
            ]

            assert {future.result(TIMEOUT) for future in futures} == {(7, "prepared")}

    def test_let_others_look_for_work_while_they_are_prepared(self) -> None:
        """That may take long, or wait for a call that another thread is to make."""
        with Gate() as gate:
            executor = ThreadPoolExecutor(2, initializer=gate.arrive)
            executor.submit(int)
            gate.wait_for(1)
            threads = executor._intake.engine.threads  # noqa: SLF001
            assert poll(lambda: threads._seeking == 0)  # noqa: SLF001

        executor.shutdown()

    def test_break_the_executor_if_they_cannot_be_prepared(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A failing initializer fails what waits, and every later `submit`."""
        with Gate() as gate:

            def prepare() -> None:
                gate.arrive()
                raise OSError

            executor = ThreadPoolExecutor(1, initializer=prepare)
            futures = [executor.submit(int), executor.submit(absolute.with_retry(2), 1)]
            gate.wait_for()

        for future in futures:
            assert isinstance(future.exception(TIMEOUT), BrokenThreadPool)

        with pytest.raises(BrokenThreadPool, match="initializer failed"):
            executor.submit(int)

        executor.shutdown()
        assert "Exception in initializer:" in caplog.text

    def test_call_back_once_for_a_call_that_was_cancelled(
        self, one: ThreadPoolExecutor
    ) -> None:
        """The thread that finds the call later tells nobody of it again."""
        told = list[object]()
        with Gate() as gate:
            one.submit(gate.arrive)
            gate.wait_for()
            queued = one.submit(int)
            queued.add_done_callback(told.append)
            assert queued.cancel()

        one.submit(int).result(TIMEOUT)

        assert [queued] == told

    def test_end_if_they_cannot_be_prepared_and_nobody_is_left(self) -> None:
        """A failing initializer of an executor that is gone ends the thread."""
        with Gate() as gate:

            def prepare() -> None:
                gate.arrive()
                raise OSError

            executor = ThreadPoolExecutor(1, initializer=prepare)
            executor.submit(int)
            gate.wait_for()
            del executor

    def test_can_be_counted(self, one: ThreadPoolExecutor) -> None:
        """What the ecosystem reads is there."""
        with Gate() as gate:
            one.submit(gate.arrive)
            gate.wait_for()
            one.submit(int)

            assert len(one._threads) == 1  # noqa: SLF001
            assert one._max_workers == 1  # noqa: SLF001
            assert one._work_queue.qsize() == 1  # noqa: SLF001
            assert not one._work_queue.empty()  # noqa: SLF001
