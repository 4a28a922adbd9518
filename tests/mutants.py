"""Mutants: what `mutation.py` plants in a module, one change of its meaning at a time."""

import ast
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any, TypeAlias

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.operators.operator import Operator
from cosmic_ray.operators.provider import OperatorProvider
from parso.python.tree import Keyword
from typing_extensions import override


Position: TypeAlias = tuple[int, int]  # line, from 1, and column
Range: TypeAlias = tuple[Position, Position]

TYPING_ONLY = {"final", "overload", "override"}
"""Decorators that say something to type checkers alone."""

TYPE_MAKERS = {"TypeVar", "ParamSpec", "cast"}
"""Calls that do."""


class RemoveStatement(Operator):
    """Removes a call for its effect, a change of a field, a `del` or a `raise`.

    What gives a name or a new object's field a value stays: without it the next line fails,
    whatever is tested.
    """

    @override
    def mutation_positions(self, node: Any) -> Iterator[Range]:
        if node.type == "simple_stmt" and _is_effect(node.children[0]):
            yield node.start_pos, node.end_pos

    @override
    def mutate(self, node: Any, index: int) -> Any:
        prefix = node.get_first_leaf().prefix
        node.children[0] = Keyword("pass", node.start_pos, prefix)
        return node

    @classmethod
    @override
    def examples(cls) -> tuple[object, ...]:
        return ()


def _is_effect(statement: Any) -> bool:
    if statement.type == "expr_stmt":
        if _is_initial(statement):
            return False

        target, how = statement.children[:2]
        changes = how.type != "annassign" and how.get_code().strip() != "="
        return bool(target.type == "atom_expr" or changes)

    return statement.type in {"atom_expr", "del_stmt", "raise_stmt"}


def _is_initial(statement: Any) -> bool:
    function = statement.search_ancestor("funcdef")
    return function is not None and function.name.value == "__init__"


@dataclass(frozen=True)
class Mutant:
    """A module with one change."""

    module: str
    operator: str
    line: int
    was: str
    code: str

    @property
    def key(self) -> str:
        """What it is told by: the text of its function, or of the whole module."""
        function = self._function()
        text = [self.module, self.code]
        if function is not None:
            lines = self.code.splitlines()[_first(function) - 1 : function.end_lineno]
            text = [self.module, *lines]

        return hashlib.sha256("\n".join(text).encode()).hexdigest()[:16]

    @property
    def function(self) -> tuple[str, int]:
        """The function or method whose body is changed, and its first line, or ("", 0)."""
        function = self._function()
        return ("", 0) if function is None else (function.name, _first(function))

    def _function(self) -> ast.FunctionDef | None:
        for node in _functions(ast.parse(self.code)):
            if node.body[0].lineno <= self.line <= (node.end_lineno or 0):
                return node

        return None

    @property
    def shown(self) -> str:
        """The change, in two lines of a diff."""
        new = self.code.splitlines()[self.line - 1].strip()
        return f"- {self.was.strip()}\n+ {new}"


def _first(function: ast.FunctionDef) -> int:
    """Return the line in which a function begins, with its decorators."""
    return min(function.lineno, *(d.lineno for d in function.decorator_list), 1 << 30)


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    """Yield the functions of a module and the methods of its classes, none within them."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield node
        elif not isinstance(node, ast.expr):
            yield from _functions(node)


def mutants_of(module: str, source: str, operators: Sequence[str]) -> Iterator[Mutant]:
    """Yield the mutants of a module that are Python, and more than other types.

    Args:
        module: its name.
        source: its text.
        operators: patterns of the names of cosmic-ray's operators, and `RemoveStatement`.
    """
    tree = get_ast(source)
    lines = source.splitlines()
    types = list(_types(ast.parse(source)))
    for node in list(ast_nodes(tree)):
        for name, operator in _operators(tuple(operators)):
            places = list(operator.mutation_positions(node))
            for index, (start, _) in enumerate(places):
                if _is_marker(node) or any(a <= start < b for a, b in types):
                    continue

                code = _mutated(tree, node, operator, index)
                if compiled(code, module) is not None:
                    line = start[0]
                    yield Mutant(module, name, line, lines[line - 1], code)


def _is_marker(node: Any) -> bool:
    """Whether it is the * or / between parameters."""
    return bool(node.type == "operator" and node.parent.type in {"param", "parameters"})


def compiled(code: str, path: str) -> CodeType | None:
    """Compile a module; None if it is no Python."""
    try:
        return compile(code, path, "exec", dont_inherit=True)
    except SyntaxError:
        return None


_made: dict[tuple[str, ...], list[tuple[str, Operator]]] = {}


def _operators(patterns: tuple[str, ...]) -> list[tuple[str, Operator]]:
    if patterns not in _made:
        provider = OperatorProvider()
        known = {name: provider[name] for name in provider}
        known[RemoveStatement.__name__] = RemoveStatement
        wanted = re.compile("|".join(patterns))
        _made[patterns] = [(n, c()) for n, c in known.items() if wanted.fullmatch(n)]

    return _made[patterns]


def _mutated(tree: Any, node: Any, operator: Operator, index: int) -> str:
    """Return the code with one change; the tree is as it was before."""
    before = [(each, _inside(each)) for each in ast_nodes(node)]
    new = operator.mutate(node, index)
    siblings = node.parent.children if node.parent is not None else [node]
    place = next(i for i, each in enumerate(siblings) if each is node)
    siblings[place : place + 1] = [] if new is None else [new]
    code: str = tree.get_code()
    siblings[place : place + (new is not None)] = [node]
    for each, inside in before:
        if hasattr(each, "children"):
            each.children = inside
        else:
            each.value = inside

    return code


def _inside(node: Any) -> Any:
    return list(node.children) if hasattr(node, "children") else node.value


def _types(tree: ast.AST) -> Iterator[Range]:
    """Yield where nothing is that runs: annotations, and what is for type checkers."""
    for node in ast.walk(tree):
        for field in ("annotation", "returns"):
            yield from _range(getattr(node, field, None))

        for decorator in getattr(node, "decorator_list", ()):
            if isinstance(decorator, ast.Name) and decorator.id in TYPING_ONLY:
                for (line, column), end in _range(decorator):
                    yield (line, column - 1), end  # with its @

        yield from _choices(node)


def _choices(node: ast.AST) -> Iterator[Range]:
    """Yield what makes types, or asks whether a type checker looks."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) in TYPE_MAKERS:
        yield from _range(node)

    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        for _, end in _range(node.test):
            yield (node.lineno, node.col_offset), end


def _range(node: ast.expr | None) -> Iterator[Range]:
    if node is not None:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = node.lineno, node.col_offset
        yield start, (node.end_lineno, node.end_col_offset)
