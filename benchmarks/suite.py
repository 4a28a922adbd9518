"""Measures fluent_async beside its peers, on the same work in the same run.

Each measurement has a process of its own, so that nothing is left of the one before and
one that hangs can be ended. The rounds go over all loads and peers in turn: a machine
that is busy for a while disturbs all of them alike. A peer that is missing, hangs or
gives wrong results is in the tables as such.

    python benchmarks/suite.py --only noop,ordered --quick
    python benchmarks/suite.py --rounds 5 --json results.json
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import loads
import peers
from measuring import report
from measuring.load import Load
from measuring.machine import machine
from measuring.results import Results, Row, Sample


CHILD = Path(__file__).parent / "measuring" / "child.py"

PATIENCE_S = 120
"""How long one measurement may take, in seconds."""


@dataclass(frozen=True)
class Probe:
    """A peer that is there: what it is called, its version, and which loads it can do."""

    peer: str
    name: str
    version: str
    loads: list[str]


def ask(*args: str, patience: float = PATIENCE_S) -> dict[str, object]:
    """Have a process of its own do something; it, or we, say what the problem was."""
    try:
        done = subprocess.run(
            [sys.executable, str(CHILD), *args],
            capture_output=True,
            text=True,
            timeout=patience,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"problem": f"hung: no result after {patience:.0f} s"}

    try:
        return cast("dict[str, object]", json.loads(_last_line(done.stdout)))
    except ValueError:
        last = _last_line(done.stderr) or f"exit code {done.returncode}"
        return {"problem": f"broke: {last}"}


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]


def probed() -> tuple[list[Probe], dict[str, str]]:
    """Ask each peer what it can do; return also why others cannot be asked."""
    found: list[Probe] = []
    missing: dict[str, str] = {}
    for peer in peers.NAMES:
        answer = ask("probe", peer)
        if "problem" in answer:
            missing[peer.partition(":")[0]] = str(answer["problem"])
        else:
            name, version = str(answer["name"]), str(answer["version"])
            found.append(Probe(peer, name, version, cast("list[str]", answer["loads"])))

    return found, missing


def measure(row: Row, load: Load, probe: Probe, size: int) -> None:
    """Measure a peer at a load once; after a problem it is not asked again."""
    if row.problem is not None:
        return

    answer = ask("measure", load.name, probe.peer, str(size))
    if "problem" in answer:
        row.problem = str(answer["problem"])
    else:
        cost, base = cast("float", answer["cost"]), cast("float", answer["base"])
        row.samples.append(Sample(cost, base, cast("int", answer["size"])))


def rounds(chosen: list[Load], found: list[Probe], results: Results) -> Iterator[str]:
    """Measure all rounds; say before each measurement what is measured."""
    rows = {
        (load.name, probe.name): Row(load.name, probe.name)
        for load in chosen
        for probe in found
        if load.name in probe.loads
    }
    results.rows += rows.values()
    for number in range(results.rounds):
        for load in chosen:
            for probe in found:
                row = rows.get((load.name, probe.name))
                if row is not None:
                    yield f"round {number + 1}: {load.name}, {probe.name}"
                    size = load.quick if results.quick else load.size
                    measure(row, load, probe, size)


def options() -> argparse.Namespace:
    """Read the command line."""
    names = [load.name for load in loads.ALL]
    parser = argparse.ArgumentParser(description="Measure fluent_async and its peers.")
    parser.add_argument(
        "--only", help=f"some of these, with commas: {', '.join(names)}"
    )
    parser.add_argument("--peers", help="some of the peers, with commas, beside fluent")
    parser.add_argument("--rounds", type=int, help="5, and 1 if quick")
    parser.add_argument("--quick", action="store_true", help="fewer items")
    parser.add_argument("--json", type=Path, help="where to save the results")
    chosen = parser.parse_args()
    only = chosen.only.split(",") if chosen.only else names
    if unknown := set(only) - set(names):
        parser.error(f"no such load: {', '.join(sorted(unknown))}")

    chosen.loads = [load for load in loads.ALL if load.name in only]
    return chosen


def main() -> int:
    """Measure, print the tables, and fail if a result of ours was wrong."""
    chosen = options()
    found, missing = probed()
    if chosen.peers:
        wanted = {"fluent", *chosen.peers.split(",")}
        found = [probe for probe in found if probe.peer.partition(":")[0] in wanted]

    results = Results(
        machine=machine(),
        versions={probe.name: probe.version for probe in found if probe.version},
        missing=missing,
        rounds=chosen.rounds or (1 if chosen.quick else 5),
        quick=chosen.quick,
        rows=[],
    )
    started = time.monotonic()
    for what in rounds(chosen.loads, found, results):
        print(f"{time.monotonic() - started:7.1f} s  {what}", file=sys.stderr)

    if chosen.json:
        results.save(chosen.json)

    print("\n".join(report.tables(results)))
    return int(any(row.problem and row.peer == report.OURS for row in results.rows))


if __name__ == "__main__":
    sys.exit(main())
