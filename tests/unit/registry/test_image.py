"""An engine's description of an image, read."""

from __future__ import annotations

import pytest

from orchestrator.errors import ConfigError, Where
from orchestrator.registry.image import platform_of, pull_event, resolved, runs_on, same_platform
from orchestrator.registry.reference import Reference

DIGEST = "sha256:" + "ab" * 32
OTHER = "sha256:" + "cd" * 32
FOUND = {
    "Id": "sha256:" + "11" * 32,
    "RepoDigests": [f"alpine@{OTHER}", f"r.example/t/x@{DIGEST}"],
    "Os": "linux",
    "Architecture": "amd64",
    "Config": {"Labels": {"io.dstream.provider": "{}"}, "User": "10001"},
}


def test_the_digest_is_the_one_under_the_name_that_was_pulled() -> None:
    image = resolved("ghcr.io/t/x:v1", Reference.parse("r.example/t/x:v1"), FOUND, Where())
    assert (image.reference, image.pulled_as, image.digest) == ("ghcr.io/t/x:v1", "r.example/t/x:v1", DIGEST)
    assert resolved("alpine", Reference.parse("alpine"), FOUND, Where()).digest == OTHER
    assert (image.user, image.platform, image.labels) == ("10001", "linux/amd64", {"io.dstream.provider": "{}"})


def test_an_image_built_here_has_no_digest() -> None:
    image = resolved(
        "x", Reference.parse("x"), {"Id": "sha256:1", "RepoDigests": None, "Config": {"Labels": None}}, Where()
    )
    assert image.digest is None
    assert image.labels == {}


def test_an_image_of_another_digest_than_pinned_is_refused() -> None:
    pinned = Reference.parse(f"r.example/t/x@{OTHER}")
    with pytest.raises(ConfigError, match=r"image\.digest"):
        resolved(str(pinned), pinned, FOUND, Where())
    assert resolved("x", Reference.parse(f"r.example/t/x@{DIGEST}"), FOUND, Where()).digest == DIGEST


@pytest.mark.parametrize(
    ("image", "engine", "runs"),
    [
        ("linux/amd64", "linux/amd64", True),
        ("linux/386", "linux/amd64", True),
        ("linux/arm/v7", "linux/arm64", True),
        ("linux/arm64/v8", "linux/arm64", True),
        ("linux/arm64", "linux/amd64", False),
        ("windows/amd64", "linux/amd64", False),
    ],
)
def test_an_engine_runs_images_of_its_own_platform(image: str, engine: str, runs: bool) -> None:
    assert runs_on(image, engine) is runs


def test_a_platform_asked_for_is_compared_as_far_as_both_go() -> None:
    assert same_platform("linux/arm64/v8", "linux/arm64")
    assert same_platform("linux/amd64", "Linux/x86_64")
    assert not same_platform("linux/arm/v6", "linux/arm/v7")
    assert not same_platform("linux/amd64", "linux/arm64")


def test_an_engines_own_platform_is_spelt_as_images_spell_theirs() -> None:
    assert platform_of({"Os": "linux", "Arch": "x86_64"}) == "linux/amd64"
    assert platform_of({"Os": "linux", "Architecture": "arm64", "Variant": "v8"}) == "linux/arm64/v8"


def test_progress_of_a_layer_and_of_the_whole_image() -> None:
    layer = {"status": "Downloading", "id": "dfdefa236844", "progressDetail": {"current": 5, "total": 10}}
    assert pull_event("x", layer).layer == "dfdefa236844"
    assert (pull_event("x", layer).current, pull_event("x", layer).total) == (5, 10)
    assert pull_event("x", {"status": "Pulling from t/x", "id": "v1"}).layer is None
    assert pull_event("x", {"status": f"Digest: {DIGEST}"}).current is None
