"""Races, each forced as numbered steps, or tried in many orders of turns."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice

import pytest

from beside import beside
from explorer import Explorer
from fluent_async import Drain, Pool, _readers, _wait, each, task
from fluent_async._channel import Channel
from fluent_async._slice import Slice
from fluent_async._work import End
from fluent_async.errors import DrainClosed, PoolCancelled, PoolClosed
from fluent_async.typing import Takes
from hand import Hand, Leased, Stirred, channel_of, filled
from support import TIMEOUT, FakeClock, Gate


pytestmark = pytest.mark.usefixtures("each_build")


ORDERS = 40
"""Orders of turns in which a race is tried."""


@task
def keep(number: int) -> int:
    """Give the input."""
    return number


@task(timeout=3600)
def slow(number: int) -> int:
    """Give the input, and have a deadline."""
    return number


class Guarded:
    """An iterable that two threads must not ask at once; its second pull waits at a gate."""

    def __init__(self, gate: Gate, count: int) -> None:
        self.entered_twice = False
        self._gate = gate
        self._numbers = iter(range(count))
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        if not self._lock.acquire(blocking=False):
            self.entered_twice = True

        number = next(self._numbers)
        if number == 1:
            self._gate.arrive()

        self._lock.release()
        return number


def in_every_order(schedule: Callable[[Explorer], None]) -> None:
    """Run `schedule` in many orders of turns."""
    for seed in range(ORDERS):
        explorer = Explorer(seed)
        explorer.run(partial(schedule, explorer))


class TestLease:
    """Who takes the right to pull from a thread that has it."""

    def test_is_not_taken_from_a_thread_that_is_in_the_iterable(self) -> None:
        """T5: Nobody enters an iterable that a thread is in, however long that takes."""
        # 1. A thread is in the iterable's next(), and stays there.
        # 2. All other threads look for something to do, with patience.
        # 3. The iterable gives its input; all is pulled once.
        drain = Drain[int]()
        with Gate() as gate:
            numbers = Guarded(gate, 200)
            pool = Pool(limit=4).go(each(numbers) >> keep | drain)
            gate.wait_for(1)
            gate.assert_nobody_arrives()

        pool.wait()
        pool.close()

        assert not numbers.entered_twice
        assert list(range(200)) == sorted(drain.drain())

    def test_is_not_taken_from_a_thread_that_just_enters_the_iterable(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A pull that begins while the lease is being taken keeps the lease."""
        # 1. B finds that A is in no pull.
        # 2. A begins a pull.
        # 3. B closes A's slice, and sees that pull: it leaves A the lease.
        # 4. A gets its input, and lets go by itself.
        hand = Hand(limit=2)
        closed_pulling = Slice.closed_pulling
        seen: list[bool] = []
        pulled: list[object] = []

        def numbers() -> Iterator[int]:
            yield 0
            seen.append(closed_pulling(slice_))
            yield 1

        def too_late(slice_: Slice) -> bool:
            pulled.append(next(slice_.inputs))
            return seen[0]

        monkeypatch.setattr(Slice, "closed_pulling", too_late)
        [stage] = hand.go(each(numbers()) >> keep)
        stage.budget = 4
        slice_ = hand.slice()
        next(slice_.inputs)
        hand.next()  # spares the lease

        assert hand.next(patient=True) is None
        assert ([True], [1]) == (seen, pulled)
        assert stage.lease is slice_
        assert [] == list(slice_.inputs)


class TestShutDown:
    """A drain is shut while something is on its way to it."""

    def test_loses_the_output_of_an_input_that_runs(self) -> None:
        """What comes later is lost and counted as cancelled; what came before stays."""
        # 1. A thread in a slice sends an output, and is at the next input.
        # 2. The drain is shut.
        # 3. That input ends.
        drain = Drain[int]()
        with Gate() as gate:

            @task
            def hold(number: int) -> int:
                if number == 1:
                    gate.arrive()

                return number

            pool = Pool(limit=1).go(each(range(9)) >> hold | drain)
            gate.wait_for(1)
            drain.shut_down()

        pool.wait()
        stats = pool.stats()
        pool.close()

        assert [0] == drain.drain()
        assert (2, 1, 1) == (stats.accepted, stats.succeeded, stats.cancelled)

    def test_refuses_or_keeps_what_is_sent_meanwhile(self) -> None:
        """Every send either raises or leaves its value, in any order of turns."""

        def schedule(explorer: Explorer) -> None:
            drain = Drain[int]()
            sent: list[int] = []
            refused: list[int] = []

            def send(number: int) -> None:
                try:
                    drain.send(number)
                    sent.append(number)
                except DrainClosed:
                    refused.append(number)

            for number in range(6):
                explorer.spawn(f"sender {number}", partial(send, number))

            explorer.switch(lambda: len(sent) > 1)
            drain.shut_down()
            explorer.switch(lambda: len(sent) + len(refused) == 6)

            assert sorted(sent) == sorted(drain.drain())

        in_every_order(schedule)

    def test_ends_who_waits_for_room(self) -> None:
        """P15: A thread that waits to send hears of it, in any order of turns."""

        def schedule(explorer: Explorer) -> None:
            drain = Drain[int](maxsize=1)
            drain.send(0)
            ends: list[str] = []

            def sender() -> None:
                try:
                    drain.send(1)
                except DrainClosed:
                    ends.append("shut")

            explorer.spawn("sender", sender)
            explorer.switch()
            drain.shut_down()
            explorer.switch(lambda: bool(ends))

            assert [0] == drain.drain()

        in_every_order(schedule)


class TestCancel:
    """A pool is cancelled while an input is between two places."""

    def test_between_a_pull_and_its_attempt(self) -> None:
        """C3: An input that is pulled after the cancellation never starts, and is counted."""
        # 1. A thread is in the iterable's next().
        # 2. The pool is cancelled.
        # 3. The iterable gives an input.
        ran: list[int] = []
        with Gate() as gate:

            def numbers() -> Iterator[int]:
                gate.arrive()
                yield 1

            @task(timeout=3600)
            def note(number: int) -> None:
                ran.append(number)

            pool = Pool(limit=1).go(each(numbers()) >> note)
            gate.wait_for(1)
            pool.cancel()

        with pytest.raises(PoolCancelled):
            pool.wait()

        stats = pool.stats()
        pool.close()

        assert [] == ran
        assert (1, 1) == (stats.accepted, stats.cancelled)

    def test_at_any_time(self) -> None:
        """C11: Every input that was accepted has one end, in any order of turns."""

        def schedule(explorer: Explorer) -> None:
            ran: list[int] = []

            @task
            def note(number: int) -> None:
                explorer.switch()
                ran.append(number)

            pool = Pool(limit=2).go(*(number >> note for number in range(6)))
            explorer.switch()
            pool.cancel()
            pool.close()
            stats = pool.stats()

            assert len(ran) == stats.succeeded
            assert (6, 6 - len(ran)) == (stats.accepted, stats.cancelled)

        in_every_order(schedule)


class TestTimeout:
    """An attempt ends just when its time is over."""

    def test_that_comes_first_keeps_the_output_back(
        self, fake_clock: FakeClock
    ) -> None:
        """An attempt that was timed out a moment ago sends nothing and changes nothing."""
        # 1. The function is about to return.
        # 2. The attempt is timed out.
        # 3. The function returns: its output goes nowhere.
        hand, drain = Hand(), Drain[int]()

        @task(timeout=1.0)
        def late(number: int) -> int:
            expired.extend(hand.scheduler.slots.expire(fake_clock.now() + 1.0))
            return number

        expired: list[object] = []
        hand.now = fake_clock.now()
        hand.go(1 >> late | drain)
        attempt = hand.attempt()
        hand.perform(attempt)

        assert [attempt] == expired
        assert End.TIMED_OUT is attempt.end
        assert 0 == len(drain)
        assert 0 == hand.scheduler.accounts.succeeded

    def test_that_comes_later_changes_nothing(self, fake_clock: FakeClock) -> None:
        """An attempt that ended in time has succeeded, whatever the clock says then."""
        hand, drain = Hand(), Drain[int]()
        hand.now = fake_clock.now()
        hand.go(1 >> slow | drain)
        attempt = hand.attempt()
        hand.perform(attempt)
        expired = hand.scheduler.slots.expire(fake_clock.now() + 9999.0)

        assert [] == expired
        assert 1 == len(drain)
        assert 1 == hand.scheduler.accounts.succeeded


class TestClose:
    """A pool is closed while others still give it work."""

    def test_runs_all_it_accepted_and_refuses_the_rest(self) -> None:
        """Each go() raises PoolClosed or its work runs, in any order of turns."""

        def schedule(explorer: Explorer) -> None:
            ran: list[int] = []
            accepted: list[int] = []
            givers = 3

            @task
            def note(number: int) -> None:
                explorer.switch()
                ran.append(number)

            def give() -> None:
                nonlocal givers
                with suppress(PoolClosed):
                    while True:
                        pool.go(1 >> note)
                        accepted.append(1)
                        explorer.switch()

                givers -= 1

            pool = Pool(limit=2)
            for number in range(givers):
                explorer.spawn(f"giver {number}", give)

            explorer.switch(lambda: len(accepted) > 2)
            pool.close()
            explorer.switch(lambda: not givers)

            assert len(accepted) == len(ran)

        in_every_order(schedule)

    def test_runs_all_it_accepted_from_eight_threads(self) -> None:
        """L6: The same with threads of the machine's, which are where they like."""
        ran: list[int] = []
        accepted: list[int] = []
        begun = threading.Semaphore(0)

        def give() -> None:
            with suppress(PoolClosed):
                while True:
                    pool.go(1 >> note)
                    accepted.append(1)
                    begun.release()

        @task
        def note(number: int) -> None:
            ran.append(number)

        pool = Pool(limit=4)
        threads = [threading.Thread(target=give) for _ in range(8)]
        for thread in threads:
            thread.start()

        assert begun.acquire(timeout=TIMEOUT)
        pool.close()
        for thread in threads:
            thread.join(TIMEOUT)

        assert len(accepted) == len(ran)


class TestFeeders:
    """The last feeder of a drain leaves while somebody starts to read it."""

    def test_leave_no_reader_waiting(self) -> None:
        """A reader gets every value and ends, in any order of turns."""

        def schedule(explorer: Explorer) -> None:
            drain = Drain[int]()
            got: list[list[int]] = []
            explorer.spawn("reader", lambda: got.append(list(drain)))
            with Pool(limit=2) as pool:
                pool.go(each(range(3)) >> keep | drain)

            explorer.switch(lambda: bool(got))

            assert [0, 1, 2] == sorted(got[0])

        in_every_order(schedule)

    def test_leave_nobody_in_drain(self) -> None:
        """A thread in drain() returns with every value, in any order of turns."""

        def schedule(explorer: Explorer) -> None:
            drain = Drain[int](maxsize=1)
            got: list[list[int]] = []
            pool = Pool(limit=2).go(each(range(3)) >> keep | drain)
            explorer.spawn("collector", lambda: got.append(drain.drain()))
            pool.wait()
            explorer.switch(lambda: bool(got))
            pool.close()

            assert [0, 1, 2] == sorted(got[0])

        in_every_order(schedule)

    def test_leave_no_stage_awake(self) -> None:
        """A stage that is given while its drain's last feeder leaves runs all and sleeps."""

        def schedule(explorer: Explorer) -> None:
            middle, end = Drain[int](), Drain[int]()
            with Pool(limit=1) as first, Pool(limit=1) as second:
                first.go(each(range(3)) >> keep | middle)
                explorer.switch()
                second.go(middle >> keep | end)
                first.wait()
                second.wait()

            assert [0, 1, 2] == sorted(end.drain())

        in_every_order(schedule)


class TestRoom:
    """Two pools look for room in one drain."""

    @pytest.mark.parametrize("work", [keep, slow])
    @pytest.mark.parametrize("look", [1, 2, 3])
    def test_is_promised_to_one_of_two_pools(
        self, monkeypatch: pytest.MonkeyPatch, work: Takes[int, int], look: int
    ) -> None:
        """P13: The last place of a drain goes to one input, of one pool."""
        # 1. A pool finds room for one more output.
        # 2. Another pool finds it as well, and starts an input.
        # 3. The first starts its input only if there is room still.
        here, there = Hand(), Hand()
        drain = Drain[int](maxsize=1)
        room, looks, jobs = Channel.room, list[int](), list[object]()

        def finds(channel: Channel[int], limit: int) -> int:
            found = room(channel, limit)
            looks.append(found)
            if len(looks) == look:
                jobs.append(there.next())

            return found

        here.go(work.with_input(1) | drain)
        there.go(work.with_input(2) | drain)
        monkeypatch.setattr(Channel, "room", finds)
        jobs += [here.next(), there.next()]

        assert 1 == sum(job is not None for job in jobs)

    def test_is_not_found_twice_while_a_lease_sends(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What a thread sends without the monitor is in the drain or promised, always."""
        # 1. Somebody looks for room, and counts what is in the drain or promised.
        # 2. Meanwhile the holder of a lease sends an output, and is at its last input.
        # 3. There is room for the output of that one, and for nothing else.
        hand, drain = Hand(), Drain[int](maxsize=2)
        promised = Slice.promised

        def goes_on(slice_: Slice) -> int:
            slice_.outlet.extend(islice(slice_.inputs, 1))
            list(islice(slice_.inputs, 1))
            return promised(slice_)

        [stage] = hand.go(each(range(2)) >> keep | drain)
        stage.budget = 2
        hand.slice()
        monkeypatch.setattr(Slice, "promised", goes_on)

        with pytest.raises(TimeoutError):
            drain.send(9, timeout=0)

        assert 1 == len(drain)

    def test_is_noticed_if_it_comes_before_a_pool_is_noted_as_held_back(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nobody tells a pool of room that came before it said that it found none."""
        # 1. A pool finds no room.
        # 2. A reader takes a value by itself, and has no pool to tell.
        # 3. The pool says that it found none, and looks again.
        hand, drain = Hand(), Drain[int](maxsize=1)
        drain.send(9)
        hand.go(each([1]) >> keep | drain)
        block, taking = Channel._block, channel_of(drain).take()  # noqa: SLF001

        def too_late(channel: Channel[int], pool: Hand) -> None:
            next(taking.values)
            block(channel, pool)

        monkeypatch.setattr(Channel, "_block", too_late)

        assert hand.scheduler.more(0.0)

    @pytest.mark.parametrize("most", [None, 1])
    def test_is_noticed_by_who_would_keep_it(
        self, monkeypatch: pytest.MonkeyPatch, most: int | None
    ) -> None:
        """For an attempt, or for a slice: another pool took what there was before."""
        # 1. A pool finds room, and another one takes it.
        # 2. The first one would keep it, and finds none.
        # 3. A reader takes a value by itself, and has no pool to tell.
        # 4. The pool says that it found none, and looks again.
        channel, pool = channel_of(filled(9, maxsize=1)), Stirred()
        block, taking = Channel._block, channel.take()  # noqa: SLF001

        def too_late(channel: Channel[int], pool: Stirred) -> None:
            next(taking.values)
            block(channel, pool)

        monkeypatch.setattr(Channel, "_block", too_late)
        if most is None:
            assert channel.reserve(pool)
        else:
            assert channel.lease(most, pool, Leased(), 1)


class TestReader:
    """A thread reads a drain, and begins to wait for the next value."""

    def test_is_a_reader_at_every_moment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No bound gives way because a thread was missed on its way."""
        # 1. A pool asks whether a thread reads the drain: none waits there.
        # 2. The thread would begin to wait there, but has to wait for the pool's answer.
        # 3. The pool sees it at work still.
        channel = channel_of(Drain[int]())
        lock = channel._monitor._lock  # noqa: SLF001
        entered: list[bool] = []

        def looks(_: int) -> bool:
            enters = partial(lock.acquire, blocking=False)
            entered.append(beside(enters).result(TIMEOUT))
            return True

        monkeypatch.setattr(_readers, "is_busy", looks)
        reading = channel.begin_reading(_wait.mark_of_this_thread())

        assert channel.read
        assert reading
        assert [False] == entered
        del reading


class TestSpare:
    """Who takes a lease away from a thread that has not begun."""

    def test_leaves_it_to_one_that_begins_meanwhile(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The iterable is in use then: its inputs are pulled on once that is over."""
        # 1. A thread sees that the holder of the lease has not begun.
        # 2. The holder begins its first pull.
        # 3. The first thread takes the right to pull from it.
        hand = Hand(2)
        begun, answers = Slice.__dict__["begun"].fget, [0]

        def values() -> Iterator[int]:
            monkeypatch.setattr(
                Slice,
                "begun",
                property(lambda it: answers.pop() if answers else begun(it)),
            )
            hand.scheduler.leases.spare(stage, hand.now + 1)
            yield 1
            yield 2

        [stage] = hand.go(each(values()) >> keep)
        stage.budget = 2
        slice_ = hand.slice()
        first = next(slice_.inputs)
        hand.settle(slice_)

        assert (1, 2) == (first, next(hand.slice().inputs))
