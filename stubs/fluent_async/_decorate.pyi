from collections.abc import Callable, Generator, Iterable, Iterator
from fluent_async._step import Args
from fluent_async._task import Task
from fluent_async.typing import Delay, RetryOn, Seconds
from typing import Protocol, overload
from typing_extensions import ParamSpec, TypeVar
P = ParamSpec('P')
R = TypeVar('R')
NewOut = TypeVar('NewOut')
T = TypeVar('T')
S = TypeVar('S')
V = TypeVar('V')

class _TaskDecorator(Protocol):
    def __call__(self, fn: Callable[P, R], /) -> Task[P, R, R]: ...

class _StreamDecorator(Protocol):
    @overload
    def __call__(self, fn: Callable[P, Generator[T, S, V]], /) -> Task[P, Generator[T, S, V], T]: ...
    @overload
    def __call__(self, fn: Callable[P, Iterable[T]], /) -> Task[P, Iterator[T], T]: ...
    @overload
    def __call__(self, fn: Callable[[Args[T, NewOut]], None], /) -> Task[[T], Iterator[NewOut], NewOut]: ...
    @overload
    def __call__(self, fn: Callable[[S, Args[T, NewOut]], None], /) -> Task[[S, T], Iterator[NewOut], NewOut]: ...

@overload
def task(fn: Callable[P, R], /) -> Task[P, R, R]: ...

@overload
def task(*, retry: int | None=None, backoff: Delay | None=None, retry_on: RetryOn | None=None, timeout: Seconds | None=None, limit: int | None=None, name: str | None=None) -> _TaskDecorator: ...

@overload
def stream(fn: Callable[P, Generator[T, S, V]], /) -> Task[P, Generator[T, S, V], T]: ...

@overload
def stream(fn: Callable[P, Iterable[T]], /) -> Task[P, Iterator[T], T]: ...

@overload
def stream(fn: Callable[[Args[T, NewOut]], None], /) -> Task[[T], Iterator[NewOut], NewOut]: ...

@overload
def stream(fn: Callable[[S, Args[T, NewOut]], None], /) -> Task[[S, T], Iterator[NewOut], NewOut]: ...

@overload
def stream(*, retry: int | None=None, backoff: Delay | None=None, retry_on: RetryOn | None=None, timeout: Seconds | None=None, limit: int | None=None, name: str | None=None) -> _StreamDecorator: ...
