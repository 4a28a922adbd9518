"""Bare threads over a deque: what a program would write without any library."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Thread

from typing_extensions import override

from measuring.peer import Fn, Many, Peer, Start, Submit


class BareThreads(Peer):
    """Threads that take from a deque until it is empty."""

    name = "bare threads"
    module = "threading"

    @override
    def drained(self, fn: Fn, inputs: Sequence[int], limit: int) -> list[int]:
        """Append each output to one list."""
        return threads_over(inputs, limit, lambda value, add: add(fn(value)))

    given = ran = drained

    @override
    def streamed(self, fn: Many, inputs: Sequence[int], limit: int) -> list[int]:
        """Append all outputs of an input to one list."""

        def work(value: int, add: Callable[[int], object]) -> None:
            for output in fn(value):
                add(output)

        return threads_over(inputs, limit, work)

    @override
    @contextmanager
    def starter(self, limit: int) -> Generator[Start]:
        """Start a thread for each call."""
        yield lambda fn: Thread(target=fn).start()

    @override
    @contextmanager
    def submitter(self, limit: int) -> Generator[Submit]:
        """Start a thread for each call, and wait for what it puts."""

        def submit(fn: Fn, value: int) -> Callable[[], int]:
            out = SimpleQueue[int]()
            Thread(target=lambda: out.put(fn(value))).start()
            return out.get

        yield submit


def threads_over(
    inputs: Iterable[int],
    limit: int,
    work: Callable[[int, Callable[[int], object]], object],
) -> list[int]:
    """Have threads take the inputs and append outputs."""
    todo, results = deque(inputs), list[int]()

    def serve() -> None:
        take, add = todo.popleft, results.append
        while True:
            try:
                value = take()
            except IndexError:
                return

            work(value, add)

    threads = [Thread(target=serve) for _ in range(limit)]
    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    return results


def tried_twice(fn: Fn, delay: float) -> Fn:
    """Return a function that sleeps and tries once more: what holds its thread."""

    def call(value: int) -> int:
        try:
            return fn(value)
        except Exception:  # noqa: BLE001  (what is retried)
            time.sleep(delay)

        return fn(value)

    return call
