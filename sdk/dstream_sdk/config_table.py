"""A provider's config keys as a table, from the schema that it announces."""

from __future__ import annotations

import json
from typing import Any

from dstream_sdk.protocol.messages import Description


def config_table(description: Description) -> str:
    """The provider's config keys as a Markdown table."""
    schema = description.config_schema or {}
    if not schema.get("properties"):
        return "This provider has no config."
    rows = ["| Key | Type | Default | Example | Meaning |", "|---|---|---|---|---|"]
    rows += _rows(schema, schema, "")
    return "\n".join(rows)


def _rows(node: dict[str, Any], root: dict[str, Any], prefix: str) -> list[str]:
    rows: list[str] = []
    required = node.get("required", [])
    for name, given in node.get("properties", {}).items():
        field = _resolved(given, root)
        keys = ", ".join(f"`{prefix}{key}`" for key in (name, *field.get("x-aliases", ())))
        default = "required" if name in required else _code(field["default"]) if "default" in field else ""
        example = _code(field["examples"][0]) if field.get("examples") else ""
        cells = (keys, _type(field, root), default, example, field.get("description", ""))
        rows.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
        rows += _rows(field, root, f"{prefix}{name}.")
    return rows


def _resolved(field: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """The field with what it refers to; its own words win over those of the referred model."""
    reference = field.get("$ref")
    if reference is None:
        return field
    return {**root["$defs"][reference.removeprefix("#/$defs/")], **field}


def _type(field: dict[str, Any], root: dict[str, Any]) -> str:
    if "enum" in field:
        return " or ".join(_code(choice) for choice in field["enum"])
    if "const" in field:
        return _code(field["const"])
    if "anyOf" in field:
        return " or ".join(_type(_resolved(choice, root), root) for choice in field["anyOf"])
    if field.get("writeOnly"):
        return "string, secret"
    if field.get("type") == "array":
        return f"list of {_type(_resolved(field.get('items', {}), root), root)}"
    return str(field.get("type", "any"))


def _code(value: object) -> str:
    return f"`{json.dumps(value, ensure_ascii=False)}`"
