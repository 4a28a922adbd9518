"""Text: what users named or described, made safe for one line of a log or a picture."""


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


def cut(text: str, length: int) -> str:
    """Return `text` with at most `length` characters; an ellipsis stands for the rest."""
    return text if len(text) <= length else f"{text[: length - 1]}…"
