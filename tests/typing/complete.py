"""Fails unless pyright knows the type of every public name of the installed package.

    python tests/typing/complete.py

What `pyright --verifytypes` reports for users: every name that can be imported, and all
that those lead to. Only the pytest plugin may lead to a type that pytest leaves unknown.
"""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fluent_async
from checkers import path_of


PLUGIN = "fluent_async.pytest_plugin"


def main() -> int:
    """Print what is not known or was not looked at; return 1 if there is anything."""
    strict, of_ours = report(), report("--ignoreexternal")
    wrong = [each for each in unknown(strict) if PLUGIN not in each] + unknown(of_ours)
    wrong += [f"not exported: {name}" for name in sorted(public() - exported(of_ours))]
    if Path(of_ours["moduleRootDirectory"]) != Path(fluent_async.__file__).parent:
        wrong.append(f"another package: {of_ours['moduleRootDirectory']}")

    score = of_ours["completenessScore"]
    sys.stdout.writelines(f"{each}\n" for each in wrong)
    sys.stdout.write(f"pyright --verifytypes: {score:.1%} of the public types\n")
    return int(bool(wrong) or score < 1)


def report(*flags: str) -> dict[str, Any]:
    """Run pyright, and return what it says of completeness."""
    # It looks for packages where the first python of PATH does, and in this folder.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with TemporaryDirectory() as folder:
        done = subprocess.run(
            [
                path_of("pyright"),
                "--verifytypes",
                "fluent_async",
                "--outputjson",
                *flags,
            ],
            cwd=folder,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )

    if done.returncode not in {0, 1}:
        sys.exit(f"pyright did not run:\n{done.stdout}{done.stderr}")

    found: dict[str, Any] = json.loads(done.stdout)["typeCompleteness"]
    return found


def unknown(found: dict[str, Any]) -> list[str]:
    """Return the names of ours whose types are not known, each with the reasons."""
    return [
        f"{symbol['name']}: {'; '.join(each['message'] for each in symbol['diagnostics'])}"
        for symbol in found["symbols"]
        if symbol["name"].startswith("fluent_async")
        and (not symbol["isTypeKnown"] or symbol["isTypeAmbiguous"])
    ]


def exported(found: dict[str, Any]) -> set[str]:
    """Return the names that pyright takes for public."""
    return {symbol["name"] for symbol in found["symbols"] if symbol["isExported"]}


def public() -> set[str]:
    """Return the names that the public modules say are theirs."""
    modules = ["", ".errors", ".futures", ".pytest_plugin", ".testing", ".typing"]
    return {
        f"fluent_async{module}.{name}"
        for module in modules
        for name in importlib.import_module(f"fluent_async{module}").__all__
    }


if __name__ == "__main__":
    sys.exit(main())
