from typing import final
from collections.abc import Iterable
from fluent_async._worker import Workers
from fluent_async.typing import Takes
from typing import Generic
from typing_extensions import TypeVar, override
T = TypeVar('T')
T_co = TypeVar('T_co', covariant=True)
NewOut = TypeVar('NewOut')

@final
class Each(Generic[T_co]):
    def __init__(self, values: Iterable[T_co], /) -> None: ...
    def __rshift__(self, task: Takes[T_co, NewOut], /) -> Workers[NewOut]: ...
    @override
    def __repr__(self) -> str: ...

def each(values: Iterable[T], /) -> Each[T]: ...
