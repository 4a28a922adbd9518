"""Bell: how channels and stages reach a pool."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from fluent_async._process import process


if TYPE_CHECKING:
    from fluent_async._engine import Engine


class Bell:
    """How channels and stages reach a pool, without keeping it alive."""

    __slots__ = ("_engine", "_mark")

    def __init__(self, engine: Engine) -> None:
        self._engine = weakref.ref(engine)
        self._mark = process.mark

    @property
    def foreign(self) -> bool:
        """Whether the pool is of the process that this one forked from."""
        return self._mark is not process.mark

    def stir(self) -> None:
        """Have the pool look again."""
        engine = self._engine()
        if engine is not None:
            engine.stir()

    def cancel(self) -> None:
        """Drop what has not started; tell what runs."""
        engine = self._engine()
        if engine is not None:
            engine.cancel()

    def finish(self) -> None:
        """Wait until nothing runs, or will by itself."""
        engine = self._engine()
        if engine is not None:
            engine.finish()

    def abandon(self) -> None:
        """Wait for nothing any more, and log what still runs."""
        engine = self._engine()
        if engine is not None:
            engine.abandon()
