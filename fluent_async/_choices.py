"""Choices: what a simulation decides by chance, drawn from one integer."""

from __future__ import annotations

from random import Random


class Choices:
    """Draws, and keeps what it drew.

    A seed of 0 or more seeds a generator of random numbers. A negative one spells the
    draws out: -1 takes the first option each time, and what `seed_of` gives takes those
    it was given.
    """

    def __init__(self, seed: int) -> None:
        self._chance = Random(seed) if seed >= 0 else None  # noqa: S311
        self._numbers = Random(seed)  # noqa: S311  (of their own: no draw of an order)
        self._path = -1 - seed
        self.drawn: list[tuple[int, int]] = []  # of how many options, and which

    def pick(self, options: int) -> int:
        """Return the index of one of so many options."""
        if options == 1:
            return 0

        if self._chance is not None:
            picked = self._chance.randrange(options)
        else:
            self._path, picked = divmod(self._path, options)

        self.drawn.append((options, picked))
        return picked

    def random(self) -> float:
        """Return a number from 0 up to 1."""
        return self._numbers.random()


def seed_of(drawn: list[tuple[int, int]]) -> int:
    """Return the seed that takes those draws, and the first option of each further one."""
    path = 0
    for options, picked in reversed(drawn):
        path = path * options + picked

    return -1 - path


def following(drawn: list[tuple[int, int]]) -> list[tuple[int, int]] | None:
    """Return the draws that come next in the order of a tree walk; None after the last."""
    drawn = list(drawn)
    while drawn:
        options, picked = drawn.pop()
        if picked + 1 < options:
            return [*drawn, (options, picked + 1)]

    return None
