"""Tasks with retries, typed pipelines and bounded pools of threads.

descriptions    _decorate makes a _task of a _function; _worker and _each give it inputs
made of         _step, one function, and _chain, several; _retry says what is retried
own thread      _call runs them where they are called; _retried calls again
drains          _drain, which is a _channel: a _store of values that an _inlet fills,
                with _room, _turns, _taking and _parties
pools           _pool, and _results; _inputs makes each _stage; _graph joins them
single calls    _executor, and _crew with a pool of its own; an _intake hands them in
                at the _desk, which has a _counter, a task as a _promise; _mapping feeds
                map; each call has a _future, and _lending lets workers wait for it
decisions       _scheduler, with _work, _slots, _agenda, _admission, _accounts and
                _outcome
inputs          _leases give a _slice of quick ones, or a _course of stages, to the hot
                _loop, a _pour of streams, and each thread a _relay where inputs take
                long; without the GIL (_build) through a _turnstile
threads         _engine, a _driver of _threads, with _runner, _attempt, _seat, _report,
                _bell, _exits, _interrupt and _whereabouts
below all       _checks of arguments, _clock, _monitor, _signals, _process, and the one
                _wait
public          errors, typing and futures; everything else from here
"""

from importlib import import_module as _load


TYPE_CHECKING = False  # as `typing` says, which takes longer than all of this
if TYPE_CHECKING:
    from fluent_async._accounts import PoolStats
    from fluent_async._decorate import stream, task
    from fluent_async._drain import Drain
    from fluent_async._each import Each, each
    from fluent_async._pool import Pool
    from fluent_async._results import run
    from fluent_async._retry import Backoff, Failure
    from fluent_async._step import Args
    from fluent_async._task import Task
    from fluent_async._wait import cancelled, sleep
    from fluent_async._worker import Worker, Workers


__all__ = [
    "Args",
    "Backoff",
    "Drain",
    "Each",
    "Failure",
    "Pool",
    "PoolStats",
    "Task",
    "Worker",
    "Workers",
    "cancelled",
    "each",
    "run",
    "sleep",
    "stream",
    "task",
]

_HOMES = {  # the file that each comes from
    "Args": "_step",
    "Backoff": "_retry",
    "Drain": "_drain",
    "Each": "_each",
    "Failure": "_retry",
    "Pool": "_pool",
    "PoolStats": "_accounts",
    "Task": "_task",
    "Worker": "_worker",
    "Workers": "_worker",
    "cancelled": "_wait",
    "each": "_each",
    "run": "_results",
    "sleep": "_wait",
    "stream": "_decorate",
    "task": "_decorate",
}
_MODULES = {"errors", "futures", "testing", "typing"}


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})


# For type checkers there is none: they tell names that are misspelt.
if not TYPE_CHECKING:  # pragma: no branch

    def __getattr__(name: str) -> object:
        """Load what is asked for: a program may import this long before it has work."""
        if name in _MODULES:
            return _load(f"{__name__}.{name}")

        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

        module = _load(f"{__name__}.{_HOMES[name]}")
        value = globals()[name] = getattr(module, name)
        return value
