"""Which of a provider's config values are secret by its own schema: what it marks `writeOnly`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.pipeline.provider import Prepared


def secret_values(prepared: Prepared) -> list[str]:
    """Every text under a `writeOnly` property, as given in HCL."""
    description = prepared.description
    if description is None or description.config_schema is None:
        return []
    schema = description.config_schema
    return sorted({text for text in _marked(schema, schema, prepared.spec.config, depth=0) if text})


def _marked(root: Mapping[str, Any], schema: Any, value: Any, depth: int) -> Iterator[str]:
    if not isinstance(schema, Mapping) or depth > 32:  # a schema may refer to itself
        return
    if schema.get("writeOnly"):
        yield from _texts(value)
        return
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/"):
        target: Any = root
        for part in reference[2:].split("/"):
            target = target.get(part, {}) if isinstance(target, Mapping) else {}
        yield from _marked(root, target, value, depth + 1)
    for keyword in ("allOf", "anyOf", "oneOf"):
        for option in schema.get(keyword, ()):
            yield from _marked(root, option, value, depth + 1)
    if isinstance(value, Mapping):
        properties = schema.get("properties", {})
        for key, item in value.items():
            yield from _marked(root, properties.get(key, schema.get("additionalProperties")), item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _marked(root, schema.get("items"), item, depth + 1)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
