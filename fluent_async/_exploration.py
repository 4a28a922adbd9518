"""Exploration: runs a scenario in many orders, and says which one made it fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

from fluent_async import _checks
from fluent_async._choices import following, seed_of
from fluent_async._simulation import Simulation


if TYPE_CHECKING:
    from collections.abc import Callable


@final
@dataclass(frozen=True, slots=True)
class Explored:
    """What was explored, and nothing failed. Frozen."""

    schedules: Final[int]
    """How many orders were run."""
    complete: Final[bool]
    """Whether these are all that there are."""


def explore(
    scenario: Callable[[Simulation], object], *, schedules: int = 200
) -> Explored:
    """Run a scenario in many orders: in all of them, if they are few enough.

    The first run says how many there may be. If that is within `schedules`, they are
    run one after the other, each once; else as many are drawn from the seeds from 0 on.
    Blocking: as long as all these runs take; none takes time for what it waits for.
    Failure: the first that fails ends it. What it raised comes out as it is, with a note
    of the seed: `simulate(seed)` runs that order again, and so does
    `--fluent-async-seed`.

    Args:
        scenario: called with the simulation that it is in; makes its pools and drains
            anew each time, and asserts what must hold.
        schedules: how many orders to run at most, at least 1.

    Raises:
        TypeError, ValueError: if an argument is not of that kind.

    Example:
        >>> from fluent_async import Drain, Pool, each, task
        >>> from fluent_async.testing import explore
        >>> @task
        ... def double(number: int) -> int:
        ...     return 2 * number
        >>> def scenario(_):
        ...     numbers = Drain[int]()
        ...     with Pool(limit=2) as pool:
        ...         pool.go(each([1, 2]) >> double | numbers)
        ...     assert {2, 4} == set(numbers.drain())
        >>> explore(scenario).complete
        True
    """
    _checks.function("scenario", scenario)
    most = _checks.whole("schedules", schedules, least=1)
    first = _run(scenario, -1)
    if _size(first, most) > most:
        for seed in range(most - 1):
            _run(scenario, seed)

        return Explored(most, complete=False)

    done, path = 1, following(first)
    while path is not None and done < most:
        path = following(_run(scenario, seed_of(path)))
        done += 1

    return Explored(done, complete=path is None)


def _run(scenario: Callable[[Simulation], object], seed: int) -> list[tuple[int, int]]:
    """Run the scenario once; return what was drawn."""
    simulation = Simulation(seed)
    try:
        with simulation:
            scenario(simulation)
    except BaseException as exc:
        exc.add_note(f"explore(): with simulate(seed={seed}) it comes to this again")
        raise

    return simulation._world.choices.drawn


def _size(drawn: list[tuple[int, int]], most: int) -> int:
    """Guess from one order how many there are, or say that it is more than `most`."""
    size = 1
    for options, _ in drawn:
        size = min(size * options, most + 1)

    return size
