"""`validate` reads every provider's schema through a real registry: no engine is there, and nothing is pulled."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.errors import EXIT_CONFIG, EXIT_DONE, EXIT_ENVIRONMENT
from orchestrator.registry.client import RegistryClient
from tests.cli.conftest import Done, Project
from tests.servers.described import description, publish_described
from tests.servers.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "interval": {"type": "integer", "minimum": 0},
        "password": {"type": "string", "writeOnly": True, "minLength": 12},
    },
}
SOURCE = description("counter", config_schema=SCHEMA)
SINK = description("sink", role="output", config_schema={"required": ["queue"]})


@pytest.fixture(scope="module")
def client() -> Iterator[RegistryClient]:
    with RegistryClient(deadline=5.0) as client:
        yield client


@pytest.fixture
def registry(tmp_path: Path, client: RegistryClient) -> Iterator[Registry]:
    with Registry(tmp_path / "data", "validated") as registry:
        publish_described(client, f"{registry.address}/in:v1", SOURCE, platforms=("linux/amd64", "linux/arm64"))
        publish_described(client, f"{registry.address}/out:v1", SINK, artifact=True)
        publish_described(client, f"{registry.address}/legacy:v1", None)
        yield registry


@pytest.fixture
def project(tmp_path: Path, registry: Registry, cache: Path) -> Project:
    """With a valid file, on a host that has seen none of the providers yet."""
    shutil.rmtree(cache / "dstream" / "content", ignore_errors=True)
    project = Project(tmp_path, cache)
    write(project, registry, "interval = 5", 'queue = "orders"')
    return project


def write(project: Project, registry: Registry, source: str, sink: str) -> None:
    project.write(f"""task "orders" {{
  input {{
    provider_image = "{registry.address}/in:v1"
    config {{
      {source}
    }}
  }}
  output {{
    provider_ref = "{registry.address}/out:v1"
    config = {{ {sink} }}
  }}
}}
""")


def findings(done: Done) -> list[tuple[str, str, int | None]]:
    return [
        (event["code"], event["where"]["file"], event["where"].get("line"))
        for event in done.events
        if event["event"] == "error"
    ]


def outcome(done: Done) -> dict[str, Any]:
    """The last event, which says how it went."""
    return done.events[-1]


def test_a_config_that_fits_is_valid(project: Project) -> None:
    done = project.run("validate", "--json")
    assert done.code == EXIT_DONE, done.stderr
    assert (outcome(done)["event"], outcome(done)["unchecked"]) == ("valid", [])


def test_every_finding_of_every_provider_is_reported_at_its_line(project: Project, registry: Registry) -> None:
    write(project, registry, 'intervall = 5\n      password = "hunter2"', "")
    done = project.run("validate", "--json")
    assert done.code == EXIT_CONFIG
    assert findings(done) == [
        ("config.unknown_attribute", "dstream.hcl", 5),
        ("config.value", "dstream.hcl", 6),
        ("config.missing_attribute", "dstream.hcl", 11),
    ]
    assert done.events[0]["hint"] == "did you mean `interval`?"
    assert (outcome(done)["event"], outcome(done)["errors"]) == ("invalid", 3)

    people = project.run("validate").stderr
    assert people.count("error[") == 3
    assert "--> dstream.hcl:5:7" in people
    assert "dstream.hcl is not valid: 3 errors" in people
    assert "hunter2" not in people


def test_a_mistake_in_one_task_hides_none_in_another(project: Project) -> None:
    project.write(project.file.read_text().replace("interval", "intervall") + 'task "broken" {}\n')
    assert [code for code, *_ in findings(project.run("validate", "--json"))] == [
        "config.unknown_attribute",
        "config.missing_input",
        "config.missing_output",
    ]


def test_the_wrong_kind_behind_an_attribute_names_the_right_one(project: Project, registry: Registry) -> None:
    text = project.file.read_text()
    project.write(text.replace("provider_image", "provider_").replace("provider_ref", "provider_image")
                  .replace("provider_ =", "provider_ref ="))  # fmt: skip
    done = project.run("validate", "--json")
    assert findings(done) == [("provider.kind", "dstream.hcl", 3), ("provider.kind", "dstream.hcl", 9)]
    assert ["`provider_image`" in done.events[0]["hint"], "`provider_ref`" in done.events[1]["hint"]] == [True, True]


def test_a_provider_on_the_wrong_side_is_found(project: Project, registry: Registry) -> None:
    project.write(project.file.read_text().replace("/out:v1", "/in:v1").replace("provider_ref", "provider_image"))
    assert ("provider.role", "dstream.hcl", 9) in findings(project.run("validate", "--json"))


def test_what_announces_nothing_is_said_not_to_be_checked(project: Project, registry: Registry) -> None:
    project.write(project.file.read_text().replace("/in:v1", "/legacy:v1"))
    done = project.run("validate", "--json")
    assert done.code == EXIT_DONE
    reference = f"{registry.address}/legacy:v1"
    assert outcome(done)["unchecked"] == [{"provider": reference, "why": "it announces nothing"}]
    assert f"not checked: the config of `{reference}`: it announces nothing" in project.run("validate").stderr


def test_a_local_executable_is_checked_by_the_file_beside_it(project: Project, tmp_path: Path) -> None:
    (tmp_path / "provider.json").write_text('{"name":"mine","role":"input","protocol":1,"config_schema":false}')
    for program in (tmp_path / "mine", tmp_path / "other" / "mine"):
        program.parent.mkdir(exist_ok=True)
        program.touch(mode=0o755)
    project.write('task "t" {\n input { provider_path = "./mine" }\n output { provider_path = "./other/mine" }\n}\n')
    assert findings(project.run("validate", "--json")) == [("provider.description", "dstream.hcl", 2)]


def test_offline_skips_what_is_not_known_here_and_asks_nobody(project: Project, registry: Registry) -> None:
    registry.stop()
    done = project.run("validate", "--offline", "--json")
    assert done.code == EXIT_DONE
    assert [one["why"] for one in outcome(done)["unchecked"]] == ["it is not known on this host"] * 2


def test_a_registry_that_cannot_be_reached_is_an_error_that_names_the_way_on(
    project: Project, registry: Registry
) -> None:
    registry.stop()
    done = project.run("validate", "--json")
    assert done.code == EXIT_ENVIRONMENT
    assert [code for code, *_ in findings(done)] == ["registry.unreachable"] * 2
    assert "`--offline`" in done.events[0]["hint"]


def test_what_is_locked_is_checked_without_the_registry_once_it_was_seen(project: Project, registry: Registry) -> None:
    write(project, registry, "intervall = 5", "")
    assert project.run("providers", "lock").code == EXIT_DONE
    assert len(findings(project.run("validate", "--json"))) == 2
    registry.stop()
    assert len(findings(project.run("validate", "--json", "--locked"))) == 2
    assert len(findings(project.run("validate", "--json", "--offline"))) == 2


def test_the_locked_version_is_the_one_that_is_checked(
    project: Project, registry: Registry, client: RegistryClient
) -> None:
    assert project.run("providers", "lock").code == EXIT_DONE
    publish_described(client, f"{registry.address}/in:v1", SOURCE | {"config_schema": {"required": ["new"]}})
    assert project.run("validate").code == EXIT_DONE
    project.folder.joinpath("dstream.lock.hcl").unlink()
    assert [code for code, *_ in findings(project.run("validate", "--json"))] == ["config.missing_attribute"]


def test_content_that_was_altered_on_this_host_is_not_believed(
    project: Project, registry: Registry, cache: Path
) -> None:
    write(project, registry, "interval = -5", 'queue = "orders"')
    assert project.run("providers", "lock").code == EXIT_DONE
    assert len(findings(project.run("validate", "--json"))) == 1
    for file in (cache / "dstream" / "content").iterdir():
        file.write_bytes(file.read_bytes().replace(b"minimum", b"MINIMUM"))
    offline = project.run("validate", "--offline", "--json")
    assert (findings(offline), len(outcome(offline)["unchecked"])) == ([], 1)
    assert len(findings(project.run("validate", "--json"))) == 1
    assert len(findings(project.run("validate", "--offline", "--json"))) == 1
