"""Stages, where their inputs come from, and slices of these inputs."""

import weakref
from collections.abc import Callable, Iterable, Iterator

import pytest
from typing_extensions import override

from fluent_async import Args, Drain, Workers, each, stream, task
from fluent_async._build import GIL
from fluent_async._loop import work_through
from fluent_async._slice import Slice
from fluent_async._sources import Given
from fluent_async._stage import LONGEST, QUICK_S, SLICE_S, Stage, channels_of, is_plain
from fluent_async._store import PLENTY
from fluent_async.typing import Executable
from hand import Hand, channel_of, filled


@task
def double(number: int) -> int:
    """Double a number."""
    return 2 * number


@stream
def halves(number: int) -> Iterator[int]:
    """Yield both halves of a number."""
    yield number // 2
    yield number - number // 2


@stream
def sent(args: Args[int, int]) -> None:
    """Send a number."""
    args.drainer.send(args.input)


class List:
    """A sink that is no drain."""

    def __init__(self) -> None:
        self.values: list[int] = []

    def send(self, value: int, /) -> None:
        """Keep a value."""
        self.values.append(value)


def stage_of(work: Executable) -> Stage:
    """Make the stage that some work is, in a pool that never runs."""
    [stage] = Hand(limit=9).go(work)
    return stage


def slice_of(stage: Stage, size: int) -> Slice:
    """Make a slice that may pull."""
    slice_ = Slice(stage, 0.0)
    slice_.open(size, None)
    slice_.begin(stage.source.pull(slice_))
    return slice_


class TestSource:
    """Where the inputs of a stage come from."""

    def test_of_values_has_plenty_until_it_was_read(self) -> None:
        """Nobody knows how many items an iterable has before its end."""
        hand = Hand()
        [stage] = hand.go(each([1]) >> double)
        before = stage.source.ready(), stage.source.over()
        while hand.scheduler.more(0.0):
            hand.work_through(hand.slice())

        assert (PLENTY, False) == before
        assert (0, True) == (stage.source.ready(), stage.source.over())

    def test_of_values_iterates_in_the_thread_that_calls_go(self) -> None:
        """The iterator is made when the stage is, before any pull."""
        made: list[str] = []

        class Values:
            def __iter__(self) -> Iterator[int]:
                made.append("iterator")
                return iter([1])

        Hand().go(each(Values()) >> double)

        assert ["iterator"] == made

    def test_of_given_workers_has_those_that_did_not_start(self) -> None:
        """What is ready are the workers left."""
        hand = Hand()
        [stage] = hand.go(1 >> double, 2 >> double)
        slice_ = slice_of(stage, 1)
        ready = stage.source.ready()
        next(slice_.inputs)

        assert (2, 1) == (ready, stage.source.ready())
        assert not stage.source.over()

    def test_of_a_drain_has_what_waits_in_it(self) -> None:
        """What is ready are the values of the drain."""
        drain = filled(1, 2)
        stage = stage_of(drain >> double)
        ready = stage.source.ready()
        drain.send(3)

        assert (2, 3) == (ready, stage.source.ready())

    def test_of_a_drain_is_over_when_nobody_feeds_it(self) -> None:
        """A drain that is empty is over, unless it is fed."""
        drain = Drain[int]()
        stage = stage_of(drain >> double)
        new = stage.source.over()
        channel_of(drain).join(None)
        fed = stage.source.over()
        channel_of(drain).leave(None)

        assert (True, False, True) == (new, fed, stage.source.over())


class TestStage:
    """What a stage knows of its task and its drains."""

    @pytest.mark.parametrize(
        ("work", "plain"),
        [
            (lambda: each([1]) >> double, True),
            (lambda: each([1]) >> double | Drain[int]() | Drain[int](), True),
            (lambda: each([1]) >> double >> double, True),
            (lambda: each([1]) >> halves, False),
            (lambda: each([1]) >> sent, False),
            (lambda: each([1]) >> double >> halves, False),
            (lambda: each([1]) >> halves >> double, False),
            (lambda: Workers([1 >> double]), False),
        ],
    )
    def test_is_plain_if_an_input_gives_each_drain_one_value(
        self, work: Callable[[], Executable], *, plain: bool
    ) -> None:
        """Only of plain stages it is known how much room an input needs."""
        assert plain is stage_of(work()).plain

    def test_is_not_plain_if_a_drain_gets_two_values(self) -> None:
        """A composition that sends to one drain twice needs room for both."""
        drain = Drain[int]()

        assert not stage_of(each([1]) >> double | drain | drain).plain
        assert not stage_of((each([1]) >> double | drain) >> double | drain).plain

    @pytest.mark.parametrize(
        ("work", "quick"),
        [
            (lambda: each([1]) >> double, True),
            (lambda: each([1]) >> double | Drain[int](maxsize=1), True),
            (lambda: 1 >> double, True),
            (lambda: filled(1) >> double, True),
            (lambda: each([1]) >> double | Drain[int]() | Drain[int](), False),
            (lambda: each([1]) >> double | Drain[int](ordered=True), True),
            (lambda: each([1]) >> double | List(), False),
            (lambda: each([1]) >> double.with_timeout(1.0), False),
            (lambda: each([1]) >> double >> double, False),
            (lambda: each([1]) >> halves, True),
            (lambda: each([1]) >> halves.with_retry(1), True),
            (lambda: each([1]) >> halves.with_retry(2), False),
            (lambda: each([1]) >> halves.with_timeout(1.0), False),
            (lambda: each([1]) >> halves | Drain[int]() | Drain[int](), False),
            (lambda: each([1]) >> sent, False),
            (lambda: Workers([1 >> double]), False),
        ],
    )
    def test_is_quick_if_inputs_need_no_record_each(
        self, work: Callable[[], Executable], *, quick: bool
    ) -> None:
        """One step, plain or a stream that is not retried, no timeout, at most one drain."""
        assert quick is stage_of(work()).quick

    def test_has_each_drain_once(self) -> None:
        """A drain that a stage sends to twice has it as one feeder."""
        first, second = Drain[int](), Drain[int]()
        work = (each([1]) >> double | first | second) >> double | first

        assert channels_of((first, second)) == stage_of(work).channels

    def test_feeds_no_sink_that_is_no_drain(self) -> None:
        """Only drains are opened and closed by who feeds them."""
        assert () == stage_of(each([1]) >> double | List()).channels

    def test_numbers_its_inputs(self) -> None:
        """Each input knows its go(), its argument and its place in the source."""
        hand = Hand()
        hand.go(1 >> double)
        [_, stage] = hand.go(each([1]) >> double, each([7, 8]) >> double)
        works = [stage.work(7), stage.work(8)]

        assert [(2, 1, 0), (2, 1, 1)] == [work.key for work in works]
        assert [7, 8] == [work.input for work in works]

    def test_shows_the_input_of_a_worker(self) -> None:
        """A worker's input is its value, its values, or its values by name."""

        @task
        def add(left: int, right: int = 0) -> int:
            return left + right

        stage = stage_of(Workers([1 >> double]))
        workers = [
            add.with_input(1),
            add.with_input(1, 2),
            add.with_input(1, right=2),
        ]

        assert [1, (1, 2), {"left": 1, "right": 2}] == [
            stage.work(worker).input for worker in workers
        ]

    def test_calls_a_given_worker_with_its_arguments(self) -> None:
        """A worker's positional and named arguments reach the function."""

        @task
        def add(left: int, right: int = 0) -> int:
            return left + right

        stage = stage_of(add.with_input(1))
        workers = [add.with_input(1), add.with_input(1, 2), add.with_input(1, right=3)]

        assert [1, 3, 4] == [stage.call(worker) for worker in workers]

    def test_knows_what_each_worker_of_a_batch_drains_to(self) -> None:
        """Workers of one batch may have drains of their own."""
        drain = Drain[int]()
        stage = stage_of(Workers([1 >> double]))
        works = [
            stage.work(worker)
            for worker in (1 >> double | drain, 2 >> double, 3 >> halves | drain)
        ]

        assert [1, 0, 1] == [len(work.channels) for work in works]
        assert [True, True, False] == [work.plain for work in works]

    def test_has_the_name_of_its_task(self) -> None:
        """Errors call it by its last task; a mixed batch has none of its own."""
        assert "halves" == stage_of(each([1]) >> double >> halves).label
        assert "workers" == stage_of(Workers([1 >> double])).label

    def test_is_broken_when_all_its_drains_are_shut(self) -> None:
        """One drain that is open is enough to go on; without drains it never breaks."""
        first, second = Drain[int](), Drain[int]()
        stage = stage_of(each([1]) >> double | first | second)
        first.shut_down()
        half = stage.broken
        second.shut_down()

        assert (False, True) == (half, stage.broken)
        assert not stage_of(each([1]) >> double).broken

    def test_lasts_while_it_may_feed_again(self) -> None:
        """A stage on a drain lasts until the pool closes; a batch until it has ended."""
        hand = Hand()
        flow, batch = hand.go(Drain[int]() >> double, each([1]) >> double)
        before = flow.lasts, batch.lasts
        while hand.scheduler.more(0.0):
            hand.work_through(hand.slice())

        assert (True, True) == before
        assert (True, False) == (flow.lasts, batch.lasts)

        hand.scheduler.graph.clear()

        assert not flow.lasts


class TestPace:
    """How many inputs the next slice may take."""

    def test_grows_when_a_full_slice_was_short(self) -> None:
        """A slice that took its whole budget in little time doubles it."""
        assert 512 == self.budget_after(took=SLICE_S / 3, done=256, budget=256)

    def test_grows_fast_when_a_full_slice_was_very_short(self) -> None:
        """One that took next to no time is the first of few."""
        assert 32 == self.budget_after(took=QUICK_S, done=4)

    def test_stays_when_a_slice_lasted_as_long_as_it_should(self) -> None:
        """A slice of about the right length changes nothing."""
        assert 256 == self.budget_after(took=SLICE_S / 2, done=256, budget=256)

    def test_stays_when_a_slice_was_cut_short(self) -> None:
        """A slice that others stopped says nothing of how long its inputs take."""
        assert 4 == self.budget_after(took=0.0, done=3)

    def test_falls_when_inputs_are_slow(self) -> None:
        """A slice whose inputs took long cuts the budget to a quarter."""
        assert 16 == self.budget_after(took=64 * QUICK_S * 1.01, done=64, budget=64)

    def test_never_falls_below_one(self) -> None:
        """A slice always takes at least one input."""
        assert 1 == self.budget_after(took=9.0, done=1, budget=1)

    def test_never_grows_beyond_the_longest_slice(self) -> None:
        """A slice ends some time, so that somebody looks at what else there is."""
        done = LONGEST

        assert LONGEST == self.budget_after(took=0.0, done=done, budget=done)

    def test_is_one_where_inputs_need_a_record_each(self) -> None:
        """Stages that are not quick take one input at a time, whatever their budget."""
        stage = stage_of(each([1]) >> sent)
        stage.budget = 64

        assert 1 == stage.longest(8, 1)

    def budget_after(self, *, took: float, done: int, budget: int = 4) -> int:
        """Pace a stage by a slice of `done` inputs that took so many seconds."""
        stage = stage_of(each(range(done)) >> double)
        stage.budget = budget
        slice_ = slice_of(stage, done)
        assert done == len(list(slice_.inputs))

        stage.pace(slice_, took)
        return stage.budget


class TestSlice:
    """A run of inputs that one thread takes without the monitor."""

    def test_gives_as_many_inputs_as_it_may(self) -> None:
        """It ends after its size, or where the source does."""
        assert [0, 1, 2] == list(slice_of(self.stage(9), 3).inputs)
        assert [0, 1] == list(slice_of(self.stage(2), 3).inputs)

    def test_takes_an_input_only_when_it_is_asked_for(self) -> None:
        """The source is left alone until then."""
        stage = self.stage(9)
        slice_ = slice_of(stage, 5)
        next(slice_.inputs)

        assert 1 == slice_.pulled
        assert 1 == next(slice_of(stage, 1).inputs)

    def test_gives_nothing_more_once_it_is_closed(self) -> None:
        """Whoever closes it knows how many inputs it has."""
        slice_ = slice_of(self.stage(9), 5)
        next(slice_.inputs)
        slice_.close()

        assert [] == list(slice_.inputs)
        assert 1 == slice_.pulled
        assert not slice_.pulling

    def test_gives_an_input_it_was_pulling_when_it_was_closed(self) -> None:
        """A pull that has begun ends; the next never begins."""
        slice_, seen = self.looked_at(Slice.closed_pulling)

        assert [0] == list(slice_.inputs)
        assert [True] == seen

    def test_knows_whether_it_is_in_a_pull(self) -> None:
        """Before the first pull and between two it is in none."""
        slice_, seen = self.looked_at(lambda slice_: slice_.pulling)
        before = slice_.pulling
        next(slice_.inputs)

        assert [False, True, False] == [before, *seen, slice_.pulling]

    def test_was_in_a_pull_when_the_source_ended(self) -> None:
        """A pull that gave nothing never ends: so its thread knows the source did."""
        slice_ = slice_of(self.stage(0), 5)

        assert [] == list(slice_.inputs)
        assert slice_.pulling
        assert 0 == slice_.pulled

    def test_was_in_a_pull_when_the_source_raised(self) -> None:
        """An iterable that raised gives nothing more."""

        def values() -> Iterator[int]:
            yield 0
            raise ConnectionError

        slice_ = slice_of(stage_of(each(values()) >> double), 5)
        next(slice_.inputs)
        with pytest.raises(ConnectionError):
            next(slice_.inputs)

        assert slice_.pulling
        assert 1 == slice_.pulled

    def test_promises_no_more_outputs_than_it_may_send(self) -> None:
        """What it may send falls with each input it takes."""
        slice_ = slice_of(self.stage(9), 3)
        promised = [slice_.promised()]
        for _ in range(3):
            next(slice_.inputs)
            promised.append(slice_.promised())

        slice_.close()

        assert [3, 3, 2, 1] == promised
        assert 1 == slice_.promised()

    def test_starts_with_an_input_it_did_not_start_before(self) -> None:
        """A thread that let go of the source goes on with what it has."""
        slice_ = slice_of(self.stage(9), 3)
        value = next(slice_.inputs)
        slice_.arm()
        slice_.close()
        slice_.again(value)

        assert not slice_.armed
        assert [value] == list(slice_.inputs)
        assert 1 == slice_.pulled

    def test_keeps_no_input_alive(self) -> None:
        """An input is the task's alone once it was taken."""

        class Value:
            pass

        @task
        def look(value: Value) -> bool:
            return bool(value)

        slice_ = slice_of(stage_of(each(Value() for _ in range(3)) >> look), 3)
        seen = weakref.ref(next(slice_.inputs))

        assert seen() is None

    def stage(self, values: int) -> Stage:
        """Make a stage with the numbers from 0 as inputs."""
        return stage_of(each(range(values)) >> double)

    def looked_at(self, look: Callable[[Slice], bool]) -> tuple[Slice, list[bool]]:
        """Make a slice that is looked at while it pulls its first input."""
        seen: list[bool] = []

        def values() -> Iterator[int]:
            seen.append(look(slice_))
            yield 0
            yield 1

        slice_ = slice_of(stage_of(each(values()) >> double), 5)
        return slice_, seen


class Own(list[int]):
    """A list that is iterated in a way of its own."""

    @override
    def __iter__(self) -> Iterator[int]:
        yield from ()


class TestPromptSlice:
    """Where each value is there at once, a slice takes it in one step less."""

    def taken(self, values: Iterable[int]) -> Slice:
        """Begin a slice of several of the values."""
        hand = Hand()
        [stage] = hand.go(each(values) >> double | Drain[int]())
        stage.budget = 2
        return hand.slice()

    @pytest.mark.skipif(not GIL, reason="a step of zip is none for other threads there")
    @pytest.mark.parametrize(
        "values", [[5, 6, 7], (5, 6, 7), range(5, 8)], ids=["list", "tuple", "range"]
    )
    def test_counts_as_any_other_does(self, values: Iterable[int]) -> None:
        """What it took is known at any moment."""
        slice_ = self.taken(values)
        assert slice_.threes is not None
        taken = [value for _, value, _ in slice_.threes]

        assert ([5, 6], 2, 2) == (taken, slice_.pulled, slice_.begun)
        assert not slice_.pulling

    def test_was_in_a_pull_when_the_source_ended(self) -> None:
        """As any other."""
        slice_ = self.taken([5])

        assert [5] == list(slice_.inputs)
        assert (1, 2) == (slice_.pulled, slice_.begun)
        assert slice_.ended

    def test_gives_nothing_more_once_it_is_closed(self) -> None:
        """Its gate is in front of the values."""
        slice_ = self.taken([5, 6, 7])
        first = next(slice_.inputs)
        slice_.close()

        assert (5, []) == (first, list(slice_.inputs))
        assert not slice_.pulling

    @pytest.mark.skipif(not GIL, reason="a step of zip is none for other threads there")
    def test_pulls_no_input_that_it_does_not_start(self) -> None:
        """What is pulled is started in that step, even if the pool is cancelled then."""
        slice_ = self.taken([5, 6, 7])
        slice_.told = True
        slice_.arm()

        assert work_through(slice_) is None
        assert (1, [10]) == (slice_.pulled, [*slice_.outlet])

    def test_is_none_of_a_single_input(self) -> None:
        """That one may have to wait until others can use the source."""
        hand = Hand()
        hand.go(each([5, 6]) >> double | Drain[int](ordered=True))

        assert hand.slice().threes is None

    @pytest.mark.parametrize(
        "values", [iter(iter([1]).__next__, 0), Own([1]), (n for n in [1])], ids=type
    )
    def test_is_none_of_what_may_run_code_of_somebody(
        self, values: Iterable[int]
    ) -> None:
        """An iterator of the library of Python, of exactly that type, runs none."""
        assert self.taken(values).threes is None


def test_one_value_for_each_of_several_drains_is_plain() -> None:
    """Each drain once and one output: then room can be kept in all of them."""
    [stage] = Hand().go(each([1]) >> double)
    assert stage.steps is not None
    first, second = Drain[int](), Drain[int]()

    assert is_plain(stage.steps, (first, second))
    assert not is_plain(stage.steps, (first, first))


def test_given_workers_have_a_place_though_the_last_is_taken_meanwhile() -> None:
    """Whoever ranks stages looks at what a lease is about to take."""
    given = Given([4, 7], [1 >> double, 2 >> double])
    places = [given.place]
    for _ in range(2):
        given.workers.popleft()
        places.append(given.place)

    assert [4, 7, 7] == places
