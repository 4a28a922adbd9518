"""Report: results as Markdown."""

from collections.abc import Iterator
from pathlib import Path

import loads
from measuring.load import Load
from measuring.results import Results, Row


OURS = "fluent_async"
"""The name of the peer that the figures are for."""

SCALES = {"ns": 1e9, "ms": 1e3, "MB": 1e-6}
"""Of a cost, in seconds or bytes, to what is shown."""


BEGIN, END = "<!-- figures -->\n", "<!-- /figures -->\n"
"""Around what is written into a page that has more in it."""


def pages(results: Results, root: Path) -> dict[str, str]:
    """Return the pages that show the results, by their paths, as they are to be."""
    summed = "\n".join((*summary(results), "", about(results), ""))
    shown = "\n".join((*tables(results), ""))
    return {
        "README.md": filled(root / "README.md", summed),
        "docs/benchmarks.md": filled(root / "docs" / "benchmarks.md", shown),
    }


def filled(page: Path, figures: str) -> str:
    """Return a page with figures between its marks."""
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{figures}{END}{after}"


def tables(results: Results) -> Iterator[str]:
    """Show every measurement: a table for each load."""
    yield about(results)
    for load in loads.ALL:
        rows = results.of(load.name)
        if rows:
            yield from ("", f"### {load.title[0].upper()}{load.title[1:]}", "")
            yield from _table(load, rows)

    if results.missing:
        yield from ("", "### Not measured", "")
        yield from (f"- {name}: {why}" for name, why in results.missing.items())


def summary(results: Results) -> Iterator[str]:
    """Show what fluent_async reaches, and the best of its peers: one line a load."""
    yield "| work | against | fluent_async | spread | to reach | best other |"
    yield "|---|---|--:|--:|--:|---|"
    for load in loads.ALL:
        ours = [row for row in results.of(load.name) if row.peer == OURS]
        if not ours:
            continue

        cells = [load.title, load.against]
        if ours[0].samples:
            least, middle, most = ours[0].ratios
            cells += [times(middle), f"{times(least)} - {times(most)}"]
        else:
            cells += [ours[0].problem or "", ""]

        yield _line(*cells, _reach(load), _best_other(results.of(load.name)))


def about(results: Results) -> str:
    """Say what was measured on, and with what."""
    machine = results.machine
    versions = ", ".join(
        f"{name} {version}" for name, version in results.versions.items()
    )
    quick = "; a quick look, with few items" if results.quick else ""
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, "
        f"{machine['python']} {machine['build']}; {results.rounds} rounds{quick}.\n"
        f"{versions}."
    )


def times(ratio: float) -> str:
    """Show a ratio with as many digits as mean something."""
    if ratio < 10:
        return f"{ratio:.2f}"

    return f"{ratio:,.1f}" if ratio < 100 else f"{ratio:,.0f}"


def _table(load: Load, rows: list[Row]) -> Iterator[str]:
    per = "growth" if load.unit == "MB" else "an item"
    yield f"| | {load.unit} {per}, median | times {load.against} | spread | items |"
    yield "|---|--:|--:|--:|--:|"
    for row in sorted(rows, key=_rank):
        if row.samples:
            least, middle, most = row.ratios
            cost = row.cost * SCALES[load.unit]
            yield _line(
                _named(load, row),
                f"{cost:,.0f}" if cost >= 100 else f"{cost:,.2f}",
                times(middle),
                f"{times(least)} - {times(most)}",
                f"{min(sample.size for sample in row.samples):,}",
            )

        if row.problem is not None:
            yield _line(row.peer, row.problem, "", "", "")


def _rank(row: Row) -> float:
    return row.ratios[1] if row.samples else float("inf")


def _named(load: Load, row: Row) -> str:
    if row.peer != OURS or load.reach is None:
        return row.peer

    return f"**{row.peer}** (to reach: {_reach(load)})"


def _reach(load: Load) -> str:
    return "" if load.reach is None else f"≤ {times(load.reach)}"


def _best_other(rows: list[Row]) -> str:
    others = [row for row in rows if not row.peer.startswith(OURS) and row.samples]
    if not others:
        return ""

    best = min(others, key=_rank)
    return f"{best.peer} {times(best.ratios[1])}"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
