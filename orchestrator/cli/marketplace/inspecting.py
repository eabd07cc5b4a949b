"""What `dstream providers inspect` does once its arguments are read."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Any

from orchestrator.cli.marketplace.provider_page import page
from orchestrator.cli.sources import registry_client
from orchestrator.cli.terminal.events import emit, json_text
from orchestrator.config.folders import cache_folder
from orchestrator.errors import ConfigError, Where
from orchestrator.pipeline.description import read
from orchestrator.registry.content_cache import ContentCache
from orchestrator.registry.describe import Announcement, describe
from orchestrator.registry.image import best_platform, host_platform
from orchestrator.registry.layout import executables, wrong_kind
from orchestrator.registry.reference import Reference

if TYPE_CHECKING:
    from dstream_sdk.protocol import Description
    from orchestrator.cli.invocation import Invocation


def inspect_and_show(invocation: Invocation, text: str, *, schema: bool, platform: str | None) -> None:
    """Raises `ConfigError`: `provider.kind` for what is no provider, `provider.description` for one that says
    something else, `provider.schema` where the schema was asked for and there is none.
    """
    settings = invocation.settings()
    reference = Reference.parse(text)
    with registry_client(settings) as client:
        content = ContentCache(cache_folder() / "content", client)
        reference = content.pinned(reference)
        announcement = describe(content, reference, platform or _platform(content, reference))
    if announcement.kind not in ("image", "artifact"):
        raise wrong_kind(announcement.manifest)
    if platform is not None and best_platform(announcement.platforms, platform) is None:
        raise announcement.manifest.lacks(platform, announcement.platforms)
    description = _description(announcement, text)
    if schema:
        print(json_text(_schema(description, text), indent=2))
    elif invocation.json:
        emit(_fields(announcement, description, text))
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        for line in page(announcement, description, text, width=width):
            print(line)


def _platform(content: ContentCache, reference: Reference) -> str:
    """This host's where there is one for it, else any: what is said of a provider is the same on all of them."""
    manifest = content.manifest(reference)
    offered = manifest.platforms or tuple(executables(manifest))
    host = host_platform()
    return best_platform(offered, host) or next(iter(offered), host)


def _description(announcement: Announcement, text: str) -> Description | None:
    if announcement.description is None:
        return None
    return read(announcement.description, f"what `{text}` announces", Where(image=text))


def _schema(description: Description | None, text: str) -> dict[str, Any]:
    if description is not None and description.config_schema is not None:
        return description.config_schema
    hint = (
        "it is too large to be announced; the provider's README has it"
        if description and description.describe
        else None
    )
    raise ConfigError(
        "provider.schema", f"`{text}` announces no schema for its config", hint=hint, where=Where(image=text)
    )


def _fields(announcement: Announcement, description: Description | None, text: str) -> dict[str, Any]:
    return {
        "event": "provider",
        "reference": text,
        "kind": announcement.kind,
        "digest": announcement.descriptor.digest,
        "platforms": list(announcement.platforms),
        "size": announcement.size,
        "description": None if description is None else _every_field(description),
    }


def _every_field(description: Description) -> dict[str, Any]:
    """Also those that have their default, which a message on the wire leaves out."""
    return {name: getattr(description, name) for name in description.__struct_fields__}
