"""Logins: from the setting, the docker command's configuration, or a credential helper that is really run."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.errors import DstreamError
from orchestrator.registry.wire.credentials import Credential, Credentials

if TYPE_CHECKING:
    from pathlib import Path

REGISTRY = "r.example:5000"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The docker command's `config.json`, which is not there yet, in a folder that is also first in PATH."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path / "config.json"


def auths(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def write(config: Path, **content: Any) -> None:
    config.write_text(json.dumps(content))


def helper(config: Path, name: str, answer: str, status: int = 0) -> None:
    """A credential helper that answers with `answer` and writes down what it was asked."""
    program = config.with_name(f"docker-credential-{name}")
    asked = config.with_name("asked")
    program.write_text(f"#!/bin/sh\ncat > '{asked}'\nprintf '%s' '{answer}'\nexit {status}\n")
    program.chmod(0o755)


def test_nobody_is_somebody_too(config: Path) -> None:
    assert Credentials().find(REGISTRY) is None
    write(config, auths={"elsewhere.example": auths("a", "b")}, HttpHeaders={})
    assert Credentials().find(REGISTRY) is None


@pytest.mark.parametrize(
    ("name", "registry"),
    [
        (REGISTRY, REGISTRY),
        (f"https://{REGISTRY}", REGISTRY),
        (f"http://{REGISTRY}/v2/", REGISTRY),
        ("https://index.docker.io/v1/", "docker.io"),
        ("docker.io", "docker.io"),
    ],
)
def test_a_login_is_found_however_its_registry_is_written(config: Path, name: str, registry: str) -> None:
    write(config, auths={name: auths("ann", "a:b")})
    assert Credentials().find(registry) == Credential("ann", "a:b")


def test_a_password_never_shows() -> None:
    assert "secret" not in repr(Credential("ann", "secret", "secret"))


def test_the_setting_goes_before_the_file(config: Path) -> None:
    write(config, auths={REGISTRY: auths("ann", "old")})
    assert Credentials({REGISTRY: "ann:new:er"}).find(REGISTRY) == Credential("ann", "new:er")


@pytest.mark.parametrize("login", ["ann", ":secret", ""])
def test_a_setting_that_is_no_login_is_told_without_it(config: Path, login: str) -> None:
    with pytest.raises(DstreamError) as caught:
        Credentials({REGISTRY: login}).find(REGISTRY)
    assert caught.value.code == "config.settings"
    assert "secret" not in str(caught.value)


def test_an_identity_token_is_kept_apart(config: Path) -> None:
    write(config, auths={REGISTRY: auths("ann", "") | {"identitytoken": "t0ken"}})
    assert Credentials().find(REGISTRY) == Credential(identity_token="t0ken")


@pytest.mark.parametrize("where", [{"credHelpers": {REGISTRY: "one"}}, {"credsStore": "one"}])
def test_a_helper_is_asked_for_the_registry(config: Path, where: dict[str, Any]) -> None:
    helper(config, "one", '{"Username":"ann","Secret":"s3cret"}')
    write(config, auths={REGISTRY: {}}, **where)
    assert Credentials().find(REGISTRY) == Credential("ann", "s3cret")
    assert config.with_name("asked").read_text() == REGISTRY


def test_the_helper_of_a_registry_goes_before_the_store(config: Path) -> None:
    helper(config, "one", '{"Username":"<token>","Secret":"t0ken"}')
    write(config, credHelpers={REGISTRY: "one"}, credsStore="absent")
    assert Credentials().find(REGISTRY) == Credential(identity_token="t0ken")


def test_the_hub_has_its_old_name_for_helpers(config: Path) -> None:
    helper(config, "one", '{"Username":"ann","Secret":"s3cret"}')
    write(config, credsStore="one")
    Credentials().find("docker.io")
    assert config.with_name("asked").read_text() == "https://index.docker.io/v1/"


@pytest.mark.parametrize(
    ("answer", "status"),
    [("credentials not found in native keychain", 1), ('{"Username":"","Secret":""}', 0)],
)
def test_a_helper_that_knows_nothing_leaves_the_file(config: Path, answer: str, status: int) -> None:
    helper(config, "one", answer, status)
    write(config, credsStore="one", auths={REGISTRY: auths("ann", "x")})
    assert Credentials().find(REGISTRY) == Credential("ann", "x")


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [("the keychain is locked", 1, "the keychain is locked"), ("{}", 0, "not a login"), ("", 3, "exited with 3")],
)
def test_a_helper_that_fails_is_told_by_name(config: Path, answer: str, status: int, words: str) -> None:
    helper(config, "one", answer, status)
    write(config, credsStore="one")
    with pytest.raises(DstreamError) as caught:
        Credentials().find(REGISTRY)
    assert caught.value.code == "registry.credentials"
    assert "docker-credential-one" in caught.value.message
    assert words in caught.value.message


def test_a_helper_that_is_not_there_is_told_by_name(config: Path) -> None:
    write(config, credsStore="absent")
    with pytest.raises(DstreamError, match="docker-credential-absent") as caught:
        Credentials().find(REGISTRY)
    assert caught.value.code == "registry.credentials"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        json.dumps({"auths": {REGISTRY: {"auth": "%%%"}}}),
        json.dumps({"auths": {REGISTRY: {"auth": "YW5u"}}}),
    ],
)
def test_a_configuration_that_cannot_be_read_is_told_with_its_file(config: Path, text: str) -> None:
    config.write_text(text)
    with pytest.raises(DstreamError) as caught:
        Credentials().find(REGISTRY)
    assert caught.value.code == "registry.credentials"
    assert caught.value.where.file == str(config)
