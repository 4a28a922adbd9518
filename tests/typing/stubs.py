"""Writes and checks `stubs/`: the public types as text, so that a change of them is a diff.

    python tests/typing/stubs.py write|check

`write` takes what mypy's stubgen makes of the installed package, adds what stubgen leaves
out (types of `self`, `@final`, `@runtime_checkable`), and takes away what no user can
reach: private members, and in private modules what no public type needs. `check` does
so again beside it, and fails if that differs, if `mypy.stubtest` sees another package
than the stubs tell of, if a result or attribute has an Any in it, or if a case in this
folder does not hold with the stubs.
"""

import ast
import difflib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import check


STUBS = Path(__file__).parents[2] / "stubs"
PUBLIC = ["__init__", "errors", "futures", "testing", "typing"]
KEPT_DECORATORS = {"final", "runtime_checkable"}
HIDDEN = [
    "fluent_async._task.Task.__new__",  # says that decorators make tasks
    "fluent_async._task._Call",  # what calls them: an affair of the package's own
    "fluent_async._worker.Worker.__init__",  # >> and with_input make workers
    "fluent_async.futures._Ts",  # a TypeVarTuple: stubtest knows none
]
"""What stubtest finds at run time and the stubs hide on purpose, or cannot read."""


def main(command: str) -> int:
    """Write the stubs, or check them; return 1 if they are wrong."""
    if command == "write":
        write(STUBS)
        return 0

    return max(differs(), leaks(), stubtest(), check.main("mypy", stubs=STUBS))


def write(folder: Path) -> None:
    """Write the stubs into `folder`."""
    with TemporaryDirectory() as raw:
        stubgen(Path(raw))
        trees = {
            path.stem: mended(ast.parse(path.read_text("utf-8")), source(path.stem))
            for path in sorted(Path(raw, "fluent_async").glob("*.pyi"))
        }

    kept = reachable(trees)
    package = folder / "fluent_async"
    package.mkdir(parents=True, exist_ok=True)
    for old in package.glob("*.pyi"):
        old.unlink()

    for module, names in kept.items():
        tree = pruned(trees[module], names, public=module in PUBLIC)
        text = compact(ast.unparse(ast.fix_missing_locations(tree)))
        (package / f"{module}.pyi").write_text(f"{text}\n", "utf-8")


def compact(text: str) -> str:
    """Put what has no body on one line, and methods one below the other."""
    text = re.sub(r":\n +\.\.\.", ": ...", text)
    return re.sub(r"\n\n(?= )", "\n", text)


def differs() -> int:
    """Print how the stubs differ from what `write` would write."""
    with TemporaryDirectory() as folder:
        write(Path(folder))
        fresh, old = texts(Path(folder)), texts(STUBS)

    for name in sorted({*fresh, *old}):
        sys.stdout.writelines(
            difflib.unified_diff(
                old.get(name, []),
                fresh.get(name, []),
                f"stubs/fluent_async/{name}",
                "what the code says: run `tox -e stubs-write`",
            )
        )

    return int(fresh != old)


def leaks() -> int:
    """Print what gives users an Any: what is checked of it is nothing."""
    found = [
        f"{path.name}:{node.lineno}: {ast.unparse(given)}\n"
        for path in sorted(STUBS.glob("fluent_async/*.pyi"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for given in [
            getattr(node, "returns", None) or getattr(node, "annotation", None)
        ]
        if not isinstance(node, ast.arg) and given is not None
        if "Any" in names_in(given)
    ]
    sys.stdout.writelines(found)
    return int(bool(found))


def texts(folder: Path) -> dict[str, list[str]]:
    """Return the lines of each stub in `folder`."""
    return {
        path.name: path.read_text("utf-8").splitlines(keepends=True)
        for path in folder.glob("fluent_async/*.pyi")
    }


def stubgen(folder: Path) -> None:
    """Let mypy write what it makes of the package."""
    flags = ["--include-private", "--quiet", "--output", str(folder)]
    command = [str(Path(sys.executable).with_name("stubgen")), *flags]
    spec = find_spec("fluent_async.testing")  # left out of the package: it may be tests
    assert spec is not None
    assert spec.origin is not None
    for what in (["--package", "fluent_async"], [spec.origin]):
        subprocess.run([*command, *what], check=True, cwd=folder)


def stubtest() -> int:
    """Let mypy compare the stubs with the package that runs."""
    with TemporaryDirectory() as folder:
        allowed, config = Path(folder, "allowed.txt"), Path(folder, "mypy.ini")
        allowed.write_text("\n".join(HIDDEN))
        # The overlap is meant, and marked in the code; stubgen drops such marks.
        config.write_text("[mypy]\ndisable_error_code = overload-overlap\n")
        # Private names are left out of the stubs on purpose; that no public one is
        # missing follows from __all__, which is compared as well.
        flags = ["--concise", "--ignore-missing-stub", f"--allowlist={allowed}"]
        flags += [f"--mypy-config-file={config}"]
        done = subprocess.run(
            [sys.executable, "-m", "mypy.stubtest", "fluent_async", *flags],
            env={**os.environ, "MYPYPATH": str(STUBS)},
            cwd=folder,
            check=False,
        )

    return done.returncode


def source(module: str) -> ast.Module:
    """Return the code of a module of the package."""
    spec = find_spec("fluent_async")
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).with_name(f"{module}.py")
    return ast.parse(path.read_text("utf-8"))


# -- what stubgen leaves out -----------------------------------------------------------


def mended(stub: ast.Module, code: ast.Module) -> ast.Module:
    """Add to a stub what stubgen leaves out of it."""
    originals = {name: list(nodes) for name, nodes in definitions(code).items()}
    added = set()
    for name, nodes in definitions(stub).items():
        for node, original in zip(nodes, originals[name], strict=False):
            decorators = decorators_of(original) & KEPT_DECORATORS
            if isinstance(node, ast.ClassDef):
                added |= decorators
                node.decorator_list[:0] = [
                    ast.Name(each) for each in sorted(decorators)
                ]
            else:
                mend_parameters(node, original)

    if added:
        names = [ast.alias(each) for each in sorted(added)]
        stub.body.insert(0, ast.ImportFrom("typing", names, level=0))

    return stub


Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def definitions(tree: ast.AST, prefix: str = "") -> dict[str, list[Definition]]:
    """Return classes and functions by their dotted names; overloads in their order."""
    found: dict[str, list[Definition]] = {}
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Definition):
            found.setdefault(prefix + node.name, []).append(node)
            if isinstance(node, ast.ClassDef):
                found |= definitions(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.If):
            found |= definitions(node, prefix)

    return found


def decorators_of(node: Definition) -> set[str]:
    """Return the names of the plain decorators of a definition."""
    return {each.id for each in node.decorator_list if isinstance(each, ast.Name)}


def mend_parameters(node: Definition, original: Definition) -> None:
    """Give the parameters of a function their `/`, and the first one its type."""
    assert not isinstance(node, ast.ClassDef)
    assert not isinstance(original, ast.ClassDef)
    given = [*node.args.posonlyargs, *node.args.args]
    written = [*original.args.posonlyargs, *original.args.args]
    if given:
        given[0].annotation = written[0].annotation

    slash = len(original.args.posonlyargs)
    node.args.posonlyargs, node.args.args = given[:slash], given[slash:]


# -- what no user can reach ------------------------------------------------------------


def reachable(trees: dict[str, ast.Module]) -> dict[str, set[str]]:
    """Return the modules, and the names in each, that public names lead to."""
    kept: dict[str, set[str]] = {}
    todo = [(module, name) for module in PUBLIC for name in top_level(trees[module])]
    while todo:
        module, name = todo.pop()
        if name in kept.setdefault(module, set()):
            continue

        kept[module].add(name)
        node = top_level(trees[module]).get(name)
        if isinstance(node, ast.ImportFrom):
            assert node.module is not None
            home = node.module.removeprefix("fluent_async.")
            if home in trees and home not in PUBLIC:
                todo.append((home, name))
        elif node is not None:
            todo += [(module, used) for used in names_in(without_private(node))]

    return kept


def top_level(tree: ast.Module) -> dict[str, ast.stmt]:
    """Return what each name of a module stands for, where it is made or imported."""
    found: dict[str, ast.stmt] = {}
    for node in tree.body:
        for name in names_made(node):
            found[name] = node

    return found


def names_made(node: ast.stmt) -> Iterator[str]:
    """Return the names that a statement makes."""
    match node:
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from (each.asname or each.name for each in names)
        case (
            ast.ClassDef(name=name)
            | ast.FunctionDef(name=name)
            | ast.AsyncFunctionDef(name=name)
        ):
            yield name
        case ast.Assign(targets=[ast.Name(id=name)]):
            yield name
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name
        case _:
            pass


def names_in(node: ast.AST) -> set[str]:
    """Return the names that a statement uses."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def without_private(node: ast.stmt) -> ast.stmt:
    """Return a class without its private members; anything else as it is."""
    if not isinstance(node, ast.ClassDef):
        return node

    body = [
        each
        for each in node.body
        if not any(is_private(name) for name in names_made(each))
    ]
    return ast.ClassDef(**{**vars(node), "body": body or [ast.Expr(ast.Constant(...))]})


def is_private(name: str) -> bool:
    """Say whether a member is of no use outside its class."""
    return name == "__slots__" or (name.startswith("_") and not name.endswith("__"))


def pruned(tree: ast.Module, kept: set[str], *, public: bool) -> ast.Module:
    """Return a module with what is kept of it."""
    body: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            aliases = [
                each for each in node.names if (each.asname or each.name) in kept
            ]
            if aliases and not public:
                aliases = [ast.alias(each.name) for each in aliases]

            node.names = aliases
            body += [node] if aliases else []
        elif kept.intersection(names_made(node)):
            body.append(without_private(node))

    return ast.Module(body, [])


if __name__ == "__main__":
    if sys.argv[1:] in (["write"], ["check"]):
        sys.exit(main(sys.argv[1]))

    sys.exit("usage: stubs.py write|check")
