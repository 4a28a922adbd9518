"""Charts: results as SVG."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

import loads
from measuring.load import Load
from measuring.report import OURS
from measuring.results import Results, Row


# Text stays text, and the same results give the same file.
mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "fluent_async"})

OUR_COLOUR, OTHERS_COLOUR, REACH_COLOUR = "#0b6e4f", "#9aa5b1", "#c8553d"

CHARTS = {
    "overhead": ("noop", "ordered", "given", "stages", "streams", "call", "submit"),
    "waiting": (
        "slow-stages",
        "sleeps-1ms-8",
        "sleeps-5ms-64",
        "sleeps-20ms-256",
        "sleeps-20ms-1000",
        "storm",
        "skew",
    ),
    "starting": ("import", "first-task", "ten-tasks", "latency"),
}
"""Which loads are on each."""


def draw(results: Results, folder: Path) -> Iterator[Path]:
    """Write the charts that there are results for; return their files."""
    for name, names in CHARTS.items():
        shown = [load for load in loads.ALL if load.name in names]
        rows = {load.name: _measured(results, load) for load in shown}
        shown = [load for load in shown if rows[load.name]]
        if shown:
            path = folder / f"{name}.svg"
            _chart(shown, rows).savefig(path, metadata={"Date": None})
            yield path


def _measured(results: Results, load: Load) -> list[Row]:
    return [row for row in results.of(load.name) if row.samples]


def _chart(shown: Sequence[Load], rows: dict[str, list[Row]]) -> Figure:
    """Draw a line for each load, with a dot for each peer, on a scale of ratios."""
    figure = Figure(figsize=(9, 1 + 0.75 * len(shown)), layout="constrained")
    axes = figure.subplots()
    for place, load in enumerate(reversed(shown)):
        for row in rows[load.name]:
            least, middle, most = row.ratios
            ours = row.peer == OURS
            colour = OUR_COLOUR if ours else OTHERS_COLOUR
            axes.plot(
                [least, most], [place, place], color=colour, lw=2, zorder=1 + ours
            )
            axes.plot(
                middle, place, "o", color=colour, ms=9 if ours else 5, zorder=2 + ours
            )

        best = min(rows[load.name], key=lambda row: row.ratios[1])
        axes.annotate(
            best.peer.strip("`"),
            (best.ratios[1], place),
            xytext=(0, 9),
            textcoords="offset points",
            ha="center",
            fontsize=7,
        )
        if load.reach is not None:
            axes.plot(load.reach, place, "|", color=REACH_COLOUR, ms=18, zorder=4)

    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}x")
    names = [f"{load.title}\nagainst {load.against}".replace("`", "") for load in shown]
    axes.set_yticks(range(len(shown)), names[::-1], fontsize=8)
    axes.set_ylim(-0.6, len(shown) - 0.4)
    axes.grid(visible=True, axis="x", alpha=0.3)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_title(
        "fluent_async (green) and others (grey), median and spread; red: to reach. "
        "Left is better.",
        fontsize=9,
        loc="left",
    )
    return figure
