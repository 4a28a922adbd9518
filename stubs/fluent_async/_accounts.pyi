from typing import final
from dataclasses import dataclass

@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PoolStats:
    accepted: int
    succeeded: int
    failed: int
    cancelled: int
    in_progress: int
    running: int
    waiting_for_retry: int
    waiting_for_room: int
    abandoned: int
    attempts: int
    threads: int
