"""Writes docs/benchmarks.md, its charts and README's table from saved results.

Without a file it takes the results that are kept beside the charts.

    python benchmarks/publish.py results.json
"""

import argparse
import shutil
from pathlib import Path

from measuring import charts, report
from measuring.results import Results


ROOT = Path(__file__).parent.parent
KEPT = ROOT / "docs" / "benchmarks"
RESULTS = KEPT / "results.json"


def main() -> None:
    """Keep the results, and write all that shows them."""
    parser = argparse.ArgumentParser(description="Show results in README and docs.")
    parser.add_argument("results", type=Path, nargs="?", default=RESULTS)
    given = parser.parse_args().results
    KEPT.mkdir(exist_ok=True)
    if given.resolve() != RESULTS:
        shutil.copyfile(given, RESULTS)

    results = Results.load(RESULTS)
    for path in charts.draw(results, KEPT):
        print(f"wrote {path.relative_to(ROOT)}")

    for name, text in report.pages(results, ROOT).items():
        (ROOT / name).write_text(text, encoding="utf-8")
        print(f"wrote {name}")


if __name__ == "__main__":
    main()
