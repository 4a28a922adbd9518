"""Graphs of any shape on real threads: all of them come to their end, with all values."""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beside import beside
from drains import switching
from schedules import Schedule
from support import TIMEOUT, FakeClock, poll


if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future


class Machine:
    """The machine's threads, which go on as they like; waits have an end, only to fail."""

    def __init__(self, draw: random.Random) -> None:
        self.random = draw
        self.check: Callable[[], object] = list  # no step of theirs can be looked at
        self._spawned: list[Future[object]] = []

    def switch(self, ready: Callable[[], bool] | None = None) -> None:
        """Go on when `ready`."""
        assert ready is None or poll(ready)

    def spawn(self, name: str, target: Callable[[], object]) -> None:  # noqa: ARG002
        """Start a thread."""
        self._spawned.append(beside(target))

    def join(self) -> None:
        """Wait for the threads, and raise what they raise."""
        for thread in self._spawned:
            thread.result(TIMEOUT)


@pytest.mark.slow
@settings(max_examples=200)
@given(st.randoms(use_true_random=False))
def test_graph_of_up_to_six_stages_comes_to_its_end(draw: random.Random) -> None:
    """P2: Nothing is stuck, lost, doubled or in disorder, and accounts hold, whatever is drawn.

    Drawn are pools and their limits, stages and their limits, kinds, retries and failures,
    bounds and order of drains, who feeds and reads them, the order of arguments of `go`,
    who waits, drains or iterates, and a cancelled pool or a drain that is shut.
    """
    log, machine = logging.getLogger("fluent_async"), Machine(draw)
    with (
        mock.patch.object(log, "disabled", new=True),
        FakeClock(),  # a retry is due at once
        switching(every=1e-5),
    ):
        Schedule(machine, most=6, timed=False).run()
        machine.join()
