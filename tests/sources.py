"""Sources: iterables that see, from inside their own `next()`, what a pool does with them."""

from collections.abc import Callable
from typing import Self


class Counted:
    """The numbers from 0 on, which counts how many were pulled, and looks at each pull.

    What `look` asserts is a failure of the batch, which the pool raises.
    """

    def __init__(self, count: int, look: Callable[[], object]) -> None:
        self._count = count
        self._look = look
        self.pulled = 0

    def __iter__(self) -> Self:
        """Return itself."""
        return self

    def has_given(self, count: int) -> bool:
        """Say whether so many numbers were pulled."""
        return count == self.pulled

    def __next__(self) -> int:
        """Give the next number; only one thread is in here at a time."""
        if self.pulled == self._count:
            raise StopIteration

        self.pulled += 1  # this one is ahead as well
        self._look()
        return self.pulled - 1
