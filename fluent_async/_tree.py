"""Tree: what all pools of the process are at now, as text."""

from __future__ import annotations

import traceback
from contextlib import suppress
from itertools import dropwhile, islice, takewhile
from typing import TYPE_CHECKING

from fluent_async import _clock
from fluent_async._checks import type_name
from fluent_async._engine import Engine
from fluent_async._exits import exits
from fluent_async._retry import shown
from fluent_async._text import printable
from fluent_async._threads import frames
from fluent_async._whereabouts import at
from fluent_async._work import Attempt


if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

DEEP = 4  # how many lines of the user's are shown of a stack


def tree() -> str:
    """Say what runs: each pool that has work, each worker with input, attempt and stack.

    Never waits, and looks without any lock, since it is for what hangs: threads that run
    may have gone on before it is read. Empty if no pool has anything to do.
    """
    places = frames()
    pools = [pool for pool in exits.pools if isinstance(pool, Engine)]
    live = (pool for pool in pools if not pool.scheduler.idle())
    return "\n".join(
        line
        for pool in sorted(live, key=lambda pool: pool.name)
        for line in _lines(pool, places)
    )


def _lines(pool: Engine, places: dict[str, FrameType]) -> Iterator[str]:
    slots = pool.scheduler.slots
    yield f"{pool.name}: {slots.running} of {slots.limit} slots in use"
    attempts: list[Attempt] = []
    with suppress(RuntimeError):  # it changed meanwhile
        occupants = [*slots.occupants, *slots.given_up]
        attempts = [each for each in occupants if isinstance(each, Attempt)]

    now = _clock.current().now()
    for attempt in attempts:
        yield f"  {_told(pool, attempt, now)}"
        yield from _stack(places.get(attempt.thread))

    for name, frame in places.items():
        ours = name.startswith(f"{printable(pool.name)}-")
        place = at(frame) if ours else None
        if place is not None:
            task, value = place
            yield f"  {task}({_shown(value, pool)}), attempt 1, on {name}"
            yield from _stack(frame)


def _shown(value: object, pool: Engine) -> str:
    """Show an input, even if that raises what ends programs: this is what a test tells."""
    try:
        return shown(value, pool.describe)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return f"<{type_name(value)}>"


def _told(pool: Engine, attempt: Attempt, now: float) -> str:
    work = attempt.work
    state = "abandoned" if attempt.over else "waiting" if attempt.lent else "running"
    call = f"{attempt.task}({_shown(work.input, pool)})"
    took = f"{now - attempt.started:.3g} s"
    return f"{call}, attempt {work.tries}, {state}, {took}, on {attempt.thread}"


def _stack(frame: FrameType | None) -> Iterator[str]:
    """Show the innermost lines of a stack that are of the user's."""
    stack = [] if frame is None else [f for f, _ in traceback.walk_stack(frame)]
    inner = dropwhile(_is_ours, stack)
    theirs = list(islice(takewhile(lambda each: not _is_ours(each), inner), DEEP))
    for each in reversed(theirs):
        line = traceback.extract_stack(each, limit=1)[-1]
        yield f"    {line.filename}:{line.lineno} in {line.name}: {line.line}"


def _is_ours(frame: FrameType) -> bool:
    module = str(frame.f_globals.get("__name__"))
    return module.startswith("fluent_async.") or module == "threading"
