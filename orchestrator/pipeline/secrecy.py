"""Which of a provider's config values are secret by its own schema: what it marks `writeOnly`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dstream_sdk.protocol import Description
from orchestrator.pipeline.config_schema import secret_parts


def secret_values(description: Description | None, config: Mapping[str, Any]) -> list[str]:
    """Every text of `config` under a `writeOnly` property, as given in HCL."""
    if description is None or description.config_schema is None:
        return []
    marked = secret_parts(description.config_schema, config).values()
    return sorted({text for value in marked for text in _texts(value) if text})


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
