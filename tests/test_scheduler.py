"""The scheduler, driven step by step without threads: what runs next, and what counts."""

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice

import pytest
from typing_extensions import override

from fluent_async import Drain, Failure, Worker, Workers, each, stream, task
from fluent_async._accounts import PoolStats
from fluent_async._channel import Channel
from fluent_async._desk import Shift
from fluent_async._leases import Leases
from fluent_async._manner import THREADS
from fluent_async._outcome import Outcome
from fluent_async._runner import Runner
from fluent_async._slice import Slice
from fluent_async._slots import STALL_S
from fluent_async._sources import Flow
from fluent_async._stage import ALONE, LONGEST, PATIENCE_S, QUICK_S, Stage
from fluent_async._wait import Waiter, mark_of_this_thread
from fluent_async._work import Attempt, End, Work
from fluent_async.typing import Takes
from hand import Hand, Step, Stirred, channel_of, filled, hold_back, shown


# Tasks that may time out are started one by one; those that may not, and have at most one
# drain, are worked through in slices.


@task(timeout=3600)
def up(number: int) -> int:
    """Stand upstream."""
    return number


@task(timeout=3600)
def down(number: int) -> int:
    """Stand downstream of `up`."""
    return number


@task(timeout=3600, limit=2)
def scarce(number: int) -> int:
    """Be in progress at most twice."""
    return number


@stream
def many(number: int) -> Iterator[int]:
    """Send any number of outputs."""
    yield number


@task
def quick(number: int) -> int:
    """Be worked through in slices."""
    return number


@task(limit=2)
def few(number: int) -> int:
    """Be worked through in slices, on at most two threads."""
    return number


FAILURE = Failure("up", 1, 1, 0.0, OSError())


def in_use(hand: Hand) -> int:
    """Say how many slots are in use."""
    return hand.scheduler.slots.running


def stats(hand: Hand) -> PoolStats:
    """Return the accounts."""
    return hand.scheduler.stats(threads=0)


def counts(hand: Hand) -> tuple[int, int, int, int, int]:
    """Return how many inputs were accepted, and are in each of the four states."""
    now = stats(hand)
    return now.accepted, now.succeeded, now.failed, now.cancelled, now.in_progress


def two_slices(hand: Hand, values: range, drain: Drain[int]) -> tuple[Slice, Slice]:
    """Have two threads at one batch: the first has an input and let go, the other not."""
    hand.go(each(values) >> quick | drain)
    first = hand.slice()
    next(first.inputs)
    hand.scheduler.leases.let_go(first)
    return first, hand.slice()


class TestChoice:
    """What runs next: due, then slots wanted back, then new inputs."""

    def test_starts_the_oldest_input_first(self) -> None:
        """Inputs start in the order in which the source gives them."""
        hand = Hand(limit=3)
        hand.go(each([1, 2, 3]) >> up)

        assert ["up(1)", "up(2)", "up(3)"] == hand.started()

    def test_starts_given_workers_in_the_order_of_the_arguments(self) -> None:
        """Workers that share their settings start in the order in which they are given."""
        hand = Hand(limit=3)
        hand.go(1 >> up, 2 >> up, 3 >> up)

        assert ["up(1)", "up(2)", "up(3)"] == hand.started()

    def test_starts_given_workers_of_any_tasks_in_the_order_of_the_arguments(
        self,
    ) -> None:
        """Workers of different tasks start in the order in which they are given."""
        hand = Hand(limit=4)
        hand.go(1 >> up, 2 >> scarce, 3 >> up, 4 >> many)

        assert ["up(1)", "scarce(2)", "up(3)", "many(4)"] == hand.started()

    def test_starts_the_oldest_argument_first(self) -> None:
        """Of two batches that no drain joins, the first argument goes first."""
        hand = Hand(limit=3)
        hand.go(each([1, 2]) >> up, each([3, 4]) >> down)

        assert ["up(1)", "up(2)", "down(3)"] == hand.started()

    def test_starts_the_oldest_go_first(self) -> None:
        """Of two calls of go(), the first one's work goes first."""
        hand = Hand(limit=3)
        hand.go(each([1, 2]) >> up)
        hand.go(each([3, 4]) >> down)

        assert ["up(1)", "up(2)", "down(3)"] == hand.started()

    @pytest.mark.parametrize("downstream_first", [True, False])
    def test_starts_the_most_downstream_stage_first(
        self, *, downstream_first: bool
    ) -> None:
        """Of two stages with an input the one downstream starts, older or not."""
        hand = Hand(limit=2)
        middle = filled(9)
        stages = [each([1]) >> up | middle, middle >> down]
        hand.go(*(reversed(stages) if downstream_first else stages))

        assert ["down(9)", "up(1)"] == hand.started()

    def test_takes_each_input_all_the_way_down_at_limit_1(self) -> None:
        """One thread takes an input through all stages before it takes the next."""
        hand = Hand()
        middle = Drain[int]()
        hand.go(each([1, 2]) >> up | middle, middle >> down)

        assert ["up(1)", "down(1)", "up(2)", "down(2)"] == hand.in_turn()

    def test_takes_inputs_down_drains_that_only_workers_of_a_batch_know(self) -> None:
        """A stage is downstream of a batch whose workers drain to it, too."""
        hand = Hand()
        middle = Drain[int]()
        hand.go(Workers(n >> up | middle for n in (1, 2)), middle >> down)

        assert ["up(1)", "down(1)", "up(2)", "down(2)"] == hand.in_turn()

    def test_starts_what_is_due_before_new_inputs(self) -> None:
        """A retry that is due goes before inputs that were never tried."""
        hand = Hand()
        hand.go(each([1, 2]) >> up)
        hand.fail(hand.attempt(), retry_in=0.0)

        assert ["up(1)", "up(2)"] == hand.in_turn()

    def test_starts_what_is_due_before_what_is_downstream(self) -> None:
        """A retry that is due goes before a new input of any stage."""
        hand = Hand()
        middle = Drain[int]()
        hand.go(each([1]) >> up | middle, middle >> down)
        hand.fail(hand.attempt(), retry_in=0.0)
        middle.send(9)

        assert ["up(1)", "down(9)", "down(1)"] == hand.in_turn()

    def test_starts_what_was_due_first_first(self) -> None:
        """Retries start in the order in which they are due."""
        hand = Hand(limit=3)
        hand.go(each([1, 2, 3]) >> up)
        for retry_in in (3.0, 1.0, 2.0):
            hand.fail(hand.attempt(), retry_in=retry_in)

        hand.now = 10.0

        assert ["up(2)", "up(3)", "up(1)"] == hand.started()

    def test_starts_what_is_due_together_in_the_order_of_the_failures(self) -> None:
        """Of retries due at the same time, what failed first starts first."""
        hand = Hand(limit=3)
        hand.go(each([1, 2, 3]) >> up)
        for attempt in [hand.attempt(), hand.attempt(), hand.attempt()]:
            hand.fail(attempt, retry_in=1.0)

        hand.now = 1.0

        assert ["up(1)", "up(2)", "up(3)"] == hand.started()

    def test_gives_a_slot_back_before_new_inputs(self) -> None:
        """Who waited, and wants its slot back, goes before new inputs."""
        hand = Hand()
        hand.go(each([1, 2, 3]) >> up)
        first = hand.attempt()
        hand.scheduler.slots.lend(first, hand.now)
        second = hand.attempt()
        waiter = hand.scheduler.slots.reclaim(first, hand.now)
        hand.end(second)

        assert waiter is hand.next()

    def test_starts_what_is_due_before_it_gives_a_slot_back(self) -> None:
        """A retry that is due goes before who wants its slot back."""
        hand = Hand()
        hand.go(each([1, 2]) >> up)
        first = hand.attempt()
        hand.scheduler.slots.lend(first, hand.now)
        second = hand.attempt()
        hand.scheduler.slots.reclaim(first, hand.now)
        hand.fail(second, retry_in=0.0)

        assert hand.scheduler.resume(hand.now) is None
        assert ["up(2)"] == hand.started()

    def test_has_nothing_to_do_at_first(self) -> None:
        """A scheduler that was given nothing is idle and gives nothing."""
        hand = Hand()

        assert hand.scheduler.idle()
        assert hand.next() is None

    def test_is_idle_once_everything_has_ended(self) -> None:
        """It is idle when nothing is queued, running or waiting, and not before."""
        hand = Hand()
        hand.go(1 >> up)
        attempt = hand.attempt()
        before = hand.scheduler.idle()
        hand.end(attempt)

        assert not before
        assert hand.scheduler.idle()

    def test_knows_whether_one_more_thread_would_find_something(self) -> None:
        """`more` is true as long as an input could start, and only then."""
        hand = Hand(limit=3)
        hand.go(1 >> up, 2 >> up)
        more = [hand.scheduler.more(hand.now)]
        for _ in range(2):
            hand.start()
            more.append(hand.scheduler.more(hand.now))

        assert [True, True, False] == more

    def test_has_more_to_do_when_a_retry_is_due(self) -> None:
        """`more` becomes true by time alone."""
        hand = Hand()
        hand.go(1 >> up)
        hand.fail(hand.attempt(), retry_in=1.0)

        assert not hand.scheduler.more(0.9)
        assert hand.scheduler.more(1.0)


class TestLimit:
    """At most `limit` run at any instant."""

    @pytest.mark.parametrize("limit", [1, 2, 5])
    def test_starts_no_more_than_the_limit(self, limit: int) -> None:
        """With all slots in use nothing starts, though there are inputs."""
        hand = Hand(limit)
        hand.go(each(range(10)) >> up)

        assert limit == len(hand.started()) == in_use(hand)
        assert not hand.scheduler.more(hand.now)

    def test_starts_the_next_when_one_has_ended(self) -> None:
        """A slot is free again when its attempt has ended, not before."""
        hand = Hand(limit=1)
        hand.go(each([1, 2]) >> up)
        first = hand.attempt()
        while_it_ran = hand.start()
        hand.end(first)

        assert while_it_ran is None
        assert ["up(2)"] == hand.started()

    def test_starts_no_retry_beyond_the_limit(self) -> None:
        """A retry that is due waits for a slot like anything else."""
        hand = Hand(limit=1)
        hand.go(each([1, 2]) >> up)
        hand.fail(hand.attempt(), retry_in=1.0)
        running = hand.attempt()
        hand.now = 1.0

        assert not hand.started()

        hand.end(running)

        assert ["up(1)"] == hand.started()

    def test_gives_the_slot_to_others_while_a_retry_waits(self) -> None:
        """A work that waits for its next attempt holds no slot."""
        hand = Hand(limit=1)
        hand.go(each([1, 2]) >> up)
        hand.fail(hand.attempt(), retry_in=1.0)

        assert 0 == in_use(hand)
        assert ["up(2)"] == hand.started()

    def test_counts_a_slice_as_one(self) -> None:
        """A thread in a slice has one slot, whatever the slice's length."""
        hand = Hand(limit=1)
        hand.go(each(range(10)) >> quick)
        hand.slice()

        assert 1 == in_use(hand)
        assert hand.next() is None


class TestTaskLimit:
    """A task's own limit: inputs in progress in the pool, waiting ones included."""

    def test_starts_no_more_inputs_of_the_task(self) -> None:
        """At most so many inputs of a task are in progress, though slots are free."""
        hand = Hand(limit=10)
        hand.go(each([1, 2, 3]) >> scarce)

        assert ["scarce(1)", "scarce(2)"] == hand.started()

    def test_holds_over_all_batches(self) -> None:
        """Batches, workers and drains of a task share its limit, whatever `go()` they came by."""
        hand = Hand(limit=10)
        hand.go(each([1]) >> scarce, Workers([2 >> scarce]))
        hand.go(3 >> scarce, filled(4) >> scarce)

        assert ["scarce(1)", "scarce(2)"] == hand.started()

    def test_counts_an_input_that_waits_for_its_next_attempt(self) -> None:
        """An input that failed and will be retried is in progress."""
        hand = Hand(limit=10)
        hand.go(each([1, 2, 3]) >> scarce)
        hand.fail(hand.attempt(), retry_in=1.0)

        assert ["scarce(2)"] == hand.started()

    def test_counts_an_input_that_lent_its_slot(self) -> None:
        """An input that waits, and runs not, is in progress."""
        hand = Hand(limit=10)
        hand.go(each([1, 2, 3]) >> scarce)
        hand.scheduler.slots.lend(hand.attempt(), hand.now)

        assert ["scarce(2)"] == hand.started()

    def test_lets_the_next_input_start_when_one_has_ended(self) -> None:
        """A place is free again however the input ended."""
        hand = Hand(limit=10)
        hand.go(each([1, 2, 3, 4, 5]) >> scarce)
        hand.end(hand.attempt())
        hand.fail(hand.attempt())
        hand.scheduler.drop(hand.attempt())

        assert ["scarce(4)", "scarce(5)"] == hand.started()

    def test_lets_one_input_start_for_one_that_has_ended(self) -> None:
        """And no more."""
        hand = Hand(limit=9)
        hand.go(each(range(9)) >> scarce)
        first, _ = hand.attempt(), hand.attempt()
        hand.end(first)

        assert ["scarce(2)"] == hand.started()

    def test_holds_back_no_other_task(self) -> None:
        """What has no limit, or another one, starts meanwhile."""
        hand = Hand(limit=10)
        hand.go(each([1, 2, 3]) >> scarce, each([4, 5, 6]) >> scarce.with_limit(1))
        hand.go(each([7]) >> up)

        assert ["scarce(1)", "scarce(2)", "scarce(4)", "up(7)"] == hand.started()

    def test_is_one_pools(self) -> None:
        """Inputs in progress in another pool do not count."""
        for hand in (Hand(limit=10), Hand(limit=10)):
            hand.go(each([1, 2, 3]) >> scarce)

            assert ["scarce(1)", "scarce(2)"] == hand.started()

    def test_counts_compositions(self) -> None:
        """A composition is in progress in each of its tasks."""
        hand = Hand(limit=10)
        hand.go(each([1]) >> scarce, each([2, 3]) >> up >> scarce, each([4]) >> down)

        assert ["scarce(1)", "scarce(2)", "down(4)"] == hand.started()

    def test_counts_a_composition_with_itself_once(self) -> None:
        """An input that passes a task twice is in progress once."""
        hand = Hand(limit=10)
        hand.go(each([1, 2, 3]) >> (scarce >> scarce))

        assert 2 == len(hand.started())

    def test_keeps_a_pulled_worker_until_there_is_a_place(self) -> None:
        """A worker of a batch that was pulled, and may not start yet, starts when it may."""
        hand = Hand(limit=10)
        hand.go(Workers([1 >> scarce, 2 >> scarce, 3 >> scarce, 4 >> up]))
        first = hand.attempt()
        beyond = [hand.start() for _ in range(4)]
        hand.end(first)

        assert ["scarce(2)"] == [shown(attempt) for attempt in beyond if attempt]
        assert ["scarce(3)", "up(4)"] == [shown(hand.attempt()), shown(hand.attempt())]

    def test_pulls_nothing_more_while_a_pulled_worker_waits(self) -> None:
        """Of a batch whose next worker may not start, no further worker is pulled."""
        hand = Hand(limit=10)
        pulled: list[int] = []

        def workers() -> Iterator[Worker[int]]:
            for number in range(10):
                pulled.append(number)
                yield number >> scarce

        hand.go(Workers(workers()))
        for _ in range(6):
            hand.start()

        assert [0, 1, 2] == pulled
        assert 2 == in_use(hand)

    def test_keeps_pulled_workers_in_order_that_wait(self) -> None:
        """One that has a place waits for those that were pulled before it, and have none."""
        hand = Hand(limit=9)
        hand.go(1 >> scarce, 2 >> scarce, Workers([3 >> scarce, 4 >> up]))
        first, _ = hand.attempt(), hand.attempt()
        slices = [hand.slice()]
        pulled = [next(slices[0].inputs)]
        hand.scheduler.leases.let_go(slices[0])
        slices.append(hand.slice())
        pulled.append(next(slices[1].inputs))
        begun = list(map(hand.begin, slices, pulled))
        before = hand.scheduler.more(hand.now), hand.start()
        hand.end(first)

        assert [None, None] == begun
        assert (False, None) == before
        assert ["scarce(3)", "up(4)"] == hand.started()

    def test_limits_threads_in_slices(self) -> None:
        """A slice takes one place: it has one input in progress at a time."""
        hand = Hand(limit=10)
        hand.go(each(range(9)) >> few, each(range(9)) >> few, each(range(9)) >> few)
        hand.slice()
        second = hand.slice()

        assert hand.next() is None

        next(second.inputs)
        hand.settle(second)

        assert hand.next() is not None

    def test_ends_a_slice_whose_input_waits_for_a_retry(self) -> None:
        """An input that failed in a slice is in progress, and the slice may have no other."""
        hand = Hand(limit=10)
        [stage] = hand.go(each(range(9)) >> few.with_limit(1))
        stage.budget = 4
        slice_ = hand.slice()
        work = hand.scheduler.miss(slice_, 0, next(slice_.inputs), hand.now)
        hand.scheduler.retry(work, 1.0)

        assert [] == hand.work_through(slice_)
        assert hand.next() is None

        hand.now = 1.0

        assert ["few(0)", "few(1)"] == hand.in_turn()[:2]


class TestRoom:
    """An input starts only if all its drains have room, kept for it if it is one output."""

    def test_starts_no_more_inputs_than_have_room(self) -> None:
        """The room of what is in progress is kept, though the drain is empty."""
        hand = Hand(limit=10)
        drain = Drain[int](maxsize=2)
        hand.go(each(range(9)) >> up | drain)

        assert 2 == len(hand.started())
        assert 0 == len(drain)

    def test_keeps_no_room_for_what_is_there(self) -> None:
        """An output uses the room that was kept for it, and no other."""
        hand = Hand(limit=10)
        drain = Drain[int](maxsize=3)
        hand.go(each(range(9)) >> up | drain)
        hand.end(hand.attempt(), 1)

        assert 2 == len(hand.started())

    def test_gives_the_room_back_when_there_is_no_output(self) -> None:
        """An input that failed, or was told to end, leaves its room to the next."""
        hand = Hand()
        hand.go(each([1, 2, 3]) >> up | Drain[int](maxsize=1))
        hand.fail(hand.attempt())
        hand.scheduler.drop(hand.attempt())

        assert ["up(3)"] == hand.started()

    def test_keeps_the_room_while_a_retry_waits(self) -> None:
        """An input that will be tried again keeps its room."""
        hand = Hand(limit=10)
        hand.go(each([1, 2]) >> up | Drain[int](maxsize=1))
        hand.fail(hand.attempt(), retry_in=1.0)

        assert not hand.started()

    def test_starts_the_next_input_when_a_value_was_taken(self) -> None:
        """Who takes a value makes room for one input more."""
        hand = Hand()
        drain = Drain[int](maxsize=1)
        hand.go(each([1, 2]) >> up | drain)
        hand.end(hand.attempt(), 1)
        full = hand.started()
        taken = next(iter(drain))

        assert [] == full
        assert 1 == taken
        assert ["up(2)"] == hand.started()

    def test_is_waited_for_by_a_pulled_worker(self) -> None:
        """No thread would find it something to do before there is some."""
        hand, full = Hand(), filled(9, maxsize=1)
        hand.go(Workers([2 >> up | full]))
        before = hand.start(), hand.scheduler.more(hand.now)
        channel_of(full).pop(Stirred())

        assert (None, False) == before
        assert hand.scheduler.more(hand.now)
        assert ["up(2)"] == hand.started()

    def test_may_go_to_another_pool_at_the_last_moment(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Then the input waits, and keeps nothing; it starts once there is room."""
        hand, drain = Hand(), Drain[int](maxsize=1)
        hand.go(Workers([2 >> scarce | drain]))
        with monkeypatch.context() as patch:
            patch.setattr(Channel, "reserve", lambda *_: False)
            before = hand.start()

        assert before is None
        assert 1 == channel_of(drain).room(1)
        assert ["scarce(2)"] == hand.started()

    def test_that_is_kept_in_one_drain_is_given_back_if_another_has_none(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Once, and all of it."""
        hand, first, second = Hand(), Drain[int](maxsize=1), Drain[int](maxsize=1)
        hand.go(Workers([2 >> up | first | second]))
        reserve, late = Channel.reserve, channel_of(second)
        with monkeypatch.context() as patch:
            patch.setattr(
                Channel, "reserve", lambda c, by: c is not late and reserve(c, by)
            )
            before = hand.start(), channel_of(first).room(1)

        assert (None, 1) == before
        assert ["up(2)"] == hand.in_turn()
        assert [1, 1] == [
            c.maxsize - c.room(1) for c in map(channel_of, (first, second))
        ]

    def test_is_kept_in_every_drain_that_is_not_ordered(self) -> None:
        """Whichever is named first."""
        hand, ordered, drain = Hand(), Drain[int](ordered=True), Drain[int](maxsize=1)
        hand.go(each([1]) >> up | ordered | drain)
        hand.attempt()

        assert 0 == channel_of(drain).room(1)

    def test_in_a_drain_is_needed_though_another_is_shut(self) -> None:
        """Whichever is named first."""
        hand, shut, full = Hand(), Drain[int](), filled(9, maxsize=1)
        hand.go(each([1]) >> up | shut | full)
        shut.shut_down()

        assert not hand.scheduler.more(hand.now)
        assert hand.start() is None

    def test_for_one_is_enough(self) -> None:
        """Nobody waits for more."""
        hand, drain = Hand(), Drain[int](maxsize=1)
        hand.go(each([1]) >> up | drain)

        assert hand.scheduler.more(hand.now)
        assert not channel_of(drain).starves

    def test_needs_room_in_every_drain(self) -> None:
        """One full drain of two is enough to hold an input back."""
        hand = Hand(limit=10)
        hand.go(each(range(9)) >> up | Drain[int](maxsize=5) | Drain[int](maxsize=1))

        assert ["up(0)"] == hand.started()

    def test_shares_room_among_the_stages_of_a_drain(self) -> None:
        """Two stages on one drain keep room in it together."""
        hand = Hand(limit=10)
        drain = Drain[int](maxsize=3)
        hand.go(each([1, 2]) >> up | drain, each([3, 4]) >> down | drain)

        assert ["up(1)", "up(2)", "down(3)"] == hand.started()

    def test_runs_what_has_room_while_a_stage_has_none(self) -> None:
        """A stage whose drain is full holds back no other."""
        hand = Hand(limit=10)
        hand.go(each([1, 2]) >> up | filled(9, maxsize=1), each([3]) >> down)

        assert ["down(3)"] == hand.started()

    def test_starts_a_stream_if_there_is_room_for_one_output(self) -> None:
        """A stream keeps no room, since nobody knows how much it needs."""
        hand = Hand(limit=10)
        drain = Drain[int](maxsize=1)
        hand.go(each([1, 2]) >> many | drain)
        started = hand.started()
        drain.send(9)
        hand.go(each([3]) >> many | drain)

        assert ["many(1)", "many(2)"] == started
        assert not hand.started()

    def test_takes_as_many_inputs_in_a_slice_as_have_room(self) -> None:
        """A slice stops where the drain would be full."""
        hand = Hand()
        drain = Drain[int](maxsize=3)
        [stage] = hand.go(each(range(9)) >> quick | drain)
        stage.budget = LONGEST

        assert [0, 1, 2] == hand.work_through(hand.slice())
        assert hand.next() is None

    def test_keeps_room_for_what_a_slice_may_still_send(self) -> None:
        """The room of a slice's inputs is kept, those not taken yet included."""
        hand = Hand(limit=3)
        drain = Drain[int](maxsize=4)
        hand.go(each(range(9)) >> quick | drain, each(range(9)) >> up | drain)
        hand.scheduler.graph.awake[0].budget = 4
        slice_ = hand.slice()
        slice_.outlet.append(next(slice_.inputs))
        before = hand.started()
        slice_.outlet.append(next(slice_.inputs))

        assert [] == before == hand.started()
        assert 4 == len(hand.work_through(slice_)) + 2

    def test_is_given_back_by_a_slice_that_is_to_stop(self) -> None:
        """It keeps room for what it is at, and takes nothing more that is not begun."""
        hand, drain = Hand(), Drain[int](maxsize=4)
        first = self.one_at_a_time(hand, drain)
        next(first.inputs)
        for _ in range(3):  # who waits for room has it stop
            drain.send(9, timeout=0)

        with pytest.raises(TimeoutError):
            drain.send(9, timeout=0)

        assert [] == list(first.inputs)

    def test_is_given_back_to_who_had_patience(self) -> None:
        """An input that takes long keeps other stages from no room but its own."""
        # 1. A slice has all the room, and is at its first input, for how long nobody knows.
        # 2. Another stage finds no room, and its thread parks with patience.
        # 3. It looks again: what the slice has not begun it gives back.
        hand, drain = Hand(limit=2), Drain[int](maxsize=4)
        first = self.one_at_a_time(hand, drain)
        next(first.inputs)
        before = hand.scheduler.shared()
        hand.go(each(range(9)) >> quick | drain)
        found = hand.next()
        helps = hand.scheduler.shared()
        second = hand.slice(patient=True)

        assert (False, None, True) == (before, found, helps)
        assert [] == list(first.inputs)
        assert [0] == hand.work_through(second)
        assert not hand.scheduler.shared()

    def test_is_kept_for_one_input_of_a_slice_until_it_begins(self) -> None:
        """Else slices could take it from each other, and none would begin."""
        hand, drain = Hand(limit=2), Drain[int](maxsize=4)
        first = self.one_at_a_time(hand, drain)
        hand.go(each(range(9)) >> up | drain)

        assert (
            hand.next() is not None
        )  # who asks before the first pull has it stop, too
        assert [0] == list(first.inputs)

    def test_is_given_back_to_work_that_waits_for_it(self) -> None:
        """An input that was pulled and found no room is no worse off than a new one."""
        hand, drain = Hand(limit=3), Drain[int](maxsize=4)
        [stage] = hand.go(each([7]) >> up | drain)
        pulls = hand.slice()
        first = self.one_at_a_time(hand, drain)
        next(first.inputs)
        pulls.missed += 1
        waits = hand.scheduler.begin(pulls, next(pulls.inputs), hand.now)
        found = hand.next()
        attempt = hand.next(patient=True)

        assert (None, None) == (waits, found)
        assert isinstance(attempt, Attempt)
        assert attempt.work.stage is stage

    @staticmethod
    def one_at_a_time(hand: Hand, drain: Drain[int]) -> Slice:
        """Begin a slice of a task whose limit keeps others from taking its lease."""
        [stage] = hand.go(each(range(9)) >> quick.with_limit(1) | drain)
        stage.budget = LONGEST
        return hand.slice()

    def test_ignores_the_room_of_a_drain_that_is_shut(self) -> None:
        """Of two drains one of which is shut, only the other needs room."""
        hand = Hand()
        shut = filled(9, maxsize=1)
        hand.go(each([1]) >> up | shut | Drain[int](maxsize=1))
        shut.shut_down()

        assert ["up(1)"] == hand.started()


class TestSlices:
    """Quick inputs of one stage run in a row, on one thread, without a decision each."""

    def test_take_more_inputs_as_long_as_those_are_quick(self) -> None:
        """Each slice takes more inputs than the one before."""
        hand = Hand(limit=1)
        hand.go(each(range(999)) >> quick)
        lengths = [len(hand.work_through(hand.slice())) for _ in range(4)]

        assert [1, 8, 64, 512] == lengths

    @pytest.mark.parametrize(("limit", "longest"), [(1, ALONE), (2, LONGEST)])
    def test_leave_time_to_look_at_what_else_there_is(
        self, limit: int, longest: int
    ) -> None:
        """No slice is longer than its bound, which is lower for a single thread."""
        hand = Hand(limit)
        [stage] = hand.go(each(range(LONGEST + 1)) >> quick)
        stage.budget = LONGEST

        assert longest == len(hand.work_through(hand.slice()))

    def test_take_fewer_inputs_when_those_are_slow(self) -> None:
        """After a slice that took too long the next is a quarter as long."""
        hand = Hand(limit=1)
        [stage] = hand.go(each(range(1000)) >> quick)
        stage.budget = 64
        slice_ = hand.slice()
        hand.now += 64 * QUICK_S + 0.1
        hand.work_through(slice_)

        assert 16 == len(hand.work_through(hand.slice()))

    def test_take_what_is_there(self) -> None:
        """A slice of given workers, or of a drain, takes no more than there is."""
        hand = Hand(limit=1)
        [given, fed] = hand.go(1 >> quick, 2 >> quick, filled(3, 4, 5) >> quick)
        given.budget = fed.budget = LONGEST
        slice_ = hand.slice()
        workers = list(slice_.inputs)
        hand.settle(slice_)

        assert 2 == len(workers)
        assert [3, 4, 5] == hand.work_through(hand.slice())

    def test_let_go_of_the_source_at_once_while_others_could_use_it(self) -> None:
        """A single input is armed if a slot is left: its thread lets go after the pull."""
        hand = Hand(limit=2)
        hand.go(filled(1, 2, 3) >> quick)
        first = hand.slice()
        next(first.inputs)
        hand.scheduler.leases.let_go(first)
        second = hand.slice()

        assert first.armed
        assert not second.armed
        assert 2 == next(second.inputs)

    def test_let_go_of_an_iterable_after_a_single_pull(self) -> None:
        """A pull that is slow is no time of the input's: the thread reports in between."""
        hand = Hand(limit=1)
        hand.go(each(n for n in range(9)) >> quick | Drain[int](ordered=True))

        assert hand.slice().armed

    def test_keep_the_source_at_limit_1(self) -> None:
        """Nobody else could use the source, so nothing stops the slice."""
        hand = Hand(limit=1)
        hand.go(filled(1, 2, 3) >> quick)

        assert not hand.slice().armed

    def test_are_armed_when_another_stage_waits_for_their_outputs(self) -> None:
        """Who finds nothing stops slices that send to a stage, or take from a bounded drain."""
        hand = Hand(limit=9)
        middle, bounded, other = Drain[int](), filled(1, 2, maxsize=2), filled(1, 2)
        stages = hand.go(
            each(range(9)) >> quick | middle,
            bounded >> quick,
            other >> quick,
            middle >> up,
            each(range(9)) >> up | bounded | other,
        )
        for stage in stages:
            stage.budget = 2

        slices = sorted([hand.slice() for _ in range(3)], key=lambda s: s.stage.key)
        for slice_ in slices:
            slice_.armed = False  # they were armed by who asked for the next

        hand.scheduler.leases.arm()

        assert [True, True, False] == [slice_.armed for slice_ in slices]

    def test_may_come_if_a_stage_is_known_to_be_quick(self) -> None:
        """Then a thread that was roused for one looks after the next as well."""
        hand = Hand()
        [stage] = hand.go(each([1, 2]) >> quick)
        before = hand.scheduler.leases.may_come
        stage.budget = 2

        assert (False, True) == (before, hand.scheduler.leases.may_come)

    @pytest.mark.parametrize(
        ("values", "maxsize", "found"),
        [
            ([1], 0, True),  # what it sends would be another's input
            ([], 5, True),  # the room it makes would be another's
            ([], 0, False),
        ],
    )
    def test_are_armed_only_where_they_may_hold_others_back(
        self, values: list[int], maxsize: int, *, found: bool
    ) -> None:
        """Else who finds nothing to do has seen all that there is."""
        hand, middle = Hand(), Drain[int](maxsize)
        hand.go(each(values) >> quick | middle, middle >> quick)
        assert not hand.scheduler.leases.arm()

        if not values:
            middle.send(1)

        hand.slice()

        assert found == hand.scheduler.leases.arm()

    def test_report_an_input_that_failed_and_go_on(self) -> None:
        """An input that failed is taken out of the slice, and may be retried."""
        hand = Hand(limit=1)
        [stage] = hand.go(each([1, 2]) >> quick)
        stage.budget = 2
        slice_ = hand.slice()
        work = hand.scheduler.miss(slice_, 0, next(slice_.inputs), hand.now)
        hand.scheduler.retry(work, hand.now + 1.0)
        rest = hand.work_through(slice_)
        hand.now = 1.0

        assert [2] == rest
        assert ["quick(1)"] == hand.in_turn()
        assert (2, 2, 0, 0, 0) == counts(hand)
        assert 3 == stats(hand).attempts


class TestGivenWorkers:
    """Workers of several tasks given in one go(), whose tasks are quick."""

    def test_start_in_the_order_of_the_arguments(self) -> None:
        """A slice takes those alone that come before the next one of another task."""
        hand = Hand()
        stages = hand.go(1 >> quick, 2 >> quick, 3 >> few, 4 >> quick)
        for stage in stages:
            stage.budget = 4

        sizes = list[int]()
        for _ in range(3):
            slice_ = hand.slice()
            sizes.append(len(list(slice_.inputs)))
            hand.settle(slice_)

        assert [2, 1, 1] == sizes

    def test_start_not_at_all_without_room(self) -> None:
        """However many there are."""
        hand, full = Hand(), filled(9, maxsize=1)
        hand.go(1 >> quick | full, 2 >> few | full)

        assert hand.next() is None


def told(hand: Hand, slice_: Slice) -> None:
    """Tell it to end."""
    hand.scheduler.cancel()


def let_go(hand: Hand, slice_: Slice) -> None:
    """Take the source from it."""
    hand.scheduler.leases.let_go(slice_)


def beside_another(hand: Hand, slice_: Slice) -> None:
    """Give the pool something else to do."""
    hand.go(1 >> up)


def shut(hand: Hand, slice_: Slice) -> None:
    """Shut its drain."""
    slice_.stage.channels[0].close()


def in_need_of_room(hand: Hand, slice_: Slice) -> None:
    """Have another pool find no room in its drain."""
    hold_back(slice_.stage.channels[0], Stirred())


class TestStopped:
    """A slice that was stopped passes on what it sent, and may go on with the rest."""

    def begun(self, hand: Hand, drain: Drain[int]) -> Slice:
        """Have a thread in the middle of a slice, with one output sent."""
        [stage] = hand.go(each(range(9)) >> quick | drain)
        stage.budget = 4
        slice_ = hand.slice()
        slice_.outlet.append(next(slice_.inputs))
        slice_.arm()
        return slice_

    @pytest.mark.parametrize("ordered", [False, True])
    def test_goes_on_after_who_waits_for_its_outputs_was_woken(
        self, *, ordered: bool
    ) -> None:
        """To end it, and begin another, would take longer than many inputs."""
        hand, drain = Hand(), Drain[int](ordered=ordered)
        slice_ = self.begun(hand, drain)
        reading = channel_of(drain).taking(THREADS)
        slice_.outlet.clear()
        waiter = next(reading)
        slice_.outlet.append(0)

        assert hand.scheduler.leases.goes_on(slice_)
        assert (True, False) == (waiter.woken, slice_.armed)
        assert [1, 2, 3] == list(slice_.inputs)

        reading.close()

    @pytest.mark.parametrize(
        "happens", [told, let_go, beside_another, shut, in_need_of_room]
    )
    def test_ends_if_it_was_stopped_for_something_else(
        self, happens: Callable[[Hand, Slice], None]
    ) -> None:
        """Then all it keeps is wanted, or its thread is."""
        hand = Hand()
        slice_ = self.begun(hand, Drain[int]())
        happens(hand, slice_)

        assert not hand.scheduler.leases.goes_on(slice_)

    def test_ends_if_somebody_waits_for_room_where_it_takes_inputs(self) -> None:
        """It tells of the room it makes when it ends."""
        hand, full = Hand(), filled(1, 2, maxsize=2)
        [stage] = hand.go(full >> quick | Drain[int]())
        stage.budget = 2
        slice_ = hand.slice()
        hold_back(channel_of(full), Stirred())

        assert not hand.scheduler.leases.goes_on(slice_)

    def test_ends_if_it_keeps_its_outputs_until_it_is_their_turn(self) -> None:
        """They come in with its end."""
        hand, drain = Hand(limit=2), Drain[int](ordered=True)
        first = self.begun(hand, drain)
        let_go(hand, first)
        second = hand.slice()

        assert not hand.scheduler.leases.goes_on(second)


class TestLease:
    """The right to pull from a source, which one slice has at a time."""

    def test_is_one_threads(self) -> None:
        """While a thread may pull, no other gets an input of that source."""
        hand = Hand(limit=2)
        [stage] = hand.go(each(range(9)) >> quick)
        stage.budget = 4
        first = hand.slice()

        assert hand.next() is None
        assert [0, 1, 2, 3] == list(first.inputs)[:1] + list(range(1, 4))

    @pytest.mark.parametrize(("inputs", "shared"), [(1, False), (2, True)])
    def test_is_looked_after_if_there_is_more_than_its_thread_begins_with(
        self, inputs: int, *, shared: bool
    ) -> None:
        """Else there is nothing to share, however slow that is."""
        hand = Hand(limit=2)
        [stage] = hand.go(*[1 >> quick for _ in range(inputs)])
        stage.budget = 2
        hand.slice()

        assert shared is hand.scheduler.shared()

    def test_is_let_go_after_the_pull_if_another_thread_asked_before(self) -> None:
        """Who asks before the first pull stops the slice right after it."""
        hand = Hand(limit=2)
        [stage] = hand.go(each(range(9)) >> quick)
        stage.budget = 4
        first = hand.slice()
        hand.next()

        assert first.armed

    def test_is_left_alone_for_a_while(self) -> None:
        """Who asks once after the first pull gets nothing, and the slice goes on."""
        hand = Hand(limit=2)
        first = self.leased(hand)

        assert hand.next() is None
        assert not first.armed
        assert 1 == next(first.inputs)

    def test_is_taken_away_after_patience(self) -> None:
        """Who asks again after some patience gets the next input; the first stops."""
        hand = Hand(limit=2)
        first = self.leased(hand)
        hand.next()
        second = hand.slice(patient=True)

        assert first.armed
        assert [] == list(first.inputs)
        assert 1 == next(second.inputs)

    def test_is_not_taken_by_who_was_never_refused_it(self) -> None:
        """Patience with something else takes no lease away that it did not wait for."""
        hand = Hand(limit=2)
        first = self.leased(hand)

        assert hand.next(patient=True) is None
        assert not first.armed

    def test_is_not_taken_away_during_a_pull(self) -> None:
        """A thread in the iterable keeps the lease until the iterable gives an input."""
        hand = Hand(limit=2)
        inside: list[object] = []

        def values() -> Iterator[int]:
            yield 0
            inside.append(hand.next(patient=True))
            yield 1

        [stage] = hand.go(each(values()) >> quick)
        stage.budget = 4
        slice_ = hand.slice()
        next(slice_.inputs)
        hand.next()  # refuses it

        assert 1 == next(slice_.inputs)
        assert [None] == inside
        assert slice_.armed  # so that its thread lets go now

    def test_is_not_taken_away_by_who_looked_just_before_the_pull(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever takes it sees in the same step whether its thread is in the iterable."""
        # 1. B looks: A is not in the iterable.
        # 2. A enters it.
        # 3. B would take the lease.
        hand = Hand(limit=2)
        inside: list[object] = []

        def values() -> Iterator[int]:
            yield 0
            monkeypatch.setattr(Leases, "_awaits", lambda *_: False)
            hand.next()  # refuses it
            inside.append(hand.next(patient=True))
            yield 1

        [stage] = hand.go(each(values()) >> quick)
        stage.budget = 4
        slice_ = hand.slice()

        assert [0, 1] == list(islice(slice_.inputs, 2))
        assert ([None], True) == (inside, slice_.armed)
        assert stage.lease is slice_

    def test_is_not_taken_away_between_a_pull_and_the_start(self) -> None:
        """A thread with an input that needs a turn begins it before others pull the next."""
        hand = Hand(limit=2)
        hand.go(each([1, 2]) >> up | Drain[int](ordered=True))
        slice_ = hand.slice()
        value = next(slice_.inputs)
        hand.next()  # refuses it

        assert hand.next(patient=True) is None

        slice_.missed += 1
        attempt = hand.scheduler.begin(slice_, value, hand.now)

        assert attempt is not None
        assert (1, 0, 0) == attempt.work.key

    def test_passes_on_where_it_was_taken_away(self) -> None:
        """Inputs have the number of their place in the source, whoever pulls them."""
        hand = Hand(limit=2)
        first = self.leased(hand)
        hand.next()
        second = hand.slice(patient=True)
        next(second.inputs)

        assert 0 == first.number
        assert 1 == second.number

    def test_counts_every_input_once_when_it_is_taken_away(self) -> None:
        """Nothing is lost and nothing counted twice when threads share a source."""
        hand = Hand(limit=2)
        first = self.leased(hand)
        hand.next()
        second = hand.slice(patient=True)
        hand.settle(first)
        rest = hand.work_through(second)
        while hand.scheduler.more(hand.now):
            rest += hand.work_through(hand.slice())

        assert list(range(1, 9)) == rest
        assert (9, 9, 0, 0, 0) == counts(hand)
        assert hand.scheduler.idle()

    def test_is_short_after_it_was_taken_away(self) -> None:
        """The stage shows that it is not quick: its next slices are single inputs."""
        hand = Hand(limit=2)
        self.leased(hand)
        hand.next()

        assert 1 == len(hand.work_through(hand.slice(patient=True)))

    def test_stays_with_a_thread_that_is_quick(self) -> None:
        """One that took an input every few microseconds since may go on."""
        hand = Hand(limit=2)
        hand.now = 1.0
        first = self.leased(hand)
        hand.next()
        next(first.inputs)
        hand.now += QUICK_S / 2

        assert hand.next(patient=True) is None

        hand.next()
        hand.now += QUICK_S / 2

        assert hand.slice(patient=True).stage is first.stage
        assert [] == hand.work_through(first)

    def test_is_taken_from_a_thread_that_does_not_come_to_begin(self) -> None:
        """Whoever asks does the work, if the other has had it for a while."""
        hand = Hand(limit=2)
        [stage] = hand.go(each(range(9)) >> quick)
        stage.budget = 4
        first = hand.slice()
        at_once = hand.next()
        hand.now += 2 * PATIENCE_S

        assert at_once is None
        assert [0, 1, 2, 3] == hand.work_through(hand.slice())
        assert [] == hand.work_through(first)

    def test_is_let_go_of_by_a_thread_that_came_to_begin_at_that_moment(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is in the iterable by then, and hears of it after the pull."""
        # 1. B looks: A has not begun.
        # 2. A enters the iterable.
        # 3. B would take the lease.
        hand = Hand(limit=2)
        [stage] = hand.go(each(range(9)) >> quick)
        stage.budget = 4
        first = hand.slice()
        monkeypatch.setattr(Slice, "closed_pulling", lambda _: True)
        hand.now += 2 * PATIENCE_S

        assert hand.next() is None
        assert first.armed

    def test_is_left_to_a_thread_as_long_as_patience_lasts(self) -> None:
        """It may have lost the interpreter for that long."""
        hand = Hand(limit=2)
        [stage] = hand.go(each(range(9)) >> quick)
        stage.budget = 4
        hand.slice()
        hand.now = PATIENCE_S

        assert hand.next() is None

    def test_is_left_to_a_thread_that_has_had_it_for_a_moment(self) -> None:
        """Whatever time it is."""
        hand = Hand(limit=2)
        hand.now = 1000.0
        [stage] = hand.go(each(range(9)) >> quick)
        stage.budget = 4
        first = hand.slice()

        assert hand.next() is None
        assert [0] == list(islice(first.inputs, 1))

    def test_is_taken_from_a_thread_that_is_slow_though_it_goes_on(self) -> None:
        """Fewer inputs than one every few microseconds are too few."""
        hand = Hand(limit=2)
        first = self.leased(hand)
        hand.next()
        next(first.inputs)
        hand.now += 1.5 * QUICK_S

        assert first.stage is hand.slice(patient=True).stage

    def test_is_judged_by_what_its_thread_did_since_it_was_last_asked(self) -> None:
        """One that was quick before, and stands still now, has it no more."""
        hand = Hand(limit=2)
        first = self.leased(hand)
        hand.next()
        next(first.inputs)
        hand.now += QUICK_S / 2
        assert hand.next(patient=True) is None
        hand.now += QUICK_S / 4

        assert hand.next(patient=True) is not None

    def test_makes_room_for_others_when_it_ends(self) -> None:
        """A pool that found none in the drain hears of it."""
        hand, feeder = Hand(), Stirred()
        drain = filled(1, maxsize=1)
        hold_back(channel_of(drain), feeder)
        hand.go(drain >> quick)
        hand.work_through(hand.slice())

        assert 1 == feeder.times

    def test_is_worth_sharing_where_somebody_waits_for_room(self) -> None:
        """Who found no room in the drain it takes from waits for what it makes."""
        hand = Hand(limit=2)
        drain = filled(1, maxsize=1)
        [stage] = hand.go(drain >> quick | Drain[int]())
        stage.budget = 4
        slice_ = hand.slice()
        next(slice_.inputs)
        before = hand.scheduler.shared()
        hold_back(channel_of(drain), Stirred())

        assert (False, True) == (before, hand.scheduler.shared())

    def test_is_worth_sharing_only_where_an_input_could_start(self) -> None:
        """There is one that its thread has not taken, and room for what comes of it."""
        hand = Hand(limit=2)
        out = Drain[int](maxsize=2)
        [stage] = hand.go(filled(1, 2, 3) >> quick | out)
        stage.budget = 4
        slice_, shared = hand.slice(), list[bool]()
        slice_.outlet.append(next(slice_.inputs))
        next(slice_.inputs)
        shared.append(hand.scheduler.shared())  # no room
        channel_of(out).pop(Stirred())
        shared.append(hand.scheduler.shared())
        channel_of(out).values.clear()
        assert isinstance(stage.source, Flow)
        stage.source.channel.values.clear()
        shared.append(hand.scheduler.shared())  # no input

        assert [False, True, False] == shared

    def test_is_not_worth_sharing_during_a_pull(self) -> None:
        """No other thread may enter the iterable, however patient it is."""
        hand, shared = Hand(limit=2), list[bool]()

        def values() -> Iterator[int]:
            yield 0
            shared.append(hand.scheduler.shared())
            yield 1

        [stage] = hand.go(each(values()) >> quick)
        stage.budget = 4
        slice_ = hand.slice()
        next(slice_.inputs)
        shared.append(hand.scheduler.shared())
        next(slice_.inputs)

        assert [True, False] == shared

    def test_says_that_patience_would_help(self) -> None:
        """`shared` is true while a lease holds back what could start otherwise."""
        hand = Hand(limit=2)
        before = hand.scheduler.shared()
        first = self.leased(hand)
        during = hand.scheduler.shared()
        hand.work_through(first)

        assert [False, True, False] == [before, during, hand.scheduler.shared()]

    def leased(self, hand: Hand) -> Slice:
        """Have a thread in the middle of a slice of nine inputs, at its first."""
        [stage] = hand.go(each(range(9)) >> quick)
        stage.budget = 4
        slice_ = hand.slice()
        next(slice_.inputs)
        return slice_


class TestAccounts:
    """At any instant accepted = succeeded + failed + cancelled + in progress."""

    def test_accept_given_workers_in_go(self) -> None:
        """A worker given to go() is accepted there."""
        hand = Hand()
        hand.go(1 >> up, 2 >> up, 3 >> quick)

        assert (3, 0, 0, 0, 3) == counts(hand)

    def test_count_an_attempt_when_it_starts(self) -> None:
        """An input that was pulled alone starts when others may use the source."""
        hand = Hand()
        hand.go(each(n for n in [1, 2]) >> quick | Drain[int](ordered=True))
        slice_ = hand.slice()
        next(slice_.inputs)
        before = stats(hand).attempts, counts(hand)
        hand.scheduler.leases.let_go(slice_)

        assert (0, (1, 0, 0, 0, 1)) == before
        assert 1 == stats(hand).attempts

    @pytest.mark.parametrize("shown", [True, False])
    def test_count_an_attempt_for_good(self, *, shown: bool) -> None:
        """An input that was shown as started starts, though it could be dropped yet."""
        # 1. A thread pulls an input, and is about to start it.
        # 2. Somebody looks at the accounts: it counts as started.
        # 3. A failure elsewhere cancels the pool. The thread hears of that.
        hand = Hand()
        [stage] = hand.go(each(range(9)) >> quick)
        stage.budget = 4
        slice_ = hand.slice()
        value = next(slice_.inputs)
        before = stats(hand).attempts if shown else 0
        hand.scheduler.die(stage.outcome, SystemExit())
        Runner(hand)._let_go(slice_, value)  # noqa: SLF001
        starts = list(slice_.inputs)
        hand.settle(slice_)

        assert [value] * shown == starts
        assert before == stats(hand).attempts == shown
        assert (1, shown, 0, not shown, 0) == counts(hand)

    def test_drop_an_input_that_is_not_shown_as_started(self) -> None:
        """One that is held until others may use the iterable is not, and it is dropped."""
        hand = Hand(limit=2)
        [stage] = hand.go(each(range(9)) >> quick | Drain[int](ordered=True))
        slice_ = hand.slice()
        value = next(slice_.inputs)
        before = stats(hand).attempts
        hand.scheduler.die(stage.outcome, SystemExit())
        Runner(hand)._let_go(slice_, value)  # noqa: SLF001

        assert [] == list(slice_.inputs)
        assert 0 == before == stats(hand).attempts

    def test_accept_an_input_when_its_iterable_hands_it_over(self) -> None:
        """What is still in the iterable does not count."""
        hand = Hand()
        hand.go(each([1, 2]) >> up)
        before = counts(hand)
        hand.attempt()

        assert (0, 0, 0, 0, 0) == before
        assert (1, 0, 0, 0, 1) == counts(hand)

    def test_accept_a_value_when_its_stage_takes_it(self) -> None:
        """What waits in a drain does not count."""
        hand = Hand()
        hand.go(filled(1, 2) >> up)
        before = counts(hand)
        hand.attempt()

        assert (0, 0, 0, 0, 0) == before
        assert (1, 0, 0, 0, 1) == counts(hand)

    def test_follow_each_input_to_its_end(self) -> None:
        """Each input is in one account, and moves there when it ends."""
        hand = Hand(limit=3)
        hand.go(each([1, 2, 3]) >> up)
        first, second, third = hand.attempt(), hand.attempt(), hand.attempt()
        seen = [counts(hand)]
        hand.end(first)
        seen.append(counts(hand))
        hand.fail(second)
        seen.append(counts(hand))
        hand.scheduler.drop(third)
        seen.append(counts(hand))

        assert [
            (3, 0, 0, 0, 3),
            (3, 1, 0, 0, 2),
            (3, 1, 1, 0, 1),
            (3, 1, 1, 1, 0),
        ] == seen

    def test_count_a_retried_input_once(self) -> None:
        """An input waits, is tried again, and ends: one input, two attempts."""
        hand = Hand()
        hand.go(1 >> up)
        hand.fail(hand.attempt(), retry_in=0.0)
        waiting = stats(hand)
        hand.end(hand.attempt())

        assert (1, 1) == (waiting.in_progress, waiting.waiting_for_retry)
        assert (1, 1, 0, 0, 0) == counts(hand)
        assert 2 == stats(hand).attempts

    def test_count_the_inputs_of_a_slice_while_it_runs(self) -> None:
        """All inputs before the last that a slice took have succeeded."""
        hand = Hand()
        [stage] = hand.go(each(range(9)) >> quick)
        stage.budget = 4
        slice_ = hand.slice()
        seen = [counts(hand)]
        for _ in range(2):
            next(slice_.inputs)
            seen.append(counts(hand))

        assert [(0, 0, 0, 0, 0), (1, 0, 0, 0, 1), (2, 1, 0, 0, 1)] == seen

    def test_count_all_before_an_input_that_failed_in_a_slice(self) -> None:
        """While a failure is judged, what ran before it in the slice has succeeded."""
        hand = Hand()
        [stage] = hand.go(each(range(9)) >> quick)
        stage.budget = 4
        slice_ = hand.slice()
        next(slice_.inputs)
        hand.scheduler.miss(slice_, 0, next(slice_.inputs), hand.now)

        assert (2, 1, 0, 0, 1) == counts(hand)

    def test_count_given_workers_in_a_slice_once(self) -> None:
        """A slice of given workers accepts nothing anew."""
        hand = Hand()
        [stage] = hand.go(1 >> quick, 2 >> quick, 3 >> quick)
        stage.budget = 2
        slice_ = hand.slice()
        list(slice_.inputs)
        during = counts(hand)
        hand.settle(slice_)

        assert (3, 1, 0, 0, 2) == during
        assert (3, 2, 0, 0, 1) == counts(hand)

    def test_count_a_last_output_that_came_too_late_as_cancelled(self) -> None:
        """An output that a slice adds after its drain was shut is lost, and counted."""
        hand = Hand()
        drain = Drain[int]()
        [stage] = hand.go(each(range(9)) >> quick | drain)
        stage.budget = 4
        slice_ = hand.slice()
        slice_.outlet.append(next(slice_.inputs))
        late = next(slice_.inputs)
        drain.shut_down()
        slice_.outlet.append(late)
        hand.settle(slice_)

        assert [0] == drain.drain()
        assert (2, 1, 0, 1, 0) == counts(hand)

    def test_count_an_output_in_time_although_the_drain_is_shut(self) -> None:
        """What a slice sent before its drain was shut has succeeded."""
        hand = Hand()
        drain = Drain[int]()
        [stage] = hand.go(each(range(9)) >> quick | drain)
        stage.budget = 4
        slice_ = hand.slice()
        slice_.outlet.append(next(slice_.inputs))
        drain.shut_down()
        hand.settle(slice_)

        assert [0] == drain.drain()
        assert (1, 1, 0, 0, 0) == counts(hand)

    def test_count_what_waits_for_room(self) -> None:
        """An input that lent its slot waits, and does not run."""
        hand = Hand(limit=2)
        hand.go(each([1, 2]) >> up)
        hand.scheduler.slots.lend(hand.attempt(), hand.now)
        hand.attempt()

        assert 1 == stats(hand).waiting_for_room
        assert 1 == stats(hand).running

    def test_count_a_pulled_worker_that_may_not_start(self) -> None:
        """A worker that was pulled, and has no place, is in progress and waits."""
        hand = Hand(limit=9)
        hand.go(Workers(number >> scarce for number in range(3)))
        for _ in range(3):
            hand.start()

        assert (3, 0, 0, 0, 3) == counts(hand)
        assert 1 == stats(hand).waiting_for_room

    def test_count_what_ended_all_the_rest_as_failed(self) -> None:
        """An input that raised what is no Exception has no failure to tell of."""
        hand, fatal = Hand(), SystemExit()
        hand.go(1 >> up, 2 >> up)
        attempt = hand.attempt()
        hand.scheduler.stop(attempt)
        hand.scheduler.lose(attempt.work, fatal)

        assert (2, 0, 1, 1, 0) == counts(hand)
        assert hand.scheduler.outcome.fatal is fatal

    def test_count_a_call_that_follows_in_the_same_attempt(self) -> None:
        """Each call of a composition has attempts, and a clock, of its own."""
        hand = Hand()
        hand.go(1 >> (up >> down))
        attempt = hand.attempt()
        before = stats(hand).attempts, attempt.deadline
        hand.now = 5.0
        hand.scheduler.proceed(attempt, hand.now)

        assert (1, 3600.0) == before
        assert (2, 3605.0) == (stats(hand).attempts, attempt.deadline)

    def test_order_failures_by_go_argument_and_input(self) -> None:
        """Failures know their place, in whatever order they happen."""
        hand = Hand(limit=9)
        hand.go(each([1, 2]) >> up, 3 >> up, 4 >> down)
        hand.go(5 >> up)
        attempts = list(iter(hand.start, None))
        for attempt in reversed(attempts):
            hand.fail(attempt)

        failures = sorted(hand.scheduler.outcome.failures, key=lambda kept: kept[0])

        assert [1, 2, 3, 4, 5] == [failure.input for _, failure in failures]

    def test_place_a_failure_of_an_iterable_where_its_input_would_be(self) -> None:
        """What an iterable raises comes between the failures of its inputs."""
        hand = Hand()
        hand.go(each(range(9)) >> quick)
        slice_ = hand.slice()
        next(slice_.inputs)
        hand.scheduler.fail_input(slice_, FAILURE)

        assert [((1, 0, 1), FAILURE)] == hand.scheduler.outcome.failures


class TestTimers:
    """Works that wait for their next attempt."""

    def test_start_nothing_before_it_is_due(self) -> None:
        """A work waits as long as it was told to, and not longer."""
        hand = Hand()
        hand.go(1 >> up)
        hand.fail(hand.attempt(), retry_in=2.0)
        hand.now = 1.999
        early = hand.start()
        hand.now = 2.0

        assert early is None
        assert ["up(1)"] == hand.started()

    def test_say_when_the_first_is_due(self) -> None:
        """Time changes something when the earliest retry is due; without one, never."""
        hand = Hand(limit=3)
        never = hand.scheduler.next_due()
        hand.go(each([1, 2, 3]) >> up)
        for retry_in in (3.0, 1.0, 2.0):
            hand.fail(hand.attempt(), retry_in=retry_in)

        assert never is None
        assert 1.0 == hand.scheduler.next_due()

    def test_wait_for_nobody_while_no_slot_is_free(self) -> None:
        """Whoever frees one looks at what is due."""
        hand = Hand()
        hand.go(1 >> quick.with_retry(2), 2 >> quick.with_retry(2))
        hand.fail(hand.attempt(), retry_in=1.0)
        before = hand.scheduler.next_due()
        hand.attempt()

        assert (1.0, None) == (before, hand.scheduler.next_due())

    def test_keep_the_scheduler_from_being_idle(self) -> None:
        """There is something to wait for while a retry waits."""
        hand = Hand()
        hand.go(1 >> up)
        hand.fail(hand.attempt(), retry_in=2.0)

        assert not hand.scheduler.idle()
        assert not hand.scheduler.quiet()

    def test_count_the_attempts_at_one_input(self) -> None:
        """The third attempt at an input knows that it is the third, and when the first was."""
        hand = Hand()
        hand.go(1 >> up)
        hand.now = 5.0
        for _ in range(2):
            hand.fail(hand.attempt(), retry_in=0.0)
            hand.now += 1.0

        work = hand.attempt().work

        assert (3, 5.0) == (work.tries, work.began)


class TestDeadlines:
    """Attempts that may run only so long."""

    def test_are_the_timeout_after_the_start(self) -> None:
        """An attempt is over its timeout then, and not a moment earlier."""
        hand, attempt = self.running(timeout=2.0)
        early = hand.scheduler.slots.expire(1.999)

        assert [] == early
        assert 2.0 == hand.scheduler.next_due()
        assert [attempt] == hand.scheduler.slots.expire(2.0)
        assert End.TIMED_OUT is attempt.end

    def test_do_not_concern_an_attempt_that_ended(self) -> None:
        """An attempt that ended in time is never over its timeout."""
        hand, attempt = self.running(timeout=2.0)
        hand.end(attempt)

        assert hand.scheduler.next_due() is None
        assert [] == hand.scheduler.slots.expire(9.0)

    def test_do_not_concern_an_attempt_that_has_its_outputs(self) -> None:
        """An attempt that is about to send what it made is not timed out any more."""
        hand, attempt = self.running(timeout=2.0)
        in_time = hand.scheduler.slots.claim(attempt)

        assert in_time
        assert [] == hand.scheduler.slots.expire(9.0)

    def test_come_before_the_outputs_or_do_not_come(self) -> None:
        """An attempt that was timed out can't claim that it succeeded."""
        hand, attempt = self.running(timeout=2.0)
        hand.scheduler.slots.expire(2.0)

        assert not hand.scheduler.slots.claim(attempt)

    def test_stand_still_while_the_attempt_waits(self) -> None:
        """Only the time counts in which the attempt runs."""
        hand, attempt = self.running(timeout=2.0)
        hand.scheduler.slots.lend(attempt, 0.5)
        waiting = hand.scheduler.next_due()
        hand.scheduler.slots.reclaim(attempt, 100.0)

        assert waiting is None
        assert 101.5 == hand.scheduler.next_due()

    def test_stand_still_until_the_attempt_has_its_slot_back(self) -> None:
        """An attempt that wants its slot back does not run before it gets one."""
        hand, attempt = self.running(timeout=2.0)
        hand.scheduler.slots.lend(attempt, 0.5)
        hand.go(2 >> up.with_timeout(None))
        other = hand.attempt()
        hand.scheduler.slots.reclaim(attempt, 1.0)
        waiting = hand.scheduler.next_due()
        hand.end(other)
        hand.scheduler.resume(100.0)
        hand.scheduler.slots.resume(attempt, 100.0)

        assert waiting is None
        assert 101.5 == hand.scheduler.next_due()

    def test_leave_an_abandoned_attempt_its_slot(self) -> None:
        """A slot is in use until its thread really ends."""
        hand, attempt = self.running(timeout=2.0)
        hand.go(2 >> up)
        hand.scheduler.slots.expire(2.0)
        meanwhile = hand.start()
        abandoned = stats(hand).abandoned
        hand.end(attempt)

        assert meanwhile is None
        assert 1 == abandoned
        assert 0 == stats(hand).abandoned
        assert ["up(2)"] == hand.started()

    def test_decide_how_the_attempt_ended_once_and_for_good(self) -> None:
        """What comes of an abandoned attempt later changes no account."""
        hand, attempt = self.running(timeout=2.0)
        hand.scheduler.slots.expire(2.0)
        hand.scheduler.retry(attempt.work, 2.0)
        hand.now = 2.0
        hand.end(attempt)
        before = counts(hand)
        hand.end(hand.attempt())

        assert (1, 0, 0, 0, 1) == before
        assert (1, 1, 0, 0, 0) == counts(hand)

    def test_let_a_retry_run_beside_the_abandoned_attempt(self) -> None:
        """A timeout that is retried starts the input again, in another slot."""
        hand, attempt = self.running(timeout=2.0, limit=2)
        hand.scheduler.slots.expire(2.0)
        hand.scheduler.retry(attempt.work, 2.0)
        hand.now = 2.0

        assert hand.attempt().work is attempt.work
        assert 2 == in_use(hand)

    def test_keep_no_attempt_alive_that_ended(self) -> None:
        """An attempt that runs for long holds on to none that were started after it."""

        class Value:
            pass

        @task(timeout=3600)
        def look(value: Value) -> bool:
            return bool(value)

        hand = Hand(limit=2)
        hand.go(each(Value() for _ in range(40)) >> look)
        hand.attempt()

        def run_one() -> weakref.ref[Value]:
            attempt = hand.attempt()
            hand.end(attempt)
            return weakref.ref(attempt.work.input)

        seen = [run_one() for _ in range(39)]

        assert sum(ref() is not None for ref in seen) < 20

    def test_tell_the_attempt_to_end(self) -> None:
        """An abandoned attempt hears it when it next calls the library."""
        hand, attempt = self.running(timeout=2.0)
        waiter = attempt.waiter = Waiter()
        hand.scheduler.slots.expire(2.0)

        assert attempt.told
        assert waiter.wait(0.0)

    def running(self, *, timeout: float, limit: int = 1) -> tuple[Hand, Attempt]:
        """Have an attempt running since the time 0."""
        hand = Hand(limit)
        hand.go(1 >> up.with_timeout(timeout))
        return hand, hand.attempt()


class TestLending:
    """Who waits lends the slot, and wants it back afterwards."""

    def test_lets_another_input_run(self) -> None:
        """A slot that is lent is free for the next input."""
        hand = Hand()
        hand.go(each([1, 2]) >> up)
        hand.scheduler.slots.lend(hand.attempt(), hand.now)

        assert ["up(2)"] == hand.started()

    def test_gives_the_slot_back_at_once_if_one_is_free(self) -> None:
        """Nobody waits for a slot that is free."""
        hand = Hand()
        hand.go(1 >> up)
        attempt = hand.attempt()
        hand.scheduler.slots.lend(attempt, hand.now)

        assert hand.scheduler.slots.reclaim(attempt, hand.now) is None
        assert 1 == in_use(hand)

    def test_gives_slots_back_in_the_order_in_which_they_were_wanted(self) -> None:
        """Who wanted its slot back first gets one first."""
        hand, [first, second] = self.lent(2)
        slots = hand.scheduler.slots
        running = [hand.attempt(), hand.attempt()]
        waiters = [slots.reclaim(second, hand.now), slots.reclaim(first, hand.now)]
        for attempt in running:
            hand.end(attempt)

        assert waiters == [hand.scheduler.resume(0.0), hand.scheduler.resume(0.0)]
        assert 2 == in_use(hand)
        assert hand.scheduler.resume(0.0) is None

    def test_lets_nobody_overtake(self) -> None:
        """Who comes later waits in line, even if a slot is free by now."""
        hand, [first, second] = self.lent(2)
        slots = hand.scheduler.slots
        running = [hand.attempt(), hand.attempt()]
        waiter = slots.reclaim(first, hand.now)
        hand.end(running[0])

        assert slots.reclaim(second, hand.now) is not None
        assert waiter is hand.scheduler.resume(0.0)

    def test_gives_no_slot_back_while_all_are_in_use(self) -> None:
        """Who wants its slot back waits until there is one."""
        hand, [first] = self.lent(1)
        hand.attempt()
        hand.scheduler.slots.reclaim(first, hand.now)

        assert hand.scheduler.resume(hand.now) is None
        assert 1 == in_use(hand)

    def test_makes_the_thread_of_a_slice_let_go_of_its_source(self) -> None:
        """A slice whose task waits leaves the other inputs to others."""
        hand = Hand()
        [stage] = hand.go(each([1, 2]) >> quick)
        stage.budget = 2
        slice_ = hand.slice()
        next(slice_.inputs)
        occupant = hand.scheduler.sit(slice_)
        hand.scheduler.slots.lend(occupant, hand.now)

        assert 2 == next(hand.slice().inputs)
        assert [] == list(slice_.inputs)

    def test_keeps_a_source_that_itself_waits(self) -> None:
        """An iterable that waits in its own next() is not entered by another thread."""
        hand = Hand()
        found: list[object] = []

        def values() -> Iterator[int]:
            occupant = hand.scheduler.sit(slice_)
            hand.scheduler.slots.lend(occupant, hand.now)
            found.append(hand.next(patient=True))
            hand.scheduler.slots.reclaim(occupant, hand.now)
            hand.scheduler.slots.rise(occupant)
            yield 1

        hand.go(each(values()) >> quick)
        slice_ = hand.slice()

        assert 1 == next(slice_.inputs)
        assert [None] == found

    def lent(self, limit: int) -> tuple[Hand, list[Attempt]]:
        """Have as many attempts wait as there are slots, and as many more inputs."""
        hand = Hand(limit)
        hand.go(each(range(2 * limit)) >> up)
        attempts = [hand.attempt() for _ in range(limit)]
        for attempt in attempts:
            hand.scheduler.slots.lend(attempt, hand.now)

        return hand, attempts


@contextmanager
def watched(drain: Drain[int]) -> Iterator[None]:
    """Have this thread wait in drain() during the block."""
    waiter = Waiter()
    assert channel_of(drain).watch(waiter)
    try:
        yield
    finally:
        channel_of(drain).unwatch(waiter)


class TestRelieve:
    """A bound gives way only when nothing else can move and a thread waits for it."""

    def test_lets_the_fullest_drain_give_way(self) -> None:
        """Of the full drains that hold everything back, the fullest takes one value more."""
        hand, fullest = self.stuck()

        assert channel_of(fullest) is hand.scheduler.relieve()
        assert ["down(2)"] == hand.started()

    def test_lets_one_value_in_at_a_time(self) -> None:
        """A bound gives way by as much as it takes to move, and holds again."""
        hand, fullest = self.stuck()
        hand.scheduler.relieve()
        hand.end(hand.attempt(), 2)

        assert 3 == len(fullest)
        assert hand.start() is None

    def test_holds_a_bound_when_a_reader_made_room_meanwhile(self) -> None:
        """What could not start a moment ago, and can now, needs no bound to give way."""
        hand = Hand()
        middle, end = filled(9, maxsize=1), filled(9, maxsize=1)
        hand.go(each([1]) >> up | middle, middle >> down | end)
        hand.scheduler.waiters += 1
        before = hand.start()
        next(iter(end))

        assert before is None
        assert hand.scheduler.relieve() is None
        assert ["down(9)"] == hand.started()

    def test_waits_for_the_verdict_on_what_timed_out(self) -> None:
        """An attempt that was abandoned has room until it is judged, which is soon."""
        hand = Hand(2)
        middle = Drain[int](maxsize=1)
        hand.go(each([1, 2]) >> up.with_timeout(5) | middle, middle >> down)
        hand.scheduler.waiters += 1
        attempt = hand.attempt()
        (expired,) = hand.scheduler.slots.expire(6.0)

        assert expired is attempt
        assert hand.scheduler.relieve() is None
        hand.scheduler.slots.judging -= 1
        assert channel_of(middle) is hand.scheduler.relieve()

    def test_tells_every_pool_that_found_no_room(self) -> None:
        """Another pool that feeds the drain may be the one that can go on now."""
        hand, fullest = self.stuck()
        other = Stirred()
        hold_back(channel_of(fullest), other)
        hand.scheduler.relieve()

        assert 1 == other.times

    @pytest.mark.parametrize("case", ["running", "retrying", "resuming", "unawaited"])
    def test_holds_a_bound_while_something_moves(self, case: str) -> None:
        """While something runs or will, or nobody waits, no bound gives way."""
        hand, _ = self.stuck()
        match case:
            case "running":
                hand.go(3 >> up)
                hand.attempt()
            case "retrying":
                hand.go(3 >> up)
                hand.fail(hand.attempt(), retry_in=9.0)
            case "resuming":
                hand.scheduler.slots.resuming.append(Waiter())
            case "unawaited":
                hand.scheduler.waiters = 0
            case _:
                raise AssertionError(case)

        assert hand.scheduler.relieve() is None

    def test_does_not_count_an_abandoned_attempt_as_moving(self) -> None:
        """An attempt nobody waits for holds no bound, though it holds a slot."""
        hand, fullest = self.stuck()
        hand.go(3 >> up.with_timeout(1.0))
        attempt = hand.attempt()
        hand.scheduler.slots.expire(1.0)
        hand.scheduler.slots.judging -= 1
        hand.scheduler.fail(attempt.work, FAILURE)

        assert channel_of(fullest) is hand.scheduler.relieve()

    def test_holds_the_bound_of_a_drain_that_is_read(self) -> None:
        """A thread that waits for values of a drain makes room in it; a stage does."""
        hand = Hand()
        drain = filled(9, maxsize=1)
        hand.go(each([1]) >> up | drain)
        hand.scheduler.waiters += 1
        with watched(drain):
            assert hand.scheduler.relieve() is None

    def test_holds_the_bound_of_a_drain_that_goes_on_when_another_is_read(
        self,
    ) -> None:
        """A full drain whose stage is held back by one that a thread reads gets room."""
        hand = Hand()
        middle, end = filled(9, maxsize=1), filled(9, maxsize=1)
        hand.go(each([1]) >> up | middle, middle >> down | end)
        hand.scheduler.waiters += 1
        reading = channel_of(end).begin_reading(mark_of_this_thread())
        read = hand.scheduler.relieve()
        del reading

        assert read is None
        assert channel_of(end) is hand.scheduler.relieve()

    def test_counts_no_thread_as_a_reader_that_waits_elsewhere(self) -> None:
        """A thread that iterates one drain, and waits for another, makes no room."""
        hand = Hand()
        half, other = filled(9, maxsize=1), Drain[int]()
        hand.go(each([1]) >> up | half | other)
        reading = channel_of(half).begin_reading(mark_of_this_thread())
        before = hand.scheduler.relieve()
        with watched(other):
            relieved = hand.scheduler.relieve()

        del reading

        assert before is None
        assert channel_of(half) is relieved

    def test_helps_a_thread_that_waits_for_a_drain(self) -> None:
        """A thread in drain() waits for the pool as one in wait() does."""
        hand = Hand()
        full, awaited = filled(9, maxsize=1), Drain[int]()
        hand.go(each([1]) >> up | full | awaited)
        before = hand.scheduler.relieve()
        with watched(awaited):
            relieved = hand.scheduler.relieve()

        assert before is None
        assert channel_of(full) is relieved

    def test_makes_room_for_one_that_waits_to_send(self) -> None:
        """A stream that waits for room gets it when nothing else can move."""
        hand = Hand()
        drain = Drain[int](maxsize=1)
        hand.go(each([1]) >> many | drain)
        attempt = hand.attempt()
        drain.send(8)
        hand.scheduler.slots.lend(attempt, hand.now)
        hand.scheduler.waiters += 1
        hand.scheduler.relieve()
        drain.send(9, timeout=0.0)

        assert 2 == len(drain)

    def test_waits_for_who_was_woken(self) -> None:
        """Who waited, and was woken, moves: no bound gives way before it went on."""
        hand = Hand()
        full = filled(9, maxsize=1)
        hand.go(1 >> many, each([2]) >> up | full)
        attempt = hand.attempt()
        attempt.waiter = woken = Waiter()
        hand.scheduler.slots.lend(attempt, hand.now)
        assert hand.start() is None
        hand.scheduler.waiters += 1
        woken.wake()
        before = hand.scheduler.relieve()
        attempt.waiter = Waiter()  # it went on, and waits again

        assert before is None
        assert channel_of(full) is hand.scheduler.relieve()

    def test_presses_the_pool_that_reads_what_holds_everything_back(self) -> None:
        """A full drain that another pool reads does not give way: that pool is stirred."""
        hand, reader = Hand(), Hand()
        drain = filled(9, maxsize=1)
        reader.go(drain >> down)
        hand.go(each([1]) >> up | drain)
        hand.scheduler.waiters += 1

        assert hand.scheduler.relieve() is None
        assert channel_of(drain).pressed

    def test_presses_nobody_about_a_drain_of_its_own(self) -> None:
        """The pool's own stage that reads a full drain knows what waits for it."""
        hand = Hand()
        middle, end = filled(9, maxsize=1), filled(9, maxsize=1)
        hand.go(each([1]) >> up | middle, middle >> down | end)
        hand.scheduler.waiters += 1

        assert channel_of(end) is hand.scheduler.relieve()
        assert not channel_of(middle).pressed

    def test_wants_values_of_the_pools_that_feed_it(self) -> None:
        """A pool with nothing to take stirs those that feed its drains."""
        hand, feeder = Hand(), Stirred()
        drain = Drain[int]()
        channel_of(drain).join(feeder)
        hand.go(drain >> down)
        hand.scheduler.waiters += 1
        before = feeder.times
        hand.scheduler.relieve()

        assert (1, True) == (feeder.times - before, channel_of(drain).wanted)

    def test_holds_a_bound_although_another_pools_drain_is_full_too(self) -> None:
        """Of two full drains the one that no other pool reads gives way."""
        hand, reader = Hand(limit=2), Hand()
        theirs, ours = filled(8, 9, maxsize=2), filled(9, maxsize=1)
        reader.go(theirs >> down)
        hand.go(each([1]) >> up | theirs, each([2]) >> up | ours)
        hand.scheduler.waiters += 1

        assert channel_of(ours) is hand.scheduler.relieve()

    @pytest.mark.parametrize("maxsize", [0, 10, 99])
    def test_lets_no_drain_with_room_give_way(self, maxsize: int) -> None:
        """It holds nothing back, however much is there."""
        hand = Hand()
        wide, full = filled(*range(9), maxsize=maxsize), filled(9, maxsize=1)
        hand.go(each([1]) >> up | wide | full)
        hand.scheduler.waiters += 1

        assert channel_of(full) is hand.scheduler.relieve()

    def test_follows_what_is_read_through_a_chain_of_full_drains(self) -> None:
        """Each of three full drains goes on when a thread reads the last."""
        hand = Hand()
        first, second, last = (filled(9, maxsize=1) for _ in range(3))
        hand.go(first >> up | second, second >> down | last, each([1]) >> up | first)
        hand.scheduler.waiters += 1
        reading = channel_of(last).begin_reading(mark_of_this_thread())
        read = hand.scheduler.relieve()
        del reading

        assert read is None

    def stuck(self) -> tuple[Hand, Drain[int]]:
        """Have two stages, each held back by a full drain, and a thread that waits."""
        hand = Hand(limit=2)
        full, fullest = filled(9, maxsize=1), filled(8, 9, maxsize=2)
        hand.go(each([1]) >> up | full, each([2]) >> down | fullest)
        hand.scheduler.waiters += 1
        assert hand.start() is None
        return hand, fullest


class TestCancel:
    """What has not started is dropped; what runs is told."""

    def test_drops_what_has_not_started(self) -> None:
        """Given workers, values of drains and the rest of iterables never start."""
        hand = Hand()
        hand.go(1 >> up, each([2]) >> up, filled(3, 4) >> up, Workers([5 >> up]))
        hand.scheduler.cancel()
        hand.stir()

        assert [] == hand.started()
        assert hand.scheduler.idle()
        assert (3, 0, 0, 3, 0) == counts(hand)
        assert 2 == hand.scheduler.outcome.unread

    def test_drops_what_waits_for_its_next_attempt(self) -> None:
        """A retry that is not due never comes."""
        hand = Hand()
        hand.go(1 >> up)
        hand.fail(hand.attempt(), retry_in=1.0)
        hand.scheduler.cancel()
        hand.now = 1.0

        assert [] == hand.started()
        assert (1, 0, 0, 1, 0) == counts(hand)

    def test_drops_what_is_due(self) -> None:
        """A retry that is due, and has no slot yet, never gets one."""
        hand = Hand()
        hand.go(1 >> up, 2 >> up)
        for _ in range(2):
            hand.fail(hand.attempt(), retry_in=1.0)

        hand.now = 1.0
        hand.end(hand.attempt())
        hand.scheduler.cancel()

        assert [] == hand.started()
        assert (2, 1, 0, 1, 0) == counts(hand)

    def test_drops_a_work_that_fails_afterwards(self) -> None:
        """What fails after the cancellation, and would be retried, is dropped."""
        hand = Hand()
        hand.go(1 >> up)
        attempt = hand.attempt()
        hand.scheduler.cancel()
        hand.fail(attempt, retry_in=0.0)

        assert (1, 0, 0, 1, 0) == counts(hand)

    def test_tells_what_runs_and_what_waits(self) -> None:
        """An attempt is told to end; if it waits in the library it wakes up."""
        hand = Hand(limit=2)
        hand.go(1 >> up, 2 >> up)
        running, waiting = hand.attempt(), hand.attempt()
        waiter = waiting.waiter = Waiter()
        hand.scheduler.cancel()

        assert running.told
        assert waiting.told
        assert waiter.wait(0.0)

    def test_counts_what_ends_all_the_same(self) -> None:
        """What runs, and ends without hearing of it, succeeds or fails as ever."""
        hand = Hand(limit=3)
        hand.go(1 >> up, 2 >> up, 3 >> up)
        first, second, third = hand.attempt(), hand.attempt(), hand.attempt()
        hand.scheduler.cancel()
        hand.end(first)
        hand.fail(second)
        hand.scheduler.drop(third)

        assert (3, 1, 1, 1, 0) == counts(hand)
        assert hand.scheduler.idle()

    def test_closes_slices(self) -> None:
        """A slice takes no more inputs; those it took have succeeded."""
        hand = Hand()
        [stage] = hand.go(each(range(9)) >> quick)
        stage.budget = 4
        slice_ = hand.slice()
        next(slice_.inputs)
        hand.scheduler.cancel()

        assert slice_.armed
        assert [] == hand.work_through(slice_)
        assert (1, 1, 0, 0, 0) == counts(hand)
        assert hand.scheduler.idle()

    def test_drops_an_input_that_is_pulled_afterwards(self) -> None:
        """An iterable that was being asked gives one input, which never starts."""
        hand = Hand()

        def values() -> Iterator[int]:
            hand.scheduler.cancel()
            yield 1

        hand.go(each(values()) >> up)

        assert hand.start() is None
        assert (1, 0, 0, 1, 0) == counts(hand)
        assert hand.scheduler.idle()

    def test_counts_an_input_that_is_pulled_afterwards_as_dropped(self) -> None:
        """The one that the iterable was asked for; the rest of it is unread."""
        hand = Hand()

        def values() -> Iterator[int]:
            hand.scheduler.cancel()
            yield 1

        hand.go(each(values()) >> up)
        hand.start()
        outcome = hand.scheduler.outcome

        assert (1, 1) == (outcome.dropped, outcome.unread)

    def test_drops_a_pulled_worker_that_waits(self) -> None:
        """A worker that was pulled and had no place is dropped."""
        hand = Hand(limit=9)
        hand.go(Workers(number >> scarce for number in range(3)))
        running = hand.started()
        hand.scheduler.cancel()

        assert 2 == len(running)
        assert (3, 0, 0, 1, 2) == counts(hand)

    def test_counts_a_pulled_worker_that_waits_as_dropped(self) -> None:
        """Beside what runs, which was told to end, and did."""
        hand = Hand(limit=9)
        hand.go(Workers(number >> scarce for number in range(3)))
        running = hand.attempt(), hand.attempt()
        hand.start()
        hand.scheduler.cancel()
        before = hand.scheduler.outcome.dropped
        for attempt in running:
            hand.scheduler.drop(attempt)

        assert (1, 3) == (before, hand.scheduler.outcome.dropped)

    def test_counts_an_input_that_hears_of_it_in_a_slice(self) -> None:
        """An input of a slice may end because it was told to, like any other."""
        hand = Hand()
        hand.go(each(range(9)) >> quick)
        slice_ = hand.slice()
        value = next(slice_.inputs)
        hand.scheduler.cancel()
        work = hand.scheduler.miss(slice_, 0, value, hand.now)
        hand.scheduler.give_up(work)
        hand.settle(slice_)

        assert (1, 0, 0, 1, 0) == counts(hand)

    def test_drops_nothing_that_is_given_while_something_runs_yet(self) -> None:
        """What comes by a go() after the cancellation runs, though the stage never slept."""
        hand = Hand()
        drain = filled(1, 2)
        hand.go(drain >> up)
        running = hand.attempt()
        hand.scheduler.cancel()
        hand.go(3 >> down | drain)
        hand.end(running)

        assert ["down(3)", "up(3)"] == hand.in_turn()
        assert (4, 3, 0, 1, 0) == counts(hand)

    def test_drops_nothing_that_comes_of_that_downstream(self) -> None:
        """Though the next stage was cancelled as well, and has never slept."""
        hand = Hand(limit=2)
        first, second = filled(1), filled(2)
        hand.go(first >> up | second, second >> down)
        running = hand.attempt(), hand.attempt()
        hand.scheduler.cancel()
        hand.go(3 >> many | first)
        for attempt in running:
            hand.scheduler.drop(attempt)

        assert ["many(3)", "up(3)", "down(3)"] == hand.in_turn()

    def test_leaves_the_scheduler_usable(self) -> None:
        """What is given, or arrives, after the cancellation runs."""
        hand = Hand()
        drain = filled(1)
        hand.go(drain >> up)
        hand.scheduler.cancel()
        hand.stir()
        hand.go(each([2]) >> down)
        drain.send(3)
        hand.stir()

        assert ["up(3)", "down(2)"] == sorted(hand.in_turn(), reverse=True)

    def test_gives_the_room_back(self) -> None:
        """What was dropped keeps no room and no place in a limit."""
        hand = Hand()
        drain = Drain[int](maxsize=1)
        hand.go(1 >> scarce | drain)
        hand.fail(hand.attempt(), retry_in=9.0)
        hand.scheduler.cancel()
        hand.go(2 >> scarce | drain)

        assert ["scarce(2)"] == hand.started()

    def test_follows_the_first_failure_if_the_pool_says_so(self) -> None:
        """With on_error="cancel" the first failure drops what has not started."""
        hand = Hand()
        hand.scheduler.outcome.on_error = "cancel"
        hand.go(1 >> up, 2 >> up)
        hand.fail(hand.attempt())

        assert [] == hand.started()
        assert (2, 0, 1, 1, 0) == counts(hand)

    @pytest.mark.parametrize("most", [0, 1, 2])
    def test_follows_when_there_are_more_failures_than_the_pool_bears(
        self, most: int
    ) -> None:
        """With `max_failures` the one beyond it drops what has not started."""
        hand = Hand()
        hand.scheduler.outcome.max_failures = most
        hand.go(each(range(9)) >> up)
        failed = 0
        while (attempt := hand.start()) is not None:
            hand.fail(attempt)
            failed += 1

        assert most + 1 == failed


class Heard(Outcome):
    """An outcome that notes what it hears."""

    def __init__(self, *, own: bool = False) -> None:
        super().__init__(own=own)
        self.ends = list[End]()

    @override
    def end(self, end: End) -> None:
        self.ends.append(end)


class TestOneOfSeveralOutcomes:
    """Work that has an outcome of its own is cancelled by itself."""

    def test_leaves_the_timers_of_others_in_order(self) -> None:
        """What is due first of those that are left comes first."""
        hand, own = Hand(limit=4), Outcome(own=True)
        with hand.given(own):
            hand.go(0 >> up)

        hand.go(each([1, 2, 3]) >> up)
        attempts = [hand.attempt() for _ in range(4)]
        first = next(a for a in attempts if a.work.stage.outcome is own)
        rest = [attempt for attempt in attempts if attempt is not first]
        hand.fail(first, retry_in=1.0)
        for attempt, seconds in zip(rest, (4.0, 2.0, 3.0), strict=True):
            hand.fail(attempt, retry_in=seconds)

        hand.scheduler.cancel(own)

        assert 2.0 == hand.scheduler.next_due()
        assert 1 == own.dropped

    def test_leaves_what_is_due_of_others(self) -> None:
        """It waits for nothing but a slot."""
        hand, own = Hand(limit=2), Outcome(own=True)
        with hand.given(own):
            hand.go(1 >> up)

        hand.go(2 >> up)
        for attempt in (hand.attempt(), hand.attempt()):
            hand.fail(attempt, retry_in=1.0)

        hand.now = 1.0
        hand.scheduler.agenda.see(hand.now)
        hand.scheduler.cancel(own)

        assert ["up(2)"] == hand.started()

    def test_is_dropped_for_good_when_it_is_finished(self) -> None:
        """Nothing of it is left, and the rest goes on."""
        hand, own = Hand(), Outcome(own=True)
        with hand.given(own):
            hand.go(each([1]) >> up)

        hand.go(2 >> down)
        hand.scheduler.finish(own)

        assert ["down(2)"] == hand.in_turn()
        assert own.idle

    def test_ends_alone_with_what_is_no_exception(self) -> None:
        """The rest of it is dropped, and nothing of the pool's."""
        hand, own = Hand(), Outcome(own=True)
        with hand.given(own):
            hand.go(1 >> up, 2 >> up)

        hand.go(3 >> down)
        attempt = hand.attempt()
        hand.scheduler.stop(attempt)
        hand.scheduler.lose(attempt.work, SystemExit())

        assert ["down(3)"] == hand.in_turn()

    def test_ends_with_all_the_pool_has(self) -> None:
        """What a judge raised on one of the pool's inputs cancels everything."""
        hand, own, fatal = Hand(), Outcome(own=True), SystemExit()
        hand.go(1 >> up)
        attempt = hand.attempt()
        with hand.given(own):
            hand.go(2 >> down)

        hand.scheduler.stop(attempt)
        hand.scheduler.fail(attempt.work, FAILURE, fatal)

        assert [] == hand.in_turn()
        assert (hand.scheduler.outcome.fatal, own.dropped) == (fatal, 1)

    def test_leaves_the_values_of_its_drains_to_others(self) -> None:
        """What a stage of it has not taken was never its input."""
        hand, own, drain = Hand(), Heard(own=True), filled(1, 2)
        with hand.given(own):
            hand.go(drain >> up)

        hand.scheduler.cancel(own)

        assert ([1, 2], (0, 0, 0, 0, 0)) == (list(drain), counts(hand))
        assert (0, 1, []) == (own.dropped, own.unread, own.ends)

    def test_leaves_its_drains_to_others_when_it_is_finished(self) -> None:
        """A stage that sleeps, since nothing is in its drain, is no reader any more."""
        hand, own, drain, kept = Hand(), Outcome(own=True), Drain[int](), Drain[int]()
        [stage] = hand.go(kept >> down)
        with hand.given(own):
            hand.go(drain >> up)

        hand.scheduler.finish(own)

        assert channel_of(drain).reader is None
        assert channel_of(kept).reader is stage

    def test_hears_of_each_end(self) -> None:
        """Whoever waits for it does; that of the pool is asked for by counts alone."""
        hand, own, pools = Hand(), Heard(own=True), Heard()
        with hand.given(own):
            hand.go(1 >> up)
            hand.in_turn()
            hand.go(2 >> up)
            hand.scheduler.cancel(own)

        with hand.given(pools):
            hand.go(3 >> up)
            hand.in_turn()
            hand.go(4 >> up)
            hand.scheduler.cancel(pools)

        assert ([End.SUCCEEDED, End.CANCELLED], []) == (own.ends, pools.ends)


class TestMiss:
    """An input that failed in a slice is a work of its own from then on."""

    @pytest.mark.parametrize("ordered", [True, False])
    def test_passes_on_the_source_if_outputs_are_ordered(
        self, *, ordered: bool
    ) -> None:
        """The input keeps its turn, which the slice may not wait for."""
        hand = Hand()
        stage, _, _ = self.missed(hand, quick, Drain[int](ordered=ordered))

        assert ordered == (stage.lease is None)

    def test_keeps_the_room_that_the_slice_kept_for_it(self) -> None:
        """Though there is no other."""
        hand, drain = Hand(), Drain[int](maxsize=1)
        _, slice_, work = self.missed(hand, quick, drain)
        hand.settle(slice_)

        assert (channel_of(drain),) == work.promised
        assert 0 == channel_of(drain).room(1)

    @pytest.mark.parametrize(("limit", "armed"), [(1, True), (2, False)])
    def test_stops_the_slice_if_the_limit_is_for_one_of_them(
        self, limit: int, *, armed: bool
    ) -> None:
        """The input may wait for a retry, and keeps its place meanwhile."""
        task_ = quick.with_limit(limit)
        _, slice_, _ = self.missed(Hand(), task_, Drain[int]())

        assert armed == slice_.armed

    def test_of_an_input_that_was_only_pulled_counts_it_as_dropped_once(self) -> None:
        """If the slice was told to end, and else not at all."""
        hand = Hand()
        stage, slice_ = self.begun(hand, quick, Drain[int]())
        before = hand.scheduler.drop_pulled(slice_), hand.scheduler.outcome.dropped
        slice_.told = True

        assert (False, 0) == before
        assert (True, 1) == (hand.scheduler.drop_pulled(slice_), stage.outcome.dropped)

    def begun(
        self, hand: Hand, task_: Takes[int, int], drain: Drain[int]
    ) -> tuple[Stage, Slice]:
        """Have a thread in the middle of a slice, at its first input."""
        [stage] = hand.go(each(range(9)) >> task_ | drain)
        stage.budget = 4
        slice_ = hand.slice()
        next(slice_.inputs)
        slice_.armed = False
        return stage, slice_

    def missed(
        self, hand: Hand, task_: Takes[int, int], drain: Drain[int]
    ) -> tuple[Stage, Slice, Work]:
        """Have that input fail."""
        stage, slice_ = self.begun(hand, task_, drain)
        return stage, slice_, hand.scheduler.miss(slice_, 0, 0, hand.now)


class TestAbandon:
    """Nobody waits any more for what runs."""

    def test_counts_what_runs_once_as_dropped(self) -> None:
        """Attempts and slices, whoever of them waits; not those that have timed out."""
        hand = Hand(limit=4)
        hand.go(1 >> up, 2 >> up.with_timeout(1.0), each([3]) >> quick)
        hand.attempt()
        hand.attempt()
        slice_ = hand.slice()
        hand.scheduler.slots.lend(hand.scheduler.sit(slice_), hand.now)
        hand.scheduler.slots.expire(1.0)
        hand.scheduler.abandon()

        assert 2 == hand.scheduler.outcome.dropped

    def test_drops_what_has_not_started(self) -> None:
        """As a cancellation does."""
        hand = Hand()
        hand.go(1 >> up, 2 >> up)
        hand.attempt()
        hand.scheduler.abandon()

        assert (2, 0, 0, 1, 1) == counts(hand)

    def test_feeds_no_drain_any_more(self) -> None:
        """Who reads what an attempt sends does not wait for it."""
        hand, drain = Hand(), Drain[int]()
        hand.go(1 >> up | drain)
        hand.attempt()
        before = channel_of(drain).state
        hand.scheduler.abandon()

        assert ("open", "idle") == (before, channel_of(drain).state)

    def test_makes_the_pool_quiet(self) -> None:
        """Nothing is waited for, though it runs."""
        hand = Hand()
        hand.go(1 >> up)
        hand.attempt()
        before = hand.scheduler.quiet()
        hand.scheduler.abandon()

        assert (False, True) == (before, hand.scheduler.quiet())


class TestShifts:
    """Threads that make calls share the slots with those that take inputs."""

    def test_take_turns_with_inputs(self) -> None:
        """One starts after the other if there is both to do."""
        hand = Hand(limit=4)
        hand.go(1 >> up, 2 >> up)
        hand.scheduler.desk.backlog.extend([Step(), Step()])
        jobs = [type(hand.next()) for _ in range(4)]

        assert [Attempt, Shift, Attempt, Shift] == jobs

    def test_begin_where_there_is_no_input(self) -> None:
        """And inputs where there is no call, whoever's turn it is."""
        hand = Hand(limit=4)
        hand.scheduler.desk.backlog.append(Step())
        jobs = [type(hand.next())]
        hand.go(1 >> up, 2 >> up)
        jobs += [type(hand.next()) for _ in range(2)]

        assert [Shift, Attempt, Attempt] == jobs

    def test_stand_by_unless_there_is_something_else_to_do(self) -> None:
        """One that rests keeps its slot until somebody needs that."""
        hand = Hand(limit=1)
        hand.scheduler.desk.backlog.append(Step())
        shift = hand.next()
        assert isinstance(shift, Shift)
        shift.rests = shift.stand_by()
        before = hand.next(), list(hand.scheduler.desk.standing)
        hand.go(1 >> up)

        assert (None, [shift]) == before
        assert ["up(1)"] == hand.started()
        assert not hand.scheduler.desk.standing

    @pytest.mark.parametrize("wants", ["ending", "waiters", "finishers"])
    def test_end_for_a_thread_that_waits(self, wants: str) -> None:
        """For the pool to be idle or quiet; or if the threads are to end."""
        hand = Hand()
        before = self.wants(hand)
        setattr(hand.scheduler, wants, 1)

        assert ((False, False), (True, False)) == (before, self.wants(hand))

    @pytest.mark.parametrize("what", ["input", "retry", "resuming"])
    def test_end_for_what_else_there_is_to_do(self, what: str) -> None:
        """An input, one that waits for a retry, or one that wants its slot back."""
        hand = Hand()
        match what:
            case "input":
                hand.go(1 >> up)
            case "retry":
                hand.go(1 >> up)
                hand.fail(hand.attempt(), retry_in=9.0)
            case _:
                hand.scheduler.slots.resuming.append(Waiter())

        assert (True, True) == self.wants(hand)

    def test_are_told_of_a_cancellation(self) -> None:
        """Those at work, and not those that rest."""
        hand = Hand(limit=2)
        hand.scheduler.desk.backlog.extend([Step(), Step()])
        busy, resting = hand.next(), hand.next()
        assert isinstance(busy, Shift)
        assert isinstance(resting, Shift)
        resting.rests = True
        hand.scheduler.cancel()

        assert (True, False) == (busy.told, resting.told)

    def test_leave_no_call_to_a_pool_that_was_cancelled(self) -> None:
        """One that nobody has taken is dropped."""
        hand, call = Hand(), Step()
        hand.scheduler.desk.backlog.append(call)
        hand.scheduler.cancel()

        assert call.dropped
        assert hand.next() is None

    def wants(self, hand: Hand) -> tuple[bool, bool]:
        """Say whether a thread is wanted, and whether a slot is."""
        return hand.scheduler.wants_thread(), hand.scheduler.wants_slot()


class TestMore:
    """Whether one more thread would find something to do."""

    @pytest.mark.parametrize(("now", "more"), [(1.0, False), (2.0, True), (9, True)])
    def test_is_when_the_first_of_several_retries_is_due(
        self, now: float, *, more: bool
    ) -> None:
        """From that moment on."""
        hand = Hand(limit=2)
        hand.go(1 >> up, 2 >> up)
        for attempt, seconds in [(hand.attempt(), 20.0), (hand.attempt(), 2.0)]:
            hand.fail(attempt, retry_in=seconds)

        assert more == hand.scheduler.more(now)

    @pytest.mark.parametrize("what", ["call", "slot"])
    def test_is_when_somebody_waits_for_a_slot_and_nothing_else(
        self, what: str
    ) -> None:
        """A call that was handed in, or one that wants its slot back."""
        hand = Hand()
        before = hand.scheduler.more(0.0)
        if what == "call":
            hand.scheduler.desk.backlog.append(Step())
        else:
            hand.scheduler.slots.resuming.append(Waiter())

        assert (False, True) == (before, hand.scheduler.more(0.0))


class TestStalls:
    """A pool whose slots are all held by attempts that nobody waits for."""

    @pytest.mark.parametrize("works", [1, 0])
    def test_are_after_a_while_if_there_is_something_to_do(self, works: int) -> None:
        """From that moment on, for which a pool waits that has nothing else to wait for."""
        hand, when = Hand(), 1.0 + STALL_S
        hand.go(0 >> up.with_timeout(1.0), *[1 >> up] * works)
        attempt = hand.attempt()
        hand.scheduler.slots.expire(1.0)
        hand.scheduler.fail(attempt.work, FAILURE)
        stalled = [
            hand.scheduler.stalled(now) for now in (when - 0.001, when, when + 1)
        ]

        assert (when if works else None) == hand.scheduler.next_due()
        assert [False, works > 0, works > 0] == stalled


class TestResuming:
    """Who lent its slot gets it back when nothing is due before."""

    @pytest.mark.parametrize(("now", "given"), [(1.0, True), (2.0, False), (9, False)])
    def test_waits_for_retries_that_are_due(self, now: float, *, given: bool) -> None:
        """The first of several, from the moment it is due on."""
        hand, waiter = Hand(limit=2), Waiter()
        hand.go(1 >> up, 2 >> up)
        for attempt, seconds in [(hand.attempt(), 20.0), (hand.attempt(), 2.0)]:
            hand.fail(attempt, retry_in=seconds)

        hand.scheduler.slots.resuming.append(waiter)

        assert (waiter if given else None) is hand.scheduler.resume(now)
        assert (1 if given else 0) == in_use(hand)

    def test_stops_the_slice_of_a_thread_that_waits(self) -> None:
        """It reports as soon as it goes on."""
        hand = Hand()
        [stage] = hand.go(each(range(9)) >> quick)
        stage.budget = 4
        slice_ = hand.slice()
        before = slice_.armed
        hand.scheduler.sit(slice_)

        assert (False, True) == (before, slice_.armed)


class TestBrokenPipe:
    """A stage goes on until all its drains are shut."""

    def test_goes_on_while_one_drain_is_open(self) -> None:
        """One drain of two that is shut changes nothing."""
        hand = Hand()
        shut, other = Drain[int](), Drain[int]()
        hand.go(each([1, 2]) >> up | shut | other)
        shut.shut_down()

        assert ["up(1)"] == hand.started()

    def test_drops_what_has_not_started_when_all_are_shut(self) -> None:
        """With all its drains shut a stage ends, and its inputs are cancelled."""
        hand = Hand(limit=2)
        drain, other = Drain[int](), Drain[int]()
        hand.go(1 >> up | drain, 2 >> up | drain, filled(3, 4) >> down | drain | other)
        first = hand.attempt()
        drain.shut_down()
        other.shut_down()
        hand.stir()

        assert [] == hand.started()

        hand.scheduler.drop(first)

        assert (4, 0, 0, 4, 0) == counts(hand)
        assert hand.scheduler.idle()

    @pytest.mark.parametrize("given", [True, False])
    def test_drops_nothing_that_a_slice_may_take(self, *, given: bool) -> None:
        """A thread at the inputs that another one drops takes no more of them."""
        hand = Hand(limit=2)
        drain = Drain[int]()
        works = [1 >> quick | drain, 2 >> quick | drain]
        [stage] = hand.go(*works) if given else hand.go(filled(1, 2) >> quick | drain)
        stage.budget = 2
        slice_ = hand.slice()
        next(slice_.inputs)
        drain.shut_down()

        assert hand.start() is None
        assert [] == list(slice_.inputs)

        hand.settle(slice_)

        assert 2 == counts(hand)[0]
        assert hand.scheduler.idle()

    def test_is_no_cancellation(self) -> None:
        """Inputs nobody wanted are not reported as dropped by cancel()."""
        hand = Hand()
        drain = Drain[int]()
        hand.go(1 >> up | drain, each([2]) >> up | drain)
        drain.shut_down()
        hand.stir()
        hand.started()

        assert 0 == hand.scheduler.outcome.dropped
        assert 0 == hand.scheduler.outcome.unread
        assert hand.scheduler.idle()

    def test_cancels_a_worker_of_a_batch_whose_drain_is_shut(self) -> None:
        """A worker that is pulled when its drains are shut never starts; the next does."""
        hand = Hand()
        drain = Drain[int]()
        drain.shut_down()
        hand.go(Workers([1 >> up | drain, 2 >> up]))

        assert ["up(2)"] == hand.in_turn()
        assert (2, 1, 0, 1, 0) == counts(hand)
        assert hand.scheduler.idle()

    def test_cancels_a_worker_whose_drain_is_shut_while_it_is_pulled(self) -> None:
        """Though the drain was open for the workers before it."""
        hand = Hand()
        drain = Drain[int]()

        def workers() -> Iterator[Worker[int]]:
            yield 1 >> up | drain
            drain.shut_down()
            yield 2 >> up | drain
            yield 3 >> up

        hand.go(Workers(workers()))

        assert ["up(1)", "up(3)"] == hand.in_turn()
        assert (3, 2, 0, 1, 0) == counts(hand)

    def test_does_not_end_a_batch_whose_next_workers_drain_elsewhere(self) -> None:
        """A batch goes on when the drains of the workers pulled so far are shut."""
        hand = Hand()
        drain = Drain[int]()
        hand.go(Workers([1 >> up | drain, 2 >> up | Drain[int](), 3 >> up]))
        first = hand.attempt()
        drain.shut_down()
        hand.scheduler.drop(first)

        assert ["up(2)", "up(3)"] == hand.in_turn()
        assert (3, 2, 0, 1, 0) == counts(hand)
