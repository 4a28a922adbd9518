"""Runs CPython's own tests of its ThreadPoolExecutor on ours; their bodies are unchanged.

They come from the `test` package of the interpreter; one without it has nothing to run,
which is said. What is put in place of the standard executor: `executor_type` of their
mixin, the name `ThreadPoolExecutor` as their modules see it, and the import in the scripts
that they start.

    python tests/cpython_suite.py [-v]
"""

import concurrent.futures
import importlib
import sys
import unittest
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Protocol, cast

from fluent_async.futures import ThreadPoolExecutor


PACKAGE = "test.test_concurrent_futures"
MODULES = ("test_thread_pool", "test_shutdown", "test_wait", "test_as_completed")
THEIRS = "from concurrent.futures import ThreadPoolExecutor"
OURS = "from fluent_async.futures import ThreadPoolExecutor"


class Starts(Protocol):
    """What starts a script in a Python of its own."""

    def __call__(self, *args: str, **env: str) -> object:
        """Start Python with these arguments."""
        ...


def modules() -> Iterator[ModuleType]:
    """Import what the interpreter has of the tests."""
    for name in (*MODULES, "test_init", "util"):
        yield importlib.import_module(f"{PACKAGE}.{name}")


def with_ours(start: Starts) -> Starts:
    """Have scripts import ours."""

    def started(*args: str, **env: str) -> object:
        return start(*(arg.replace(THEIRS, OURS) for arg in args), **env)

    return started


def substitute(module: ModuleType) -> None:
    """Put ours in place of the standard one, as a test module sees it."""
    if getattr(module, "futures", None) is concurrent.futures:
        names = {**vars(concurrent.futures), "ThreadPoolExecutor": ThreadPoolExecutor}
        module.futures = SimpleNamespace(**names)  # type: ignore[attr-defined]

    if hasattr(module, "assert_python_ok"):
        start = cast("Starts", module.assert_python_ok)
        module.assert_python_ok = with_ours(start)  # type: ignore[attr-defined]


def cases(module: ModuleType, mixin: type) -> Iterator[unittest.TestSuite]:
    """Load the tests of executors of threads."""
    for case in vars(module).values():
        if (
            isinstance(case, type)
            and issubclass(case, unittest.TestCase)
            and issubclass(case, mixin)
        ):
            yield unittest.defaultTestLoader.loadTestsFromTestCase(case)


def main() -> int:
    """Run them; 1 if any failed, or left a thread behind."""
    try:
        found = list(modules())
    except ImportError as missing:
        print(f"nothing to run: {missing}")
        return 0

    mixin = cast("type", vars(found[-1])["ThreadPoolMixin"])
    mixin.executor_type = ThreadPoolExecutor  # type: ignore[attr-defined]
    for module in found:
        substitute(module)

    suite = unittest.TestSuite(
        case for module in found for case in cases(module, mixin)
    )
    verbosity = 2 if "-v" in sys.argv[1:] else 1
    result = unittest.TextTestRunner(verbosity=verbosity).run(suite)
    support = importlib.import_module("test.support")
    if support.environment_altered:  # their words for threads that a test left behind
        print("a test left something behind")

    return not result.wasSuccessful() or bool(support.environment_altered)


if __name__ == "__main__":
    sys.exit(main())
