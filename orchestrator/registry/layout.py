"""What is where in a provider's artifact. Pure.

An artifact holds one executable per platform, in one of two forms: a manifest whose layers are called
`plugin.<os>_<architecture>` (or `provider.…`), with `.exe` behind it where that is the custom; or, better, an index
with one manifest per platform, each holding the one executable. A layer called `provider.json`, or the annotation
`io.dstream.provider` of the manifest, is the description.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dstream_sdk.protocol import LABEL
from orchestrator.errors import ConfigError, DstreamError, Where
from orchestrator.registry.image import best_platform

if TYPE_CHECKING:
    from orchestrator.config.model import Kind
    from orchestrator.registry.manifest import Descriptor, Manifest

TITLE = "org.opencontainers.image.title"
DESCRIPTION_TITLE = "provider.json"
_PACKED = "io.deis.oras.content.unpack"  # oras sets it on a folder, which it packs
_PER_PLATFORM = re.compile(r"(?:plugin|provider)\.([a-z0-9]+)_([a-z0-9]+)(?:_(v[0-9]+))?(?:\.exe)?")
_HINT = "see `docs/artifacts.md` for the two forms of a provider's artifact"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where one platform's parts are. `announced` is the annotation's text, `description` the layer with one."""

    executable: Descriptor
    description: Descriptor | None
    announced: str | None


def layout_of(manifest: Manifest, platform: str) -> Layout:
    """The parts of `manifest`, a platform's own and no index.

    Raises `ConfigError`: `provider.kind` for what is no provider's artifact, `image.platform` for one without an
    executable for `platform`, `artifact.layout` for one in neither form.
    """
    if manifest.kind != "artifact":
        raise wrong_kind(manifest)
    titled = {_name(layer): layer for layer in manifest.layers}
    return Layout(_executable(manifest, platform), titled.get(DESCRIPTION_TITLE), manifest.annotations.get(LABEL))


def executables(manifest: Manifest) -> dict[str, Descriptor]:
    """The layers that are named for a platform, by `os/architecture[/variant]`; empty for the form with an index."""
    found = {}
    for layer in manifest.layers:
        if named := _PER_PLATFORM.fullmatch(_name(layer)):
            found["/".join(part for part in named.groups() if part)] = layer
    return found


def check_kind(kind: Kind, manifest: Manifest) -> None:
    """Raises `ConfigError` (`provider.kind`) unless `manifest`, a platform's own, is of the `kind` that HCL says."""
    if kind == "image" and manifest.kind != "image":
        raise no_image(manifest)
    if kind == "ref" and manifest.kind != "artifact":
        raise wrong_kind(manifest)


def wrong_kind(manifest: Manifest) -> DstreamError:
    """The error for a `provider_ref` that leads to something else than a provider's artifact."""
    named = f"`{manifest.reference.familiar}`"
    where = Where(image=str(manifest.reference))
    if manifest.kind == "image":
        hint = "name it with `provider_image`, which runs it as a container"
        return ConfigError(
            "provider.kind", f"{named} is an image; `provider_ref` takes an artifact", hint=hint, where=where
        )
    return ConfigError("provider.kind", f"{named} is no provider but {_other(manifest)}", hint=_HINT, where=where)


def no_image(manifest: Manifest) -> DstreamError:
    """The error for a `provider_image` that leads to something else than an image."""
    named = f"`{manifest.reference.familiar}`"
    where = Where(image=str(manifest.reference))
    if manifest.kind == "artifact":
        hint = "name it with `provider_ref`, which runs it as a process of this host"
        message = f"{named} is an artifact; `provider_image` takes an image"
        return ConfigError("provider.kind", message, hint=hint, where=where)
    return ConfigError("provider.kind", f"{named} is no image but {_other(manifest)}", where=where)


def _other(manifest: Manifest) -> str:
    if manifest.kind == "catalog":
        return "a catalog of providers"
    return f"of type `{manifest.artifact_type}`" if manifest.artifact_type else "of a type that is not known"


def _executable(manifest: Manifest, platform: str) -> Descriptor:
    where = Where(image=str(manifest.reference))
    offered = executables(manifest)
    if offered:
        best = best_platform(offered, platform)
        if best is None:
            message = f"`{manifest.reference.familiar}` is for {', '.join(offered)}, not for {platform}"
            hint = "use a version that is built for your platform"
            raise ConfigError("image.platform", message, hint=hint, where=where)
        return offered[best]
    files = [layer for layer in manifest.layers if not _name(layer).endswith(".json")]
    if len(files) != 1 or files[0].annotations.get(_PACKED) == "true":
        has = f"{len(files)} files, and none is named for a platform" if len(files) != 1 else "a packed folder"
        message = f"`{manifest.reference.familiar}` has {has}"
        raise ConfigError("artifact.layout", message, hint=_HINT, where=where)
    return files[0]


def _name(layer: Descriptor) -> str:
    """The file's name, without the folder that it was pushed from."""
    return layer.annotations.get(TITLE, "").rpartition("/")[2]
