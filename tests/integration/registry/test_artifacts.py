"""Providers that are executables, pulled from a real registry into a cache of the test's own."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import ConfigError, DstreamError, UnavailableError, Where
from orchestrator.registry.artifacts import Artifacts, ResolvedArtifact
from orchestrator.registry.cache import ArtifactCache
from orchestrator.registry.client import RegistryClient
from orchestrator.registry.image import PullEvent, host_platform
from orchestrator.registry.manifest import EMPTY_CONFIG, PROVIDER_ARTIFACT
from orchestrator.registry.reference import Reference
from tests.servers.artifacts import original_files, publish_by_platform, publish_files
from tests.servers.described import description, publish_described
from tests.servers.failing_registry import Answer, FailingRegistry, altered, reset, status
from tests.servers.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HERE = host_platform()
PROGRAM = b"#!/bin/sh\necho here\n"
OTHER = b"#!/bin/sh\necho elsewhere\n"
BOTH = {"linux/amd64": PROGRAM, "linux/arm64": OTHER}
ANNOUNCED = json.dumps(description("numbers")).encode()


class Host:
    """A host with a cache of its own."""

    def __init__(self, client: RegistryClient, folder: Path) -> None:
        self.client = client
        self.folder = folder
        self.cache = ArtifactCache(folder)
        self.artifacts = Artifacts(lambda: client, self.cache)

    def resolve(self, reference: str, **options: object) -> ResolvedArtifact:
        return self.artifacts.resolve(reference, **options)  # type: ignore[arg-type]  # policies, given as text

    @property
    def files(self) -> list[str]:
        """Everything in the cache but the tags."""
        return sorted(path.name for path in self.folder.glob("*") if path.name != "tags")


@pytest.fixture(scope="module")
def client() -> Iterator[RegistryClient]:
    with RegistryClient(deadline=5.0) as client:
        yield client


@pytest.fixture
def host(client: RegistryClient, tmp_path: Path) -> Iterator[Host]:
    made = Host(client, tmp_path / "artifacts")
    yield made
    made.cache.close()


@pytest.fixture
def name(registry: str, request: pytest.FixtureRequest) -> str:
    """A repository of the test's own, with the tag `v1`."""
    return f"{registry}/artifacts/{request.node.name.lower().partition('[')[0]}:v1"


def pinned(reference: str, digest: str) -> str:
    return str(Reference.parse(reference).with_digest(digest))


def test_the_originals_form_gives_the_executable_for_this_platform_and_the_description_beside_it(
    host: Host, name: str
) -> None:
    digest = publish_files(host.client, name, original_files({HERE: PROGRAM, "plan9/mips": OTHER}, ANNOUNCED))
    found = host.resolve(name)
    assert (found.reference, found.digest, found.platform, found.description) == (name, digest, HERE, ANNOUNCED)
    assert found.executable.read_bytes() == PROGRAM
    assert subprocess.run([found.executable], capture_output=True, check=True).stdout == b"here\n"


def test_an_artifact_of_the_older_type_is_taken_too(host: Host, name: str) -> None:
    publish_files(host.client, name, original_files({HERE: PROGRAM}), artifact_type="application/vnd.dstream.plugin")
    assert host.resolve(name).executable.read_bytes() == PROGRAM


@pytest.mark.parametrize(("platform", "program"), BOTH.items())
def test_every_platform_takes_its_own_of_an_index_and_names_the_same_digest(
    host: Host, name: str, platform: str, program: bytes
) -> None:
    digest = publish_by_platform(host.client, name, BOTH, description=ANNOUNCED)
    found = host.resolve(name, platform=platform)
    assert (found.digest, found.description) == (digest, ANNOUNCED)
    assert found.executable.read_bytes() == program


def test_a_platform_that_is_not_offered_is_refused_with_those_that_are(host: Host, name: str) -> None:
    publish_by_platform(host.client, f"{name}-index", BOTH)
    publish_files(host.client, f"{name}-files", original_files(BOTH))
    for form in ("index", "files"):
        with pytest.raises(ConfigError, match="linux/amd64, linux/arm64") as caught:
            host.resolve(f"{name}-{form}", platform="linux/s390x")
        assert caught.value.code == "image.platform"
    assert host.files == []


@pytest.mark.parametrize("platforms", [("linux/amd64",), ("linux/amd64", "linux/arm64")])
def test_an_image_is_no_artifact_whatever_the_tag_was_before(host: Host, name: str, platforms: tuple[str, ...]) -> None:
    publish_by_platform(host.client, name, {**BOTH, HERE: PROGRAM})
    before = host.resolve(name)
    publish_described(host.client, name, description("numbers"), platforms=platforms)
    with pytest.raises(ConfigError, match="is an image") as caught:
        host.resolve(name, pull="always", platform="linux/amd64", where=Where(file="dstream.hcl", line=3))
    assert caught.value.code == "provider.kind"
    assert "provider_image" in (caught.value.hint or "")
    assert (caught.value.where.file, caught.value.where.line) == ("dstream.hcl", 3)
    assert host.resolve(name) == before, "the artifact that was pulled is still what the tag means here"


def test_a_catalog_and_a_stranger_are_no_providers(host: Host, name: str) -> None:
    for number, kind in enumerate(("application/vnd.dstream.catalog.v1+json", "application/vnd.acme.chart")):
        publish_files(host.client, f"{name}-{number}", {"chart": b"x"}, artifact_type=kind)
        with pytest.raises(ConfigError, match="is no provider but") as caught:
            host.resolve(f"{name}-{number}")
        assert caught.value.code == "provider.kind"


def test_files_that_were_pushed_from_a_folder_are_known_by_their_names(host: Host, name: str) -> None:
    files = original_files({HERE: PROGRAM}, ANNOUNCED)
    publish_files(host.client, name, {f"dist/{title}": content for title, content in files.items()})
    found = host.resolve(name)
    assert (found.executable.read_bytes(), found.description) == (PROGRAM, ANNOUNCED)


def test_an_artifact_with_two_files_of_no_platform_is_refused(host: Host, name: str) -> None:
    publish_files(host.client, name, {"one": PROGRAM, "two": OTHER, "provider.json": b"{}"})
    with pytest.raises(ConfigError, match="has 2 files") as caught:
        host.resolve(name)
    assert caught.value.code == "artifact.layout"


def test_what_was_pulled_is_used_with_the_registry_stopped(client: RegistryClient, tmp_path: Path) -> None:
    host = Host(client, tmp_path / "artifacts")
    with Registry(tmp_path / "data", "artifacts") as registry:
        name = f"{registry.address}/offline/numbers:v1"
        publish_by_platform(client, name, {HERE: PROGRAM}, description=ANNOUNCED)
        online = host.resolve(name)
    with RegistryClient(deadline=1.0) as fresh:
        later = Host(fresh, host.folder)
        assert later.resolve(name) == online
        assert later.resolve(pinned(name, online.digest), pull="always").executable == online.executable
        with pytest.raises(UnavailableError) as caught:
            later.resolve(name, pull="always")
        later.cache.close()
    host.cache.close()
    assert caught.value.code == "registry.unreachable"


def test_what_was_never_pulled_is_not_pulled_where_that_is_switched_off(host: Host, name: str) -> None:
    publish_by_platform(host.client, name, BOTH)
    with pytest.raises(UnavailableError) as caught:
        host.resolve(name, pull="never")
    assert caught.value.code == "artifact.absent"
    assert not host.folder.exists()


def test_a_tag_that_moved_is_followed_only_where_that_is_asked_for(host: Host, name: str) -> None:
    first = publish_by_platform(host.client, name, {HERE: PROGRAM})
    host.resolve(name)
    second = publish_by_platform(host.client, name, {HERE: OTHER})
    assert host.resolve(name).digest == first
    assert host.resolve(pinned(name, first), pull="always").digest == first
    assert host.resolve(name, pull="always").digest == second
    assert host.resolve(name).digest == second


def test_an_executable_that_was_altered_on_this_host_is_never_handed_out(
    host: Host, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    publish_by_platform(host.client, name, {HERE: PROGRAM})
    found = host.resolve(name)
    found.executable.chmod(0o755)
    found.executable.write_bytes(OTHER)
    with pytest.raises(UnavailableError) as caught:
        host.resolve(name, pull="never")
    assert caught.value.code == "artifact.absent"
    assert "altered" in capfd.readouterr().err
    assert host.resolve(name).executable.read_bytes() == PROGRAM


@pytest.mark.parametrize("lost", ["manifest.json", "index.json", "provider"])
def test_an_entry_that_lost_a_file_is_pulled_again(host: Host, name: str, lost: str) -> None:
    publish_by_platform(host.client, name, {HERE: PROGRAM})
    found = host.resolve(name)
    found.executable.with_name(lost).unlink()
    assert host.resolve(name).executable.read_bytes() == PROGRAM


def test_a_blob_that_was_tampered_with_in_the_registry_is_refused_and_not_kept(
    client: RegistryClient, tmp_path: Path
) -> None:
    host = Host(client, tmp_path / "artifacts")
    with Registry(tmp_path / "data", "artifacts") as registry:
        name = f"{registry.address}/tampered/numbers:v1"
        publish_by_platform(client, name, {HERE: PROGRAM})
        data = [path for path in registry.data.rglob("data") if path.read_bytes() == PROGRAM]
        data[0].write_bytes(PROGRAM.replace(b"here", b"evil"))
        with pytest.raises(ConfigError) as caught:
            host.resolve(name)
    assert caught.value.code == "blob.digest"
    assert data[0].parent.name in caught.value.message
    assert host.files == []


LARGE = PROGRAM + b"#" * 1_000_000


def failing(registry: FailingRegistry, *answers: Answer) -> str:
    """A provider whose executable, `LARGE`, is answered with `answers` first."""
    config, layer = registry.put(b"{}", EMPTY_CONFIG), registry.put(LARGE)
    registry.hold({"artifactType": PROVIDER_ARTIFACT, "config": config.document, "layers": [layer.document]})
    registry.failures[layer.digest].extend(answers)
    return registry.reference


def test_a_connection_that_breaks_in_the_middle_costs_no_more_than_the_rest(host: Host) -> None:
    with FailingRegistry() as registry:
        found = host.resolve(failing(registry, reset(600_000)))
        first, second = (headers.get("Range", "") for _, _, headers in registry.asked("blobs"))
    assert found.executable.read_bytes() == LARGE
    assert (first, second.startswith("bytes=")) == ("", True)


@pytest.mark.parametrize(("answer", "code"), [(status(404), "blob.not_found"), (altered, "blob.digest")])
def test_what_never_comes_whole_is_not_kept(host: Host, answer: Answer, code: str) -> None:
    with FailingRegistry() as registry, pytest.raises(DstreamError) as caught:
        host.resolve(failing(registry, answer))
    assert caught.value.code == code
    assert host.files == []


def test_a_pull_that_is_broken_off_leaves_nothing(host: Host, name: str) -> None:
    class BrokenOff(Exception):
        pass

    def stop(event: PullEvent) -> None:
        if event.status == "Downloading":
            raise BrokenOff

    publish_by_platform(host.client, name, {HERE: PROGRAM})
    with pytest.raises(BrokenOff):
        host.resolve(name, on_event=stop)
    assert host.files == []


def test_a_pull_tells_what_it_does_once(host: Host, name: str) -> None:
    digest = publish_by_platform(host.client, name, {HERE: PROGRAM})
    events: list[PullEvent] = []
    host.resolve(name, on_event=events.append)
    assert [event.status for event in events] == [
        "Pulling from " + Reference.parse(name).repository,
        "Downloading",
        "Pull complete",
        f"Digest: {digest}",
    ]
    assert (events[1].current, events[1].total) == (len(PROGRAM), len(PROGRAM))
    host.resolve(name, pull="always", on_event=events.append)
    assert len(events) == 4


def test_threads_that_pull_the_same_artifact_share_one_entry(host: Host, name: str) -> None:
    publish_by_platform(host.client, name, {HERE: PROGRAM * 50_000})
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: host.resolve(name), range(16)))
    assert len(set(found)) == 1
    assert len(host.files) == 1


RESOLVE = """
import sys
from pathlib import Path
from orchestrator.registry.artifacts import Artifacts
from orchestrator.registry.cache import ArtifactCache
from orchestrator.registry.client import RegistryClient

with RegistryClient() as client:
    print("ready", flush=True)
    sys.stdin.readline()
    found = Artifacts(lambda: client, ArtifactCache(Path(sys.argv[1]))).resolve(sys.argv[2])
    print(found.executable)
"""


def test_processes_that_pull_the_same_artifact_share_one_entry(host: Host, name: str) -> None:
    publish_by_platform(host.client, name, {HERE: PROGRAM * 50_000})
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", RESOLVE, str(host.folder), name]
    pulling = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(3)]
    try:
        for process in pulling:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in pulling:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        said = [process.communicate(timeout=60)[0].strip() for process in pulling]
    finally:
        for process in pulling:
            process.kill()
            process.communicate()
    assert [process.returncode for process in pulling] == [0] * 3
    assert set(said) == {str(host.resolve(name, pull="never").executable)}
    assert len(host.files) == 1
