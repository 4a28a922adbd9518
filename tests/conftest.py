"""Fixtures of the whole suite; most of them watch that a test leaves nothing behind."""

import signal
import sys
import threading
from collections.abc import Iterator
from weakref import WeakSet

import hypothesis
import pytest

from audit import assert_adds_up, noting
from fluent_async import _counter, _leases, _pour, _slice, _taking
from fluent_async._build import GIL
from fluent_async._engine import Engine
from support import FakeClock, Threads


# A shell that starts the tests in the background has Ctrl-C ignored, in their children too.
signal.signal(signal.SIGINT, signal.default_int_handler)


# What they explore with is built on sys.monitoring, which Python 3.11 does not have.
collect_ignore: list[str] = (
    [] if sys.version_info >= (3, 12) else ["test_interleavings.py"]
)

# The same examples in every run, so that a commit is never red by chance; the soak looks on,
# and `tox -e fuzz` at many more of those that are drawn by strategies.examples().
# No deadline: a busy machine is no error.
hypothesis.settings.register_profile("suite", deadline=None, derandomize=True)
hypothesis.settings.register_profile("soak", deadline=None, database=None)
hypothesis.settings.register_profile(
    "long", deadline=None, database=None, max_examples=5000, print_blob=True
)
hypothesis.settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the suite run with threads that take turns as often as Python lets them."""
    parser.addoption(
        "--switch-interval",
        type=float,
        help="seconds after which a thread that runs lets another one run",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Set what the options say."""
    interval = config.getoption("--switch-interval")
    if interval is not None:
        sys.setswitchinterval(interval)


@pytest.fixture(autouse=True)
def no_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget a STAGE of the environment, which would set the limit of every pool to 1."""
    monkeypatch.delenv("STAGE", raising=False)


@pytest.fixture(
    params=[True, False] if GIL else [False], ids=("gil", "free")[-1 - GIL :]
)
def each_build(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have threads share what they do as each kind of build has it.

    What is for builds without the GIL is right with it, too; not the other way round.
    """
    gil: bool = request.param
    for module in (_counter, _leases, _pour, _slice, _taking):
        monkeypatch.setattr(module, "GIL", gil)


@pytest.fixture(autouse=True)
def no_thread_survives() -> Iterator[None]:
    """Fail a test that leaves a thread behind."""
    threads = Threads()
    yield
    assert threads.survivors() == []


@pytest.fixture(autouse=True)
def accounts_add_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[WeakSet[Engine]]:
    """Fail a test that made a pool whose accounts do not add up at its end.

    A test that breaks the library on purpose asks for this fixture by name and clears it.
    """
    engines: WeakSet[Engine] = WeakSet()
    monkeypatch.setattr(Engine, "__init__", noting(engines, Engine.__init__))
    yield engines
    for engine in list(engines):
        assert_adds_up(engine)


@pytest.fixture(autouse=True)
def errors_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[list[BaseException | None]]:
    """Fail a test in which an error escaped a thread or could not be raised.

    A test that expects one asks for this fixture by name and takes it off the list.
    """
    errors: list[BaseException | None] = []
    monkeypatch.setattr(
        threading, "excepthook", lambda args: errors.append(args.exc_value)
    )
    monkeypatch.setattr(
        sys, "unraisablehook", lambda args: errors.append(args.exc_value)
    )
    yield errors
    assert errors == []


@pytest.fixture
def fake_clock() -> Iterator[FakeClock]:
    """Put a `FakeClock` in place of the machine's clock for one test."""
    with FakeClock() as clock:
        yield clock
