"""What the package offers, and how its files know each other."""

import ast
import importlib
import inspect
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import typing_extensions

import fluent_async
from support import run_child


PACKAGE = Path(fluent_async.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
PUBLIC = [
    "fluent_async",
    "fluent_async.errors",
    "fluent_async.futures",
    "fluent_async.pytest_plugin",
    "fluent_async.testing",
    "fluent_async.typing",
]

PATHS = [PACKAGE.parent, Path(typing_extensions.__file__).parent]
"""Where a Python finds the package that looks at no environment."""

RE_EXPORTING = {"fluent_async", "fluent_async.testing"}

LAYERS = [
    {
        "errors",
        "_build",
        "_choices",
        "_clock",
        "_layout",
        "_outcome",
        "_picture",
        "_pace",
        "_process",
        "_simulator",
        "_text",
        "_turns",
        "_turnstile",
        "_work",
    },
    {"_parties", "_signals", "_slice"},
    {"_checks", "_interrupt"},
    {
        "_accounts",
        "_agenda",
        "_bell",
        "_exits",
        "_log",
        "_mermaid",
        "_monitor",
        "_retry",
        "_room",
        "_seat",
        "_svg",
        "_wait",
    },
    {"_counter", "_taking"},
    {
        "_desk",
        "_lending",
        "_mapping",
        "_manner",
        "_readers",
        "_report",
        "_retried",
        "_senders",
        "_step",
    },
    {"_store"},
    {"_inlet"},
    {"_await", "_channel", "_strands", "_threads"},
    {"_admission", "_iteration", "_slots", "_sources"},
    {"_drain"},
    {"_attempt", "_chain", "_claims", "_relief", "_stage"},
    {"_call", "_code", "_course", "_future", "_graph", "_relay", "_survey"},
    {"_loop"},
    {"_pour"},
    {"_leases"},
    {"_runner", "_scheduler", "_whereabouts", "_worker"},
    {"_driver", "_each"},
    {"_engine", "_manning", "_simulated"},
    {"_simulation", "_task", "_tree"},
    {"_exploration", "_function", "_inputs", "_last_look"},
    {"_promise"},
    {"_intake"},
    {"_executor"},
    {"_crew", "_decorate", "_pool"},
    {"_results"},
    {"futures", "testing", "typing"},
    {"pytest_plugin"},
    {"__init__"},
]
"""A file imports only from files in the rows above its own, type checking apart."""

MAY_USE_THREADS = {
    "_clock",
    "_last_look",
    "_lending",
    "_monitor",
    "_signals",
    "_strands",
    "_threads",
    "_wait",
}


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Walk a module, but not what only type checkers see."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return

    yield node
    for child in ast.iter_child_nodes(node):
        yield from statements(child)


def imports(file: Path) -> Iterator[str]:
    """Name every module that `file` imports, and every name imported from one."""
    for node in statements(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield module
                yield from (f"{module}.{alias.name}" for alias in names)
            case _:
                pass


def siblings(file: Path) -> set[str]:
    """Name the files of the package that `file` imports."""
    inside = [
        name.split(".") for name in imports(file) if name.startswith("fluent_async.")
    ]
    return {parts[1] for parts in inside if (PACKAGE / f"{parts[1]}.py").exists()}


def layer(name: str) -> int:
    """Give the number of the row of LAYERS that `name` stands in."""
    rows = (number for number, names in enumerate(LAYERS) if name in names)
    return next(rows, len(LAYERS))


def top(module: ast.Module) -> Iterator[ast.stmt]:
    """Give what stands at the left margin, and what only type checkers see there."""
    for node in module.body:
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from node.body


def offered(module: ModuleType) -> Iterator[str]:
    """Name what `module` binds for others: classes, functions, aliases and re-exports."""
    for node in top(ast.parse(inspect.getsource(module))):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.ImportFrom(names=names) if module.__name__ in RE_EXPORTING:
                yield from (alias.asname or alias.name for alias in names)
            case _:
                pass


@pytest.mark.parametrize("name", PUBLIC)
def test_all_names_exactly_what_a_public_module_offers(name: str) -> None:
    """`__all__` lists every public name of a module, and no other."""
    module = importlib.import_module(name)
    public = {name for name in offered(module) if not name.startswith("_")}

    assert sorted(public) == sorted(module.__all__)


@pytest.mark.parametrize("name", PUBLIC)
def test_all_is_sorted(name: str) -> None:
    """`__all__` is in alphabetical order, so that a diff shows what is new."""
    module = importlib.import_module(name)

    assert sorted(module.__all__) == list(module.__all__)


def test_every_public_module_is_known_here() -> None:
    """A module without an underscore is public, and so it is in the list of this file."""
    modules = {f"fluent_async.{file.stem}" for file in FILES if file.stem[0] != "_"}

    assert {"fluent_async", *modules} == set(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_a_docstring(name: str) -> None:
    """Whatever a user can import says what it is, in its own words."""
    module = importlib.import_module(name)
    documented = [getattr(module, each) for each in module.__all__]

    assert [
        value
        for value in documented
        if (inspect.isclass(value) or inspect.isfunction(value)) and not value.__doc__
    ] == []


def test_every_file_has_its_place_in_the_order() -> None:
    """Each file stands in exactly one row of LAYERS, and no row has a file that is gone."""
    placed = [name for names in LAYERS for name in names]

    assert sorted(file.stem for file in FILES) == sorted(placed)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_imports_point_one_way(file: Path) -> None:
    """A file imports only from files that stand before it, so there is no cycle."""
    later = {name for name in siblings(file) if layer(name) >= layer(file.stem)}

    assert set() == later


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_only_a_few_files_know_threads(file: Path) -> None:
    """What decides is apart from what runs: the rest works without any thread."""
    uses_threads = {"threading", "_thread", "queue"} & set(imports(file))

    assert not uses_threads or file.stem in MAY_USE_THREADS


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_nothing_is_taken_out_of_threading_or_time(file: Path) -> None:
    """Locks and clocks are looked up when used, so that a test can put its own there."""
    taken = {name for name in imports(file) if name.startswith(("threading.", "time."))}

    assert set() == taken


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_nothing_sleeps_or_evaluates_text(file: Path) -> None:
    """No file calls `time.sleep`, `eval`, `exec` or `compile`."""
    calls = {
        ast.unparse(node.func)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    }

    assert not calls & {"time.sleep", "eval", "exec", "compile", "__import__"}


def brought(code: str) -> set[str]:
    """Name the modules that some code imports, of all that Python comes with."""
    done = run_child(
        f"""
        import sys
        before = set(sys.modules)
        {code}
        names = {{name.partition(".")[0] for name in set(sys.modules) - before}}
        print(*sorted(names & sys.stdlib_module_names))
        """,
        flags=["-S"],  # else the files of an environment have imported some
        env={"PYTHONPATH": os.pathsep.join(map(str, PATHS))},
    )
    assert 0 == done.returncode, done.stderr

    return set(done.stdout.split())


def test_import_brings_what_loads_the_rest_alone() -> None:
    """The package loads what is asked for when that is, for who imports it in vain."""
    assert {"importlib", "warnings", "_warnings", "types"} >= brought(
        "import fluent_async"
    )


def test_import_of_all_names_brings_no_more_than_that() -> None:
    """What few programs use, or what takes long, is loaded by those who use it."""
    unwanted = {
        "asyncio",
        "concurrent",
        "ctypes",
        "html",
        "json",
        "multiprocessing",
        "pickle",
        "socket",
        "subprocess",
        "unittest",
    }

    assert set() == unwanted & brought("from fluent_async import *")


def test_a_name_is_loaded_from_where_checkers_see_it() -> None:
    """What is loaded when it is asked for is what stands in the imports for type checkers."""
    homes = {
        alias.name: str(node.module).rpartition(".")[2]
        for node in top(ast.parse(inspect.getsource(fluent_async)))
        if isinstance(node, ast.ImportFrom) and node.module != "importlib"
        for alias in node.names
    }

    assert homes == fluent_async._HOMES  # noqa: SLF001


def test_names_are_there_before_they_are_loaded() -> None:
    """`dir()` has them, and the public modules; and none that does not exist."""
    done = run_child(
        """
        import fluent_async
        names = dir(fluent_async)
        assert {*fluent_async.__all__, "errors", "typing"} <= set(names)
        for name in names:
            getattr(fluent_async, name)

        try:
            fluent_async.Pol
        except AttributeError as exc:
            print(exc)
        """
    )

    assert "module 'fluent_async' has no attribute 'Pol'\n" == done.stdout


def test_methods_find_what_was_not_asked_for() -> None:
    """A batch can be iterated by who never named a pool."""
    done = run_child(
        """
        from fluent_async import each, task
        print(list((each([1, 2]) >> task(str)).results()))
        """
    )

    assert "['1', '2']\n" == done.stdout, done.stderr


def test_names_are_loaded_once_by_threads_that_ask_together() -> None:
    """Whoever asks first loads; the others wait for that, and get the same."""
    done = run_child(
        """
        import threading
        import fluent_async
        ready, got = threading.Barrier(4), []

        def ask():
            ready.wait()
            got.append((fluent_async.Pool, fluent_async.task, fluent_async.errors))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        print(len(got), len(set(got)))
        """
    )

    assert "4 1\n" == done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork() here")
def test_names_are_loaded_in_a_process_that_was_forked_before() -> None:
    """A program that forks first loads in each process what that uses."""
    done = run_child(
        """
        import os, sys
        import fluent_async

        if os.fork() == 0:
            with fluent_async.Pool(2) as pool:
                pool.go(1 >> fluent_async.task(print))

            sys.stdout.flush()
            os._exit(0)

        print(os.waitstatus_to_exitcode(os.wait()[1]), "Pool" in vars(fluent_async))
        """
    )

    assert "1\n0 False\n" == done.stdout, done.stderr


def test_import_starts_no_thread() -> None:
    """Importing the package leaves the process with the one thread it had."""
    done = run_child(
        """
        import _thread
        before = _thread._count()
        from fluent_async import *
        print(_thread._count() - before)
        """
    )

    assert "0\n" == done.stdout


def test_import_is_clean_when_every_warning_is_an_error() -> None:
    """The package imports under the strictest flags an interpreter has."""
    flags = ["-W", "error", "-X", "dev", "-bb", "-I"]
    done = run_child("from fluent_async import *", flags=flags)

    assert ("", 0) == (done.stderr, done.returncode)
