"""What is installed on this host, what the tasks use, and how `providers list` shows both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator.cli.invocation import DEFAULT_FILE
from orchestrator.cli.marketplace.offers import description_fields, directions, offer_fields
from orchestrator.errors import UnavailableError
from orchestrator.registry.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from orchestrator.cli.invocation import Invocation
    from orchestrator.config.model import Use
    from orchestrator.registry.catalogs.inventory import Installed, Provider
    from orchestrator.settings import Settings


def installed_here(settings: Settings) -> tuple[list[Installed], UnavailableError | None]:
    """The artifacts that were pulled, the provider images of the engine, and why it does not say where it does not."""
    from dstream_sdk.protocol import LABEL
    from orchestrator.cli.engine import engine_host
    from orchestrator.cli.sources import artifact_cache
    from orchestrator.registry.catalogs.inventory import installed_artifact, installed_image
    from orchestrator.registry.pull import EngineImages

    cache = artifact_cache()
    artifacts = [installed_artifact(entry) for entry in cache.stored()]
    cache.close()
    engine = EngineImages(engine_host(settings.engine_host), settings.mirrors)
    try:
        images = engine.labelled(LABEL)
    except UnavailableError as error:
        return artifacts, error
    finally:
        engine.close()
    return artifacts + [each for image in images for each in installed_image(image)], None


def used_here(invocation: Invocation, variables: Sequence[str], files: Sequence[Path]) -> list[Use]:
    """What the tasks use; nothing where there is no dstream.hcl. Raises `ConfigError`."""
    if invocation.config == DEFAULT_FILE and not DEFAULT_FILE.exists():
        return []
    return list(invocation.project(variables, files).uses())


def provider_row(provider: Provider) -> tuple[str, ...]:
    """For people, by the headings of `providers list`."""
    description = provider.description
    return (
        provider.repository,
        directions(description) if description else "",
        provider.offer.entry.tag if provider.offer else "",
        ", ".join(dict.fromkeys(each.version for each in provider.installed)),
        ", ".join(f"{use.task} ({_version(use)})" for use in provider.uses),
        description.title if description else "",
    )


def provider_fields(provider: Provider) -> dict[str, Any]:
    """For programs."""
    described = description_fields(provider.description) if provider.description else {}
    return {
        "repository": provider.repository,
        **(offer_fields(provider.offer) if provider.offer else described),
        "newest": provider.offer.entry.tag if provider.offer else None,
        "newer": provider.newer,
        "installed": [{"version": each.version, "tag": each.tag, "digest": each.digest} for each in provider.installed],
        "tasks": [{"task": use.task, "role": use.role, "reference": use.reference} for use in provider.uses],
    }


def _version(use: Use) -> str:
    reference = Reference.parse(use.reference)
    return reference.digest[:19] if reference.digest and not reference.tag else reference.tag_or_latest
