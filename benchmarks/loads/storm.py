"""A retry storm: many calls fail at once, and each waits before it is made again."""

import time
from collections.abc import Iterable, Sequence

from typing_extensions import override

from measuring import LIMIT
from measuring.load import Load
from measuring.peer import Peer


class Storm(Load):
    """One call in five fails the first time."""

    name = "storm"
    title = "20 % fail once, and wait 0.5 s to be tried again"
    verb = "retried"
    against = "all calls by the limit, and one wait"
    size = 1000
    quick = 40
    unit = "ms"
    reach = 1.05
    trial = None

    seconds = 0.02
    """What a call takes, on no processor."""

    delay = 0.5
    one_in = 5

    @override
    def base(self, size: int) -> float:
        """Reckon what it takes at best where a wait holds no thread."""
        calls = size + size // self.one_in
        return (calls * self.seconds / LIMIT + self.delay) / size

    @override
    def bare(self, size: int) -> Sequence[int]:
        """Return what comes out."""
        return range(size)

    @override
    def through(self, peer: Peer, size: int) -> Iterable[int]:
        """Make the calls."""
        failed: set[int] = set()

        def fn(value: int) -> int:
            time.sleep(self.seconds)
            if value % self.one_in == 0 and value not in failed:
                failed.add(value)
                raise ConnectionError

            return value

        outputs = peer.retried(fn, range(size), self.delay)
        return outputs if len(failed) == size // self.one_in else ()
