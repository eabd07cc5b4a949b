"""`dstream.lock.hcl` as `LockedProvider`s."""

from __future__ import annotations

import re

from orchestrator.config.expressions import Scope
from orchestrator.config.fields import Fields
from orchestrator.config.functions import Surroundings
from orchestrator.config.model import LOCK_VERSION, LockedProvider
from orchestrator.config.source import Source
from orchestrator.config.syntax import Block, Body
from orchestrator.errors import ConfigError

ANEW = "delete it, and write it anew with `dstream providers lock`"

_DIGEST = re.compile(r"sha(?:256:[0-9a-f]{64}|384:[0-9a-f]{96}|512:[0-9a-f]{128})")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_ATTRIBUTES = ("digest", "date", "platforms", "description", "signer")


def read_lock(source: Source, body: Body) -> dict[str, LockedProvider]:
    """What is locked, by reference. Raises `ConfigError` (`lock.version`, `lock.invalid`) at what is wrong in it."""
    scope = Scope(Surroundings({}, source.folder))
    try:
        fields = Fields(body, "the lock", scope, attributes=("version",), blocks=("provider",))
        version = fields.whole("version")
        if version != LOCK_VERSION:
            has = "no version" if version is None else f"version {version}"
            raise fields.at.error(
                "lock.version",
                f"the lock has {has}, this dstream knows version {LOCK_VERSION}",
                "use the dstream that wrote it, or a newer one" if version else ANEW,
            )
        locked: dict[str, LockedProvider] = {}
        for block in fields.blocks.get("provider", ()):
            one = _provider(block, scope)
            if one.reference in locked:
                raise block.at.error("lock.invalid", f"`{one.reference}` is locked twice", ANEW)
            locked[one.reference] = one
    except ConfigError as error:
        raise of_the_lock(error) from None
    return locked


def of_the_lock(error: ConfigError) -> ConfigError:
    """Nobody writes this file by hand, so the way out is another one."""
    if error.code.startswith("lock."):
        return error
    return ConfigError("lock.invalid", error.message, hint=ANEW, where=error.where)


def _provider(block: Block, scope: Scope) -> LockedProvider:
    if len(block.labels) != 1:
        raise block.at.error("lock.invalid", "a locked provider has one reference", ANEW)
    fields = Fields(block.body, f'`provider "{block.labels[0]}"`', scope, attributes=_ATTRIBUTES)
    return LockedProvider(
        reference=block.labels[0],
        digest=_matching(fields, "digest", _DIGEST) or _missing(fields, "digest"),
        date=_matching(fields, "date", _DATE) or _missing(fields, "date"),
        platforms=_platforms(fields),
        description=_matching(fields, "description", _DIGEST),
        signer=fields.text("signer"),
        where=block.at.where,
    )


def _matching(fields: Fields, name: str, pattern: re.Pattern[str]) -> str | None:
    text = fields.text(name)
    if text is not None and not pattern.fullmatch(text):
        raise fields.place(name).error("lock.invalid", f"`{name}` cannot have this value", ANEW)
    return text


def _missing(fields: Fields, name: str) -> str:
    raise fields.at.error("lock.invalid", f"{fields.what} has no `{name}`", ANEW)


def _platforms(fields: Fields) -> tuple[str, ...]:
    value = fields.value("platforms")
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise fields.place("platforms").error("lock.invalid", "`platforms` is a list of texts", ANEW)
    return tuple(str(item) for item in value)
