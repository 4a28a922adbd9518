"""Pace: has a coroutine that takes values without waiting give its loop a turn."""

from __future__ import annotations

from types import coroutine
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from collections.abc import Generator

TURN = 100  # steps in a row: some ten microseconds, but for what the user does in them


class Pace:
    """Counts the steps of a coroutine, or of several in turn."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = TURN

    async def step(self) -> None:
        """Go on at once, or let the loop do what else it has to first."""
        if self._left:
            self._left -= 1
        else:
            self._left = TURN
            await _give_turn()


@coroutine
def _give_turn() -> Generator[None, None, None]:
    yield  # as `asyncio.sleep(0)` does, without the import
