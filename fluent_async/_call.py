"""Call: running steps in the thread that calls, with their own retries."""

# mypy: allow-any-explicit
# Steps forget the types of their functions; Task and Worker remember them.

from __future__ import annotations

import inspect
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from fluent_async import _checks
from fluent_async._chain import sinks_of
from fluent_async._drain import Drain
from fluent_async._retried import attempts, retried, retried_method
from fluent_async._retry import NO_RETRY
from fluent_async._step import Args, Kind, Step


if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from fluent_async._step import Kwargs
    from fluent_async.typing import Sink


def caller(steps: tuple[Step, ...]) -> Callable[..., Any]:
    """Return what a call of the task with these steps calls."""
    step = steps[0]
    if len(steps) == 1:
        if step.kind is Kind.PLAIN:
            return step.fn if step.policy is None else retried(step)

        if inspect.isgeneratorfunction(step.fn):
            return step.fn

    def call(*args: Any, **kwargs: Any) -> Any:
        return _composed(steps, args, kwargs)

    return call


def method_caller(steps: tuple[Step, ...]) -> Callable[..., Any]:
    """Return what a call of it as a method calls: with the instance in front."""
    step = steps[0]
    if len(steps) == 1:
        if step.kind is Kind.PLAIN and step.policy is not None:
            return retried_method(step)

        return caller(steps)

    def call(instance: object, /, *args: Any, **kwargs: Any) -> Any:
        return _composed((step.bound_to(instance), *steps[1:]), args, kwargs)

    return call


def _composed(steps: tuple[Step, ...], args: tuple[Any, ...], kwargs: Kwargs) -> Any:
    """Compose the calls of the steps; an iterator if any of them is a stream.

    Plain steps in front of the first stream are called at once.
    """
    for index, step in enumerate(steps):
        if step.kind is not Kind.PLAIN:
            outputs = _outputs(step, args, kwargs)
            last = index == len(steps) - 1
            return outputs if last else _flow(steps, index, outputs)

        args, kwargs = (_plain(step, args, kwargs),), None

    return args[0]


def execute(steps: tuple[Step, ...], args: tuple[Any, ...], kwargs: Kwargs) -> None:
    """Run the steps as one worker, and send what comes out of each to its drains."""
    with feeding(sinks_of(steps)):
        _run(steps, 0, args, kwargs)


@contextmanager
def feeding(sinks: Iterable[Sink[Any]]) -> Generator[None, None, None]:
    """Count as a feeder of every Drain among the sinks while the block runs."""
    with ExitStack() as fed:
        for sink in sinks:
            if _checks.is_a(sink, Drain):
                sink._open()
                fed.callback(sink._idle)

        yield


def shut_down(sinks: Iterable[Sink[Any]]) -> None:
    """Shut every sink that can be."""
    for sink in sinks:
        shut = getattr(sink, "shut_down", None)
        if callable(shut):
            shut()


def _plain(step: Step, args: tuple[Any, ...], kwargs: Kwargs) -> Any:
    if step.policy is None:
        return step.fn(*args, **(kwargs or {}))

    return attempts(step, args, kwargs, lambda _: step.fn(*args, **(kwargs or {})))


def _outputs(step: Step, args: tuple[Any, ...], kwargs: Kwargs) -> Iterator[Any]:
    """Return the outputs of a stream that is called: no drains, no retries."""
    if step.kind is Kind.ARGS:
        step.check_arity(args, kwargs)
        return _sent(step, args)

    return _iterate(step, step.fn(*args, **(kwargs or {})))


def _sent(step: Step, args: tuple[Any, ...]) -> Iterator[Any]:
    """Yield what a function that takes Args sends, up to where it raises if it does."""
    outputs = _Collected()
    try:
        step.fn(*args[:-1], Args(args[-1], outputs))
    except Exception:
        yield from outputs.values
        raise

    yield from outputs.values


def _iterate(step: Step, made: Any) -> Iterator[Any]:
    if not _checks.is_iterable(made):
        raise TypeError(
            f"the stream {step.name} must yield, return an iterable, or take Args, "
            f"not return {_checks.type_name(made)}"
        )

    return iter(made)


class _Collected:
    """A sink that keeps what it is sent."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.send = self.values.append


class _Passed:
    """A sink that sends what it is sent on at once, through the steps that follow."""

    def __init__(self, steps: tuple[Step, ...], index: int) -> None:
        self._steps = steps
        self._index = index
        self.failure: BaseException | None = None

    def send(self, value: Any, /) -> None:
        """Send `value` on; what a later step raises is kept, since it isn't the sender's."""
        if self.failure is not None:
            raise self.failure

        try:
            _send(self._steps[self._index], value)
            if self._index < len(self._steps) - 1:
                _run(self._steps, self._index + 1, (value,), None)
        except BaseException as exc:
            self.failure = exc
            raise


# Both walk the steps depth first with a stack of open iterators, one a step. Recursion
# would bound the length of a composition.


def _flow(steps: tuple[Step, ...], index: int, first: Iterator[Any]) -> Iterator[Any]:
    """Yield the outputs of the last step; `first` are those of the one at `index`."""
    with _closing([first]) as stack:
        while stack:
            for value in stack[-1]:
                following = index + len(stack)
                if following < len(steps):
                    stack.append(_called(steps[following], value))
                    break

                yield value
            else:
                stack.pop()


def _run(
    steps: tuple[Step, ...], index: int, args: tuple[Any, ...], kwargs: Kwargs
) -> None:
    """Run the steps from `index` on, and send all outputs of each to its drains.

    No generator, which would make another error of a StopIteration.
    """
    with _closing([_made(steps, index, args, kwargs)]) as stack:
        while stack:
            for value in stack[-1]:
                following = index + len(stack)
                if not _holds(steps[following - 1]):
                    _send(steps[following - 1], value)

                if following < len(steps):
                    stack.append(_made(steps, following, (value,), None))
                    break
            else:
                stack.pop()


@contextmanager
def _closing(
    stack: list[Iterator[Any]],
) -> Generator[list[Iterator[Any]], None, None]:
    """Close what is left on the stack: an error's traceback would keep it open."""
    try:
        yield stack
    finally:
        while stack:
            close = getattr(stack.pop(), "close", None)
            if close is not None:
                close()


def _called(step: Step, value: Any) -> Iterator[Any]:
    """Return the outputs of a step, called directly."""
    if step.kind is Kind.PLAIN:
        return iter((_plain(step, (value,), None),))

    return _outputs(step, (value,), None)


def _made(
    steps: tuple[Step, ...], index: int, args: tuple[Any, ...], kwargs: Kwargs
) -> Iterator[Any]:
    """Return the outputs of a step, as a worker makes them.

    With a policy of several attempts, those of the attempt that succeeded, which then
    are in its drains already; else as they come.
    """
    step = steps[index]
    if step.kind is Kind.PLAIN:
        return iter((_plain(step, args, kwargs),))

    if _holds(step):
        held = attempts(step, args, kwargs, lambda n: _all(step, args, kwargs, n))
        for output in held:
            _send(step, output)

        return iter(held)

    if step.kind is Kind.ITERABLE:
        return _iterate(step, step.fn(*args, **(kwargs or {})))

    passed = _Passed(steps, index)
    attempts(step, args, kwargs, lambda _: _pass_on(step, args, passed))
    if passed.failure is not None:
        try:
            raise passed.failure
        finally:
            passed.failure = None  # its traceback leads back here: a cycle

    return iter(())


def _holds(step: Step) -> bool:
    """Say whether the outputs of a step wait until an attempt has succeeded."""
    return step.kind is not Kind.PLAIN and (step.policy or NO_RETRY).attempts > 1


def _all(step: Step, args: tuple[Any, ...], kwargs: Kwargs, attempt: int) -> list[Any]:
    """Return all outputs of one attempt."""
    if step.kind is Kind.ITERABLE:
        return list(_iterate(step, step.fn(*args, **(kwargs or {}))))

    outputs = _Collected()
    step.fn(*args[:-1], Args(args[-1], outputs, attempt=attempt))
    return outputs.values


def _pass_on(step: Step, args: tuple[Any, ...], passed: _Passed) -> None:
    """Run an Args function that sends as it goes; a later step's error is no error here."""
    try:
        step.fn(*args[:-1], Args(args[-1], passed))
    except BaseException:
        if passed.failure is None:
            raise


def _send(step: Step, value: Any) -> None:
    for sink in step.drains:
        sink.send(value)
