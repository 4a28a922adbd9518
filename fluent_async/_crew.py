"""Crew: an executor on a pool of its own, as the standard one is."""

from __future__ import annotations

import os
import weakref
from concurrent.futures import _base as base
from concurrent.futures.thread import BrokenThreadPool
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from fluent_async import _checks, _wait
from fluent_async._engine import Engine
from fluent_async._executor import WAITS_FOR_ITSELF, PoolExecutor
from fluent_async._intake import Intake
from fluent_async._interrupt import ENDS, stop
from fluent_async._monitor import after_all
from fluent_async._retry import NO_RETRY, bounded_repr


if TYPE_CHECKING:
    from collections.abc import Callable, Sized

_numbers = count()


class Crew(PoolExecutor):
    """An executor on a pool of its own, as the standard one is."""

    def _muster(
        self,
        max_workers: int | None,
        thread_name_prefix: str,
        initializer: Callable[..., object] | None,
        initargs: tuple[Any, ...],
    ) -> None:
        """Begin, with the arguments of the standard one."""
        limit = _workers() if max_workers is None else _limit(max_workers)
        if initializer is not None:
            _checks.called("initializer", initializer)

        prefix = _checks.name("thread_name_prefix", thread_name_prefix)
        self._initargs = _arguments(initargs)
        self._thread_name_prefix = prefix or f"ThreadPoolExecutor-{next(_numbers)}"
        self._initializer: Any = initializer
        self._broken: Any = False  # or why, once a thread could not be prepared
        self._open(self._new_intake(limit))

    @override
    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Refuse new calls, and end the threads once all that was submitted is done.

        In a finalizer or signal handler that interrupts the executor in the middle of a
        decision, this happens right after that.
        Blocking: if `wait`, until all is done and the threads have ended. Ctrl-C cancels
        what has not started, tells what runs to end, waits for that, and goes on. A
        second one abandons what runs: it is logged at WARNING, call by call, and nothing
        waits for it any more, Python's exit included.

        Args:
            wait: whether to wait for that.
            cancel_futures: cancel what has not started.

        Raises:
            RuntimeError: if a call of this executor would wait for itself.
        """
        wait, cancel_futures = bool(wait), bool(cancel_futures)
        self._close()
        after_all(partial(self._end, wait=wait, cancel_futures=cancel_futures))

    @override
    def __exit__(self, *exc_info: object) -> None:
        """Shut down and wait; if the block raised, tell what was submitted to end.

        If that was Ctrl-C, another one abandons what runs: see `shutdown`.
        """
        kind = exc_info[0]
        try:
            if isinstance(kind, type):
                self._refuse_worker()
                interrupted = issubclass(kind, ENDS)
                stop([self._intake.engine], interrupted=interrupted)
        finally:
            super().__exit__(*exc_info)

    @override
    def _inherit(self) -> None:
        """Begin anew in the child of a fork; what the parent submitted stays there."""
        refusal = self._intake.refusal
        self._intake = self._new_intake(self._max_workers)
        self._intake.refusal = refusal

    # What the standard one has, and others read.

    @property
    def _threads(self) -> set[Any]:
        # Others join them, which a thread that is about to be started does not allow.
        return {each for each in self._intake.engine.threads if each.is_alive()}

    @property
    def _work_queue(self) -> _Backlog:
        return _Backlog(self._intake.engine.scheduler.desk.backlog)

    def _new_intake(self, limit: int) -> Intake:
        prefix = self._thread_name_prefix or ""
        prepare = None
        if self._initializer is not None:
            prepare = partial(_prepare, weakref.ref(self), self._initializer)
            prepare = partial(prepare, self._initargs)

        engine = Engine(
            prefix,
            limit,
            NO_RETRY,
            bounded_repr,
            prefix=f"{prefix}_",
            prepare=prepare,
        )
        weakref.finalize(self, engine.release).atexit = False
        return Intake(engine, prepared=prepare is not None, counts=False)

    @override
    def _cancel(self) -> None:
        super()._cancel()
        engine = self._intake.engine
        with engine.monitor:
            calls = engine.scheduler.desk.clear()

        for call in calls:
            call.drop()

    def _end(self, *, wait: bool, cancel_futures: bool) -> None:
        if cancel_futures:
            self._cancel()

        self._intake.engine.release()
        if wait:
            self._join()

    @override
    def _join(self) -> None:
        """Wait for all that was submitted, and for the threads."""
        self._refuse_worker()
        engine = self._intake.engine
        try:
            engine.close()
        except ENDS:
            try:
                stop([engine])
            finally:
                engine.end()

            raise

    def _refuse_worker(self) -> None:
        seat = _wait.here()
        if seat is not None and seat.pool is self._intake.engine.bell:
            raise RuntimeError(WAITS_FOR_ITSELF)

    def _break(self) -> None:
        """Refuse what is submitted, since a thread could not be prepared."""
        self._broken = (
            "A thread initializer failed, the thread pool is not usable anymore"
        )
        self._intake.refusal = partial(BrokenThreadPool, self._broken)
        engine = self._intake.engine
        with engine.monitor:
            calls = engine.scheduler.desk.clear()

        for call in calls:
            call.refuse(BrokenThreadPool(self._broken))


class _Backlog:
    """What has not started, for those who ask the standard executor's queue."""

    def __init__(self, backlog: Sized) -> None:
        self._backlog = backlog

    def qsize(self) -> int:
        """Return how many calls wait for a thread."""
        return len(self._backlog)

    def empty(self) -> bool:
        """Say whether none does."""
        return not self._backlog


def _prepare(
    found: weakref.ref[Crew],
    initializer: Callable[..., object],
    initargs: tuple[Any, ...],
) -> bool:
    """Call the initializer in a thread; say whether the thread can be used."""
    try:
        initializer(*initargs)
    except BaseException:
        base.LOGGER.critical("Exception in initializer:", exc_info=True)
        executor = found()
        if executor is not None:
            executor._break()

        return False

    return True


def _limit(max_workers: object) -> int:
    try:
        return _checks.whole("max_workers", max_workers, least=1)
    except ValueError:  # in the words of the standard one
        raise ValueError("max_workers must be greater than 0") from None


def _arguments(initargs: object) -> tuple[Any, ...]:
    """Return the arguments for the initializer of every thread, taken once."""
    if not _checks.is_iterable(initargs):
        raise _checks.wrong_type("initargs", initargs, "a tuple of arguments")

    given: Any = initargs
    return tuple(given)


def _workers() -> int:
    count = getattr(os, "process_cpu_count", os.cpu_count)  # the first is 3.13's
    return min(32, (count() or 1) + 4)
