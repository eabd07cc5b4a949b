"""Which file of an artifact is started, and where its description is."""

from __future__ import annotations

import json

import pytest

from dstream_sdk.protocol import LABEL
from orchestrator.config.model import Kind
from orchestrator.errors import ConfigError
from orchestrator.registry.image import best_platform
from orchestrator.registry.layout import TITLE, Layout, check_kind, executables, layout_of
from orchestrator.registry.manifest import EMPTY_CONFIG, PROVIDER_ARTIFACT, Manifest, digest_of
from orchestrator.registry.reference import Reference

REFERENCE = Reference.parse("registry.test/team/numbers:v1")


def artifact(*titles: str, announced: str | None = None, packed: bool = False) -> Manifest:
    """A manifest with one layer for each title, whose digest is the title's."""
    more = {"io.deis.oras.content.unpack": "true"} if packed else {}
    layers = [
        {"mediaType": "x", "digest": digest_of(title.encode()), "size": 1, "annotations": {TITLE: title} | more}
        for title in titles
    ]
    document = {
        "artifactType": PROVIDER_ARTIFACT,
        "config": {"mediaType": EMPTY_CONFIG, "digest": digest_of(b"{}"), "size": 2},
        "layers": layers,
        "annotations": {LABEL: announced} if announced is not None else {},
    }
    return Manifest.parse(REFERENCE, json.dumps(document).encode())


@pytest.mark.parametrize("kind", ["image", "ref"])
def test_what_does_not_say_what_it_is_is_refused_in_words(kind: Kind) -> None:
    config = {"mediaType": EMPTY_CONFIG, "digest": digest_of(b"{}"), "size": 2}
    with pytest.raises(ConfigError) as caught:
        check_kind(kind, Manifest.parse(REFERENCE, json.dumps({"config": config, "layers": []}).encode()))
    assert caught.value.message.endswith("but of a type that is not known")


def found(layout: Layout) -> tuple[str, str | None]:
    return layout.executable.annotations[TITLE], layout.description.annotations[TITLE] if layout.description else None


@pytest.mark.parametrize(
    ("titles", "platform", "expected"),
    [
        (["plugin.linux_amd64", "plugin.linux_arm64", "provider.json"], "linux/arm64", "plugin.linux_arm64"),
        (["plugin.linux_arm64_v8", "plugin.linux_amd64"], "linux/arm64/v8", "plugin.linux_arm64_v8"),
        (["plugin.windows_amd64.exe", "plugin.linux_amd64"], "windows/amd64", "plugin.windows_amd64.exe"),
        (["provider.darwin_arm64", "provider.linux_amd64"], "darwin/arm64", "provider.darwin_arm64"),
        (["plugin.linux_386", "provider.json"], "linux/amd64", "plugin.linux_386"),
        (["provider", "provider.json", "plugin.json"], "linux/amd64", "provider"),
        (["mssql-cdc"], "linux/amd64", "mssql-cdc"),
        ([""], "linux/amd64", ""),
    ],
)
def test_the_executable_is_the_one_that_is_named_for_the_platform_or_the_only_one(
    titles: list[str], platform: str, expected: str
) -> None:
    description = "provider.json" if "provider.json" in titles else None
    assert found(layout_of(artifact(*titles), platform)) == (expected, description)


@pytest.mark.parametrize(
    ("manifest", "code", "words"),
    [
        (artifact("plugin.linux_amd64", "provider"), "image.platform", "is for linux/amd64, not for linux/s390x"),
        (artifact(), "artifact.layout", "has 0 files"),
        (artifact("provider.json"), "artifact.layout", "has 0 files"),
        (artifact("one", "two"), "artifact.layout", "has 2 files"),
        (artifact("dist", packed=True), "artifact.layout", "has a packed folder"),
    ],
)
def test_an_artifact_in_neither_form_is_refused(manifest: Manifest, code: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        layout_of(manifest, "linux/s390x")
    assert caught.value.code == code
    assert caught.value.hint


def test_the_annotation_announces_whether_or_not_there_is_a_file_that_does() -> None:
    assert layout_of(artifact("provider", announced="{}"), "linux/amd64").announced == "{}"
    assert layout_of(artifact("provider", "provider.json"), "linux/amd64").announced is None


def test_the_platforms_of_the_form_without_an_index_are_in_the_names() -> None:
    manifest = artifact("plugin.linux_amd64", "plugin.linux_arm_v7", "plugin.windows_amd64.exe", "provider.json", "x")
    assert list(executables(manifest)) == ["linux/amd64", "linux/arm/v7", "windows/amd64"]


@pytest.mark.parametrize(
    ("offered", "asked", "best"),
    [
        (["linux/386", "linux/amd64"], "linux/amd64", "linux/amd64"),
        (["linux/386", "linux/arm64"], "linux/amd64", "linux/386"),
        (["linux/arm64/v8"], "linux/arm64", "linux/arm64/v8"),
        (["linux/arm64"], "linux/aarch64", "linux/arm64"),
        (["darwin/amd64"], "linux/amd64", None),
        ([], "linux/amd64", None),
    ],
)
def test_the_same_platform_goes_before_one_that_the_machine_runs_as_well(
    offered: list[str], asked: str, best: str | None
) -> None:
    assert best_platform(offered, asked) == best
