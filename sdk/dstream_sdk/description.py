"""What a provider says of itself, read off its class."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from dstream_sdk.protocol.limits import LABEL_LIMIT, PROTOCOL_VERSION
from dstream_sdk.protocol.messages import (
    LIFECYCLE_COMMANDS,
    OUTPUT_CAPABILITIES,
    Capability,
    Command,
    Description,
    Role,
)
from dstream_sdk.provider import InfrastructureProvider, InputProvider, OutputProvider, Provider


def roles(provider: type[Provider[Any]]) -> list[Role]:
    """What the class can be; raises TypeError for one that is neither input nor output."""
    found: list[Role] = []
    if issubclass(provider, InputProvider):
        found.append("input")
    if issubclass(provider, OutputProvider):
        found.append("output")
    if not found:
        raise TypeError(f"`{provider.__name__}` derives neither from `InputProvider` nor from `OutputProvider`")
    return found


def commands(provider: type[Provider[Any]]) -> list[Command]:
    """The commands that the class implements."""
    known: list[Command] = ["describe", "run"]
    if provider.check is not Provider.check:
        known.append("check")
    if provider.discover is not Provider.discover:
        known.append("discover")
    if issubclass(provider, InfrastructureProvider):
        known += LIFECYCLE_COMMANDS
    return known


def capabilities(provider: type[Provider[Any]], role: Role) -> list[Capability]:
    """What the class may do in that role, as the handshake of `run` declares it."""
    if role == "output":
        return list(OUTPUT_CAPABILITIES)
    found: list[Capability] = ["stats"]
    if issubclass(provider, InputProvider):
        if provider.checkpoints:
            found.insert(0, "checkpoint")
        if provider.on_signal is not InputProvider.on_signal:
            found.append("signal")
    return found


def describe(provider: type[Provider[Any]]) -> Description:
    """The whole description."""
    possible = roles(provider)
    role: Literal["input", "output", "both"] = possible[0] if len(possible) == 1 else "both"
    declared = [capability for one in possible for capability in capabilities(provider, one)]
    return Description(
        name=provider.name,
        version=provider.version,
        protocol=PROTOCOL_VERSION,
        role=role,
        title=provider.title,
        description=provider.description,
        system=provider.system,
        capabilities=list(dict.fromkeys(declared)),
        commands=list(commands(provider)),
        state_version=provider.state_version,
        config_schema=config_schema(provider),
        position_keys=list(provider.position_keys),
        network=list(provider.network),
        writable=list(provider.writable),
    )


def label(description: Description) -> bytes:
    """The description as an image's label holds it: compact, and reduced where it would be too large."""
    whole = msgspec.json.encode(description)
    if len(whole) <= LABEL_LIMIT:
        return whole
    reduced = Description(
        name=description.name,
        version=description.version,
        protocol=description.protocol,
        role=description.role,
        capabilities=description.capabilities,
        commands=description.commands,
        state_version=description.state_version,
        position_keys=description.position_keys,
        network=description.network,
        writable=description.writable,
        describe=True,
    )
    return msgspec.json.encode(reduced)


def config_schema(provider: type[Provider[Any]]) -> dict[str, Any] | None:
    """JSON Schema of the config; `x-aliases` of a property are its other spellings. None without a config."""
    model = provider.config_model
    if model is None:
        return None
    from dstream_sdk.config import spellings  # noqa: PLC0415 - pydantic, only for those who have a config

    schema: dict[str, Any] = _without_titles(model.model_json_schema())
    for field in model.model_fields:
        name, *others = spellings(model, field)
        if others:
            schema["properties"][name]["x-aliases"] = others
    return schema


def _without_titles(node: Any) -> Any:
    """Drop the titles that are made from names: they say nothing and fill the label."""
    if isinstance(node, dict):
        return {key: _without_titles(value) for key, value in node.items() if key != "title" or isinstance(value, dict)}
    if isinstance(node, list):
        return [_without_titles(item) for item in node]
    return node
