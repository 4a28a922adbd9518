"""Tasks with retries, typed pipelines and bounded pools of threads.

_decorate.py    task, stream            _drain.py       Drain
_task.py        Task                    _pool.py        Pool, PoolStats, run
_worker.py      Worker, Workers, each   _wait.py        sleep, cancelled
_step.py        Args                    errors.py       what is raised
_retry.py       Backoff, Failure        typing.py       names for annotations
_call.py        what a call in one's own thread does
_scheduler.py   decides what runs next; _stage.py and _work.py are what it knows
_threads.py     does what it decides; _attempt.py is where user code is called
"""

from fluent_async._accounts import PoolStats
from fluent_async._decorate import stream, task
from fluent_async._drain import Drain
from fluent_async._each import Each, each
from fluent_async._pool import Pool, run
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
