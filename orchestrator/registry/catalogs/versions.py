"""Which of a repository's tags is its newest version. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from semver import Version

from orchestrator.registry.reference import DEFAULT_TAG

if TYPE_CHECKING:
    from collections.abc import Iterable


def version_of(tag: str) -> Version | None:
    """`v2.1.0`, `2.1` and `2.1.0-rc.1` are versions; `v2`, `latest` and a commit's number are not: they move."""
    if "." not in tag:
        return None
    try:
        return Version.parse(tag.removeprefix("v"), optional_minor_and_patch=True)
    except ValueError:
        return None


def newest(tags: Iterable[str]) -> str | None:
    """The highest release, else the highest pre-release, else `latest`, else the last by name; None without any.

    Of two spellings of one version (`v2.1` and `v2.1.0`) the longer one is meant: the other may move.
    """
    # Signatures and referrers of `sha256:…` are kept under tags that begin so.
    named = [tag for tag in tags if not tag.startswith("sha256-")]
    versions = [(version, tag) for tag in named if (version := version_of(tag)) is not None]
    releases = [(version, tag) for version, tag in versions if version.prerelease is None]
    if versions:
        return max(releases or versions, key=lambda pair: (pair[0], len(pair[1])))[1]
    return DEFAULT_TAG if DEFAULT_TAG in named else max(named, default=None)


def is_newer(tag: str | None, than: str | None) -> bool:
    """Whether `tag` is a later version than `than`; never where one of them is no version."""
    one, other = version_of(tag or ""), version_of(than or "")
    return one is not None and other is not None and one > other
