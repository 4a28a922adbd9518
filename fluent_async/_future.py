"""Future: the end of one call that was handed in, for whoever waits for it."""

from __future__ import annotations

import sys
from concurrent.futures import CancelledError, Future
from concurrent.futures import _base as base
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from typing_extensions import TypeVar, override

from fluent_async import _log
from fluent_async._attempt import own_frames_cut
from fluent_async._checks import name_of, patience, type_name
from fluent_async._lending import Condition, Waiters, refuse_foreign
from fluent_async._monitor import outside
from fluent_async._signals import undisturbed
from fluent_async._wait import Waiter, block
from fluent_async._work import End
from fluent_async.errors import Cancelled


if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context
    from types import FrameType

    from fluent_async._desk import Tally
    from fluent_async._lending import Place, Waiting

T = TypeVar("T")

Made: TypeAlias = (
    "tuple[Context | None, Callable[..., Any], tuple[Any, ...], dict[str, Any]]"
)


class PoolFuture(Future[T]):
    """A `concurrent.futures.Future` that workers of a pool can wait for.

    Waiting for it in a worker lends the slot, whether by `result`, `exception`, or the
    functions `wait` and `as_completed` of `concurrent.futures`. An exception that nobody
    asked for is logged at WARNING once the future is gone.

    Invariants:
        1. Whoever takes `_call` out of the future, which is one step, makes the call or
           cancels it: nobody does both.
        2. `_state` is FINISHED only when the result or exception is there, for good.
        3. Whoever waits looks at `_state` once its waiter is there to be woken; whoever
           ends the future looks for waiters after that: one of the two sees the other.
    """

    def __init__(self, pool: Place, call: Made | None) -> None:
        # All that the standard one makes, but cheaper: else it is half of a `submit`.
        # What a class has for all its objects would be read ten times as slowly.
        condition: Any = Condition()
        condition.waiting = []
        self._condition = condition
        self._state = base.PENDING
        self._result: T | None = None
        self._exception: BaseException | None = None
        self._done_callbacks: list[Callable[[Future[T]], object]] = []
        self._pool = pool
        self._call = [call]  # until it is begun; None: somebody else knows what to do
        self._ours = False  # whether a thread of the pool makes it, and ends this
        self._made: T | None = None  # what the call gave or raised, until that is told
        self._raised: BaseException | None = None
        self._untold: _Untold | None = None
        self._among: set[PoolFuture[Any]] | None = None  # those not done
        self._many: Waiters | None = None  # that wait for this one among others

    @override
    def result(self, timeout: float | None = None) -> T:
        """Return what the call gave, or raise what it raised.

        Blocking: until it is done, at most `timeout` seconds; None waits for ever. In a
        worker of a pool the wait lends the slot.

        Raises:
            CancelledError: if it was cancelled, before it began or with its pool.
            TimeoutError: if it is not done in time.
            TypeError, ValueError: if `timeout` is no number, or NaN.
            Cancelled: in a worker that is told to end.
        """
        if timeout is not None:
            timeout = patience("timeout", timeout)

        if self._state is not base.FINISHED:
            self._wait(timeout)

        if self._exception is None:
            return self._result  # type: ignore[return-value]

        try:
            self._tell()
            raise self._exception
        finally:
            del self  # the exception leads back to this frame, and the future to it

    @override
    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return what the call raised, or None; blocks and fails as `result` does."""
        timeout = patience("timeout", timeout)
        if self._state is not base.FINISHED:
            self._wait(timeout)

        self._tell()
        return self._exception

    @override
    def cancel(self) -> bool:
        """Cancel the call unless it was begun; say whether it is cancelled."""
        ended = False
        try:
            with undisturbed:  # what nobody would call any more must be cancelled
                ended = self._claim() and self._end_cancelled()
        finally:
            if ended:
                self._leave()
                self._call_back()

        return self.cancelled()

    # -- for the thread that makes the call --------------------------------------------

    @property
    def pending(self) -> bool:
        """Whether the call was neither begun nor cancelled."""
        return bool(self._call)

    @property
    def call_waiting(self) -> Made | None:
        """What will be called; None if that was begun, cancelled, or is no plain call."""
        waiting = self._call.copy()  # one step: others may take it
        return waiting[0] if waiting and self._state is base.PENDING else None

    def begin(self) -> bool:
        """Note that the call is made, if it was not before; False if it is cancelled."""
        if self._claim() and self._state is base.PENDING:
            self._state = base.RUNNING
            self._ours = True

        return self._ours and self._state is base.RUNNING

    def make(self, tally: Tally) -> End:
        """Make the call; say how it ended: cancelled if that was before."""
        try:
            call = self._call.pop()
        except IndexError:
            return _CANCELLED

        assert call is not None
        if self._state is not base.PENDING:  # somebody else has set how it ended
            return _CANCELLED

        self._state = base.RUNNING
        self._ours = True
        tally.begun += 1
        context, fn, args, kwargs = call
        del call
        try:
            if context is None:
                context = copy_context()

            self._made = context.run(fn, *args, **kwargs)
        except BaseException as exc:
            self.fail(fn, exc)
            del self, fn, args, kwargs  # the exception leads back to this frame
            return _FAILED

        return _SUCCEEDED

    def call(
        self, fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> T:
        """Call a function for it here; an attempt of what makes several.

        Raises:
            Cancelled: if it is cancelled.
        """
        if not self.begin():
            raise Cancelled

        return fn(*args, **kwargs)

    def give(self, value: T) -> None:
        """Note what the call gave."""
        self._made = value

    def fail(self, what: object, exc: BaseException) -> None:
        """Note what the call of `what` raised."""
        BaseException.with_traceback(exc, own_frames_cut(exc))
        if isinstance(exc, Cancelled):  # the pool's own doing
            exc = CancelledError()
        else:
            self._untold = _Untold(what, exc)

        self._raised = exc

    def settle(self, stand_by: Callable[[], bool]) -> bool:
        """Tell whoever waits for it how the call ended.

        Args:
            stand_by: called before anybody is told, unless a callback is to be called
                here; what it says is returned.
        """
        condition: Any = self._condition
        with condition:
            stands = not self._done_callbacks and stand_by()
            ends = self._ours and self._state is base.RUNNING
            if ends:  # else somebody else has set how it ended, and called back
                self._exception, self._result = self._raised, self._made
                self._state = base.FINISHED
                if self._many is not None:
                    self._tell_many(self._many)

                if condition.waiting:
                    condition.notify_all()

        if self._among is not None:
            self._leave()

        if ends and self._done_callbacks:
            self._call_back()

        return stands

    def drop(self) -> None:
        """Cancel it: the call will not be made, or was told to end and has."""
        if not self.cancel():
            self.refuse(CancelledError())

    def refuse(self, exc: BaseException) -> None:
        """Tell whoever waits that the call failed for this reason, made or not."""
        if self.begin():
            self._raised = exc
            self.settle(bool)

    def join(self, among: set[PoolFuture[Any]]) -> None:
        """Be in a set until it is done."""
        self._among = among
        among.add(self)

    @property
    @override
    def _waiters(self) -> Waiters:  # type: ignore[override]
        """What `concurrent.futures` adds to, with the condition held."""
        if self._many is None:
            self._many = Waiters(self._pool)

        return self._many

    def _end_cancelled(self) -> bool:
        """Note that it is cancelled, and tell who waits; False if it is more than pending.

        Then somebody else than a thread of the pool has set how it ends, or will.
        """
        condition = self._condition
        with condition:
            if self._state is not base.PENDING:
                return False

            self._state = base.CANCELLED_AND_NOTIFIED
            for waiting in self._many or ():
                waiting.add_cancelled(self)

            condition.notify_all()
            return True

    def _claim(self) -> bool:
        """Take the call out of the future; False if somebody has."""
        try:
            self._call.pop()
        except IndexError:
            return False

        return True

    def _wait(self, timeout: float | None) -> None:
        """Wait until it is done.

        Raises:
            CancelledError: if it is cancelled.
            TimeoutError: if it is not done in time.
        """
        condition: Any = self._condition
        waiter, waiting = Waiter(), condition.waiting
        waiting.append(waiter)
        woken = False
        try:
            if self._state not in _DONE:
                refuse_foreign(self._pool)
                woken = block(waiter, timeout, within=self._pool)
        finally:
            if not woken:  # it is of no use any more, and others may ask very often
                waiting.remove(waiter)

        if self._state is base.FINISHED:
            return

        if self.cancelled():
            raise CancelledError

        raise TimeoutError

    def _tell_many(self, many: list[Waiting]) -> None:
        for waiting in many:
            if self._exception is None:
                waiting.add_result(self)
            else:
                waiting.add_exception(self)

    def _call_back(self) -> None:
        """Call the callbacks; none of them ends the thread, whatever it raises."""
        for callback in self._done_callbacks:
            try:
                callback(self)
            except BaseException:
                base.LOGGER.exception("exception calling callback for %r", self)

    def _leave(self) -> None:
        if self._among is not None:
            self._among.discard(self)
            self._among = None

    def _tell(self) -> None:
        """Note that somebody was shown how the call ended."""
        if self._untold is not None:
            self._untold.told = True
            self._untold = None


class _Untold:
    """The exception of a future, until somebody asks for it."""

    __slots__ = ("_exc", "_what", "told")

    def __init__(self, what: object, exc: BaseException) -> None:
        self._what = what
        self._exc = exc
        self.told = False

    def __del__(self) -> None:
        if not self.told:
            outside(partial(_log_untold, self._what, self._exc))


def _log_untold(what: object, exc: BaseException) -> None:
    _log.warning(_UNTOLD, name_of(what), type_name(exc), pool=None)


def under_way() -> set[PoolFuture[Any]]:
    """Return the futures of the calls that this thread is at, read from its frames."""
    found: set[PoolFuture[Any]] = set()
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code in _CALLS:
            found.add(frame.f_locals["self"])

        frame = frame.f_back

    return found


_UNTOLD = "nobody was shown that a call of %s that was submitted raised %s"
_CALLS = {PoolFuture[Any].make.__code__, PoolFuture[Any].call.__code__}
_DONE = {base.FINISHED, base.CANCELLED, base.CANCELLED_AND_NOTIFIED}
_SUCCEEDED, _FAILED, _CANCELLED = End.SUCCEEDED, End.FAILED, End.CANCELLED
