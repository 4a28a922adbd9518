"""Log: writes records of one line each under the logger `fluent_async`.

What is told in a record is text, in which control characters are escaped, or a number; never
a user's value. A record of a pool begins with its name, and has the place of the caller.
"""

from __future__ import annotations

import logging

from fluent_async._text import printable


Told = str | float | None

_logger = logging.getLogger("fluent_async")


def info(message: str, *told: Told, pool: str | None) -> None:
    """Tell what is as it should be."""
    _write(logging.INFO, message, told, pool)


def warning(message: str, *told: Told, pool: str) -> None:
    """Tell what someone may have to look at."""
    _write(logging.WARNING, message, told, pool)


def error(message: str, *told: Told, pool: str, exc: Exception) -> None:
    """Tell what must not happen, with the exception that says so."""
    _write(logging.ERROR, message, told, pool, exc)


def _write(
    level: int,
    message: str,
    told: tuple[Told, ...],
    pool: str | None,
    exc: Exception | None = None,
) -> None:
    if pool is not None:
        message, told = f"%s: {message}", (pool, *told)

    safe = [printable(each) if isinstance(each, str) else each for each in told]
    _logger.log(level, message, *safe, exc_info=exc, stacklevel=3)
