"""An engine's words, as errors that say what to do."""

from __future__ import annotations

import ssl

import pytest
from docker.errors import DockerException
from requests import HTTPError, Response

from orchestrator.errors import EXIT_CONFIG, EXIT_ENVIRONMENT, ConfigError
from orchestrator.runtime.base import ImageProgram, Launch
from orchestrator.runtime.refusals import container_refused, engine_unreachable

PROGRAM = ImageProgram("example/counter:v1", "sha256:abc")
LAUNCH = Launch("input", PROGRAM, network="backend")


@pytest.mark.parametrize(
    ("words", "status", "code", "exit_code"),
    [
        ("No such image: sha256:abc", 404, "image.absent", 4),
        ("network backend not found", 404, "network.unknown", 3),
        ("invalid mount config for type \"bind\": bind source path does not exist: /srv/x", 400, "mount.missing", 3),
        ("unable to find user app: no matching entries in passwd file", 500, "provider.user", 3),
        ("No command specified", 400, "provider.entrypoint", 3),
        ("OCI runtime create failed: exec: \"x\": executable file not found in $PATH", 400, "provider.entrypoint", 3),
        ("image with reference x was found but does not match the specified platform", 404, "image.platform", 3),
        ("Minimum memory limit allowed is 6MB", 400, "provider.refused", 3),
        ("failed to create shim task: no space left on device", 500, "engine.refused", 4),
    ],
)  # fmt: skip
def test_each_refusal_has_its_code(words: str, status: int, code: str, exit_code: int) -> None:
    error = container_refused(words, status, LAUNCH, PROGRAM)
    assert (error.code, error.exit_code) == (code, exit_code)
    assert error.where.image == "example/counter:v1"


def test_an_unknown_network_gets_the_command_that_makes_it() -> None:
    error = container_refused("network backend not found", 404, LAUNCH, PROGRAM)
    assert isinstance(error, ConfigError)
    assert "docker network create backend" in str(error.hint)


@pytest.mark.parametrize(
    ("problem", "code", "says"),
    [
        (FileNotFoundError(2, "No such file or directory"), "engine.absent", "install a Docker Engine"),
        (ConnectionRefusedError(111, "Connection refused"), "engine.unreachable", "install a Docker Engine"),
        (PermissionError(13, "Permission denied"), "engine.unreachable", "group"),
        (TimeoutError("timed out"), "engine.unreachable", "hangs"),
        (ssl.SSLError(1, "certificate verify failed"), "engine.unreachable", "DOCKER_CERT_PATH"),
    ],
)
def test_an_engine_that_is_not_there_names_the_socket_and_the_way_out(problem: OSError, code: str, says: str) -> None:
    wrapped = RuntimeError("Connection aborted.", problem)
    error = engine_unreachable("unix:///run/nobody.sock", wrapped)
    assert error.code == code
    assert "unix:///run/nobody.sock" in error.message
    assert says in str(error.hint)
    assert error.exit_code == EXIT_ENVIRONMENT


def test_an_address_that_is_none_is_wrong_and_not_unreachable() -> None:
    error = engine_unreachable("garbage", DockerException("Invalid bind address format: port is required: garbage"))
    assert (error.code, error.exit_code) == ("engine.address", EXIT_CONFIG)
    assert "unix:///" in str(error.hint)


def test_a_server_that_is_no_engine_is_told_by_its_status_and_not_in_the_words_of_a_library() -> None:
    answer = Response()
    answer.status_code = 404
    error = engine_unreachable("tcp://127.0.0.1:80", DockerException(HTTPError("404 Client Error", response=answer)))
    assert error.message == "what answers at `tcp://127.0.0.1:80` is no Docker Engine, or refuses: HTTP 404"
    assert error.exit_code == EXIT_ENVIRONMENT
