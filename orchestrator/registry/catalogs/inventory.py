"""The providers that are known here: what catalogs offer, what is installed, and which tasks use it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from dstream_sdk.protocol import NOT_JSON, Description
from orchestrator.errors import ConfigError
from orchestrator.registry.catalogs.versions import is_newer, newest
from orchestrator.registry.reference import Reference, rewrite

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from orchestrator.config.model import Use
    from orchestrator.registry.cache import Stored
    from orchestrator.registry.catalogs.search import Offer
    from orchestrator.registry.image import LabelledImage


@dataclass(frozen=True, slots=True)
class Installed:
    """One version that is on this host: on the engine, or in the cache of artifacts."""

    repository: str
    tag: str | None
    digest: str | None
    description: Description | None

    @property
    def version(self) -> str:
        """Its tag, or what it says of itself where it has none."""
        return self.tag or (self.description and self.description.version) or "?"


@dataclass(frozen=True, slots=True)
class Provider:
    """One repository, and all that is known of it. At least one of the three is there."""

    repository: str
    offer: Offer | None
    installed: tuple[Installed, ...] = ()
    uses: tuple[Use, ...] = ()

    @property
    def description(self) -> Description | None:
        """What the newest version that is known says of itself."""
        if self.offer:
            return self.offer.entry.provider
        return next((each.description for each in self.installed if each.description), None)

    @property
    def newer(self) -> str | None:
        """The version that a catalog has, where one that a task uses, or else each installed one, is older."""
        if self.offer is None:
            return None
        tag = self.offer.entry.tag
        used = [Reference.parse(use.reference).tag for use in self.uses]
        old = used or [newest(each.version for each in self.installed)]
        return tag if any(is_newer(tag, than) for than in old) else None


def installed_image(image: LabelledImage) -> list[Installed]:
    """An image on the engine under each of its names, or once by digest where it has lost them."""
    try:
        description = msgspec.json.decode(image.label, type=Description)
    except NOT_JSON:
        description = None
    digests = {pinned.name: pinned.digest for pinned in map(Reference.parse, image.digests)}
    names = [Reference.parse(name) for name in image.names]
    named = [Installed(name.name, name.tag, digests.get(name.name), description) for name in names]
    return named or [Installed(name, None, digest, description) for name, digest in digests.items()]


def installed_artifact(entry: Stored) -> Installed:
    """An entry of the cache of artifacts, under the name by which it was first pulled."""
    try:
        name = Reference.parse(entry.reference)
    except ConfigError:  # the name is there for people, and nothing keeps it from damage
        return Installed(entry.digest, None, entry.digest, None)
    return Installed(name.name, name.tag, entry.digest, None)


def inventory(
    offers: Iterable[Offer], installed: Iterable[Installed], uses: Iterable[Use], mirrors: Mapping[str, str]
) -> list[Provider]:
    """All three by repository, in the order of its name.

    What was pulled from one of the `mirrors` counts as the repository that it stands for, as far as a
    catalog or a task names that. Raises `ConfigError` (`reference.invalid`) for a task's bad reference.
    """
    offered = {offer.entry.repository: offer for offer in offers}
    used: dict[str, list[Use]] = {}
    for use in uses:
        if use.kind != "path":
            used.setdefault(Reference.parse(use.reference, where=use.where).name, []).append(use)
    named = sorted({*offered, *used})
    pulled_as = {rewrite(Reference.parse(name), mirrors).name: name for name in named} if mirrors else {}
    here: dict[str, list[Installed]] = {}
    for each in installed:
        name = each.repository if each.repository in (offered | used) else pulled_as.get(each.repository)
        here.setdefault(name or each.repository, []).append(each)
    return [
        Provider(name, offered.get(name), tuple(here.get(name, ())), tuple(used.get(name, ())))
        for name in sorted({*named, *here})
    ]
