"""Log: writes records of one line each under the logger `fluent_async`.

What is told in a record is text, in which control characters are escaped, or a number; never
a user's value. A record of a pool begins with its name, and has the place of the caller.
Whatever handlers and filters raise, who tells something goes on.
"""

from __future__ import annotations

import logging

from fluent_async._signals import signals
from fluent_async._text import printable


Told = str | float | None

_logger = logging.getLogger("fluent_async")
_reports = logging.NullHandler()  # what other handlers raise, as handlers do


def info(message: str, *told: Told, pool: str | None) -> None:
    """Tell what is as it should be."""
    _write(logging.INFO, message, told, pool)


def warning(message: str, *told: Told, pool: str | None) -> None:
    """Tell what someone may have to look at."""
    _write(logging.WARNING, message, told, pool)


def _write(level: int, message: str, told: tuple[Told, ...], pool: str | None) -> None:
    if pool is not None:
        message, told = f"%s: {message}", (pool, *told)

    safe = tuple(printable(each) if isinstance(each, str) else each for each in told)
    try:
        _logger.log(level, message, *safe, stacklevel=3)
    except BaseException as exc:
        if signals.may_have_raised(exc):
            raise

        # What the exception was raised in the middle of may be a failure, with a value.
        BaseException.__setattr__(exc, "__suppress_context__", True)
        _reports.handleError(
            _logger.makeRecord(_logger.name, level, __file__, 0, message, safe, None)
        )
