"""`--locked` refuses before an engine is asked for anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Project

DIGEST = "sha256:" + "a" * 64
TASK = """task "orders" {
  input { provider_image = "registry.test/in:v1" }
  output { provider_image = "registry.test/out:v1" }
}
"""
LOCK = f'version = 1\nprovider "registry.test/in:v1" {{\n  digest = "{DIGEST}"\n  date   = "2026-11-23"\n}}\n'


@pytest.mark.parametrize("verb", ["run", "check", "discover"])
def test_without_a_lock_locked_refuses_and_says_how_to_have_one(project: Project, verb: str) -> None:
    project.write(TASK)
    done = project.run(verb, "orders", "--locked", "--json")
    assert done.code == 3
    (error,) = done.events
    assert error["code"] == "lock.missing"
    assert "`dstream providers lock`" in error["hint"]


def test_a_lock_that_lacks_one_provider_is_stale_at_its_line(project: Project) -> None:
    project.write(TASK)
    (project.folder / "dstream.lock.hcl").write_text(LOCK)
    done = project.run("run", "orders", "--locked", "--json")
    assert done.code == 3
    (error,) = done.events
    assert error["code"] == "lock.stale"
    assert "`registry.test/out:v1` is not in `dstream.lock.hcl`" in error["message"]
    assert (error["where"]["file"], error["where"]["line"]) == ("dstream.hcl", 3)


def test_a_broken_lock_stops_every_verb_at_its_line(project: Project) -> None:
    project.write(TASK)
    (project.folder / "dstream.lock.hcl").write_text(LOCK.replace(DIGEST, "latest"))
    done = project.run("validate", "--json")
    assert done.code == 3
    assert done.events[-1]["code"] == "lock.invalid"
    assert (done.events[-1]["where"]["file"], done.events[-1]["where"]["line"]) == ("dstream.lock.hcl", 3)


def test_a_local_executable_needs_no_lock(project: Project) -> None:
    project.task(config="count = 5")
    assert project.run("run", "orders", "--locked", "--quiet").code == 0
