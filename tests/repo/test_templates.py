"""The template of a provider is of this version, and asks nothing of its author that a runner does not have."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING

import pytest

from tests.repo.test_versions import VERSION
from tests.repo.tracked import REPOSITORY, files, name, text

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATES = REPOSITORY / "templates" / "provider"
VARIANTS = ("python", "dockerfile")
WORKFLOWS = [path for path in files("*.yml") if path.is_relative_to(TEMPLATES)]


def test_a_provider_in_python_builds_on_the_base_and_the_sdk_of_this_version() -> None:
    assert f"ARG BASE_IMAGE=ghcr.io/katasec/dstream-provider-base:v{VERSION}\n" in text(TEMPLATES / "python/Dockerfile")
    project = tomllib.loads(text(TEMPLATES / "python/pyproject.toml"))["project"]
    own = tomllib.loads(text(REPOSITORY / "images/counter-input-provider/pyproject.toml"))["project"]
    assert project["dependencies"] == own["dependencies"]


def test_it_installs_for_the_python_that_the_base_has() -> None:
    (version,) = re.findall(r"^ARG PYTHON_IMAGE=python:(\d+\.\d+)", text(REPOSITORY / "Dockerfile.base"), re.MULTILINE)
    build = text(TEMPLATES / "python/build")
    assert f"--python-version {version} --abi cp{version.replace('.', '')} " in build


def test_both_variants_announce_the_same_provider() -> None:
    for kind in ("input", "output"):
        python, bare = (json.loads(text(TEMPLATES / f"{variant}-{kind}/provider.json")) for variant in VARIANTS)
        for said in ("name", "version", "protocol", "role", "title", "description"):
            assert python[said] == bare[said]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=name)
def test_its_workflow_publishes_only_what_is_tagged_and_was_held_against_the_contract(workflow: Path) -> None:
    _, _, written = text(workflow).partition("\njobs:\n")
    jobs = dict(re.findall(r"^  (\w+):\n((?:    .*\n|\n)+)", written, re.MULTILINE))
    assert list(jobs) == ["test", "publish"]
    assert "dstream providers test" in jobs["test"]
    assert not re.search(r": write|--push|login", jobs["test"])
    assert "    if: github.ref_type == 'tag'\n    needs: test\n" in jobs["publish"]
    checked, pushed, signed = (jobs["publish"].index(each) for each in ("$GITHUB_REF_NAME", "--push", "cosign sign"))
    assert checked < pushed < signed
