"""The explorer itself: turns that repeat, and faults that it must find."""

import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeAlias
from weakref import WeakSet

import pytest

from explorer import Explorer, Over, Player
from fluent_async import Drain, Pool, each, sleep, task
from fluent_async._admission import Admission
from fluent_async._channel import Channel
from fluent_async._engine import Engine
from fluent_async._graph import Graph
from fluent_async._leases import Leases
from fluent_async._parties import Lease
from fluent_async._scheduler import Scheduler
from fluent_async._slice import Slice
from fluent_async._slots import Slots
from fluent_async._stage import Stage
from fluent_async._wait import cancelled
from fluent_async._work import Attempt, End, Work
from schedules import explore


SCHEDULES = 200
"""Schedules that a run of the suite explores; the soak explores more, one seed a run."""

Fault: TypeAlias = Callable[[pytest.MonkeyPatch], None]


def work_is_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a slot back before the work runs, as go-async does."""
    occupy = Slots.occupy

    def gives_back(slots: Slots, attempt: Attempt) -> None:
        occupy(slots, attempt)
        slots.running -= 1

    vacate = Slots.vacate

    def takes_none(slots: Slots, attempt: Attempt, end: End) -> bool:
        slots.running += 1
        return vacate(slots, attempt, end)

    monkeypatch.setattr(Slots, "occupy", gives_back)
    monkeypatch.setattr(Slots, "vacate", takes_none)


def room_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for room when an input starts, and keep none for its output."""

    def promises_nothing(channel: Channel[object], count: int, by: object) -> None:
        """Keep no room."""

    def settles(channel: Channel[object], count: int, by: object) -> None:
        settle(channel, 0, by)  # type: ignore[arg-type]

    settle = Channel.settle
    monkeypatch.setattr(Channel, "promise", promises_nothing)
    monkeypatch.setattr(Channel, "settle", settles)


def limits_forget_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Free the place in a limit while an input waits for its next attempt."""
    retry = Scheduler.retry

    def frees(scheduler: Scheduler, work: Work, due: float) -> None:
        retry(scheduler, work, due)
        for limit in work.limits:
            limit.taken -= 1

        work.limits = ()

    monkeypatch.setattr(Scheduler, "retry", frees)


def leases_are_taken_in_a_pull(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the right to pull away from a thread that is in the iterable."""
    monkeypatch.setattr(Slice, "pulling", False)
    monkeypatch.setattr(Leases, "_awaits", lambda *_: False)


def stages_do_not_wake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget to put stages to sleep whose feeders have left."""

    def rests(graph: Graph, stages: Iterable[Stage]) -> None:
        rest(graph, [stage for stage in stages if stage.depth == 0])

    rest = Graph.rest
    monkeypatch.setattr(Graph, "rest", rests)


def waiters_are_not_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave senders asleep when there is room for them again."""
    monkeypatch.setattr(Channel, "_admit", lambda _: None)


def turns_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let outputs into ordered drains as they come."""

    def puts(
        channel: Channel[object],
        number: int,
        value: object,
        left: Callable[[], float | None],
        *,
        promised: bool,
    ) -> None:
        channel.put(value, left, promised=promised)

    def opens(channel: Channel[object], lease: Lease, count: int) -> None:
        assert channel.turns is None or channel.turns.take(count) >= 0
        lease.open(count, channel.values)

    monkeypatch.setattr(Channel, "put_in_turn", puts)
    monkeypatch.setattr(Channel, "_open", opens)


def failed_inputs_count_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count an input that failed in a slice as if it had succeeded there as well."""
    miss = Scheduler.miss

    def misses(
        scheduler: Scheduler, slice_: Slice, index: int, value: object, now: float
    ) -> Work:
        work = miss(scheduler, slice_, index, value, now)
        slice_.missed -= 1
        return work

    monkeypatch.setattr(Scheduler, "miss", misses)


def bounds_never_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold back what nobody reads for ever."""
    monkeypatch.setattr(Scheduler, "relieve", lambda _: None)


def limits_are_looked_at_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an input start that was pulled while there was a place, and now is none."""
    monkeypatch.setattr(Admission, "fits", lambda *_: True)


FAULTS: list[Fault] = [
    work_is_no_work,
    room_is_not_kept,
    limits_forget_retries,
    leases_are_taken_in_a_pull,
    stages_do_not_wake,
    waiters_are_not_woken,
    turns_do_not_matter,
    failed_inputs_count_twice,
    bounds_never_give_way,
    limits_are_looked_at_too_early,
]


@pytest.mark.slow
def test_library_keeps_its_promises_in_every_order_of_turns() -> None:
    """Bounds, limits and accounts hold at every step, and nothing is lost or doubled."""
    for seed in range(SCHEDULES):
        explore(seed)


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_explorer_finds_a_fault(
    fault: Fault,
    monkeypatch: pytest.MonkeyPatch,
    accounts_add_up: WeakSet[Engine],
    errors_recorded: list[BaseException | None],
) -> None:
    """A promise that is broken on purpose shows within the schedules of a few runs."""
    fault(monkeypatch)

    assert any(map(fails, range(5 * SCHEDULES)))

    accounts_add_up.clear()  # those that were broken
    # A schedule that failed ends threads where they are, in a finalizer if need be.
    errors_recorded[:] = [e for e in errors_recorded if not isinstance(e, Over)]


def fails(seed: int) -> bool:
    """Say whether the schedule of a seed fails."""
    try:
        explore(seed)
    except Exception:  # noqa: BLE001  (whatever a fault leads to)
        return True

    return False


def turns_of(seed: int) -> list[int]:
    """Run eight inputs on three threads, and return the order in which they ran."""
    explorer = Explorer(seed)
    order: list[int] = []

    @task
    def note(number: int) -> None:
        explorer.switch()
        order.append(number)

    def schedule() -> None:
        with Pool(limit=3) as pool:
            pool.go(each(range(8)) >> note)

    explorer.run(schedule)
    return order


def test_explorer_repeats_a_schedule_from_its_seed() -> None:
    """A seed gives the same order every time."""
    assert [turns_of(seed) for seed in range(5)] == [
        turns_of(seed) for seed in range(5)
    ]


def test_explorer_tries_different_orders() -> None:
    """Seeds give different orders of the same work."""
    orders = {tuple(turns_of(seed)) for seed in range(100)}

    assert len(orders) > 5
    assert {tuple(range(8))} == {tuple(sorted(order)) for order in orders}


def test_explorer_passes_time_only_while_nobody_can_go_on() -> None:
    """An hour of sleep takes no time, and one thread's sleep is no other's delay."""
    explorer = Explorer(0)
    woke: list[float] = []

    @task
    def nap(seconds: float) -> None:
        sleep(seconds)
        woke.append(explorer.now())

    def schedule() -> None:
        with Pool(limit=3) as pool:
            pool.go(each([3600.0, 60.0, 0.5]) >> nap)

    explorer.run(schedule)

    assert [0.5, 60.0, 3600.0] == woke


class Finalized:
    """Has others go on when it is no longer used."""

    def __init__(self, explorer: Explorer, ready: Callable[[], bool]) -> None:
        self._explorer = explorer
        self._ready = ready

    def __del__(self) -> None:
        """Take turns, as the library does if it has to wait for a lock."""
        self._explorer.switch(self._ready)


def test_explorer_chooses_again_if_a_finalizer_took_turns_in_the_middle() -> None:
    """1. One is found ready. 2. A finalizer has it go on, and end. 3. It is not chosen."""

    def schedule(explorer: Explorer, went_on: list[str]) -> None:
        def ended() -> bool:
            return "first" in went_on

        def finalizes() -> bool:  # whoever chooses has looked at the first before
            garbage.clear()
            return ended()

        def wait() -> None:
            explorer.switch(finalizes)
            went_on.append("second")

        garbage = [Finalized(explorer, ended)]
        explorer.spawn("first", lambda: went_on.append("first"))
        explorer.spawn("second", wait)
        explorer.switch(ended)
        explorer.switch(lambda: len(went_on) == 2)

    for seed in range(20):
        explorer, went_on = Explorer(seed), list[str]()
        explorer.run(partial(schedule, explorer, went_on))

        assert ["first", "second"] == went_on


class Turn:
    """The lock that a player waits for; a call of the test's comes in before it does."""

    def __init__(self, player: Player, call: Callable[[], object]) -> None:
        self._calls = [call]
        self._turn, player.turn = player.turn, self  # type: ignore[assignment]

    def acquire(self) -> None:
        """Wait, as the lock does."""
        while self._calls:
            self._calls.pop()()

        self._turn.acquire()

    def release(self) -> None:
        """Wake who waits."""
        self._turn.release()


def test_explorer_has_a_finalizer_wait_that_has_no_turn() -> None:
    """1. A turn is passed on. 2. A finalizer asks for one there. 3. It has one, and waits."""

    def schedule(explorer: Explorer, played: list[bool]) -> None:
        def play() -> None:
            for _ in range(5):
                explorer.await_turn()
                played.append(explorer.plays)
                explorer.switch()

        assert explorer.me is not None
        Turn(explorer.me, play)
        explorer.spawn("beside", play)
        explorer.switch(lambda: bool(played))
        explorer.switch(lambda: len(played) == 10)

    for seed in range(20):
        explorer, played = Explorer(seed), list[bool]()
        explorer.run(partial(schedule, explorer, played))

        assert [True] * 10 == played


def test_explorer_notices_a_wait_that_nothing_ends() -> None:
    """A thread that waits for ever, with nobody to wake it, fails the schedule."""
    explorer = Explorer(0)

    with pytest.raises(AssertionError, match="stuck: nobody can go on of main"):
        explorer.run(lambda: list(Drain[int]()))


def test_explorer_notices_a_thread_that_goes_round_in_circles() -> None:
    """A thread that never waits, and is at lines of the library, fails the schedule."""
    explorer = Explorer(2)  # which interrupts nobody

    def schedule() -> None:
        while True:
            cancelled()

    with pytest.raises(AssertionError, match="round in circles"):
        explorer.run(schedule)


def test_explorer_raises_what_a_thread_raises() -> None:
    """An error in any thread fails the schedule, and ends all the others."""
    explorer = Explorer(0)

    def fail() -> None:
        raise ValueError("oops")

    def schedule() -> None:
        explorer.spawn("failing", fail)
        list(Drain[int]())

    with pytest.raises(ValueError, match="oops"):
        explorer.run(schedule)


def test_explorer_leaves_the_library_as_it_was() -> None:
    """Afterwards the library uses the machine's locks, threads and clock again."""
    turns_of(0)
    names: list[str] = []

    @task
    def note() -> None:
        names.append(type(threading.current_thread()).__name__)

    with Pool() as pool:
        pool.go(note)

    assert ["Thread"] == names
