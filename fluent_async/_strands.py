"""Strands: threads of which one runs at a time, and hands over where it waits."""

from __future__ import annotations

import sys
import threading
from contextvars import Context
from typing import TYPE_CHECKING, TypeAlias

from fluent_async._retry import shown
from fluent_async._slice import Slice
from fluent_async._work import Attempt


if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from fluent_async._clock import Lock
    from fluent_async._desk import Shift
    from fluent_async._engine import Engine

    Job: TypeAlias = Slice | Attempt | Shift


GRACE_S = 1.0  # how long what runs beside an interrupted thread gets to hear of it
LOOK_S = (
    0.05  # a signal that comes as a wait for a lock begins is not seen before its end
)


class Wait:
    """One wait of a strand: for a lock, at most until `due`."""

    __slots__ = ("due", "lock", "over", "woken")

    def __init__(self, lock: Lock, due: float | None) -> None:
        self.lock = lock
        self.due = due
        self.woken = False  # it has the lock
        self.over = False  # it was chosen to go on

    def ended(self, now: float) -> bool:
        """Say whether its strand could go on."""
        self.woken = self.woken or self.lock.acquire(blocking=False)
        return self.woken or (self.due is not None and self.due <= now)


class Strand:
    """A thread that takes part: it runs while it has the baton, and waits otherwise.

    Nothing of it is guarded: who has the baton may change everything of all strands.
    """

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.waits: list[Wait] = []  # the last is the one that it is in
        self.job: tuple[Engine, Job] | None = None  # to be done next
        self.error: BaseException | None = None  # to be raised out of its wait
        self.doing: tuple[Engine, Job] | None = None
        self.runs = False  # it has the baton
        self._bell = threading.Lock()  # rung when it gets that, and maybe once more
        self._bell.acquire()

    def ready(self, now: float) -> bool:
        """Say whether it could go on: with a job, or with its wait."""
        return self.job is not None or (bool(self.waits) and self.waits[-1].ended(now))

    def go_on(self) -> None:
        """End its wait, unless there is a job to do before."""
        if self.job is None:
            self.waits[-1].over = True

    def give_to(self, other: Strand) -> None:
        """Let another one run instead of this, which has to wait for the baton then."""
        self._bell.acquire(blocking=False)  # if an interrupted wait did not hear it
        self.runs = False
        other.run()

    def run(self) -> None:
        """Give it the baton."""
        self.runs = True
        self._bell.release()

    def await_baton(self) -> None:
        """Wait to run. A handler may raise out of this; `runs` is right all the same."""
        while not self.runs:
            self._bell.acquire(timeout=LOOK_S)

    def soon_runs(self) -> bool:
        """Wait for GRACE_S at most; say whether it runs."""
        return self.runs or (self._bell.acquire(timeout=GRACE_S) and self.runs)

    def place(self) -> str:
        """Say who waits, in which call, and where that was made."""
        frame: FrameType | None = sys._current_frames().get(self.thread)
        who, call = self._who(), ""
        while frame is not None and _module(frame).startswith("fluent_async."):
            call = frame.f_code.co_qualname
            frame = frame.f_back

        if frame is None or _module(frame) == "threading":  # no code of the user's
            return who

        return f"{who} in {call}, {frame.f_code.co_filename}:{frame.f_lineno}"

    def _who(self) -> str:
        if self.doing is None:
            return "the thread that began the simulation"

        engine, job = self.doing
        if isinstance(job, Slice):
            return f"the inputs of {job.stage.label}"

        if not isinstance(job, Attempt):
            return "a call that was submitted"

        return f"{job.task}({shown(job.work.input, engine.describe)})"


class Fibre(Strand):
    """A strand for one job at a time that may have to wait in the middle of it."""

    def __init__(self, number: int, live: Callable[[Fibre], None]) -> None:
        super().__init__()
        self._live = live
        self.ending = False
        # In an empty context, as the threads of pools; a daemon, since it may hang.
        self._os_thread = threading.Thread(
            target=Context().run,
            args=(self._run,),
            name=f"simulation-{number}",
            daemon=True,
        )
        Context().run(self._os_thread.start)  # which some builds have it inherit
        self.thread = self._os_thread.ident or 0

    @property
    def idle(self) -> bool:
        """Whether it has nothing to do."""
        return self.job is None and self.doing is None

    def end(self) -> None:
        """End its thread; called while it is idle."""
        self.ending = True
        self.run()
        self._os_thread.join()

    def _run(self) -> None:
        self.await_baton()
        while not self.ending:
            self._live(self)
            self.await_baton()


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__"))
