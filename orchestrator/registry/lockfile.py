"""The lock: which digest a reference stands for, and how `dstream.lock.hcl` is written. No network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.config.model import LOCK_VERSION
from orchestrator.durable import replacing
from orchestrator.errors import ConfigError, UnavailableError, Where
from orchestrator.registry.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from orchestrator.config.model import LockedProvider

_HEAD = f"""\
# Written by `dstream providers lock`. Commit it: it has every run use the same providers.
version = {LOCK_VERSION}
"""
_HINT = "lock it with `dstream providers lock`"


def lock_key(reference: Reference) -> str:
    """How a lock names `reference`: however it was written, with its registry and its tag or digest."""
    return str(reference) if reference.digest else f"{reference.name}:{reference.tag_or_latest}"


class Lock:
    """The lock of one project, asked for one reference at a time.

    `locked` is None where the project has no lock file, `path` is where it would be. With `required`
    everything must be in it.
    """

    def __init__(self, locked: Mapping[str, LockedProvider] | None, path: Path, *, required: bool = False) -> None:
        self._locked = locked
        self._path = path
        self._required = required

    def pin(self, reference: Reference, where: Where | None = None) -> Reference:
        """`reference` with its locked digest; unchanged where it is not locked and need not be.

        Raises `ConfigError` at `where`: `lock.missing` if there must be a lock file and is none, `lock.stale` if it
        must have this reference and lacks it, or has another digest for it than the one it is pinned to.
        """
        found = (self._locked or {}).get(lock_key(reference))
        if found is not None:
            if reference.digest not in (None, found.digest):
                message = f"`{reference}` is locked to another digest: `{found.digest}`"
                raise ConfigError("lock.stale", message, hint=_HINT, where=where)
            return reference.with_digest(found.digest)
        if self._required:
            if self._locked is None:
                raise ConfigError("lock.missing", f"there is no `{self._path.name}`", hint=_HINT, where=where)
            raise ConfigError("lock.stale", self._missing(reference), hint=_HINT, where=where)
        return reference

    def lacks(self, reference: Reference) -> str | None:
        """A warning for a reference that is missing in a lock that others are in."""
        missing = self._locked is not None and lock_key(reference) not in self._locked
        return f"{self._missing(reference)}: {_HINT}" if missing else None

    def _missing(self, reference: Reference) -> str:
        return f"`{lock_key(reference)}` is not in `{self._path.name}`"


def render_lock(providers: Iterable[LockedProvider]) -> str:
    """The file's text, in the order of the references: the same on every host."""
    blocks = [_HEAD]
    for one in sorted(providers, key=lambda provider: provider.reference):
        lines = [("digest", _quoted(one.digest)), ("date", _quoted(one.date))]
        if one.platforms:
            lines.append(("platforms", f"[{', '.join(map(_quoted, one.platforms))}]"))
        if one.description:
            lines.append(("description", _quoted(one.description)))
        if one.signer:
            lines.append(("signer", _quoted(one.signer)))
        width = max(len(name) for name, _ in lines)
        body = "".join(f"  {name:{width}} = {value}\n" for name, value in lines)
        blocks.append(f"provider {_quoted(one.reference)} {{\n{body}}}\n")
    return "\n".join(blocks)


def write_lock(path: Path, providers: Iterable[LockedProvider]) -> None:
    """Write the lock whole or not at all, in the mode that it has. Raises `UnavailableError` (`lock.unwritable`)."""
    text = render_lock(providers)
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        with replacing(path, mode) as file:
            file.write(text.encode())
    except OSError as error:
        message = f"cannot write `{path.name}`: {error.strerror}"
        raise UnavailableError("lock.unwritable", message, where=Where(file=str(path))) from error


def _quoted(text: str) -> str:
    """`text` as HCL has it. A brace is escaped, for `${` and `{{` would begin a template."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '\\"':
        return f"\\{character}"
    if character == "{" or not character.isprintable():
        return f"\\U{ord(character):08x}"
    return character
