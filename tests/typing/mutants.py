"""Changes one type of the public ones at a time, and wants a case to notice.

    python tests/typing/mutants.py [part of a name ...]

Each parameter must have a wrong use that ends when it takes anything, and a right one that
ends when it takes nothing; each member of a union, each overload, each default and each
base class a right use that needs it; each result and attribute an assertion of its type.
The changes are made in copies of `stubs/`, and ty judges, since it is the quickest.
What survives is printed, and fails the run.
"""

import ast
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from check import cases, marks
from checkers import errors
from fluent_async import each, task
from stubs import STUBS


FINAL = "each of its fields is Final"
OVERRIDDEN = "ThreadPoolExecutor, its one public heir, has its own"
GETS = "__get__ says which instances there are"
SURVIVE = {
    "_executor.PoolExecutor is no Executor": "its heir is one besides",
    "_executor.PoolExecutor.shutdown": OVERRIDDEN,
    "_exploration.Explored is not frozen": FINAL,
    "_retry.Failure is not frozen": FINAL,
    "_simulated.Event is not frozen": FINAL,
    "_task._Method.__call__(instance) takes nothing": GETS,
    "_task._Method.with_input(instance) takes nothing": GETS,
    "typing.Delay does not take Backoff": "a Backoff is a function of a Failure",
}
"""How the names of changes begin that no case can notice, and why none can."""

SKIPPED = {"__repr__", "__hash__", "__eq__", "__exit__", "__aexit__", "__reduce__"}
"""Methods that every class has, or that only Python calls."""

PYTHONS = {"self", "owner"}
"""Parameters that only Python gives."""

CALLED = {"__init__", "__call__"}
"""Methods with underscores that users call, so that it matters how parameters are given."""

NEVER, ANY, OBJECT = ast.Name("__never"), ast.Name("__any"), ast.Name("object")
IMPORTS = "from typing import Any as __any, Never as __never\n"

Item = TypeVar("Item")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Mutant:
    """One change of one stub."""

    name: str
    file: str
    text: str


def main(*parts: str) -> int:
    """Print the changes that no case notices; return 1 if there are any."""
    found = [each for each in mutants() if all(part in each.name for part in parts)]
    texts = cases()
    expected = set(marks(texts))
    if set(errors("ty", texts, STUBS)) != expected:
        sys.exit("the cases do not hold with the stubs: run `tox -e stubs-check`")

    @task
    def survives(mutant: Mutant) -> str | None:
        with TemporaryDirectory() as folder:
            stubs = Path(folder, "stubs")
            shutil.copytree(STUBS, stubs)
            Path(stubs, "fluent_async", mutant.file).write_text(mutant.text, "utf-8")
            return mutant.name if set(errors("ty", texts, stubs)) == expected else None

    survived = [name for name in (each(found) >> survives).results() if name]
    wrong = [f"no case notices: {name}" for name in survived if not excuse(name)]
    unused = [] if parts else sorted(set(SURVIVE) - {excuse(name) for name in survived})
    wrong += [f"is noticed, or gone: {each}" for each in unused]
    sys.stdout.writelines(f"{each}\n" for each in wrong)
    sys.stdout.write(f"{len(found)} changes, {len(found) - len(survived)} noticed\n")
    return int(bool(wrong))


def excuse(name: str) -> str | None:
    """Return the entry of SURVIVE for a change that no case noticed, if there is one."""
    bare = re.sub(r":\d+", "", name)
    return next((each for each in SURVIVE if bare.startswith(each)), None)


def mutants() -> Iterator[Mutant]:
    """Make each change of each stub, one at a time."""
    for path in sorted(STUBS.glob("fluent_async/*.pyi")):
        tree = ast.parse(path.read_text("utf-8"))
        for what in changes(tree, path.stem):
            yield Mutant(what, path.name, IMPORTS + ast.unparse(tree))


# Each generator changes the tree, yields what it changed, and takes it back.


def changes(tree: ast.Module | ast.ClassDef, name: str) -> Iterator[str]:
    """Change all that stands in a module or class."""
    for number, node in enumerate(tree.body):
        match node:
            case ast.ClassDef():
                yield from of_class(node, f"{name}.{node.name}")
                yield from changes(node, f"{name}.{node.name}")
            case ast.FunctionDef() | ast.AsyncFunctionDef() if node.name not in SKIPPED:
                told = f"{name}.{node.name}:{node.lineno}"
                yield from of_function(node, told)
                yield from of_decorators(tree, number, node, told)
            case ast.AnnAssign(target=ast.Name(id=variable)):
                yield from of_variable(node, f"{name}.{variable}")
            case _:
                pass


def of_class(node: ast.ClassDef, name: str) -> Iterator[str]:
    """Leave out each base class and decorator."""
    for number, base in enumerate(node.bases):
        if not ast.unparse(base).startswith(("Generic", "Protocol", "_Call")):
            yield from without(node.bases, number, f"{name} is no {ast.unparse(base)}")

    for number, decorator in enumerate(node.decorator_list):
        text = ast.unparse(decorator)
        if text in {"final", "runtime_checkable"}:
            yield from without(node.decorator_list, number, f"{name} is not {text}")

        yield from of_dataclass(decorator, name)


def of_dataclass(decorator: ast.expr, name: str) -> Iterator[str]:
    """Leave out what a dataclass is told that users see."""
    settings = decorator.keywords if isinstance(decorator, ast.Call) else []
    for number, keyword in enumerate(settings):
        if keyword.arg in {"frozen", "kw_only"}:
            yield from without(settings, number, f"{name} is not {keyword.arg}")


def of_decorators(
    tree: ast.Module | ast.ClassDef, number: int, node: Function, name: str
) -> Iterator[str]:
    """Leave out an overload; let what can only be read be written."""
    decorators = {each.id for each in node.decorator_list if isinstance(each, ast.Name)}
    if "overload" in decorators:
        yield from without(tree.body, number, f"{name} lacks an overload")

    if "property" in decorators and node.returns:
        variable = ast.AnnAssign(ast.Name(node.name), node.returns, simple=1)
        yield from put(tree.body, number, variable, f"{name} can be set")


def of_function(node: Function, name: str) -> Iterator[str]:
    """Change parameters and the result."""
    if node.name != "__init__" and ast.unparse(node.returns or ANY) != "object":
        yield from set_to(node, "returns", ANY, f"{name} gives anything")

    given = node.args
    for parameter in ast.walk(given):
        if isinstance(parameter, ast.arg) and parameter.arg not in PYTHONS:
            yield from of_parameter(parameter, f"{name}({parameter.arg})")

    yield from of_defaults(given, name)
    if not given.vararg and (not node.name.startswith("__") or node.name in CALLED):
        yield from of_ways(given, name)


def of_parameter(parameter: ast.arg, name: str) -> Iterator[str]:
    """Let a parameter take anything, nothing, or all but one of several types."""
    if parameter.annotation is None:
        return

    if ast.unparse(parameter.annotation) not in {"object", "Any"}:
        yield from set_to(parameter, "annotation", OBJECT, f"{name} takes anything")

    yield from set_to(parameter, "annotation", NEVER, f"{name} takes nothing")
    yield from of_members(parameter, "annotation", name)


def of_members(node: ast.AST, field: str, name: str) -> Iterator[str]:
    """Leave out each member of a union, and each value of a Literal."""
    annotation: ast.expr = getattr(node, field)
    members = members_of(annotation)
    for member in members if len(members) > 1 else []:
        rest = [ast.unparse(each) for each in members if each is not member]
        fewer = ast.parse(" | ".join(rest), mode="eval").body
        told = f"{name} does not take {ast.unparse(member)}"
        yield from set_to(node, field, fewer, told)

    for values in literals_in(annotation):
        for number, value in enumerate(values):
            told = f"{name} does not take {ast.unparse(value)}"
            yield from without(values, number, told)


def literals_in(annotation: ast.expr) -> Iterator[list[ast.expr]]:
    """Return the values of each Literal that has several."""
    for part in ast.walk(annotation):
        match part:
            case ast.Subscript(ast.Name("Literal"), ast.Tuple(values)):
                yield values
            case _:
                pass


def members_of(annotation: ast.expr) -> list[ast.expr]:
    """Return the members of a union; any other type alone."""
    if isinstance(annotation, ast.BinOp):
        return [*members_of(annotation.left), *members_of(annotation.right)]

    return [annotation]


def of_defaults(given: ast.arguments, name: str) -> Iterator[str]:
    """Take away each default, and those before it that must then go."""
    positional = [*given.posonlyargs, *given.args]
    for count in range(1, len(given.defaults) + 1):
        parameter = positional[len(positional) - len(given.defaults) + count - 1]
        kept = given.defaults
        given.defaults = kept[count:]
        yield f"{name}({parameter.arg}) has no default"
        given.defaults = kept

    for number, default in enumerate(given.kw_defaults):
        if default is not None:
            told = f"{name}({given.kwonlyargs[number].arg}) has no default"
            yield from put(given.kw_defaults, number, None, told)


def of_ways(given: ast.arguments, name: str) -> Iterator[str]:
    """Let parameters be given in both ways, by place and by name."""
    if given.kwonlyargs:
        kept = given.args, given.defaults, given.kwonlyargs, given.kw_defaults
        defaults = [each for each in given.kw_defaults if each is not None]
        if len(defaults) == len(given.kwonlyargs):
            given.args = [*given.args, *given.kwonlyargs]
            given.defaults = [*given.defaults, *defaults]
            given.kwonlyargs, given.kw_defaults = [], []
            yield f"{name}: settings can be given by place"
            given.args, given.defaults, given.kwonlyargs, given.kw_defaults = kept

    if [each for each in given.posonlyargs if each.arg != "self"]:
        before = given.posonlyargs, given.args
        given.posonlyargs, given.args = [], [*given.posonlyargs, *given.args]
        yield f"{name}: what is given by place can be given by name"
        given.posonlyargs, given.args = before


def of_variable(node: ast.AnnAssign, name: str) -> Iterator[str]:
    """Let a variable be anything, an alias lack a member, and a constant be set."""
    if ast.unparse(node.annotation) == "TypeAlias":
        yield from of_members(node, "value", name)
        return

    yield from set_to(node, "annotation", ANY, f"{name} is anything")


def set_to(node: ast.AST, field: str, value: object, name: str) -> Iterator[str]:
    """Give a field another value."""
    before = getattr(node, field)
    setattr(node, field, value)
    yield name
    setattr(node, field, before)


def without(items: list[Item], number: int, name: str) -> Iterator[str]:
    """Leave out an item."""
    before = list(items)
    del items[number]
    yield name
    items[:] = before


def put(items: list[Item], number: int, item: Item, name: str) -> Iterator[str]:
    """Put an item in the place of another."""
    before = items[number]
    items[number] = item
    yield name
    items[number] = before


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
