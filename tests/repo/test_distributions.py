"""What is published can be built, from the sources and from the source archive, and holds what it needs."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from packaging.version import Version as PythonVersion

from tests.repo.tracked import REPOSITORY
from tests.servers.script import run_script

VERSION = PythonVersion((REPOSITORY / "VERSION.txt").read_text())


def build(project: Path, kind: str, into: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", into],
        cwd=project, capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    (built,) = into.iterdir()
    return built


@pytest.mark.parametrize(("folder", "package"), [(".", "orchestrator"), ("sdk", "dstream_sdk")])
def test_a_wheel_from_the_source_archive_is_the_one_from_the_sources(folder: str, package: str, tmp_path: Path) -> None:
    direct = build(REPOSITORY / folder, "wheel", tmp_path / "direct")
    archive = build(REPOSITORY / folder, "sdist", tmp_path / "archive")
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    again = build(unpacked, "wheel", tmp_path / "again")

    assert direct.name == again.name
    assert f"-{VERSION}-" in direct.name
    with zipfile.ZipFile(direct) as one, zipfile.ZipFile(again) as other:
        assert set(one.namelist()) == set(other.namelist())
        names = one.namelist()
        packed = {name for name in names if name.startswith(f"{package}/")}
    sources = contents(REPOSITORY / folder / package, package)
    if package == "orchestrator":
        sources |= contents(REPOSITORY / "templates", "orchestrator/templates")
    assert packed == sources
    assert f"{package}/py.typed" in packed
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_both_are_built_and_checked_by_one_command(tmp_path: Path) -> None:
    into = tmp_path / "dist"
    built = run_script("build-packages", "--output", str(into)).splitlines()
    assert {Path(path).name for path in built} == {
        f"{name}-{VERSION}{suffix}"
        for name in ("dstream_cli", "dstream_sdk")
        for suffix in (".tar.gz", "-py3-none-any.whl")
    }
    assert sorted(map(str, into.iterdir())) == built
    with pytest.raises(RuntimeError, match="there is something in"):
        run_script("build-packages", "--output", str(into))


def contents(folder: Path, called: str) -> set[str]:
    return {
        f"{called}/{path.relative_to(folder)}"
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_sdk_bears_the_licence_of_the_whole() -> None:
    assert (REPOSITORY / "sdk" / "LICENSE").read_bytes() == (REPOSITORY / "LICENSE").read_bytes()
