"""Images pulled by a real engine from a real registry."""

from __future__ import annotations

import base64
import json
import socket
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import ConfigError, DstreamError, UnavailableError
from orchestrator.registry.client import RegistryClient
from orchestrator.registry.pull import EngineImages, PullEvent
from tests.servers.artifacts import original_files, publish_by_platform, publish_files
from tests.servers.registry import Registry
from tests.servers.tiny import forget, publish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine


@pytest.fixture
def images(engine: str) -> Iterator[EngineImages]:
    found = EngineImages(engine)
    yield found
    found.close()


@pytest.fixture
def published(engine: str, registry: str, request: pytest.FixtureRequest) -> Iterator[Callable[..., tuple[str, str]]]:
    """Publishes an image under the test's own name, gone from the engine at the end: its reference and digest."""
    made: list[str] = []

    def make(tag: str = "v1", *, architecture: str = "amd64", labels: dict[str, str] | None = None) -> tuple[str, str]:
        reference = f"{registry}/pull/{request.node.name.lower()}:{tag}"
        made.append(reference)
        return reference, publish(engine, reference, architecture=architecture, labels=labels)

    yield make
    for reference in made:
        try:
            forget(engine, reference)
        except Exception as gone:
            if "No such image" not in str(gone):
                raise


def refusal(images: EngineImages, reference: str, **options: str) -> DstreamError:
    with pytest.raises(DstreamError) as caught:
        images.resolve(reference, **options)  # type: ignore[arg-type]  # policies, given as text
    assert caught.value.where.image == reference
    return caught.value


def test_a_missing_image_is_pulled_layer_by_layer_and_pinned(
    images: EngineImages, published: Callable[..., tuple[str, str]]
) -> None:
    reference, digest = published(labels={"io.dstream.provider": '{"name":"x"}'})
    events: list[PullEvent] = []
    image = images.resolve(reference, on_event=events.append)
    assert image.digest == digest
    assert image.image_id.startswith("sha256:")
    assert image.labels == {"io.dstream.provider": '{"name":"x"}'}
    assert (image.user, image.platform) == ("10001", "linux/amd64")
    assert len({event.layer for event in events} - {None}) == 2
    assert {event.reference for event in events} == {reference}
    assert any(event.current and event.total for event in events)


def test_an_image_that_is_there_is_not_asked_for_again(
    images: EngineImages, published: Callable[..., tuple[str, str]]
) -> None:
    reference, digest = published()
    images.resolve(reference)
    events: list[PullEvent] = []
    assert images.resolve(reference, on_event=events.append).digest == digest
    assert images.resolve(reference, pull="never", on_event=events.append).digest == digest
    assert not events


def test_always_takes_what_the_tag_has_become(images: EngineImages, published: Callable[..., tuple[str, str]]) -> None:
    reference, before = published()
    images.resolve(reference)
    _, now = published()
    assert images.resolve(reference, pull="always").digest == now != before


def test_a_mirror_is_asked_instead_and_the_written_reference_kept(
    engine: str, published: Callable[..., tuple[str, str]]
) -> None:
    reference, digest = published()
    name = reference.rpartition("/")[2]
    images = EngineImages(engine, {"ghcr.io/katasec": reference.rpartition("/")[0]})
    image = images.resolve(f"ghcr.io/katasec/{name}")
    images.close()
    assert (image.reference, image.pulled_as, image.digest) == (f"ghcr.io/katasec/{name}", reference, digest)


def test_a_pinned_reference_gets_that_image_whatever_the_tag_has_become(
    images: EngineImages, published: Callable[..., tuple[str, str]]
) -> None:
    reference, digest = published()
    published()
    image = images.resolve(f"{reference}@{digest}")
    assert image.digest == digest
    assert images.resolve(f"{reference.rpartition(':')[0]}@{digest}", pull="never").image_id == image.image_id


@pytest.mark.parametrize("reference", ["pull/nobody:v1", "pull/nobody", f"pull/nobody@sha256:{'0' * 64}"])
def test_no_such_image_is_told_with_its_name(images: EngineImages, registry: str, reference: str) -> None:
    error = refusal(images, f"{registry}/{reference}")
    assert error.code == "image.not_found"
    assert isinstance(error, ConfigError)
    assert reference in error.message


def test_no_such_tag_is_told(images: EngineImages, published: Callable[..., tuple[str, str]]) -> None:
    reference, _ = published()
    error = refusal(images, f"{reference}-missing")
    assert error.code == "image.not_found"
    assert "v1-missing" in error.message


def test_never_pulling_needs_the_image_here(images: EngineImages, published: Callable[..., tuple[str, str]]) -> None:
    reference, _ = published()
    error = refusal(images, reference, pull="never")
    assert error.code == "image.absent"
    assert "--pull missing" in str(error.hint)


def test_an_image_for_another_platform_names_both(
    images: EngineImages, published: Callable[..., tuple[str, str]]
) -> None:
    reference, _ = published(architecture="s390x")
    error = refusal(images, reference)
    assert error.code == "image.platform"
    assert "linux/s390x" in error.message
    assert "linux/amd64" in error.message
    assert images.resolve(reference, platform="linux/s390x").platform == "linux/s390x"


def test_a_platform_that_the_image_does_not_have_names_both(
    images: EngineImages, published: Callable[..., tuple[str, str]]
) -> None:
    reference, _ = published()
    error = refusal(images, reference, platform="linux/arm64")
    assert error.code == "image.platform"
    assert "linux/arm64" in error.message
    assert refusal(images, reference, platform="no such/thing").code == "image.platform"


def test_a_registry_that_is_down_is_told_with_its_address(images: EngineImages) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        error = refusal(images, f"{address}/t/x:v1")
    assert error.code == "registry.unreachable"
    assert isinstance(error, UnavailableError)
    assert address in error.message
    assert "connection refused" in error.message


def test_a_registry_that_has_no_address_is_told(images: EngineImages) -> None:
    error = refusal(images, "registry.invalid/t/x:v1")
    assert error.code == "registry.unreachable"
    assert "registry.invalid" in error.message


def test_a_registry_that_wants_a_login_is_told_and_satisfied(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docker").mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    with Registry(tmp_path / "data", "login", login="somebody:secret") as private:
        reference = f"{private.address}/t/x:v1"
        images = EngineImages(engine)
        error = refusal(images, reference)
        assert error.code == "image.unauthorized"
        assert f"docker login {private.address}" in str(error.hint)
        images.close()

        auth = base64.b64encode(b"somebody:secret").decode()
        (tmp_path / "docker" / "config.json").write_text(json.dumps({"auths": {private.address: {"auth": auth}}}))
        digest = publish(engine, reference)
        images = EngineImages(engine)
        assert images.resolve(reference).digest == digest
        images.close()
        forget(engine, reference)

        (tmp_path / "docker" / "config.json").unlink()
        images = EngineImages(engine, registry_auth={private.address: "somebody:secret"})
        assert images.resolve(reference).digest == digest
        images.close()
        forget(engine, reference)


@pytest.mark.parametrize(
    ("host", "code"),
    [("unix:///run/nobody/docker.sock", "engine.absent"), ("tcp://127.0.0.1:1", "engine.unreachable")],
)
def test_without_an_engine_the_error_names_what_was_tried(host: str, code: str) -> None:
    images = EngineImages(host)
    error = refusal(images, "alpine")
    assert error.code == code
    assert host in error.message
    assert "DOCKER_HOST" in str(error.hint)


def test_an_artifact_is_no_image_and_the_error_names_the_other_attribute(images: EngineImages, registry: str) -> None:
    program = {"linux/amd64": b"#!/bin/sh\n"}
    with RegistryClient(deadline=5.0) as client:
        publish_files(client, f"{registry}/pull/artifact:original", original_files(program))
        publish_by_platform(client, f"{registry}/pull/artifact:index", program)
    for tag in ("original", "index"):
        error = refusal(images, f"{registry}/pull/artifact:{tag}")
        assert (type(error), error.code) == (ConfigError, "provider.kind")
        assert "`provider_ref`" in str(error.hint)
