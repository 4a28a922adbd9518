"""Pipelines: one function after the other, with bounded room between."""

import time
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from queue import Queue
from threading import Thread
from typing import TypeAlias

from typing_extensions import override

from measuring.load import Drained, Load
from measuring.peer import Peer


Inputs: TypeAlias = Queue[int | None]


class Stages(Drained):
    """Three stages that do nothing."""

    name = "stages"
    title = "three no-op stages, room for 1,000 between"
    verb = "stages"
    against = "a bare loop over one function"
    size = 200_000
    quick = 10_000
    reach = 5.0

    @override
    def through(self, peer: Peer, size: int) -> Iterable[int]:
        """Take what comes out of the last."""
        return peer.stages([self.fn] * 3, range(size), self.limit, 1000)


class SlowStages(Load):
    """Two stages of 20 ms, each on four threads: 20 ms for every four items at best."""

    name = "slow-stages"
    title = "two stages of 20 ms, four items at a time in each"
    verb = "slow_stages"
    against = "bare threads and queues"
    size = 200
    quick = 24
    unit = "ms"
    trial = None

    seconds = 0.02
    at_a_time = 4
    maxsize = 8

    def first(self, value: int) -> int:
        """Take some time, on no processor."""
        time.sleep(self.seconds)
        return value

    def second(self, value: int) -> int:
        """Do the same: tasks of one function would share their limit."""
        return self.first(value)

    @override
    def through(self, peer: Peer, size: int) -> Iterable[int]:
        """Take what comes out of the second."""
        fns = [self.first, self.second]
        return peer.slow_stages(fns, range(size), self.at_a_time, self.maxsize)

    @override
    def bare(self, size: int) -> Sequence[int]:
        """Run both stages on threads and queues that do nothing else."""
        source, middle, out = Inputs(), Inputs(self.maxsize), list[int]()
        stages = [(source, middle.put), (middle, out.append)]
        threads = [
            [Thread(target=self._serve, args=stage) for _ in range(self.at_a_time)]
            for stage in stages
        ]
        for thread in chain(*threads):
            thread.start()

        for value in range(size):
            source.put(value)

        for (inputs, _), workers in zip(stages, threads, strict=True):
            for _ in workers:
                inputs.put(None)

            for worker in workers:
                worker.join()

        return out

    def _serve(self, inputs: Inputs, add: Callable[[int], object]) -> None:
        """Do what one thread of a stage does."""
        while (value := inputs.get()) is not None:
            add(self.first(value))
