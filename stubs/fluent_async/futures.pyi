import concurrent.futures
from collections.abc import Callable
from fluent_async._crew import Crew
from typing import Any
__all__ = ['ThreadPoolExecutor']

class ThreadPoolExecutor(Crew, concurrent.futures.ThreadPoolExecutor):
    def __init__(self, max_workers: int | None=None, thread_name_prefix: str='', initializer: Callable[..., object] | None=None, initargs: tuple[Any, ...]=()) -> None: ...
