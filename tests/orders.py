"""Orders: runs the steps of a graph in one order after the other, without threads.

`explorer` lets real threads take turns, line by line, in orders that a seed draws. Here the
threads are played (`crew`): a step is one decision of a thread, and nothing happens between
two steps, so that small graphs can be run in every order there is.

`every_order` goes depth first. It cannot go back, since what the library is made of can't be
copied; so it starts each order anew and repeats the choices that lead to where another one is
to be made. It goes no further where it comes to a state that it has been in: all orders from
there were, or will be, run. A state is what can be reached from the scheduler, the drains and
the players, times left out that decide nothing, as one hash.
"""

from __future__ import annotations

import logging
import random
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from unittest import mock

from typing_extensions import override

from crew import LOOKS, Crew
from fluent_async import Drain, _channel, _clock, _engine, _stage, _wait
from fluent_async._channel import Channel
from fluent_async._exits import Exits
from fluent_async._inputs import stages_of
from fluent_async._stage import channels_of
from outsiders import (
    Outsider,
    cancel,
    collect,
    is_alive,
    iterate,
    shut,
    this_thread,
    wait,
)
from plans import Function, Inputs, Item, works
from promises import Promises
from states import state_of


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from crew import Play, Player
    from fluent_async.typing import Executable, Takes
    from graphs import Graph

    Choose = Callable[["Order", list["Option"]], int]

STEPS = 2000
"""More than any order of a small graph has; one that has them goes round in circles."""


@dataclass(frozen=True, slots=True)
class Option:
    """A step that somebody can do next."""

    who: str
    what: str
    act: Callable[[], object]

    @override
    def __str__(self) -> str:
        return f"{self.who} {self.what}"


class Order:
    """One order of steps of one graph. `choose` says which of so many options is next."""

    def __init__(self, graph: Graph, choose: Choose) -> None:
        self.graph = graph
        self.choices: list[int] = []
        self._choose = choose
        self.drains = [
            Drain[Item](size, ordered=index in graph.ordered, name=f"drain {index}")
            for index, size in enumerate(graph.sizes)
        ]
        self.channels = channels_of(tuple(self.drains))
        self.promises = Promises(self)
        self.crew = Crew(graph.limit, self.promises)
        self.outsiders: list[Outsider] = []
        self.pulls: list[
            int
        ] = []  # stages in whose iterables a thread is, innermost last
        self._collectors: dict[int, Outsider] = {}

    def run(self) -> None:
        """Take steps until nobody can take one; look at each of them, and at the end."""
        try:
            with played(self):
                self._start()
                while options := self._options():
                    self._pick(options).act()
                    self.promises.check()

                self.promises.check_end()
        except Exception as exc:
            exc.add_note(f"replay: {self.graph.name} {_joined(self.choices)}")
            raise

    def state(self) -> bytes:
        """Return a hash of all that decides how it goes on."""
        crew = self.crew
        players = sorted(
            crew.players, key=lambda player: (player.about, player.moment.next)
        )
        return state_of(
            crew.now(),
            crew.scheduler,
            crew.threads,
            self.channels,
            players,
            self.outsiders,
            crew.stirred,
            self.pulls,
            self.promises.state(),
        )

    def collected(self, index: int) -> bool:
        """Say whether a thread is, or was, in `drain()` of a drain."""
        return index in self._collectors and self._collectors[index].steps > 0

    def meanwhile(self, stage: int) -> None:
        """Take steps of others while a thread is in the iterable of a stage."""
        assert self.crew.stepping is not None
        self.crew.stepping.hold(None)
        self.pulls.append(stage)
        while True:
            back = Option(f"iterable of {stage}", "gives", _nothing)
            chosen = self._pick([*self._options(), back])
            if chosen is back:
                break

            chosen.act()
            self.promises.check()

        self.pulls.pop()

    # -- steps ---------------------------------------------------------------------------

    def _start(self) -> None:
        graph, crew = self.graph, self.crew
        given: list[Executable] = []
        for plan, made in zip(graph.stages, _tasks(graph), strict=True):
            inputs: Iterable[Item] = plan.inputs
            if plan.form != "given":
                handed_over = self.promises.handed_over(plan)
                inputs = Inputs(Pull(self, plan.number), handed_over)

            given += works(plan, made, self.drains, inputs)

        crew.go(lambda number: stages_of(crew.bell, number, given))
        self._bring_outsiders()

    def _bring_outsiders(self) -> None:
        graph, crew, channels = self.graph, self.crew, self.channels
        self._bring("main", wait(crew))
        for index in graph.iterated:
            received = self.promises.received[index] = []
            self._bring(f"reader of {index}", iterate(channels[index], received))

        for index in graph.collected:
            collector = self._bring(
                f"caller of drain() {index}", collect(channels[index])
            )
            self._collectors[index] = collector

        for index in graph.shut:
            self._bring(f"shutter of {index}", shut(channels[index]))

        if graph.cancelled:
            self._bring("canceller", cancel(crew))

    def _bring(self, name: str, play: Play) -> Outsider:
        outsider = Outsider(len(self.outsiders), name, play)
        self.outsiders.append(outsider)
        return outsider

    def _pick(self, options: list[Option]) -> Option:
        chosen = self._choose(self, options)
        self.choices.append(chosen)
        assert len(self.choices) < STEPS, "it goes round in circles"
        return options[chosen]

    def _options(self) -> list[Option]:
        """Return the steps that can be taken now."""
        now = self.crew.now()
        everybody: list[Player | Outsider] = [*self._distinct(), *self.outsiders]
        options = [
            Option(each.about or "thread", each.moment.next, each.step)
            for each in everybody
            if each.play is not None and each.moment.is_over(now)
        ]
        if self.crew.stirred:
            options.append(Option("pool", "looks around", self.crew.look_around))

        due = self._due(now)
        if due is not None:
            options.append(Option("time", f"is {due}", lambda: self._pass(due)))

        return options

    def _distinct(self) -> Iterator[Player]:
        """Give the players, but one alone of those who are about to look for a job."""
        looking = False
        for player in self.crew.players:
            looks = player.moment == LOOKS
            if not (looks and looking):
                yield player

            looking = looking or looks

    def _due(self, now: float) -> float | None:
        """Return when something is due next that somebody keeps time for."""
        dues = [player.moment.due for player in self.crew.players]
        dues.append(self.crew.scheduler.next_due())
        return min((due for due in dues if due is not None and due > now), default=None)

    def _pass(self, due: float) -> None:
        self.crew.time = due


class Pull:
    """What the iterable of a stage calls while it is asked."""

    def __init__(self, order: Order, stage: int) -> None:
        self._order = order
        self._stage = stage

    def switch(self) -> None:
        """Let others go on first."""
        self._order.meanwhile(self._stage)


class Seen(BaseException):
    """The order came to a state that was seen before."""


def every_order(graph: Graph, most: int) -> tuple[int, int, bool]:
    """Run a graph in every order of steps, or in so many.

    Returns:
        How many orders were run, how many steps, and whether these were all.
    """
    seen: set[bytes] = set()
    todo: list[list[int]] = [[]]
    orders = steps = 0
    while todo and orders < most:
        order = Order(graph, _Search(todo.pop(), seen, todo))
        with suppress(Seen):
            order.run()

        orders += 1
        steps += len(order.choices)

    return orders, steps, not todo


class _Search:
    """Repeats choices, then makes the first one everywhere and notes the others."""

    def __init__(
        self, prefix: list[int], seen: set[bytes], todo: list[list[int]]
    ) -> None:
        self._prefix = prefix
        self._seen = seen
        self._todo = todo

    def __call__(self, order: Order, options: list[Option]) -> int:
        at = len(order.choices)
        if at < len(self._prefix):
            return self._prefix[at]

        state = order.state()
        if state in self._seen:
            raise Seen

        self._seen.add(state)
        self._todo += [[*order.choices, n] for n in range(1, len(options))]
        return 0


def random_order(graph: Graph, seed: int) -> int:
    """Run a graph in an order drawn from a seed; return how many steps it had."""
    order = Order(graph, _Draw(f"{graph.name} {seed}"))
    order.run()
    return len(order.choices)


class _Draw:
    """Draws choices: of all alike, or mostly of who went on last, or by rank."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)  # noqa: S311  (repeatable, not secret)
        self._changes = self._random.choice([1.0, 0.5, 0.1])
        self._ranks: dict[str, float] = {}

    def __call__(self, _: Order, options: list[Option]) -> int:
        draw = self._random
        if draw.random() < self._changes:
            self._ranks.clear()

        for option in options:
            self._ranks.setdefault(option.who, draw.random())

        return max(range(len(options)), key=lambda n: (self._ranks[options[n].who], n))


def replay(graph: Graph, choices: Sequence[int]) -> Iterator[str]:
    """Repeat an order; give its steps in words, and raise what it fails with."""
    told: list[str] = []

    def choose(order: Order, options: list[Option]) -> int:
        at = len(order.choices)
        chosen = choices[at] if at < len(choices) else 0
        held = [len(channel.values) for channel in order.channels]
        told.append(
            f"{at}: at {order.crew.now():g} s, drains hold {held}: {options[chosen]}"
        )
        return chosen

    try:
        Order(graph, choose).run()
    finally:
        yield from told


@contextmanager
def played(order: Order) -> Iterator[None]:
    """Put the crew's clock in place of the library's, and hear which bounds give way."""
    log = logging.getLogger("fluent_async")
    give_way = Channel.give_way

    def gives_way(channel: Channel[Item]) -> None:
        order.promises.give_way(channel)
        give_way(channel)

    with ExitStack() as patches:
        patches.enter_context(mock.patch.object(log, "disabled", new=True))
        patches.enter_context(mock.patch.object(_engine, "exits", Exits()))
        patches.enter_context(mock.patch.object(Channel, "give_way", gives_way))
        patches.enter_context(mock.patch.object(_stage, "BUDGET", order.graph.budget))
        patches.enter_context(
            mock.patch.object(_channel, "mark_of_this_thread", this_thread)
        )
        patches.enter_context(mock.patch.object(_wait, "is_alive", is_alive))
        patches.callback(_wait.waiting.clear)
        patches.callback(_clock.use, _clock.use(order.crew))
        yield


@lru_cache(maxsize=4)
def _tasks(graph: Graph) -> list[Takes[Item, Item]]:
    """Make the tasks of the stages; players never call their functions."""
    return [Function(_Nobody(), plan).task() for plan in graph.stages]


class _Nobody:
    def switch(self) -> None:
        """Refuse: nobody calls the functions."""
        raise AssertionError("a function was called")


def _joined(choices: Sequence[int]) -> str:
    return ",".join(map(str, choices))


def _nothing() -> None:
    return None
