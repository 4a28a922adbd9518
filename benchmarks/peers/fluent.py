"""fluent_async itself."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager

from typing_extensions import override

from fluent_async import (
    Backoff,
    Drain,
    Pool,
    Task,
    Workers,
    each,
    futures,
    run,
    stream,
    task,
)
from measuring import LIMIT
from measuring.peer import Fn, Many, Peer, Start, Submit, UnavailableError


class Fluent(Peer):
    """All that a pool does, with the policy where a load has one."""

    name = "fluent_async"
    module = "fluent_async"
    distribution = "fluent-async-pool"

    @override
    def drained(self, fn: Fn, inputs: Sequence[int], limit: int) -> list[int]:
        """Feed one stage from the inputs, and drain it."""
        out = Drain[int]()
        with Pool(limit) as pool:
            pool.go(each(inputs) >> task(fn) | out)

        return out.drain()

    @override
    def ordered(self, fn: Fn, inputs: Sequence[int], limit: int) -> Iterable[int]:
        """Iterate results as they come."""
        return (each(inputs) >> task(fn)).results(limit=limit, buffer=1000)

    @override
    def given(self, fn: Fn, inputs: Sequence[int], limit: int) -> list[int]:
        """Make a worker for each input, and give a pool all of them."""
        out = Drain[int]()
        work = task(fn)
        with Pool(limit) as pool:
            pool.go(*[value >> work | out for value in inputs])

        return out.drain()

    @override
    def ran(self, fn: Fn, inputs: Sequence[int], limit: int) -> list[int]:
        """Run the inputs in a pool of their own."""
        return run(each(inputs) >> task(fn), limit=limit)

    @override
    def stages(
        self, fns: Sequence[Fn], inputs: Iterable[int], limit: int, maxsize: int
    ) -> Iterable[int]:
        """Feed each stage from the drain of the one before, and drain the last."""
        drains = [*(Drain[int](maxsize) for _ in fns[1:]), Drain[int]()]
        with Pool(limit) as pool:
            pool.go(*pipeline([task(fn) for fn in fns], inputs, drains))

        return drains[-1].drain()

    @override
    def flow(
        self, fns: Sequence[Fn], inputs: Iterable[int], limit: int
    ) -> Iterable[int]:
        """Iterate the last drain, which has as little room as the others."""
        drains = [Drain[int](1000) for _ in fns]
        with Pool(limit) as pool:
            pool.go(*pipeline([task(fn) for fn in fns], inputs, drains))
            yield from drains[-1]

    @override
    def slow_stages(
        self, fns: Sequence[Fn], inputs: Sequence[int], at_a_time: int, maxsize: int
    ) -> list[int]:
        """Give each stage's task its own limit."""
        drains = [*(Drain[int](maxsize) for _ in fns[1:]), Drain[int]()]
        stages = [task(limit=at_a_time)(fn) for fn in fns]
        with Pool(at_a_time * len(fns)) as pool:
            pool.go(*pipeline(stages, inputs, drains))

        return drains[-1].drain()

    @override
    def streamed(self, fn: Many, inputs: Sequence[int], limit: int) -> list[int]:
        """Feed one stage of a stream."""
        out = Drain[int]()
        with Pool(limit) as pool:
            pool.go(each(inputs) >> stream(fn) | out)

        return out.drain()

    @override
    def retried(self, fn: Fn, inputs: Sequence[int], delay: float) -> list[int]:
        """Let the pool try again."""
        out = Drain[int]()
        again = task(retry=2, backoff=Backoff(delay, jitter=0))(fn)
        with Pool(LIMIT) as pool:
            pool.go(each(inputs) >> again | out)

        return out.drain()

    @override
    def decorated(self, fn: Fn) -> Fn:
        """Decorate with a policy."""
        return task(retry=3)(fn)

    @override
    @contextmanager
    def starter(self, limit: int) -> Generator[Start]:
        """Give the pool workers."""
        with Pool(limit) as pool:
            yield lambda fn: pool.go(task(fn))

    @override
    @contextmanager
    def submitter(self, limit: int) -> Generator[Submit]:
        """Submit to the executor that is a pool."""
        try:
            executor = futures.ThreadPoolExecutor(limit)
        except NotImplementedError as exc:
            raise UnavailableError(str(exc)) from exc

        with executor:

            def submit(fn: Fn, value: int) -> Callable[[], int]:
                return executor.submit(fn, value).result

            yield submit


def pipeline(
    stages: Sequence[Task[[int], int]], inputs: Iterable[int], drains: list[Drain[int]]
) -> Iterator[Workers[int]]:
    """Join stages: each but the first takes from the drain of the one before."""
    yield each(inputs) >> stages[0] | drains[0]
    for before, stage, drain in zip(drains, stages[1:], drains[1:], strict=False):
        yield before >> stage | drain


class NoPolicy(Peer):
    """A task without a policy, called."""

    name = "fluent_async, no policy"
    distribution = "fluent-async-pool"

    @override
    def decorated(self, fn: Fn) -> Fn:
        """Decorate, and set nothing."""
        return task(fn)
