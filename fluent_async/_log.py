"""Log: writes records of one line each under the logger `fluent_async`."""

import logging

from fluent_async._text import printable


_logger = logging.getLogger("fluent_async")


def info(message: str, *told: str | float | None) -> None:
    """Tell what is as it should be.

    Here and below: what is told is text, in which control characters are escaped, or a
    number; never a user's value. The record names the caller.
    """
    _logger.info(message, *map(_safe, told), stacklevel=2)


def warning(message: str, *told: str | float | None) -> None:
    """Tell what someone may have to look at."""
    _logger.warning(message, *map(_safe, told), stacklevel=2)


def error(message: str, *told: str | float | None, exc: Exception) -> None:
    """Tell what must not happen, with the exception that says so."""
    _logger.error(message, *map(_safe, told), stacklevel=2, exc_info=exc)


def _safe(told: str | float | None) -> str | float | None:
    return printable(told) if isinstance(told, str) else told
