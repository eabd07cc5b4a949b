"""`dstream doctor` before real engines, registries, disks and stores, each in a bad way."""

from __future__ import annotations

import json
import signal
import time
import uuid
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest
from docker import APIClient

from orchestrator.errors import EXIT_DONE, EXIT_ENVIRONMENT
from orchestrator.runtime.sandbox import LABEL_PROJECT, LABEL_RUN, LABEL_TASK
from orchestrator.state.sqlite import SqliteState
from tests.cli.conftest import PROVIDERS, Project
from tests.integration.runtime.conftest import import_image, remove_image
from tests.servers.failing_registry import FailingRegistry, Request, status
from tests.smalldisk import SmallDisk
from tests.streams import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orchestrator.runtime.base import ImageProgram
    from tests.servers.azurite import Azurite

pytestmark = pytest.mark.engine


@pytest.fixture
def project(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, engine: str) -> Project:
    project = Project(tmp_path, tmp_path_factory.mktemp("cache"))
    project.environ |= {"DOCKER_HOST": engine, "DSTREAM_CATALOGS": "[]"}
    return project


@pytest.fixture
def image(engine: str) -> Iterator[ImageProgram]:
    program = import_image(engine, 'ENTRYPOINT ["/bin/cat"]')
    yield program
    remove_image(engine, program)


@pytest.fixture
def registry() -> Iterator[FailingRegistry]:
    with FailingRegistry() as registry:
        yield registry


def of_image(project: Project, reference: str, *, pull: str = "missing") -> None:
    """A task whose input is this image."""
    project.write(
        f'task "orders" {{\n  input {{\n    provider_image = "{reference}"\n'
        f'    pull = "{pull}"\n    protocol = 1\n  }}\n'
        f'  output {{\n    provider_path = "{PROVIDERS}/lines.py"\n    protocol = 1\n  }}\n}}\n'
    )


def findings(project: Project, check: str, *, code: int = EXIT_DONE) -> list[dict[str, Any]]:
    """What one check found; the command exits with `code`."""
    done = project.run("doctor", "--json")
    assert done.code == code, done.stdout
    return [one for one in done.events if one.get("check") == check]


def test_an_engine_tells_what_it_is_and_a_container_starts_and_goes(
    project: Project, engine: str, image: ImageProgram
) -> None:
    of_image(project, image.reference, pull="never")
    done = project.run("doctor", "--json")
    assert done.code == EXIT_DONE, done.stdout
    told = {one["check"]: one for one in done.events if "check" in one}
    assert told["engine"]["what"].startswith("Docker Engine ")
    assert (told["engine"]["severity"], told["engine"]["where"]) == ("ok", engine)
    assert told["start"]["what"] == "a container was started, attached and removed"
    api = APIClient(base_url=engine)
    try:
        assert api.containers(all=True, filters={"ancestor": image.reference}) == []
    finally:
        api.close()
    assert any("free for images" in one["what"] for one in done.events if one.get("check") == "disk")
    assert told["clock"]["what"] == "compared with the engine"


def test_a_container_that_cannot_start_is_told_as_a_run_would_tell_it(project: Project, engine: str) -> None:
    program = import_image(engine, 'ENTRYPOINT ["/bin/nobody"]')
    try:
        of_image(project, program.reference, pull="never")
        (found,) = findings(project, "start", code=EXIT_ENVIRONMENT)
        assert (found["severity"], "exited 127 at once" in found["what"]) == ("failed", True)
    finally:
        remove_image(engine, program)


def test_a_registry_that_refuses_is_told_with_the_line_and_the_way_to_log_in(
    project: Project, registry: FailingRegistry
) -> None:
    of_image(project, registry.reference)
    registry.usual = status(401, "authentication required")
    (found,) = findings(project, "registries", code=EXIT_ENVIRONMENT)
    assert (found["severity"], found["where"]) == ("failed", "dstream.hcl:3")
    assert "refuses access" in found["what"]
    assert f"docker login {registry.address}" in found["remedy"]


def test_a_registry_that_fails_is_a_warning_where_the_image_is_here(
    project: Project, engine: str, image: ImageProgram, registry: FailingRegistry
) -> None:
    api = APIClient(base_url=engine)
    try:
        api.tag(image.reference, registry.reference.rpartition(":")[0], "v1")
        of_image(project, registry.reference)
        registry.usual = status(404)
        (found,) = findings(project, "registries")
        assert (found["severity"], found["what"].endswith("it is on this host already")) == ("warning", True)
        api.remove_image(registry.reference)
    finally:
        api.close()
    (found,) = findings(project, "registries", code=EXIT_ENVIRONMENT)
    assert found["severity"] == "failed"


def test_what_registries_serve_is_counted_and_a_catalog_that_fails_is_needed_by_no_run(
    project: Project, registry: FailingRegistry
) -> None:
    registry.hold({"layers": []})
    of_image(project, registry.reference)
    project.environ["DSTREAM_CATALOGS"] = json.dumps([f"{registry.address}/t/dstream-catalog"])
    served, missing = findings(project, "registries")
    assert (served["severity"], served["what"]) == ("ok", f"{registry.address} serves 1 of 2 that are named")
    assert (missing["severity"], missing["where"]) == ("warning", "the setting `catalogs`")


@pytest.mark.parametrize(("seconds", "severity"), [(-20, "warning"), (3600, "failed")])
def test_a_clock_that_is_off_is_told_by_a_registrys_answers(
    project: Project, registry: FailingRegistry, monkeypatch: pytest.MonkeyPatch, seconds: int, severity: str
) -> None:
    monkeypatch.setattr(Request, "date_time_string", lambda self: formatdate(time.time() + seconds, usegmt=True))
    registry.hold({"layers": []})
    of_image(project, registry.reference)
    found, compared = findings(project, "clock", code=EXIT_DONE if severity == "warning" else EXIT_ENVIRONMENT)
    assert (found["severity"], found["where"]) == (severity, registry.address)
    assert ("ahead of" if seconds < 0 else "behind") in found["what"]
    assert compared["what"] == f"compared with the engine, {registry.address}"


def test_a_full_disk_is_told_for_the_folder_that_is_on_it(project: Project) -> None:
    project.task()
    with SmallDisk(project.folder / ".dstream", 1 << 20) as disk:
        disk.fill()
        found = [one for one in findings(project, "disk", code=EXIT_ENVIRONMENT) if one["severity"] != "ok"]
        assert [(one["severity"], one["where"]) for one in found] == [("failed", str(disk.folder))]
        assert "only 0.00 GB" in found[0]["what"]
        (stored, *_) = findings(project, "state", code=EXIT_ENVIRONMENT)
        assert (stored["severity"], stored["what"]) == ("failed", "nothing can be stored: No space left on device")


def test_a_disk_without_inodes_is_full(project: Project) -> None:
    project.task()
    with SmallDisk(project.folder / ".dstream", 1 << 31, inodes=20) as disk:
        found = [one for one in findings(project, "disk", code=EXIT_ENVIRONMENT) if one["severity"] != "ok"]
        assert [(one["severity"], one["where"]) for one in found] == [("failed", str(disk.folder))]


def test_what_a_killed_run_left_is_told_until_a_command_has_cleaned_up(
    project: Project, engine: str, image: ImageProgram
) -> None:
    """Its guard was killed too."""
    project.task(config="count = 1")
    state = SqliteState(project.folder / ".dstream" / "state.db")
    identity = state.project
    state.claim("orders", "R1", ["image"])
    state.close()
    api = APIClient(base_url=engine)
    try:
        labels = {LABEL_PROJECT: identity, LABEL_TASK: "orders", LABEL_RUN: "R1"}
        api.create_container(image.reference, labels=labels)
        (found,) = findings(project, "leftovers")
        assert (found["severity"], found["what"]) == (
            "warning",
            "1 container of a killed run of task `orders` still there",
        )
        assert "dstream run orders" in found["remedy"]
        assert [one["severity"] for one in findings(project, "locks")] == ["warning"]
        assert project.run("run", "orders", "--quiet").code == EXIT_DONE
        assert [one["severity"] for one in findings(project, "leftovers")] == ["ok"]
        assert [one["severity"] for one in findings(project, "locks")] == ["ok"]
        assert api.containers(all=True, filters={"label": f"{LABEL_PROJECT}={identity}"}) == []
    finally:
        api.close()


def test_a_run_that_stands_still_does_not_answer(project: Project) -> None:
    project.task(config="interval = 0.05")
    with project.started("run", "orders", "--quiet") as run:
        until(lambda: project.run("--json", "ps").events[0]["state"] == "running", "it runs, and answers")
        run.send_signal(signal.SIGSTOP)
        (found,) = findings(project, "locks")
        run.send_signal(signal.SIGCONT)
        run.send_signal(signal.SIGTERM)
    assert (found["severity"], "which does not answer" in found["what"]) == ("warning", True)
    assert f"kill -9 {run.pid}" in found["remedy"]


def test_shared_state_is_looked_at_where_it_is(project: Project, azurite: Azurite) -> None:
    project.task()
    container = f"state-{uuid.uuid4().hex[:12]}"
    block = f'state "azure_blob" {{\n  connection_string = env("STATE")\n  container = "{container}"\n}}\n'
    project.write(block + project.file.read_text())
    unset = [one["severity"] for one in findings(project, "state")]
    assert unset == ["ok", "warning"]
    project.environ["STATE"] = azurite.connection_string
    assert [one["what"] for one in findings(project, "state")][1] == "the shared state answers"
    project.environ["STATE"] = azurite.connection_string.replace("AccountKey=", "AccountKey=AAAA")
    _, refused = findings(project, "state", code=EXIT_ENVIRONMENT)
    assert (refused["severity"], "connection_string" in refused["remedy"]) == ("failed", True)
