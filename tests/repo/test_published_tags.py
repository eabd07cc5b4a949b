"""Which tags a version of an image takes, and which it leaves to others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releasing.published import tags_of
from releasing.version import Version


@pytest.mark.parametrize(
    ("version", "known", "tags"),
    [
        ("0.1.0", [], ["v0.1.0", "v0.1", "latest"]),
        ("0.1.0", ["v0.1.0", "v0.1", "latest"], ["v0.1.0", "v0.1", "latest"]),
        ("1.2.3", ["v1.2.2", "v1.1.9", "v1.2", "latest"], ["v1.2.3", "v1.2", "latest"]),
        ("1.2.3", ["v1.3.0", "latest"], ["v1.2.3", "v1.2"]),
        ("1.2.3", ["v1.2.4", "v1.2", "latest"], ["v1.2.3"]),
        ("1.2.3", ["v1.3.0-beta.1"], ["v1.2.3", "v1.2", "latest"]),
        ("1.2.3-beta.1", [], ["v1.2.3-beta.1"]),
        ("1.2.3", ["sha256-00.sig", "v2", "nightly", "1.2.4-dirty"], ["v1.2.3", "v1.2", "latest"]),
    ],
)
def test_a_version_takes_the_tags_that_no_later_one_has(version: str, known: list[str], tags: list[str]) -> None:
    assert tags_of(Version.parse(version), known) == tags


@given(st.permutations([f"1.{minor}.{patch}" for minor in range(3) for patch in range(3)]))
def test_whatever_the_order_of_releases_each_tag_ends_at_the_highest_version(order: list[str]) -> None:
    held: dict[str, str] = {}
    for version in order:
        held |= dict.fromkeys(tags_of(Version.parse(version), list(held)), version)
    assert held["latest"] == "1.2.2"
    assert [held[f"v1.{minor}"] for minor in range(3)] == ["1.0.2", "1.1.2", "1.2.2"]
