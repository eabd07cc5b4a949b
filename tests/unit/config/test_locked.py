"""The lock file beside a configuration file, and which providers that file uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.config.load import load_project
from orchestrator.errors import ConfigError
from tests.unit.config.conftest import Load, parse_here

DIGEST = "sha256:" + "a" * 64
LOCK = f'version = 1\nprovider "docker.io/library/in:1" {{\n  digest = "{DIGEST}"\n  date = "2026-11-23"\n}}\n'
TASK = """
variable "unset" {}

task "orders" {
  input {
    provider_image = "registry.test/in:1"
    platform       = "linux/arm64"
    config { password = env("NOBODY_SET_THIS") }
  }
  output {
    provider_ref = format("registry.test/%s:1", "out")
    config { name = var.unset }
  }
  dead_letter {
    provider_path = "./letters"
  }
}
"""


def test_the_lock_beside_the_file_is_read(load: Load, tmp_path: Path) -> None:
    (tmp_path / "dstream.lock.hcl").write_text(LOCK)
    project = load("")
    assert project.lock_path == tmp_path / "dstream.lock.hcl"
    assert project.locked is not None
    assert project.locked["docker.io/library/in:1"].digest == DIGEST
    assert project.locked["docker.io/library/in:1"].where.line == 2


def test_no_lock_is_not_an_empty_lock(load: Load, tmp_path: Path) -> None:
    assert load("").locked is None
    (tmp_path / "dstream.lock.hcl").write_text("version = 1\n")
    assert load("").locked == {}


def test_every_file_has_a_lock_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "test.hcl").write_text("")
    (tmp_path / "dstream.lock.hcl").write_text(LOCK)
    assert load_project(tmp_path / "test.hcl", parse=parse_here).locked is None
    (tmp_path / "test.lock.hcl").write_text(LOCK)
    assert load_project(tmp_path / "test.hcl", parse=parse_here).locked


def test_a_lock_with_the_marks_of_a_merge_says_how_to_have_another(load: Load, tmp_path: Path) -> None:
    (tmp_path / "dstream.lock.hcl").write_text("<<<<<<< HEAD\n" + LOCK)
    with pytest.raises(ConfigError) as caught:
        load("")
    assert caught.value.code == "lock.invalid"
    assert caught.value.where.file == str(tmp_path / "dstream.lock.hcl")
    assert "`dstream providers lock`" in str(caught.value.hint)


def test_an_error_in_the_configuration_is_not_the_locks(load: Load, tmp_path: Path) -> None:
    (tmp_path / "dstream.lock.hcl").write_text(LOCK)
    with pytest.raises(ConfigError) as caught:
        load("task {")
    assert caught.value.code == "config.syntax"


def test_the_uses_of_a_file_need_none_of_its_secrets(load: Load) -> None:
    uses = list(load(TASK).uses())
    assert [(use.task, use.role, use.kind, use.reference, use.platform) for use in uses[:2]] == [
        ("orders", "input", "image", "registry.test/in:1", "linux/arm64"),
        ("orders", "output", "ref", "registry.test/out:1", None),
    ]
    assert (uses[2].kind, uses[2].role) == ("path", "output")
    assert uses[0].where.line == 6


def test_a_use_that_names_no_provider_is_an_error_at_its_place(load: Load) -> None:
    with pytest.raises(ConfigError) as caught:
        list(load(TASK.replace('provider_image = "registry.test/in:1"', "")).uses())
    assert caught.value.code == "config.no_provider"
    assert caught.value.where.line == 5
