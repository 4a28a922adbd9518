from typing import final
from dataclasses import dataclass
from typing import Final

@final
@dataclass(frozen=True, slots=True)
class Event:
    at: Final[float]
    kind: Final[str]
    task: Final[str]
    input: Final[object]
    attempt: Final[int]
