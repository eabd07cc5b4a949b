"""What a provider announces of itself, read from where it stands: a label, an annotation, `provider.json`.

Each function gives None for a provider that announces nothing, and raises `ConfigError` (`provider.description`,
`provider.protocol`, `provider.role`) at the provider's place for an announcement that is of no use there.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from dstream_sdk.protocol import LABEL, NOT_JSON, PROTOCOL_VERSION, Description
from orchestrator.config.model import ProviderSpec
from orchestrator.errors import ConfigError, Where

FILE = "provider.json"


def from_label(labels: Mapping[str, str], spec: ProviderSpec) -> Description | None:
    """From an image's labels."""
    text = labels.get(LABEL)
    return None if text is None else decode(text.encode(), f"label `{LABEL}` of `{spec.reference}`", spec)


def from_bytes(text: bytes | None, spec: ProviderSpec) -> Description | None:
    """From what an artifact has as its description."""
    return None if text is None else decode(text, f"the description of `{spec.reference}`", spec)


def from_program(program: str, spec: ProviderSpec) -> Description | None:
    """From the file beside an executable; for one that is a link, else from that beside what it leads to."""
    path = Path(program)
    found = from_file(path.with_name(FILE), spec)
    return found if found or not path.is_symlink() else from_file(path.resolve().with_name(FILE), spec)


def from_file(path: Path, spec: ProviderSpec) -> Description | None:
    """From the file at `path`; one that is not there announces nothing."""
    try:
        text = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(
            "provider.description", f"`{path}` cannot be read: {error.strerror}", where=spec.where
        ) from error
    return decode(text, f"`{path}`", spec)


def decode(text: bytes, what: str, spec: ProviderSpec) -> Description | None:
    """From `text`; `what` says in errors where it comes from, in backticks as it needs."""
    description = read(text, what, spec.where)
    if description is None:
        return None
    if description.protocol != PROTOCOL_VERSION:
        raise ConfigError(
            "provider.protocol",
            f"{what} announces protocol {description.protocol}; this dstream speaks {PROTOCOL_VERSION}",
            hint="use a dstream or a provider of the other's version",
            where=spec.where,
        )
    if description.role not in (spec.role, "both"):
        raise ConfigError(
            "provider.role",
            f"`{description.name}` is an {description.role}, not an {spec.role}",
            hint=f"name it in the task's `{description.role}` block",
            where=spec.where,
        )
    return description


def read(text: bytes, what: str, where: Where) -> Description | None:
    """The announcement in `text`, whoever makes it. Raises `ConfigError` (`provider.description`) alone, at `where`."""
    try:
        fields = msgspec.json.decode(text)
        # The original's artifacts carry a provider.json too, which announces nothing.
        if isinstance(fields, dict) and "protocol" not in fields:
            return None
        return msgspec.convert(fields, Description)
    except NOT_JSON as error:
        raise ConfigError(
            "provider.description",
            f"{what} is not a provider's description: {error}",
            hint="write it with `python -m dstream_sdk.spec`, or see `docs/protocol.md`",
            where=where,
        ) from error
