"""joblib: `Parallel` runs its batches on our threads, through a backend of one's own."""

import operator
import threading
from collections.abc import Callable
from concurrent.futures import Future

import pytest
from joblib import Parallel, delayed, parallel_config, register_parallel_backend
from joblib.parallel import ParallelBackendBase

from fluent_async.futures import ThreadPoolExecutor


class Backend(ParallelBackendBase):  # type: ignore[misc]
    """What joblib's documentation says a backend is, on an executor of ours."""

    supports_retrieve_callback = True
    uses_threads = True
    supports_sharedmem = True

    def effective_n_jobs(self, n_jobs: int) -> int:
        """Return how many jobs run at a time."""
        return max(1, n_jobs)

    def configure(self, n_jobs: int = 1, parallel: object = None, **_: object) -> int:
        """Make the executor."""
        self.parallel = parallel
        self.executor = ThreadPoolExecutor(self.effective_n_jobs(n_jobs), "ours")
        return self.effective_n_jobs(n_jobs)

    def submit(
        self,
        func: Callable[[], object],
        callback: Callable[[Future[object]], object] | None = None,
    ) -> Future[object]:
        """Submit a batch."""
        future = self.executor.submit(func)
        if callback is not None:
            future.add_done_callback(callback)

        return future

    def retrieve_result_callback(self, out: Future[object]) -> object:
        """Return the results of a batch, or raise what it raised."""
        return out.result()

    def terminate(self) -> None:
        """Shut the executor down."""
        self.executor.shutdown()

    def abort_everything(self, ensure_ready: bool = True) -> None:  # noqa: FBT001, FBT002
        """Cancel what waits."""
        self.executor.shutdown(cancel_futures=True)
        if ensure_ready:
            self.configure(2, self.parallel)


register_parallel_backend("fluent_async", Backend)


def prefix_of_thread(_: int) -> str:
    """Return what the name of the thread that calls this begins with."""
    return threading.current_thread().name.partition("_")[0]


def test_parallel_gives_results_in_order() -> None:
    """`Parallel` over our backend gives all results in the order of the inputs."""
    with parallel_config("fluent_async", n_jobs=2):
        squares = Parallel()(delayed(pow)(number, 2) for number in range(100))

    assert squares == [number**2 for number in range(100)]


def test_parallel_runs_on_our_threads() -> None:
    """Every batch is run by a thread of the executor."""
    with parallel_config("fluent_async", n_jobs=2):
        names = Parallel()(delayed(prefix_of_thread)(number) for number in range(20))

    assert set(names) == {"ours"}


def test_parallel_raises_what_a_call_raises() -> None:
    """An exception comes out of `Parallel` as it is."""
    with parallel_config("fluent_async", n_jobs=2), pytest.raises(ZeroDivisionError):
        Parallel()(delayed(operator.truediv)(1, number) for number in [1, 2, 0])
