"""Scenarios: what a few threads do with one primitive, and what must come of it.

Each is small, since an interleaver stops its threads at every instruction of the files that
it is listed with; each says in one sentence what holds in whatever order they go on.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fluent_async import (
    Drain,
    Pool,
    Workers,
    _channel,
    _drain,
    _inlet,
    _loop,
    _monitor,
    _relay,
    _room,
    _slice,
    _slots,
    _store,
    _threads,
    _turns,
    _wait,
    each,
    task,
)
from fluent_async._channel import Channel
from fluent_async._monitor import Monitor
from fluent_async._runner import Runner
from fluent_async._seat import Seat
from fluent_async._slice import Slice
from fluent_async._stage import LONGEST
from fluent_async._wait import Waiter, this_thread
from fluent_async.errors import DrainClosed
from hand import Hand, channel_of


if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from interleaver import Scenario, World

HERE = sys.modules[__name__]
"""Where a thread may be stopped as well, if what it does itself is part of the race."""


@dataclass(frozen=True)
class Bystander:
    """A pool around a channel that does nothing when it is stirred."""

    def stir(self) -> None:
        """Do nothing."""


def never() -> None:
    """Say that there is no end to a wait."""


@task
def keep(number: int) -> int:
    """Give the input."""
    return number


def leased(batch: Workers[int]) -> Callable[[], None]:
    """Lease all inputs of a batch to one thread; return what that does."""
    hand = Hand()
    [stage] = hand.go(batch)
    stage.budget = LONGEST
    slice_ = hand.slice()

    def work() -> None:
        Runner(hand).run(slice_, Seat(hand))

    return work


# -- monitor -------------------------------------------------------------------------------


def decisions_are_made_one_at_a_time(world: World) -> None:
    """Decisions of two threads, put off or not, are each made, and none in another."""
    monitor, count = Monitor(), [0]

    def add() -> None:
        before = count[0]
        count[0] = before + 1

    def decide() -> None:
        monitor.do(add)
        with monitor:
            add()
            monitor.do(add)  # after this one

    threads = [world.spawn(decide) for _ in range(2)]
    for thread in threads:
        thread.join()

    assert [6] == count


# -- waiter --------------------------------------------------------------------------------


def wait_ends_once_somebody_woke_it(world: World) -> None:
    """Whoever comes first ends the wait, also before it begins; the second does nothing."""
    waiter, came = Waiter(), list[int]()

    def wake(number: int) -> None:
        came.append(number)
        waiter.wake()

    threads = [world.spawn(wake, number) for number in range(2)]

    assert waiter.wait()
    assert came

    for thread in threads:
        thread.join()


# -- room ----------------------------------------------------------------------------------


def room_is_given_once(world: World) -> None:
    """Two pools that look for room together find no more than there is."""
    channel, kept = Channel[int](3, ordered=False, name=None), list[bool]()

    def reserve() -> None:
        pool = Bystander()
        kept.extend(channel.reserve(pool) for _ in range(2))

    threads = [world.spawn(reserve) for _ in range(2)]
    for thread in threads:
        thread.join()

    assert [False, True, True, True] == sorted(kept)


def room_of_a_lease_is_nobody_elses(world: World) -> None:
    """What a thread works through, and what is sent by hand, stay within the bound."""
    drain = Drain[int](2)
    work = leased(each(range(2)) >> keep | drain)

    def send() -> None:
        with suppress(TimeoutError):
            drain.send(9, timeout=0)

    threads = [world.spawn(work), world.spawn(send)]
    for thread in threads:
        thread.join()

    assert len(drain) <= 2


def take_all(channel: Channel[int], got: list[int]) -> None:
    """Take values as they come, until there will be none."""
    while (taking := channel.take()).size:
        got.extend(taking.values)
        channel.end_taking(taking)


# -- turns ---------------------------------------------------------------------------------


def outputs_come_in_the_order_of_their_inputs(world: World) -> None:
    """Three inputs send and end at the same time; a reader gets all, in order."""
    channel, got = Channel[int](0, ordered=True, name=None), list[int]()
    channel.join(None)
    numbers = [channel.take_turn() for _ in range(3)]

    def attempt(number: int) -> None:
        channel.put_in_turn(number, number, never, promised=True)
        channel.end_turn(number)

    def read() -> None:
        take_all(channel, got)

    reader = world.spawn(read)
    threads = [world.spawn(attempt, number) for number in numbers]
    for thread in threads:
        thread.join()

    channel.leave(None)
    reader.join()

    assert numbers == got


# -- channel -------------------------------------------------------------------------------


def every_value_is_taken_once(world: World) -> None:
    """Two threads put, two take, through room for one; then all have ended."""
    channel, got = Channel[int](1, ordered=False, name=None), list[int]()
    channel.join(None)

    def read() -> None:
        take_all(channel, got)

    def send(number: int) -> None:
        channel.put(number, never)

    readers = [world.spawn(read) for _ in range(2)]
    senders = [world.spawn(send, number) for number in range(2)]
    for thread in senders:
        thread.join()

    channel.leave(None)
    for thread in readers:
        thread.join()

    assert [0, 1] == sorted(got)


def value_is_kept_or_refused_when_the_channel_is_shut(world: World) -> None:
    """A put that returns has left its value; nothing arrives later; nobody waits on."""
    channel, sent = Channel[int](2, ordered=False, name=None), list[int]()
    channel.put(0, never)

    def send(number: int) -> None:
        try:
            channel.put(number, never)
        except DrainClosed:
            return

        sent.append(number)

    threads = [world.spawn(send, number) for number in (1, 2)]
    channel.close()
    then = list(channel.values)
    for thread in threads:
        thread.join()

    assert then == list(channel.values)
    assert sorted([0, *sent]) == sorted(then)


def value_is_seen_while_the_next_input_runs(world: World) -> None:
    """A reader gets what a thread has sent in a lease, though that is at its next input."""
    drain, passed = Drain[int](), world.event()

    @task
    def second_waits(number: int) -> int:
        if number == 1:
            passed.wait()

        return number

    worker = world.spawn(leased(each(range(2)) >> second_waits | drain))

    assert 0 == next(iter(drain))

    passed.set()
    worker.join()


# -- drain ---------------------------------------------------------------------------------


def drain_returns_what_all_feeders_sent(world: World) -> None:
    """A thread in `drain()` has all there is once the last of two feeders has left."""
    drain = Drain[int]()
    channel = channel_of(drain)
    channel.join(None)
    channel.join(None)

    def feed(number: int) -> None:
        drain.send(number)
        channel.leave(None)

    threads = [world.spawn(feed, number) for number in range(2)]

    assert [0, 1] == sorted(drain.drain())

    for thread in threads:
        thread.join()


def drain_opens_and_ends_with_its_block(world: World) -> None:
    """A reader of a drain that is fed by hand gets all of it, and ends with the block."""
    drain, got = Drain[int](1), list[int]()

    def feed() -> None:
        with drain:
            drain.send(0)
            drain.send(1)

    feeder = world.spawn(feed)
    got.extend(drain)
    feeder.join()

    assert [0, 1] == got


# -- relays --------------------------------------------------------------------------------


class Once:
    """An iterable that says if it is asked while it is at the answer."""

    def __init__(self, count: int) -> None:
        self._numbers = iter(range(count))
        self._inside = list[int]()

    def __iter__(self) -> Once:
        """Return itself."""
        return self

    def __next__(self) -> int:
        """Return the next number."""
        self._inside.append(1)
        assert [1] == self._inside

        number = next(self._numbers, None)
        self._inside.pop()
        if number is None:
            raise StopIteration

        return number


def iterable_is_asked_by_one_at_a_time(world: World) -> None:
    """Threads that share an iterable get each input once, and each its own number."""
    hand, numbers = Hand(2), dict[int, int]()

    @task
    def note(value: int) -> None:
        relay = seats[this_thread()].slice
        assert isinstance(relay, _relay.Relay)
        numbers[value] = relay.last

    [stage] = hand.go(each(Once(4)) >> note)
    stage.slow = True
    seats = dict[int, Seat]()

    def work(slice_: Slice) -> None:
        seat = seats[this_thread()] = Seat(hand)
        Runner(hand).run(slice_, seat)

    relays = [hand.slice(), hand.slice()]
    threads = [world.spawn(work, relay) for relay in relays]
    for thread in threads:
        thread.join()

    while isinstance(job := hand.next(), Slice):
        work(job)

    assert {value: value for value in range(4)} == numbers


# -- threads -------------------------------------------------------------------------------


def work_of_two_threads_runs_and_the_pool_ends(world: World) -> None:
    """Whatever is given, and whenever, a thread is found for it, and all of them end."""
    pool, ran = Pool(2), list[int]()

    @task
    def note(number: int) -> None:
        ran.append(number)

    threads = [world.spawn(pool.go, number >> note) for number in range(2)]
    for thread in threads:
        thread.join()

    pool.close()

    assert [0, 1] == sorted(ran)


def inputs_run_beside_each_other(world: World) -> None:
    """Inputs that one thread may have pulled ahead are started by others that idle."""
    events = [world.event(), world.event()]

    @task
    def meet(number: int) -> None:
        if number > 0:
            events[number - 1].set()
            events[number - 2].wait()

    with Pool(2) as pool:
        pool.go(each(range(3)) >> meet)


def retry_is_made_when_it_is_due(world: World) -> None:
    """Somebody keeps the time, though others come and go meanwhile."""
    tries = list[int]()

    @task(retry=2, backoff=60.0)
    def second(number: int) -> None:
        tries.append(number)
        if len(tries) == 1:
            raise OSError

    with Pool(2) as pool:
        pool.go(1 >> second)
        world.spawn(pool.go, 2 >> keep).join()

    assert [1, 1] == tries


# -- slots ---------------------------------------------------------------------------------


def slot_is_lent_and_given_back(world: World) -> None:
    """A worker that waits lets another run, and goes on only when it has a slot again."""
    drain, inside = Drain[int](), list[int]()

    def work() -> None:
        inside.append(1)
        for _ in range(5):  # long enough to be met
            assert 1 == len(inside)

        inside.pop()

    @task
    def consume() -> None:
        work()
        for _ in drain:
            work()

    @task
    def produce(number: int) -> int:
        work()
        return number

    with Pool(1) as pool:
        pool.go(consume, each(range(3)) >> produce | drain)


CHANNEL = [_channel, _inlet, _store]

ALL: dict[Scenario, list[ModuleType]] = {
    decisions_are_made_one_at_a_time: [HERE, _monitor],
    wait_ends_once_somebody_woke_it: [_wait],
    room_is_given_once: [*CHANNEL, _room],
    room_of_a_lease_is_nobody_elses: [*CHANNEL, _room, _slice, _loop],
    outputs_come_in_the_order_of_their_inputs: [*CHANNEL, _turns],
    every_value_is_taken_once: CHANNEL,
    value_is_kept_or_refused_when_the_channel_is_shut: CHANNEL,
    value_is_seen_while_the_next_input_runs: [*CHANNEL, _slice, _loop],
    drain_returns_what_all_feeders_sent: [*CHANNEL, _drain],
    drain_opens_and_ends_with_its_block: [*CHANNEL, _drain],
    work_of_two_threads_runs_and_the_pool_ends: [_threads],
    iterable_is_asked_by_one_at_a_time: [HERE, _relay],
    inputs_run_beside_each_other: [_threads, _slice, _loop],
    retry_is_made_when_it_is_due: [_threads],
    slot_is_lent_and_given_back: [HERE, _slots],
}
"""Each with the files in which its threads may be stopped."""
