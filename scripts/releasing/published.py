"""What of an image is in a registry, and the tags by which its versions are found. Needs the project's environment.

python -m releasing.published find HOST/NAMESPACE NAME        prints its reference, with the digest if it is there
python -m releasing.published tag HOST/NAMESPACE/NAME@DIGEST  prints the tags that it gave the version of the tree
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace

from orchestrator.errors import ConfigError, DstreamError
from orchestrator.registry.client import RegistryClient
from orchestrator.registry.reference import Reference
from releasing.units import CORE, unit
from releasing.version import Refused, Version

BASE = "dstream-provider-base"


def version_of(image: str) -> Version:
    """The version of the tree. Raises `Refused` for what is no image."""
    return unit(CORE if image == BASE else image).version()


def tags_of(version: Version, known: Iterable[str]) -> list[str]:
    """The tags that a version takes, where a repository has those `known`.

    `v1.2` and `latest` stay with a later version that is there; a pre-release takes none of them.
    """
    if not version.final:
        return [f"v{version}"]
    others = [other for other in map(_version, known) if other is not None and other.final and other > version]
    tags = [f"v{version}"]
    if all((other.major, other.minor) != (version.major, version.minor) for other in others):
        tags.append(f"v{version.major}.{version.minor}")
    return tags if others else [*tags, "latest"]


def find(client: RegistryClient, namespace: str, image: str) -> Reference:
    """The reference of the tree's version, with its digest where the registry has it."""
    reference = Reference.parse(f"{namespace}/{image}:v{version_of(image)}")
    try:
        return reference.with_digest(client.resolve(reference).digest)
    except ConfigError as error:
        if error.code != "image.not_found":
            raise
        return reference


def give_tags(client: RegistryClient, reference: Reference) -> list[str]:
    """Let the tags of the tree's version mean the digest of `reference`; which ones. Its own comes first."""
    version = version_of(reference.repository.rpartition("/")[2])
    try:
        known = client.tags(reference)
    except ConfigError as error:
        if error.code != "image.not_found":
            raise
        known = []
    tags = tags_of(version, known)
    for tag in tags:
        client.tag(replace(reference, tag=None), tag)
    return tags


def _version(tag: str) -> Version | None:
    try:
        return Version.parse(tag.removeprefix("v"))
    except Refused:
        return None


def main(given: list[str]) -> int:
    try:
        with RegistryClient() as client:
            match given:
                case ["find", namespace, image]:
                    print(find(client, namespace, image))
                case ["tag", reference]:
                    print(*give_tags(client, Reference.parse(reference)), sep="\n")
                case _:
                    print(__doc__, file=sys.stderr)
                    return 3
    except (DstreamError, Refused) as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code if isinstance(error, DstreamError) else 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
