"""What the package offers, and how its files know each other."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

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

RE_EXPORTING = {"fluent_async", "fluent_async.testing"}

LAYERS = [
    {
        "errors",
        "_choices",
        "_clock",
        "_layout",
        "_outcome",
        "_picture",
        "_pace",
        "_process",
        "_simulator",
        "_slice",
        "_taking",
        "_text",
        "_turns",
        "_work",
    },
    {"_parties", "_signals"},
    {"_checks", "_interrupt"},
    {
        "_accounts",
        "_agenda",
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
    {
        "_desk",
        "_lending",
        "_mapping",
        "_manner",
        "_report",
        "_retried",
        "_step",
    },
    {"_await", "_channel", "_strands", "_threads"},
    {"_admission", "_iteration", "_slots", "_sources"},
    {"_drain"},
    {"_attempt", "_chain", "_claims", "_relief", "_stage"},
    {"_call", "_code", "_course", "_future", "_graph", "_relay", "_survey"},
    {"_leases", "_loop"},
    {"_runner", "_scheduler", "_whereabouts", "_worker"},
    {"_each", "_engine", "_manning", "_simulated"},
    {"_simulation", "_task", "_tree"},
    {"_exploration", "_function", "_inputs"},
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


def offered(module: ModuleType) -> Iterator[str]:
    """Name what `module` binds for others: classes, functions, aliases and re-exports."""
    for node in ast.parse(inspect.getsource(module)).body:
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


def test_import_brings_nothing_that_talks_to_the_world() -> None:
    """Importing the package imports no pickle, no socket and nothing that starts processes."""
    done = run_child(
        """
        import sys
        before = set(sys.modules)
        import fluent_async
        print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
        """
    )
    unwanted = {
        "asyncio",
        "ctypes",
        "multiprocessing",
        "pickle",
        "socket",
        "subprocess",
    }

    assert 0 == done.returncode, done.stderr
    assert set() == unwanted & set(done.stdout.split())


def test_import_starts_no_thread() -> None:
    """Importing the package leaves the process with the one thread it had."""
    done = run_child(
        """
        import _thread
        before = _thread._count()
        import fluent_async
        print(_thread._count() - before)
        """
    )

    assert "0\n" == done.stdout


def test_import_is_clean_when_every_warning_is_an_error() -> None:
    """The package imports under the strictest flags an interpreter has."""
    flags = ["-W", "error", "-X", "dev", "-bb", "-I"]
    done = run_child("import fluent_async", flags=flags)

    assert ("", 0) == (done.stderr, done.returncode)
