"""What stands behind `var` and `local`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestrator.config.expressions import Scope
from orchestrator.config.nearest import suggestion
from orchestrator.config.source import Place
from orchestrator.config.syntax import Attribute, Block
from orchestrator.config.values import JSON
from orchestrator.config.variables import Given, Variable
from orchestrator.errors import ConfigError


class Locals:
    """The names of every `locals` block, each evaluated when it is first used."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        self._attributes: dict[str, Attribute] = {}
        self._values: dict[str, JSON] = {}
        self._open: list[str] = []
        self._scope: Scope | None = None
        for block in blocks:
            if block.labels:
                raise block.at.error("config.syntax", "`locals` takes no name", "write `locals { … }`")
            for nested in block.body.blocks:
                raise nested.at.error("config.unknown_block", "`locals` holds attributes", f"`{nested.type} = {{ … }}`")
            for attribute in block.body.attributes:
                if attribute.name in self._attributes:
                    raise attribute.at.error("config.duplicate", f"a second local is called `{attribute.name}`")
                self._attributes[attribute.name] = attribute

    def within(self, scope: Scope) -> None:
        """Say what locals themselves can refer to, once, before the first is used."""
        self._scope = scope

    def value(self, name: str, at: Place) -> JSON:
        """The local's value. Raises `ConfigError` (`config.unknown_local`, `config.cycle`)."""
        if name in self._values:
            return self._values[name]
        attribute = self._attributes.get(name)
        if attribute is None or self._scope is None:
            hint = suggestion(name, self._attributes) or "the file has no `locals`"
            raise at.error("config.unknown_local", f"no local `{name}`", hint)
        if name in self._open:
            circle = " → ".join(f"`{each}`" for each in [*self._open[self._open.index(name) :], name])
            raise at.error("config.cycle", f"locals refer to each other in a circle: {circle}")
        if len(self._open) > _CHAIN:
            raise at.error("config.cycle", f"locals refer to each other more than {_CHAIN} deep")
        self._open.append(name)
        try:
            self._values[name] = self._scope.evaluate(attribute.value)
        finally:
            self._open.pop()
        return self._values[name]


_CHAIN = 20  # of locals that need one another; with the nesting limit it bounds the evaluator's recursion


class Variables:
    """Every `variable` block with what was given for it."""

    def __init__(self, declared: Mapping[str, Variable], given: Mapping[str, Given]) -> None:
        self._declared = declared
        self._given = given
        self._values: dict[str, JSON] = {}
        for name, one in given.items():
            if name not in declared:
                hint = suggestion(name, declared) or "the file declares no variables"
                message = f"{one.origin}: no variable `{name}` is declared"
                raise ConfigError("config.unknown_variable", message, hint=hint, where=one.where)

    def value(self, name: str, at: Place) -> JSON:
        """The variable's value. Raises `ConfigError` (`config.unknown_variable`, `config.unset_variable`)."""
        if name not in self._values:
            variable = self._declared.get(name)
            if variable is None:
                hint = suggestion(name, self._declared) or "the file declares no variables"
                raise at.error("config.unknown_variable", f"no variable `{name}`", hint)
            self._values[name] = variable.value(self._given.get(name), at)
        return self._values[name]
