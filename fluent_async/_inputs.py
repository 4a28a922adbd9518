"""Inputs: makes stages of what is given to `go()`."""

from __future__ import annotations

import inspect
from itertools import repeat
from operator import attrgetter, is_
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, TypeGuard, cast

from fluent_async import _checks
from fluent_async._drain import Drain
from fluent_async._sources import Flow, Given, Values
from fluent_async._stage import Stage, channels_of, drains_of
from fluent_async._step import Arity, Kind, Step
from fluent_async._task import Task
from fluent_async._worker import Mixed, Worker, Workers, new_worker


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fluent_async._chain import Steps
    from fluent_async._channel import Channel
    from fluent_async._parties import Stirrable
    from fluent_async._worker import Uniform


def stages_of(pool: Stirrable, number: int, given: Sequence[object]) -> list[Stage]:
    """Make the stages of one `go()`, the pool's `number`-th.

    Iterating an iterable of inputs starts here, in the caller's thread.

    Raises:
        TypeError: if something given is no work, naming what it is and what to write.
    """
    if _alike(given):  # often they are very many
        workers = cast("Sequence[Worker[Any]]", given)
        return [_stage_of_given(pool, number, range(len(workers)), workers)]

    stages: list[Stage] = []
    groups: dict[object, dict[int, Worker[Any]]] = {}
    known: dict[object, dict[int, Worker[Any]]] = {}
    for place, value in enumerate(given):
        if _is_batch(value):
            stages.append(_stage_of_batch(pool, (number, place), value._batch))
        else:
            worker = worker_of(value)
            group = known.get(worker._chain)  # most have the same
            if group is None:
                group = groups.setdefault(_group(worker._steps), {})
                known[worker._chain] = group

            group[place] = worker

    siblings = [
        _stage_of_given(pool, number, list(group), list(group.values()))
        for group in groups.values()
    ]
    for stage in siblings:
        stage.siblings = [other for other in siblings if other is not stage]

    return stages + siblings


def _alike(given: Sequence[object]) -> bool:
    """Say whether all that is given is workers of the same step or steps."""
    workers = all(map(is_, map(type, given), repeat(Worker)))
    return workers and len(set(map(_CHAIN, given))) == 1


_CHAIN = attrgetter("_chain")


def worker_of(value: object) -> Worker[Any]:
    """Return the worker that a value given to a pool stands for."""
    if issubclass(type(value), Worker):  # by its type, whatever it says of itself
        worker: Worker[Any] = cast("Any", value)
        return worker

    if _checks.is_a(value, Task):
        task: Task[[], Any, Any] = cast("Any", value)
        return task.with_input()

    name = _checks.type_name(value)
    step = Step(_execute_of(value, name), Kind.PLAIN, name, Arity(0, 0, None), value)
    return new_worker((step,), ())


def _execute_of(value: object, name: str) -> Callable[[], object]:
    """Return what executes an object, after refusing what does not."""
    right = "a pool runs workers, batches and objects with execute()"
    execute = _checks.attribute(value, "execute")
    if _checks.is_a(value, type) or not callable(execute):
        raise TypeError(f"{right}, not {name}: write `value >> task`")

    if not _is_plain(execute):
        if _checks.is_async(execute):
            raise TypeError(f"{right}, not {name}, whose execute is async")

        if not _checks.takes(execute, 0):
            raise TypeError(f"{right}, not {name}, whose execute needs arguments")

    return execute


def _is_plain(execute: object) -> bool:
    """Say whether this is a method of no argument and not async, without a long look."""
    if type(execute) is not MethodType or type(execute.__func__) is not FunctionType:
        return False

    code = execute.__func__.__code__
    takes = code.co_argcount, code.co_kwonlyargcount
    return takes == (1, 0) and not code.co_flags & _ASYNC


_ASYNC = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def _is_batch(value: object) -> TypeGuard[Workers[Any]]:
    return issubclass(type(value), Workers)


def _stage_of_batch(
    pool: Stirrable, key: tuple[int, int], batch: Uniform | Mixed
) -> Stage:
    if isinstance(batch, Mixed):
        source = Values(iter(batch.workers))
        return Stage(pool, key, source, None, drains=batch.sinks, finish=batch.finish)

    drains = drains_of(batch.steps)
    if isinstance(batch.values, Drain):
        return Stage(pool, key, Flow(batch.values._channel), batch.steps, drains=drains)

    return Stage(pool, key, Values(iter(batch.values)), batch.steps, drains=drains)


def _stage_of_given(
    pool: Stirrable, number: int, places: Sequence[int], workers: Sequence[Worker[Any]]
) -> Stage:
    """Make the stage of given workers that can share one."""
    key, steps = (number, places[0]), workers[0]._steps
    source = Given(places, workers)
    if not _ordered(steps):
        return Stage(pool, key, source, steps, drains=drains_of(steps))

    # Each has its own limits and room, and they take turns together.
    drains = [drain for worker in workers for drain in drains_of(worker._steps)]
    return Stage(pool, key, source, None, drains=tuple(drains))


def _group(steps: Steps) -> object:
    """Say which given workers can share a stage: those that start under one condition.

    All that drain to an ordered drain share one, since they take turns as a whole.
    """
    ordered = _ordered(steps)
    if ordered:
        return tuple(map(id, ordered))

    return tuple(
        (
            step.kind,
            step.timeout,
            step.limit,
            step.limit and id(step.origin),
            tuple(map(id, step.drains)),
        )
        for step in steps
    )


def _ordered(steps: Steps) -> list[Channel[Any]]:
    """Return the channels among those that the steps drain to that have an order."""
    return [c for c in channels_of(drains_of(steps)) if c.turns is not None]
