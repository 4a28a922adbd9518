"""Report: raises or logs what came of work, each of it once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluent_async import _log
from fluent_async._checks import type_name
from fluent_async._retry import summary
from fluent_async.errors import PoolCancelled


if TYPE_CHECKING:
    from collections.abc import Iterable

    from fluent_async._outcome import Ends, OnError, Outcome
    from fluent_async._retry import Failure
    from fluent_async._seat import Core


def raise_ends(core: Core, outcome: Outcome) -> None:
    """Raise what there is to raise, once.

    Raises:
        ExceptionGroup: of all failures, in the order of the inputs.
        Exception: the first failure itself; with on_error="cancel".
        BaseException: what a task raised that is no Exception, as it is.
        PoolCancelled: if work was dropped and nothing failed.
    """
    with core.monitor:
        ends = outcome.tell()

    try:
        _raise(core, ends, outcome.on_error)
    finally:
        del ends  # what is raised leads back to this frame


def log_untold(core: Core, outcome: Outcome) -> None:
    """Log what nobody was shown."""
    with core.monitor:
        ends = outcome.tell()

    _warn(core, ends.failures)
    if ends.fatal is not None:
        kind = type_name(ends.fatal)
        _log.warning("nobody was shown that a task raised %s", kind, pool=core.name)


def _raise(core: Core, ends: Ends, on_error: OnError) -> None:
    try:
        if ends.fatal is not None:
            _warn(core, ends.failures)
            raise ends.fatal

        if ends.failures and on_error == "cancel":
            _warn(core, ends.failures[1:])
            raise ends.failures[0].exception

        if ends.failures:
            raise _group(ends)

        if ends.undone:
            raise PoolCancelled(ends.undone)
    finally:
        del ends


def _warn(core: Core, failures: Iterable[Failure]) -> None:
    """Log failures that nobody is shown; there are none if all are kept."""
    for failure in failures:
        told = summary(failure, core.describe)
        kind = type_name(failure.exception)
        _log.warning("nobody was shown that %s: %s", told, kind, pool=core.name)


def _group(ends: Ends) -> ExceptionGroup[Exception]:
    failures = [failure.exception for failure in ends.in_order()]
    workers = "1 worker" if len(failures) == 1 else f"{len(failures)} workers"
    return ExceptionGroup(f"{workers} failed", failures)
