"""Picture: the graph of a pool as boxes and arrows, as of one instant; plain records."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Shape(Enum):
    """What a box stands for."""

    INPUTS = "inputs"
    """Where the inputs of a stage come from, if not from a drain."""

    STAGE = "stage"
    """A task and its inputs in progress."""

    DRAIN = "drain"
    """A drain, or another sink."""


@dataclass(frozen=True, slots=True)
class Box:
    """A name, and what there is to say of it; in printable lines."""

    shape: Shape
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes, and the arrows from one to another, each as two indexes of boxes."""

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[tuple[int, int], ...]
