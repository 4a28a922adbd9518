"""Orders of steps: the rules hold in all of them, and faults in the rules are found."""

from collections.abc import Callable, Iterable
from operator import length_hint
from typing import TypeAlias

import pytest

import explore
from crew import Crew
from fluent_async._admission import Admission
from fluent_async._channel import Channel
from fluent_async._graph import Graph as Stages
from fluent_async._pour import Pour
from fluent_async._relief import Relief
from fluent_async._room import Room
from fluent_async._scheduler import Scheduler
from fluent_async._slice import Slice
from fluent_async._slots import Slots
from fluent_async._stage import Stage
from fluent_async._work import Attempt, End, Occupant, Work
from graphs import SHAPES, count, named, small
from orders import every_order, random_order, replay


Fault: TypeAlias = Callable[[pytest.MonkeyPatch], None]


def upstream_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the most upstream stage first."""
    rank: property = vars(Stage)["rank"]

    def reversed_rank(stage: Stage) -> tuple[int, object]:
        depth, key = rank.__get__(stage)
        return -depth, key

    monkeypatch.setattr(Stage, "rank", property(reversed_rank))


def room_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for room when an input starts, and keep none for its output."""
    monkeypatch.setattr(Room, "promise", lambda *_: None)


def bounds_give_way_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a bound give way though others have yet to go on."""
    monkeypatch.setattr(Relief, "moves", property(lambda _: False))


def bounds_ignore_who_was_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a bound give way though a sender was let in, and has yet to go on."""
    monkeypatch.setattr(Occupant, "moves", property(lambda o: o.told or o.elsewhere))


def bounds_never_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold back what nobody reads for ever."""
    monkeypatch.setattr(Relief, "find", lambda *_, **__: None)


def slots_are_not_lent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the slot of who waits for room."""

    def lends(slots: Slots, occupant: Occupant, now: float) -> None:
        lend(slots, occupant, now)
        slots.running += 1

    def reclaims(slots: Slots, occupant: Occupant, now: float) -> None:
        slots.resume(occupant, now)

    lend = Slots.lend
    monkeypatch.setattr(Slots, "lend", lends)
    monkeypatch.setattr(Slots, "reclaim", reclaims)


def slots_are_taken_back_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a slot back to who waited though none is free."""

    def reclaims(slots: Slots, occupant: Occupant, now: float) -> None:
        slots.running += 1
        slots.resume(occupant, now)

    monkeypatch.setattr(Slots, "reclaim", reclaims)


def limits_forget_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Free the place in a limit while an input waits for its next attempt."""
    retry = Scheduler.retry

    def frees(scheduler: Scheduler, work: Work, due: float) -> None:
        retry(scheduler, work, due)
        for limit in work.limits:
            limit.taken -= 1

        work.limits = ()

    monkeypatch.setattr(Scheduler, "retry", frees)


def senders_are_not_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave senders asleep when there is room for them again."""
    monkeypatch.setattr(Channel, "_admit", lambda _: None)


def threads_are_not_roused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no other thread look for what one leaves."""
    monkeypatch.setattr(Scheduler, "more", lambda *_: False)
    monkeypatch.setattr(Crew, "_shares", lambda _, **__: False)


def windows_are_one_wider(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take one input more than an ordered drain has a window for."""
    room_for = Channel._room_for  # noqa: SLF001  (looked at and kept in one step)

    def has_room_for(channel: Channel[object], limit: int) -> int:
        return room_for(channel, limit + 1)

    monkeypatch.setattr(Channel, "_room_for", has_room_for)


def turns_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what was kept for its turn out in the order in which it came."""

    def puts(
        channel: Channel[object], _: int, value: object, *__: object, **___: object
    ) -> None:
        channel.values.append(value)

    monkeypatch.setattr(Channel, "put_in_turn", puts)


def ends_count_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count an input that failed in a slice as if it had succeeded there as well."""
    miss = Slice.miss

    def misses(slice_: Slice, index: int) -> None:
        miss(slice_, index)
        slice_.missed -= 1

    monkeypatch.setattr(Slice, "miss", misses)


def stages_do_not_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget to put stages to sleep whose feeders have left."""
    rest = Stages.rest

    def rests(stages: Stages, chosen: Iterable[Stage]) -> None:
        rest(stages, [stage for stage in chosen if stage.depth == 0])

    monkeypatch.setattr(Stages, "rest", rests)


def waiting_inputs_do_not_hold_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start an input that was pulled whatever became of its place and room."""
    monkeypatch.setattr(Admission, "fits", lambda *_: True)


def drains_have_one_more_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one value more into a bounded drain."""
    left = Channel._left  # noqa: SLF001  (all that is asked for room)

    def is_left(channel: Channel[object]) -> int:
        return left(channel) + (channel.maxsize > 0)

    monkeypatch.setattr(Channel, "_left", is_left)


def slots_are_given_back_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a slot back before the work runs, as go-async does."""
    occupy, vacate = Slots.occupy, Slots.vacate

    def occupies(slots: Slots, attempt: Attempt) -> None:
        occupy(slots, attempt)
        slots.running -= 1

    def vacates(slots: Slots, attempt: Attempt, end: End) -> bool:
        slots.running += 1
        return vacate(slots, attempt, end)

    monkeypatch.setattr(Slots, "occupy", occupies)
    monkeypatch.setattr(Slots, "vacate", vacates)


def slices_are_not_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the thread of a slice take what others drop, or take as well."""
    monkeypatch.setattr(Slice, "close", lambda _: None)


def outputs_on_their_way_take_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count the places of a stream alone, not the output that took one."""
    monkeypatch.setattr(Pour, "promised", lambda pour: length_hint(pour.places))


def streams_hear_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let who waits for the outputs of a stream wait for its end."""
    monkeypatch.setattr(Pour, "arm", lambda _: None)


def early_outputs_stay_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave outputs that came before their turn where they are when it comes."""
    monkeypatch.setattr(Channel, "_bring_forward", lambda *_: None)


FAULTS: dict[Fault, str] = {
    upstream_comes_first: "chain:111:3 chain:18:2 fan-in:554:2 chain:42:3",
    room_is_not_kept: "tee:2005:2 chain:436:2 tee:1417:2 tee:1876:2",
    bounds_give_way_too_early: "chain:120:3 fan-in:1934:3 tee:2811:2",
    bounds_ignore_who_was_let_in: "chain:470:3 tee:2722:2 tee:2247:3",
    bounds_never_give_way: "fan-in:1934:3 tee:2811:2 chain:470:3",
    slots_are_not_lent: "chain:470:3 fan-in:994:3 tee:2722:2",
    slots_are_taken_back_at_once: "fan-in:994:3 fan-in:2710:3",
    limits_forget_retries: "tee:2811:2 chain:448:3 meeting:40:3",
    senders_are_not_woken: "chain:470:3 fan-in:994:3 tee:2722:2",
    threads_are_not_roused: "tee:1724:2 alone:14:2 pair:64:2 pair:68:2",
    windows_are_one_wider: "chain:379:3 fan-in:2373:3",
    turns_do_not_matter: "fan-in:178:3 tee:2104:3 fan-in:554:2 pair:97:2",
    ends_count_twice: "fan-in:1934:3 chain:96:3 alone:26:2",
    stages_do_not_rest: "fan-in:1934:3 chain:738:2 chain:353:2",
    waiting_inputs_do_not_hold_back: "tee:2811:2 tee:2650:2 meeting:23:3",
    drains_have_one_more_place: "fan-in:1934:3 chain:470:3 meeting:161:3",
    slots_are_given_back_early: "chain:120:3 chain:96:3 alone:24:3",
    slices_are_not_closed: "fan-in:1493:2 meeting:122:2",
    outputs_on_their_way_take_no_room: "tee:2579:2 long-chain:9338:2",
    streams_hear_nobody: "long-chain:9338:2",
    early_outputs_stay_behind: "fan-in:1072:4 long-chain:5071:3",
}
"""Each fault with graphs in which it shows."""

RANDOM = 12
"""Random orders in which a graph of a fault is run; it shows in one of the first few."""

SHOWN = sorted({name for names in FAULTS.values() for name in names.split()})


def first_failure(name: str) -> str | None:
    """Run random orders of a graph; return the first promise that does not hold."""
    for seed in range(RANDOM):
        try:
            random_order(named(name), seed)
        except AssertionError as error:  # other errors are the fault's own
            return "\n".join([str(error), *error.__notes__])

    return None


@pytest.mark.slow
def test_library_keeps_its_promises_in_every_order_of_steps() -> None:
    """Graphs of each shape are run in the first orders of those that there are."""
    for shape in SHAPES:
        every_order(small(shape, count(shape) // 3), most=30)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [*SHAPES, "drawn"])
def test_library_keeps_its_promises_in_random_orders_of_steps(shape: str) -> None:
    """Graphs from all over a shape, and larger ones, are run in some orders."""
    numbers = 100 if shape == "drawn" else count(shape)
    for number in range(0, numbers, max(1, numbers // 50)):
        random_order(named(f"{shape}:{number}"), number)


@pytest.mark.parametrize("name", SHOWN)
def test_graphs_that_show_faults_show_none_in_the_library(name: str) -> None:
    """What is found in them with a fault is the fault's."""
    assert first_failure(name) is None


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_in_the_rules_is_found(
    fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A promise that is broken on purpose shows in one of a few graphs."""
    fault(monkeypatch)

    assert any(first_failure(name) for name in FAULTS[fault].split())


def test_all_orders_of_a_small_graph_are_run() -> None:
    """One input on one thread has few orders, and then there are no more to run."""
    orders, steps, all_of_them = every_order(small("alone", 0, 1), most=10_000)

    assert all_of_them
    assert steps > orders > 1


def test_a_bound_on_orders_is_told() -> None:
    """Who asks for so many orders hears that there are more."""
    assert every_order(small("chain", 100, 2), most=3)[::2] == (3, False)


def test_every_order_finds_what_random_ones_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Depth first comes to a fault as well, and says how to repeat it."""
    slots_are_given_back_early(monkeypatch)

    with pytest.raises(AssertionError) as caught:
        every_order(named("chain:120:3"), most=20)

    assert caught.value.__notes__[0].startswith("replay: chain:120:3 ")


def test_a_failure_is_replayed_from_its_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The graph and the choices that a failure names lead to it again, told step by step."""
    slots_are_given_back_early(monkeypatch)
    failure = first_failure("chain:120:3")
    assert failure is not None
    message, note = failure.rsplit("\n", 1)
    _, name, choices = note.split()
    steps: list[str] = []

    with pytest.raises(AssertionError) as caught:
        steps += replay(named(name), [int(choice) for choice in choices.split(",")])

    assert message == str(caught.value)


def test_the_explorer_says_how_many_it_ran(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is printed has the graphs, orders and steps, and whether any failed."""
    monkeypatch.setattr(explore, "MOST", 20)
    tally = explore.run(("every", ["alone:0:1"]))
    tally.add(explore.run(("some", ["chain:3:2", "drawn:1"])))
    explore.tell(tally, seconds=60.0)

    counts = tally.counts
    assert (3, []) == (counts["graphs"], tally.failures)
    told = f"{counts['orders']} orders, {counts['steps']} steps"
    assert told in capsys.readouterr().out


def test_the_explorer_goes_on_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every graph that fails is told, with what repeats it."""
    slots_are_given_back_early(monkeypatch)
    tally = explore.run(("some", ["chain:120:3", "chain:120:3"]))

    assert 2 == len(tally.failures) == tally.counts["graphs"]
    assert all("replay: chain:" in failure for failure in tally.failures)


def test_numbers_of_a_shape_make_all_its_graphs() -> None:
    """Every limit goes with every kind of task and every bound."""
    graphs = [small("alone", number) for number in range(count("alone"))]
    digits = {(g.limit, g.stages[0].attempts > 1, g.sizes[0]) for g in graphs}

    assert 48 == len(graphs)
    assert 24 == len(digits)
    assert {1, 2, 3} == {graph.limit for graph in graphs}


def test_a_name_makes_a_graph_again() -> None:
    """A graph of the same name has the same stages, drains and disturbances."""
    for name in ("tee:1999:4", "drawn:7"):
        assert repr(named(name)) == repr(named(name))
        assert name == named(name).name
