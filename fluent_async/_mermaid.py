"""Mermaid: writes a picture as the text of a flowchart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fluent_async._picture import Shape


if TYPE_CHECKING:
    from collections.abc import Iterator

    from fluent_async._picture import Box, Picture

_FRAMES = {
    Shape.INPUTS: ('(["', '"])'),
    Shape.STAGE: ('["', '"]'),
    Shape.DRAIN: ('[("', '")]'),
}

# Besides letters and digits. Anything else may mean something, to Mermaid, to Markdown or
# to HTML, at one place in a text or another.
_PLAIN = frozenset(" ,:=()_")

# What means something after its codes were read, too: line ends, icons and formulas. It does
# not if a character that nobody sees comes in between.
_MEANING = re.compile(r"\\|:(?=fa-)|\$(?=\$)")
_JOINER = "\u2060"


def mermaid(picture: Picture) -> str:
    """Write a picture as a Mermaid flowchart, from left to right."""
    return "\n".join(_lines(picture))


def _lines(picture: Picture) -> Iterator[str]:
    yield "flowchart LR"
    yield f'  subgraph pool["{_escaped(picture.title)}"]'
    yield "    direction LR"
    for number, box in enumerate(picture.boxes):
        yield f"    n{number}{_framed(box)}"

    for start, end in picture.arrows:
        yield f"    n{start} --> n{end}"

    yield "  end"


def _framed(box: Box) -> str:
    opening, closing = _FRAMES[box.shape]
    return f"{opening}{'<br/>'.join(map(_escaped, box.lines))}{closing}"


def _escaped(text: str) -> str:
    """Write what is not plain as a code of Mermaid's."""
    text = _MEANING.sub(rf"\g<0>{_JOINER}", text)
    return "".join(
        character
        if character.isalnum() or character in _PLAIN
        else f"#{ord(character)};"
        for character in text
    )
