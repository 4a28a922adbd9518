"""Exploring a scenario: all orders where they are few, many where they are not."""

import pytest

from fluent_async import Drain, Pool, each, task
from fluent_async._choices import Choices, following, seed_of
from fluent_async.testing import Explored, Simulation, explore, simulate


@task
def same(number: int) -> int:
    """Return what it is given."""
    return number


def order(inputs: int, limit: int = 9) -> tuple[int, ...]:
    """Run some inputs, and give them in the order in which they ended."""
    numbers = Drain[int]()
    with Pool(limit) as pool:
        pool.go(*(number >> same | numbers for number in range(inputs)))

    return tuple(numbers.drain())


def test_few_orders_are_all_run() -> None:
    """Each order of three workers is run, and nothing twice."""
    orders: list[tuple[int, ...]] = []
    explored = explore(lambda _: orders.append(order(3)))

    assert explored.complete
    assert len(orders) == explored.schedules
    assert 6 == len(set(orders))


def test_a_scenario_without_choices_is_run_once() -> None:
    """There is one order of one input."""
    assert Explored(1, complete=True) == explore(lambda _: order(1))


def test_many_orders_are_drawn() -> None:
    """Of more orders than `schedules`, as many as that are run."""
    orders: list[tuple[int, ...]] = []
    explored = explore(lambda _: orders.append(order(8)), schedules=30)

    assert Explored(30, complete=False) == explored
    assert 30 == len(orders)
    assert 20 < len(set(orders))


def test_a_tree_larger_than_it_looked_is_cut() -> None:
    """If there turn out to be more orders than `schedules`, it says so."""
    runs: list[int] = []

    def scenario(_: Simulation) -> None:
        runs.append(order(3)[0])
        if runs[-1]:  # not the first run, which has few choices
            order(8)

    explored = explore(scenario, schedules=100)

    assert Explored(100, complete=False) == explored


def test_the_first_failure_comes_out_with_its_seed() -> None:
    """What the scenario raised is noted with the seed that makes it come again."""

    def scenario(_: Simulation) -> None:
        assert (2, 0, 1) != order(3)

    with pytest.raises(AssertionError) as raised:
        explore(scenario)

    (note,) = raised.value.__notes__
    seed = int(note.partition("seed=")[2].partition(")")[0])
    with simulate(seed):
        assert (2, 0, 1) == order(3)


def test_a_lost_update_is_found() -> None:
    """A race between two tasks that read, wait and write is found, whatever its odds."""
    kept = {"sum": 0}

    @task
    def add(number: int) -> None:
        before = kept["sum"]
        with Pool() as other:
            other.go(0 >> same)

        kept["sum"] = before + number

    def scenario(_: Simulation) -> None:
        kept["sum"] = 0
        with Pool(2) as pool:
            pool.go(each([1, 2]) >> add)

        assert 3 == kept["sum"]

    with pytest.raises(AssertionError):
        explore(scenario)


class TestChoices:
    """Draws from one integer."""

    def test_a_seed_draws_the_same_again(self) -> None:
        """Two of one seed draw the same."""
        draws = [[Choices(3).pick(5) for _ in range(3)] for _ in range(2)]

        assert draws[0] == draws[1]

    def test_one_option_is_no_choice(self) -> None:
        """Where there is one option nothing is drawn."""
        choices = Choices(0)

        assert 0 == choices.pick(1)
        assert [] == choices.drawn

    def test_a_path_is_a_negative_seed(self) -> None:
        """What was drawn is spelled by a seed, which draws it again, and then 0."""
        drawn = [(3, 2), (2, 0), (4, 1)]
        choices = Choices(seed_of(drawn))

        assert [2, 0, 1, 0] == [choices.pick(n) for n in (3, 2, 4, 5)]

    def test_a_walk_meets_every_leaf_once(self) -> None:
        """From the first path on, each path has one that follows, but the last."""
        drawn: list[tuple[int, int]] | None = [(2, 0), (3, 0)]
        seen: list[list[int]] = []
        while drawn is not None:
            choices = Choices(seed_of(drawn))
            seen.append([choices.pick(2), choices.pick(3)])
            drawn = following(choices.drawn)

        assert [[a, b] for a in range(2) for b in range(3)] == seen
