"""What a task takes from the environment, and credentials that stand in for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.config import load_project
from orchestrator.config.environment import Needs, needs
from orchestrator.config.hcl import parse
from orchestrator.config.source import Source
from orchestrator.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

FILE = """
variable "region" {}
variable "unused" {}
variable "size" { default = env("SIZE") }
locals {
  base   = env("BASE")
  url    = "${local.base}/${var.region}"
  other  = env("OTHER_TASK")
}
state "azure_blob" {
  connection_string = env("STATE")
  container         = "c"
}
task "orders" {
  input {
    provider_path = "./in"
    config {
      url   = local.url
      size  = var.size
      old   = "{{ env "TEMPLATE" }}"
      never = false ? env("BRANCH") : env("FALLBACK", "none")
      both  = [env("BASE", "default"), jsonencode({ a = env("NESTED") })]
    }
  }
  output { provider_path = "./out" }
}
task "others" {
  input {
    provider_path = "./in"
    config { x = local.other }
  }
  output { provider_path = "./out" }
}
"""


def test_a_task_needs_what_it_reaches_and_nothing_that_only_others_do(tmp_path: Path) -> None:
    found = needs(parse(Source("dstream.hcl", FILE, tmp_path)), "orders")
    assert found == Needs(
        secrets=("BASE", "BRANCH", "NESTED", "SIZE", "STATE", "TEMPLATE"),
        optional=("FALLBACK",),
        variables=("DSTREAM_VAR_region",),
    )


def test_a_local_whose_name_is_computed_may_be_any(tmp_path: Path) -> None:
    text = 'locals {\n a = env("A")\n b = local.a\n}\ntask "t" {\n x = local[env("WHICH")]\n}\n'
    assert needs(parse(Source("dstream.hcl", text, tmp_path)), "t").secrets == ("A", "WHICH")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dstream.hcl").write_text(
        'task "t" {\n  input {\n    provider_path = "./in"\n    config { password = env("PASSWORD") }\n  }\n'
        '  output { provider_path = "./out" }\n}\n'
    )
    (tmp_path / "credentials").mkdir()
    return tmp_path


def password(folder: Path, **environ: str) -> tuple[object, frozenset[str]]:
    environ = {"CREDENTIALS_DIRECTORY": str(folder / "credentials"), **environ}
    spec = load_project(folder / "dstream.hcl", environ=environ).task("t").input
    return spec.config["password"], spec.secrets


@pytest.mark.parametrize("written", ["hunter2!", "hunter2!\n", "hunter2!\r\n"])
def test_a_credential_of_systemd_stands_in_for_a_variable_and_is_secret(folder: Path, written: str) -> None:
    (folder / "credentials" / "PASSWORD").write_bytes(written.encode())
    assert password(folder) == ("hunter2!", frozenset({"hunter2!"}))


def test_a_variable_goes_before_a_credential(folder: Path) -> None:
    (folder / "credentials" / "PASSWORD").write_text("from the file")
    assert password(folder, PASSWORD="from outside")[0] == "from outside"


def test_without_either_the_variable_is_what_is_missing(folder: Path) -> None:
    with pytest.raises(ConfigError, match="environment variable `PASSWORD` is not set"):
        password(folder)


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "..", "."])
def test_no_name_leads_out_of_the_folder_of_credentials(folder: Path, name: str) -> None:
    (folder / "outside").write_text("not a credential")
    file = folder / "dstream.hcl"
    file.write_text(file.read_text().replace("PASSWORD", name))
    with pytest.raises(ConfigError, match="is not set"):
        password(folder)
