"""Counts what a pool has in progress a second time, to compare with its accounts."""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec
from weakref import WeakSet

from fluent_async import PoolStats
from fluent_async._engine import Engine
from support import poll


P = ParamSpec("P")


def noting(
    engines: WeakSet[Engine], make: Callable[Concatenate[Engine, P], None]
) -> Callable[Concatenate[Engine, P], None]:
    """Return an `__init__` that does what `make` does, and notes who was made."""

    @functools.wraps(make)
    def make_noted(engine: Engine, /, *args: P.args, **kwargs: P.kwargs) -> None:
        make(engine, *args, **kwargs)
        engines.add(engine)

    return make_noted


def counted(engine: Engine) -> tuple[PoolStats, int]:
    """Return the accounts of a pool, and how many inputs and calls it has, of one instant.

    A given worker is in progress from `go()` on, any other input once it was taken, a call
    that was handed in until it has ended.
    """
    with engine.monitor:
        stages, desk = engine.scheduler.graph.awake, engine.scheduler.desk
        stats = engine.scheduler.stats(len(engine.threads))
        given = sum(stage.source.ready() for stage in stages if stage.given)
        calls = desk.counts()
        ended = calls.succeeded + calls.failed + calls.cancelled
        at_work = sum(stage.at_work for stage in stages)
        return stats, given + at_work + calls.accepted - ended


def adds_up(engine: Engine) -> bool:
    """Say whether every input that was accepted has ended, or is somewhere."""
    stats, there = counted(engine)
    ends = (stats.succeeded, stats.failed, stats.cancelled)
    return stats.accepted == sum(ends) + there and min(ends) >= 0


def assert_adds_up(engine: Engine) -> None:
    """Fail unless the accounts of a pool add up.

    A thread that works through a slice goes on between two looks at it; so look again.
    """
    assert poll(lambda: adds_up(engine)), counted(engine)
