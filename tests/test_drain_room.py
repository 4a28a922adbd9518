"""Room in drains, and those who wait for it, or for values."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import islice

import pytest

from beside import Waits, beside
from drains import count, filled, stands_still, switching
from fluent_async import Args, Drain, Pool, each, stream, task
from fluent_async._stage import channels_of
from fluent_async.errors import Cancelled, DrainClosed, PoolCancelled
from support import TIMEOUT, FakeClock, Gate, poll, start_child
from work import at, double


class TestMaxsize:
    """`maxsize` bounds what waits in a drain, exactly."""

    @pytest.mark.parametrize("maxsize", [1, 2, 7])
    def test_lets_in_as_many_as_it_says(self, maxsize: int) -> None:
        """So many may wait, and not one more."""
        drain = filled(*range(maxsize), maxsize=maxsize)

        with pytest.raises(TimeoutError):
            drain.send(-1, timeout=0)

        assert list(range(maxsize)) == drain.drain()

    def test_holds_again_once_those_it_gave_way_to_are_gone(self) -> None:
        """Room that work was given beyond the bound, and did not use, is nobody else's."""
        drain = filled(1, maxsize=1)
        [channel] = channels_of((drain,))
        channel.join(None)
        channel.give_way()
        channel.leave(None)

        with pytest.raises(TimeoutError):
            drain.send(2, timeout=0)

    def test_is_no_bound_if_zero(self) -> None:
        """P9: 0, the default, lets in everything."""
        drain = Drain[int]()
        for number in range(10_000):
            drain.send(number, timeout=0)

        assert 10_000 == len(drain)

    def test_makes_room_for_each_value_that_is_taken(self) -> None:
        """One out, one in."""
        drain = filled(1, 2, maxsize=2)
        next(iter(drain))
        drain.send(3, timeout=0)
        with pytest.raises(TimeoutError):
            drain.send(4, timeout=0)

        assert [2, 3] == drain.drain()

    def test_lets_a_stage_start_as_many_inputs_as_there_is_room_for(self) -> None:
        """Room is reserved before an input starts: no output ever waits outside."""
        drain, gate = filled(0, maxsize=4), Gate()
        with Pool(8) as pool:
            pool.go(each(range(1, 10)) >> at(gate).hold | drain)
            gate.wait_for(3)
            gate.assert_nobody_arrives()
            gate.open()

            assert list(range(10)) == sorted(drain)

    def test_is_shared_by_all_stages_that_feed_the_drain(self) -> None:
        """P3: However many stages and pools want the room, it is given away once."""
        drain, gate = Drain[int](3), Gate()
        with Pool(4) as first, Pool(4) as second:
            first.go(*(each(range(9)) >> at(gate).hold | drain for _ in range(2)))
            second.go(each(range(9)) >> at(gate).hold | drain)
            gate.wait_for(3)
            gate.assert_nobody_arrives()
            gate.open()

            assert sorted(3 * list(range(9))) == sorted(drain)

    def test_of_the_fullest_of_several_drains_counts(self) -> None:
        """An input starts when all its drains have room."""
        wide, narrow, gate = Drain[int](5), Drain[int](2), Gate()
        with Pool(8) as pool:
            pool.go(each(range(9)) >> at(gate).hold | wide | narrow)
            gate.wait_for(2)
            gate.assert_nobody_arrives()
            gate.open()
            readers = [beside(list, drain) for drain in (wide, narrow)]

            assert 2 * [9] == [len(reader.result(TIMEOUT)) for reader in readers]

    def test_holds_back_a_function_that_takes_no_time(self) -> None:
        """Inputs that are worked through in a row stop at the bound as well."""
        drain = Drain[int](3)
        with Pool(1) as pool:
            pool.go(each(range(100)) >> double | drain)
            for taken in range(3):
                assert poll(partial(stands_still, pool, succeeded=3 + taken))
                assert 3 == len(drain)
                assert 2 * taken == next(iter(drain))

            assert list(range(6, 200, 2)) == list(drain)

    def test_holds_back_a_stream_between_two_outputs(self) -> None:
        """A stream waits in the middle of what it yields."""
        drain = Drain[int](3)
        with Pool(1) as pool:
            pool.go(100 >> count | drain)
            assert poll(lambda: pool.stats().waiting_for_room == 1)

            assert 3 == len(drain)
            assert list(range(100)) == list(drain)

    def test_holds_back_a_function_that_sends(self) -> None:
        """`args.drainer.send` waits for room."""
        drain = Drain[int](2)

        @stream
        def send(args: Args[int, int]) -> None:
            for number in range(args.input):
                args.drainer.send(number)

        with Pool(1) as pool:
            pool.go(5 >> send | drain)
            assert poll(lambda: pool.stats().waiting_for_room == 1)

            assert 2 == len(drain)
            assert [0, 1, 2, 3, 4] == list(drain)

    def test_holds_back_the_outputs_of_an_attempt_that_succeeded(self) -> None:
        """With retries outputs wait outside the bound, and are let in as room allows."""
        drain = Drain[int](2)
        with Pool(1) as pool:
            pool.go(5 >> count.with_retry(2) | drain)
            assert poll(lambda: pool.stats().waiting_for_room == 1)

            assert 2 == len(drain)
            assert [0, 1, 2, 3, 4] == list(drain)

    def test_counts_both_values_of_a_task_that_drains_twice_to_it(self) -> None:
        """A drain named twice gets each output twice, and room for both is needed."""
        drain = Drain[int](1)
        with Pool(1) as pool:
            pool.go(1 >> double | drain | drain)
            assert poll(lambda: pool.stats().waiting_for_room == 1)

            assert 1 == len(drain)
            assert [2, 2] == list(drain)

    @pytest.mark.parametrize("limit", [1, 4])
    def test_does_not_give_way_while_a_thread_reads(
        self, caplog: pytest.LogCaptureFixture, limit: int
    ) -> None:
        """A reader that is on its way makes room, so the bound holds."""
        drain, most = Drain[int](1), 0
        with Pool(limit) as pool:
            pool.go(each(10 * [10]) >> count | drain)
            for _ in drain:
                most = max(most, len(drain))

        assert (1, []) == (most, caplog.messages)


class TestSend:
    """`drain.send(value)`: at once if there is room, else in turn."""

    def test_waits_for_room(self) -> None:
        """A sender waits while the drain is full, and goes on when a value is taken."""
        drain = filled(1, maxsize=1)
        with Waits() as waits:
            sender = beside(drain.send, 2)
            waits.wait_for(1)
            before = drain.drain()
            next(iter(drain))
            sender.result(TIMEOUT)

        assert ([1], [2]) == (before, drain.drain())

    def test_lets_senders_in_first_come_first_served(self) -> None:
        """O5: Who waits longest is let in first."""
        drain = filled(0, maxsize=1)
        with Waits() as waits:
            for number in range(1, 6):
                beside(drain.send, number)
                waits.wait_for(1)

            assert [0, 1, 2, 3, 4, 5] == list(islice(drain, 6))

    def test_gives_up_after_the_timeout(self, fake_clock: FakeClock) -> None:
        """A timeout in vain raises TimeoutError, and leaves the drain as it was."""
        drain = Drain[int](1, name="records")
        drain.send(1)
        with pytest.raises(TimeoutError, match="records"):
            drain.send(2, timeout=2.5)

        assert ([1], [2.5]) == (drain.drain(), fake_clock.sleeps)

    def test_does_not_wait_if_there_is_room(self, fake_clock: FakeClock) -> None:
        """A timeout that is not needed takes no time."""
        drain = Drain[int](1)
        drain.send(1, timeout=2.5)

        assert ([1], []) == (drain.drain(), fake_clock.sleeps)

    def test_leaves_the_line_after_the_timeout(self, fake_clock: FakeClock) -> None:
        """Who gave up is not let in later, and who came after takes the place."""
        drain = filled(0, maxsize=1)
        clock = fake_clock.hold()
        first = beside(drain.send, 1, timeout=5)
        clock.wait_for_waits(1)
        second = beside(drain.send, 2, timeout=50)
        clock.wait_for_waits(2)
        clock.advance(5)
        with pytest.raises(TimeoutError):
            first.result(TIMEOUT)

        next(iter(drain))
        second.result(TIMEOUT)

        assert [2] == drain.drain()

    def test_is_interruptible(self) -> None:
        """Ctrl-C reaches a sender that waits, and the drain is as it was."""
        source = """
            from fluent_async import Drain
            drain = Drain(1)
            drain.send(1)
            try:
                print("waiting", flush=True)
                drain.send(2)
            except KeyboardInterrupt:
                print(*drain)
            """
        with start_child(source) as child:
            child.wait_for("waiting")
            child.interrupt()
            done = child.finish()

        assert ("waiting\n1\n", 0) == (done.stdout, done.returncode)

    def test_lends_the_slot_of_a_worker(self) -> None:
        """A worker that waits for room lets another one make it, at limit 1."""
        drain, out = filled(1, maxsize=1), Drain[int]()

        @task
        def produce() -> None:
            drain.send(2)

        @task
        def consume() -> int:
            return sum(islice(drain, 2))

        with Pool(1) as pool:
            pool.go(produce, consume | out)

        assert [3] == out.drain()

    def test_ends_with_its_worker(self) -> None:
        """A worker that is told to end waits for no room, and leaves nothing."""
        drain = filled(1, maxsize=1)
        with suppress(PoolCancelled), Pool(1) as pool:
            pool.go(2 >> task(drain.send))
            assert poll(lambda: pool.stats().waiting_for_room == 1)
            pool.cancel()

        assert [1] == drain.drain()

    def test_leaves_nothing_if_it_raises(self) -> None:
        """A worker told to end just when there is room either sends or raises."""
        drain, raised = filled(1, maxsize=1), list[object]()

        @task
        def send() -> None:
            try:
                drain.send(2)
            except Cancelled as exc:
                raised.append(exc)
                raise

        with suppress(PoolCancelled), Pool(1) as pool:
            pool.go(send)
            assert poll(lambda: pool.stats().waiting_for_room == 1)
            with switching(every=1.0):  # so that the sender wakes after both
                next(iter(drain))
                pool.cancel()

        assert [] == drain.drain() if raised else [2] == drain.drain()


class TestDrain:
    """`drain.drain()`: a reader with room for everything."""

    def test_has_room_for_everything(self, caplog: pytest.LogCaptureFixture) -> None:
        """While a thread is in `drain()` nothing waits for room, and no bound gives way."""
        drain = Drain[int](maxsize=1)
        with Pool(4) as pool, Gate() as gate:
            pool.go(1 >> at(gate).hold)
            gate.wait_for(1)
            pool.go(each(range(50)) >> double | drain)
            values = drain.drain(TIMEOUT)

        assert (list(range(0, 100, 2)), []) == (sorted(values), caplog.messages)

    def test_lets_in_those_who_wait_for_room(self) -> None:
        """Senders that wait go on, in turn."""
        drain = filled(0, maxsize=1)
        with Waits() as waits:
            with suppress(DrainClosed), drain:
                for number in (1, 2):
                    beside(drain.send, number)
                    waits.wait_for(1)

                drained = beside(drain.drain)
                assert poll(lambda: len(drain) == 3)

            assert [0, 1, 2] == drained.result(TIMEOUT)

    def test_lets_streams_go_on_that_wait_for_room(self) -> None:
        """What a pool holds back goes on when somebody drains."""
        drain = Drain[int](1)
        with Pool(1) as pool:
            pool.go(each([5, 5]) >> count | drain)
            assert poll(lambda: pool.stats().waiting_for_room == 1)

            assert sorted(2 * list(range(5))) == sorted(drain.drain(TIMEOUT))

    def test_restores_the_bound_when_it_gives_up(self) -> None:
        """Room for everything is there while a thread is in `drain()`, not after."""
        drain = filled(0, maxsize=1)
        with drain:
            with pytest.raises(TimeoutError):
                drain.drain(timeout=0)

            with pytest.raises(TimeoutError):
                drain.send(1, timeout=0)

    def test_holds_back_again_what_comes_after_it(self) -> None:
        """More than the bound may wait then, and nothing is let in until that is taken."""
        drain = Drain[int](1)
        with Pool(1) as pool:
            pool.go(5 >> count | drain)
            drain.drain(TIMEOUT)

        with pytest.raises(TimeoutError):
            drain.send(9, timeout=0)

        assert [0, 1, 2, 3, 4] == drain.drain()

    @pytest.mark.parametrize("wait", [Drain.drain, list], ids=["drain", "iterate"])
    def test_ends_while_the_other_half_of_a_tee_is_iterated(
        self, wait: Callable[[Drain[int]], list[int]]
    ) -> None:
        """A thread that waits in here reads nothing else, so what it reads gives way."""
        half, other = Drain[int](1), Drain[int](1)

        def read() -> list[list[int]]:
            return [[value, *wait(other)] for value in half]

        with Pool(1) as pool:
            pool.go(each(range(3)) >> double | half | other)
            first, *_ = beside(read).result(TIMEOUT)

        assert [0, 0, 2, 4] == first

    def test_lends_the_slot_of_a_worker(self) -> None:
        """A worker that waits for others lets them run, at limit 1."""
        drain, out = Drain[int](), Drain[list[int]]()
        with Pool(1) as pool:
            pool.go(task(drain.drain) | out, 1 >> double | drain)

        assert [[2]] == out.drain()

    def test_is_interruptible(self) -> None:
        """Ctrl-C reaches who drains, and the drain is as it was."""
        source = """
            from fluent_async import Drain
            drain = Drain(1)
            with drain:
                drain.send(1)
                try:
                    print("waiting", flush=True)
                    drain.drain()
                except KeyboardInterrupt:
                    print(len(drain))
            """
        with start_child(source) as child:
            child.wait_for("waiting")
            child.interrupt()
            done = child.finish()

        assert ("waiting\n1\n", 0) == (done.stdout, done.returncode)


class TestIteration:
    """`for value in drain`: takes what comes."""

    def test_gives_each_value_to_one_of_several_threads(self) -> None:
        """P4: Whoever is first gets it, and nobody else."""
        drain = Drain[int](2)
        with Pool(3) as pool:
            readers = [beside(list, drain) for _ in range(3)]
            pool.go(each(range(100)) >> double | drain)
            values = [value for reader in readers for value in reader.result(TIMEOUT)]

        assert list(range(0, 200, 2)) == sorted(values)

    def test_wakes_as_many_threads_as_values_come(self) -> None:
        """Two that wait for one value each have it after two were sent."""
        drain = Drain[int]()
        with Waits() as waits, drain:  # fed meanwhile: nobody ends for want of a feeder
            readers = [beside(next, iter(drain)) for _ in range(2)]
            waits.wait_for(2)
            drain.send(1)
            drain.send(2)

            assert [1, 2] == sorted(reader.result(TIMEOUT) for reader in readers)

    def test_lends_the_slot_of_a_worker(self) -> None:
        """A worker that waits for a value lets another one send it, at limit 1."""
        drain, out = Drain[int](), Drain[int]()

        @task
        def consume() -> int:
            return sum(drain)

        with Pool(1) as pool:
            pool.go(consume | out, 1 >> double | drain)

        assert [2] == out.drain()

    def test_ends_with_its_worker(self) -> None:
        """C5: A reader that is told to end takes nothing, and others get what comes."""
        drain = Drain[int]()
        with suppress(PoolCancelled), Waits() as waits, Pool(1) as pool:
            pool.go(task(partial(list, drain)))
            assert poll(lambda: pool.stats().waiting_for_room == 1)
            other = beside(list, drain)
            waits.wait_for(1)
            pool.cancel()
            drain.send(1)

        assert [1] == other.result(TIMEOUT)

    def test_is_interruptible(self) -> None:
        """Ctrl-C reaches a reader that waits, and it has taken nothing."""
        source = """
            from fluent_async import Drain
            drain = Drain()
            try:
                print("waiting", flush=True)
                next(iter(drain))
            except KeyboardInterrupt:
                drain.send(1)
                print(*drain)
            """
        with start_child(source) as child:
            child.wait_for("waiting")
            child.interrupt()
            done = child.finish()

        assert ("waiting\n1\n", 0) == (done.stdout, done.returncode)
