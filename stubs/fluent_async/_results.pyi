from fluent_async._task import Task
from fluent_async._worker import Worker, Workers
from typing import Any, Literal
from typing_extensions import TypeVar
T = TypeVar('T')

def run(*workers: Worker[T] | Workers[T] | Task[[], Any, T], limit: int | None=None, on_error: Literal['finish', 'cancel', 'keep']='finish') -> list[T]: ...
