"""A drop-in for concurrent.futures.ThreadPoolExecutor on the executor core."""

from collections.abc import Callable
from concurrent.futures import Executor


__all__ = ["ThreadPoolExecutor"]


class ThreadPoolExecutor(Executor):
    """Run calls on the threads of a pool, as `concurrent.futures` does; not built yet."""

    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[object, ...] = (),
    ) -> None:
        raise NotImplementedError("fluent_async.futures is not built yet")
