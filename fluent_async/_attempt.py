"""Attempt: what a thread does with one work: calls its steps, sends their outputs."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from fluent_async import _clock
from fluent_async._drain import channel_of
from fluent_async._retry import Failure
from fluent_async._step import Args, Kind
from fluent_async._wait import Waiter, block
from fluent_async.errors import Cancelled, DrainClosed


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextvars import Context

    from fluent_async._retry import Policy
    from fluent_async._step import Step
    from fluent_async._work import Attempt, Call


class Failed(BaseException):
    """A call failed; `delay` is in seconds, None if that is final.

    `fatal` is what came of deciding that, if it is to end the pool's work.
    """

    def __init__(
        self,
        failure: Failure,
        delay: float | None,
        fatal: BaseException | None = None,
    ) -> None:
        super().__init__()
        self.failure = failure
        self.delay = delay
        self.fatal = fatal


class Broken(BaseException):
    """Nobody wants the outputs: the drains are shut."""


class Driver(Protocol):
    """The pool, as an attempt knows it."""

    def policy_of(self, step: Step) -> Policy:
        """Return the policy that holds for a step in this pool."""
        ...

    def judge(
        self, step: Step, failure: Failure, base: Context, *, final: bool = False
    ) -> Failed:
        """Decide, in a copy of `base`, whether a call that raised is made again."""
        ...

    def claim(self, attempt: Attempt) -> None:
        """Stop the attempt's clock; raise Cancelled if it is over anyway."""
        ...

    def proceed(self, attempt: Attempt) -> None:
        """Note that the attempt goes on with the next call."""
        ...

    def count(self) -> None:
        """Count an attempt at a call that follows from an open stream."""
        ...


class Performance:
    """One attempt on its thread: calls what is left of its work, and sends outputs."""

    def __init__(self, attempt: Attempt, base: Context, pool: Driver) -> None:
        self._attempt = attempt
        self._work = attempt.work
        self._last = len(attempt.work.steps) - 1
        self._base = base
        self._pool = pool
        self._turns = dict(attempt.work.turns)

    @property
    def told(self) -> bool:
        """Whether the attempt was told to end."""
        return self._attempt.told

    def run(self) -> None:
        """Do what is left of the work.

        Raises:
            Failed: a call failed; what is left of the work is as it was before it.
            Broken: nobody wants the outputs.
            Cancelled: the attempt was told to end, and heard it.
        """
        work, attempt = self._work, self._attempt
        while True:
            call = work.todo[-1]
            outputs = self._try(call, work.tries, work.began)
            if attempt.deadline is not None or attempt.end is not None:
                self._pool.claim(attempt)

            work.todo.pop()
            work.todo += self._pass_on(call[0], outputs)
            if not work.todo:
                return

            work.tries, work.began = 0, None
            self._pool.proceed(attempt)

    def _follow(self, call: Call) -> None:
        """Do a call that follows from an output of a stream that is still open.

        The stream stays on this thread, so a retry in here waits on it, without slot.
        """
        todo = [call]
        tries, began = self._begin()
        while todo:
            try:
                outputs = self._try(todo[-1], tries, began)
            except Failed as failed:
                if failed.delay is None:
                    raise

                block(Waiter(), failed.delay)
                tries += self._begin()[0]
                continue

            index = todo.pop()[0]
            todo += self._pass_on(index, outputs)
            if todo:
                tries, began = self._begin()

    def _begin(self) -> tuple[int, float]:
        """Count one more attempt; return that it is the first, and when it began."""
        self._pool.count()
        return 1, _clock.current().now()

    def _try(self, call: Call, tries: int, began: float | None) -> Sequence[Any]:
        """Make one call; return the outputs it did not pass on itself."""
        step = self._work.steps[call[0]]
        policy = self._pool.policy_of(step)
        try:
            return self._call(step, call, tries, held=self._holds(call[0], policy))
        except Exception as exc:
            if step.kind is Kind.ARGS and isinstance(exc, DrainClosed):
                raise Broken from None

            # The failure is in no variable: its traceback leads back to this frame.
            value = self._work.input_of(call)
            raise self._pool.judge(
                step, failure_of(step, value, tries, began, exc), self._base
            ) from None

    def _holds(self, index: int, policy: Policy) -> bool:
        """Whether the outputs of a step wait until the attempt has succeeded.

        They do if it may be tried again; and if later steps follow and a clock runs for
        any of them, since each attempt has a clock of its own.
        """
        rest = self._work.steps[index:]
        timed = len(rest) > 1 and any(step.timeout is not None for step in rest)
        return policy.attempts > 1 or timed

    def _call(self, step: Step, call: Call, tries: int, *, held: bool) -> Sequence[Any]:
        index, args, kwargs = call
        context = self._base.copy()
        if step.kind is Kind.PLAIN:
            return (context.run(step.fn, *args, **(kwargs or {})),)

        outputs: list[Any] = []
        send = outputs.append if held else partial(self.follow, index)
        if step.kind is Kind.ARGS:
            drainer = Outlet(self, index, outputs if held else None)
            asked = Args(args[-1], drainer, attempt=tries)
            try:
                context.run(step.fn, *args[:-1], asked, **(kwargs or {}))
            finally:
                drainer.stop()
        else:
            made = context.run(step.fn, *args, **(kwargs or {}))
            self._drain_iterable(made, context, send)

        return outputs

    def _drain_iterable(
        self, made: Iterable[Any], context: Context, send: Callable[[Any], None]
    ) -> None:
        """Send the items of an iterable, each made in the attempt's context."""
        iterator = context.run(iter, made)
        try:
            while (item := context.run(next, iterator, _END)) is not _END:
                send(item)
                del item
                if self._attempt.told:
                    raise Cancelled
        finally:
            if isinstance(iterator, Generator):
                context.run(iterator.close)

    def _pass_on(self, index: int, outputs: Sequence[Any]) -> list[Call]:
        """Send outputs of a step; return the calls that follow from them, last first."""
        for output in outputs:
            self.send(index, output)

        if index == self._last:
            return []

        return [(index + 1, (output,), None) for output in reversed(outputs)]

    def follow(self, index: int, output: Any) -> None:
        """Send an output of an open stream, and do what follows from it."""
        self.send(index, output)
        if index < self._last:
            self._follow((index + 1, (output,), None))

    def send(self, index: int, output: Any) -> None:
        """Send an output to the drains of a step, in the order written.

        Raises:
            Broken: if all that the step drains to is shut.
            Failed: if a sink that is not a drain raised.
        """
        drains = self._work.steps[index].drains
        if self._attempt.told and (self._attempt.end or not self._work.plain):
            raise Cancelled

        shut = [self._send_to(drain, output) for drain in drains]
        if shut and all(shut) and not self._wanted():
            raise Broken

    def _wanted(self) -> bool:
        """Whether any sink of the work takes outputs yet."""
        drains = [drain for step in self._work.steps for drain in step.drains]
        channels = [channel_of(drain) for drain in drains]
        return any(channel is None or not channel.shut for channel in channels)

    def _send_to(self, drain: Any, output: Any) -> bool:
        """Send to one sink; say whether it was shut instead."""
        promised = self._work.plain
        channel = channel_of(drain)
        try:
            if channel is None:
                self._send_to_sink(drain, output)
            elif (turn := self._turns.get(channel)) is not None:
                channel.put_in_turn(turn, output, _for_ever, promised=promised)
            else:
                channel.put(output, _for_ever, promised=promised)
        except DrainClosed:
            return True

        return False

    def _send_to_sink(self, sink: Any, output: Any) -> None:
        try:
            self._base.copy().run(sink.send, output)
        except DrainClosed:
            raise
        except Exception as exc:
            work, step = self._work, self._work.steps[-1]
            raise self._pool.judge(
                step,
                failure_of(step, work.input, work.tries, work.began, exc),
                self._base,
                final=True,
            ) from None


class Outlet:
    """Where an attempt's outputs go: what a function that takes Args sends to."""

    __slots__ = ("_held", "_index", "_performance", "_stopped")

    def __init__(
        self, performance: Performance, index: int, held: list[Any] | None = None
    ) -> None:
        self._performance = performance
        self._index = index
        self._held = held  # with a retry policy: until the attempt succeeds
        self._stopped: BaseException | None = None  # what ended the attempt in `send`

    def send(self, value: Any, /) -> None:
        """Send an output, waiting for room; with a retry policy, keep it.

        Raises:
            DrainClosed: if all the drains are shut.
            Cancelled: if the attempt was told to end.
        """
        performance = self._performance
        if performance.told:
            raise Cancelled

        if self._held is not None:
            self._held.append(value)
            return

        try:
            performance.follow(self._index, value)
        except Broken:
            raise DrainClosed("every drain of this worker is shut") from None
        except (Failed, Cancelled) as stop:
            self._stopped = stop
            raise

    def stop(self) -> None:
        """End the attempt as `send` did, also if the function caught what it raised."""
        stopped, self._stopped = self._stopped, None
        try:
            if stopped is not None:
                raise stopped
        finally:
            del stopped  # it leads back to this frame


_END = object()


def _for_ever() -> None:
    return None


def failure_of(
    step: Step, value: object, tries: int, began: float | None, exc: Exception
) -> Failure:
    """Describe a call that raised; its traceback starts in the user's code."""
    now = _clock.current().now()
    BaseException.with_traceback(exc, own_frames_cut(exc))
    return Failure(step.name, value, tries, 0.0 if began is None else now - began, exc)


def own_frames_cut(exc: BaseException) -> Any:
    """Return the traceback of an exception from the user's first frame on."""
    traceback = exc.__traceback__
    while traceback is not None:
        module = traceback.tb_frame.f_globals.get("__name__")
        if not str(module).startswith("fluent_async."):
            return traceback

        traceback = traceback.tb_next

    return None
