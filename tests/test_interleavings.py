"""Interleavings of threads in each primitive, instruction by instruction, and planted faults."""

from __future__ import annotations

import sys
from functools import partialmethod
from typing import TYPE_CHECKING, TypeAlias

import pytest
from interleave_test import DeadlockError, RaceFound

from fluent_async import _monitor
from fluent_async._channel import Channel
from fluent_async._monitor import Monitor
from fluent_async._readers import Readers
from fluent_async._relay import Relay
from fluent_async._room import Room
from fluent_async._senders import Sender
from fluent_async._slots import Slots
from fluent_async._taking import Taking
from fluent_async._threads import Threads
from fluent_async._turns import Turns
from fluent_async._wait import Waiter, mark_of_this_thread
from interleaver import explore
from scenarios import (
    ALL,
    decisions_are_made_one_at_a_time,
    drain_opens_and_ends_with_its_block,
    drain_returns_what_all_feeders_sent,
    every_value_is_taken_once,
    inputs_run_beside_each_other,
    iterable_is_asked_by_one_at_a_time,
    outputs_come_in_the_order_of_their_inputs,
    retry_is_made_when_it_is_due,
    room_is_given_once,
    room_of_a_lease_is_nobody_elses,
    slot_is_lent_and_given_back,
    value_is_kept_or_refused_when_the_channel_is_shut,
    value_is_seen_while_the_next_input_runs,
    wait_ends_once_somebody_woke_it,
    work_of_two_threads_runs_and_the_pool_ends,
)


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sized
    from weakref import WeakSet

    from fluent_async._engine import Engine
    from fluent_async._inlet import Left
    from fluent_async._parties import Stirrable
    from fluent_async._work import Occupant
    from interleaver import Scenario


HERE = sys.modules[__name__]
"""Where a fault may be interrupted."""

SCHEDULES = 40
"""Of each strategy, in a run of the suite, for a scenario that holds."""

MOST = 250
"""Of each strategy, before a fault counts as one that is not found."""

Plant: TypeAlias = "pytest.MonkeyPatch"


# -- faults: monitor -----------------------------------------------------------------------


def decisions_are_made_outside(plant: Plant) -> None:
    """Make a decision at once, whoever is in the monitor."""
    plant.setattr(Monitor, "do", lambda _, decision: decision())


def threads_share_what_they_know(plant: Plant) -> None:
    """Note in one place which monitors all threads are in."""
    shared = _monitor._Mine()
    plant.setattr(_monitor, "_mine", lambda: shared)


# -- faults: waiter ------------------------------------------------------------------------


def early_wakes_are_forgotten(plant: Plant) -> None:
    """Wake only who waits already, as a condition does."""
    wait = Waiter.wait

    def forgets(waiter: Waiter, timeout: float | None = None) -> bool:
        waiter._lock.acquire(blocking=False)
        return wait(waiter, timeout)

    plant.setattr(Waiter, "wait", forgets)


def second_wakes_are_looked_for(plant: Plant) -> None:
    """Look whether somebody else woke it first, and then wake it."""

    def wakes(waiter: Waiter) -> None:
        if waiter._lock.locked():
            waiter._lock.release()

    plant.setattr(Waiter, "wake", wakes)


# -- faults: room --------------------------------------------------------------------------


def room_is_looked_for_and_then_kept(plant: Plant) -> None:
    """Look for room in one decision and keep it in another."""

    def reserves(channel: Channel[int], by: Stirrable) -> bool:
        if not channel.room(1):
            return False

        channel.promise(1, by)
        return True

    plant.setattr(Channel, "reserve", reserves)


def leases_promise_nothing(plant: Plant) -> None:
    """Count no room for what a lease may still send."""

    def left(room: Room, held: Sized) -> int:
        return max(0, room.maxsize - len(held) - room._promised)

    plant.setattr(Room, "left", left)


# -- faults: turns -------------------------------------------------------------------------


def turns_are_looked_at_and_then_kept_for(plant: Plant) -> None:
    """Look whose turn it is in one decision and keep the output in another."""

    def puts(
        channel: Channel[int], number: int, value: int, left: Left, *, promised: bool
    ) -> None:
        turns = channel.turns
        assert turns is not None
        if number != turns.head:
            turns.keep(number, value)
        else:
            channel.put(value, left, promised=promised)

    plant.setattr(Channel, "put_in_turn", puts)


def turns_pass_to_the_next_alone(plant: Plant) -> None:
    """Pass the turn on by one, though the next may have ended already."""

    def end(turns: Turns[int], number: int) -> Iterator[int]:
        turns._ended[number] = number + 1
        if turns.head in turns._ended:
            turns.head += 1
            yield from turns._kept.pop(turns.head, ())

    plant.setattr(Turns, "end", end)


# -- faults: channel -----------------------------------------------------------------------


def senders_sleep_on(plant: Plant) -> None:
    """Leave who waits for room asleep when a value is taken."""
    plant.setattr(Channel, "_admit", lambda _: None)


def readers_look_and_then_wait(plant: Plant) -> None:
    """Look for a value in one decision and queue for it in another."""

    def take(channel: Channel[int]) -> Taking[int]:
        while True:
            with channel._monitor:
                taking = channel._try_take()
                if taking is not None:
                    return taking

            waiter = Waiter()
            channel._readers.queue(waiter, mark_of_this_thread())
            waiter.wait()

    plant.setattr(Channel, "take", take)


def shut_is_looked_at_outside(plant: Plant) -> None:
    """Look whether the channel is shut before the decision to let a value in."""
    offer, refuse = Channel._offer, Channel.refuse_shut

    def offers(
        channel: Channel[int], value: int, *, promised: bool
    ) -> Sender[int] | None:
        refuse(channel)
        return offer(channel, value, promised=promised)

    plant.setattr(Channel, "_offer", offers)
    plant.setattr(Channel, "refuse_shut", lambda _: None)


def shut_is_not_told_to_senders(plant: Plant) -> None:
    """Shut a channel, and leave who waits for room in it asleep."""
    close = Channel._close

    def closes(channel: Channel[int]) -> None:
        channel._senders.clear()
        close(channel)

    plant.setattr(Channel, "_close", closes)


def readers_do_not_look_again(plant: Plant) -> None:
    """Queue a reader that found nothing, though a lease goes on meanwhile."""

    def registers(channel: Channel[int], new: Callable[[], Waiter], who: int) -> Waiter:
        waiter = new()
        channel._readers.queue(waiter, who)
        channel._room.arm()
        return waiter

    plant.setattr(Channel, "_register", registers)


def readers_stop_no_lease(plant: Plant) -> None:
    """Queue a reader, and let leases go on that may send what it waits for."""
    plant.setattr(Room, "arm", lambda _: None)


# -- faults: drain -------------------------------------------------------------------------


def last_feeders_leave_quietly(plant: Plant) -> None:
    """Count feeders down, and tell nobody."""

    def leaves(channel: Channel[int], _: object) -> None:
        channel.feeders -= 1

    plant.setattr(Channel, "leave", leaves)


def feeders_are_looked_for_outside(plant: Plant) -> None:
    """Look for feeders in one decision and queue for their end in another."""

    def watch(channel: Channel[int]) -> Waiter | None:
        if not channel.feeders or channel.shut:
            return None

        waiter = Waiter()
        with channel._monitor:
            channel._watchers.queue(waiter, mark_of_this_thread())
            channel._admit()

        return waiter

    plant.setattr(Channel, "watch", watch)


def readers_are_not_told_of_the_end(plant: Plant) -> None:
    """Shut a channel, and leave who waits for a value asleep."""
    close = Channel._close

    def closes(channel: Channel[int]) -> None:
        readers, channel._readers = channel._readers, Readers()
        close(channel)
        channel._readers = readers

    plant.setattr(Channel, "_close", closes)
    plant.setattr(Channel, "leave", lambda *_: None)


# -- faults: threads -----------------------------------------------------------------------


def seeking_never_ends(plant: Plant) -> None:
    """Rouse nobody once somebody was, though that one has looked."""
    plant.setattr(Threads, "found", lambda _: None)


def roused_threads_sleep_on(plant: Plant) -> None:
    """Strike a thread off the list of those that sleep, and do not wake it."""
    plant.setattr(
        Threads,
        "_unpark",
        lambda threads, waiter: threads._parked.remove(waiter),
    )


def threads_leave_quietly(plant: Plant) -> None:
    """Count a thread out, and leave who waits for that asleep."""
    leave = Threads.leave

    def leaves(threads: Threads) -> None:
        joining, threads._joining = threads._joining, {}
        leave(threads)
        threads._joining = joining

    plant.setattr(Threads, "leave", leaves)


def patience_is_nobodys(plant: Plant) -> None:
    """Count a thread as patient that was roused meanwhile."""
    plant.setattr(Threads, "patient", property(lambda _: True))


def time_is_kept_by_who_is_gone(plant: Plant) -> None:
    """Count on a thread to keep the time that was roused meanwhile."""
    unpark = Threads._unpark

    def unparks(threads: Threads, waiter: Waiter) -> None:
        until = threads.kept_until
        unpark(threads, waiter)
        threads.kept_until = until

    plant.setattr(Threads, "_unpark", unparks)
    plant.setattr(Threads, "hurry", lambda _: None)


# -- faults: relays ------------------------------------------------------------------------


def pulls(relay: Relay, iterator: Iterator[int], *, alone: bool) -> int:
    """Pull as a relay does, but look for the baton first, or count after it is back."""
    source, stage = relay._source, relay.stage
    if alone and not source.take():
        relay._stop()
    elif not alone:
        found = bool(source.baton)
        source.baton.clear()
        if not found:
            relay._stop()

    value = next(iterator)
    source.put_back()
    relay.last = stage.number
    stage.number = relay.last + 1
    return value


def batons_are_looked_at_and_then_taken(plant: Plant) -> None:
    """Let two threads find the same baton."""
    plant.setattr(Relay, "pull", partialmethod(pulls, alone=False))


def inputs_are_counted_without_the_baton(plant: Plant) -> None:
    """Give two inputs the same number."""
    plant.setattr(Relay, "pull", partialmethod(pulls, alone=True))


# -- faults: slots -------------------------------------------------------------------------


def slots_are_lent_to_nobody(plant: Plant) -> None:
    """Keep the slot of an attempt that waits."""
    lend = Slots.lend

    def lends(slots: Slots, occupant: Occupant, now: float) -> None:
        lend(slots, occupant, now)
        slots.running += 1

    plant.setattr(Slots, "lend", lends)


def slots_are_taken_back(plant: Plant) -> None:
    """Give an attempt its slot back though another has it."""

    def reclaims(slots: Slots, occupant: Occupant, now: float) -> None:
        slots.running += 1
        slots.resume(occupant, now)

    plant.setattr(Slots, "reclaim", reclaims)


FAULTS: list[tuple[Callable[[Plant], None], Scenario]] = [
    (decisions_are_made_outside, decisions_are_made_one_at_a_time),
    (threads_share_what_they_know, decisions_are_made_one_at_a_time),
    (early_wakes_are_forgotten, wait_ends_once_somebody_woke_it),
    (second_wakes_are_looked_for, wait_ends_once_somebody_woke_it),
    (room_is_looked_for_and_then_kept, room_is_given_once),
    (leases_promise_nothing, room_of_a_lease_is_nobody_elses),
    (
        turns_are_looked_at_and_then_kept_for,
        outputs_come_in_the_order_of_their_inputs,
    ),
    (turns_pass_to_the_next_alone, outputs_come_in_the_order_of_their_inputs),
    (senders_sleep_on, every_value_is_taken_once),
    (readers_look_and_then_wait, every_value_is_taken_once),
    (shut_is_looked_at_outside, value_is_kept_or_refused_when_the_channel_is_shut),
    (shut_is_not_told_to_senders, value_is_kept_or_refused_when_the_channel_is_shut),
    (readers_do_not_look_again, value_is_seen_while_the_next_input_runs),
    (readers_stop_no_lease, value_is_seen_while_the_next_input_runs),
    (last_feeders_leave_quietly, drain_returns_what_all_feeders_sent),
    (feeders_are_looked_for_outside, drain_returns_what_all_feeders_sent),
    (readers_are_not_told_of_the_end, drain_opens_and_ends_with_its_block),
    (seeking_never_ends, work_of_two_threads_runs_and_the_pool_ends),
    (roused_threads_sleep_on, work_of_two_threads_runs_and_the_pool_ends),
    (threads_leave_quietly, work_of_two_threads_runs_and_the_pool_ends),
    (patience_is_nobodys, inputs_run_beside_each_other),
    (time_is_kept_by_who_is_gone, retry_is_made_when_it_is_due),
    (batons_are_looked_at_and_then_taken, iterable_is_asked_by_one_at_a_time),
    (inputs_are_counted_without_the_baton, iterable_is_asked_by_one_at_a_time),
    (slots_are_lent_to_nobody, slot_is_lent_and_given_back),
    (slots_are_taken_back, slot_is_lent_and_given_back),
]


def hunt(scenario: Scenario) -> None:
    """Explore a scenario in which there is a fault."""
    explore(scenario, [*ALL[scenario], HERE], MOST)
    explore(scenario, [HERE], MOST)  # fewer steps, for faults that lie in here


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.__name__)
def test_holds_in_whatever_order_threads_go_on(scenario: Scenario) -> None:
    """P10, T8, T9: What a scenario says holds between any two instructions of the threads in it."""
    explore(scenario, ALL[scenario], SCHEDULES)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "scenario"), FAULTS, ids=[fault.__name__ for fault, _ in FAULTS]
)
def test_interleaver_finds_a_fault(
    fault: Callable[[Plant], None],
    scenario: Scenario,
    monkeypatch: pytest.MonkeyPatch,
    errors_recorded: list[BaseException | None],
    accounts_add_up: WeakSet[Engine],
) -> None:
    """T9: A promise that is broken on purpose shows, and what the tool says is no other error."""
    fault(monkeypatch)
    with pytest.raises((RaceFound, DeadlockError)):
        hunt(scenario)

    errors_recorded.clear()  # pools that a schedule left behind when it was ended
    accounts_add_up.clear()
