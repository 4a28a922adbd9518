"""A drop-in for concurrent.futures.ThreadPoolExecutor on the executor core."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from typing import Any, TypeVarTuple, overload

from fluent_async._crew import Crew


__all__ = ["ThreadPoolExecutor"]

_Ts = TypeVarTuple("_Ts")


# What others read of the standard one, as _threads, is there, but is of ours.
class ThreadPoolExecutor(Crew, concurrent.futures.ThreadPoolExecutor):  # type: ignore[misc]
    """Run calls on threads, at most `max_workers` at a time, as `concurrent.futures` does.

    Change one import, and nothing else: it counts as one of the standard ones, as
    `loop.set_default_executor` wants, and uses nothing of theirs. What goes wrong there does not here: a call may
    wait for another of the same executor; a block left by an exception, Ctrl-C included,
    cancels what has not started; a `submit` that raises leaves nothing behind.

    Order: calls start in the order in which they were submitted.
    Blocking: `submit` never waits; it may start a thread. `shutdown` and the end of the
    `with` block wait.
    Failure: what a call raises is its future's alone; it is logged at WARNING if the
    future is gone and nobody asked.
    Threads: every method is safe from any thread, and from finalizers and signal
    handlers. An idle thread is used before a new one is started. A call that waits for
    a future, for room in a drain or in other ways in the library lends its place to
    another thread, so there may be more threads than `max_workers`; never do more run.

    Args:
        max_workers: how many calls may run at any instant, at least 1; None is
            `min(32, cpus + 4)`.
        thread_name_prefix: what the names of the threads begin with.
        initializer: called in each thread before its first call. Calls then run in a
            copy of the context it left there, otherwise in a copy of that of `submit`.
        initargs: what it is called with; read once, here.

    Raises:
        TypeError: if `max_workers` is no int, `thread_name_prefix` no str,
            `initializer` not callable, or `initargs` not iterable.
        ValueError: if `max_workers` is less than 1.
    """

    @overload
    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[[], object] | None = None,
        initargs: tuple[()] = (),
    ) -> None: ...
    @overload
    def __init__(
        self,
        max_workers: int | None,
        thread_name_prefix: str,
        initializer: Callable[[*_Ts], object],
        initargs: tuple[*_Ts],
    ) -> None: ...
    @overload
    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        *,
        initializer: Callable[[*_Ts], object],
        initargs: tuple[*_Ts],
    ) -> None: ...
    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        self._muster(max_workers, thread_name_prefix, initializer, initargs)
