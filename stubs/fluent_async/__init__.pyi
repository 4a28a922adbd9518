from fluent_async._accounts import PoolStats as PoolStats
from fluent_async._decorate import stream as stream, task as task
from fluent_async._drain import Drain as Drain
from fluent_async._each import Each as Each, each as each
from fluent_async._pool import Pool as Pool
from fluent_async._results import run as run
from fluent_async._retry import Backoff as Backoff, Failure as Failure
from fluent_async._step import Args as Args
from fluent_async._task import Task as Task
from fluent_async._wait import cancelled as cancelled, sleep as sleep
from fluent_async._worker import Worker as Worker, Workers as Workers
__all__ = ['Args', 'Backoff', 'Drain', 'Each', 'Failure', 'Pool', 'PoolStats', 'Task', 'Worker', 'Workers', 'cancelled', 'each', 'run', 'sleep', 'stream', 'task']
