"""An `input` or `output` block as a `ProviderSpec`."""

from __future__ import annotations

import re
from typing import cast, get_args

from orchestrator.config.expressions import Scope
from orchestrator.config.fields import Fields
from orchestrator.config.freeform import Freeform
from orchestrator.config.model import Kind, Mount, ProviderSpec, PullPolicy, Role, Use
from orchestrator.config.nearest import suggestion
from orchestrator.config.removed import IN_PROVIDER
from orchestrator.config.source import Place
from orchestrator.config.syntax import Body
from orchestrator.config.values import JSON, is_secret, kind, plain, secrets, to_text

REFERENCES: dict[str, Kind] = {"provider_image": "image", "provider_ref": "ref", "provider_path": "path"}
ATTRIBUTES = (
    *REFERENCES,
    "ca_bundle",
    "config",
    "cpus",
    "env",
    "memory",
    "mounts",
    "network",
    "platform",
    "protocol",
    "pull",
    "ready_timeout",
    "user",
)
BLOCKS = ("config", "env")

_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def read_provider(body: Body, role: Role, scope: Scope) -> ProviderSpec:
    """Decode the block of a provider. Raises `ConfigError` at what is wrong in it."""
    return provider_of(provider_fields(body, role, scope), role)


def provider_fields(body: Body, role: Role, scope: Scope) -> Fields:
    return Fields(body, f"`{role}`", scope, attributes=ATTRIBUTES, blocks=BLOCKS, gone=IN_PROVIDER)


def use_of(fields: Fields, task: str, role: Role) -> Use:
    """Which provider a block names; nothing else in it is evaluated."""
    source_kind, reference, at = _reference(fields, role)
    return Use(task, role, source_kind, reference, at.where, fields.text("platform"))


def provider_of(fields: Fields, role: Role) -> ProviderSpec:
    """Decode a provider from fields that may hold other things besides."""
    source_kind, reference, at = _reference(fields, role)
    config = Freeform(fields, "config")
    ca_bundle = fields.text("ca_bundle")
    return ProviderSpec(
        role=role,
        kind=source_kind,
        reference=reference,
        where=at.where,
        config=cast(dict[str, JSON], plain(config.value)),
        config_where={path: place.where for path, place in config.places.items()},
        secrets=secrets(config.value),
        env=_env(fields),
        network=fields.text("network"),
        memory=fields.size("memory"),
        cpus=fields.cores("cpus"),
        mounts=_mounts(fields),
        user=fields.text("user"),
        pull=cast(PullPolicy | None, fields.choice("pull", get_args(PullPolicy))),
        platform=fields.text("platform"),
        ready_timeout=fields.seconds("ready_timeout"),
        protocol=fields.whole("protocol", least=1),
        ca_bundle=None if ca_bundle is None else _absolute(fields, ca_bundle),
    )


def _absolute(fields: Fields, path: str) -> str:
    return str(fields.scope.surroundings.folder / path)


def _reference(fields: Fields, role: Role) -> tuple[Kind, str, Place]:
    given = [name for name in REFERENCES if name in fields.attributes]
    if len(given) > 1:
        at = fields.attributes[given[1]].at
        message = f"`{role}` has both `{given[0]}` and `{given[1]}`"
        raise at.error("config.both_providers", message, "keep the one that is meant")
    text = fields.text(given[0]) if given else None
    if text is None:
        hint = f"name it: {_PROVIDER_HINT}"
        raise fields.at.error("config.no_provider", f"`{role}` names no provider", hint)
    name = given[0]
    if "\n" in text or "\0" in text or text != text.strip():
        raise fields.place(name).error("config.type", f"`{name}` has blanks or line ends around or in it")
    source_kind = REFERENCES[name]
    reference = _absolute(fields, text) if source_kind == "path" else text
    return source_kind, reference, fields.attributes[name].at


_PROVIDER_HINT = '`provider_image = "registry/name:tag"`, or `provider_path = "./program"` for a local executable'


def _env(fields: Fields) -> dict[str, str]:
    env = Freeform(fields, "env")
    values: dict[str, str] = {}
    for name, value in env.value.items():
        at = env.places.get((name,), env.places[()])
        if not _ENV_NAME.fullmatch(name):
            raise at.error("config.type", f"`{name}` cannot be the name of an environment variable")
        if is_secret(value):
            raise at.error(
                "config.secret_in_env",
                f"the secret in `{name}` would show in the provider's environment",
                "put it into `config`, which reaches the provider over its stdin only",
            )
        values[name] = str(plain(to_text(value, at, f"`{name}`")))
        if "\0" in values[name]:
            raise at.error("config.type", f"`{name}` holds a NUL character")
    return values


def _mounts(fields: Fields) -> tuple[Mount, ...]:
    value = fields.value("mounts")
    if value is None:
        return ()
    at = fields.place("mounts")
    if not isinstance(value, list):
        raise at.error("config.type", f"`mounts` is a list, not {kind(value)}", _MOUNT_HINT)
    return tuple(_mount(fields, plain(item), at) for item in value)


_MOUNT_HINT = 'write `mounts = ["./data:/data"]`, `["volume:/data:rw"]` or `[{ source = "…", target = "/data" }]`'
_MOUNT_KEYS = ("source", "target", "read_only")


def _mount(fields: Fields, item: JSON, at: Place) -> Mount:
    if isinstance(item, str):
        source, target, mode, *more = [*item.split(":"), "", "", ""]
        if any(more) or mode not in ("", "ro", "rw"):
            raise at.error("config.type", "a mount is `source:target`, with `:rw` to write to it", _MOUNT_HINT)
        read_only: JSON = mode != "rw"
    elif isinstance(item, dict):
        for key in item:
            if key not in _MOUNT_KEYS:
                raise at.error("config.unknown_attribute", f"a mount has no `{key}`", suggestion(key, _MOUNT_KEYS))
        source = to_text(item.get("source") or "", at, "a mount")
        target = to_text(item.get("target") or "", at, "a mount")
        read_only = item.get("read_only", True)
    else:
        raise at.error("config.type", f"a mount is a text or an object, not {kind(item)}", _MOUNT_HINT)
    if not source or not target.startswith("/") or not isinstance(read_only, bool):
        raise at.error("config.type", "a mount has a source and an absolute target", _MOUNT_HINT)
    if source.startswith(".") or "/" in source:
        source = _absolute(fields, source)
    return Mount(source, target, read_only)
