"""What is built and installed, and that the files around the package agree with it."""

import importlib.metadata
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

import fluent_async


ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]
INSTALLED = importlib.metadata.distribution("fluent-async-pool")


pytestmark = pytest.mark.once


def build(folder: Path) -> Path:
    """Build the wheel of this tree."""
    command = [
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "-t",
        "wheel",
        "-d",
        str(folder),
    ]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel once for all tests of this file."""
    return build(tmp_path_factory.mktemp("wheel"))


def editable() -> bool:
    """Say whether the package was installed so that changes show at once."""
    origin = json.loads(INSTALLED.read_text("direct_url.json") or "{}")
    return bool(origin.get("dir_info", {}).get("editable"))


def test_the_installed_package_is_the_one_under_test() -> None:
    """Tests import what the wheel installed, never the source that lies beside them."""
    installed = ROOT if editable() else Path(str(INSTALLED.locate_file(""))).resolve()

    assert installed / "fluent_async" == Path(fluent_async.__file__).resolve().parent


def test_the_version_is_that_of_the_project() -> None:
    """The version stands in one place, and the installed metadata agrees."""
    assert PROJECT["version"] == INSTALLED.version


def test_the_changelog_names_the_version() -> None:
    """The changelog has a section for the version that is built."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert f"## [{PROJECT['version']}]" in changelog or "## [Unreleased]" in changelog


def test_typing_extensions_is_the_only_dependency() -> None:
    """Installing the package brings one other package."""
    assert [f"typing-extensions{PROJECT['dependencies'][0][17:]}"] == INSTALLED.requires


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    """Every module of the source, its `py.typed` and the metadata; no tests, no docs."""
    source = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "fluent_async").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert source == packed
    assert "fluent_async/py.typed" in packed
    assert {"py", "typed"} == {name.rpartition(".")[2] for name in packed}


def test_the_wheel_brings_the_licence(wheel: Path) -> None:
    """The licence text is in the metadata."""
    with ZipFile(wheel) as archive:
        licences = [name for name in archive.namelist() if name.endswith("/LICENSE")]
        text = archive.read(licences[0])

    assert (ROOT / "LICENSE").read_bytes() == text


def test_a_second_build_is_the_same_to_the_byte(wheel: Path, tmp_path: Path) -> None:
    """Anybody can build the wheel anew and compare."""
    assert wheel.read_bytes() == build(tmp_path).read_bytes()


def test_ci_runs_the_second_command_of_the_readme() -> None:
    """What CI runs is what the README tells people to run, word for word."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    commands = [line[2:] for line in readme.splitlines() if line.endswith("tox run")]

    assert len(commands) == 1
    assert f'"{commands[0]}"' in script
