"""tqdm: its executor map drives our executor and counts its calls."""

import io

import pytest
from tqdm import tqdm
from tqdm.contrib import concurrent

from fluent_async.futures import ThreadPoolExecutor


tqdm.monitor_interval = 0  # no thread of its own that outlives a test


def test_thread_map_runs_on_our_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    """`thread_map`, with one import changed, gives the results and a full bar."""
    monkeypatch.setattr("concurrent.futures.ThreadPoolExecutor", ThreadPoolExecutor)
    bar = io.StringIO()

    assert concurrent.thread_map(abs, range(-50, 0), max_workers=2, file=bar) == list(
        range(50, 0, -1)
    )
    assert "50/50" in bar.getvalue()


def test_thread_map_counts_the_calls_of_a_generator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The bar, which replaces `submit`, counts the calls of an iterable of no length."""
    monkeypatch.setattr("concurrent.futures.ThreadPoolExecutor", ThreadPoolExecutor)
    bar = io.StringIO()
    numbers = (number for number in range(50))

    concurrent.thread_map(abs, numbers, max_workers=2, file=bar, total=50)

    assert "50/50" in bar.getvalue()


def test_bar_over_the_results_of_map() -> None:
    """`tqdm(executor.map(...))` shows results as they come."""
    bar = io.StringIO()
    with ThreadPoolExecutor(2) as executor:
        results = list(tqdm(executor.map(abs, range(50)), total=50, file=bar))

    assert results == list(range(50))
    assert "50/50" in bar.getvalue()
