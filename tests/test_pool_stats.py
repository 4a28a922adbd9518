"""Accounts: what a pool says it did and does, at any instant."""

import dataclasses
import threading
from collections.abc import Iterator
from itertools import pairwise

import pytest

from beside import beside
from fluent_async import Args, Drain, Failure, Pool, PoolStats, each, stream, task
from support import TIMEOUT, FakeClock, Gate, poll
from work import Form, at, batch, double, every_form, fail, fed, given, mixed


def zero(**but: int) -> PoolStats:
    """Make stats in which everything is 0 but what is named."""
    names = [field.name for field in dataclasses.fields(PoolStats)]
    return PoolStats(**dict.fromkeys(names, 0) | but)


@task(retry=2)
def mostly(number: int, /) -> int:
    """Fail for every third input, every ninth after an attempt more."""
    if number % 3 == 0:
        raise ValueError(number)

    return number


class TestInstants:
    """What `stats()` says at moments that are known."""

    def test_of_a_new_pool_is_all_zero(self) -> None:
        """Nothing was accepted, and there is no thread."""
        assert zero() == Pool().stats()

    def test_counts_given_workers_when_they_are_given(self) -> None:
        """A given worker is accepted in `go()`."""
        with Pool(limit=2) as pool, Gate() as gate:
            pool.go(*given(range(5), at(gate).hold))
            gate.wait_for(2)

            now = zero(accepted=5, in_progress=5, running=2, attempts=2, threads=2)
            assert now == pool.stats()

    @pytest.mark.parametrize("form", [batch, mixed, fed])
    def test_counts_inputs_when_they_are_taken(self, form: Form) -> None:
        """An input is accepted when its iterable hands it over, or a stage takes it."""
        with Pool(limit=2) as pool, Gate() as gate:
            pool.go(*form(range(5), at(gate).hold))
            gate.wait_for(2)

            now = zero(accepted=2, in_progress=2, running=2, attempts=2, threads=2)
            assert now == pool.stats()

    @every_form
    def test_says_how_inputs_ended(self, form: Form) -> None:
        """When all is done nothing is in progress."""
        with Pool(limit=1, on_error="keep") as pool:
            pool.go(*form(range(9), mostly))

        ended = zero(accepted=9, succeeded=6, failed=3, attempts=12)

        assert ended == pool.stats()

    def test_counts_what_succeeded_before_a_failure(self) -> None:
        """While a failure is judged, all that succeeded before is counted."""
        seen = []

        def look(_: Failure) -> float:
            seen.append((pool.stats().succeeded, pool.stats().in_progress))
            return 0.0

        @task(retry=2, backoff=look)
        def fail_last(number: int, /) -> int:
            if number == 999:
                raise OSError

            return number

        with Pool(limit=1, on_error="keep") as pool:
            pool.go(*batch(range(1000), fail_last))

        assert [(999, 1)] == seen

    @pytest.mark.parametrize("form", [batch, mixed])
    def test_counts_nothing_before_it_is_handed_over(self, form: Form) -> None:
        """An iterable that is asked has given nothing yet."""
        seen = []

        def values() -> Iterator[int]:
            for number in range(3):
                seen.append((pool.stats().accepted, pool.stats().in_progress))
                yield number

        with Pool(limit=1) as pool:
            pool.go(*form(values(), double))

        assert [(0, 0), (1, 0), (2, 0)] == seen

    @every_form
    def test_counts_since_the_pool_was_made(self, form: Form) -> None:
        """`wait()` starts no new count."""
        with Pool(limit=1, on_error="keep") as pool:
            for _ in range(3):
                pool.go(*form(range(9), mostly)).wait()

            assert (27, 18, 9) == ends(pool.stats())

    def test_counts_what_waits_for_a_retry(self, fake_clock: FakeClock) -> None:
        """It is in progress, and runs nowhere."""
        fake_clock.hold()
        with Pool(limit=1, retry=2, backoff=60, on_error="keep") as pool:
            pool.go(1 >> fail)
            assert poll(lambda: pool.stats().waiting_for_retry == 1)
            now = pool.stats()
            fake_clock.advance(90)

        assert (1, 0, 1) == (now.in_progress, now.running, now.attempts)

    def test_counts_what_waits_for_room(self) -> None:
        """It is in progress, and uses no slot."""
        full = Drain[int](maxsize=1)

        @stream
        def two(args: Args[int, int]) -> None:
            args.drainer.send(1)
            args.drainer.send(2)

        with Pool(limit=1) as pool:
            pool.go(1 >> two | full)
            assert poll(lambda: pool.stats().waiting_for_room == 1)
            now = pool.stats()

            assert (1, 0) == (now.in_progress, now.running)
            assert [1, 2] == list(full)

    def test_counts_what_was_dropped(self) -> None:
        """Work dropped by `cancel()` is cancelled."""
        pool = Pool(limit=1)
        with Gate() as gate:
            pool.go(*given(range(5), at(gate).hold))
            gate.wait_for(1)
            pool.cancel()

            assert 4 == pool.stats().cancelled

        pool.close()

        assert zero(accepted=5, succeeded=1, cancelled=4, attempts=1) == pool.stats()

    def test_is_frozen(self) -> None:
        """Stats are of one instant, and stay so."""
        with pytest.raises(AttributeError):
            Pool().stats().accepted = 1  # type: ignore[misc]


def ends(stats: PoolStats) -> tuple[int, int, int]:
    """Return how many inputs were accepted, succeeded and failed."""
    return stats.accepted, stats.succeeded, stats.failed


class TestAlways:
    """accepted = succeeded + failed + cancelled + in progress, at any instant."""

    def watch(self, pool: Pool, done: threading.Event) -> Iterator[PoolStats]:
        """Look again and again until the work is done, and once more."""
        while not done.is_set():
            yield pool.stats()

        yield pool.stats()

    def check(self, stats: PoolStats, before: PoolStats) -> None:
        """See that the accounts add up, and went only up."""
        ended = stats.succeeded + stats.failed + stats.cancelled

        assert stats.accepted == ended + stats.in_progress
        assert min(dataclasses.astuple(stats)) >= 0
        for name in ("accepted", "succeeded", "failed", "cancelled", "attempts"):
            assert getattr(before, name) <= getattr(stats, name)

    @pytest.mark.parametrize("limit", [1, 3])
    @every_form
    def test_accounts_add_up(self, form: Form, limit: int) -> None:
        """T4: Whenever one looks, whatever succeeds, fails, and is retried meanwhile."""
        done, before = threading.Event(), zero()
        with Pool(limit, on_error="keep") as pool:
            work = form(range(3000), mostly)

            def do() -> None:
                pool.go(*work).wait()
                done.set()

            doer = threading.Thread(target=do)
            doer.start()
            for stats in self.watch(pool, done):
                self.check(stats, before)
                assert stats.running <= limit
                before = stats

            doer.join(TIMEOUT)

        assert (3000, 2000, 1000) == ends(before)

    @every_form
    def test_accounts_add_up_when_cancelled(self, form: Form) -> None:
        """Also while work is dropped: what was accepted comes to an end each."""
        for attempts in range(1, 40, 3):
            pool = Pool(limit=2, on_error="keep").go(*form(range(100), mostly))
            while pool.stats().attempts < attempts:
                self.check(pool.stats(), zero())

            pool.cancel()
            self.check(pool.stats(), zero())
            pool.close()
            self.check(pool.stats(), zero())

            assert 0 == pool.stats().in_progress

    def test_in_progress_is_what_has_begun_and_not_ended(self) -> None:
        """A batch at its limit has exactly so many inputs in progress as run."""
        with Pool(limit=3) as pool, Gate() as gate:
            pool.go(each(range(3)) >> double, each(range(9)) >> at(gate).hold)
            gate.wait_for(3)

            assert poll(lambda: pool.stats().succeeded == 3)
            assert (3, 3) == (pool.stats().in_progress, pool.stats().running)


class TestCalls:
    """Calls that are submitted are in the counts, each once."""

    @pytest.mark.parametrize("kind", ["plain", "task", "cancelled"])
    @pytest.mark.slow
    def test_never_go_back(self, kind: str) -> None:
        """What only grows never falls, and no more is counted than was submitted."""
        submitted: list[int] = []
        seen: list[PoolStats] = []
        fn = double.with_retry(2) if kind == "task" else abs
        with Pool(2) as pool:

            def submit() -> None:
                for number in range(2000):
                    submitted.append(number)
                    future = pool.executor.submit(fn, number)
                    if kind == "cancelled":
                        future.cancel()

            submitting = beside(submit)
            while not submitting.done():
                seen.append(pool.stats())
                assert seen[-1].accepted <= len(submitted)

            submitting.result(TIMEOUT)

        assert all(
            before.accepted <= after.accepted
            and before.attempts <= after.attempts
            and after.succeeded <= after.attempts <= after.accepted
            and after.in_progress >= 0
            for before, after in pairwise(seen)
        )
