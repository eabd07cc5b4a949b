"""Pulling, against an engine that misbehaves in ways a real one cannot be asked to."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import DstreamError, Where
from orchestrator.registry.pull import EngineImages, PullEvent
from tests.fakes.engine_api import EngineApi, Request

if TYPE_CHECKING:
    from pathlib import Path

REFERENCE = "r.example/t/x:v1"
IMAGE = {"Id": "sha256:1", "RepoDigests": [], "Os": "linux", "Architecture": "amd64", "Config": {}}


def absent(request: Request) -> None:
    request.json(404, {"message": "No such image: x"})


def present(request: Request) -> None:
    request.json(200, IMAGE)


def failure(host: str, *, timeout: float = 20, stall_timeout: float = 20) -> DstreamError:
    images = EngineImages(host, timeout=timeout, stall_timeout=stall_timeout)
    try:
        with pytest.raises(DstreamError) as caught:
            images.resolve(REFERENCE, where=Where(file="dstream.hcl", line=7))
    finally:
        images.close()
    assert (caught.value.where.line, caught.value.where.image) == (7, REFERENCE)
    return caught.value


def test_a_pull_without_any_progress_is_given_up(tmp_path: Path) -> None:
    def stall(request: Request) -> None:
        request.chunks({"status": "Downloading", "id": "a"})
        request.hang()

    with EngineApi(tmp_path / "e.sock", inspect=absent, pull=stall) as engine:
        error = failure(engine.host, stall_timeout=0.2)
    assert error.code == "image.stalled"
    assert "no progress for 0.2 s" in error.message


def test_an_engine_that_never_starts_the_pull_is_given_up(tmp_path: Path) -> None:
    with EngineApi(tmp_path / "e.sock", inspect=absent, pull=Request.hang) as engine:
        assert failure(engine.host, stall_timeout=0.2).code == "image.stalled"


@pytest.mark.parametrize("architecture", [{}, {"Architecture": ""}])
def test_an_artifact_that_an_engine_took_for_an_image_is_refused(tmp_path: Path, architecture: dict[str, str]) -> None:
    artifact = {"Id": "sha256:1", "RepoDigests": [], "Os": "", "Config": {}, **architecture}

    def finish(request: Request) -> None:
        request.chunks()
        request.server.answers["inspect"] = lambda asked: asked.json(200, artifact)
        request.last_chunk()

    with EngineApi(tmp_path / "e.sock", inspect=absent, pull=finish) as engine:
        assert failure(engine.host).code == "provider.kind"


def test_an_engine_that_hangs_is_given_up(tmp_path: Path) -> None:
    with EngineApi(tmp_path / "e.sock", inspect=Request.hang, pull=Request.hang) as engine:
        error = failure(engine.host, timeout=0.2)
    assert error.code == "engine.unreachable"
    assert engine.host in error.message


def test_an_error_in_the_middle_of_a_pull_is_the_registrys(tmp_path: Path) -> None:
    def break_off(request: Request) -> None:
        words = "error pulling image configuration: dial tcp: connection refused"
        request.chunks({"status": "Pulling", "id": "a"}, {"error": words, "errorDetail": {"message": words}})
        request.last_chunk()

    with EngineApi(tmp_path / "e.sock", inspect=absent, pull=break_off) as engine:
        assert failure(engine.host).code == "registry.unreachable"


def test_an_engine_that_dies_in_the_middle_of_a_pull_is_no_success(tmp_path: Path) -> None:
    def die(request: Request) -> None:
        request.chunks({"status": "Pulling", "id": "a"})
        request.close_connection = True

    with EngineApi(tmp_path / "e.sock", inspect=absent, pull=die) as engine:
        assert failure(engine.host).code in ("engine.unreachable", "image.pull_failed")


def test_an_engine_that_answers_nonsense_is_unreachable(tmp_path: Path) -> None:
    def nonsense(request: Request) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.write(b"<html>")
        request.close_connection = True

    with EngineApi(tmp_path / "e.sock", inspect=nonsense, pull=absent) as engine:
        assert failure(engine.host).code == "engine.unreachable"


def test_an_image_that_is_there_is_not_pulled(tmp_path: Path) -> None:
    with EngineApi(tmp_path / "e.sock", inspect=present, pull=Request.hang) as engine:
        images = EngineImages(engine.host)
        assert images.resolve(REFERENCE).image_id == "sha256:1"
        images.close()
        assert engine.requests == []


def test_credentials_of_docker_login_go_to_their_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    login = base64.b64encode(b"user:pass").decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"r.example": {"auth": login}}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    seen: list[PullEvent] = []

    def finish(request: Request) -> None:
        request.chunks({"status": "Downloading", "id": "a", "progressDetail": {"current": 1, "total": 2}})
        request.server.answers["inspect"] = present
        request.last_chunk()

    with EngineApi(tmp_path / "e.sock", inspect=absent, pull=finish) as engine:
        images = EngineImages(engine.host)
        images.resolve(REFERENCE, on_event=seen.append)
        images.close()
        (path, headers), *others = engine.requests
    assert not others
    assert "fromImage=r.example%2Ft%2Fx" in path
    sent = json.loads(base64.urlsafe_b64decode(headers["X-Registry-Auth"]))
    assert (sent["username"], sent["password"]) == ("user", "pass")
    assert seen == [PullEvent(REFERENCE, "a", "Downloading", 1, 2)]


def test_a_broken_credential_helper_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {"r.example": "of-nobody"}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with EngineApi(tmp_path / "e.sock", inspect=absent, pull=Request.hang) as engine:
        error = failure(engine.host)
    assert error.code == "registry.credentials"
    assert "of-nobody" in error.message
