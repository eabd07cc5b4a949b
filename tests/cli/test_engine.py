"""Which engine is meant: the setting, DOCKER_HOST, the docker command's context, or the default socket."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from orchestrator.cli.engine import engine_host
from orchestrator.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

HOST = "unix:///run/user/1000/docker.sock"


@pytest.fixture(autouse=True)
def _docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)


def write_context(folder: Path, name: str, host: str) -> None:
    meta = folder / "contexts" / "meta" / sha256(name.encode()).hexdigest()
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": {"Host": host}}}))


def test_without_anything_the_default_socket_is_meant() -> None:
    assert engine_host(None) is None


def test_the_current_context_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_context(tmp_path, "rootless", HOST)
    (tmp_path / "config.json").write_text('{"currentContext":"rootless"}')
    assert engine_host(None) == HOST
    monkeypatch.setenv("DOCKER_CONTEXT", "default")
    assert engine_host(None) is None


def test_the_setting_goes_before_the_environment_and_that_before_the_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_context(tmp_path, "rootless", HOST)
    monkeypatch.setenv("DOCKER_CONTEXT", "rootless")
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:2375")
    assert engine_host(None) == "tcp://127.0.0.1:2375"
    assert engine_host("unix:///own.sock") == "unix:///own.sock"


@pytest.mark.parametrize("config", ['{"currentContext":"gone"}', '{"currentContext":"broken"}'])
def test_a_context_that_names_no_engine_is_an_error(tmp_path: Path, config: str) -> None:
    write_context(tmp_path, "broken", "")
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(ConfigError, match=r"engine\.context"):
        engine_host(None)


def test_a_configuration_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    assert engine_host(None) is None
