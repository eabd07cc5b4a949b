"""A block's attributes and blocks, checked against the names it knows and taken with their types."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal

from orchestrator.config.expressions import Scope
from orchestrator.config.gathering import Gathering
from orchestrator.config.nearest import suggestion
from orchestrator.config.removed import removed
from orchestrator.config.source import Place
from orchestrator.config.syntax import Attribute, Block, Body
from orchestrator.config.units import parse_duration, parse_size
from orchestrator.config.values import JSON, kind, plain, to_text


class Fields:
    """What one block holds. Names are checked at once, values when they are taken.

    Every method raises `ConfigError` at the attribute or block that is wrong. An attribute that is
    null counts as absent.
    """

    def __init__(
        self,
        body: Body,
        what: str,
        scope: Scope,
        *,
        attributes: Collection[str],
        blocks: Collection[str] = (),
        gone: Mapping[str, str] | None = None,
    ) -> None:
        self.what = what
        self.at = body.at
        self.scope = scope
        self.attributes: dict[str, Attribute] = {}
        self.blocks: dict[str, list[Block]] = {}
        wrong = Gathering()
        for item in body.items:
            name = item.name if isinstance(item, Attribute) else item.type
            with wrong.part():
                if gone and name in gone and not (name in blocks and isinstance(item, Block)):
                    raise removed(item.at, f"`{name}` in {what}", gone[name])
                if isinstance(item, Attribute):
                    self._add_attribute(item, attributes, blocks)
                else:
                    self._add_block(item, attributes, blocks)
        wrong.finish()

    def _add_attribute(self, item: Attribute, attributes: Collection[str], blocks: Collection[str]) -> None:
        if item.name not in attributes:
            hint = suggestion(item.name, {*attributes, *blocks})
            if item.name in blocks:
                hint = f"it is a block: `{item.name} {{ … }}`"
            message = f"{self.what} has no attribute `{item.name}`"
            raise item.at.error("config.unknown_attribute", message, hint)
        if item.name in self.attributes or item.name in self.blocks:
            raise item.at.error("config.duplicate", f"{self.what} has a second `{item.name}`")
        self.attributes[item.name] = item

    def _add_block(self, item: Block, attributes: Collection[str], blocks: Collection[str]) -> None:
        if item.type not in blocks:
            hint = suggestion(item.type, {*attributes, *blocks})
            if item.type in attributes:
                hint = f"it is an attribute: `{item.type} = …`"
            raise item.at.error("config.unknown_block", f"{self.what} has no block `{item.type}`", hint)
        if item.type in self.attributes:
            raise item.at.error("config.duplicate", f"{self.what} has a second `{item.type}`")
        self.blocks.setdefault(item.type, []).append(item)

    def block(self, name: str) -> Block | None:
        """The block called `name`, which may stand there once and has no labels."""
        found = self.blocks.get(name, [])
        if len(found) > 1:
            raise found[1].at.error("config.duplicate", f"{self.what} has a second `{name}`")
        if found and found[0].labels:
            raise found[0].at.error("config.syntax", f"`{name}` takes no name", f"write `{name} {{ … }}`")
        return found[0] if found else None

    def place(self, name: str) -> Place:
        return self.attributes[name].value.at

    def value(self, name: str) -> JSON:
        """The attribute's value, its secrets still marked; None where it is absent or null."""
        attribute = self.attributes.get(name)
        return None if attribute is None else self.scope.evaluate(attribute.value)

    def text(self, name: str) -> str | None:
        value = self.value(name)
        if value is None:
            return None
        text = to_text(value, self.place(name), f"`{name}`")
        if not text:
            raise self.place(name).error("config.type", f"`{name}` is empty")
        return str(plain(text))

    def choice(self, name: str, choices: Collection[str]) -> str | None:
        text = self.text(name)
        if text is not None and text not in choices:
            hint = "known are " + ", ".join(f'`"{choice}"`' for choice in choices)
            raise self.place(name).error("config.type", f"`{name}` cannot have this value", hint)
        return text

    def whole(self, name: str, *, least: int = 0) -> int | None:
        if self.value(name) is None:
            return None
        number = self.scope.number(self.attributes[name].value)
        if not isinstance(number, int) or number < least:
            raise self.place(name).error("config.type", f"`{name}` is a whole number from {least}")
        return number

    def cores(self, name: str) -> float | None:
        if self.value(name) is None:
            return None
        number = self.scope.number(self.attributes[name].value)
        if not 0 < number <= 4096:
            raise self.place(name).error("config.type", f"`{name}` is a number of cores, such as `0.5`")
        return float(number)

    def seconds(self, name: str) -> float | None:
        value = self._measure(name)
        seconds = None if value is None else parse_duration(value)
        if value is not None and seconds is None:
            hint = 'write `"5s"`, `"1m30s"`, or a number of seconds'
            raise self.place(name).error("config.type", f"`{name}` is not a duration", hint)
        return seconds

    def size(self, name: str) -> int | None:
        value = self._measure(name)
        size = None if value is None else parse_size(value)
        if value is not None and size is None:
            hint = 'write `"512MiB"`, `"1g"`, or a number of bytes'
            raise self.place(name).error("config.type", f"`{name}` is not a size", hint)
        return size

    def _measure(self, name: str) -> str | int | Decimal | None:
        value = self.value(name)
        if value is None or (isinstance(value, str | int | Decimal) and not isinstance(value, bool)):
            return value
        raise self.place(name).error("config.type", f"`{name}` is a text or a number, not {kind(value)}")
