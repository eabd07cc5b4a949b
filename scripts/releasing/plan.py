"""What a git tag releases."""

from __future__ import annotations

from pathlib import Path

from releasing.units import CORE, REPOSITORY, UNRELEASED, Unit, unit, units
from releasing.version import Refused, Version


def tagged(tag: str, root: Path = REPOSITORY) -> tuple[Unit, Version]:
    """What a tag releases. Raises `Refused` where the tree says anything else, or that it is not to be released yet."""
    before, slash, last = tag.rpartition("/")
    if not last.startswith("v") or (slash and not before):
        raise Refused(f"`{tag}` releases nothing: tags are vX.Y.Z and IMAGE/vX.Y.Z")
    released, version = unit(before or CORE, root), Version.parse(last[1:])
    _agreeing(released)
    if released.version() != version:
        raise Refused(f"`{tag}` is not the version of {released.name}, which is {released.version()}")
    if released.release()[1] == UNRELEASED:
        named = "" if released.name == CORE else f"{released.name} "
        raise Refused(
            f"{released.changelog.relative_to(root)} calls {version} {UNRELEASED}: scripts/version-bump {named}release"
        )
    return released, version


def images_with(released: Unit) -> list[Unit]:
    """The provider images that are published with what a tag releases: with `dstream` all that are called released."""
    if released.name != CORE:
        return [released]
    images = [each for each in units(released.root) if each.name != CORE]
    for image in images:
        _agreeing(image)
    return [image for image in images if image.release()[1] != UNRELEASED]


def _agreeing(unit: Unit) -> None:
    if wrong := unit.disagreements():
        raise Refused("\n  ".join(["the versions disagree:", *wrong]))
