"""For tests of what you build: pools without threads, sleeping or luck."""

from fluent_async._exploration import Explored, explore
from fluent_async._simulated import Event
from fluent_async._simulation import Simulation, SimulationStuck, simulate


__all__ = [
    "Event",
    "Explored",
    "Simulation",
    "SimulationStuck",
    "explore",
    "simulate",
]
