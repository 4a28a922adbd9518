"""States: one hash for all that decides how a pool goes on.

A pickle walks everything that can be reached, names what it meets again by when it met it
first, and so comes out the same for two pools that are alike. What decides nothing is put
as a constant, and what can't be pickled as what matters of it. Where it tells two states
apart that are alike, orders are run that need not be. It must never take two for one: so a
player's place is its instruction and its variables, and what a loop of one goes through is
all different.
"""

# mypy: allow-any-explicit
# It walks objects of every type.

from __future__ import annotations

import pickle
import threading
import weakref
from contextvars import Context
from hashlib import blake2b
from io import BytesIO
from itertools import compress, count, repeat, starmap
from operator import itemgetter, length_hint
from types import FunctionType, GeneratorType, MethodType
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from crew import Hiring, Moment
from fluent_async import Task
from fluent_async._accounts import Accounts
from fluent_async._admission import Admission
from fluent_async._bell import Bell
from fluent_async._course import Course
from fluent_async._engine import Engine
from fluent_async._monitor import Monitor
from fluent_async._pour import Pour
from fluent_async._retry import Failure
from fluent_async._runner import Runner
from fluent_async._scheduler import Scheduler
from fluent_async._slice import Slice
from fluent_async._step import Step
from fluent_async._wait import Waiter
from fluent_async._work import Attempt, Work
from plans import Inputs, Plan
from promises import Promises


if TYPE_CHECKING:
    from collections.abc import Callable


def state_of(now: float, *roots: object) -> bytes:
    """Return the hash of what can be reached from these objects, at this time."""
    written = BytesIO()
    _Pickler(written, now).dump(roots)
    return blake2b(written.getbuffer(), digest_size=12).digest()


CONSTANT = (
    Admission,  # its limits are the stages'
    BaseException,
    Bell,
    Context,
    Engine,
    Failure,
    FunctionType,
    MethodType,
    Monitor,
    Plan,
    Promises,  # what is looked at is given beside
    Runner,
    Step,  # the stage, or the input, says which
    Task,
    compress,
    count,
    itemgetter,
    map,
    starmap,
    threading.Thread,
    weakref.ref,
    zip,
)
"""What decides nothing, or is the same in all states."""


class _Pickler(pickle.Pickler):
    def __init__(self, file: BytesIO, now: float) -> None:
        super().__init__(file, protocol=5)
        self._now = now
        self._written: dict[type, Callable[[Any], object]] = {
            Accounts: lambda a: (a.accepted, a.succeeded, a.failed, a.cancelled),
            Attempt: lambda a: _fields(a, "started"),
            GeneratorType: _frames,
            Inputs: lambda i: _fields(i, "_turns"),
            Hiring: self._hiring,
            Moment: lambda m: (m.next, m.waiter, m.patient, self._until(m.due)),
            Scheduler: self._scheduler,
            Course: self._slice,
            Pour: self._slice,
            Slice: self._slice,
            Waiter: lambda w: w.woken,
            Work: lambda w: _fields(w, "began"),
            repeat: length_hint,
        }

    @override
    def reducer_override(self, obj: Any) -> Any:
        written = self._written.get(type(obj))
        if written is not None:  # what it refers to may refer to it
            return object, (), written(obj)

        return (object, ()) if isinstance(obj, CONSTANT) else NotImplemented

    def _until(self, due: float | None) -> float | None:
        return None if due is None else due - self._now

    def _slice(self, slice_: Slice) -> object:
        fields = _fields(slice_, "started", "spared")
        spared = slice_.spared and (slice_.spared[0], slice_.spared[1] < self._now)
        return fields, spared, slice_.started < self._now

    def _hiring(self, threads: Hiring) -> object:
        fields = _fields(threads, "_threads", "_numbers", "kept_until")
        return fields, len(threads), self._until(threads.kept_until)

    def _scheduler(self, scheduler: Scheduler) -> object:
        waiting = sorted(scheduler.agenda.timers)
        timers = [(self._until(due), work) for due, _, work in waiting]
        return _fields(scheduler, "_timers", "_tie"), timers


def _fields(obj: object, *but: str) -> list[object]:
    """Return the values of all fields of an object but some."""
    slots = [s for c in type(obj).__mro__ for s in getattr(c, "__slots__", ())]
    names = [*slots, *getattr(obj, "__dict__", ())]
    left_out = {"__weakref__", "__dict__", *but}
    return [getattr(obj, name) for name in names if name not in left_out]


def _frames(play: GeneratorType[Any, Any, Any]) -> object:
    """Return where a player is: in which functions, where in each, with what in hand.

    One that runs is in the iterable of its slice, which its stage knows; CPython 3.12 can't
    say where such a one is, and crashes.
    """
    if play.gi_running:
        return "runs"

    frames: list[object] = []
    inner: object = play
    while isinstance(inner, GeneratorType) and inner.gi_frame is not None:
        frame = inner.gi_frame
        frames.append((frame.f_code.co_name, frame.f_lasti, dict(frame.f_locals)))
        inner = inner.gi_yieldfrom

    return frames
