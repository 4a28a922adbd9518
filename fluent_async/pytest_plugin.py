"""The pytest plugin: simulated pools, serial pools, and what hung in a test that failed."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Literal, cast

import pytest

from fluent_async._last_look import LastLook, last_look
from fluent_async._tree import tree


if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import FrameType

    from fluent_async._last_look import Settings
    from fluent_async.testing import Simulation

__all__ = [
    "pytest_addoption",
    "pytest_configure",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
    "pytest_timeout_cancel_timer",
    "pytest_timeout_set_timer",
    "simulation",
]

_FAILED = pytest.StashKey[bool]()
_LAST_LOOK = pytest.StashKey[LastLook]()
_HUNG = pytest.StashKey[str]()
_SIMULATION = pytest.StashKey["Simulation"]()
_SERIAL = "fluent_async_serial"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--fluent-async-seed`, and `fluent_async_serial` in the ini file."""
    group = parser.getgroup("fluent_async")
    group.addoption(
        "--fluent-async-seed",
        type=int,
        default=0,
        metavar="N",
        dest="fluent_async_seed",
        help="seed of the fixture `simulation` (default: 0)",
    )
    parser.addini(
        _SERIAL,
        "give every pool limit 1, as STAGE=test in the environment does",
        type="bool",
        default=False,
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make every pool serial, if the ini file says so."""
    if config.getini(_SERIAL):
        before = os.environ.get("STAGE")
        os.environ["STAGE"] = "test"
        config.add_cleanup(lambda: _restore(before))


def _restore(stage: str | None) -> None:
    if stage is None:
        os.environ.pop("STAGE", None)
    else:
        os.environ["STAGE"] = stage


@pytest.fixture
def simulation(request: pytest.FixtureRequest) -> Generator[Simulation]:
    """Run the pools of a test without threads or time: see `testing.simulate`.

    The seed is that of `--fluent-async-seed`; a test that fails prints it. What is left
    at the end of the test runs, or is cancelled if the test failed.
    """
    from fluent_async.testing import simulate  # noqa: PLC0415  (only where it is used)

    node = request.node  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    item = cast("pytest.Item", node)
    seed: int = request.config.option.fluent_async_seed
    item.stash[_SIMULATION] = sim = simulate(seed)
    with sim:
        yield sim
        if item.stash.get(_FAILED, False):
            sim.cancel()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Look at the pools when an alarm ends a test, before what it raises unwinds them."""
    before = signal.getsignal(signal.SIGALRM) if hasattr(signal, "SIGALRM") else None
    if not callable(before):
        return (yield)

    signal.signal(signal.SIGALRM, _looking(item, before))
    try:
        return (yield)
    finally:
        signal.signal(signal.SIGALRM, before)


def _looking(
    item: pytest.Item, handler: Callable[[int, FrameType | None], object]
) -> Callable[[int, FrameType | None], None]:
    def look(number: int, frame: FrameType | None) -> None:
        item.stash[_HUNG] = tree()
        handler(number, frame)

    return look


@pytest.hookimpl(optionalhook=True)
def pytest_timeout_set_timer(
    item: pytest.Item, settings: Settings
) -> Literal[True] | None:
    """Show what the pools are at before pytest-timeout ends the process from a thread.

    The timer is ours then, and ends the process as that of pytest-timeout would.
    """
    pytest_timeout_cancel_timer(item)
    look = last_look(item, settings)
    if look is None:
        return None  # it is pytest-timeout's own

    item.stash[_LAST_LOOK] = look
    return True


@pytest.hookimpl(optionalhook=True)
def pytest_timeout_cancel_timer(item: pytest.Item) -> None:
    """Cancel that timer, if there is one; pytest-timeout cancels its own."""
    look = item.stash.get(_LAST_LOOK, None)
    if look is not None:
        del item.stash[_LAST_LOOK]
        look.cancel()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the seed, and what pools are at, to the report of a test that failed."""
    report = yield
    if report.failed:
        if call.when == "call":
            item.stash[_FAILED] = True

        report.sections += _sections(item)

    return report


def _sections(item: pytest.Item) -> list[tuple[str, str]]:
    sections: list[tuple[str, str]] = []
    sim = item.stash.get(_SIMULATION, None)
    if sim is not None:
        told = f"{sim!r}: run it again with --fluent-async-seed={sim.seed}"
        sections.append(("fluent_async simulation", told))

    live = item.stash.get(_HUNG, "") or tree()
    if live:
        sections.append(("fluent_async pools", live))

    return sections
