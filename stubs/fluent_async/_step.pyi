from typing import final
from fluent_async.typing import Sink
from typing import Generic
from typing_extensions import TypeVar
T_co = TypeVar('T_co', covariant=True)
T_contra = TypeVar('T_contra', contravariant=True)

@final
class Args(Generic[T_co, T_contra]):
    def __init__(self, input: T_co, drainer: Sink[T_contra], *, attempt: int=1) -> None: ...
    @property
    def input(self) -> T_co: ...
    @property
    def drainer(self) -> Sink[T_contra]: ...
    @property
    def attempt(self) -> int: ...
    @property
    def cancelled(self) -> bool: ...
