"""Workers run in one's own thread: one input, or many in turn."""

import gc
import weakref
from collections.abc import Callable, Iterator

import pytest

from fluent_async import Args, Backoff, Drain, Worker, Workers, each, stream, task
from fluent_async.errors import DrainClosed
from fluent_async.typing import Drainable, Executable, Retryable
from support import FakeClock


class Flaky:
    """Fails as often as it is told to, then works."""

    def __init__(self, failures: int) -> None:
        self.left = failures

    def check(self) -> None:
        """Fail, if there are failures left."""
        self.left -= 1
        if self.left >= 0:
            raise ConnectionError


@task
def double(number: int) -> int:
    """Double a number."""
    return 2 * number


@task
def inverse(number: int) -> float:
    """Divide 1 by a number."""
    return 1 / number


def streams(flaky: Flaky) -> list[Worker[int]]:
    """Make a worker of each kind of stream, that sends 1 before it may fail."""

    @stream(retry=3)
    def yielded(number: int) -> Iterator[int]:
        yield number
        flaky.check()

    @stream(retry=3)
    def sent(args: Args[int, int]) -> None:
        args.drainer.send(args.input)
        flaky.check()

    return [1 >> yielded, 1 >> sent]


class TestExecute:
    """`worker.execute()`: the task, in the thread that calls."""

    def test_sends_the_output_to_the_drains(self) -> None:
        """It returns nothing: outputs go to drains."""
        drain = Drain[int]()
        returned: object = (3 >> double | drain).execute()  # type: ignore[func-returns-value]

        assert returned is None
        assert drain.drain() == [6]

    def test_may_be_repeated(self) -> None:
        """A worker is a description: it can run again."""
        drain = Drain[int]()
        worker = 3 >> double | drain
        worker.execute()
        worker.execute()

        assert drain.drain() == [6, 6]

    def test_feeds_its_drains_while_it_runs(self) -> None:
        """A drain is open while a worker feeds it, and idle again afterwards."""
        opened: list[bool] = []
        drain = Drain[int]()

        @task
        def look(number: int) -> int:
            with pytest.raises(TimeoutError):
                drain.drain(timeout=0)

            opened.append(True)
            return number

        (3 >> look | drain).execute()

        assert (opened, drain.drain(timeout=0)) == ([True], [3])

    def test_leaves_its_drains_idle_when_it_fails(self) -> None:
        """However it ends, nobody waits for it any more."""
        drain = Drain[float]()
        with pytest.raises(ZeroDivisionError):
            (0 >> inverse | drain).execute()

        assert drain.drain() == []

    def test_refuses_a_shut_drain(self) -> None:
        """Work that drains to a shut drain raises DrainClosed, and runs nothing."""
        first, shut = Drain[int](), Drain[int]()
        shut.shut_down()

        with pytest.raises(DrainClosed):
            (3 >> double | first | shut).execute()

        assert first.drain() == []

    def test_is_retried(self, fake_clock: FakeClock) -> None:
        """The task's own policy holds, and its delays are waited."""
        flaky, drain = Flaky(2), Drain[int]()

        @task(retry=3, backoff=Backoff(0.5, jitter=0))
        def fetch(number: int) -> int:
            flaky.check()
            return number

        (3 >> fetch | drain).execute()

        assert ([3], [0.5, 1.0]) == (drain.drain(), fake_clock.sleeps)

    def test_is_one_attempt_without_a_policy(self) -> None:
        """`retry=None` outside a pool is one attempt, which raises as it is."""
        flaky = Flaky(1)

        with pytest.raises(ConnectionError) as caught:
            task(flaky.check).with_input().execute()

        assert not hasattr(caught.value, "__notes__")

    @pytest.mark.parametrize("kind", [0, 1], ids=["yielded", "sent"])
    def test_with_a_policy_sends_outputs_once(self, kind: int) -> None:
        """A retried stream's outputs arrive when an attempt succeeds: none twice."""
        drain = Drain[int]()
        (streams(Flaky(2))[kind] | drain).execute()

        assert drain.drain() == [1]

    @pytest.mark.parametrize("kind", [0, 1], ids=["yielded", "sent"])
    def test_with_a_policy_sends_nothing_of_a_failed_input(self, kind: int) -> None:
        """When attempts run out, nothing has arrived, and the last exception is noted."""
        drain = Drain[int]()
        with pytest.raises(ConnectionError) as caught:
            (streams(Flaky(3))[kind] | drain).execute()

        assert drain.drain() == []
        assert "(1) failed after 3 attempts" in caught.value.__notes__[0]

    @pytest.mark.parametrize("kind", [0, 1], ids=["yielded", "sent"])
    def test_with_a_policy_sends_outputs_all_together(self, kind: int) -> None:
        """They are in the drain before a later task, which may fail, gets the first."""

        @stream(retry=2)
        def yielded(_: int) -> Iterator[int]:
            yield from (1, 2)

        @stream(retry=2)
        def sent(args: Args[int, int]) -> None:
            args.drainer.send(1)
            args.drainer.send(2)

        @task
        def divide(number: int) -> float:
            return number / 0

        drain = Drain[int]()
        worker = [0 >> yielded, 0 >> sent][kind] | drain
        with pytest.raises(ZeroDivisionError):
            (worker >> divide).execute()

        assert [1, 2] == drain.drain()

    @pytest.mark.parametrize("kind", [0, 1], ids=["yielded", "sent"])
    def test_of_one_attempt_sends_outputs_as_they_come(self, kind: int) -> None:
        """With `retry=1` what was sent before a failure has arrived."""
        drain = Drain[int]()
        with pytest.raises(ConnectionError):
            (streams(Flaky(1))[kind].with_retry(1) | drain).execute()

        assert drain.drain() == [1]

    def test_tells_args_which_attempt_it_is(self) -> None:
        """The first attempt is 1."""
        attempts: list[int] = []

        @stream(retry=3)
        def sent(args: Args[int, int]) -> None:
            attempts.append(args.attempt)
            if args.attempt < 3:
                raise ConnectionError

        (1 >> sent).execute()

        assert attempts == [1, 2, 3]

    def test_raises_stop_iteration_as_it_is(self) -> None:
        """A task's StopIteration ends nothing silently, and stays what it is."""
        stop = StopIteration()

        def fail(_: int) -> int:
            raise stop

        with pytest.raises(StopIteration) as caught:
            (3 >> double >> task(fail)).execute()

        assert caught.value is stop


class TestComposed:
    """A worker of several tasks: each with its own retries."""

    def test_retries_only_the_task_that_failed(self) -> None:
        """What came before a failure is not done again."""
        calls: list[str] = []
        flaky, drain = Flaky(2), Drain[int]()

        @task(retry=3)
        def first(number: int) -> int:
            calls.append("first")
            return number

        @task(retry=3)
        def second(number: int) -> int:
            calls.append("second")
            flaky.check()
            return number

        (3 >> first >> second | drain).execute()

        assert ["first", *["second"] * 3] == calls

    def test_with_retry_sets_the_last_tasks(self) -> None:
        """On a composition, and on a worker, the last task gets the policy."""
        flaky = Flaky(1)

        @task
        def last(number: int) -> int:
            flaky.check()
            return number

        ((double >> last).with_retry(2) | Drain[int]())(3)
        flaky.left = 1
        (3 >> double >> last).with_retry(2).execute()

        assert flaky.left == -1

    def test_goes_on_with_each_output_as_it_is_sent(self) -> None:
        """What an Args function sends is passed on before it sends the next."""
        order: list[str] = []

        @stream
        def sent(args: Args[int, int]) -> None:
            for number in range(args.input):
                order.append(f"sent {number}")
                args.drainer.send(number)

        (2 >> sent >> task(lambda number: order.append(f"got {number}"))).execute()

        assert order == ["sent 0", "got 0", "sent 1", "got 1"]

    def test_fails_with_a_later_tasks_error(self) -> None:
        """An Args function that swallows what a later task raised does not hide it."""
        sent: list[int] = []

        @stream(retry=1)
        def swallows(args: Args[int, int]) -> None:
            for number in (1, 0, 2):
                try:
                    args.drainer.send(number)
                    sent.append(number)
                except ZeroDivisionError:
                    pass

        with pytest.raises(ZeroDivisionError) as caught:
            (3 >> swallows >> inverse).execute()

        assert sent == [1]
        assert not hasattr(caught.value, "__notes__")  # swallows did not fail

    def test_lets_a_later_tasks_error_through(self) -> None:
        """An Args function that lets the error pass is not retried for it."""
        drain = Drain[float]()

        @stream(retry=1)
        def sent(args: Args[int, int]) -> None:
            args.drainer.send(args.input)

        with pytest.raises(ZeroDivisionError):
            (0 >> sent >> inverse | drain).execute()

        assert drain.drain() == []

    def test_closes_a_stream_whose_output_fails_later(self) -> None:
        """At once: the traceback of the error would keep it open."""
        closed = list[int]()

        @stream
        def numbers(number: int) -> Iterator[int]:
            try:
                yield number
            finally:
                closed.append(number)

        composed = numbers >> inverse
        with pytest.raises(ZeroDivisionError) as caught:
            list(composed(0))

        assert caught.tb is not None
        assert [0] == closed

    def test_leaves_no_reference_cycle(self) -> None:
        """What a later task raised is freed without the collector."""

        class Error(Exception):
            pass

        @stream
        def sent(args: Args[int, int]) -> None:
            args.drainer.send(args.input)

        @task
        def fail(_: int) -> None:
            raise Error

        gc.disable()
        try:
            reference = caught_by((0 >> sent >> fail).execute)
        finally:
            gc.enable()

        assert reference() is None


def caught_by(call: Callable[[], object]) -> weakref.ref[Exception]:
    """Call, and return a weak reference to what was raised."""
    try:
        call()
    except Exception as exc:  # noqa: BLE001
        return weakref.ref(exc)

    raise AssertionError


class TestShutDown:
    """Drains are shut by who is the last to feed them."""

    def test_shuts_all_drains_of_a_worker(self) -> None:
        """Those in the middle of a composition are shut, too."""
        middle, last = Drain[int](), Drain[int]()
        (3 >> (double | middle) >> double | last).shut_down()

        assert middle.closed
        assert last.closed

    def test_execute_and_shut_down_does_both(self) -> None:
        """What was drained before the end stays readable."""
        drain = Drain[int]()
        (3 >> double | drain).execute_and_shut_down()

        assert (drain.closed, drain.drain()) == (True, [6])

    def test_execute_and_shut_down_shuts_after_a_failure(self) -> None:
        """A failure comes out, and the drains are shut all the same."""
        one, many = Drain[float](), Drain[float]()
        with pytest.raises(ZeroDivisionError):
            (0 >> inverse | one).execute_and_shut_down()

        with pytest.raises(ZeroDivisionError):
            (each([1, 0, 1]) >> inverse | many).execute_and_shut_down()

        assert (one.closed, many.closed, many.drain()) == (True, True, [1])

    def test_leaves_sinks_that_cannot_be_shut(self) -> None:
        """A sink needs no `shut_down`."""

        class Sink:
            def send(self, value: int, /) -> None: ...

        (3 >> double | Sink()).execute_and_shut_down()

    def test_of_a_batch_shuts_what_its_workers_drained_to(self) -> None:
        """Workers given with their own drains have them shut when all have run."""
        own, added = Drain[int](), Drain[int]()
        (
            Workers([1 >> double | own, 2 >> double | own]) | added
        ).execute_and_shut_down()

        assert (own.closed, own.drain()) == (True, [2, 4])
        assert (added.closed, added.drain()) == (True, [2, 4])

    def test_of_a_batch_shuts_its_own(self) -> None:
        """Before it runs, only what was added to the batch itself is known."""
        own, added = Drain[int](), Drain[int]()
        (Workers([1 >> double | own]) | added).shut_down()

        assert (own.closed, added.closed) == (False, True)


class TestWorkers:
    """A lazy batch, run one after the other."""

    def test_runs_each_worker_in_turn(self) -> None:
        """In the order of the iterable."""
        drain = Drain[int]()
        (each([3, 1, 2]) >> double | drain).execute()

        assert drain.drain() == [6, 2, 4]

    def test_takes_workers_of_several_arguments(self) -> None:
        """`Workers(...)` takes workers as they are."""
        drain = Drain[int]()
        add = task(int.__add__)
        (Workers(add.with_input(n, 2) for n in (2, 3)) | drain).execute()

        assert drain.drain() == [4, 5]

    def test_changes_every_worker_of_the_batch(self) -> None:
        """A drain, a task and a policy are added to each worker, in the order written."""
        flaky, middle, last = Flaky(1), Drain[int](), Drain[int]()

        @task
        def flaking(number: int) -> int:
            flaky.check()
            return number

        workers = Workers(n >> double for n in (1, 2)) | middle
        (workers >> flaking | last).with_retry(2).execute()

        assert (middle.drain(), last.drain()) == ([2, 4], [2, 4])

    def test_keeps_its_drains_open_for_the_whole_batch(self) -> None:
        """A drain is not idle between two workers."""
        drain = Drain[int]()

        def workers() -> Iterator[Worker[int]]:
            for number in (1, 2):
                with pytest.raises(TimeoutError):
                    drain.drain(timeout=0)

                yield number >> double

        (Workers(workers()) | drain).execute()

        assert drain.drain(timeout=0) == [2, 4]

    def test_ends_at_the_first_failure(self) -> None:
        """The first worker that fails ends the batch, with its exception."""
        drain = Drain[float]()
        with pytest.raises(ZeroDivisionError):
            (each([1, 0, 2]) >> inverse | drain).execute()

        assert drain.drain() == [1]

    def test_refuses_an_item_that_is_no_worker(self) -> None:
        """What the iterable gives is checked when it is taken."""
        with pytest.raises(TypeError, match=r"item of Workers\(...\) must be a Worker"):
            Workers([3]).execute()  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "workers", [3, None, "text", b"bytes", double, 1 >> double]
    )
    def test_refuses_what_is_not_iterable(self, workers: list[Worker[int]]) -> None:
        """Anything but an iterable is a TypeError at once."""
        with pytest.raises(
            TypeError, match="workers must be an iterable of workers, not"
        ):
            Workers(workers)


class TestDescription:
    """Workers are descriptions: immutable, and they say what they are."""

    def test_changes_make_new_workers(self) -> None:
        """with_retry, | and >> leave the worker as it was."""
        for work in (1 >> double, each([1]) >> double, Workers([1 >> double])):
            made = [work.with_retry(2), work | Drain[int](), work >> double]

            assert all(each is not work for each in made)

    def test_share_what_they_drain_to(self) -> None:
        """A worker that drains to the same as another is described by the same steps."""
        numbers = Drain[int]()
        first, second = 1 >> double | numbers, 2 >> double | numbers

        assert first._steps == second._steps  # noqa: SLF001  (equal only if the same)

    def test_of_one_value_are_one_object(self) -> None:
        """Neither the input nor the steps need a tuple, which the collector would see."""
        worker = 1 >> double | Drain[int]()

        assert not any(isinstance(part, tuple) for part in gc.get_referents(worker))

    def test_are_made_by_binding_alone(self) -> None:
        """The class itself makes none, and says what does."""
        with pytest.raises(TypeError, match="`value >> task`"):
            Worker()

    def test_of_other_drains_share_nothing(self) -> None:
        """A worker that drains elsewhere, or to more, keeps its own drains."""
        numbers, others = Drain[int](), Drain[int]()
        workers = [1 >> double | numbers, 2 >> double | others]
        workers.append(3 >> double | numbers | others)
        for worker in workers:
            worker.execute()

        assert [2, 6] == numbers.drain()
        assert [4, 6] == others.drain()

    def test_once_gone_keep_no_drain(self) -> None:
        """A task remembers a drain only as long as a worker of it drains there."""
        numbers = Drain[int]()
        gone = weakref.ref(numbers)
        worker = 1 >> double | numbers
        del worker, numbers

        assert gone() is None

    def test_have_a_name(self) -> None:
        """The name is the task's, or those of the tasks."""
        assert (3 >> double >> inverse).name == "double >> inverse"

    @pytest.mark.parametrize("work", [3 >> double, each([3]) >> double, Workers([])])
    def test_fit_the_protocols(self, work: object) -> None:
        """They are Executable, Retryable and Drainable; a task is none of these."""
        for protocol in (Executable, Retryable, Drainable):
            assert isinstance(work, protocol)

        assert not isinstance(double, Executable)


class TestExecutedStreams:
    """Streams that a worker runs in the thread that calls."""

    @pytest.mark.parametrize("retry", [1, 2])
    def test_get_all_arguments(self, retry: int) -> None:
        """A function that takes Args gets what comes before, and the input in it."""
        drain = Drain[int]()

        @stream(retry=retry)
        def scaled(factor: int, args: Args[int, int]) -> None:
            args.drainer.send(factor * args.input)

        (scaled.with_input(2, 3) | drain).execute()

        assert [6] == drain.drain()

    def test_send_nothing_of_an_attempt_that_is_made_again(self) -> None:
        """With two attempts the outputs of the second come alone."""
        drain, calls = Drain[int](), list[int]()

        @stream(retry=2)
        def flaky(number: int) -> Iterator[int]:
            calls.append(number)
            yield len(calls)
            if len(calls) == 1:
                raise OSError

        (1 >> flaky | drain).execute()

        assert [2] == drain.drain()
