"""What catalogs offer, for tests of the site."""

from __future__ import annotations

from typing import Any

from dstream_sdk.protocol import CatalogEntry, Description
from orchestrator.cli.marketplace.site.rendering import Shown
from orchestrator.registry.catalogs.search import Offer

DIGEST = "sha256:" + "0" * 64


def entry(repository: str = "registry.test/team/p", *, tag: str = "v1.2.3", **said: Any) -> CatalogEntry:
    """A catalog's entry for an image; what is `said` is the description's."""
    words = {"name": "p", "role": "input", "protocol": 1, **said}
    return CatalogEntry(repository, "image", tag, DIGEST, Description(**words), ["linux/amd64"], 75_200_000)


def shown(offered: CatalogEntry, schema: dict[str, Any] | str = "it announces none") -> Shown:
    """As its page shows it."""
    return Shown.of(Offer(offered, "registry.test/team/dstream-catalog"), schema)
