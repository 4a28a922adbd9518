"""Where boxes and arrows go."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluent_async._layout import Layout, Place, layout


Sizes = list[tuple[float, float]]
Arrows = list[tuple[int, int]]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Sizes, Arrows]:
    """Draw sizes of boxes, and arrows that lead from earlier to later ones."""
    side = st.integers(20, 300).map(float)
    sizes = draw(st.lists(st.tuples(side, side), min_size=1, max_size=12))
    pairs = list(combinations(range(len(sizes)), 2))
    arrows = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    names = draw(st.permutations(range(len(sizes))))
    return sizes, [(names[start], names[end]) for start, end in arrows]


def overlap(one: Place, other: Place) -> bool:
    """Say whether two boxes have a point in common."""
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def path(plan: Layout, number: int) -> list[Place]:
    """Give the boxes that an arrow's parts stay in: curves never leave theirs."""
    return [
        Place(x, min(y, to_y), to_x - x, abs(to_y - y))
        for (x, y), (to_x, to_y) in pairwise(plan.arrows[number])
    ]


@given(graphs())
def test_no_two_boxes_overlap(graph: tuple[Sizes, Arrows]) -> None:
    """Each box has its place for itself."""
    plan = layout(*graph)

    assert not any(overlap(*pair) for pair in combinations(plan.places, 2))


@given(graphs())
def test_no_arrow_crosses_a_box(graph: tuple[Sizes, Arrows]) -> None:
    """An arrow over several columns goes between the boxes of those."""
    plan = layout(*graph)

    for number in range(len(plan.arrows)):
        for part in path(plan, number):
            assert part.width >= 0
            assert not any(overlap(part, place) for place in plan.places)


@given(graphs())
def test_arrows_lead_from_left_to_right(graph: tuple[Sizes, Arrows]) -> None:
    """From the middle of a box's right side to that of another one's left side."""
    plan = layout(*graph)

    for (start, end), points in zip(graph[1], plan.arrows, strict=True):
        first, last = plan.places[start], plan.places[end]

        assert (first.x + first.width, first.middle) == points[0]
        assert (last.x, last.middle) == points[-1]
        assert points[0][0] < points[-1][0]


@given(graphs())
def test_everything_is_inside(graph: tuple[Sizes, Arrows]) -> None:
    """The whole has the size that it says, and boxes have theirs."""
    plan = layout(*graph)

    assert graph[0] == [(place.width, place.height) for place in plan.places]
    for place in plan.places:
        assert 0 <= place.x <= place.x + place.width <= plan.width
        assert 0 <= place.y <= place.y + place.height <= plan.height


def test_nothing_has_no_size() -> None:
    """A pool without work is a title alone."""
    assert Layout(0.0, 0.0, (), ()) == layout([], [])


def test_a_column_is_the_longest_way() -> None:
    """A box stands to the right of all that leads to it."""
    plan = layout([(10.0, 10.0)] * 4, [(0, 1), (1, 2), (0, 2), (3, 2)])
    first, second, third, fourth = (place.x for place in plan.places)

    assert first == fourth < second < third


@pytest.mark.parametrize("count", [2, 3, 5])
def test_rows_keep_the_order_of_what_leads_to_them(count: int) -> None:
    """Boxes side by side are joined by arrows that do not cross."""
    arrows = [(number, 2 * count - 1 - number) for number in range(count)]
    plan = layout([(10.0, 10.0)] * (2 * count), arrows)

    assert all(len({y for _, y in points}) == 1 for points in plan.arrows)
