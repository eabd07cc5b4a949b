"""What `dstream providers pull` shows: bars, two lines for each reference, events or nothing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import EXIT_CONFIG, EXIT_DONE
from tests.cli.test_terminal import on_a_terminal
from tests.fakes.engine_api import EngineApi, Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Project

REFERENCES = ("ghcr.io/katasec/counter:v1", "ghcr.io/katasec/console:v1")
DIGEST = "sha256:" + "ab" * 32
TASK = 'task "{}" {{\n  input {{ provider_image = "{}" }}\n  output {{ provider_image = "{}" }}\n}}\n'


def inspect(request: Request) -> None:
    name = request.path.partition("/images/")[2].rpartition("/json")[0].replace("%2F", "/").rpartition(":")[0]
    platform = {"Os": "linux", "Architecture": "amd64"}
    request.json(200, {"Id": "sha256:1", **platform, "Config": {}, "RepoDigests": [f"{name}@{DIGEST}"]})


@pytest.fixture
def pulling(project: Project) -> Iterator[Project]:
    """Two images, each of which is pulled only once the other is asked for as well."""
    project.write(TASK.format("orders", *REFERENCES))
    both = threading.Barrier(2)

    def pull(request: Request) -> None:
        both.wait(timeout=30)
        layer = {"id": "dfdefa236844"}
        request.chunks(
            {"status": "Pulling from katasec", "id": "v1"},
            {"status": "Pulling fs layer", **layer},
            {"status": "Downloading", "progressDetail": {"current": 1_000_000, "total": 2_000_000}, **layer},
            {"status": "Pull complete", **layer},
        )
        request.last_chunk()

    with EngineApi(project.folder / "no-engine.sock", inspect=inspect, pull=pull):
        yield project


def test_lines_where_nobody_watches(pulling: Project) -> None:
    done = pulling.run("providers", "pull", "--all")
    assert done.code == EXIT_DONE, done.stderr
    assert done.stdout == "".join(f"{reference}  {DIGEST}\n" for reference in REFERENCES)
    told = [f"{what} {reference}" for reference in REFERENCES for what in ("pulling", "pulled")]
    assert sorted(done.stderr.splitlines()) == sorted(line + " (2.0 MB)" * line.startswith("pulled") for line in told)


def test_what_is_here_already_is_not_said_to_be_0_bytes(project: Project) -> None:
    project.write(TASK.format("orders", *REFERENCES))

    def pull(request: Request) -> None:
        request.chunks({"status": "Pulling from katasec", "id": "v1"}, {"status": f"Digest: {DIGEST}"})
        request.last_chunk()

    with EngineApi(project.folder / "no-engine.sock", inspect=inspect, pull=pull):
        done = project.run("providers", "pull", "--all")
    assert done.code == EXIT_DONE, done.stderr
    assert f"pulled {REFERENCES[0]}: nothing to transfer\n" in done.stderr


def test_a_bar_for_each_on_a_terminal(pulling: Project) -> None:
    shown = on_a_terminal(pulling, "providers", "pull", "--all")
    assert "━" in shown
    for reference in REFERENCES:
        assert f"  {reference} \x1b" in shown
        assert f"{reference}  {DIGEST}" in shown


def test_a_bar_shows_an_address_in_brackets_as_it_is(project: Project) -> None:
    name = "[fe80::1]:5000/katasec/counter"
    project.write(TASK.format("orders", f"{name}:v1", f"{name}:v1"))

    def here(request: Request) -> None:
        request.json(
            200, {"Id": "sha256:1", "Os": "linux", "Architecture": "amd64", "RepoDigests": [f"{name}@{DIGEST}"]}
        )

    def pull(request: Request) -> None:
        request.chunks({"status": "Pulling from katasec", "id": "v1"}, {"status": f"Digest: {DIGEST}"})
        request.last_chunk()

    with EngineApi(project.folder / "no-engine.sock", inspect=here, pull=pull):
        shown = on_a_terminal(project, "providers", "pull", "--all")
    assert f"  {name}:v1 \x1b" in shown


def test_events_for_programs(pulling: Project) -> None:
    events = pulling.run("providers", "pull", "--all", "--json").events
    ended = {event["reference"]: event["digest"] for event in events if event["event"] == "pulled"}
    assert ended == dict.fromkeys(REFERENCES, DIGEST)
    assert {event["reference"] for event in events if event["event"] == "pull"} == set(REFERENCES)


def test_nothing_when_quiet(pulling: Project) -> None:
    done = pulling.run("providers", "pull", "--all", "--quiet")
    assert (done.code, done.stdout, done.stderr) == (EXIT_DONE, "", "")


def test_a_reference_that_is_none_fails_at_its_line(project: Project) -> None:
    project.write(TASK.format("orders", "a//b", REFERENCES[0]))
    done = project.run("providers", "pull", "--all", "--json")
    assert done.code == EXIT_CONFIG
    assert (done.events[-1]["code"], done.events[-1]["where"]["line"]) == ("reference.invalid", 2)
