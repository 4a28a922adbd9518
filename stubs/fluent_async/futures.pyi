import concurrent.futures
from collections.abc import Callable
from fluent_async._crew import Crew
from typing import TypeVarTuple, overload
__all__ = ['ThreadPoolExecutor']
_Ts = TypeVarTuple('_Ts')

class ThreadPoolExecutor(Crew, concurrent.futures.ThreadPoolExecutor):
    @overload
    def __init__(self, max_workers: int | None=None, thread_name_prefix: str='', initializer: Callable[[], object] | None=None, initargs: tuple[()]=()) -> None: ...
    @overload
    def __init__(self, max_workers: int | None, thread_name_prefix: str, initializer: Callable[[*_Ts], object], initargs: tuple[*_Ts,]) -> None: ...
    @overload
    def __init__(self, max_workers: int | None=None, thread_name_prefix: str='', *, initializer: Callable[[*_Ts], object], initargs: tuple[*_Ts,]) -> None: ...
