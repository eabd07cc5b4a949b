"""Which tag is the newest version."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.registry.catalogs.versions import is_newer, newest, version_of

numbers = st.tuples(*[st.integers(0, 30)] * 3)


def tag(version: tuple[int, int, int]) -> str:
    return "v" + ".".join(map(str, version))


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([], None),
        (["latest", "v1.9.0", "v1.10.0", "v2"], "v1.10.0"),
        (["1.0.0", "v2.0.0-rc.1"], "1.0.0"),
        (["v2.0.0-rc.2", "v2.0.0-rc.10", "latest"], "v2.0.0-rc.10"),
        (["v2.1", "v2.1.0"], "v2.1.0"),
        (["main", "latest"], "latest"),
        (["b", "a"], "b"),
        (["20260101", "8f3c2d1", "v0.1.0"], "v0.1.0"),
        ([f"sha256-{'0' * 64}.sig"], None),
        (["dev", f"sha256-{'0' * 64}"], "dev"),
    ],
)
def test_the_newest_of_some_tags(tags: list[str], expected: str | None) -> None:
    assert newest(tags) == expected
    assert newest(reversed(tags)) == expected


@given(st.sets(numbers, min_size=1))
def test_versions_are_compared_as_numbers(versions: set[tuple[int, int, int]]) -> None:
    assert newest(map(tag, versions)) == tag(max(versions))


@given(numbers, numbers)
def test_only_a_later_version_is_newer(one: tuple[int, int, int], other: tuple[int, int, int]) -> None:
    assert is_newer(tag(one), tag(other)) == (one > other)


@pytest.mark.parametrize("moving", ["latest", "v2", None])
def test_a_tag_that_moves_is_neither_newer_nor_older(moving: str | None) -> None:
    assert not is_newer(moving, "v1.0.0")
    assert not is_newer("v9.0.0", moving)


@given(st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,30}", fullmatch=True))
def test_every_tag_is_a_version_or_none(text: str) -> None:
    version_of(text)
    assert newest([text]) in (text, None)
