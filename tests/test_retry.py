"""Retries: how often, after which failures, how long in between."""

import gc
import math
import weakref
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from fluent_async import Backoff, Failure, task
from fluent_async._retry import (
    NO_RETRY,
    Policy,
    bounded_repr,
    note,
    policy_of,
    shown,
)
from fluent_async.errors import (
    Cancelled,
    DrainClosed,
    FluentAsyncError,
    PoolCancelled,
    TaskTimeout,
)
from strategies import backoffs, failure, failures, no_seconds, scripts, seconds, spans
from support import FakeClock


class Hostile:
    """A value that raises whenever anybody looks at it."""

    @override
    def __repr__(self) -> str:
        """Refuse."""
        raise RuntimeError("no repr")

    __str__ = __repr__

    @override
    def __eq__(self, other: object) -> bool:
        """Refuse."""
        raise RuntimeError("no comparison")

    def __bool__(self) -> bool:
        """Refuse."""
        raise RuntimeError("no truth")

    __hash__ = None  # type: ignore[assignment]


class TestBackoff:
    """min(maximum, d + uniform(0, jitter * d)), d = initial * factor ** (attempt - 1)."""

    def test_without_jitter_is_the_formula(self) -> None:
        """R4: Delays grow by the factor, and stop at the maximum."""
        backoff = Backoff(0.5, factor=3, maximum=10, jitter=0)

        assert [0.5, 1.5, 4.5, 10.0, 10.0] == [backoff(failure(n)) for n in range(1, 6)]

    @given(seconds(), failures())
    def test_jitter_adds_at_most_its_part(self, jitter: float, failed: Failure) -> None:
        """R7: A delay is at least d and at most d + jitter * d, and never over the maximum."""
        least = Backoff(0.1, factor=1.5, jitter=0)(failed)
        delay = Backoff(0.1, factor=1.5, jitter=jitter)(failed)

        assert least <= delay <= min(60.0, (least + jitter * least) * (1 + 1e-12))

    @given(backoffs(), failures())
    def test_is_finite_and_not_negative_for_any_numbers(
        self, backoff: Backoff, failed: Failure
    ) -> None:
        """R5: No numbers and no attempt, up to the 10,000th, overflow or give NaN."""
        delay = backoff(failed)

        assert 0 <= delay < math.inf

    @given(st.builds(Backoff, seconds(), maximum=st.just(0.25)), failures())
    def test_never_exceeds_the_maximum(self, backoff: Backoff, failed: Failure) -> None:
        """R4: Whatever the first delay, none is longer than the maximum."""
        assert backoff(failed) <= 0.25

    def test_jitter_is_random(self) -> None:
        """R7: Two thousand delays spread over the whole range: their mean is its middle."""
        backoff = Backoff(1.0, jitter=1.0)
        delays = [backoff(failure()) for _ in range(2000)]

        assert len(set(delays)) > 1900
        assert sum(delays) / len(delays) == pytest.approx(1.5, rel=0.05)

    def test_doubles_up_to_a_minute_unless_told_otherwise(self) -> None:
        """The defaults: jitter adds half of a delay at most."""
        assert repr(Backoff(1)) == "Backoff(1.0, factor=2.0, maximum=60.0, jitter=0.5)"

    @given(spans())
    def test_takes_seconds_or_timedelta(self, initial: float | timedelta) -> None:
        """A timedelta is its seconds."""
        plain = initial if isinstance(initial, float) else initial.total_seconds()

        assert Backoff(plain) == Backoff(initial)

    @given(backoffs())
    def test_repr_makes_it_again(self, backoff: Backoff) -> None:
        """The repr is code for an equal Backoff, with an equal hash."""
        again = eval(repr(backoff))  # noqa: S307  (what repr is for)

        assert (backoff, hash(backoff)) == (again, hash(again))

    def test_differs_from_others(self) -> None:
        """Other numbers, and other things, are not equal."""
        assert Backoff(1) != Backoff(1, factor=3)
        assert Backoff(1) != 1

    def test_is_immutable(self) -> None:
        """Nothing can be set on it."""
        with pytest.raises(AttributeError):
            Backoff(1).initial = 2  # type: ignore[attr-defined]


class TestFailure:
    """What a delay function, and `pool.errors()`, are told."""

    def test_is_frozen(self) -> None:
        """Nothing in it can be changed."""
        with pytest.raises(AttributeError):
            failure().attempt = 2  # type: ignore[misc]

    def test_is_equal_only_to_itself(self) -> None:
        """It compares by identity, since inputs may not be comparable."""
        failed = failure(value=Hostile())

        assert failed == failed  # noqa: PLR0124
        assert failure() != failure()
        assert {failed: 1}[failed] == 1

    def test_repr_tells_what_failed(self) -> None:
        """The repr is one line with task, input, attempt, seconds and exception."""
        assert (
            repr(failure(2))
            == "<Failure fetch('input'), attempt 2, 1.50 s: OSError: refused>"
        )

    def test_repr_survives_hostile_values(self) -> None:
        """Neither an input nor an exception can make the repr raise."""

        class Bad(Exception):  # noqa: N818
            __str__ = Hostile.__repr__

        failed = failure(exception=Bad(), value=Hostile())

        assert repr(failed) == "<Failure fetch(<Hostile>), attempt 1, 1.50 s: Bad: ?>"


class TestBoundedRepr:
    """The repr of any value, in one line of at most 200 characters."""

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("a", "'a'"),
            (Hostile(), "<Hostile>"),
            (10**5000, "<int>"),
            (b"a", "b'a'"),
            (b"a" * 10**6, "<1000000 bytes>"),
            (bytearray(10**6), "<1000000 bytes>"),
            (type("Lines", (), {"__repr__": lambda _: "a\n\x1b[0m"})(), r"a\n\x1b[0m"),
            (type("None_", (), {"__repr__": lambda _: None})(), "<None_>"),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_shows(self, value: object, expected: str) -> None:
        """What cannot be shown in a line is named by its type, or cut."""
        assert expected == bounded_repr(value)

    @given(st.text() | st.binary() | st.integers() | st.lists(st.text(min_size=90)))
    def test_is_one_line_of_bounded_length(self, value: object) -> None:
        """No value gives more than 200 characters, nor any that is not printable."""
        shown = bounded_repr(value)

        assert len(shown) <= 200
        assert shown.isprintable()

    def test_cuts_a_long_repr(self) -> None:
        """A repr of a million characters is cut to 200."""
        long = type("Long", (), {"__repr__": lambda _: "\n" * 10**6})()

        assert len(bounded_repr(long)) == 200


def always(_: object) -> bool:
    """Retry whatever comes."""
    return True


class TestPolicy:
    """What is done about a failed attempt."""

    def test_retries_until_attempts_run_out(self) -> None:
        """R1: The last attempt's failure is final."""
        policy = Policy.of(3, 0)

        assert [0.0, 0.0, None] == [policy.decide(failure(n)) for n in (1, 2, 3)]

    def test_of_one_attempt_never_retries(self) -> None:
        """`retry=1` is one attempt in all."""
        assert NO_RETRY.decide(failure()) is None

    @pytest.mark.parametrize(
        "retry_on", [OSError, (KeyError, OSError), lambda exc: isinstance(exc, OSError)]
    )
    def test_retries_only_what_it_names(
        self, retry_on: type[Exception] | Callable[[Exception], bool]
    ) -> None:
        """R8: A class, a tuple and a function each say which exceptions are retried."""
        policy = Policy.of(2, retry_on=retry_on)

        assert policy.decide(failure(exception=ConnectionError())) == 0.0
        assert policy.decide(failure(exception=ValueError())) is None

    @pytest.mark.parametrize(
        "exc", [DrainClosed(), PoolCancelled(), FluentAsyncError()], ids=repr
    )
    def test_never_retries_the_librarys_own_errors(self, exc: Exception) -> None:
        """FluentAsyncError is final, whatever retry_on says."""
        assert Policy.of(2, retry_on=always).decide(failure(exception=exc)) is None
        assert Policy.of(2, retry_on=type(exc)).decide(failure(exception=exc)) is None

    def test_retries_timeouts(self) -> None:
        """TaskTimeout is retried like any other exception."""
        assert Policy.of(2).decide(failure(exception=TaskTimeout())) == 0.0

    def test_a_number_is_a_backoff_of_that_number(self) -> None:
        """`backoff=0.2` waits as `backoff=Backoff(0.2)` does."""
        assert Policy.of(2, 0.2).delay == Backoff(0.2)
        assert Policy.of(2, timedelta(seconds=1)).delay == Backoff(1)

    @pytest.mark.parametrize("given_", [0, 1.5, timedelta(seconds=1.5)])
    def test_any_function_of_the_failure_gives_the_delay(
        self, given_: float | timedelta
    ) -> None:
        """What an error says about when to come back can be honoured."""
        plain = given_.total_seconds() if isinstance(given_, timedelta) else given_

        assert Policy.of(2, lambda _: given_).decide(failure()) == plain  # type: ignore[arg-type,return-value]

    @given(no_seconds() | st.sampled_from([True, None, "1"]))
    def test_a_delay_that_is_none_is_final(self, delay: float) -> None:
        """Anything but a finite number of at least 0 makes the failure final, noted."""
        failed = failure()

        assert Policy.of(2, lambda _: delay).decide(failed) is None
        assert "not retried, since" in failed.exception.__notes__[0]

    @pytest.mark.parametrize("setting", ["backoff", "retry_on"])
    def test_code_of_the_user_that_raises_is_final(self, setting: str) -> None:
        """A delay or a retry_on that raises makes the failure final, noted."""

        def broken(_: object) -> float:
            raise KeyError("broken")

        failed = failure()
        policy = policy_of(2, **{"backoff": None, "retry_on": None, setting: broken})  # type: ignore[arg-type]
        assert policy is not None

        assert policy.decide(failed) is None
        assert ["not retried, since KeyError: 'broken'"] == failed.exception.__notes__

    def test_none_is_no_policy(self) -> None:
        """`retry=None` leaves the whole policy to the pool."""
        assert policy_of(None, None, None) is None

    def test_has_one_attempt_at_least(self) -> None:
        """It is the number of attempts, and not of those after the first."""
        with pytest.raises(ValueError, match="attempts must be an int of at least 1"):
            Policy.of(0)

        with pytest.raises(ValueError, match="retry must be an int of at least 1"):
            policy_of(0, None, None)

    @pytest.mark.parametrize(
        ("backoff", "retry_on", "name"),
        [(1.0, None, "backoff"), (None, OSError, "retry_on")],
    )
    def test_is_refused_where_nothing_is_retried(
        self, backoff: float | None, retry_on: type[OSError] | None, name: str
    ) -> None:
        """What is said of retries without `retry` would be forgotten in silence."""
        with pytest.raises(ValueError, match=f"{name} says nothing without retry"):
            policy_of(None, backoff, retry_on)

    @pytest.mark.parametrize(
        ("retry_on", "wrong"),
        [
            ((), "an empty tuple"),
            ((OSError, "1"), "str"),
            ((OSError, KeyboardInterrupt), "the class KeyboardInterrupt"),
            (int, "the class int"),
        ],
    )
    def test_names_exceptions_that_may_be_retried(
        self, retry_on: object, wrong: str
    ) -> None:
        """Each is a class, and one of Exception; there is one at least."""
        with pytest.raises((TypeError, ValueError), match=f"to bool, not {wrong}$"):
            Policy.of(2, retry_on=retry_on)  # type: ignore[arg-type]


class TestNote:
    """What a final failure adds to its exception."""

    def test_names_task_input_attempts_and_seconds(self) -> None:
        """There is one note, with all four."""
        failed = failure(3)
        note(failed, bounded_repr)

        assert [
            "fetch('input') failed after 3 attempts, 1.50 s"
        ] == failed.exception.__notes__

    @pytest.mark.parametrize("describe", [Hostile.__repr__, lambda _: 3])
    def test_names_the_type_of_an_input_that_cannot_be_described(
        self, describe: Callable[[object], str]
    ) -> None:
        """A `describe` that raises, or gives no str, changes nothing else."""
        failed = failure(value=Hostile())
        note(failed, describe)

        assert [
            "fetch(<Hostile>) failed after 1 attempt, 1.50 s"
        ] == failed.exception.__notes__

    def test_is_left_out_where_an_exception_takes_none(self) -> None:
        """E9: An exception that refuses notes comes out without."""

        class Frozen(Exception):  # noqa: N818
            @override
            def add_note(self, _: str, /) -> None:
                raise AttributeError

        failed = failure(exception=Frozen())
        note(failed, bounded_repr)

        assert not hasattr(failed.exception, "__notes__")

    def test_does_not_pile_up_on_one_object(self) -> None:
        """E10: An exception raised again and again keeps a bounded number of notes."""
        failed = failure()
        for _ in range(100):
            note(failed, bounded_repr)

        assert len(failed.exception.__notes__) == 20


class Attempts:
    """A function that does what its script says, attempt by attempt."""

    def __init__(self, *script: BaseException | str) -> None:
        self.made = 0
        self._script = script

    def __call__(self, value: object) -> str:
        """Make the next attempt."""
        self.made += 1
        outcome = self._script[self.made - 1]
        if isinstance(outcome, BaseException):
            raise outcome

        return f"{outcome} {value}"


class TestCalling:
    """A call of a task in one's own thread, with the task's retries."""

    @given(scripts())
    def test_makes_attempts_until_one_succeeds(self, script: list[bool]) -> None:
        """R2: There are as many attempts as it takes, at most `retry`."""
        work = Attempts(
            *("done" if succeeds else ConnectionError() for succeeds in script)
        )
        took = script.index(True) + 1 if any(script) else len(script)

        with nullcontext() if any(script) else pytest.raises(ConnectionError):
            task(retry=len(script))(work)("x")

        assert took == work.made

    def test_sleeps_between_attempts(self, fake_clock: FakeClock) -> None:
        """Each delay is waited, in the thread that calls."""
        work = Attempts(OSError(), OSError(), "done")
        retried = task(retry=3, backoff=Backoff(0.5, jitter=0))(work)

        assert retried("x") == "done x"
        assert [0.5, 1.0] == fake_clock.sleeps

    def test_waits_not_at_all_without_backoff(self, fake_clock: FakeClock) -> None:
        """Without `backoff` the next attempt follows at once."""
        assert task(retry=2)(Attempts(OSError(), "done"))("x") == "done x"
        assert fake_clock.sleeps == []

    @pytest.mark.usefixtures("fake_clock")
    def test_raises_the_last_exception_as_it_is(self) -> None:
        """It comes out with one note, and drags no earlier one along."""
        last = OSError("last")
        work = Attempts(OSError("first"), last)
        retried = task(retry=2, backoff=Backoff(0.5, jitter=0), name="fetch")(work)

        with pytest.raises(OSError, match="last") as caught:
            retried("x")

        assert caught.value is last
        assert last.__context__ is None
        assert ["fetch('x') failed after 2 attempts, 0.50 s"] == last.__notes__

    def test_tells_the_delay_function_about_the_failure(self) -> None:
        """It gets task, input, attempt, seconds and the exception itself."""
        error = OSError()
        told: list[Failure] = []

        def delay(failed: Failure) -> float:
            told.append(failed)
            return 0.0

        task(retry=2, backoff=delay, name="fetch")(Attempts(error, "done"))("x")

        assert [("fetch", "x", 1)] == [(f.task, f.input, f.attempt) for f in told]
        assert told[0].exception is error

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(), Cancelled()])
    def test_never_retries_a_base_exception(self, error: BaseException) -> None:
        """R9: What is no Exception comes out at once, without a note."""
        work = Attempts(error)

        with pytest.raises(type(error)):
            task(retry=3)(work)("x")

        assert work.made == 1
        assert not hasattr(error, "__notes__")

    def test_never_retries_a_call_with_wrong_arguments(self) -> None:
        """Arguments that don't fit are no attempt: trying again would not mend them."""
        delays: list[Failure] = []

        def delay(failed: Failure) -> float:
            delays.append(failed)
            return 0.0

        @task(retry=3, backoff=delay)
        def pair(left: int, right: int) -> int:
            return left + right

        with pytest.raises(TypeError, match="right"):
            pair(1)  # type: ignore[call-arg]

        assert delays == []

    def test_without_a_policy_adds_nothing(self) -> None:
        """A task without `retry` raises what its function raises, without a note."""
        error = ConnectionError()

        with pytest.raises(ConnectionError) as caught:
            task(Attempts(error))("x")

        assert caught.value is error
        assert not hasattr(error, "__notes__")

    def test_of_one_parameter_is_retried_too(self) -> None:
        """A function of one parameter fails, is retried and noted as any other."""
        left = [ConnectionError(), ConnectionError(), ConnectionError()]

        @task(retry=2)
        def fetch(url: str) -> str:
            if left:
                raise left.pop()

            return url

        with pytest.raises(ConnectionError) as caught:
            fetch(url="u")

        assert caught.value.__notes__[0].startswith(
            "fetch('u') failed after 2 attempts"
        )
        assert fetch("u") == "u"

    def test_of_one_attempt_is_noted(self) -> None:
        """With `retry=1` the first exception comes out, noted, from methods as well."""

        @task(retry=1)
        def fetch(url: str) -> str:
            raise ConnectionError(url)

        class Client:
            @task(retry=1)
            def get(self, url: str) -> str:
                raise ConnectionError(url)

        for call in (fetch, Client().get):
            with pytest.raises(ConnectionError) as caught:
                call("u")

            assert "failed after 1 attempt" in caught.value.__notes__[0]

    def test_of_a_method_is_retried_too(self) -> None:
        """A method goes on with the same instance."""

        class Client:
            failures = 1

            @task(retry=2)
            def get(self, url: str) -> str:
                self.failures -= 1
                if self.failures >= 0:
                    raise ConnectionError

                return url

        assert Client().get("u") == "u"

    def test_shows_inputs_of_what_hides_its_signature(self) -> None:
        """Keywords to a builtin without signature are shown with the places of the rest."""
        with pytest.raises(TypeError) as caught:
            task(retry=1)(max)(1, 2, key=3)  # type: ignore[arg-type]

        assert "max({'0': 1, '1': 2, 'key': 3}) failed" in caught.value.__notes__[0]

    def test_shows_inputs_by_name_when_given_so(self) -> None:
        """With keywords, a failure's input is a dict by parameter."""

        @task(retry=1)
        def fetch(url: str, depth: int = 1) -> None:
            raise ConnectionError

        with pytest.raises(ConnectionError) as caught:
            fetch("u", depth=2)

        assert "fetch({'depth': 2, 'url': 'u'})" in caught.value.__notes__[0]

    def test_leaves_no_reference_cycle(self) -> None:
        """The last exception is freed when its handler ends, without the collector."""

        class Error(Exception):
            pass

        def fail() -> None:
            raise Error

        gc.disable()
        try:
            reference = caught_by(task(retry=2)(fail))
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


def test_arguments_reach_the_function_as_given() -> None:
    """A retried call takes positions, keywords and defaults as the function does."""

    @task(retry=2)
    def fetch(url: str, depth: int = 1) -> tuple[str, int]:
        return url, depth

    assert fetch("u") == fetch(url="u") == ("u", 1)
    assert fetch("u", 2) == fetch("u", depth=2) == fetch(depth=2, url="u") == ("u", 2)


@pytest.mark.parametrize("name", ["fn", "step", "exc", "began", "value", "args"])
def test_a_parameter_may_have_any_name(name: str) -> None:
    """One parameter is taken by position, by name and by default, whatever its name."""
    scope: dict[str, object] = {}
    exec(f"def fn({name}=1): return {name}", scope)  # noqa: S102  (the name is the case)
    assert callable(scope["fn"])
    retried = task(retry=2)(scope["fn"])

    assert (1, 2, 3) == (retried(), retried(2), retried(**{name: 3}))


class TestBoundsOfTexts:
    """What is shown is as long as it may be, and not one character longer."""

    @pytest.mark.parametrize(
        ("length", "expected"), [(1000, 1000 * "x"), (1001, 999 * "x" + "…")]
    )
    def test_hold_for_what_describe_gives(self, length: int, expected: str) -> None:
        """A screen."""
        assert expected == shown(None, lambda _: length * "x")

    @pytest.mark.parametrize(
        ("digits", "shortened"), [(1, False), (40, False), (41, True)]
    )
    def test_hold_for_numbers(self, digits: int, *, shortened: bool) -> None:
        """Forty digits are read; of more the ends are."""
        assert shortened == ("..." in bounded_repr(int(digits * "1")))

    @pytest.mark.parametrize(("bits", "printed"), [(14_000, True), (14_001, False)])
    def test_hold_for_numbers_that_python_prints(
        self, bits: int, *, printed: bool
    ) -> None:
        """It refuses those of some 300 bits more."""
        assert printed == (bounded_repr((1 << bits) - 1) != "<int>")

    @pytest.mark.parametrize(("length", "begins"), [(200, "b'"), (201, "<201 bytes>")])
    def test_hold_for_bytes(self, length: int, begins: str) -> None:
        """Longer ones say how long they are."""
        assert bounded_repr(length * b"x").startswith(begins)


def test_backoff_refuses_what_is_no_failure() -> None:
    """It is called by a pool, or by a test, with one."""
    with pytest.raises(TypeError, match="failure"):
        Backoff(1)(1)  # type: ignore[arg-type]


@pytest.mark.parametrize("backoff", [True, "1", [1.0]])
def test_backoff_that_is_none_is_refused_with_all_its_forms(backoff: object) -> None:
    """A bool is no number of seconds."""
    with pytest.raises(TypeError, match="seconds, a Backoff, or a function"):
        Policy.of(1, backoff)  # type: ignore[arg-type]
