"""What hypothesis draws from: delays of every size, and what may go wrong on the way."""

import math
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st

from fluent_async import Backoff, Failure


MOST_ATTEMPTS = 10_000
"""Far beyond where a float overflows: 2.0 ** 1024 does."""


def examples(count: int, *, steps: int = 50) -> settings:
    """Have so many examples in the suite; in longer profiles, as many times more."""
    longer = settings().max_examples // settings.get_profile("suite").max_examples
    return settings(max_examples=count * longer, stateful_step_count=steps)


def seconds() -> st.SearchStrategy[float]:
    """Draw a delay: anything finite that is not negative."""
    return st.floats(min_value=0, allow_nan=False, allow_infinity=False)


def spans() -> st.SearchStrategy[float | timedelta]:
    """Draw seconds in each of their forms."""
    return seconds() | st.timedeltas(min_value=timedelta(0))


def no_seconds() -> st.SearchStrategy[float]:
    """Draw what no wait can last: negative, NaN and infinite."""
    return st.sampled_from([math.nan, math.inf, -math.inf, -1.0, -5e-324])


def backoffs() -> st.SearchStrategy[Backoff]:
    """Draw any Backoff."""
    return st.builds(
        Backoff, seconds(), factor=seconds(), maximum=seconds(), jitter=seconds()
    )


def failures() -> st.SearchStrategy[Failure]:
    """Draw a failed attempt, up to the 10,000th."""
    return st.builds(failure, st.integers(1, MOST_ATTEMPTS))


def failure(
    attempt: int = 1, exception: Exception | None = None, value: object = "input"
) -> Failure:
    """Make a failure of a task called fetch, 1.5 seconds after its first attempt."""
    return Failure("fetch", value, attempt, 1.5, exception or OSError("refused"))


def scripts() -> st.SearchStrategy[list[bool]]:
    """Draw how attempts go, one after the other: True succeeds."""
    return st.lists(st.booleans(), min_size=1, max_size=6)
