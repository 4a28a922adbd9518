"""Hostile values: whatever looking at one does, a pool goes on."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import pytest
from typing_extensions import override

from fluent_async import (
    Args,
    Drain,
    Failure,
    Pool,
    Worker,
    Workers,
    each,
    run,
    stream,
    task,
)
from fluent_async._checks import name_of
from fluent_async._retry import note, shown
from fluent_async.typing import Takes
from support import TIMEOUT, FakeClock, poll


def refuse(*_: object) -> str:
    """Raise, whatever is asked."""
    raise RuntimeError("hostile")


class Hostile:
    """A value that raises when it is shown, compared, hashed, or taken for true."""

    __repr__ = __str__ = __format__ = refuse
    __eq__ = __ne__ = __lt__ = __gt__ = refuse  # type: ignore[assignment]
    __hash__ = __bool__ = __len__ = refuse  # type: ignore[assignment]


def leave(*_: object) -> str:
    """End the program, whatever is asked."""
    raise SystemExit


class Ending:
    """A value that would end the program when it is shown."""

    __repr__ = __str__ = leave
    __name__ = property(leave)

    def __call__(self) -> None:
        """Fail."""
        raise ValueError


class EndingError(Exception):
    """An exception that would end the program when it is shown, or takes a note."""

    __repr__ = __str__ = leave
    add_note = leave  # type: ignore[assignment]


def fail_if_asked(_: Exception) -> bool:
    """Fail, where the question is whether to try again."""
    raise EndingError


class HostileError(Exception):
    """An exception that raises when it is shown, compared, hashed, or taken for true."""

    __repr__ = __str__ = refuse
    __eq__ = __ne__ = refuse  # type: ignore[assignment]
    __hash__ = __bool__ = __len__ = refuse  # type: ignore[assignment]
    add_note = refuse  # type: ignore[assignment]


@dataclass(frozen=True)
class FrozenError(Exception):
    """An exception that lets nothing be set on it, not even its traceback."""

    code: int


class Meta(type):
    """A class of classes that will not say what they are called."""

    __name__ = property(refuse)


class Nameless(Exception, metaclass=Meta):  # noqa: N818  (what it is)
    """An exception whose class says nothing."""


class Liar(str):
    """A text that is none when one looks closer."""

    __slots__ = ()
    __repr__ = __str__ = __eq__ = __hash__ = refuse  # type: ignore[assignment]


Work: TypeAlias = Worker[Hostile] | Workers[Hostile]
Form: TypeAlias = Callable[[Takes[Hostile, Hostile]], list[Work]]


def given(made: Takes[Hostile, Hostile]) -> list[Work]:
    """Give workers."""
    return [made.with_input(Hostile()) for _ in range(5)]


def batch(made: Takes[Hostile, Hostile]) -> list[Work]:
    """Give a batch."""
    return [each([Hostile() for _ in range(5)]) >> made]


def mixed(made: Takes[Hostile, Hostile]) -> list[Work]:
    """Give a batch of workers."""
    return [Workers(made.with_input(Hostile()) for _ in range(5))]


def fed(made: Takes[Hostile, Hostile]) -> list[Work]:
    """Feed a stage."""
    drain = Drain[Hostile]()
    for _ in range(5):
        drain.send(Hostile())

    return [drain >> made]


every_form = pytest.mark.parametrize(
    "form", [given, batch, mixed, fed], ids=lambda form: form.__name__
)


@task
def same(value: Hostile, /) -> Hostile:
    """Give the input."""
    return value


@task
def ignore(value: Ending, /) -> None:
    """Do nothing."""


@task
def ignore_all(values: list[Ending], /) -> None:
    """Do nothing."""


@stream
def yielded(value: Hostile) -> Iterator[Hostile]:
    """Yield the input."""
    yield value


@stream
def sent(args: Args[Hostile, Hostile]) -> None:
    """Send the input."""
    args.drainer.send(args.input)


@task
def oops(value: Hostile, /) -> Hostile:
    """Fail."""
    raise HostileError(value)


@task
def frozen(_: Hostile, /) -> Hostile:
    """Fail."""
    raise FrozenError(7)


@task
def fail_plainly(_: Hostile, /) -> None:
    """Fail as others do."""
    raise ValueError


TASKS: dict[str, Takes[Hostile, Hostile]] = {
    "plain": same,
    "retried": same.with_retry(3),
    "timed": same.with_timeout(60),
    "limited": same.with_limit(2),
    "stream": yielded,
    "args": sent,
    "composed": same >> yielded >> same,
}


class TestValues:
    """Inputs and outputs are carried, never looked at."""

    @pytest.mark.parametrize("made", TASKS.values(), ids=TASKS)
    @pytest.mark.parametrize("ordered", [False, True])
    @every_form
    def test_pass_through(
        self, form: Form, made: Takes[Hostile, Hostile], *, ordered: bool
    ) -> None:
        """N7: Every input comes out as an output, the same object."""
        drain = Drain[Hostile](ordered=ordered)
        with Pool(limit=2) as pool:
            pool.go(*(work | drain for work in form(made)))

        assert [Hostile] * 5 == [type(value) for value in drain.drain()]

    def test_pass_through_bounded_drains(self) -> None:
        """Room is counted, values are not compared."""
        first, second = Drain[Hostile](maxsize=1), Drain[Hostile](maxsize=1)
        values = [Hostile() for _ in range(20)]
        with Pool(limit=2) as pool:
            pool.go(each(values) >> same | first, first >> same | second)

            assert 20 == sum(1 for _ in second)

    def test_come_out_of_run(self) -> None:
        """`run` gives them in order."""
        values = [Hostile() for _ in range(20)]
        outputs = run(each(values) >> same, limit=3)

        assert [id(value) for value in values] == [id(value) for value in outputs]

    def test_may_be_keyword_arguments(self) -> None:
        """Workers of several arguments show none of them."""

        @task
        def second(_: Hostile, value: Hostile) -> Hostile:
            raise HostileError

        with Pool(on_error="keep") as pool:
            pool.go(second.with_input(Hostile(), value=Hostile())).wait()

            assert 1 == len(pool.errors())

    def test_are_shown_by_their_type(self) -> None:
        """Where a value must be shown, its type stands in."""
        with Pool(on_error="keep") as pool:
            pool.go(Hostile() >> frozen).wait()
            (failure,) = pool.errors()

        assert "<Failure frozen(<Hostile>), attempt 1" in repr(failure)
        assert "<Hostile> >> same" == repr(Hostile() >> same)


class TestExceptions:
    """What tasks raise is carried as well."""

    @pytest.mark.parametrize("made", [oops, frozen], ids=lambda made: made.name)
    @every_form
    def test_come_out_of_wait(self, form: Form, made: Takes[Hostile, Hostile]) -> None:
        """E6: They are in the group, each of them."""
        pool = Pool(limit=2)
        with pytest.raises(ExceptionGroup) as caught, pool:
            pool.go(*form(made))

        assert 5 == len(caught.value.exceptions)

    @pytest.mark.parametrize("made", [oops, frozen], ids=lambda made: made.name)
    @every_form
    def test_are_retried(self, form: Form, made: Takes[Hostile, Hostile]) -> None:
        """Policies ask for their type alone."""
        with Pool(limit=2, retry=3, retry_on=Exception, on_error="keep") as pool:
            pool.go(*form(made)).wait()

            assert (15, 5) == (pool.stats().attempts, pool.stats().failed)

    @pytest.mark.parametrize("made", [oops, frozen], ids=lambda made: made.name)
    def test_are_retried_together(
        self, made: Takes[Hostile, Hostile], fake_clock: FakeClock
    ) -> None:
        """Inputs that are due at the same time are not compared."""
        fake_clock.hold()
        with Pool(limit=2, retry=2, backoff=lambda _: 60.0, on_error="keep") as pool:
            pool.go(*given(made))
            assert poll(lambda: pool.stats().waiting_for_retry == 5)
            fake_clock.advance(60)
            pool.wait()

            assert 10 == pool.stats().attempts

    @pytest.mark.parametrize("made", [oops, frozen], ids=lambda made: made.name)
    def test_cancel_the_rest(self, made: Takes[Hostile, Hostile]) -> None:
        """With on_error="cancel" the first is raised."""
        with Pool(limit=1, on_error="cancel") as pool:
            pool.go(*given(made))
            with pytest.raises((HostileError, FrozenError)):
                pool.wait()

    @pytest.mark.parametrize("made", [oops, frozen], ids=lambda made: made.name)
    @every_form
    def test_are_logged(
        self,
        form: Form,
        made: Takes[Hostile, Hostile],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """A failure that nobody was shown is told, as well as it can be."""
        pool = Pool().go(*form(made))
        pool.close()
        told = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]

        assert 5 == len(told)
        assert all("<Hostile>" in line for line in told)

    @pytest.mark.parametrize("retry", [1, 2])
    def test_may_have_no_name(
        self, retry: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Even a class that will not say what it is called is raised, retried, logged."""

        @task
        def nameless(_: Hostile) -> None:
            raise Nameless

        pool = Pool(retry=retry).go(Hostile() >> nameless)
        pool.close()

        assert (1, retry) == (pool.stats().failed, pool.stats().attempts)
        assert "Nameless" in caplog.text

    def test_of_iterables_are_failures(self) -> None:
        """An iterable's own exception may be as bad."""

        def values() -> Iterator[Hostile]:
            yield Hostile()
            raise FrozenError(1)

        with Pool(on_error="keep") as pool:
            pool.go(each(values()) >> same).wait(TIMEOUT)

            assert 1 == len(pool.errors())

    def test_of_sinks_are_failures(self) -> None:
        """E5: And so may a sink's."""

        class Sink:
            __eq__ = __bool__ = __hash__ = __repr__ = refuse  # type: ignore[assignment]

            def send(self, _: Hostile, /) -> None:
                raise FrozenError(1)

        with Pool(on_error="keep") as pool:
            pool.go(*given(same)[:2])
            pool.go(*(work | Sink() for work in [*given(same), *batch(same)]))
            pool.wait(TIMEOUT)

            assert 10 == len(pool.errors())

    def test_that_end_python_come_out(self) -> None:
        """A hostile BaseException is still one."""

        class Fatal(BaseException):
            __repr__ = __str__ = __eq__ = __hash__ = refuse  # type: ignore[assignment]
            __bool__ = refuse

        @task
        def die(_: Hostile) -> None:
            raise Fatal

        with Pool() as pool:
            pool.go(Hostile() >> die)
            with pytest.raises(Fatal):
                pool.wait(TIMEOUT)


class TestFunctions:
    """What the user gives to be called may be anything."""

    def test_tasks_may_be_objects(self) -> None:
        """An object that cannot be hashed or shown may be a task, limit and all."""

        class Negate:
            __hash__ = __bool__ = __repr__ = refuse  # type: ignore[assignment]

            def __call__(self, value: int, /) -> int:
                return -value

        negate = task(limit=1, name="negate")(Negate())

        assert [-1, -2, -3] == run(1 >> negate, each([2, 3]) >> negate)

    def test_work_may_be_objects(self) -> None:
        """So may what is executed."""
        ran = []

        class Box(Hostile):
            def execute(self) -> None:
                ran.append(1)

        box = Box()
        with Pool() as pool:
            pool.go(box, box)

        assert [1, 1] == ran

    @pytest.mark.parametrize("says", ["raises", "hostile text", "no text"])
    def test_describe_may_fail(self, says: str) -> None:
        """I10: Whatever `describe` gives, a failure has its note."""
        gives: dict[str, object] = {"hostile text": Liar("x"), "no text": Hostile()}

        def describe(_: object) -> str:
            if says == "raises":
                raise FrozenError(1)

            return gives[says]  # type: ignore[return-value]

        with Pool(describe=describe, on_error="keep") as pool:
            pool.go(Hostile() >> fail_plainly).wait(TIMEOUT)
            (failure,) = pool.errors()

        assert "fail_plainly(" in failure.exception.__notes__[0]

    @pytest.mark.parametrize("made", [oops, frozen], ids=lambda made: made.name)
    def test_policies_may_fail(self, made: Takes[Hostile, Hostile]) -> None:
        """I10: A `retry_on` or backoff that raises or gives nonsense is a final failure."""

        def nonsense(_: Failure | Exception) -> float:
            return Hostile()  # type: ignore[return-value]

        def frozen_error(_: Failure | Exception) -> float:
            raise FrozenError(1)

        for bad in (nonsense, frozen_error):
            with Pool(retry=3, backoff=bad, on_error="keep") as pool:
                pool.go(*given(made)).wait(TIMEOUT)

                assert 5 == pool.stats().attempts

    def test_logs_may_fail(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """E5, N4: A filter of the log that raises costs neither a retry nor a thread."""

        def no_retries(record: logging.LogRecord) -> bool:
            if record.levelno == logging.INFO:
                raise FrozenError(1)

            return True

        log = logging.getLogger("fluent_async")
        monkeypatch.setattr(log, "filters", [no_retries])
        with caplog.at_level(logging.INFO, log.name):
            pool = Pool(retry=3, on_error="keep").go(Hostile() >> fail_plainly)
            pool.close()

        assert (1, 3) == (pool.stats().failed, pool.stats().attempts)

    def test_iterables_may_be_hostile(self) -> None:
        """An iterable is iterated, and nothing else."""

        class Values(Hostile, Iterable[Hostile]):
            @override
            def __iter__(self) -> Iterator[Hostile]:
                return iter([Hostile(), Hostile()])

            def __length_hint__(self) -> int:
                raise RuntimeError("hostile")

        assert 2 == len(run(each(Values()) >> same))

    def test_streams_may_return_hostile_iterables(self) -> None:
        """So is what a stream returns."""

        class Values(Hostile, Iterable[Hostile]):
            @override
            def __iter__(self) -> Iterator[Hostile]:
                return iter([Hostile(), Hostile()])

        @stream
        def returned(_: int) -> Iterable[Hostile]:
            return Values()

        assert 4 == len(run(1 >> returned, 2 >> returned.with_retry(2)))


class TestEnds:
    """What would end the program where a value is shown, ends nothing in a thread."""

    @pytest.mark.parametrize("describe", [None, leave])
    def test_are_failures_like_others(
        self, describe: Callable[[object], str] | None
    ) -> None:
        """The inputs that follow run, and `wait()` raises no SystemExit."""

        @task
        def refuses(_: Ending) -> None:
            raise ValueError

        with Pool(2, describe=describe, on_error="keep") as pool:
            pool.go(each([Ending() for _ in range(20)]) >> refuses)
            pool.wait(TIMEOUT)
            notes = [failure.exception.__notes__ for failure in pool.errors()]

        assert 20 == len(notes)
        assert all("refuses(<Ending>) failed" in note for (note,) in notes)

    def test_may_be_what_was_raised(self, caplog: pytest.LogCaptureFixture) -> None:
        """An exception that takes no note, and will not be shown, is still one failure."""

        @task(retry=2, retry_on=fail_if_asked)
        def refuses(_: int) -> None:
            raise EndingError

        pool = Pool(1).go(each([1, 2]) >> refuses)
        pool.close()

        assert (2, 2) == (pool.stats().failed, pool.stats().attempts)
        assert 2 == caplog.text.count("EndingError")

    def test_may_be_the_name_of_a_call(self, caplog: pytest.LogCaptureFixture) -> None:
        """A call that nobody asked for is told, by the type of what was called."""
        with Pool(1) as pool:
            pool.executor.submit(Ending())

        told = "nobody was shown that a call of Ending that was submitted raised ValueError"
        assert poll(lambda: told in caplog.text)

    @pytest.mark.parametrize(
        "show",
        [
            lambda: repr(Ending() >> ignore),
            lambda: repr([Ending()] >> ignore_all),
            lambda: shown(1, leave),
            lambda: name_of(Ending()),
            lambda: repr(Failure("f", 1, 1, 0.0, EndingError())),
            lambda: note(Failure("f", 1, 1, 0.0, EndingError()), repr),
        ],
    )
    def test_get_through_on_the_main_thread(self, show: Callable[[], object]) -> None:
        """There it may be a handler that raised, as that of Ctrl-C does."""
        with pytest.raises(SystemExit):
            show()
