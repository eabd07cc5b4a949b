"""`validate` believes what a run would take, and on this host that is the engine's image."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dstream_sdk.protocol import LABEL
from tests.fakes.engine_api import EngineApi, Request

if TYPE_CHECKING:
    from tests.cli.conftest import Project

SCHEMA = {"properties": {"interval": {"type": "integer"}}}
DESCRIPTION = {"name": "counter", "role": "both", "protocol": 1, "config_schema": SCHEMA}


def inspect(request: Request) -> None:
    config = {"Labels": {LABEL: json.dumps(DESCRIPTION)}}
    request.json(200, {"Id": "sha256:1", "Os": "linux", "Architecture": "amd64", "Config": config})


@pytest.fixture
def built_here(project: Project) -> Project:
    """A project whose provider was built on this host, and is in no registry."""
    project.write(
        'task "orders" {\n  input {\n    provider_image = "registry.test/counter:dev"\n'
        '    config { interval = "often" }\n  }\n'
        '  output { provider_image = "registry.test/counter:dev" }\n}\n'
    )
    return project


@pytest.mark.parametrize("options", [[], ["--offline"]], ids=["online", "offline"])
def test_an_image_that_the_engine_has_is_checked_without_its_registry(built_here: Project, options: list[str]) -> None:
    with EngineApi(built_here.folder / "no-engine.sock", inspect=inspect):
        done = built_here.run("validate", "--json", *options)
    assert done.code == 3
    assert [event.get("message") for event in done.events] == ["`interval` is a text, not a whole number", None]
    assert done.events[0]["where"]["line"] == 4


def test_what_every_run_pulls_anew_is_not_looked_for_on_the_engine(built_here: Project) -> None:
    built_here.environ["DSTREAM_PULL"] = "always"
    with EngineApi(built_here.folder / "no-engine.sock", inspect=inspect):
        done = built_here.run("validate", "--json", "--offline")
    assert done.code == 0
    assert [one["why"] for one in done.events[0]["unchecked"]] == ["it is not known on this host"]


def test_several_mistakes_are_told_apart_by_people(built_here: Project) -> None:
    built_here.write(built_here.file.read_text() + 'task "a" {}\ntask "b" {}\n')
    done = built_here.run("validate", "--offline", "--quiet")
    assert (done.code, done.stdout) == (3, "")
    assert "\n\nerror[config.missing_input]" in done.stderr
    assert done.stderr.count("error[config.missing_input]") == done.stderr.count("error[config.missing_output]") == 2


def test_all_that_is_wrong_in_one_task_is_told_at_once(project: Project) -> None:
    project.write(
        'task "orders" {\n  input {\n    provider_pat = "./a"\n    mem = "1g"\n  }\n'
        '  output {\n    provider_path = "./b"\n    config { password = env("DSTREAM_NOT_SET") }\n  }\n'
        '  restart { policy = "sometimes" }\n}\n'
    )
    wrong = [
        ("config.unknown_attribute", 3),
        ("config.unknown_attribute", 4),
        ("config.unset_env", 8),
        ("config.type", 10),
    ]
    for verb in (["validate"], ["run", "orders"]):
        done = project.run(*verb, "--json")
        assert done.code == 3
        told = [(event["code"], event["where"]["line"]) for event in done.events if event["event"] == "error"]
        assert told == wrong


def test_a_file_without_tasks_is_valid_and_says_that_it_has_none(project: Project) -> None:
    project.write("")
    assert project.run("validate").stdout == "dstream.hcl is valid: 0 tasks\n"


def test_an_executable_that_is_not_there_is_told_before_a_run_looks_for_it(project: Project) -> None:
    (project.folder / "plain").touch()
    project.write(
        'task "orders" {\n  input { provider_path = "./nowhere" }\n  output { provider_path = "./plain" }\n}\n'
    )
    done = project.run("validate", "--json")
    assert done.code == 3
    told = [(event["code"], event["where"]["line"]) for event in done.events[:-1]]
    assert told == [("provider.missing", 2), ("provider.not_executable", 3)]


def test_the_files_of_the_trust_block_are_read(project: Project) -> None:
    (project.folder / "garbage.pub").write_text("garbage")
    project.write(
        'trust {\n  namespace "a.test/x" { key = "nowhere.pub" }\n  namespace "a.test/y" { key = "garbage.pub" }\n'
        '  namespace "a.test/z" {\n    identity = "me"\n    issuer = "https://i.test"\n'
        '    trust_root = "nowhere.json"\n  }\n}\n'
    )
    done = project.run("validate", "--json")
    assert done.code == 3
    assert [event["code"] for event in done.events[:-1]] == ["trust.key", "trust.key", "trust.root"]
