"""What the tests give to pools: tasks, and the forms in which inputs come."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

import pytest

from fluent_async import Drain, Worker, Workers, each, task
from fluent_async.typing import Takes
from support import Gate


Work: TypeAlias = Worker[int] | Workers[int]
Form: TypeAlias = Callable[[Iterable[int], Takes[int, int]], list[Work]]


def given(values: Iterable[int], task: Takes[int, int]) -> list[Work]:
    """Make one worker per input, each an argument of `go()`."""
    return [task.with_input(value) for value in values]


def batch(values: Iterable[int], task: Takes[int, int]) -> list[Work]:
    """Make a batch of an iterable of inputs."""
    return [each(values) >> task]


def mixed(values: Iterable[int], task: Takes[int, int]) -> list[Work]:
    """Make a batch of an iterable of workers."""
    return [Workers(task.with_input(value) for value in values)]


def fed(values: Iterable[int], task: Takes[int, int]) -> list[Work]:
    """Make a stage of a drain in which the inputs are."""
    drain = Drain[int]()
    for value in values:
        drain.send(value)

    return [drain >> task]


every_form = pytest.mark.parametrize(
    "form", [given, batch, mixed, fed], ids=lambda form: form.__name__
)


@task
def double(number: int) -> int:
    """Double a number."""
    return 2 * number


@task
def fail(number: int) -> int:
    """Fail, saying with what."""
    raise ValueError(number)


def at(gate: Gate) -> "Passing":
    """Make tasks that go through `gate`."""
    return Passing(gate)


class Passing:
    """Its method is a task that waits at a gate."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    @task
    def hold(self, number: int, /) -> int:
        """Arrive at the gate, and give the input once it is open."""
        self._gate.arrive()
        return number


class Box:
    """An object of the user's that can be executed."""

    def __init__(self) -> None:
        self.ran = 0

    def execute(self) -> None:
        """Count."""
        self.ran += 1
