"""pypeln, on threads."""

from collections.abc import Iterable, Sequence

import pypeln
from typing_extensions import override

from measuring.peer import Fn, Many, Peer


class Pypeln(Peer):
    """Maps from stage to stage."""

    name = "pypeln"
    module = "pypeln"
    distribution = "pypeln"

    @override
    def drained(self, fn: Fn, inputs: Sequence[int], limit: int) -> list[int]:
        """Run one stage."""
        return list(self.stages([fn], inputs, limit, 1000))

    ran = drained

    @override
    def ordered(self, fn: Fn, inputs: Sequence[int], limit: int) -> list[int]:
        """Run one stage, and put its outputs in order."""
        stage = pypeln.thread.map(fn, inputs, workers=limit)
        outputs: Iterable[int] = pypeln.thread.ordered(stage)
        return list(outputs)

    @override
    def stages(
        self, fns: Sequence[Fn], inputs: Iterable[int], limit: int, maxsize: int
    ) -> Iterable[int]:
        """Run stages that have the threads in common."""
        stage: Iterable[int] = inputs
        workers = max(1, limit // len(fns))
        for fn in fns:
            stage = pypeln.thread.map(fn, stage, workers=workers, maxsize=maxsize)

        return stage

    @override
    def flow(
        self, fns: Sequence[Fn], inputs: Iterable[int], limit: int
    ) -> Iterable[int]:
        """Run them with some room."""
        return self.stages(fns, inputs, limit, 1000)

    @override
    def slow_stages(
        self, fns: Sequence[Fn], inputs: Sequence[int], at_a_time: int, maxsize: int
    ) -> Iterable[int]:
        """Give each stage its threads."""
        return self.stages(fns, inputs, at_a_time * len(fns), maxsize)

    @override
    def streamed(self, fn: Many, inputs: Sequence[int], limit: int) -> list[int]:
        """Run one stage of many outputs."""
        outputs: Iterable[int] = pypeln.thread.flat_map(fn, inputs, workers=limit)
        return list(outputs)
