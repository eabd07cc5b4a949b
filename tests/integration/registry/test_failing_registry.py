"""A registry on its worst day: the right content or a clear error, bounded tries, and nothing half-written."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import EXIT_CONFIG, EXIT_ENVIRONMENT, DstreamError
from orchestrator.registry.client import RegistryClient
from orchestrator.registry.manifest import EMPTY_CONFIG, PROVIDER_ARTIFACT, Descriptor
from orchestrator.registry.reference import Reference
from tests.servers.failing_registry import (
    Answer,
    FailingRegistry,
    altered,
    bearer,
    page,
    redirect,
    reset,
    short,
    silence,
    status,
    truncated,
    vanish,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CONTENT = os.urandom(1_000_000)


@pytest.fixture(params=[True, False], ids=["ranges", "no-ranges"])
def ranges(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def registry() -> Iterator[FailingRegistry]:
    with FailingRegistry() as serving:
        yield serving


@pytest.fixture
def client() -> Iterator[RegistryClient]:
    """One whose tries are over soon."""
    with RegistryClient(timeout=30, deadline=2) as asking:
        yield asking


@pytest.fixture
def artifact(registry: FailingRegistry) -> Descriptor:
    """The registry's `v1`, with one layer."""
    layer, config = registry.put(CONTENT), registry.put(b"{}", EMPTY_CONFIG)
    document = {"artifactType": PROVIDER_ARTIFACT, "config": config.document, "layers": [layer.document]}
    return registry.hold(document)


def refusal(call: Callable[[], object], registry: FailingRegistry) -> DstreamError:
    with pytest.raises(DstreamError) as caught:
        call()
    assert registry.address in caught.value.message
    assert caught.value.hint
    return caught.value


def download(client: RegistryClient, registry: FailingRegistry, folder: Path, seen: list[int] | None = None) -> bytes:
    """The layer of `v1`, by way of a file in `folder`."""
    reference = Reference.parse(registry.reference)
    layer = client.manifest(reference).layers[0]
    client.download(reference, layer, folder / "layer", seen.append if seen is not None else None)
    return (folder / "layer").read_bytes()


PASSING = [status(500), status(503, Retry_After="0"), status(429, Retry_After="0"), vanish, reset(0), truncated(10)]


@pytest.mark.parametrize("failure", PASSING, ids=["500", "503", "429", "vanish", "reset", "truncated"])
def test_a_passing_failure_is_tried_again(
    client: RegistryClient, registry: FailingRegistry, artifact: Descriptor, failure: Answer
) -> None:
    registry.failures["manifests"].append(failure)
    manifest = client.manifest(Reference.parse(registry.reference))
    assert (manifest.digest, manifest.kind) == (artifact.digest, "artifact")
    assert len(registry.asked("manifests")) == 2


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (status(500, "the disk is full"), "registry.failed"),
        (vanish, "registry.unreachable"),
        (truncated(10), "registry.unreachable"),
    ],
    ids=["500", "vanish", "truncated"],
)
@pytest.mark.usefixtures("artifact")
def test_a_lasting_failure_is_told_when_the_deadline_comes(
    client: RegistryClient, registry: FailingRegistry, failure: Answer, code: str
) -> None:
    registry.failures["manifests"].extend([failure] * 20)
    error = refusal(lambda: client.manifest(Reference.parse(registry.reference)), registry)
    assert (error.code, error.exit_code) == (code, EXIT_ENVIRONMENT)
    assert ("the disk is full" in error.message) == (code == "registry.failed")
    assert 2 <= len(registry.asked("manifests")) < 5


def test_tries_are_counted_however_short_the_waits(registry: FailingRegistry) -> None:
    registry.failures["manifests"].extend([status(429, Retry_After="0")] * 20)
    with RegistryClient() as client:
        error = refusal(lambda: client.manifest(Reference.parse(registry.reference)), registry)
    assert error.code == "registry.rate_limit"
    assert len(registry.asked("manifests")) == 5


@pytest.mark.parametrize("wait", ["3600", formatdate(4_000_000_000, usegmt=True)], ids=["seconds", "date"])
def test_a_wait_beyond_the_deadline_is_told_and_not_waited_for(
    client: RegistryClient, registry: FailingRegistry, wait: str
) -> None:
    registry.failures["manifests"].extend([status(429, "slow down", Retry_After=wait)] * 2)
    error = refusal(lambda: client.manifest(Reference.parse(registry.reference)), registry)
    assert error.code == "registry.rate_limit"
    assert "asks to wait" in error.message
    assert len(registry.asked("manifests")) == 1


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (status(401), "image.unauthorized"),
        (status(403), "image.unauthorized"),
        (status(404), "image.not_found"),
        (status(418), "registry.refused"),
        (altered, "manifest.digest"),
        (page("<html>log in to the Wi-Fi</html>", Content_Type="text/html"), "manifest.invalid"),
        (page("[" * 100_000), "manifest.invalid"),
        (page(" " * (5 << 20)), "registry.invalid"),
    ],
    ids=["401", "403", "404", "418", "altered", "captive portal", "deep", "endless"],
)
@pytest.mark.usefixtures("artifact")
def test_a_failure_that_will_not_pass_is_told_at_once(
    client: RegistryClient,
    registry: FailingRegistry,
    failure: Answer,
    code: str,
) -> None:
    registry.failures["manifests"].append(failure)
    error = refusal(lambda: client.manifest(Reference.parse(registry.reference)), registry)
    ours = code in ("image.not_found", "manifest.digest")
    assert (error.code, error.exit_code) == (code, EXIT_CONFIG if ours else EXIT_ENVIRONMENT)
    assert error.where.image == registry.reference
    assert len(registry.asked("manifests")) == 1


def test_a_manifest_that_is_not_what_was_pinned_names_both_digests(
    client: RegistryClient, registry: FailingRegistry, artifact: Descriptor
) -> None:
    registry.failures["manifests"].append(altered)
    pinned = Reference.parse(registry.reference).with_digest(artifact.digest)
    error = refusal(lambda: client.manifest(pinned), registry)
    assert error.code == "manifest.digest"
    assert artifact.digest in error.message
    assert error.message.count("sha256:") >= 2


@pytest.mark.parametrize("failure", [reset(400_000), truncated(400_000), short(400_000)], ids=["reset", "eof", "short"])
@pytest.mark.usefixtures("artifact")
def test_a_transfer_that_breaks_off_goes_on_or_starts_again(
    client: RegistryClient,
    registry: FailingRegistry,
    failure: Answer,
    ranges: bool,
    tmp_path: Path,
) -> None:
    registry.ranges = ranges
    registry.failures["blobs"].append(failure)
    seen: list[int] = []
    assert download(client, registry, tmp_path, seen) == CONTENT
    first, second = (headers.get("Range") for _, _, headers in registry.asked("blobs"))
    assert (first, str(second).startswith("bytes=")) == (None, True)
    assert (len(set(seen)) == len(seen)) is ranges  # otherwise it began anew
    assert seen[-1] == len(CONTENT)


@pytest.mark.usefixtures("artifact")
def test_a_registry_that_refuses_to_go_on_is_asked_for_all(
    client: RegistryClient, registry: FailingRegistry, tmp_path: Path
) -> None:
    registry.failures["blobs"].extend([truncated(400_000), status(416)])
    assert download(client, registry, tmp_path) == CONTENT
    assert len(registry.asked("blobs")) == 3


@pytest.mark.usefixtures("artifact")
def test_a_transfer_goes_on_for_as_long_as_it_gets_on(registry: FailingRegistry, tmp_path: Path) -> None:
    registry.failures["blobs"].extend([truncated(100_000)] * 9)
    with RegistryClient(timeout=30, deadline=0.1) as client:
        assert download(client, registry, tmp_path) == CONTENT
    assert len(registry.asked("blobs")) == 10


@pytest.mark.parametrize(
    ("failures", "code"),
    [
        ([altered], "blob.digest"),
        ([page("x" * 1_000_001)], "blob.digest"),
        ([status(404)], "blob.not_found"),
        ([truncated(400_000), status(404)], "blob.not_found"),
        ([truncated(400_000), *[truncated(0)] * 9], "registry.unreachable"),
        ([short(400_000), *[short(0)] * 9], "blob.truncated"),
    ],
    ids=["altered", "too long", "gone", "gone in the middle", "broken", "short"],
)
@pytest.mark.usefixtures("artifact")
def test_a_transfer_that_fails_leaves_the_file_as_it_was(
    client: RegistryClient, registry: FailingRegistry, tmp_path: Path, failures: list[Answer], code: str
) -> None:
    registry.failures["blobs"].extend(failures)
    (tmp_path / "layer").write_bytes(b"from before")
    error = refusal(lambda: download(client, registry, tmp_path), registry)
    assert (error.code, error.exit_code) == (code, EXIT_CONFIG if code == "blob.digest" else EXIT_ENVIRONMENT)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("layer", b"from before")]


@pytest.mark.usefixtures("artifact")
def test_an_altered_blob_is_told_with_both_digests(
    client: RegistryClient, registry: FailingRegistry, tmp_path: Path
) -> None:
    registry.failures["blobs"].append(altered)
    error = refusal(lambda: download(client, registry, tmp_path), registry)
    assert error.message.count("sha256:") == 2
    assert len(registry.asked("blobs")) == 1


def test_a_registry_that_says_nothing_is_given_up(registry: FailingRegistry) -> None:
    registry.failures["manifests"].extend([silence] * 20)
    with RegistryClient(timeout=0.2, deadline=0.5) as client:
        error = refusal(lambda: client.manifest(Reference.parse(registry.reference)), registry)
    assert error.code == "registry.unreachable"


def test_closing_wakes_who_waits(registry: FailingRegistry) -> None:
    caught: list[str] = []
    client = RegistryClient()

    def ask() -> None:
        try:
            client.manifest(Reference.parse(registry.reference))
        except DstreamError as error:
            caught.append(error.code)

    registry.failures["manifests"].extend([status(429, Retry_After="50")] * 5)
    asking = threading.Thread(target=ask)
    asking.start()
    deadline = time.monotonic() + 60
    while not _waits(asking):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    client.close()
    asking.join(60)
    assert not asking.is_alive()
    assert caught in (["registry.rate_limit"], ["registry.closed"])


def _waits(thread: threading.Thread) -> bool:
    """Is it between two tries?"""
    stack = traceback.extract_stack(sys._current_frames().get(thread.ident or 0))
    return any(frame.filename.endswith("tenacity/nap.py") for frame in stack)


@pytest.mark.usefixtures("artifact")
def test_what_a_progress_display_raises_ends_the_transfer(
    client: RegistryClient, registry: FailingRegistry, tmp_path: Path
) -> None:
    def give_up(done: int) -> None:
        raise KeyboardInterrupt

    reference = Reference.parse(registry.reference)
    layer = client.manifest(reference).layers[0]
    with pytest.raises(KeyboardInterrupt):
        client.download(reference, layer, tmp_path / "layer", give_up)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("login", [None, "ann:secret"], ids=["anybody", "ann"])
@pytest.mark.usefixtures("artifact")
def test_a_token_is_fetched_once_from_the_service_that_the_registry_names(
    registry: FailingRegistry, tmp_path: Path, login: str | None
) -> None:
    registry.usual = bearer("t0ken", login)
    with RegistryClient(registry_auth={registry.address: login} if login else {}) as client:
        assert download(client, registry, tmp_path) == CONTENT
    assert len(registry.asked("/token")) == 1
    assert "scope=repository%3At%2Fx%3Apull" in registry.asked("/token")[0][1]


def test_a_token_that_is_no_longer_good_is_replaced(registry: FailingRegistry, artifact: Descriptor) -> None:
    with RegistryClient() as client:
        for token in ("first", "second"):
            registry.usual = bearer(token)
            assert client.manifest(Reference.parse(registry.reference)).digest == artifact.digest


@pytest.mark.parametrize("login", [None, "ann:wrong"], ids=["nobody", "wrong password"])
@pytest.mark.usefixtures("artifact")
def test_a_login_that_is_refused_is_told_and_not_tried_again(registry: FailingRegistry, login: str | None) -> None:
    registry.usual = bearer("t0ken", "ann:secret")
    with RegistryClient(registry_auth={registry.address: login} if login else {}) as client:
        error = refusal(lambda: client.manifest(Reference.parse(registry.reference)), registry)
    assert error.code == "image.unauthorized"
    assert f"docker login {registry.address}" in str(error.hint)
    assert "wrong" not in f"{error.message}{error.hint}"
    assert len(registry.asked("/token")) == 1


@pytest.mark.parametrize(
    "challenge",
    ['Basic realm="tests"', 'Bearer realm="ftp://elsewhere.invalid/token"', "Negotiate", ""],
    ids=["basic", "ftp", "negotiate", "none"],
)
def test_a_challenge_that_cannot_be_answered_is_a_refusal(registry: FailingRegistry, challenge: str) -> None:
    registry.failures["manifests"].append(status(401, WWW_Authenticate=challenge))
    with RegistryClient() as client:
        error = refusal(lambda: client.manifest(Reference.parse(registry.reference)), registry)
    assert error.code == "image.unauthorized"


def test_a_host_that_a_registry_sends_us_to_gets_no_login(registry: FailingRegistry, tmp_path: Path) -> None:
    with FailingRegistry() as storage, RegistryClient(registry_auth={registry.address: "ann:secret"}) as client:
        content = registry.put(CONTENT)
        registry.failures["blobs"].append(redirect(f"http://localhost:{storage.server_port}/stored"))
        storage.usual = bearer("t0ken", "ann:secret")
        reference = Reference.parse(registry.reference)
        error = refusal(lambda: client.download(reference, content, tmp_path / "layer"), registry)
        assert error.code == "image.unauthorized"
        assert [(path, headers.get("Authorization")) for _, path, headers in storage.requests] == [("/stored", None)]


def test_a_host_that_a_registry_sends_us_to_gets_no_login_of_netrc(
    registry: FailingRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login ann password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with FailingRegistry() as storage, RegistryClient() as client:
        content = registry.put(CONTENT)
        storage.put(CONTENT)
        path = f"/v2/t/x/blobs/{content.digest}"
        registry.failures["blobs"].append(redirect(f"http://localhost:{storage.server_port}{path}"))
        client.download(Reference.parse(registry.reference), content, tmp_path / "layer")
        assert [headers.get("Authorization") for _, _, headers in storage.requests] == [None]


@pytest.mark.usefixtures("artifact")
def test_an_identity_token_goes_to_the_service_that_the_registry_names_and_no_further(
    registry: FailingRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"auths": {registry.address: {"identitytoken": "secret"}}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with FailingRegistry() as elsewhere, RegistryClient() as client:
        registry.usual = bearer("t0ken", "ann:secret")
        registry.failures["/token"].append(redirect(f"http://{elsewhere.address}/token"))
        error = refusal(lambda: client.manifest(Reference.parse(registry.reference)), registry)
        assert error.code == "image.unauthorized"
        assert elsewhere.requests == []


def test_pages_are_followed_on_this_registry_alone(client: RegistryClient, registry: FailingRegistry) -> None:
    elsewhere = '<http://elsewhere.invalid/v2/t/x/tags/list?last=b>; rel="next"'
    registry.failures["tags/list"].append(page('{"name":"t/x","tags":["a","b"]}', Link=elsewhere))
    registry.failures["tags/list"].append(page('{"name":"t/x","tags":["c"]}'))
    assert client.tags(Reference.parse(registry.reference)) == ["a", "b", "c"]
    assert [path for _, path, _ in registry.asked("last=b")] == ["/v2/t/x/tags/list?last=b"]


def test_a_list_without_an_end_is_given_up(client: RegistryClient, registry: FailingRegistry) -> None:
    registry.usual = page('{"tags":[]}', Link='</v2/t/x/tags/list?last=a>; rel="next"')
    error = refusal(lambda: client.tags(Reference.parse(registry.reference)), registry)
    assert error.code == "registry.invalid"


def test_a_list_that_fills_the_memory_is_given_up(client: RegistryClient, registry: FailingRegistry) -> None:
    tags = json.dumps(["a" * 128] * 100_000)
    registry.usual = page(f'{{"tags":{tags}}}', Link='</v2/t/x/tags/list?last=a>; rel="next"')
    error = refusal(lambda: client.tags(Reference.parse(registry.reference)), registry)
    assert error.code == "registry.invalid"
    assert len(registry.asked("tags/list")) == 6


def test_a_registry_that_does_not_list_its_repositories_is_told(
    client: RegistryClient, registry: FailingRegistry
) -> None:
    error = refusal(lambda: client.repositories(registry.address), registry)
    assert error.code == "registry.no_listing"


def test_referrers_come_from_the_api_where_there_is_one(
    client: RegistryClient, registry: FailingRegistry, artifact: Descriptor
) -> None:
    one = Descriptor("application/vnd.oci.image.manifest.v1+json", f"sha256:{'1' * 64}", 7, artifact_type="a/b")
    other = Descriptor("application/vnd.oci.image.manifest.v1+json", f"sha256:{'2' * 64}", 8, artifact_type="c/d")
    index = json.dumps({"manifests": [one.document, other.document]})
    reference = Reference.parse(registry.reference).with_digest(artifact.digest)
    registry.failures["referrers"].extend([page(index), page(index)])
    assert client.referrers(reference) == [one, other]
    assert client.referrers(reference, "c/d") == [other]
    assert f"/v2/t/x/referrers/{artifact.digest}" in registry.requests[-1][1]


@pytest.mark.parametrize("host", ["127.0.0.1:1", "registry.invalid", f"{'a' * 64}.invalid"])
def test_a_registry_that_is_not_there_is_told_with_its_address(client: RegistryClient, host: str) -> None:
    with pytest.raises(DstreamError) as caught:
        client.manifest(Reference.parse(f"{host}/t/x:v1"))
    assert (caught.value.code, caught.value.exit_code) == ("registry.unreachable", EXIT_ENVIRONMENT)
    assert f"the registry {host} cannot be asked" in caught.value.message


def test_loopback_is_asked_without_the_proxy_and_without_netrc(
    registry: FailingRegistry, artifact: Descriptor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login ann password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with RegistryClient() as client:
        assert client.resolve(Reference.parse(registry.reference)).digest == artifact.digest
    assert not [headers for _, _, headers in registry.requests if "Authorization" in headers]


def test_head_without_a_digest_is_made_up_for(
    client: RegistryClient, registry: FailingRegistry, artifact: Descriptor
) -> None:
    registry.failures["manifests"].append(page("x"))
    assert client.resolve(Reference.parse(registry.reference)).digest == artifact.digest
    assert [method for method, _, _ in registry.asked("manifests")] == ["HEAD", "GET"]
