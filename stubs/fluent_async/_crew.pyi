from fluent_async._executor import PoolExecutor
from typing_extensions import override

class Crew(PoolExecutor):
    @override
    def shutdown(self, wait: bool=True, *, cancel_futures: bool=False) -> None: ...
    @override
    def __exit__(self, *exc_info: object) -> None: ...
