"""`variable` blocks, and what `--var`, `--var-file` and `DSTREAM_VAR_*` give for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.config.expressions import Scope
from orchestrator.config.fields import Fields
from orchestrator.config.functions import Surroundings
from orchestrator.config.jsontext import decode_json
from orchestrator.config.source import Place, Source
from orchestrator.config.syntax import Attribute, Block, Body
from orchestrator.config.types import Type, read_type, type_of
from orchestrator.config.values import JSON, conceal
from orchestrator.errors import ConfigError, Where

ENV_PREFIX = "DSTREAM_VAR_"


@dataclass(frozen=True, slots=True)
class Given:
    """A value from outside the file. `text` is unread text; a variable file gives a `value`.

    `origin` says who gave it, for messages.
    """

    origin: str
    text: str | None = None
    value: JSON = None
    where: Where = field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Variable:
    """One `variable` block. Without `default` it must be given."""

    name: str
    type: Type
    default: JSON
    required: bool
    sensitive: bool
    at: Place

    def value(self, given: Given | None, used_at: Place) -> JSON:
        """The value in this variable's type. Raises `ConfigError` where it has none or a wrong one."""
        if given is None and self.required:
            hint = f"give it with `--var {self.name}=…`, `{ENV_PREFIX}{self.name}` or a `default`"
            raise used_at.error("config.unset_variable", f"variable `{self.name}` has no value", hint)
        value = self.default if given is None else self._read(given)
        return conceal(value) if self.sensitive else value

    def _read(self, given: Given) -> JSON:
        def fail(message: str) -> Exception:
            text = f"{given.origin}: variable `{self.name}`: {message}"
            return ConfigError("config.type", text, where=self.at.where)

        value = given.value
        if given.text is not None:
            value = given.text
            if not self.type.primitive:
                try:
                    value = decode_json(given.text, self.at)
                except ConfigError as error:
                    raise fail(f"{error.message}, and a value that is no plain text is given as JSON") from None
        return self.type.convert(value, fail)


def read_variable(block: Block, surroundings: Surroundings) -> Variable:
    """Decode a `variable` block. Its default may call functions and refer to nothing."""
    if len(block.labels) != 1:
        raise block.at.error("config.syntax", "a variable has one name", 'write `variable "name" { … }`')
    what = f'`variable "{block.labels[0]}"`'
    scope = Scope(surroundings)
    fields = Fields(block.body, what, scope, attributes=("default", "description", "sensitive", "type"))
    fields.text("description")
    default = fields.value("default")
    kind = read_type(fields.attributes["type"].value) if "type" in fields.attributes else type_of(default)
    sensitive = "sensitive" in fields.attributes and scope.truth(fields.attributes["sensitive"].value)
    if sensitive and kind.name in ("number", "bool"):
        at = fields.attributes["sensitive"].at
        raise at.error("config.type", f"a {kind.name} cannot be kept secret", "make it a `string`")
    if "default" in fields.attributes:
        at = fields.place("default")
        default = kind.convert(default, lambda message: at.error("config.type", f"the default: {message}"))
    return Variable(block.labels[0], kind, default, "default" not in fields.attributes, sensitive, block.at)


def read_variable_file(source: Source, body: Body | None, environ: Mapping[str, str]) -> dict[str, Given]:
    """What a variable file gives; `body` is its tree, or None where it is JSON."""
    origin = f"`{source.name}`"
    if body is None:
        content = decode_json(source.text, source.at(0))
        if not isinstance(content, dict):
            raise source.at(0).error("config.type", "a JSON variable file is one object")
        return {name: Given(origin, value=value, where=source.at(0).where) for name, value in content.items()}
    scope = Scope(Surroundings(environ, source.folder))
    given: dict[str, Given] = {}
    for item in body.items:
        if not isinstance(item, Attribute):
            raise item.at.error("config.unknown_block", "a variable file holds `name = value` lines only")
        if item.name in given:
            raise item.at.error("config.duplicate", f"`{item.name}` was given before in this file")
        given[item.name] = Given(origin, value=scope.evaluate(item.value), where=item.at.where)
    return given


def gather(
    declared: Mapping[str, Variable],
    files: Sequence[Mapping[str, Given]],
    arguments: Mapping[str, str],
    environ: Mapping[str, str],
) -> dict[str, Given]:
    """Everything given, the stronger over the weaker: `--var`, then the last file to the first, then environment."""
    given = {
        name: Given(f"`{ENV_PREFIX}{name}`", text=environ[ENV_PREFIX + name])
        for name in declared
        if ENV_PREFIX + name in environ
    }
    for file in files:
        given |= file
    return given | {name: Given("`--var`", text=text) for name, text in arguments.items()}
