"""`config` and `env`: whatever the provider wants, as a block or as an attribute, with the place of every key."""

from __future__ import annotations

from orchestrator.config.fields import Fields
from orchestrator.config.source import Place
from orchestrator.config.syntax import Block, Body, Expression, ListNode, Literal, ObjectNode
from orchestrator.config.values import JSON, kind

Path = tuple[str | int, ...]


class Freeform:
    """The object called `name` in a block. `places` has the place of every key path written out in the file."""

    def __init__(self, fields: Fields, name: str) -> None:
        self.scope = fields.scope
        self.places: dict[Path, Place] = {}
        self.value: dict[str, JSON] = {}
        block = fields.block(name)
        if block is not None:
            self.places[()] = block.at
            self.value = self._body(block.body, ())
        elif name in fields.attributes:
            node = fields.attributes[name].value
            value = self.scope.evaluate(node)
            if value is not None and not isinstance(value, dict):
                raise node.at.error("config.type", f"`{name}` is an object, not {kind(value)}", f"`{name} = {{ … }}`")
            self.places[()] = fields.attributes[name].at
            self._locate(node, ())
            self.value = value or {}

    def _body(self, body: Body, path: Path) -> dict[str, JSON]:
        """Attributes as they are; a nested block is an object, one that is repeated a list of them."""
        values: dict[str, JSON] = {}
        for attribute in body.attributes:
            if attribute.name in values:
                raise attribute.at.error("config.duplicate", f"`{attribute.name}` was set before in the same block")
            inner = (*path, attribute.name)
            self.places[inner] = attribute.at
            self._locate(attribute.value, inner)
            values[attribute.name] = self.scope.evaluate(attribute.value)
        groups: dict[str, list[Block]] = {}
        for block in body.blocks:
            if block.type in values:
                raise block.at.error("config.duplicate", f"`{block.type}` was set before in the same block")
            groups.setdefault(block.type, []).append(block)
        for name, blocks in groups.items():
            inner = (*path, name)
            self.places[inner] = blocks[0].at
            if len(blocks) == 1:
                values[name] = self._block(blocks[0], inner)
            else:
                values[name] = [self._block(block, (*inner, index)) for index, block in enumerate(blocks)]
        return values

    def _block(self, block: Block, path: Path) -> dict[str, JSON]:
        """The block's object; a label is a key around it, as in HCL's JSON form."""
        self.places[path] = block.at
        labels = block.labels
        value = self._body(block.body, (*path, *labels))
        for label in reversed(labels):
            value = {label: value}
        return value

    def _locate(self, node: Expression, path: Path) -> None:
        if isinstance(node, ObjectNode):
            for key, value in node.items:
                if isinstance(key, Literal):
                    inner = (*path, str(key.value))
                    self.places[inner] = key.at
                    self._locate(value, inner)
        elif isinstance(node, ListNode):
            for index, item in enumerate(node.items):
                self.places[*path, index] = item.at
                self._locate(item, (*path, index))
