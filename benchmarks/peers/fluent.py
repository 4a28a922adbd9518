"""fluent_async itself."""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any, cast

from fluent_async import Backoff, Drain, Pool, each, futures, run, stream, task
from measuring import LIMIT
from measuring.peer import Fn, Many, Peer, Start, Submit, UnavailableError


class Fluent(Peer):
    """All that a pool does, with the policy where a load has one."""

    name = "fluent_async"
    module = "fluent_async"
    distribution = "fluent-async-pool"

    def drained(self, fn: Fn, inputs: Sequence[int], limit: int) -> list[int]:
        """Feed one stage from the inputs, and drain it."""
        out = Drain[int]()
        with Pool(limit) as pool:
            pool.go(each(inputs) >> task(fn) | out)

        return out.drain()

    def ordered(self, fn: Fn, inputs: Sequence[int], limit: int) -> Iterable[int]:
        """Iterate results as they come."""
        return (each(inputs) >> task(fn)).results(limit=limit, buffer=1000)

    def given(self, fn: Fn, inputs: Sequence[int], limit: int) -> list[int]:
        """Make a worker for each input, and give a pool all of them."""
        out = Drain[int]()
        work = task(fn)
        with Pool(limit) as pool:
            pool.go(*[value >> work | out for value in inputs])

        return out.drain()

    def ran(self, fn: Fn, inputs: Sequence[int], limit: int) -> list[int]:
        """Run the inputs in a pool of their own."""
        return run(each(inputs) >> task(fn), limit=limit)

    def stages(
        self, fns: Sequence[Fn], inputs: Iterable[int], limit: int, maxsize: int
    ) -> Iterable[int]:
        """Feed each stage from the drain of the one before; iterate the last drain."""
        drains = [Drain[int](maxsize or 1000) for _ in fns]
        sources = [each(inputs), *drains]
        with Pool(limit) as pool:
            pool.go(
                *(
                    source >> task(fn) | drain
                    for source, fn, drain in zip(sources, fns, drains, strict=False)
                )
            )
            yield from drains[-1]

    def slow_stages(
        self, fns: Sequence[Fn], inputs: Sequence[int], at_a_time: int, maxsize: int
    ) -> list[int]:
        """Give each stage's task its own limit."""
        drains = [*(Drain[int](maxsize) for _ in fns[1:]), Drain[int]()]
        sources = [each(inputs), *drains]
        with Pool(at_a_time * len(fns)) as pool:
            pool.go(
                *(
                    source >> task(limit=at_a_time)(fn) | drain
                    for source, fn, drain in zip(sources, fns, drains, strict=False)
                )
            )

        return drains[-1].drain()

    def streamed(self, fn: Many, inputs: Sequence[int], limit: int) -> list[int]:
        """Feed one stage of a stream."""
        out = Drain[int]()
        with Pool(limit) as pool:
            pool.go(each(inputs) >> stream(fn) | out)

        return out.drain()

    def retried(self, fn: Fn, inputs: Sequence[int], delay: float) -> list[int]:
        """Let the pool try again."""
        out = Drain[int]()
        again = task(retry=2, backoff=Backoff(delay, jitter=0))(fn)
        with Pool(LIMIT) as pool:
            pool.go(each(inputs) >> again | out)

        return out.drain()

    def decorated(self, fn: Fn) -> Fn:
        """Decorate with a policy."""
        return task(retry=3)(fn)

    @contextmanager
    def starter(self, limit: int) -> Generator[Start]:
        """Give the pool workers."""
        with Pool(limit) as pool:
            yield lambda fn: pool.go(task(fn))

    @contextmanager
    def submitter(self, limit: int) -> Generator[Submit]:
        """Submit to the executor that is a pool."""
        kind = cast("Any", getattr(futures, "ThreadPoolExecutor", None))
        if kind is None:
            raise UnavailableError("this version has no executor")

        with kind(limit) as executor:

            def submit(fn: Fn, value: int) -> Callable[[], int]:
                result: Callable[[], int] = executor.submit(fn, value).result
                return result

            yield submit


class NoPolicy(Peer):
    """A task without a policy, called."""

    name = "fluent_async, no policy"
    distribution = "fluent-async-pool"

    def decorated(self, fn: Fn) -> Fn:
        """Decorate, and set nothing."""
        return task(fn)
