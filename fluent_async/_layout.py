"""Layout: where boxes and arrows go, in columns from left to right; numbers alone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias


if TYPE_CHECKING:
    from collections.abc import Sequence

    Size: TypeAlias = tuple[float, float]
    Point: TypeAlias = tuple[float, float]
    Arrow: TypeAlias = tuple[int, int]

COLUMN_GAP = 48.0  # for the arrows
ROW_GAP = 16.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a box is: its upper left corner, and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """How far down its middle is."""
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is. No two boxes overlap, and no arrow crosses a box.

    An arrow goes straight from the first to the second of its points, curves to the third,
    goes straight to the fourth, and so on.
    """

    width: float
    height: float
    places: tuple[Place, ...]
    arrows: tuple[tuple[Point, ...], ...]


def layout(sizes: Sequence[Size], arrows: Sequence[Arrow]) -> Layout:
    """Lay out boxes of these sizes, each to the right of those that lead to it."""
    depths = _depths(len(sizes), arrows)
    sizes = list(sizes)
    paths: list[list[int]] = []
    for start, end in arrows:
        # An arrow over several columns passes each between the boxes, as if through one.
        between = range(depths[start] + 1, depths[end])
        bends = [len(sizes) + number for number in range(len(between))]
        depths += between
        sizes += [(0.0, 0.0)] * len(bends)
        paths.append([start, *bends, end])

    columns = _in_order(_columns(depths), paths)
    widths = [max(sizes[item][0] for item in column) for column in columns]
    places = _places(columns, widths, sizes)
    right = {
        item: places[item].x + width
        for column, width in zip(columns, widths, strict=True)
        for item in column
    }
    boxes = places[: len(sizes) - sum(len(path) - 2 for path in paths)]
    return Layout(
        sum(widths) + COLUMN_GAP * max(0, len(widths) - 1),
        max((place.y + place.height for place in places), default=0.0),
        tuple(boxes),
        tuple(_points(path, places, right) for path in paths),
    )


def _depths(count: int, arrows: Sequence[Arrow]) -> list[int]:
    """Return the column of each box: the longest way to it."""
    depths = [0] * count
    for _ in range(count):  # enough for the longest way there can be
        before = list(depths)
        for start, end in arrows:
            depths[end] = max(depths[end], depths[start] + 1)

        if depths == before:
            break

    return depths


def _columns(depths: Sequence[int]) -> list[list[int]]:
    columns: list[list[int]] = [[] for _ in range(max(depths, default=-1) + 1)]
    for item, depth in enumerate(depths):
        columns[depth].append(item)

    return columns


def _in_order(
    columns: Sequence[list[int]], paths: Sequence[Sequence[int]]
) -> list[list[int]]:
    """Put each item of a column about as far down as what leads to it."""
    before: dict[int, list[int]] = {}
    for path in paths:
        for start, end in pairwise(path):
            before.setdefault(end, []).append(start)

    rows: dict[int, float] = {}
    ordered: list[list[int]] = []
    for column in columns:
        wanted = {
            item: sum(rows[other] for other in before[item]) / len(before[item])
            if item in before
            else 0.0
            for item in column
        }
        ordered.append(sorted(column, key=wanted.__getitem__))
        rows.update((item, row) for row, item in enumerate(ordered[-1]))

    return ordered


def _places(
    columns: Sequence[Sequence[int]], widths: Sequence[float], sizes: Sequence[Size]
) -> list[Place]:
    """Stack each column, with its middle at the middle of the highest."""
    heights = [
        sum(sizes[item][1] for item in column) + ROW_GAP * (len(column) - 1)
        for column in columns
    ]
    places: dict[int, Place] = {}
    x = 0.0
    for column, width, height in zip(columns, widths, heights, strict=True):
        y = (max(heights) - height) / 2
        for item in column:
            places[item] = Place(x, y, *sizes[item])
            y += sizes[item][1] + ROW_GAP

        x += width + COLUMN_GAP

    return [places[item] for item in range(len(sizes))]


def _points(
    path: Sequence[int], places: Sequence[Place], right: dict[int, float]
) -> tuple[Point, ...]:
    start, *others = path
    place = places[start]
    points = [(place.x + place.width, place.middle), (right[start], place.middle)]
    for item in others:
        place = places[item]
        points += [(place.x, place.middle), (right[item], place.middle)]

    return tuple(points[:-1])  # it ends where the box begins
