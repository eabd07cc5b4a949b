"""`provider_ref` as a user has it: run, locked, out of reach of the registry, moved to something else, pruned."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import EXIT_CONFIG, EXIT_DONE, EXIT_ENVIRONMENT
from orchestrator.registry.client import RegistryClient
from orchestrator.registry.image import host_platform
from tests.cli.conftest import PROVIDERS, Project
from tests.servers.artifacts import original_files, publish_by_platform, publish_files
from tests.servers.described import description, publish_described
from tests.servers.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HERE = host_platform()
NUMBERS = (PROVIDERS / "numbers.py").read_bytes()
LINES = (PROVIDERS / "lines.py").read_bytes()
INPUT = description("numbers", capabilities=["checkpoint"])
OUTPUT = description("lines", role="output", capabilities=["ack"])


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def project(tmp_path: Path, cache: Path) -> Project:
    return Project(tmp_path, cache)


@pytest.fixture
def client() -> Iterator[RegistryClient]:
    with RegistryClient(deadline=5.0) as client:
        yield client


def joined(project: Project, namespace: str, *, count: int = 20) -> None:
    project.write(
        f'task "orders" {{\n'
        f'  input {{\n    provider_ref = "{namespace}/numbers:v1"\n    config {{ count = {count} }}\n  }}\n'
        f'  output {{\n    provider_ref = "{namespace}/lines:v1"\n  }}\n'
        "}\n"
    )


def values(first: int, last: int) -> list[str]:
    """What the output prints of these records."""
    return [f"value {number}" for number in range(first, last + 1)]


def published(client: RegistryClient, namespace: str) -> tuple[str, str]:
    """An input in the better form and an output in the original's: their digests."""
    return (
        publish_by_platform(client, f"{namespace}/numbers:v1", {HERE: NUMBERS}, description=json.dumps(INPUT).encode()),
        publish_files(client, f"{namespace}/lines:v1", original_files({HERE: LINES}, json.dumps(OUTPUT).encode())),
    )


def test_both_forms_are_pulled_and_run_and_run_again_with_the_registry_stopped(
    project: Project, client: RegistryClient, tmp_path: Path
) -> None:
    with Registry(tmp_path / "data", "refs") as registry:
        digests = published(client, f"{registry.address}/team")
        joined(project, f"{registry.address}/team")
        first = project.run("run", "orders")
        assert (first.code, first.stdout.splitlines()) == (EXIT_DONE, values(1, 20))
        assert [f"@{digest}" in first.stderr for digest in digests] == [True, True]
    joined(project, f"{registry.address}/team", count=25)
    again = project.run("run", "orders")
    assert (again.code, again.stdout.splitlines()) == (EXIT_DONE, values(21, 25))
    assert "pull" not in again.stderr
    missing = project.run("run", "orders", "--pull", "always")
    assert missing.code == EXIT_ENVIRONMENT
    assert "registry.unreachable" in missing.stderr
    assert "dstream.hcl:3" in missing.stderr


def test_a_tag_that_became_an_image_is_refused_at_its_line_and_never_run(
    project: Project, client: RegistryClient, registry: str
) -> None:
    namespace = f"{registry}/moved"
    published(client, namespace)
    joined(project, namespace)
    assert project.run("run", "orders").code == EXIT_DONE
    publish_described(client, f"{namespace}/numbers:v1", INPUT, platforms=(HERE, "linux/s390x"))
    done = project.run("run", "orders", "--pull", "always")
    assert done.code == EXIT_CONFIG
    assert "error[provider.kind]" in done.stderr
    assert "dstream.hcl:3" in done.stderr
    assert "provider_image" in done.stderr


@pytest.mark.parametrize(
    ("attribute", "other"), [("provider_ref", "provider_image"), ("provider_image", "provider_ref")]
)
def test_what_is_of_the_other_kind_is_not_locked(
    project: Project, client: RegistryClient, registry: str, attribute: str, other: str
) -> None:
    namespace = f"{registry}/{attribute}"
    published(client, namespace)
    joined(project, namespace)
    if attribute == "provider_ref":
        publish_described(client, f"{namespace}/numbers:v1", INPUT)
    else:
        project.write(project.file.read_text().replace("provider_ref", "provider_image", 1))
    done = project.run("providers", "lock")
    assert done.code == EXIT_CONFIG
    assert ["error[provider.kind]" in done.stderr, "dstream.hcl:3" in done.stderr, other in done.stderr] == [True] * 3
    assert not project.file.with_name("dstream.lock.hcl").exists()


def test_prune_removes_what_was_pulled_and_leaves_what_a_run_is_using(
    project: Project, client: RegistryClient, registry: str
) -> None:
    namespace = f"{registry}/pruned"
    digests = published(client, namespace)
    joined(project, namespace)
    project.run("providers", "prune", "--all")
    project.write(project.file.read_text().replace("count = 20", "interval = 0.05"))
    with project.started("run", "orders") as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "value 1\n"
        busy = project.run("--json", "providers", "prune", "--all").events[0]
        running.terminate()
        running.communicate(timeout=60)
    assert (busy["removed"], sorted(one["digest"] for one in busy["in_use"])) == ([], sorted(digests))
    idle = project.run("providers", "prune", "--all")
    assert idle.code == EXIT_DONE
    assert [f"removed {namespace}/numbers:v1 {HERE} {digests[0]}" in idle.stdout, "freed" in idle.stdout] == [True] * 2
    assert project.run("providers", "prune", "--all").stdout == "nothing to remove\n"
