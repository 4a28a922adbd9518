"""Simulations and explorations."""

from typing import assert_type

from fluent_async.errors import FluentAsyncError
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

assert_type(simulate(), Simulation)
assert_type(Simulation(7), Simulation)
assert_type(sim.cancel(), None)
simulate("7")  # E: argument
Simulation("7")  # E: argument
Simulation()  # E: signature
assert_type(sim.events[0].input, object)
assert_type(sim.events[0].at, float)
assert_type(sim.events[0].kind, str)
assert_type(sim.events[0].task, str)
assert_type(sim.events[0].attempt, int)
stuck: RuntimeError = SimulationStuck()
ours: FluentAsyncError = SimulationStuck()
no_os: OSError = SimulationStuck()  # E: assignment

# a scenario takes the simulation
assert_type(explore(scenario, schedules=9), Explored)
assert_type(explore(scenario).complete, bool)
explored = explore(scenario)
assert_type(explored.schedules, int)
explored.complete = True  # E: read-only
explored.schedules = 3  # E: read-only
explore(scenario, schedules="9")  # E: argument
explore(of_nothing)  # E: argument
explore(of_an_int)  # E: argument
explore(scenario, 9)  # E: signature

# and only tells
sim.now = 3.0  # E: read-only
simulate(3).events[0].task = ""  # E: read-only
sim.seed = 3  # E: read-only
sim.sleeps = [1.0]  # E: read-only
sim.events = []  # E: read-only
