"""The `state` block as a `SharedState`."""

from __future__ import annotations

import re

from orchestrator.config.expressions import Scope
from orchestrator.config.fields import Fields
from orchestrator.config.model import SharedState
from orchestrator.config.syntax import Block

_FORM = 'write `state "azure_blob" { … }`'
_ATTRIBUTES = ("connection_string", "container", "prefix", "term")

_CONTAINER = re.compile(r"(?=.{3,63}$)[a-z0-9](-?[a-z0-9])*")
_PREFIX = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_PREFIX_LIMIT = 200
_TERM = (15.0, 60.0)
"""What Azure Storage lets a lease last."""


def read_state(blocks: list[Block], scope: Scope) -> SharedState | None:
    """Decode the file's `state` block, if there is one. Raises `ConfigError` at what is wrong in it."""
    if not blocks:
        return None
    if len(blocks) > 1:
        raise blocks[1].at.error("config.duplicate", "the file has a second `state`")
    block = blocks[0]
    if len(block.labels) != 1:
        raise block.at.error("config.syntax", "`state` has one name, where it is shared", _FORM)
    if block.labels[0] != "azure_blob":
        message = f"state cannot be shared in `{block.labels[0]}`"
        raise block.at.error("config.type", message, f"{_FORM}, or leave the block out to keep state on this host")
    fields = Fields(block.body, '`state "azure_blob"`', scope, attributes=_ATTRIBUTES)
    connection_string, container = fields.text("connection_string"), fields.text("container")
    if connection_string is None or container is None:
        missing = "container" if container is None else "connection_string"
        raise block.at.error("config.missing", f"{fields.what} has no `{missing}`")
    if not _CONTAINER.fullmatch(container):
        hint = "3 to 63 lower-case letters, digits and single dashes between them"
        raise fields.place("container").error("config.type", f"`{container}` cannot be a container's name", hint)
    prefix = (fields.text("prefix") or "").strip("/")
    if prefix and (len(prefix) > _PREFIX_LIMIT or not _PREFIX.fullmatch(prefix)):
        hint = 'letters, digits, `-`, `_`, `.` and `/`, as in `"production/shop"`'
        raise fields.place("prefix").error("config.type", f"`{prefix}` cannot stand before blobs' names", hint)
    term = fields.seconds("term")
    if term is not None and not _TERM[0] <= term <= _TERM[1]:
        raise fields.place("term").error("config.type", "`term` is between `15s` and `60s`")
    return SharedState(connection_string, container, block.at.where, prefix, 30.0 if term is None else term)
