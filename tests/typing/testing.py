"""Simulations and explorations."""

from typing import assert_type

from fluent_async.testing import (
    Event,
    Explored,
    Simulation,
    SimulationStuck,
    explore,
    simulate,
)


def scenario(simulation: Simulation) -> None: ...


def of_nothing() -> None: ...


def of_an_int(number: int) -> None: ...


# a simulation is a block, and tells of itself
with simulate(7) as sim:
    assert_type(sim, Simulation)
    assert_type(sim.now, float)
    assert_type(sim.sleeps, list[float])
    assert_type(sim.events, list[Event])
    assert_type(sim.seed, int)

simulate("7")  # E
sim.now = 3.0  # E
sim.events[0].task = ""  # E
assert_type(sim.events[0].input, object)
stuck: RuntimeError = SimulationStuck()

# a scenario takes the simulation
assert_type(explore(scenario, schedules=9), Explored)
assert_type(explore(scenario).complete, bool)
explore(of_nothing)  # E
explore(of_an_int)  # E
explore(scenario, 9)  # E
