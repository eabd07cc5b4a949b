"""What a catalog of providers says: the JSON in the only layer of an OCI artifact of type `CATALOG_TYPE`."""

from __future__ import annotations

from typing import Literal

import msgspec

from dstream_sdk.protocol.messages import Description


class CatalogEntry(msgspec.Struct, omit_defaults=True):
    """One provider: where it is, and what its newest version says of itself.

    `repository` is a reference without tag and digest; `tag` is the newest version's, `digest` what it
    meant when the catalog was made (of the index, where there is one). `provider` is the description
    without its `config_schema`. `size` is what a pull for the first of `platforms` transfers, in bytes.
    """

    repository: str
    kind: Literal["image", "artifact"]
    tag: str
    digest: str
    provider: Description
    platforms: list[str] = []
    size: int | None = None


class Catalog(msgspec.Struct, omit_defaults=True):
    """All the providers of a namespace. `catalog` is the version of this format."""

    catalog: int
    title: str = ""
    providers: list[CatalogEntry] = []
