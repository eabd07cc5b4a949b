"""`dstream providers new`: a folder of its own, whole or not at all."""

from __future__ import annotations

import re
import resource
import subprocess
from typing import TYPE_CHECKING

import pytest

from orchestrator.config import load_project

if TYPE_CHECKING:
    from tests.cli.conftest import Project

VARIANTS = [(template, kind) for template in ("python", "dockerfile") for kind in ("input", "output")]


@pytest.mark.parametrize(("template", "kind"), VARIANTS)
def test_a_new_provider_bears_its_own_name_everywhere(project: Project, template: str, kind: str) -> None:
    done = project.run("providers", "new", "orders-feed", "--kind", kind, "--template", template)
    assert done.code == 0, done.stderr
    made = [path for path in (project.folder / "orders-feed").rglob("*") if path.is_file()]
    assert {"Dockerfile", "build", "provider", "provider.json", "publish-oci.yml", "dstream.hcl"} <= {
        p.name for p in made
    }
    for path in made:
        said = f"{path.relative_to(project.folder)}\n{path.read_text()}"
        assert not re.search(r"my[-_ ]provider", said, re.IGNORECASE), said
        assert bool(path.stat().st_mode & 0o111) == path.read_text().startswith("#!"), path
    assert load_project(project.folder / "orders-feed" / "dstream.hcl", environ={}).tasks


@pytest.mark.parametrize("kind", ["input", "output"])
def test_a_new_provider_in_python_is_lint_free_and_formatted(project: Project, kind: str) -> None:
    assert project.run("providers", "new", "orders-feed", "--kind", kind).code == 0
    folder = project.folder / "orders-feed"
    for command in (["check", "--extend-select", "B,I,UP,SIM,RET,PTH"], ["format", "--check"]):
        done = subprocess.run(
            ["ruff", *command, "--isolated", "--line-length", "120", "--no-cache", "."],
            cwd=folder, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout


def test_it_can_be_made_elsewhere_and_says_where(project: Project) -> None:
    done = project.run("providers", "new", "orders-feed", "--kind", "input", "--folder", "deep/down", "--json")
    folder = project.folder / "deep" / "down"
    (event,) = done.events
    assert (event["event"], event["folder"]) == ("created", str(folder))
    assert (folder / "orders_feed" / "provider.py").is_file()


def test_what_is_there_already_is_left_alone(project: Project) -> None:
    taken = project.folder / "orders-feed"
    taken.mkdir()
    (taken / "mine").write_text("mine")
    done = project.run("providers", "new", "orders-feed", "--kind", "input")
    assert done.code == 3
    assert "new.exists" in done.stderr
    assert [path.name for path in taken.iterdir()] == ["mine"]


def test_nothing_is_left_where_it_could_not_be_written(project: Project) -> None:
    (project.folder / "file").touch()
    before = set(project.folder.rglob("*"))
    done = project.run("providers", "new", "orders-feed", "--kind", "input", "--folder", "file/orders-feed")
    assert done.code == 4
    assert "new.unwritable" in done.stderr
    assert set(project.folder.rglob("*")) == before


def test_nothing_is_left_where_the_disk_took_only_the_first_files(project: Project) -> None:
    before = set(project.folder.rglob("*"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1500, hard))  # bytes in a file; the README is longer
    try:
        done = project.run("providers", "new", "orders-feed", "--kind", "input")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert done.code == 4
    assert "File too large" in done.stderr
    assert set(project.folder.rglob("*")) == before


@pytest.mark.parametrize(
    "name", ["Orders", "orders_feed", "-orders", "orders-", "or--ders", "1orders", "a" * 64, "a/b"]
)
def test_a_name_that_no_image_and_package_can_have_is_refused(project: Project, name: str) -> None:
    done = project.run("providers", "new", "--kind", "input", "--", name)
    assert done.code == 3
    assert f"`{name}`" in done.stderr
    assert "such as `orders-input-provider`" in done.stderr
    assert not (project.folder / name).exists()


@pytest.mark.parametrize("name", ["json", "class", "dstream-sdk", "tests"])
def test_a_name_that_python_knows_otherwise_is_refused(project: Project, name: str) -> None:
    done = project.run("providers", "new", name, "--kind", "output")
    assert done.code == 3
    assert "means something else to Python" in done.stderr


@pytest.mark.parametrize("name", ["provider", "build"])
def test_a_name_that_a_file_of_every_provider_has_is_refused(project: Project, name: str) -> None:
    done = project.run("providers", "new", name, "--kind", "input")
    assert done.code == 3
    assert f"`{name}` is what a file beside the package is called" in done.stderr


def test_it_can_be_made_in_the_folder_where_one_stands(project: Project) -> None:
    """Which stays the folder that it was: another in its place would leave the shell in one that is gone."""
    folder = project.folder / "orders-feed"
    folder.mkdir()
    before = folder.stat()
    project.folder.chmod(0o500)  # nor does it take a folder around it that can be written
    try:
        done = project.run("providers", "new", "orders-feed", "--kind", "input", "--folder", "orders-feed/.")
    finally:
        project.folder.chmod(0o700)
    assert done.code == 0, done.stderr
    assert folder.stat().st_ino == before.st_ino
    assert (folder / "orders_feed" / "provider.py").is_file()
    assert not list(folder.glob(".new-*"))


def test_it_has_to_be_said_which_way_the_data_flows(project: Project) -> None:
    done = project.run("providers", "new", "orders-feed")
    assert done.code == 3
    assert "--kind" in done.stderr
    assert not (project.folder / "orders-feed").exists()
