"""Offered: every parameter that users can give something, found by inspection."""

# mypy: allow-any-explicit
# What can be called may take anything.

import ast
import concurrent.futures
import importlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType
from typing import Protocol

from fluent_async import Pool, Task, Workers
from fluent_async.typing import Results


MODULES = [
    "fluent_async",
    "fluent_async.futures",
    "fluent_async.testing",
    "fluent_async.typing",
]

STUBS = Path(__file__).parent.parent / "stubs" / "fluent_async"

PYTHONS = {
    "__aexit__",
    "__delattr__",
    "__exit__",
    "__get__",
    "__getattr__",
    "__new__",
    "__setattr__",
}
"""What Python calls by itself, with what it knows; nobody writes an argument there."""

MADE: dict[str, Callable[[], tuple[type[object], type[object]]]] = {
    "Results": lambda: (type(Workers([]).results()), Results),
    "Executor": lambda: (type(Pool().executor), concurrent.futures.Executor),
    "Future": lambda: (type(_future()), concurrent.futures.Future),
}
"""Classes without a public name, each with the public one that says what it offers."""

BESIDES = {
    "Task(fn)",  # which refuses everything
    "Task.__call__(args)",  # in C
    "Task.__call__(kwargs)",
    "stream()(fn)",  # what these give is a function, too
    "task()(fn)",
}
"""What no signature tells."""


def parameters() -> set[str]:
    """Name every parameter of the public surface, as `Pool.go(workers)`."""
    named = {
        f"{place}({name})"
        for place, function, skipped in _functions()
        for name in list(inspect.signature(function).parameters)[skipped:]
    }
    return named | BESIDES


def written() -> set[str]:
    """Name every parameter that the stubs have of the public surface."""
    offered = {name for name, _ in _offered()}
    return {
        f"{place}({parameter})"
        for file in STUBS.glob("*.pyi")
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        for place, function in _written(node)
        if place.partition(".")[0] in offered - {each.__name__ for each in protocols()}
        for parameter in _names(function.args)
    }


def _written(node: ast.stmt) -> Iterator[tuple[str, ast.FunctionDef]]:
    match node:
        case ast.FunctionDef(name=name):
            yield name, node
        case ast.ClassDef(name=owner, body=body):
            for each in body:
                if isinstance(each, ast.FunctionDef) and each.name not in PYTHONS:
                    method = "" if each.name == "__init__" else f".{each.name}"
                    yield f"{owner}{method}", each
        case _:
            pass


def _names(given: ast.arguments) -> list[str]:
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    stars = [each for each in (given.vararg, given.kwarg) if each is not None]
    return [each.arg for each in (*named, *stars) if each.arg != "self"]


def classes() -> dict[str, type[object]]:
    """Give every public class by its name, but for exceptions and protocols."""
    return {
        name: value
        for name, value in _offered()
        if isinstance(value, type)
        and not issubclass(value, BaseException)
        and not is_protocol(value)
    }


def is_protocol(kind: type[object]) -> bool:
    """Say whether a class only says what others offer."""
    return "_is_protocol" in vars(kind) and Protocol in kind.__bases__


def protocols() -> list[type[object]]:
    """Give every public protocol."""
    return [
        value
        for _, value in _offered()
        if isinstance(value, type) and is_protocol(value)
    ]


def _offered() -> Iterator[tuple[str, object]]:
    for name in MODULES:
        module = importlib.import_module(name)
        for offered in module.__all__:
            yield offered, getattr(module, offered)


def _functions() -> Iterator[tuple[str, Callable[..., object], int]]:
    """Give what can be called: its name, itself, and how many parameters are Python's."""
    for name, value in _offered():
        if isinstance(value, FunctionType):
            yield name, value, 0

    for name, kind in classes().items():
        if kind is not Task:  # `@task` makes it, and nothing else
            yield name, kind, 0

        yield from _methods(name, kind, dir(kind))

    for name, make in MADE.items():
        kind, public = make()
        yield from _methods(name, kind, dir(public))


def _methods(
    name: str, kind: type[object], among: list[str]
) -> Iterator[tuple[str, FunctionType, int]]:
    """Give the methods of ours that a class has, operators among them."""
    for method in sorted({*among} - PYTHONS - {"__init__"}):
        private = method.startswith("_") and not method.startswith("__")
        function = inspect.getattr_static(kind, method, None)
        if private or not isinstance(function, FunctionType):
            continue

        if function.__module__.startswith("fluent_async"):  # else it is Python's own
            yield f"{name}.{method}", function, 1


def _future() -> object:
    with Pool() as pool:
        return pool.executor.submit(int)
