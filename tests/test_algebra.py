"""The operators are an algebra: what an expression does is what it says, in plain lists."""

from collections.abc import Callable, Sequence
from itertools import product
from operator import or_, rshift
from typing import TypeAlias, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algebra import (
    BATCHES,
    FORMS,
    WAYS,
    Chain,
    Place,
    Way,
    by_input,
    called,
    chains,
    items,
    meaning,
    places,
    plain,
    trees,
)
from fluent_async import Drain, Pool, Task, Worker, Workers, each, task
from plans import Flop, Item, Plan
from strategies import examples
from support import FakeClock


same = task(tuple[int, ...]).named("same")
forms = st.sampled_from(list(FORMS))


def sent(chain: Chain) -> list[list[Item]]:
    """Return what is in the drains, and take it out."""
    return [list(drain) if drain.count() else [] for drain in chain.drains]


def expected(plans: Sequence[Plan], inputs: Sequence[Item]) -> list[list[Item]]:
    """Say what comes to the drains, one input after the other."""
    came = meaning(plans, inputs)
    return [came.sent[n] for n in range(len(Chain(plans).drains))]


class TestMeaning:
    """Brackets, forms of inputs and ways of running change nothing of what comes out."""

    @examples(100)
    @given(
        st.data(), chains(), forms, items(), st.tuples(st.sampled_from(WAYS), places())
    )
    def test_in_a_pool(
        self,
        data: st.DataObject,
        plans: list[Plan],
        form: str,
        inputs: list[Item],
        run: tuple[Way, Place],
    ) -> None:
        """Outputs of an input are in order, in each drain as often as was written.

        Those of all inputs are in the order of the inputs where that is promised.
        """
        chain, (way, place) = Chain(plans), run
        with place.open():
            works = chain.works(data.draw(trees(len(plans))), form, inputs)
            outputs = way(works, place.limit)

        assert outputs is None or meaning(plans, inputs).outputs == outputs
        assert [by_input(values) for values in expected(plans, inputs)] == [
            by_input(values) for values in sent(chain)
        ]

    @examples(50)
    @given(st.data(), chains(), forms, items())
    def test_in_ones_own_thread(
        self, data: st.DataObject, plans: list[Plan], form: str, inputs: list[Item]
    ) -> None:
        """`execute()` does all in order; the first failure ends a batch."""
        chain, failed = Chain(plans), 0
        with FakeClock():
            for work in chain.works(data.draw(trees(len(plans))), form, inputs):
                try:
                    work.execute()
                except Flop:
                    failed += 1

        if form in BATCHES:
            ends = [bool(meaning(plans, [item]).failed) for item in inputs]
            inputs = inputs[: [*ends, True].index(True) + 1]

        assert len(meaning(plans, inputs).failed) == failed
        assert expected(plans, inputs) == sent(chain)

    @examples(50)
    @given(st.data(), chains())
    def test_of_a_call(self, data: st.DataObject, plans: list[Plan]) -> None:
        """A call gives the outputs, a stream as an iterator; nothing comes to drains."""
        chain, got, failed = Chain(plans), list[Item](), False
        made = chain.task(data.draw(trees(len(plans))))
        try:
            with FakeClock():
                outputs = made((0,))
                streams = any(plan.kind != "plain" for plan in plans)
                got.extend(cast("list[Item]", outputs if streams else [outputs]))
        except Flop:
            failed = True

        assert called(plans, (0,)) == (got, not failed)
        assert [[]] * len(chain.drains) == sent(chain)

    @examples(50)
    @given(st.data(), chains(), items(), places())
    def test_of_what_is_submitted(
        self, data: st.DataObject, plans: list[Plan], inputs: list[Item], place: Place
    ) -> None:
        """A future has the outputs of its call, or its failure; drains have theirs."""
        chain = Chain(plans)
        made = chain.task(data.draw(trees(len(plans))))
        with place.open(), Pool(place.limit) as pool:
            futures = [pool.executor.submit(made, item) for item in inputs]
            errors = [type(future.exception()) for future in futures]

        failed = [bool(meaning(plans, [item]).failed) for item in inputs]
        assert [Flop if fails else type(None) for fails in failed] == errors
        assert [by_input(values) for values in expected(plans, inputs)] == [
            by_input(values) for values in sent(chain)
        ]


class TestLaws:
    """What the operators promise of each other."""

    @examples(50)
    @given(
        st.data(),
        chains(2, 5),
        forms.filter(lambda form: form != "Workers"),
        items(),
    )
    def test_brackets_do_not_show(
        self, data: st.DataObject, plans: list[Plan], form: str, inputs: list[Item]
    ) -> None:
        """`>>` is associative, and `|` is of what stands in front: to the letter.

        Only `Workers(...)` shows what its workers had, and what was added to it.
        """
        chain, brackets = Chain(plans), trees(len(plans))
        one, other = data.draw(brackets), data.draw(brackets)

        assert repr(chain.task(one)) == repr(chain.task(other))
        assert repr(chain.works(one, form, inputs)) == repr(
            chain.works(other, form, inputs)
        )

    @examples(50)
    @given(st.data(), chains())
    def test_either_side_is_with_input(
        self, data: st.DataObject, plans: list[Plan]
    ) -> None:
        """`value >> task`, `task >> value` and `task.with_input(value)` are one thing."""
        made = Chain(plans).task(data.draw(trees(len(plans))))

        assert repr((1,) >> made) == repr(made >> (1,)) == repr(made.with_input((1,)))

    @examples(50)
    @given(st.data(), chains(), st.sampled_from(["left", "one by one", "each"]))
    def test_the_repr_of_work_makes_it_again(
        self, data: st.DataObject, plans: list[Plan], form: str
    ) -> None:
        """It is an expression, with the same repr again; `with_retry` is the task's."""
        chain = Chain(plans)
        names: dict[str, object] = {made.name: made for made in chain.tasks}
        names |= {"Drain": Drain, "each": each}
        for work in chain.works(data.draw(trees(len(plans))), form, [(0,), (1, 2)]):
            assert repr(work) == repr(eval(repr(work), names))  # noqa: S307

    @examples(50)
    @given(st.data(), chains(), items(), places(), st.booleans())
    def test_what_gives_its_input_is_neutral(
        self,
        data: st.DataObject,
        plans: list[Plan],
        inputs: list[Item],
        place: Place,
        first: bool,  # noqa: FBT001  (drawn)
    ) -> None:
        """`same >> task` and `task >> same` put out what the task does."""
        made = Chain(plans).task(data.draw(trees(len(plans))))
        with place.open():
            [work] = FORMS["each"](same >> made if first else made >> same, inputs)
            outputs = WAYS[2]([work], place.limit)

        assert meaning(plans, inputs).outputs == outputs

    @examples(50)
    @given(
        st.data(),
        chains(1, 3),
        forms.filter(lambda form: form != "filled"),
        items(),
        places(),
    )
    def test_nothing_is_changed_in_place(
        self,
        data: st.DataObject,
        plans: list[Plan],
        form: str,
        inputs: list[Item],
        place: Place,
    ) -> None:
        """Whatever is made of tasks and work, they are as before, and run as before."""
        chain, brackets = Chain(plans), trees(len(plans))
        made = chain.task(data.draw(brackets))
        works = chain.works(data.draw(brackets), form, inputs)
        shown = [repr(part) for part in (*chain.tasks, made, *works)]
        other = Drain[Item](name="other")
        for part in (made, *works):
            part.with_retry(9) >> (same | other) >> made | other

        made.named("else").with_limit(1).with_timeout(0)
        for _ in range(2):
            assert shown == [repr(part) for part in (*chain.tasks, made, *works)]
            chain.forget()
            with place.open():
                WAYS[0](works, place.limit)

            assert [by_input(values) for values in expected(plans, inputs)] == [
                by_input(values) for values in sent(chain)
            ]

        assert 0 == other.count()


Operand: TypeAlias = Callable[[Chain], object]

OPERANDS: dict[str, Operand] = {
    "task": lambda chain: chain.tasks[0],
    "composed": lambda chain: chain.tasks[0] >> chain.tasks[1],
    "drained": lambda chain: chain.tasks[1] | chain.drains[0],
    "worker": lambda chain: (0,) >> chain.tasks[0] | chain.drains[0],
    "workers": lambda chain: each([(0,)]) >> chain.tasks[0] | chain.drains[1],
    "mixed": lambda chain: Workers([(0,) >> chain.tasks[0]]),
    "each": lambda _: each([(0,)]),
    "drain": lambda chain: chain.drains[2],
    "value": lambda _: (0,),
    "None": lambda _: None,
    "class": lambda _: Drain,
}
"""What may stand beside an operator."""

TASKS = {"task", "composed", "drained"}
VALUES = {"value", "None", "class"}


def kind_of(left: str, operator: object, right: str) -> type | None:
    """Say what an operator makes of two operands; None: a TypeError."""
    if operator is or_:
        makes: dict[str, type] = dict.fromkeys(TASKS, Task)
        makes |= {"worker": Worker, "workers": Workers, "mixed": Workers}
        return makes.get(left) if right == "drain" else None

    if right in TASKS:
        if left in TASKS:
            return Task

        return Workers if left in {"workers", "mixed", "each", "drain"} else Worker

    return Worker if left in TASKS and right in VALUES else None


@pytest.mark.parametrize("operator", [rshift, or_], ids=lambda each: each.__name__)
@pytest.mark.parametrize(
    ("left", "right"),
    [pair for pair in product(OPERANDS, OPERANDS) if not VALUES.issuperset(pair)],
)
def test_operators_take_what_fits_and_refuse_all_else(
    left: str, operator: Callable[[object, object], object], right: str
) -> None:
    """Each pair of operands makes what the contract says, or is a TypeError at once."""
    chain = Chain([plain(0), plain(1)])
    operands = OPERANDS[left](chain), OPERANDS[right](chain)
    shown, made = repr(operands), kind_of(left, operator, right)
    if made is None:
        with pytest.raises(TypeError):
            operator(*operands)
    else:
        assert made is type(operator(*operands))

    assert shown == repr(operands)
    assert [[]] * len(chain.drains) == sent(chain)
