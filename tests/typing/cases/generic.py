"""Generic code: what takes any task, worker or drain keeps its types."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar, assert_type

from typing_extensions import ParamSpec

from fluent_async import Drain, Task, Worker, Workers, each, stream, task
from fluent_async.typing import Results, Sink, Takes, TakesMany


P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")
Out = TypeVar("Out")


class Page: ...


class Site(Page): ...


class Word: ...


class Kept: ...


class Base: ...


@task
def fetch(url: str, /) -> Site:
    return Site()


@stream
def words(page: Page, /) -> Iterator[Word]:
    yield Word()


# decorators over tasks
def logged(work: Task[P, R, Out]) -> Task[P, R, Out]:
    return work.named("logged")


def made(fn: Callable[P, R]) -> Task[P, R]:
    return task(retry=3)(fn)


@made
def kept(number: int, /, name: str = "") -> Kept:
    return Kept()


assert_type(logged(fetch), Task[[str], Site])
assert_type(logged(words), Task[[Page], Iterator[Word], Word])
assert_type(1 >> kept, Worker[Kept])
assert_type(kept(1, name="n"), Kept)
logged(len)  # E: argument
made(3)  # E: argument
"1" >> kept  # E: operand


# functions over what a value completes
def both(work: Takes[T, R], values: Iterable[T], drain: Sink[R]) -> Workers[R]:
    return each(values) >> work | drain


def flat(work: TakesMany[T, R], value: T) -> list[R]:
    return list(work(value))


def next_of(outputs: Results[T]) -> T:
    return next(outputs)


assert_type(both(fetch, ["u"], Drain[Page]()), Workers[Site])
assert_type(flat(words, Site()), list[Word])
assert_type(next_of((each(["u"]) >> fetch).results()), Site)
both(fetch, [1], Drain[Page]())  # E: argument
both(fetch, ["u"], Drain[Word]())  # E: argument
flat(fetch, "u")  # E: argument
flat(words, "u")  # E: argument
next_of(["u" >> fetch])  # E: argument

# outputs are covariant
wide: Worker[Page] = "u" >> fetch
batch: Workers[Page] = each(["u"]) >> fetch
general: Task[[str], Page] = fetch
narrow: Worker[Word] = "u" >> fetch  # E: assignment
strange: Task[[int], Page] = fetch  # E: assignment
streamed: Task[[str], Iterator[Page], Page] = fetch  # E: assignment


# methods: of generic classes, abstract ones, static ones
class Box(Generic[T]):
    def __init__(self, value: T) -> None:
        self.value = value

    @task
    def swap(self, value: T, /) -> T:
        return value


class Source:
    @task
    @abstractmethod
    def read(self, path: str, /) -> Base: ...

    @staticmethod
    @task
    def count(path: str, /) -> int:
        return len(path)


def reads(source: Source) -> None:
    assert_type("u" >> source.read, Worker[Base])
    assert_type("u" >> Source.count, Worker[int])
    3 >> source.read  # E: operand
    3 >> Source.count  # E: operand


assert_type(3 >> Box(3).swap, Worker[int])
assert_type(Box("a").swap("b"), str)
"b" >> Box(3).swap  # E: operand
Box("a").swap(3)  # E: argument
