"""dask: the local scheduler computes a graph on our threads."""

import threading
from operator import add

import dask
import dask.threaded

from fluent_async import Pool
from fluent_async.futures import ThreadPoolExecutor


def test_config_takes_our_executor() -> None:
    """`dask.config.set(pool=executor)` computes delayed calls on it."""
    names: set[str] = set()

    @dask.delayed
    def double(number: int) -> int:
        names.add(threading.current_thread().name.partition("_")[0])
        return 2 * number

    with ThreadPoolExecutor(2, "ours") as executor, dask.config.set(pool=executor):
        total = dask.delayed(sum)([double(number) for number in range(50)])

        assert total.compute(scheduler="threads") == 2450

    assert names == {"ours"}


def test_config_takes_the_executor_of_a_pool() -> None:
    """`pool.executor` does as well."""
    graph = {"x": 1, "y": 2, "z": (add, "x", "y")}
    with Pool(2) as pool, dask.config.set(pool=pool.executor):
        assert dask.threaded.get(graph, "z") == 3
