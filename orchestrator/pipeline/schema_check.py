"""A provider's config against the provider's own schema. Pure; loads the JSON Schema library when it is called."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dstream_sdk.protocol import Description
from orchestrator.config.model import ProviderSpec, encode_json
from orchestrator.errors import ConfigError, Where
from orchestrator.pipeline.config_schema import Path, aliases, followed, mapping, secret_parts
from orchestrator.pipeline.schema_words import Refusal, first_line, refusals

if TYPE_CHECKING:
    from jsonschema.protocols import Validator


def check_config(spec: ProviderSpec, description: Description) -> list[ConfigError]:
    """What the provider's schema refuses in the config of `spec`, in the order of the file.

    Each has its place in the file, and shows no value, nor a line with one that is secret. Empty where the
    provider describes no config. Raises `ConfigError` (`provider.schema`) for a schema that cannot be used.
    """
    if description.config_schema is None:
        return []
    check = _Check(spec, description.name, description.config_schema)
    errors = [check.error(refusal) for refusal in dict.fromkeys(check.refusals())]
    return sorted(errors, key=lambda error: (error.where.line or 0, error.where.column or 0))


def refuse_config(spec: ProviderSpec, description: Description) -> None:
    """Raises the first of what `check_config` finds; its hint says where the others are shown."""
    errors = check_config(spec, description)
    if errors:
        more = f"`dstream validate` shows this and {len(errors) - 1} more" if len(errors) > 1 else ""
        errors[0].hint = "; ".join(filter(None, ((errors[0].hint or "").rstrip("."), more))) or None
        raise errors[0]


class _Check:
    def __init__(self, spec: ProviderSpec, provider: str, schema: dict[str, Any]) -> None:
        self._spec = spec
        self._provider = provider
        self._schema = schema
        self._written: dict[Any, str] = {}
        secret = secret_parts(schema, spec.config)
        self._hidden_lines = {
            place.line
            for path, place in spec.config_where.items()
            if any(path[:length] in secret for length in range(len(path) + 1))
        }

    def refusals(self) -> Iterator[Refusal]:
        from jsonschema.exceptions import SchemaError  # noqa: PLC0415  # 80 ms, for those who check
        from referencing.exceptions import Unresolvable  # noqa: PLC0415

        try:
            for error in self._validator().iter_errors(self._documented()):
                yield from refusals(error)
        except (SchemaError, Unresolvable, RecursionError, re.error, TypeError, ValueError, ArithmeticError) as error:
            said = first_line(str(getattr(error, "message", error)))
            message = f"the config schema of `{self._provider}` cannot be used: {said}"
            hint = "tell its author, or use another version"
            raise ConfigError("provider.schema", message, hint=hint, where=self._shown(self._spec.where)) from error

    def error(self, refusal: Refusal) -> ConfigError:
        path = refusal.path
        if path:
            path = (self._written.get(path[0], path[0]), *path[1:])
        said = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
        if refusal.kind == "missing":
            code, message = "config.missing_attribute", f"`{self._provider}` needs `{said}`"
        elif refusal.kind == "unknown":
            code, message = "config.unknown_attribute", f"`{self._provider}` knows no `{said}`"
        else:
            code, message = "config.value", f"`{said or 'config'}` {refusal.problem}"
        return ConfigError(code, message, hint=refusal.hint, where=self._where(path))

    def _validator(self) -> Validator:
        """By the draft that the schema names. A reference to elsewhere leads nowhere: nothing is ever fetched."""
        from jsonschema import Draft202012Validator, validators  # noqa: PLC0415
        from referencing import Registry  # noqa: PLC0415

        chosen = validators.validator_for(self._schema, default=Draft202012Validator)
        chosen.check_schema(self._schema)
        return chosen(self._schema, registry=Registry())

    def _documented(self) -> dict[str, Any]:
        """The config by its documented names, as ordinary JSON: for comparing, a double is as good as its decimal."""
        config: dict[str, Any] = json.loads(encode_json(dict(self._spec.config)))
        for name, given in mapping(followed(self._schema, self._schema).get("properties")).items():
            used = next((other for other in aliases(given) if other in config), None)
            if name not in config and used is not None:
                config[name] = config.pop(used)
                self._written[name] = used
        return config

    def _where(self, path: Path) -> Where:
        """The place of `path`, or of the nearest thing around it that the file spells out."""
        places = self._spec.config_where
        found = next((places[path[:end]] for end in range(len(path), -1, -1) if path[:end] in places), self._spec.where)
        return replace(self._shown(found), provider=self._provider)

    def _shown(self, place: Where) -> Where:
        """`place`, without its line where that holds a secret."""
        return replace(place, text=None) if place.line in self._hidden_lines else place
