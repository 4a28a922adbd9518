"""SVG: draws a picture for a notebook; no scripts, no styles of the page's, no network."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

from fluent_async._layout import layout
from fluent_async._picture import Shape


if TYPE_CHECKING:
    from collections.abc import Iterator

    from fluent_async._layout import Place, Point
    from fluent_async._picture import Box, Picture

FONT = 12.0  # pixels; what follows is in them, too
LETTER = 7.5  # the width of one in most monospaced fonts of that size, and a bit more
LINE = 16.0
PADDING = 10.0
MARGIN = 12.0
TIP = 6.0  # the length of an arrow's

_STYLES = {  # everything is of the colour of the page's text
    Shape.INPUTS: 'rx="14" fill="none" stroke-dasharray="3 3"',
    Shape.STAGE: 'rx="3" fill="currentColor" fill-opacity="0.1"',
    Shape.DRAIN: 'rx="14" fill="none"',
}


def svg(picture: Picture) -> str:
    """Draw a picture as an inline SVG."""
    plan = layout([_size(box) for box in picture.boxes], picture.arrows)
    width = max(plan.width, _width(picture.title)) + 2 * MARGIN
    height = plan.height + LINE + 3 * MARGIN
    title = escape(picture.title)
    parts = [
        '<div style="overflow-x:auto">',
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{title}"',
        f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"',
        f'font-family="monospace" font-size="{FONT:g}" stroke="currentColor">',
        _text(title, MARGIN, MARGIN + FONT, anchor="start"),
        f'<g transform="translate({MARGIN:g} {2 * MARGIN + LINE:g})">',
    ]
    for box, place in zip(picture.boxes, plan.places, strict=True):
        parts += _box(box, place)

    parts += map(_arrow, plan.arrows)
    return "\n".join([*parts, "</g>", "</svg>", "</div>"])


def _size(box: Box) -> tuple[float, float]:
    width = max(map(_width, box.lines)) + 2 * PADDING
    return width, LINE * len(box.lines) + PADDING


def _width(text: str) -> float:
    """Return about how wide a text is; Chinese letters, for one, take two places."""
    return LETTER * sum(2 if east_asian_width(each) in "FW" else 1 for each in text)


def _box(box: Box, place: Place) -> Iterator[str]:
    x, y = place.x, place.y
    size = f'width="{place.width:g}" height="{place.height:g}"'
    yield f'<rect x="{x:g}" y="{y:g}" {size} {_STYLES[box.shape]}/>'
    for number, line in enumerate(box.lines):
        base = y + PADDING / 2 + FONT + LINE * number
        yield _text(escape(line), x + place.width / 2, base)


def _text(escaped: str, x: float, y: float, *, anchor: str = "middle") -> str:
    place = f'x="{x:g}" y="{y:g}" text-anchor="{anchor}"'
    return f'<text {place} fill="currentColor" stroke="none">{escaped}</text>'


def _arrow(points: tuple[Point, ...]) -> str:
    """Draw lines and curves in turn, which begin and end level, and a tip."""
    (x, y), *others = points
    path = [f"M{x:g} {y:g}"]
    for number, (to_x, to_y) in enumerate(others):
        bend = (x + to_x) / 2
        curve = f"C{bend:g} {y:g} {bend:g} {to_y:g} {to_x:g} {to_y:g}"
        path.append(curve if number % 2 else f"H{to_x:g}")
        x, y = to_x, to_y

    path.append(f"m{-TIP:g} {-TIP / 2:g}l{TIP:g} {TIP / 2:g}l{-TIP:g} {TIP / 2:g}")
    return f'<path d="{"".join(path)}" fill="none"/>'
