"""The `trust` block as a `Trust`."""

from __future__ import annotations

from orchestrator.config.expressions import Scope
from orchestrator.config.fields import Fields
from orchestrator.config.model import Trust, TrustedNamespace
from orchestrator.config.syntax import Block

_SIGNER = 'write `key = "cosign.pub"`, or `identity = "…"` and `issuer = "https://…"`'


def read_trust(blocks: list[Block], scope: Scope) -> Trust | None:
    """Decode the file's `trust` block, if there is one. Raises `ConfigError` at what is wrong in it."""
    if not blocks:
        return None
    if len(blocks) > 1:
        raise blocks[1].at.error("config.duplicate", "the file has a second `trust`")
    block = blocks[0]
    if block.labels:
        raise block.at.error("config.syntax", "`trust` takes no name", "write `trust { … }`")
    fields = Fields(block.body, "`trust`", scope, attributes=("require",), blocks=("namespace",))
    require = fields.value("require")
    if not isinstance(require, bool | None):
        raise fields.place("require").error("config.type", "`require` is `true` or `false`")
    namespaces = tuple(_namespace(one, scope) for one in fields.blocks.get("namespace", ()))
    return Trust(require=require is not False, namespaces=namespaces)


def _namespace(block: Block, scope: Scope) -> TrustedNamespace:
    if len(block.labels) != 1:
        hint = 'write `namespace "ghcr.io/katasec" { … }`'
        raise block.at.error("config.syntax", "a trusted namespace has one name", hint)
    name = block.labels[0].strip().rstrip("/")
    if not name or "://" in name or "@" in name or "*" in name:
        hint = "name a registry and the start of a path, as in `ghcr.io/katasec`"
        raise block.at.error("config.type", f"`{block.labels[0]}` is not a namespace", hint)
    attributes = ("key", "identity", "issuer", "trust_root")
    fields = Fields(block.body, f'`namespace "{name}"`', scope, attributes=attributes)
    key, identity, issuer, root = (fields.text(attribute) for attribute in attributes)
    if key is not None and any((identity, issuer, root)):
        raise block.at.error("config.type", f"{fields.what} has both a key and an identity", "keep one of them")
    if key is None and (identity is None or issuer is None):
        raise block.at.error("config.type", f"{fields.what} does not say whose signature counts", _SIGNER)
    folder = scope.surroundings.folder
    return TrustedNamespace(
        name=name,
        where=block.at.where,
        key=None if key is None else str(folder / key),
        identity=identity,
        issuer=issuer,
        trust_root=None if root is None else str(folder / root),
    )
