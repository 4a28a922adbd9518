"""Plants mutants in a copy of the package, and counts those that no test notices.

    python tests/mutation.py                     all that have no result yet
    python tests/mutation.py --only _turns _room
    python tests/mutation.py --survivors         those that survived, once more
    python tests/mutation.py --report            what is known

The modules, their tests and the changes stand in `mutation.toml`. A mutant is killed if one
of the tests fails, or if they do not end in time.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias, TypedDict

from mutants import Mutant, mutants_of


TESTS = Path(__file__).parent


class Result(TypedDict):
    """What became of a mutant."""

    module: str
    operator: str
    line: int
    shown: str
    outcome: str  # killed, late or survived; "" if it was not tested yet
    by: str


Results: TypeAlias = dict[str, Result]


def result_of(mutant: Mutant, outcome: str = "", by: str = "") -> Result:
    """Return what is noted about a mutant."""
    return {
        "module": mutant.module,
        "operator": mutant.operator,
        "line": mutant.line,
        "shown": mutant.shown,
        "outcome": outcome,
        "by": by,
    }


class Table:
    """What `mutation.toml` says."""

    def __init__(self) -> None:
        settings = tomllib.loads((TESTS / "mutation.toml").read_text())
        self.operators: list[str] = settings["mutants"]["operators"]
        self.tests: dict[str, list[str]] = settings["tests"]

    def files(self, module: str) -> list[str]:
        """Return the test files of a module."""
        return [str(TESTS / f"test_{name}.py") for name in self.tests[module]]


def package() -> Path:
    """Return where the package is that the tests test, without an import of it."""
    spec = find_spec("fluent_async")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def run(mutants: Sequence[Mutant], files: Sequence[str], jobs: int, note: Path) -> None:
    """Test mutants of one module in a process that loads the package anew."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as home:
        for job in range(jobs):
            shutil.copytree(package(), Path(home, str(job), package().name))

        plan = Path(home, "plan.json")
        changed = [(m.key, m.module, m.code, *m.function) for m in mutants]
        plan.write_text(json.dumps(changed))
        env = os.environ | {
            "MUTATION_HOME": home,
            "MUTATION_NOTE": str(note),
            "PYTHONPATH": os.pathsep.join([str(Path(home, "0")), str(TESTS)]),
            "PYTHONSAFEPATH": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        command = [sys.executable, "-m", "pytest", "-p", "mutation_plugin", *OPTIONS]
        subprocess.run([*command, *files], env=env, cwd=TESTS.parent, check=True)


OPTIONS = [
    "-q",
    "-s",
    "-mnot slow and not once",
    "-pno:randomly",
    "-pno:cacheprovider",
    "-pno:xdist",
    "--tb=line",
    "--timeout=20",
]


def report(found: dict[str, list[Mutant]], results: Results) -> None:
    """Print the score of each module, and then what survived."""
    print(f"{'module':12} mutants tested killed late survived  score")
    for module, mutants in found.items():
        known = [results[m.key] for m in mutants if m.key in results]
        count = Counter(each["outcome"] for each in known)
        score = 100 * (1 - count["survived"] / max(1, len(known)))
        print(
            f"{module:12} {len(mutants):7} {len(known):6} {count['killed']:6} "
            f"{count['late']:4} {count['survived']:8} {score:5.1f} %"
        )

    for mutants in found.values():
        for each in mutants:
            if each.key in results and results[each.key]["outcome"] == "survived":
                print(f"\n{each.module}.py:{each.line} {each.operator}\n{each.shown}")


def _options(modules: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=modules, default=modules)
    parser.add_argument("--results", type=Path, default=Path("mutation.json"))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--sample", type=int, help="at most so many of a module")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--survivors", action="store_true")
    parser.add_argument("--report", action="store_true")
    return parser.parse_args()


def _chosen(
    mutants: Sequence[Mutant], options: argparse.Namespace, results: Results
) -> list[Mutant]:
    """Return those to test: those of a sample without a result, or what survived."""
    if options.survivors:
        known = {key for key, each in results.items() if each["outcome"] == "survived"}
        return [mutant for mutant in mutants if mutant.key in known]

    drawn = list(mutants)
    if options.sample is not None and options.sample < len(drawn):
        drawn = random.Random(options.seed).sample(drawn, options.sample)

    return [mutant for mutant in drawn if mutant.key not in results]


def _merge(results: Results, mutants: Sequence[Mutant], note: Path) -> None:
    """Take over what a run noted, one line for each mutant."""
    by_key = {mutant.key: mutant for mutant in mutants}
    for line in note.read_text().splitlines() if note.exists() else ():
        key, outcome, by = json.loads(line)
        if key in by_key:
            results[key] = result_of(by_key[key], outcome, by)


def main() -> None:
    """Run what the command line asks for."""
    table = Table()
    options = _options(list(table.tests))
    file: Path = options.results
    results: Results = json.loads(file.read_text()) if file.exists() else {}
    found: dict[str, list[Mutant]] = {}
    for module in options.only:
        source = (package() / f"{module}.py").read_text()
        found[module] = list(mutants_of(module, source, table.operators))
        note = file.with_suffix(f".{module}")
        _merge(results, found[module], note)  # of a run that was cut off
        chosen = _chosen(found[module], options, results)
        if chosen and not options.report:
            run(chosen, table.files(module), options.jobs, note)
            _merge(results, found[module], note)

        file.write_text(json.dumps(results, indent=1))
        note.unlink(missing_ok=True)

    report(found, results)


if __name__ == "__main__":
    main()
