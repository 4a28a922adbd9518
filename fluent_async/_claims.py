"""Claims: which batch reads which iterator, over all pools."""

from __future__ import annotations

import os
from types import GeneratorType
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from fluent_async import _checks
from fluent_async._monitor import Monitor
from fluent_async._sources import Values


if TYPE_CHECKING:
    from collections.abc import Sequence

    from fluent_async._stage import Stage


class Claims:
    """Which batch reads which iterator: two would take its values from each other.

    An iterator is known by what `iter()` gave, so a list may be read twice, and a file
    or generator may not. It is free again once its batch reads no more of it: at its
    end, or when the pool was cancelled and no thread is left in it.

    Invariant: no iterator is kept alive from here. A batch that still reads one holds
    it, so no other object has its id meanwhile; the claim of a batch goes with that.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew: in the child of a fork no pool of the parent's reads anything."""
        self._monitor = Monitor()  # after a pool's monitor, if both are needed
        # By the id of the iterator; guarded by _monitor.
        self._readers: WeakValueDictionary[int, Stage] = WeakValueDictionary()

    def check(self, stages: Sequence[Stage]) -> dict[int, Stage]:
        """Refuse stages of which two read one iterator, or that another one reads.

        Returns:
            Those that read one, by the id of that.

        Raises:
            ValueError: naming the iterator and both batches.
        """
        found: dict[int, Stage] = {}
        for stage in stages:
            if not isinstance(stage.source, Values):
                continue

            [iterator] = stage.source.args
            key = id(iterator)
            other = found.get(key) or self._readers.get(key)
            if other is not None and other.reads:
                raise ValueError(
                    f"{_name(iterator)} is read by two batches, {other.label} and "
                    f"{stage.label}, and would give each of its values to one of them: "
                    "make one for each, or make a list of the values first"
                )

            found[key] = stage

        return found

    def take(self, stages: Sequence[Stage]) -> None:
        """Refuse as `check` does; else the stages have the iterators they read."""
        if not any(isinstance(stage.source, Values) for stage in stages):
            return

        with self._monitor:
            for key, stage in self.check(stages).items():
                self._readers[key] = stage


def _name(iterator: object) -> str:
    """Name an iterator without running code of the user's, as its `__repr__` might."""
    if isinstance(iterator, GeneratorType):
        return f"the generator {iterator.__qualname__}"

    return f"one {_checks.type_name(iterator)}"


claims = Claims()
if hasattr(os, "register_at_fork"):  # pragma: no branch  (Windows has no fork)
    os.register_at_fork(after_in_child=claims.forget)
