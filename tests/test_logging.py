"""What pools log: each record of docs/logging.md, and what is in none."""

import ast
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import pytest
from typing_extensions import override

import fluent_async
from fluent_async import Backoff, Drain, Pool, Task, each, stream, task
from fluent_async._monitor import inside
from support import TIMEOUT, FakeClock, Gate, poll
from work import Form, Work, at, double, every_form, fail


FILES = sorted(Path(fluent_async.__file__).parent.glob("*.py"))
PAGE = Path(__file__).parent.parent / "docs" / "logging.md"
ROW = re.compile(r"^\| (INFO|WARNING|ERROR) \| `([^`]+)` \|", re.MULTILINE)

Told = Callable[[], list[str]]


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Told:
    """Give everything that was logged so far, each with its level."""
    caplog.set_level(logging.DEBUG, "fluent_async")
    return lambda: [f"{r.levelname} {r.getMessage()}" for r in caplog.records]


def execute(work: Task[[int], int], number: int) -> None:
    """Execute a worker."""
    (number >> work).execute()


def records(file: Path) -> Iterator[str]:
    """Find the records that a file of the package writes; what is filled in is a `*`."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    named = {
        ast.unparse(node.targets[0]): node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="_log"), attr=level),
                args=[message, *_],
            ):
                text = ast.literal_eval(named.get(ast.unparse(message), message))
                yield f"{level.upper()} {re.sub(r'%[.0-9]*[a-z]', '*', text)}"
            case _:
                pass


class TestPage:
    """The table of docs/logging.md."""

    def written(self) -> set[str]:
        """Find the records in the code; what is filled in is a `*`."""
        return {record for file in FILES for record in records(file)}

    def test_has_every_record(self) -> None:
        """Each has a line with its level and its message, and there are no others."""
        rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
        shown = {
            f"{level} {re.sub(r'<[a-z]+>', '*', message)}" for level, message in rows
        }

        assert shown == self.written()

    def test_has_all_that_can_be_logged(self) -> None:
        """One file of the package uses `logging`, and escapes what it is told."""
        users = {
            file.stem
            for file in FILES
            if re.search(r"\b(import|from) logging\b", file.read_text(encoding="utf-8"))
        }

        assert {"_log"} == users


@contextmanager
def left(pool: Pool, work: Callable[[Gate], list[Work]]) -> Iterator[None]:
    """Leave one attempt of a pool at a gate, as a second Ctrl-C does, and go on there."""
    with Gate() as gate:
        pool.go(*work(gate))
        gate.wait_for(1)
        pool._engine.abandon()  # noqa: SLF001
        yield

    pool.close()


class TestRecords:
    """What is logged, and when."""

    def test_there_are_none_if_all_goes_well(self, told: Told) -> None:
        """A pool at which all goes well logs nothing."""
        doubled, again = Drain[int](2), Drain[int]()
        with Pool(2, name="crawl") as pool:
            pool.go(each(range(99)) >> double | doubled, doubled >> double | again)

        assert [] == told()

    @pytest.mark.usefixtures("fake_clock")
    def test_of_retries(self, told: Told) -> None:
        """A retry is told at INFO, with attempt, task, exception and delay."""
        backoff = Backoff(2, jitter=0)
        with Pool(1, retry=3, backoff=backoff, on_error="keep", name="crawl") as pool:
            pool.go(7 >> fail)

        says = "of fail failed (ValueError); the next is in"

        assert [
            f"INFO crawl: attempt 1 {says} 2 s",
            f"INFO crawl: attempt 2 {says} 4 s",
        ] == told()

    @pytest.mark.usefixtures("fake_clock")
    @pytest.mark.parametrize("call", [Task.__call__, execute])
    def test_of_retries_without_a_pool(
        self, call: Callable[[Task[[int], int], int], object], told: Told
    ) -> None:
        """A task that is called or executed tells its retries as well."""
        with pytest.raises(ValueError, match="7"):
            call(fail.with_retry(2, Backoff(3, jitter=0)), 7)

        says = "attempt 1 of fail failed (ValueError); the next is in 3 s"

        assert [f"INFO {says}"] == told()

    def test_of_abandoned_attempts(self, told: Told, fake_clock: FakeClock) -> None:
        """An attempt over its timeout is told at WARNING."""
        fake_clock.hold()
        with Pool(name="crawl", on_error="keep") as pool, Gate() as gate:
            pool.go(1 >> at(gate).hold.with_timeout(5))
            gate.wait_for(1)
            fake_clock.wait_for_waits()
            fake_clock.advance(6)
            assert poll(lambda: pool.stats().abandoned == 1)

        says = "hold is over its timeout of 5.0 s and abandoned on crawl-0"

        assert [f"WARNING crawl: {says}: it keeps its slot"] == told()

    def test_of_what_a_second_ctrl_c_left(self, told: Told) -> None:
        """Each attempt that still runs is told at WARNING, with its input and thread."""
        with left(Pool(1, name="crawl"), lambda gate: [1 >> at(gate).hold]):
            pass

        says = "abandoned while it runs: hold(1) on crawl-0"

        assert [f"WARNING crawl: {says}"] == told()

    @pytest.mark.usefixtures("fake_clock")
    def test_of_failures_that_nobody_was_shown(self, told: Told) -> None:
        """A failure that nobody was shown is told at WARNING."""
        Pool(name="crawl").go(7 >> fail).close()

        says = (
            "nobody was shown that fail(7) failed after 1 attempt, 0.00 s: ValueError"
        )

        assert [f"WARNING crawl: {says}"] == told()

    def test_of_the_end_of_a_program_that_nobody_was_shown(self, told: Told) -> None:
        """So is an exception that is no Exception."""

        @task
        def leave(_: int) -> None:
            raise SystemExit

        Pool(name="crawl").go(7 >> leave).close()

        says = "nobody was shown that a task raised SystemExit"

        assert [f"WARNING crawl: {says}"] == told()

    def test_of_bounds_that_gave_way(self, told: Told) -> None:
        """A bound that gave way is told at WARNING, once for each drain."""
        pages = Drain[int](1, name="pages")
        with Pool(2, name="crawl") as pool:
            pool.go(each(range(9)) >> double | pages)

        says = "it is full, nobody reads it, and nothing else could move"

        assert [f"WARNING crawl: Drain(1, name='pages') gave way: {says}"] == told()

    def test_of_drains_that_nobody_fed(self, told: Told) -> None:
        """A stage that waits for a drain nobody fed is told at WARNING."""
        with Pool(2, name="crawl") as pool:
            pool.go(Drain[int](name="pages") >> double)

        unfed = "Drain(name='pages') >> double"
        says = f"nobody ever fed {unfed}: drain work to it, or send it values"

        assert [f"WARNING crawl: {says}"] == told()

    def test_of_a_stage_of_tests(
        self, told: Told, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """STAGE=test is told at INFO, since it changes what a pool does."""
        monkeypatch.setenv("STAGE", "test")
        Pool(8)

        assert ["INFO STAGE=test: a pool has limit 1 instead of 8"] == told()

    def test_name_the_place_that_logs(self, caplog: pytest.LogCaptureFixture) -> None:
        """A record's file is the one that decided to log, not the one that writes."""
        Pool(name="crawl").go(7 >> fail).close()

        [record] = caplog.records

        assert ("fluent_async", "_report.py") == (record.name, record.filename)


class Secret:
    """A value that must be in no log."""

    @override
    def __repr__(self) -> str:
        """Give the secret away."""
        return "hunter2"

    __str__ = __repr__


@task
def refuse(secret: Secret, /) -> Secret:
    """Fail, with the secret in the exception."""
    raise ValueError(secret)


class TestValues:
    """No value gets into a log but by `describe`."""

    def test_are_not_in_what_is_told_of_retries(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Neither the input of an attempt nor the text of its exception."""
        caplog.set_level(logging.DEBUG, "fluent_async")
        with Pool(1, retry=3, on_error="keep") as pool:
            pool.go(Secret() >> refuse)

        assert 2 == len(caplog.messages)
        assert "hunter2" not in caplog.text

    def test_are_not_in_what_is_told_of_bounds(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Nor what waits in a drain."""
        with Pool(1) as pool:
            pool.go(each([Secret()] * 9) >> task(name="same")(_same) | Drain[Secret](1))

        assert 1 == len(caplog.messages)
        assert "hunter2" not in caplog.text

    def test_are_shown_by_describe(self, caplog: pytest.LogCaptureFixture) -> None:
        """The input of a failure is what `describe` makes of it; the text is in none."""
        pool = Pool(describe=lambda value: f"a {type(value).__name__}")
        pool.go(Secret() >> refuse).close()

        assert "refuse(a Secret) failed" in caplog.text
        assert "hunter2" not in caplog.text

    @pytest.mark.parametrize("shown", [None, 3, b"a", OSError])
    def test_are_named_by_type_if_describe_fails(
        self, shown: object, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A `describe` that raises, or gives no str, is done without."""

        def describe(_: object) -> str:
            if shown is OSError:
                raise OSError

            return shown  # type: ignore[return-value]

        Pool(describe=describe).go(Secret() >> refuse).close()

        assert "refuse(<Secret>) failed" in caplog.text

    @every_form
    def test_are_shown_by_describe_of_what_was_abandoned(
        self, form: Form, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The input of what a second Ctrl-C left is shown so as well, and in the repr."""
        pool = Pool(1, describe=lambda value: f"number {value}", name="crawl")
        with left(pool, lambda gate: form([7], at(gate).hold)):
            says = "hold(number 7) on crawl-0"

            assert [f"crawl: abandoned while it runs: {says}"] == caplog.messages
            assert f"abandoned: {says}>" in repr(pool)

    def test_are_cut(self, caplog: pytest.LogCaptureFixture) -> None:
        """By default an input is its repr, of at most 200 characters."""
        Pool().go("x" * 10**6 >> task(name="text")(_fail_text)).close()

        [message] = caplog.messages

        assert 200 < len(message) < 300

    def test_are_cut_if_described_at_length(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """What `describe` gives is cut to 1,000 characters."""
        Pool(describe=lambda _: "x" * 10**6).go(7 >> fail).close()

        assert f"fail({'x' * 999}…) failed" in caplog.text


def _same(secret: Secret) -> Secret:
    return secret


def _fail_text(text: str) -> None:
    raise ValueError(text)


BAD = "a\nb\r\x1b[2J\u2028\u202e\x00\x85\ud800"
"""Ends of lines, escape sequences, and what turns text around."""


class TestLines:
    """A record is one line: control characters are escaped."""

    def lines(self, caplog: pytest.LogCaptureFixture) -> list[str]:
        """Give the messages, of which there are some."""
        assert caplog.messages
        return caplog.messages

    def test_of_any_name(self, caplog: pytest.LogCaptureFixture) -> None:
        """Names of pools, tasks and drains, and of types of exceptions."""
        caplog.set_level(logging.DEBUG, "fluent_async")
        error = type(BAD.replace("\x00", "").replace("\ud800", ""), (Exception,), {})

        @task(name=BAD, retry=2)
        def work(_: int) -> int:
            raise error

        @stream(name=BAD)
        def many(number: int) -> list[int]:
            return [number] * 9

        pool = Pool(1, name=BAD)
        pool.go(1 >> work, 2 >> many | Drain[int](1, name=BAD))
        pool.go(Drain[int](name=BAD) >> double.named(BAD))
        with pytest.raises(ExceptionGroup):
            pool.wait(TIMEOUT)

        pool.go(1 >> work).close()

        assert 5 == len(self.lines(caplog))
        assert all(line.isprintable() for line in self.lines(caplog))

    @every_form
    def test_of_what_was_abandoned(
        self, form: Form, caplog: pytest.LogCaptureFixture
    ) -> None:
        """And all that tells of an attempt, in the log and in the repr of its pool."""
        pool = Pool(1, name=BAD, describe=lambda _: BAD)
        with left(pool, lambda gate: form([7], at(gate).hold.named(BAD))):
            [line] = self.lines(caplog)

            assert line.isprintable()
            assert repr(pool).isprintable()

    def test_of_any_description(self, caplog: pytest.LogCaptureFixture) -> None:
        """And what `describe` gives."""
        Pool(describe=lambda _: BAD).go(7 >> fail).close()

        [line] = self.lines(caplog)

        assert line.isprintable()
        assert r"fail(a\nb\r\x1b[2J\u2028\u202e\x00\x85\ud800) failed" in line

    def test_of_any_input(self, caplog: pytest.LogCaptureFixture) -> None:
        """And the repr of an input."""

        class Loud:
            @override
            def __repr__(self) -> str:
                return BAD

        @task
        def refuse_loud(loud: Loud) -> None:
            raise ValueError(loud)

        Pool().go(Loud() >> refuse_loud).close()

        assert all(line.isprintable() for line in self.lines(caplog))

    def test_of_a_text_that_lies(self, caplog: pytest.LogCaptureFixture) -> None:
        """A str of a class of the user's is a plain str first."""

        class Text(str):
            __slots__ = ()

            @override
            def isprintable(self) -> bool:
                return True

        Pool(name=Text("a\nb"), describe=lambda _: Text("c\nd")).go(7 >> fail).close()

        assert all(line.isprintable() for line in self.lines(caplog))

    def test_leaves_other_text_as_it_is(self, caplog: pytest.LogCaptureFixture) -> None:
        """Letters of any script, and backslashes, are no control characters."""
        Pool(name="Größe\\n 尺寸").go(7 >> fail).close()

        assert all(line.startswith("Größe\\n 尺寸: ") for line in self.lines(caplog))


class Full(logging.Handler):
    """A handler that raises."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error = error

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Raise."""
        raise self._error


def put_on(handler: logging.Handler, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a handler on the log, in place of all others."""
    monkeypatch.setattr(logging.getLogger("fluent_async"), "handlers", [handler])


class TestHandlers:
    """Whatever handlers do, the pool goes on."""

    def test_are_called_with_no_lock_held(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """No handler runs in a monitor: it may use the pool it is told of."""
        seen: list[bool] = []

        class Looks(logging.Handler):
            @override
            def emit(self, record: logging.LogRecord) -> None:
                seen.append(inside())
                pool.stats()

        caplog.set_level(logging.DEBUG, "fluent_async")
        put_on(Looks(), monkeypatch)
        pool = Pool(2)
        pool.go(7 >> fail.with_retry(2), Drain[int]() >> double)
        pool.go(each(range(9)) >> double | Drain[int](1))
        with pytest.raises(ExceptionGroup):
            pool.wait(TIMEOUT)

        pool.go(7 >> fail).close()

        assert [False] * 4 == seen

    def test_are_called_with_no_lock_held_at_a_timeout(
        self, monkeypatch: pytest.MonkeyPatch, fake_clock: FakeClock
    ) -> None:
        """Nor where an attempt is given up: the pool counts it while it is told."""
        fake_clock.hold()
        seen: list[tuple[bool, int]] = []

        class Looks(logging.Handler):
            @override
            def emit(self, record: logging.LogRecord) -> None:
                seen.append((inside(), pool.stats().abandoned))

        put_on(Looks(), monkeypatch)
        with Pool(2, on_error="keep") as pool, Gate() as gate:
            pool.go(1 >> at(gate).hold.with_timeout(5))
            gate.wait_for()
            fake_clock.wait_for_waits()
            fake_clock.advance(6)
            pool.wait(TIMEOUT)

        assert [(False, 1)] == seen

    @pytest.fixture(params=[OSError("disk full"), SystemExit("bye")], ids=repr)
    def error(
        self,
        request: pytest.FixtureRequest,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> BaseException:
        """Put a handler on the log that raises this."""
        error: BaseException = request.param
        caplog.set_level(logging.DEBUG, "fluent_async")
        put_on(Full(error), monkeypatch)
        return error

    def assert_told(
        self, error: BaseException, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Fail unless it was printed what was raised, and no value."""
        printed = capsys.readouterr().err

        assert f"{type(error).__name__}: {error}" in printed
        assert "hunter2" not in printed

    @pytest.mark.parametrize("retry", [1, 3])
    def test_that_raises_costs_no_retry(
        self, retry: int, error: BaseException, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """E5: An attempt that was to follow does."""
        secret = Secret() >> (refuse if retry == 1 else refuse.with_retry(retry))
        with Pool(1, retry=3, on_error="keep") as pool:
            pool.go(secret).wait(TIMEOUT)

        assert (3, 1) == (pool.stats().attempts, pool.stats().failed)
        self.assert_told(error, capsys)

    def test_that_raises_keeps_no_timeout_from_counting(
        self,
        error: BaseException,
        fake_clock: FakeClock,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """E5: An attempt over its timeout is a failure, and the pool can end."""
        fake_clock.hold()
        with Pool(2, on_error="keep") as pool, Gate() as gate:
            pool.go(1 >> at(gate).hold.with_timeout(5))
            gate.wait_for(1)
            fake_clock.wait_for_waits()
            fake_clock.advance(6)
            assert poll(lambda: pool.stats().failed == 1)
            gate.open()
            pool.wait(TIMEOUT)

        self.assert_told(error, capsys)

    def test_that_raises_keeps_no_bound_from_giving_way(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """E5: A pool that is stuck otherwise goes on."""
        error, pages = OSError("disk full"), Drain[int](1)
        put_on(Full(error), monkeypatch)
        with Pool(2) as pool:
            pool.go(each(range(9)) >> double | pages).wait(TIMEOUT)

        assert 9 == len(pages)
        self.assert_told(error, capsys)

    def test_that_raises_keeps_no_call_from_being_made_again(
        self,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Nor without a pool."""
        error = OSError("disk full")
        caplog.set_level(logging.DEBUG, "fluent_async")
        put_on(Full(error), monkeypatch)
        with pytest.raises(ValueError, match="hunter2"):
            refuse.with_retry(2)(Secret())

        self.assert_told(error, capsys)

    def test_may_be_interrupted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Ctrl-C comes out of it in the main thread, as out of anything else there."""
        put_on(Full(KeyboardInterrupt()), monkeypatch)
        pool = Pool(1).go(7 >> fail)
        with pytest.raises(KeyboardInterrupt):
            pool.close()


class TestContext:
    """A record on one attempt is written in the context of its `go()`."""

    def test_is_that_of_go(
        self, fake_clock: FakeClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        """So a filter finds what was set there, a request's number for one."""
        fake_clock.hold()
        caplog.set_level(logging.DEBUG, "fluent_async")
        caplog.handler.addFilter(_noting_request)
        token = request.set(7)
        with Pool(2, on_error="keep") as pool, Gate() as gate:
            pool.go(1 >> at(gate).hold.with_timeout(5), 1 >> fail.with_retry(2))
            request.reset(token)
            gate.wait_for(1)
            fake_clock.wait_for_waits()
            fake_clock.advance(6)
            assert poll(lambda: pool.stats().failed == 2)

        caplog.handler.removeFilter(_noting_request)

        assert [7, 7] == [vars(record)["request"] for record in caplog.records]


request = ContextVar[int]("request", default=0)


def _noting_request(record: logging.LogRecord) -> bool:
    record.request = request.get()
    return True
