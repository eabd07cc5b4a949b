"""One version for the command, the SDK and the base image, one for each provider; each the same everywhere."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.metadata import version as installed_version

import pytest
from packaging.version import Version as PythonVersion

from releasing.units import CORE, Unit, units
from tests.repo.tracked import REPOSITORY, name, text

VERSION = (REPOSITORY / "VERSION.txt").read_text().strip()
UNITS = units(REPOSITORY)
IMAGES = [unit.root / "images" / unit.name for unit in UNITS if unit.name != CORE]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_every_place_says_the_same_version_and_so_does_the_newest_heading_of_the_changelog(unit: Unit) -> None:
    assert unit.disagreements() == []


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_what_is_installed_has_that_version(unit: Unit) -> None:
    wanted = PythonVersion(str(unit.version()))
    for distribution in ["dstream-cli", "dstream-sdk"] if unit.name == CORE else [unit.name]:
        assert PythonVersion(installed_version(distribution)) == wanted, "run scripts/venv"


def test_a_provider_is_called_by_the_name_of_its_folder() -> None:
    assert IMAGES
    for image in IMAGES:
        project = tomllib.loads(text(image / "pyproject.toml"))["project"]
        assert json.loads(text(image / "provider.json"))["name"] == project["name"] == image.name


def test_every_dependency_is_pinned() -> None:
    pinned = {
        line.partition("==")[0].lower().replace("_", "-") for line in text(REPOSITORY / "constraints.txt").splitlines()
    }
    ours = {"dstream-cli", "dstream-sdk", *(image.name for image in IMAGES)}
    for path in [
        REPOSITORY / "pyproject.toml",
        REPOSITORY / "sdk/pyproject.toml",
        *(image / "pyproject.toml" for image in IMAGES),
    ]:
        project = tomllib.loads(text(path))["project"]
        wanted = [
            *project["dependencies"],
            *(each for extra in project.get("optional-dependencies", {}).values() for each in extra),
        ]
        names = {re.match(r"[A-Za-z0-9_-]+", each).group().lower() for each in wanted}  # type: ignore[union-attr]  # always matches
        assert names - ours <= pinned, name(path)
