"""Calls that are retried: in the thread that calls, with no pool around them."""

from collections.abc import Callable
from typing import TypeAlias

import pytest

from fluent_async import Failure, task
from support import FakeClock


Call: TypeAlias = Callable[[], object]

DELAY_S = 2.0


class Asked:
    """A backoff that notes what it is asked about."""

    def __init__(self) -> None:
        self.failures = list[Failure]()

    def __call__(self, failure: Failure) -> float:
        """Note a failure; give the delay."""
        self.failures.append(failure)
        return DELAY_S


class Flaky:
    """Fails so many times, and then gives what it was called with."""

    def __init__(self, times: int, asked: Asked) -> None:
        self._left = times
        self._asked = asked

    def call(self, *args: object) -> object:
        """Fail, or give it."""
        if self._left:
            self._left -= 1
            raise OSError

        return args

    def forms(self) -> dict[str, tuple[Call, object]]:
        """Return calls of each form that is retried, and what a failure shows as input."""

        @task(retry=3, backoff=self._asked)
        def one(value: int) -> object:
            return self.call(value)

        @task(retry=3, backoff=self._asked)
        def two(left: int, right: int) -> object:
            return self.call(left, right)

        @task
        def listed(value: object) -> list[object]:
            return [value]

        class Owner:
            @task(retry=3, backoff=self._asked)
            def method(owner, value: int) -> object:  # noqa: N805  (self is another)
                return self.call(value)

            both = method >> listed

        composed = task(int) >> one
        return {
            "one": (lambda: one(1), 1),
            "two": (lambda: two(1, 2), (1, 2)),
            "keywords": (lambda: two(1, right=2), {"left": 1, "right": 2}),
            "method": (lambda: Owner().method(1), 1),
            "composed method": (lambda: Owner().both(1), 1),
            "composition": (lambda: composed(1), 1),
        }


every_form = pytest.mark.parametrize(
    "form", ["one", "two", "keywords", "method", "composed method", "composition"]
)


@every_form
class TestCalls:
    """A call of a task with a policy, whatever its function takes."""

    def test_succeed_after_failures(self, form: str, fake_clock: FakeClock) -> None:
        """The delay is waited for before each further attempt."""
        call, shown = Flaky(2, Asked()).forms()[form]
        given = (1, 2) if form in {"two", "keywords"} else (shown,)
        gives = [given] if form == "composed method" else given

        assert gives == call()
        assert [DELAY_S, DELAY_S] == fake_clock.sleeps

    @pytest.mark.usefixtures("fake_clock")
    def test_number_attempts_from_one(self, form: str) -> None:
        """And say what they were called with, and how long after the first began."""
        asked = Asked()
        call, shown = Flaky(2, asked).forms()[form]
        call()

        assert [(1, shown, 0.0), (2, shown, DELAY_S)] == [
            (failure.attempt, failure.input, failure.elapsed)
            for failure in asked.failures
        ]

    @pytest.mark.usefixtures("fake_clock")
    def test_raise_what_the_last_attempt_raised(self, form: str) -> None:
        """With a note that counts the attempts; nobody is asked for a delay after it."""
        asked = Asked()
        call, _ = Flaky(3, asked).forms()[form]
        with pytest.raises(OSError) as raised:  # noqa: PT011  (it says nothing)
            call()

        [note] = raised.value.__notes__
        assert (2, True) == (len(asked.failures), "after 3 attempts, 4.00 s" in note)

    @pytest.mark.usefixtures("fake_clock")
    def test_log_each_failure_that_is_retried(
        self, form: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """With its number, and when the next attempt is."""
        caplog.set_level("INFO")
        call, _ = Flaky(2, Asked()).forms()[form]
        call()

        assert [
            ("attempt 1" in says, "attempt 2" in says, "(OSError)" in says)
            for says in caplog.messages
        ] == [(True, False, True), (False, True, True)]


def test_calls_take_the_keywords_of_the_function() -> None:
    """Whatever names it uses inside."""

    @task(retry=2)
    def double(value: int) -> int:
        doubled = 2 * value
        return doubled  # noqa: RET504  (a name of its own)

    assert 4 == double(value=2)


def test_calls_that_do_not_fit_are_no_attempts(fake_clock: FakeClock) -> None:
    """Trying again would not mend them."""
    asked = Asked()

    @task(retry=3, backoff=asked)
    def two(left: int, right: int) -> int:
        return left + right

    with pytest.raises(TypeError, match="right"):
        two(1)  # type: ignore[call-arg]

    assert ([], []) == (asked.failures, fake_clock.sleeps)


@pytest.mark.usefixtures("fake_clock")
def test_later_errors_do_not_drag_earlier_ones_along() -> None:
    """What the last attempt raised has no context."""

    @task(retry=2, backoff=DELAY_S)
    def fail(value: int) -> None:
        raise OSError(value)

    with pytest.raises(OSError, match="1") as raised:
        fail(1)

    assert raised.value.__context__ is None
