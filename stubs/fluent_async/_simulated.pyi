from typing import final
from dataclasses import dataclass
from typing import Final, TypeAlias
Kind: TypeAlias

@final
@dataclass(frozen=True, slots=True)
class Event:
    at: Final[float]
    kind: Final[Kind]
    task: Final[str]
    input: Final[object]
    attempt: Final[int]
