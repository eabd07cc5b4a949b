"""One version for the command, the SDK and the base image, one for each provider; each the same everywhere."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.metadata import version as installed_version
from pathlib import Path

import pytest

from tests.repo.tracked import REPOSITORY, files, name, text

VERSION = (REPOSITORY / "VERSION.txt").read_text().strip()
IMAGES = [path.parent for path in files("Dockerfile") if path.parent.parent.name == "images"]


def test_there_is_one_version_of_command_and_sdk() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+(-[0-9a-z.]+)?", VERSION)
    assert installed_version("dstream-cli") == installed_version("dstream-sdk") == VERSION


def test_the_changelog_has_a_heading_for_the_version() -> None:
    assert re.search(rf"^## {re.escape(VERSION)}\b", text(REPOSITORY / "CHANGELOG.md"), re.MULTILINE)


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_a_provider_says_its_version_once_and_builds_on_this_base(image: Path) -> None:
    description = json.loads(text(image / "provider.json"))
    project = tomllib.loads(text(image / "pyproject.toml"))["project"]
    assert description["name"] == project["name"] == image.name
    assert installed_version(image.name) == description["version"]
    assert re.search(rf"^## {re.escape(description['version'])}\b", text(image / "CHANGELOG.md"), re.MULTILINE)
    assert f"ARG BASE_IMAGE=ghcr.io/katasec/dstream-provider-base:v{VERSION}\n" in text(image / "Dockerfile")


def test_every_mention_of_a_provider_image_names_a_version_that_exists() -> None:
    versions = {image.name: json.loads(text(image / "provider.json"))["version"] for image in IMAGES}
    wrong = [
        f"{name(path)}: {mention.group()}"
        for path in [*files("*.hcl"), *files("README.md")]
        for mention in re.finditer(r"ghcr\.io/katasec/([a-z-]+):v([0-9a-z.-]+)", text(path))
        if versions.get(mention[1], mention[2]) != mention[2]
    ]
    assert wrong == []


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
