from typing import final
from dataclasses import dataclass
from fluent_async.typing import Seconds
from typing import Final
from typing_extensions import override

@final
class Backoff:
    def __init__(self, initial: Seconds, *, factor: float=2.0, maximum: Seconds=60.0, jitter: float=0.5) -> None: ...
    def __call__(self, failure: Failure, /) -> float: ...
    @override
    def __eq__(self, other: object) -> bool: ...
    @override
    def __hash__(self) -> int: ...
    @override
    def __repr__(self) -> str: ...

@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Failure:
    task: Final[str]
    input: Final[object]
    attempt: Final[int]
    elapsed: Final[float]
    exception: Final[Exception]
    @override
    def __repr__(self) -> str: ...
