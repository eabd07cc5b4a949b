"""What a pull looks like: bars, lines, events or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import EXIT_ENVIRONMENT
from tests.cli.test_terminal import on_a_terminal
from tests.fakes.engine_api import EngineApi, Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Project

REFERENCE = "ghcr.io/katasec/counter:v1"
DIGEST = "sha256:" + "ab" * 32


def inspect(request: Request) -> None:
    if "/containers/json" in request.path:
        request.json(200, [])
    elif len(request.server.requests) == 0:
        request.json(404, {"message": "No such image"})
    else:
        request.json(200, {"Id": "sha256:1", "Os": "linux", "Architecture": "amd64", "Config": {}})


def pull(request: Request) -> None:
    if "/images/create" not in request.path:
        request.json(500, {"message": "no more containers today"})
        return
    layer = {"id": "dfdefa236844"}
    request.chunks(
        {"status": "Pulling from katasec/counter", "id": "v1"},
        {"status": "Pulling fs layer", **layer},
        {"status": "Downloading", "progressDetail": {"current": 1_000_000, "total": 2_000_000}, **layer},
        {"status": "Pull complete", **layer},
        {"status": f"Digest: {DIGEST}"},
    )
    request.last_chunk()


@pytest.fixture
def pulling(project: Project) -> Iterator[Project]:
    """A project whose engine pulls well, and then refuses to run anything."""
    project.write(
        f'task "orders" {{\n  input {{ provider_image = "{REFERENCE}" }}\n'
        f'  output {{ provider_image = "{REFERENCE}" }}\n}}\n'
    )
    with EngineApi(project.folder / "no-engine.sock", inspect=inspect, pull=pull):
        yield project


def test_lines_where_nobody_watches(pulling: Project) -> None:
    done = pulling.run("run", "orders")
    assert done.code == EXIT_ENVIRONMENT
    assert f"pulling {REFERENCE}\n  layer dfdefa236844 complete (2.0 MB)\npulled {REFERENCE}@{DIGEST}\n" in done.stderr
    assert "error[engine.refused]" in done.stderr
    assert "no more containers today" in done.stderr


def test_bars_on_a_terminal(pulling: Project) -> None:
    shown = on_a_terminal(pulling, "run", "orders")
    assert "dfdefa236844" in shown
    assert "━" in shown
    assert f"pulled {REFERENCE}@{DIGEST}" in shown


def test_events_for_programs(pulling: Project) -> None:
    events = [event for event in pulling.run("run", "orders", "--json").events if event["event"] == "pull"]
    assert events[2] == {
        "event": "pull",
        "reference": REFERENCE,
        "layer": "dfdefa236844",
        "status": "Downloading",
        "current": 1_000_000,
        "total": 2_000_000,
    }


def test_nothing_when_quiet(pulling: Project) -> None:
    done = pulling.run("run", "orders", "--quiet")
    assert done.stderr.startswith("error[engine.refused]")
