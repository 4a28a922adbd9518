"""What the library raises.

FluentAsyncError
   |- DrainClosed     sent to a drain that was shut down
   |- PoolClosed      gave work to a pool that was closed            (also a RuntimeError)
   |- PoolCancelled   wait(): work was dropped and nothing failed
   |- PoolStalled     wait(): every slot is held by an abandoned attempt
   `- TaskTimeout     an attempt ran longer than its timeout         (also a TimeoutError)
BaseException
   `- Cancelled       raised inside a task whose pool is cancelled or whose attempt is
                      abandoned

Misuse is a TypeError, ValueError or RuntimeError where it happens. What a task raises
comes out as it is, never wrapped.
"""

__all__ = [
    "Cancelled",
    "DrainClosed",
    "FluentAsyncError",
    "PoolCancelled",
    "PoolClosed",
    "PoolStalled",
    "TaskTimeout",
]


class FluentAsyncError(Exception):
    """The base of what the library raises; never retried, TaskTimeout excepted."""


class DrainClosed(FluentAsyncError):  # noqa: N818  (what happened, not that it is wrong)
    """Somebody sent to a drain, or gave a pool work that drains to it, after its end."""


class PoolClosed(FluentAsyncError, RuntimeError):  # noqa: N818
    """Somebody gave work to a pool after `close()` or the end of its `with` block."""


class PoolCancelled(FluentAsyncError):  # noqa: N818
    """A pool was cancelled: work was dropped, and nothing failed."""


class PoolStalled(FluentAsyncError):  # noqa: N818
    """Nothing can run any more: every slot is held by an abandoned attempt."""


class TaskTimeout(FluentAsyncError, TimeoutError):  # noqa: N818
    """An attempt ran longer than the timeout of its task; retried if retry_on covers it."""


class Cancelled(BaseException):
    """Told to a task: its pool is cancelled or its attempt abandoned.

    A BaseException, so that no `except Exception` and no retry swallows it. Let it pass.
    """
