"""The plugin of pytest with which `mutation.py` tests mutants: one forked process for each.

The tests are collected once. A mutant that differs in the body of functions alone gets its
code in the functions that are there already; any other one is tested in a Python of its
own, from the start. Either way the processes that tests start find it in its copy of the
package.
"""

import gc
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import CodeType, FunctionType
from typing import TypeAlias

import pytest


HOME = Path(os.environ["MUTATION_HOME"])
MEMORY = 4 << 30
"""Bytes of address space: a mutant may ask for ever more."""

GRACE_S = 30.0
SLOWER = 4
"""The tests may take so much longer than they do without a mutant, and `GRACE_S`."""

Mutant: TypeAlias = tuple[str, str, str, str, int]
"""Key, module, code, and the function that is changed with its first line, if it is one."""


def pytest_runtestloop(session: pytest.Session) -> bool:
    """Test the mutants, instead of the code as it is; that comes first, to be compared."""
    plan: list[Mutant] = json.loads((HOME / "plan.json").read_text())
    module = plan[0][1]
    homes = sorted(path for path in HOME.iterdir() if path.is_dir())
    benches = [Bench(home, session) for home in homes]
    _find_functions()
    assert _functions, "the tests test another copy of the package"
    gc.collect()
    gc.freeze()
    began = time.monotonic()
    benches[0].start(("", module, benches[0].original(module), "", -1), 1e3)
    [(_, _, outcome, by)] = _wait(benches[:1])
    if outcome != "survived":
        pytest.exit(f"the tests fail without a mutant: {by}", returncode=1)

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
        """Say whether a test fails: one of those that are here, if that can be."""
        _, module, code, name, line = self._mutant
        functions = _functions.get((f"{module}.py", name, line))
        if functions:
            new = next(
                each
                for each in _codes(
                    compile(code, functions[0].__code__.co_filename, "exec")
                )
                if (each.co_name, each.co_firstlineno) == (name, line)
            )
            for function in functions:
                function.__code__ = new
        elif line >= 0:  # else nothing is changed
            own = self._session.config.invocation_params.args
            args = [arg for arg in own if arg not in {"-p", "mutation_plugin"}]
            os.execv(sys.executable, [sys.executable, "-m", "pytest", "-x", *args])

        items = self._session.items
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self._session.testsfailed:
                return 1

        return 0


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
            place = Path(code.co_filename).name, code.co_name, code.co_firstlineno
            if code.co_filename.startswith(str(HOME)):
                _functions.setdefault(place, []).append(value)


_functions: dict[tuple[str, str, int], list[FunctionType]] = {}
"""By file, name and first line."""


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield a code, and the codes within it."""
    yield code
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _codes(const)
