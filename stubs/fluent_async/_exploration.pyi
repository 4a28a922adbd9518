from typing import final
from collections.abc import Callable
from dataclasses import dataclass
from fluent_async._simulation import Simulation
from typing import Final

@final
@dataclass(frozen=True, slots=True)
class Explored:
    schedules: Final[int]
    complete: Final[bool]

def explore(scenario: Callable[[Simulation], object], *, schedules: int=200) -> Explored: ...
