"""Bad input: every parameter judges every value, at once, where it is written.

The matrix says of which kind each parameter is; a kind, which values it takes, as what, and
what it says of all others. A parameter without a row fails, and so does a row without one.
"""

import _thread
import re
from collections.abc import Callable, Iterator
from operator import methodcaller
from pathlib import Path
from traceback import walk_tb

import pytest

import fluent_async
import offered
from drains import fed
from fluent_async import Args, Drain, Pool, Workers, each, run, stream
from fluent_async.errors import DrainClosed
from giving import Parameter, end, shown, state
from kinds import DEFAULT, ITSELF, Kind
from matrix import TABLE
from support import FakeClock
from values import VALUES
from work import double, fail


TESTS = Path(__file__).parent
ROWS = {
    Parameter(place, name): kind
    for place, kinds in TABLE.items()
    for name, kind in kinds.items()
}
every_row = pytest.mark.parametrize(
    ("parameter", "kind"), ROWS.items(), ids=map(str, ROWS)
)


@pytest.fixture(autouse=True)
def no_time(fake_clock: FakeClock) -> FakeClock:
    """Let no wait take long."""
    return fake_clock


class TestParameters:
    """Which parameters there are."""

    def test_have_a_row_each(self) -> None:
        """The matrix has every parameter of the public surface, and no other."""
        assert set() == offered.parameters() ^ set(map(str, ROWS))

    def test_are_all_that_stubs_show(self) -> None:
        """What type checkers see is there, and is found."""
        overloads = {"Task.__rshift__(task)"}  # call the value what it is there

        assert overloads == offered.written() - offered.parameters()

    @pytest.mark.parametrize("protocol", offered.protocols())
    def test_are_none_of_protocols(self, protocol: type[object]) -> None:
        """What only says what others offer can't be made."""
        with pytest.raises(TypeError, match="Protocols cannot be instantiated"):
            protocol()

    @pytest.mark.parametrize("kind", offered.classes().values())
    def test_are_none_of_properties(self, kind: type[object]) -> None:
        """No attribute of a class is there to be set."""
        properties = [own for own in vars(kind).values() if isinstance(own, property)]

        assert [] == [own for own in properties if own.fset or own.fdel]


@pytest.mark.parametrize("kind", ROWS.values(), ids=map(str, ROWS))
def test_kinds_judge_each_value_once(kind: Kind) -> None:
    """A kind speaks of values that there are, and none that it takes is a ValueError."""
    judged = {*kind.takes, *kind.says, *kind.own, *kind.wrong_values}

    assert set() == judged - VALUES.keys()
    assert set() == kind.wrong_values & (kind.takes.keys() | kind.own)


@every_row
def test_refuses_what_it_does_not_take(parameter: Parameter, kind: Kind) -> None:
    """I1, I2, I3, I4, I5, I6, I8, I9, I10, I11, I12, I14: At once, in the caller's frame.

    The error names the parameter, the type of the value and the right form. Nothing has
    begun or changed then, and what is right is taken afterwards.
    """
    subject = parameter.subject()
    before = state(subject), _thread._count()  # noqa: SLF001  (sees all threads)
    wrong = [
        f"{name}: {fault}"
        for name in VALUES
        if name in kind.own or name not in kind.takes
        for fault in faults(parameter, kind, subject, name)
    ]
    after = state(subject), _thread._count()  # noqa: SLF001
    for name in [name for name in kind.takes if name not in kind.own][:1]:
        shown(parameter.give(subject, VALUES[name]()))

    end(subject)

    assert "" == "\n".join(wrong)
    assert before == after


def faults(parameter: Parameter, kind: Kind, subject: object, name: str) -> list[str]:
    """Say what is wrong with how a value is refused."""
    value = VALUES[name]()
    exc = raised(lambda: parameter.give(subject, value))
    if exc is None:
        return ["was taken"]

    right = ValueError if name in kind.wrong_values else TypeError
    says = kind.message(parameter.name, name, value)
    found = {
        f"raised {type(exc).__name__}: {exc}": type(exc) is not right,
        f"said {exc}\n    and not {says}": not re.search(says, str(exc)),
        f"raised in the code of the value: {exc}": is_strange(exc),
    }
    exc.__traceback__ = None  # which leads back to this frame
    return [fault for fault, is_one in found.items() if is_one and name not in kind.own]


def raised(act: Callable[[], object]) -> Exception | None:
    """Return what an act raises."""
    try:
        act()
    except Exception as exc:  # noqa: BLE001  (whatever it is)
        return exc

    return None


def is_strange(exc: BaseException) -> bool:
    """Say whether an exception came from beneath the library, which must raise its own."""
    files = [Path(frame.f_code.co_filename) for frame, _ in walk_tb(exc.__traceback__)]
    ours = [file for file in files if TESTS in file.parents]
    return files[: len(ours)] != ours


@every_row
def test_takes_what_is_right(parameter: Parameter, kind: Kind) -> None:
    """I7, I13: As what it means; whatever its own methods do."""
    wrong = [
        f"{name}: {fault}"
        for name, meaning in kind.takes.items()
        if name not in kind.own
        for fault in misread(parameter, VALUES[name](), meaning)
    ]

    assert "" == "\n".join(wrong)


def misread(parameter: Parameter, value: object, meaning: object) -> list[str]:
    """Say what is wrong with how a value is taken."""
    plain = [] if meaning is DEFAULT else [value if meaning is ITSELF else meaning]
    made = made_with(parameter, value)
    right = made_with(parameter, *plain) if meaning is not ITSELF else made
    if isinstance(made, Exception):
        return [f"raised {type(made).__name__}: {made}"]

    return [] if made == right else [f"made {made}\n    and not {right}"]


def made_with(parameter: Parameter, *value: object) -> object:
    """Return what one sees of what a value makes, or what that raised."""
    made: list[object] = []
    subject = parameter.subject()
    exc = raised(lambda: made.append(shown(parameter.give(subject, *value))))
    end(subject)
    return made[0] if exc is None else exc


@stream
def words(args: Args[str, str]) -> None:
    """Take an Args."""


class TestTogether:
    """Arguments that are right alone, and wrong together."""

    @pytest.mark.parametrize("maker", ["task", "stream", "Pool"])
    @pytest.mark.parametrize(
        "setting", [{"backoff": 0.2}, {"retry_on": OSError}], ids=str
    )
    def test_say_nothing_without_each_other(
        self, maker: str, setting: dict[str, object]
    ) -> None:
        """A backoff or retry_on without retry is a ValueError that says what to write."""
        (name,) = setting
        says = f"{name} says nothing without retry: write"
        with pytest.raises(ValueError, match=says):
            methodcaller(maker, **setting)(fluent_async)

    @pytest.mark.parametrize("call", [Pool().go, run], ids=["go", "run"])
    @pytest.mark.parametrize("unbound", [words, double >> double], ids=repr)
    def test_are_a_task_and_no_input(
        self, call: Callable[[object], object], unbound: object
    ) -> None:
        """A task that needs an input says so, with its parameters."""
        with pytest.raises(
            TypeError, match=r"\(\w+\) has no input .*: write `value >> "
        ):
            call(unbound)

    def test_are_work_and_a_shut_drain(self) -> None:
        """DrainClosed names the drain."""
        drain = Drain[int](name="records")
        drain.shut_down()
        with Pool() as pool, pytest.raises(DrainClosed, match="records"):
            pool.go(1 >> double | drain)


class TestIterables:
    """Iterables that turn out to be none once they are iterated."""

    @pytest.mark.parametrize("name", ["hostile of __iter__", "__iter__ of no iterator"])
    @pytest.mark.parametrize("batch", [lambda values: each(values) >> double, Workers])
    def test_raise_where_work_is_given(
        self, name: str, batch: Callable[[object], Workers[int]]
    ) -> None:
        """What `__iter__` raises comes out of `go`; all that it was given is refused."""
        drain = Drain[int]()
        with Pool(1) as pool:
            exc = raised(lambda: pool.go(1 >> double | drain, batch(VALUES[name]())))

            assert isinstance(exc, RuntimeError | TypeError)
            assert (0, 0) == (pool.stats().accepted, pool.stats().threads)
            assert not fed(drain)
            pool.go(2 >> double | drain)

        assert [4] == drain.drain()

    def test_that_run_already_are_a_failure(self) -> None:
        """A generator that gives itself to a pool can't be asked for its values."""

        def numbers() -> Iterator[int]:
            pool.go(each(made) >> double).wait()
            yield 1

        made = numbers()
        with Pool(1, on_error="keep") as pool:
            next(made)
            (failure,) = pool.errors()

        assert "generator already executing" == str(failure.exception)


@pytest.mark.parametrize("name", ["surrogate", "control characters", "empty text"])
def test_any_text_may_be_a_name(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Of pool, task and drain: all that shows it can be printed in one line."""
    text = str(VALUES[name]())
    drain = Drain[int](name=text)
    pool = Pool(name=text).go(1 >> fail.named(text) | drain)
    shows = [pool.to_mermaid(), repr(drain), repr(1 >> double.named(text) | drain)]
    pool.close()
    shows += [repr(pool), *(record.getMessage() for record in caplog.records)]

    assert 5 <= len(shows)
    assert all(each.replace("\n", "").isprintable() for each in shows[:1])
    assert all(each.isprintable() for each in shows[1:])
