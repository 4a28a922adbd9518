"""Results: what was measured, on which machine, and with which versions; as JSON too."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Self, TypedDict


@dataclass(frozen=True)
class Sample:
    """One measurement: what an item cost, in seconds or bytes, and the base with it."""

    cost: float
    base: float
    size: int

    @property
    def ratio(self) -> float:
        """How many times the base it is; 0 if there is no base."""
        return self.cost / self.base if self.base else 0.0


@dataclass
class Row:
    """The measurements of one peer at one load."""

    load: str
    peer: str
    samples: list[Sample] = field(default_factory=list)
    problem: str | None = None
    """Why there are no more of them: it hung, or its results were wrong."""

    @property
    def cost(self) -> float:
        """The cost in the middle."""
        return median(sample.cost for sample in self.samples)

    @property
    def ratios(self) -> tuple[float, float, float]:
        """The least, the middle and the greatest ratio."""
        ratios = [sample.ratio for sample in self.samples]
        return min(ratios), median(ratios), max(ratios)


class _Sample(TypedDict):
    cost: float
    base: float
    size: int


class _Row(TypedDict):
    load: str
    peer: str
    samples: list[_Sample]
    problem: str | None


class _Document(TypedDict):
    machine: dict[str, str]
    versions: dict[str, str]
    missing: dict[str, str]
    rounds: int
    quick: bool
    rows: list[_Row]


@dataclass
class Results:
    """All that was measured in one run."""

    machine: dict[str, str]
    versions: dict[str, str]
    """Of each peer, by its name."""

    missing: dict[str, str]
    """Why a peer was not measured, by its name."""

    rounds: int
    quick: bool
    rows: list[Row]

    def of(self, load: str) -> list[Row]:
        """Return the rows of a load."""
        return [row for row in self.rows if row.load == load]

    def save(self, path: Path) -> None:
        """Write the results as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read results that were saved."""
        document: _Document = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            document["machine"],
            document["versions"],
            document["missing"],
            document["rounds"],
            document["quick"],
            [_row(row) for row in document["rows"]],
        )


def _row(row: _Row) -> Row:
    samples = [Sample(**sample) for sample in row["samples"]]
    return Row(row["load"], row["peer"], samples, row["problem"])
