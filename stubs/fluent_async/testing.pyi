from fluent_async._exploration import Explored as Explored, explore as explore
from fluent_async._simulated import Event as Event
from fluent_async._simulation import Simulation as Simulation, SimulationStuck as SimulationStuck, simulate as simulate
__all__ = ['Explored', 'explore', 'Event', 'Simulation', 'SimulationStuck', 'simulate']
