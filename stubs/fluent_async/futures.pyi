from collections.abc import Callable
from concurrent.futures import Executor
__all__ = ['ThreadPoolExecutor']

class ThreadPoolExecutor(Executor):
    def __init__(self, max_workers: int | None=None, thread_name_prefix: str='', initializer: Callable[..., object] | None=None, initargs: tuple[object, ...]=()) -> None: ...
