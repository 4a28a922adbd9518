"""streamable: `concurrency=executor` maps on our threads."""

import threading
from collections.abc import Iterator

import pytest
from streamable import stream

from fluent_async import Pool
from fluent_async.futures import ThreadPoolExecutor


@pytest.mark.parametrize("as_completed", [False, True])
def test_map_runs_on_our_executor(as_completed: bool) -> None:  # noqa: FBT001
    """A stream maps with our executor, in order or as results come."""
    names: set[str] = set()

    def double(number: int) -> int:
        names.add(threading.current_thread().name.partition("_")[0])
        return 2 * number

    with ThreadPoolExecutor(2, "ours") as executor:
        doubled = stream(range(100)).map(
            double, concurrency=executor, as_completed=as_completed
        )

        assert sorted(doubled) == [2 * number for number in range(100)]

    assert names == {"ours"}


def test_map_runs_in_a_pool() -> None:
    """`pool.executor` does as well, or streamable says what it asks of an executor."""

    def numbers() -> Iterator[int]:
        yield from range(20)

    with Pool(2) as pool:
        mapped = stream(numbers()).map(abs, concurrency=pool.executor)

        assert list(mapped) == list(range(20))
