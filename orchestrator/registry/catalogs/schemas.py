"""The schemas of the config of what catalogs offer. Catalogs leave them out, so their registries are asked."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from dstream_sdk.protocol import NOT_JSON, Description
from orchestrator.errors import DstreamError, Where
from orchestrator.registry.catalogs.survey import ANY_PLATFORM, AT_ONCE, of_one_repository
from orchestrator.registry.describe import describe
from orchestrator.registry.reference import Reference
from orchestrator.registry.together import together

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.registry.catalogs.search import Offer
    from orchestrator.registry.describe import Content


def config_schemas(content: Content, offers: Sequence[Offer]) -> list[Mapping[str, Any] | str]:
    """Each one's schema, in the order of `offers`, or in words why it is not known.

    What is read is what the catalog's digest means, so the same catalog gives the same. Blocks; several are asked at
    once. Raises as `RegistryClient` does for a registry that cannot be asked, and `ConfigError` (`reference.invalid`)
    for a tag or digest that is none.
    """
    return together(partial(_schema, content), [(offer, pinned(offer)) for offer in offers], at_once=AT_ONCE)


def pinned(offer: Offer) -> Reference:
    """What the catalog offers, tag and digest. Raises `ConfigError` (`reference.invalid`)."""
    return Reference.parse(f"{offer.reference}@{offer.entry.digest}", where=Where(image=offer.catalog))


def _schema(content: Content, asked: tuple[Offer, Reference]) -> Mapping[str, Any] | str:
    offer, reference = asked
    if offer.entry.provider.config_schema is not None:
        return offer.entry.provider.config_schema
    platforms = offer.entry.platforms
    try:
        announced = describe(content, reference, platforms[0] if platforms else ANY_PLATFORM).description
        description = msgspec.json.decode(announced or b"", type=Description)
    except NOT_JSON:
        return "its registry has no description of it any more"
    except DstreamError as error:
        if of_one_repository(error):
            return error.message
        raise
    if description.config_schema is not None:
        return description.config_schema
    return "it is too large to be announced" if description.describe else "it announces none"
