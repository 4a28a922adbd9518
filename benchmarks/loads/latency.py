"""Latency: how long after a call is given its first instruction runs, on an idle pool."""

import threading
import time
from collections.abc import Iterable, Sequence
from statistics import median

from typing_extensions import override

from measuring import LIMIT
from measuring.load import Load, WrongResultsError
from measuring.peer import Peer, Start
from peers.executor import Submits


class Latency(Load):
    """Calls one after the other, each given when nothing runs."""

    name = "latency"
    title = "from `go()` to the first instruction, on an idle pool"
    verb = "starter"
    against = "`ThreadPoolExecutor.submit`"
    size = 1000
    quick = 50
    trial = None

    @override
    def base(self, size: int) -> float:
        """Submit to the standard library's executor."""
        return self.cost(Submits(), size)

    @override
    def cost(self, peer: Peer, size: int) -> float:
        """Return the time in the middle."""
        with peer.starter(LIMIT) as start:
            for _ in range(2 * LIMIT):  # the first start the threads
                self._wait(start)

            return median(self._wait(start) for _ in range(size))

    @staticmethod
    def _wait(start: Start) -> float:
        began: list[float] = []
        done = threading.Event()

        def fn() -> None:
            began.append(time.perf_counter())
            done.set()

        given = time.perf_counter()
        start(fn)
        if not done.wait(10) or len(began) != 1:
            raise WrongResultsError("a call that was given did not run, or ran twice")

        return began[0] - given

    @override
    def bare(self, size: int) -> Sequence[int]:
        """Have no outputs: each call is checked."""
        return range(size)

    @override
    def through(self, peer: Peer, size: int) -> Iterable[int]:
        """Have no outputs."""
        return range(size)
