from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import Any
from typing_extensions import ParamSpec, TypeVar, override
P = ParamSpec('P')
T = TypeVar('T')

class PoolExecutor(Executor):
    @override
    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]: ...
    @override
    def map(self, fn: Callable[..., T], *iterables: Iterable[Any], timeout: float | None=None, chunksize: int=1, buffersize: int | None=None) -> Iterator[T]: ...
    @override
    def shutdown(self, wait: bool=True, *, cancel_futures: bool=False) -> None: ...
    @override
    def __exit__(self, *exc_info: object) -> None: ...
