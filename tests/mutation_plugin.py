"""The plugin of pytest with which `mutation.py` tests mutants: one forked process for each.

The tests are collected once, and run once without a mutant, to see which functions each of
them reaches. A mutant in the body of a function is put into the functions that are there
already, and tested by what reaches them. Any other one is tested in a Python of its own, from
the start; and so is one that survives in a function that ran while the tests were loaded.
Either way the processes that tests start find it in its copy of the package.
"""

import gc
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import CodeType, FunctionType
from typing import NoReturn, TypeAlias

import pytest


assert sys.version_info >= (3, 12), "sys.monitoring tells which tests reach a function"

HOME = Path(os.environ["MUTATION_HOME"])
MEMORY = 4 << 30
"""Bytes of address space: a mutant may ask for ever more."""

GRACE_S = 20.0
SLOWER = 3
"""The tests may take so much longer than they do without a mutant, and `GRACE_S`."""

Mutant: TypeAlias = tuple[str, str, str, str, int]
"""Key, module, code, and the function that is changed with its first line, if it is one."""


def pytest_runtestloop(session: pytest.Session) -> bool:
    """Test the mutants, instead of the code as it is; that comes first, to be compared."""
    plan: list[Mutant] = json.loads((HOME / "plan.json").read_text())
    module = plan[0][1]
    homes = sorted(path for path in HOME.iterdir() if path.is_dir())
    benches = [Bench(home, session) for home in homes]
    _watch.end(LOADING)
    _find_functions()
    assert _functions, "the tests test another copy of the package"
    gc.collect()
    gc.freeze()
    began = time.monotonic()
    benches[0].start(("", module, benches[0].original(module), "", -1), 1e3)
    [(_, _, outcome, by)] = _wait(benches[:1])
    if outcome != "survived":
        pytest.exit(f"the tests fail without a mutant: {by}", returncode=1)

    _watch.reached |= json.loads((homes[0] / "reached.json").read_text())
    took = time.monotonic() - began
    print(f"{module}: {took:.1f} s without a mutant, {len(plan)} mutants", flush=True)
    _test_all(plan, benches, GRACE_S + SLOWER * took)
    return True


def _test_all(plan: list[Mutant], benches: list["Bench"], limit: float) -> None:
    """Test each mutant on the bench that is free first, and note what became of it."""
    waiting, free, busy = plan[::-1], list(benches), list["Bench"]()
    with Path(os.environ["MUTATION_NOTE"]).open("a") as note:
        while waiting or busy:
            while waiting and free:
                busy.append(free.pop())
                busy[-1].start(waiting.pop(), limit)

            for bench, *result in _wait(busy):
                busy.remove(bench)
                free.append(bench)
                note.write(json.dumps(result) + "\n")

            note.flush()


def _wait(benches: list["Bench"]) -> list[tuple["Bench", str, str, str]]:
    """Wait until the tests on one of the benches have ended, or on several."""
    while True:
        ended = [(bench, end) for bench in benches if (end := bench.ended())]
        if ended:
            return [(bench, *end) for bench, end in ended]

        time.sleep(0.01)


LOADING = "loading"
PROCESS = "process"
"""Among the places that a test reaches: it starts a process, which may reach any."""


class Watch:
    """Sees which functions of the package run, on any thread."""

    TOOL = 4  # of no other tool

    def __init__(self) -> None:
        self.reached: dict[str, list[str]] = {}  # by test, and by LOADING: their places
        self._places: set[str] = set()

    def begin(self) -> None:
        """Watch from now on."""
        events = sys.monitoring.events.PY_START
        sys.monitoring.use_tool_id(self.TOOL, "mutation")
        sys.monitoring.register_callback(self.TOOL, events, self._start)
        sys.monitoring.set_events(self.TOOL, events)
        sys.addaudithook(self._hear)

    def _hear(self, event: str, _arguments: object) -> None:
        if event in {"subprocess.Popen", "os.fork"}:
            self._places.add(PROCESS)

    def end(self, name: str) -> None:
        """Note what ran since it began, or ended with another name; and stop."""
        self.reached[name] = sorted(self._places)
        self._places.clear()
        sys.monitoring.set_events(self.TOOL, 0)

    def run(self, item: pytest.Item, following: pytest.Item | None) -> None:
        """Run a test, and note what it reaches."""
        sys.monitoring.set_events(self.TOOL, sys.monitoring.events.PY_START)
        sys.monitoring.restart_events()
        _run(item, following)
        self.end(item.nodeid)

    def _start(self, code: CodeType, _offset: int) -> object:
        if code.co_filename.startswith(str(HOME)):
            self._places.add(_place(code))

        return sys.monitoring.DISABLE


_watch = Watch()
_watch.begin()  # before the package is loaded, which has a plugin of its own


def _run(item: pytest.Item, following: pytest.Item | None) -> None:
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


def _place(code: CodeType) -> str:
    return f"{Path(code.co_filename).name}:{code.co_firstlineno}:{code.co_name}"


class Bench:
    """A copy of the package, in which one mutant at a time is tested."""

    def __init__(self, home: Path, session: pytest.Session) -> None:
        self._home = home
        self._session = session
        self._log = home / "log"
        self._mutant: Mutant = ("", "", "", "", 0)
        self._original = ""
        self._pid = 0
        self._deadline = 0.0

    def original(self, module: str) -> str:
        """Return the code of a module."""
        return self._path(module).read_text()

    def start(self, mutant: Mutant, limit: float) -> None:
        """Plant a mutant, and start the tests."""
        _, module, code, _, _ = self._mutant = mutant
        self._original = self.original(module)
        self._path(module).write_text(code)
        self._deadline = time.monotonic() + limit
        sys.stdout.flush()
        self._pid = os.fork()
        if not self._pid:
            self._test()

    def ended(self) -> tuple[str, str, str] | None:
        """Return whose tests have ended, the outcome, and by which test, once they have."""
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if not pid and time.monotonic() < self._deadline:
            return None

        with suppress(ProcessLookupError):  # also what the tests left running
            os.killpg(self._pid, signal.SIGKILL)

        if not pid:
            os.waitpid(self._pid, 0)

        self._path(self._mutant[1]).write_text(self._original)
        survived = pid and os.waitstatus_to_exitcode(status) == 0
        outcome = "survived" if survived else "killed" if pid else "late"
        return self._mutant[0], outcome, _by(self._log.read_text(errors="replace"))

    def _path(self, module: str) -> Path:
        return self._home / "fluent_async" / f"{module}.py"

    def _test(self) -> None:
        """Run the tests in this process, which ends with that."""
        code = 99
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            log = os.open(self._log, flags)
            for stream in (1, 2):
                os.dup2(log, stream)

            os.environ["PYTHONPATH"] = str(self._home)
            code = self._run()
        finally:
            sys.stdout.flush()
            os._exit(code)

    def _run(self) -> int:
        """Say whether a test fails."""
        _, module, code, name, line = self._mutant
        items = self._session.items
        if line < 0:  # nothing is changed
            return self._run_all(items, _watch.run)

        path = str(HOME / "0" / "fluent_async" / f"{module}.py")
        place = f"{module}.py:{line}:{name}"
        places = _put(compile(code, path, "exec"), place)
        if not places:
            self._run_anew()

        reached = _watch.reached
        inside = [each for each in items if places & set(reached[each.nodeid])]
        behind = [each for each in items if PROCESS in reached[each.nodeid]]
        failed = self._run_all(list(dict.fromkeys([*inside, *behind])), _run)
        if not failed and places & set(reached[LOADING]):
            self._run_anew()

        return failed

    def _run_all(
        self,
        items: list[pytest.Item],
        run: Callable[[pytest.Item, pytest.Item | None], None],
    ) -> int:
        """Run tests up to the first that fails; say whether one did."""
        for item, following in zip(items, [*items[1:], None], strict=False):
            run(item, following)
            if self._session.testsfailed:
                return 1

        (self._home / "reached.json").write_text(json.dumps(_watch.reached))
        return 0

    def _run_anew(self) -> NoReturn:
        """Run all tests in a Python of its own."""
        own = self._session.config.invocation_params.args
        args = [arg for arg in own if arg not in {"-p", "mutation_plugin"}]
        os.execv(sys.executable, [sys.executable, "-m", "pytest", "-x", *args])


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Say which test failed."""
    if report.failed:
        print(f"\nFAILED {report.nodeid}")


def _by(log: str) -> str:
    lines = [line for line in log.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return lines[0].split(" - ")[0] if lines else log.strip()[-200:]


def _find_functions() -> None:
    """Note all functions of the package, also those that decorators or classes keep."""
    for value in gc.get_objects():
        if type(value) is FunctionType:
            code = value.__code__
            if code.co_filename.startswith(str(HOME)):
                _functions.setdefault(_place(code), []).append(value)


_functions: dict[str, list[FunctionType]] = {}
"""By place."""


def _put(module: CodeType, place: str) -> set[str]:
    """Put the code of a function, and of those within it, in place; say in which places."""
    [*outer] = [each for each in _codes(module) if _place(each) == place]
    codes = {_place(each): each for code in outer[:1] for each in _codes(code)}
    if place not in _functions:
        return set()

    for inner, code in codes.items():
        for function in _functions.get(inner, ()):
            function.__code__ = code

    return set(codes)


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield a code, and the codes within it."""
    yield code
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _codes(const)
