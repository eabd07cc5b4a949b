"""What is offered, installed and used, by repository."""

from __future__ import annotations

import pytest

from dstream_sdk.protocol import CatalogEntry, Description
from orchestrator.config.model import Use
from orchestrator.errors import ConfigError, Where
from orchestrator.registry.cache import Stored
from orchestrator.registry.catalogs.inventory import Installed, installed_artifact, installed_image, inventory
from orchestrator.registry.catalogs.search import Offer
from orchestrator.registry.image import LabelledImage

DIGEST = "sha256:" + "0" * 64
MSSQL = "ghcr.io/katasec/mssql"
ABOUT = Description(name="mssql", role="input", protocol=1, version="2.0.0")


def offer(repository: str = MSSQL, tag: str = "v2.1.0") -> Offer:
    return Offer(CatalogEntry(repository, "image", tag, DIGEST, ABOUT), "c")


def use(reference: str, task: str = "orders") -> Use:
    return Use(task, "input", "image", reference, Where(file="dstream.hcl", line=3))


def test_the_three_meet_by_repository() -> None:
    here = Installed(MSSQL, "v2.0.0", DIGEST, ABOUT)
    local = Installed("docker.io/library/mine", "latest", None, None)
    used = [use(f"{MSSQL}:v2.0.0"), use("ghcr.io/other/x")]
    found = inventory([offer()], [local, here], used, {})
    assert [each.repository for each in found] == ["docker.io/library/mine", MSSQL, "ghcr.io/other/x"]
    assert found[0].offer is None
    assert found[0].description is None
    assert found[1].installed == (here,)
    assert found[1].uses == (used[0],)
    assert found[1].description == ABOUT


def test_what_came_from_a_mirror_counts_as_what_it_stands_for() -> None:
    mirrors = {"ghcr.io/katasec": "127.0.0.1:5000/katasec"}
    here = Installed("127.0.0.1:5000/katasec/mssql", "v2.1.0", DIGEST, ABOUT)
    [found] = inventory([offer()], [here], [], mirrors)
    assert found.installed == (here,)
    [alone] = inventory([], [here], [], mirrors)
    assert alone.repository == "127.0.0.1:5000/katasec/mssql"


@pytest.mark.parametrize(
    ("installed", "used", "newer"),
    [
        ([], [], None),
        (["v2.0.0"], [], "v2.1.0"),
        (["v2.0.0", "v2.1.0"], [], None),
        (["latest"], [], None),
        (["v2.1.0"], ["v2.0.0"], "v2.1.0"),
        (["v2.0.0"], ["v2.1.0"], None),
        ([], ["v2.1.0", "v1.0.0"], "v2.1.0"),
        ([], ["v3.0.0"], None),
    ],
)
def test_a_newer_version_is_known_where_what_is_used_or_else_installed_is_older(
    installed: list[str], used: list[str], newer: str | None
) -> None:
    here = [Installed(MSSQL, tag, DIGEST, ABOUT) for tag in installed]
    [found] = inventory([offer()], here, [use(f"{MSSQL}:{tag}") for tag in used], {})
    assert found.newer == newer


def test_an_executable_is_no_repository() -> None:
    assert inventory([], [], [Use("orders", "input", "path", "/opt/counter", Where())], {}) == []


def test_a_bad_reference_is_refused_at_its_place() -> None:
    with pytest.raises(ConfigError) as caught:
        inventory([], [], [use("ghcr.io/Katasec/x")], {})
    assert caught.value.where.line == 3


def test_an_image_is_installed_under_each_of_its_names() -> None:
    label = '{"name":"mssql","role":"input","protocol":1,"version":"2.0.0"}'
    image = LabelledImage("sha256:1", (f"{MSSQL}:v2.0.0", "mine:dev"), (f"{MSSQL}@{DIGEST}",), label)
    assert installed_image(image) == [
        Installed(MSSQL, "v2.0.0", DIGEST, ABOUT),
        Installed("docker.io/library/mine", "dev", None, ABOUT),
    ]


def test_an_artifact_is_installed_under_the_name_of_its_first_pull() -> None:
    digest = "sha256:" + "1" * 64
    assert installed_artifact(Stored(f"{MSSQL}:v1.0.0", digest, "linux/amd64", 1, 0.0)) == Installed(
        MSSQL, "v1.0.0", digest, None
    )
    assert installed_artifact(Stored("\ufffd", digest, "linux/amd64", 1, 0.0)).repository == digest


def test_an_image_that_lost_its_names_is_known_by_digest_and_its_own_version() -> None:
    [found] = installed_image(
        LabelledImage(
            "sha256:1", (), (f"{MSSQL}@{DIGEST}",), '{"name":"mssql","role":"input","protocol":1,"version":"2.0.0"}'
        )
    )
    assert (found.repository, found.tag, found.digest, found.version) == (MSSQL, None, DIGEST, "2.0.0")
    [silent] = installed_image(LabelledImage("sha256:1", (), (f"{MSSQL}@{DIGEST}",), "nonsense"))
    assert silent.version == "?"
