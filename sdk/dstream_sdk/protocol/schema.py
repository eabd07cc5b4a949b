"""JSON Schemas of every message, made from the structs and committed beside this file.

`python -m dstream_sdk.protocol.schema` renews them; a test fails while they are stale.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import msgspec

from dstream_sdk.protocol import messages
from dstream_sdk.protocol.catalog import Catalog

FOLDER = Path(__file__).parent / "schemas"

_TYPES: dict[str, Any] = {
    "ack": messages.AckLine,
    "capabilities": list[messages.Capability],
    "catalog": Catalog,
    "check-reply": messages.CheckReply,
    "checkpoint": messages.CheckpointLine,
    "command-envelope": messages.CommandEnvelope,
    "description": messages.Description,
    "discover-reply": messages.DiscoverReply,
    "end": messages.EndLine,
    "envelope": messages.Envelope,
    "handshake": messages.Handshake,
    "lifecycle-reply": messages.LifecycleReply,
    "options": messages.Options,
    "reject": messages.RejectLine,
    "signal": messages.SignalLine,
    "stats": messages.StatsLine,
    "streams": list[messages.Stream],
}


def schemas() -> dict[str, dict[str, Any]]:
    """Every schema by the name of its file, without the suffix."""
    return {
        name: {"$schema": "https://json-schema.org/draft/2020-12/schema", **_clean(msgspec.json.schema(kind))}
        for name, kind in _TYPES.items()
    }


def _clean(node: Any) -> Any:
    """Descriptions are docstrings; some Python versions keep their indentation."""
    if isinstance(node, dict):
        return {
            key: inspect.cleandoc(value) if key == "description" and isinstance(value, str) else _clean(value)
            for key, value in node.items()
        }
    return [_clean(item) for item in node] if isinstance(node, list) else node


def files() -> dict[Path, str]:
    """What the committed files should hold."""
    return {
        FOLDER / f"{name}.json": msgspec.json.format(msgspec.json.encode(schema, order="deterministic")).decode() + "\n"
        for name, schema in schemas().items()
    }


def main() -> None:
    """Write every file."""
    FOLDER.mkdir(exist_ok=True)
    for path, text in files().items():
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
