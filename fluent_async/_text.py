"""Text: what users named or described, made safe for one line of a log or a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from collections.abc import Sequence


def printable(text: str) -> str:
    """Return `text` with control characters, line ends among them, as escapes."""
    text = str.__str__(text)  # a subclass may have its own idea of what is printable
    if text.isprintable():
        return text

    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def listed(texts: Sequence[str], most: int = 8) -> str:
    """Return the first `most` of `texts`, and how many there are besides."""
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def cut(text: str, length: int) -> str:
    """Return `text` with at most `length` characters; an ellipsis stands for the rest."""
    return text if len(text) <= length else f"{text[: length - 1]}…"
