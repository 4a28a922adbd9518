"""The life of a drain: new, open, idle and shut, and what happens in each.

The table of docs/drains.md is this file: a class is a row, and its docstring the head of
that; `test_when_open` is the cell of an open drain, and its docstring what stands there.
Other tests of a class are about the same row, in more detail.
"""

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from beside import Waits, beside
from drains import (
    Ending,
    Feeding,
    every_end,
    every_feeding,
    execute,
    fed,
    filled,
    shut,
    stage,
    switching,
    worker,
)
from fluent_async import Args, Drain, Pool, Workers, each, stream, task
from fluent_async.errors import DrainClosed, PoolCancelled
from fluent_async.typing import Executable
from support import TIMEOUT, Gate
from work import at, double, fail


PAGE = Path(__file__).parent.parent / "docs" / "drains.md"
STATES = ["new", "open", "idle", "shut"]
NEVER = "—"
"""What stands in a cell for what cannot be."""


def idle(*values: int) -> Drain[int]:
    """Make a drain that was fed these values by a pool, and is not any more."""
    drain = Drain[int]()
    with Pool(1) as pool:
        pool.go(each(values) >> task(int) | drain)

    return drain


class TestSend:
    """`drain.send(value)` by hand."""

    def test_when_new(self) -> None:
        """The value waits, and the drain is idle."""
        drain = filled(1)

        assert [1] == drain.drain(timeout=0)
        assert [1] == list(drain)

    @every_feeding
    def test_when_open(self, feeding: Feeding) -> None:
        """The value waits, beside those of the feeders."""
        drain = Drain[int]()
        with feeding(drain):
            drain.send(0)

        assert [0, 1] == drain.drain()

    def test_when_idle(self) -> None:
        """The value waits, and the drain stays idle."""
        drain = idle(2)
        drain.send(3)

        assert [2, 3] == drain.drain(timeout=0)

    def test_when_shut(self) -> None:
        """Raises DrainClosed, and leaves nothing."""
        drain = Drain[int](name="records")
        drain.shut_down()

        with pytest.raises(DrainClosed, match="records"):
            drain.send(1)

        assert [] == drain.drain()

    def test_refuses_what_is_sent_when_it_is_full_as_well(self) -> None:
        """Nobody waits for room in a drain that takes no more."""
        drain = filled(1, maxsize=1)
        drain.shut_down()

        with pytest.raises(DrainClosed):
            drain.send(2)


class TestWorkerSends:
    """A worker sends."""

    def test_when_open(self) -> None:
        """The value waits, as soon as there is room."""
        drain = Drain[int]()

        @stream
        def send(args: Args[int, int]) -> None:
            args.drainer.send(args.input)
            gate.arrive()

        with Pool(1) as pool, Gate() as gate:
            pool.go(1 >> send | drain)
            gate.wait_for(1)

            assert 1 == len(drain)

    @pytest.mark.parametrize("limit", [1, 4])
    def test_when_shut(self, limit: int) -> None:
        """The worker is cancelled, like a writer to a broken pipe."""
        drain = Drain[int]()
        with Pool(limit) as pool, Gate() as gate:
            pool.go(1 >> at(gate).hold | drain)
            gate.wait_for(1)
            drain.shut_down()

        stats = pool.stats()

        assert (0, 0, 1) == (stats.succeeded, stats.failed, stats.cancelled)


class TestDrain:
    """`drain.drain()`."""

    def test_when_new(self) -> None:
        """Returns an empty list at once."""
        assert [] == Drain[int]().drain(timeout=0)

    @every_feeding
    def test_when_open(self, feeding: Feeding) -> None:
        """Waits until the last feeder is gone, and returns what is there."""
        drain = Drain[int]()
        with Waits() as waits:
            with feeding(drain):
                drained = beside(drain.drain)
                waits.wait_for(1)

            assert [1] == drained.result(TIMEOUT)

    @every_end
    def test_when_idle(self, end: Ending) -> None:
        """Returns what is there at once."""
        drain = Drain[int]()
        end(drain)

        assert drain.drain(timeout=0) in ([], [1], [2])

    @every_feeding
    def test_when_shut(self, feeding: Feeding) -> None:
        """Returns what is there at once, though feeders may be left."""
        drain = filled(0)
        with suppress(DrainClosed), Waits() as waits, feeding(drain):
            waiting = beside(drain.drain)
            waits.wait_for(1)
            drain.shut_down()

            assert [0] == waiting.result(TIMEOUT) == drain.drain(timeout=0)

    @every_feeding
    def test_gives_up_after_the_timeout(self, feeding: Feeding) -> None:
        """`drain(timeout)` in vain raises TimeoutError, and takes nothing."""
        drain = filled(0)
        with feeding(drain), pytest.raises(TimeoutError, match="fed"):
            drain.drain(timeout=0)

        assert [0, 1] == drain.drain(timeout=0)


class TestIterate:
    """`for value in drain`."""

    @every_feeding
    def test_when_new(self, feeding: Feeding) -> None:
        """Waits for the first feeder, or the first value."""
        drain = Drain[int]()
        with Waits() as waits:
            reader = beside(list, drain)
            waits.wait_for(1)
            with feeding(drain):
                assert not reader.done()

        assert [1] == reader.result(TIMEOUT)

    @every_feeding
    def test_when_open(self, feeding: Feeding) -> None:
        """Takes what comes, and ends when the last feeder is gone."""
        drain = Drain[int]()
        with Waits() as waits:
            with feeding(drain):
                reader = beside(list, drain)
                waits.wait_for(1)
                drain.send(0)
                waits.wait_for(1)

            assert [0, 1] == reader.result(TIMEOUT)

    def test_when_idle(self) -> None:
        """Takes what is there, and ends."""
        drain = idle(1, 2)

        assert [1, 2] == list(drain)
        assert [] == list(drain)

    def test_when_shut(self) -> None:
        """Takes what is there, and ends."""
        drain = shut(1, 2)

        assert [1, 2] == list(drain)
        assert [] == list(drain)

    def test_ends_with_a_first_value_that_came_by_hand(self) -> None:
        """A value is no feeder: the reader takes it, and waits for no other."""
        drain = Drain[int]()
        with Waits() as waits:
            reader = beside(list, drain)
            waits.wait_for(1)
            drain.send(1)

            assert [1] == reader.result(TIMEOUT)

    def test_has_ended_for_good(self) -> None:
        """An iterator that has ended stays ended, whatever comes; a new one goes on."""
        drain = filled(1)
        iterator = iter(drain)
        first = list(iterator)
        drain.send(2)

        assert ([1], []) == (first, list(iterator))
        assert [2] == list(drain)

    def test_ends_if_it_was_shut_when_new(self) -> None:
        """There will be no first feeder, so nobody waits for it."""
        assert [] == list(shut())


class TestCount:
    """`len(drain)`, `drain.count()`."""

    def test_when_new(self) -> None:
        """Zero."""
        assert 0 == len(Drain[int]()) == Drain[int]().count()

    def test_when_open(self) -> None:
        """How many values wait."""
        drain = filled(1, 2)
        with worker(drain):
            assert 2 == len(drain) == drain.count()

    def test_when_idle(self) -> None:
        """How many values wait."""
        drain = idle(1, 2)

        assert 2 == len(drain) == drain.count()

    def test_when_shut(self) -> None:
        """How many values wait."""
        drain = shut(1, 2)

        assert 2 == len(drain) == drain.count()


class TestClosed:
    """`drain.closed`."""

    def test_when_new(self) -> None:
        """False."""
        assert not Drain[int]().closed

    @every_feeding
    def test_when_open(self, feeding: Feeding) -> None:
        """False."""
        drain = Drain[int]()
        with feeding(drain):
            assert not drain.closed

    def test_when_idle(self) -> None:
        """False."""
        assert not idle().closed

    def test_when_shut(self) -> None:
        """True."""
        assert shut().closed


Make = Callable[[Drain[int]], Executable]

every_work = pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda drain: 1 >> double | drain, id="worker"),
        pytest.param(lambda drain: each([1]) >> double | drain, id="batch"),
        pytest.param(lambda drain: Workers([1 >> double]) | drain, id="mixed"),
        pytest.param(lambda drain: filled(1) >> double | drain, id="stage"),
        pytest.param(lambda drain: 1 >> (double | drain) >> double, id="middle"),
        pytest.param(lambda drain: 1 >> double | Drain[int]() | drain, id="second"),
    ],
)


class TestGive:
    """`pool.go(work | drain)`."""

    @every_work
    def test_when_new(self, make: Make) -> None:
        """Opens it, before `go` returns."""
        drain = Drain[int]()
        with Pool(1) as pool, Gate() as gate:
            pool.go(1 >> at(gate).hold)
            gate.wait_for(1)
            pool.go(make(drain))

            assert fed(drain)

    def test_when_open(self) -> None:
        """Adds a feeder."""
        drain = Drain[int]()
        with worker(drain):
            with worker(drain):
                pass

            assert fed(drain)

        assert not fed(drain)

    @every_feeding
    def test_when_idle(self, feeding: Feeding) -> None:
        """Opens it again."""
        drain = idle(2)
        with feeding(drain):
            again = fed(drain)

        assert (True, [2, 1]) == (again, drain.drain(timeout=0))

    @every_work
    def test_when_shut(self, make: Make) -> None:
        """Raises DrainClosed, and nothing of that `go` starts."""
        drain = Drain[int]()
        with Pool(1) as pool:
            with pytest.raises(DrainClosed):
                pool.go(1 >> double | drain, make(shut()))

            assert 0 == pool.stats().accepted

        assert [] == drain.drain()

    def test_opens_all_that_is_downstream(self) -> None:
        """A drain is open from then on that is fed by a stage of it, or after that."""
        drains = first, second, third = [Drain[int]() for _ in range(3)]
        with Pool(1) as pool, Gate() as gate:
            pool.go(1 >> at(gate).hold)
            gate.wait_for(1)
            pool.go(second >> double | third, first >> double | second)
            pool.go(each([1]) >> double | first)

            assert [True, True, True] == [fed(drain) for drain in drains]

    def test_leaves_it_new_when_the_work_is_refused(self) -> None:
        """A `go` that raises gives the pool nothing, and opens nothing."""
        drain = Drain[int]()
        with Pool(1) as pool, Waits() as waits:
            with pytest.raises(DrainClosed):
                pool.go(1 >> double | drain, 2 >> double | shut())

            reader = beside(list, drain)
            waits.wait_for(1)
            drain.shut_down()

        assert [] == reader.result(TIMEOUT)


class TestExecute:
    """`worker.execute()` in a thread of one's own."""

    def test_when_new(self) -> None:
        """Opens it, for as long as the call lasts."""
        drain = Drain[int]()
        with execute(drain):
            assert fed(drain)

        assert [1] == drain.drain(timeout=0)

    def test_when_open(self) -> None:
        """Adds a feeder, for as long as the call lasts."""
        drain = Drain[int]()
        with execute(drain):
            with execute(drain):
                pass

            assert fed(drain)

        assert not fed(drain)

    def test_when_idle(self) -> None:
        """Opens it again, for as long as the call lasts."""
        drain = idle()
        with execute(drain):
            assert fed(drain)

        assert [1] == drain.drain(timeout=0)

    def test_when_shut(self) -> None:
        """Raises DrainClosed, and nothing runs."""
        with pytest.raises(DrainClosed):
            (1 >> fail | shut()).execute()


class TestWith:
    """`with drain` begins."""

    def test_when_new(self) -> None:
        """Opens it, to be fed by hand."""
        with Drain[int]() as drain:
            assert fed(drain)

    def test_when_open(self) -> None:
        """Adds a feeder."""
        drain = Drain[int]()
        with drain:
            with worker(drain):
                pass

            assert fed(drain)

    def test_when_idle(self) -> None:
        """Opens it again, to be fed by hand."""
        with idle() as drain:
            assert fed(drain)

    def test_when_shut(self) -> None:
        """Raises DrainClosed."""
        with pytest.raises(DrainClosed), shut():
            pytest.fail("fed")


class TestWithEnds:
    """`with drain` ends."""

    def test_when_open(self) -> None:
        """Shuts it, though other feeders may be left."""
        drain = filled(0)
        with worker(drain):
            with drain:
                before = drain.closed

            after = drain.closed

        assert (False, True) == (before, after)
        assert [0] == drain.drain()

    def test_when_shut(self) -> None:
        """It stays shut."""
        with Drain[int]() as drain:
            drain.shut_down()

        assert drain.closed

    def test_shuts_it_when_the_block_fails(self) -> None:
        """An exception shuts it as well, and goes on."""
        drain = Drain[int]()
        with pytest.raises(LookupError), drain:
            raise LookupError

        assert drain.closed

    def test_ends_its_readers(self) -> None:
        """Readers in other threads take what was sent and end."""
        drain = Drain[int]()
        readers = [beside(list, drain) for _ in range(3)]
        with drain:
            for number in range(100):
                drain.send(number)

        values = [value for reader in readers for value in reader.result(TIMEOUT)]

        assert list(range(100)) == sorted(values)


class TestFeederEnds:
    """A feeder ends, however it does."""

    def test_when_open(self) -> None:
        """It stays open until the last one ends, and is idle then."""
        drain = Drain[int]()
        with worker(drain):
            with stage(drain), execute(drain):
                within = fed(drain)

            after = fed(drain)

        assert (True, True, False) == (within, after, fed(drain))
        assert [1, 1, 1] == list(drain)

    @every_feeding
    def test_when_shut(self, feeding: Feeding) -> None:
        """It stays shut, and what the feeder still had for it is lost."""
        drain = Drain[int]()
        with suppress(DrainClosed), feeding(drain):
            drain.shut_down()

        assert (True, []) == (drain.closed, drain.drain())

    @every_end
    def test_ends_who_iterates(self, end: Ending) -> None:
        """A reader takes what there is, and ends; nobody waits for what failed."""
        drain = Drain[int]()
        with Waits() as waits:
            reader = beside(list, drain)
            waits.wait_for(1)
            end(drain)

            assert reader.result(TIMEOUT) in ([], [1], [2])


class TestShutDown:
    """`drain.shut_down()`."""

    def test_when_new(self) -> None:
        """Shuts it; readers that wait for a feeder end."""
        drain = Drain[int]()
        with Waits() as waits:
            reader = beside(list, drain)
            waits.wait_for(1)
            drain.shut_down()

            assert [] == reader.result(TIMEOUT)

        assert drain.closed

    def test_when_open(self) -> None:
        """Shuts it; readers take what is there and end, though feeders may be left."""
        drain = Drain[int]()
        with worker(drain), Waits() as waits:
            reader = beside(list, drain)
            waits.wait_for(1)
            drain.shut_down()

            assert ([], True) == (reader.result(TIMEOUT), drain.closed)

    def test_when_idle(self) -> None:
        """Shuts it; what is there stays."""
        drain = idle(1)
        drain.shut_down()

        assert (True, [1]) == (drain.closed, drain.drain())

    def test_when_shut(self) -> None:
        """Does nothing."""
        drain = shut(1)
        drain.shut_down()

        assert (True, [1]) == (drain.closed, drain.drain())

    def test_refuses_those_who_wait_for_room(self) -> None:
        """Senders that wait get DrainClosed, and what they had is not left."""
        drain = filled(1, maxsize=1)
        with Waits() as waits:
            senders = [beside(drain.send, number) for number in (2, 3)]
            waits.wait_for(2)
            drain.shut_down()

            for sender in senders:
                with pytest.raises(DrainClosed):
                    sender.result(TIMEOUT)

        assert [1] == drain.drain()

    def test_lets_in_none_of_those_who_wait_for_room(self) -> None:
        """A sender that was refused is not let in, though there is room before it hears."""
        drain = filled(1, maxsize=1)
        with Waits() as waits, switching(every=1.0):
            sender = beside(drain.send, 2)
            waits.wait_for(1)
            drain.shut_down()
            taken = next(iter(drain))

            with pytest.raises(DrainClosed):
                sender.result(TIMEOUT)

        assert (1, []) == (taken, drain.drain())

    def test_ends_its_stage_though_a_feeder_is_left(self) -> None:
        """Nothing more arrives, so the stage has done, and feeds its own drain no more."""
        drain, out = Drain[int](), Drain[int]()
        with Pool(1) as pool, worker(drain):
            pool.go(drain >> double | out)
            before = fed(out)
            drain.shut_down()
            pool.wait(TIMEOUT)

            assert (True, False) == (before, fed(out))

    def test_leaves_its_stage_what_is_there(self) -> None:
        """Values that the stage has not taken yet are there for it all the same."""
        drain, out = filled(1, 2, 3), Drain[int]()
        with Pool(1) as pool, Gate() as gate:
            pool.go(drain >> at(gate).hold | out)
            gate.wait_for(1)
            drain.shut_down()

        assert [1, 2, 3] == out.drain()


class TestDrainAndShutDown:
    """`drain.drain_and_shut_down()`."""

    def test_when_new(self) -> None:
        """Returns an empty list at once, and shuts it."""
        drain = Drain[int]()

        assert ([], True) == (drain.drain_and_shut_down(), drain.closed)

    @every_feeding
    def test_when_open(self, feeding: Feeding) -> None:
        """Waits until the last feeder is gone, shuts it, and returns what is there."""
        drain = Drain[int]()
        with Waits() as waits:
            with feeding(drain):
                drained = beside(drain.drain_and_shut_down)
                waits.wait_for(1)

            assert ([1], True) == (drained.result(TIMEOUT), drain.closed)

    def test_when_idle(self) -> None:
        """Returns what is there at once, and shuts it."""
        drain = idle(1, 2)

        assert ([1, 2], True) == (drain.drain_and_shut_down(), drain.closed)

    def test_when_shut(self) -> None:
        """Returns what is there at once."""
        assert [1, 2] == shut(1, 2).drain_and_shut_down()

    def test_gives_what_is_sent_until_it_is_shut(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A value that slips in between is in the list: none is left unread."""
        drain, shut_down = filled(1), Drain.shut_down

        def shut_late(drain: Drain[int]) -> None:
            drain.send(2)
            shut_down(drain)

        monkeypatch.setattr(Drain, "shut_down", shut_late)

        assert [1, 2] == drain.drain_and_shut_down()


class TestFeedsAStage:
    """`pool.go(drain >> task)`."""

    def test_when_new(self) -> None:
        """The stage sleeps until the drain is fed."""
        drain, out = Drain[int](), Drain[int]()
        with Pool(1) as pool, Waits() as waits:
            pool.go(drain >> double | out).wait(TIMEOUT)
            reader = beside(list, out)
            waits.wait_for(1)
            with drain:
                drain.send(1)

        assert [2] == reader.result(TIMEOUT)

    @every_feeding
    def test_when_open(self, feeding: Feeding) -> None:
        """The stage takes what is there and what comes, and sleeps when it is idle."""
        drain, out = filled(0), Drain[int]()
        with Pool(1) as pool:
            with feeding(drain):
                pool.go(drain >> double | out)
                awake = fed(out)

            pool.wait(TIMEOUT)

        assert (True, [0, 2]) == (awake, out.drain(timeout=0))

    def test_when_idle(self) -> None:
        """The stage takes what is there, and sleeps until the drain is fed again."""
        drain, out, counts = idle(1), Drain[int](), list[int]()
        with Pool(1) as pool:
            pool.go(drain >> double | out).wait(TIMEOUT)
            counts.append(len(out))
            for number in (2, 3):
                drain.send(number)
                pool.wait(TIMEOUT)
                counts.append(len(out))

        assert [1, 2, 3] == counts

    def test_when_shut(self) -> None:
        """The stage takes what is there, and sleeps for good."""
        drain, out = shut(1, 2), Drain[int]()
        with Pool(1) as pool:
            pool.go(drain >> double | out)

        assert [2, 4] == out.drain()


@contextmanager
def nobody(_: Drain[int]) -> Iterator[None]:
    """Feed nothing."""
    yield


class TestSecondStage:
    """`pool.go(drain >> task)`, if it feeds a stage."""

    def test_when_new(self) -> None:
        """Raises ValueError: a drain feeds one stage."""
        assert [] == self.refused(Drain[int](), nobody)

    def test_when_open(self) -> None:
        """Raises ValueError: a drain feeds one stage."""
        assert [2] == self.refused(Drain[int](), worker)

    def test_when_idle(self) -> None:
        """Raises ValueError: a drain feeds one stage."""
        assert [2] == self.refused(idle(1), nobody)

    def test_when_shut(self) -> None:
        """Raises ValueError: a drain feeds one stage."""
        assert [2] == self.refused(shut(1), nobody)

    def refused(self, drain: Drain[int], feeding: Feeding) -> list[int]:
        """Give a second stage to the pool of the first and to another; return the first's."""
        out = Drain[int]()
        with Pool(1) as pool, Pool(1) as other, feeding(drain):
            pool.go(drain >> double | out)
            for second in (pool, other):
                with pytest.raises(ValueError, match=r"drain to two drains.*limit"):
                    second.go(drain >> fail)

        return out.drain()


class TestIterateAsWell:
    """`for value in drain`, if it feeds a stage."""

    def test_when_new(self) -> None:
        """Raises RuntimeError: the stage takes the values."""
        assert [] == self.refused(Drain[int](), nobody)

    def test_when_open(self) -> None:
        """Raises RuntimeError: the stage takes the values."""
        assert [2] == self.refused(Drain[int](), worker)

    def test_when_idle(self) -> None:
        """Raises RuntimeError: the stage takes the values."""
        assert [2] == self.refused(idle(1), nobody)

    def test_when_shut(self) -> None:
        """Raises RuntimeError: the stage takes the values."""
        assert [2] == self.refused(shut(1), nobody)

    def refused(self, drain: Drain[int], feeding: Feeding) -> list[int]:
        """Iterate a drain whose stage can't start yet; return what that takes."""
        out = Drain[int]()
        with Pool(1) as pool, feeding(drain), Gate() as gate:
            pool.go(0 >> at(gate).hold)
            gate.wait_for(1)
            pool.go(drain >> double | out)
            with pytest.raises(RuntimeError, match=r"feeds a stage.*a second drain"):
                next(iter(drain))

        return out.drain()

    def test_tells_an_iterator_that_was_there_before(self) -> None:
        """A reader that waits is told when the drain has come to feed a stage."""
        drain, out = Drain[int](), Drain[int]()
        with Pool(1) as pool, Waits() as waits:
            reader = beside(list, drain)
            waits.wait_for(1)
            pool.go(drain >> double | out)
            drain.send(1)
            with pytest.raises(RuntimeError, match="feeds a stage"):
                reader.result(TIMEOUT)

        assert [2] == out.drain()


class TestWait:
    """`pool.wait()`, if it feeds a stage there."""

    def test_when_new(self, caplog: pytest.LogCaptureFixture) -> None:
        """Does not wait for the stage; one warning names it."""
        with caplog.at_level(logging.WARNING), Pool(1) as pool:
            pool.go(Drain[int](name="pages") >> double).wait(timeout=0)

        [warning] = caplog.records

        assert "Drain(name='pages') >> double" in warning.getMessage()

    @every_feeding
    def test_when_open(self, feeding: Feeding) -> None:
        """Waits until the last feeder is gone, and the stage has done all there is."""
        drain, out = Drain[int](), Drain[int]()
        with Pool(1) as pool:
            with feeding(drain):
                pool.go(drain >> double | out)
                with pytest.raises(TimeoutError):
                    pool.wait(timeout=0)

            pool.wait(TIMEOUT)

            assert [2] == out.drain(timeout=0)

    def test_when_idle(self) -> None:
        """Waits until the stage has done all there is."""
        self.waits(idle(1, 2))

    def test_when_shut(self) -> None:
        """Waits until the stage has done all there is."""
        self.waits(shut(1, 2))

    def waits(self, drain: Drain[int]) -> None:
        """Wait in vain while an input runs, and not in vain after that."""
        out = Drain[int]()
        with Pool(1) as pool, Gate() as gate:
            pool.go(drain >> at(gate).hold | out)
            gate.wait_for(1)
            with pytest.raises(TimeoutError):
                pool.wait(timeout=0)

            gate.open()
            pool.wait(TIMEOUT)

            assert [1, 2] == out.drain(timeout=0)


class TestCancel:
    """`pool.cancel()`, if it feeds a stage there."""

    def test_when_new(self) -> None:
        """Drops nothing; the stage takes what comes later."""
        assert (0, [6]) == self.cancelled(Drain[int](), nobody, later=[3])

    def test_when_open(self) -> None:
        """Drops what is there, and what comes until the last feeder is gone."""
        dropped = [1, 2, 0, 1]  # two were there, then one by hand, then the feeder's

        assert (len(dropped), [6]) == self.cancelled(
            filled(1, 2), worker, meanwhile=[0], later=[3]
        )

    def test_when_idle(self) -> None:
        """Drops what is there; the stage takes what comes later."""
        assert (2, [6]) == self.cancelled(idle(1, 2), nobody, later=[3])

    def test_when_shut(self) -> None:
        """Drops what is there."""
        assert (2, []) == self.cancelled(shut(1, 2), nobody)

    def cancelled(
        self,
        drain: Drain[int],
        feeding: Feeding,
        *,
        meanwhile: Sequence[int] = (),
        later: Sequence[int] = (),
    ) -> tuple[int, list[int]]:
        """Cancel a pool whose stage can't start yet; say what is dropped, and what not."""
        out = Drain[int]()
        with Pool(1) as pool:
            with feeding(drain), Gate() as gate:
                pool.go(-1 >> at(gate).hold)
                gate.wait_for(1)
                pool.go(drain >> double | out)
                pool.cancel()
                for value in meanwhile:
                    drain.send(value)

            with suppress(PoolCancelled):
                pool.wait(TIMEOUT)

            for value in later:
                drain.send(value)

        return pool.stats().cancelled, out.drain()


class TestClose:
    """`pool.close()`, if it feeds a stage there."""

    def test_when_new(self) -> None:
        """Leaves the drain to others: it may be iterated, or feed another stage."""
        drain, out = Drain[int](), Drain[int]()
        Pool(1).go(drain >> fail).close()
        with Pool(1) as pool:
            pool.go(drain >> double | out)
            drain.send(1)

        assert [2] == out.drain()

    @every_feeding
    def test_when_open(self, feeding: Feeding) -> None:
        """Waits as `wait` does, then leaves the drain to others."""
        drain, out = Drain[int](), Drain[int]()
        with Waits() as waits:
            with feeding(drain):
                closing = beside(Pool(1).go(drain >> double | out).close)
                waits.wait_for(1)

            closing.result(TIMEOUT)

        assert ([2], []) == (out.drain(timeout=0), list(drain))

    def test_when_idle(self) -> None:
        """Waits as `wait` does, then leaves the drain to others."""
        drain, out = idle(1), Drain[int]()
        Pool(1).go(drain >> double | out).close()
        drain.send(3)

        assert ([2], [3]) == (out.drain(timeout=0), list(drain))

    def test_when_shut(self) -> None:
        """Waits as `wait` does, then leaves the drain to others."""
        drain, out = shut(1), Drain[int]()
        Pool(1).go(drain >> double | out).close()

        assert ([2], []) == (out.drain(timeout=0), list(drain))


class TestBetween:
    """Stages that sleep and wake, values by hand, and pools that share a drain."""

    def test_sleeps_and_wakes_with_each_go(self) -> None:
        """A second `go` after `wait` feeds the stages that are there."""
        middle, out, counts = Drain[int](), Drain[int](), list[int]()
        with Pool(2) as pool:
            pool.go(middle >> double | out)
            for size in (3, 0, 2):
                pool.go(each(range(size)) >> double | middle).wait(TIMEOUT)
                counts.append(len(out))

        assert [3, 3, 5] == counts

    def test_wakes_all_that_is_downstream(self) -> None:
        """A value by hand at the top of a chain comes out at its end."""
        drains = first, second, third = [Drain[int](1) for _ in range(3)]
        with Pool(1) as pool:
            pool.go(second >> double | third, first >> double | second)
            for number in (1, 2):
                first.send(number)
                assert 4 * number == next(iter(third))

            pool.wait(TIMEOUT)

        assert [[], [], []] == [drain.drain(timeout=0) for drain in drains]

    def test_goes_from_one_pool_to_another(self) -> None:
        """A drain that one pool feeds may feed a stage of another."""
        middle, out = Drain[int](maxsize=1), Drain[int]()
        with Pool(2) as first, Pool(2) as second:
            second.go(middle >> double | out)
            first.go(each(range(50)) >> double | middle).wait(TIMEOUT)

        assert list(range(0, 200, 4)) == sorted(out.drain())

    def test_takes_from_two_pools(self) -> None:
        """A drain is open until the last feeder in any pool is gone."""
        drain = Drain[int](maxsize=1)
        with Pool(1) as first, Pool(1) as second:
            first.go(each(range(20)) >> double | drain)
            second.go(each(range(20, 40)) >> double | drain)

            assert list(range(0, 80, 2)) == sorted(drain)

    def test_takes_from_two_pools_and_by_hand(self) -> None:
        """The stage is done when all three are."""
        drain, out = Drain[int](maxsize=1), Drain[int]()
        with Pool(1) as third, Pool(1) as first, Pool(1) as second:
            third.go(drain >> double | out)
            first.go(each(range(9)) >> task(int) | drain)
            second.go(each(range(9, 18)) >> task(int) | drain)
            for number in range(18, 27):
                drain.send(number)

        assert list(range(0, 54, 2)) == sorted(out.drain())


Table = dict[str, list[str]]


def table_of_the_page() -> Table:
    """Read the one table of the page: what stands at the head of a row, and in its cells."""
    rows = re.findall(r"^\| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    heads, *cells = [re.split(r" (?<!\\)\| ", row) for row in rows]

    assert ["", *STATES] == [head.strip("*") for head in heads]

    return {head.replace("\\|", "|"): row for head, *row in cells}


def table_of_the_tests() -> Table:
    """Read the same off the classes of this file."""
    table: Table = {}
    for row in list(globals().values()):
        tests = [getattr(row, f"test_when_{state}", None) for state in STATES]
        if isinstance(row, type) and any(tests):
            table[said(row)] = [NEVER if test is None else said(test) for test in tests]

    return table


def said(thing: object) -> str:
    """Return the one sentence of a docstring, without the full stop."""
    assert thing.__doc__ is not None, thing

    return thing.__doc__.removesuffix(".")


def test_the_page_says_what_is_tested_here() -> None:
    """The table of docs/drains.md and the classes of this file are the same, in one order."""
    assert list(table_of_the_tests().items()) == list(table_of_the_page().items())
