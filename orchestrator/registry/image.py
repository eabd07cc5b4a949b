"""An image as an engine describes it: pinned, and for a platform. Pure."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestrator.errors import ConfigError, Where
from orchestrator.registry.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ARCHITECTURES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "i386": "386", "armhf": "arm"}
_ALSO_RUNS = {"amd64": "386", "arm64": "arm"}


@dataclass(frozen=True, slots=True)
class PullEvent:
    """One step of a pull. `layer` is None for what concerns the whole image.

    `reference` is what the user wrote; `current` and `total` are bytes, None where the engine does not say.
    """

    reference: str
    layer: str | None
    status: str
    current: int | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class ResolvedImage:
    """An image that is on the engine, pinned.

    `reference` is what the user wrote, `pulled_as` the same after mirrors. `digest` is the registry's,
    None for an image that was built on this host and never pushed or pulled. `also` are other digests of that
    repository by which this very image came; none where the reference is pinned. `user` is the image's own.
    """

    reference: str
    pulled_as: str
    digest: str | None
    image_id: str
    labels: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    platform: str = ""
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """An image on the engine that carries a label. `names` are `repository:tag`, `digests` `repository@sha256:…`."""

    image_id: str
    names: tuple[str, ...]
    digests: tuple[str, ...]
    label: str


def pull_event(reference: str, event: Mapping[str, Any]) -> PullEvent:
    """One object of the engine's pull stream."""
    progress = event.get("progressDetail") or {}
    status = str(event.get("status", ""))
    layer = event.get("id")
    if layer is not None and status.startswith("Pulling from "):
        layer = None  # there it is the tag
    return PullEvent(reference, layer, status, progress.get("current"), progress.get("total"))


def resolved(
    reference: str, target: Reference, found: Mapping[str, Any], where: Where, *, pulled: str | None = None
) -> ResolvedImage:
    """`found`, the engine's description of `target`. Raises `ConfigError` (`image.digest`).

    `pulled` is the digest that the engine named when it pulled it just now: one image may have several.
    """
    digests = [
        pinned.digest for pinned in map(Reference.parse, found.get("RepoDigests") or ()) if pinned.name == target.name
    ]
    if target.digest and target.digest not in (*digests, found["Id"]):
        raise ConfigError(
            "image.digest",
            f"the image `{reference}` on the engine does not have the digest that the reference is pinned to",
            hint=f"remove it with `docker rmi {target.pinned}` and run again",
            where=where,
        )
    config = found.get("Config") or {}
    digest = target.digest or (pulled if pulled in digests else next(iter(digests), None))
    return ResolvedImage(
        reference=reference,
        pulled_as=str(target),
        digest=digest,
        image_id=found["Id"],
        labels=config.get("Labels") or {},
        user=config.get("User") or "",
        platform=platform_of(found),
        also=() if target.digest else tuple(other for other in digests if other is not None and other != digest),
    )


def platform_of(description: Mapping[str, Any]) -> str:
    """`os/architecture` of an image or of an engine, as registries spell it."""
    system = str(description.get("Os") or "linux").lower()
    machine = str(description.get("Architecture") or description.get("Arch") or "").lower()
    variant = str(description.get("Variant") or "").lower()
    return "/".join(part for part in (system, _ARCHITECTURES.get(machine, machine), variant) if part)


def runs_on(image: str, engine: str) -> bool:
    """Whether an engine of platform `engine` runs an image of platform `image` without emulation."""
    (image_system, image_machine), (system, machine) = _parts(image), _parts(engine)
    return image_system == system and image_machine in (machine, _ALSO_RUNS.get(machine))


def same_platform(image: str, asked: str) -> bool:
    """Whether `image` is what a user `asked` for; a variant counts only where both name one."""
    one, other = image.split("/"), [part.lower() for part in asked.split("/")]
    other[1:2] = [_ARCHITECTURES.get(machine, machine) for machine in other[1:2]]
    return all(mine == theirs for mine, theirs in zip(one, other, strict=False))


def best_platform(offered: Iterable[str], asked: str) -> str | None:
    """The one of `offered` to take where `asked` is wanted: the same before one that the machine runs as well."""
    names = list(offered)
    for fits in (str.__eq__, same_platform, runs_on):
        for name in names:
            if fits(name, asked):
                return name
    return None


def host_platform() -> str:
    """`os/architecture` of this host, for what runs as a process of it."""
    return platform_of({"Os": sys.platform, "Architecture": platform.machine()})


def _parts(platform: str) -> tuple[str, str]:
    system, _, rest = platform.partition("/")
    return system, rest.partition("/")[0]
