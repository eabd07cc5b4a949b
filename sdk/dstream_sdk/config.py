"""A provider's config as a pydantic model, and its mistakes as one readable error."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, ValidationError

from dstream_sdk.errors import ProviderError


class Config(BaseModel):
    """Base of a provider's config. Unknown keys are refused; a field may be given by name or alias.

    Give every field a description and an example (`Field(description=…, examples=[…])`), a
    default unless it is required, its unit in its name or description, and `SecretStr` if secret.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True)


def spellings(model: type[BaseModel], field: str) -> list[str]:
    """Every key under which the field may be given, the documented one first."""
    info = model.model_fields[field]
    alias = info.validation_alias or info.alias
    if isinstance(alias, AliasChoices):
        names = [choice for choice in alias.choices if isinstance(choice, str)]
    else:
        names = [alias] if isinstance(alias, str) else []
    if model.model_config.get("populate_by_name") or not names:
        names.append(field)
    return list(dict.fromkeys(names))


def parse_config(model: type[BaseModel], values: Mapping[str, Any]) -> BaseModel:
    """The provider's config. Raises `ProviderError` naming every field that is wrong, never its value."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        problems = list(_problems(model, error))
        misnamed = any(problem["type"] in ("extra_forbidden", "missing") for problem in error.errors())
        hint = _hint(model) if misnamed else ""
        raise ProviderError("config is not valid: " + "; ".join(problems), hint=hint) from error


def _problems(model: type[BaseModel], error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        where = ".".join(str(part) for part in problem["loc"]) or "config"
        if problem["type"] == "extra_forbidden":
            yield f"`{where}` is not known{_nearest(model, where)}"
        elif problem["type"] == "missing":
            yield f"`{where}` is missing"
        else:
            message = problem["msg"].removeprefix("Value error, ")
            yield f"`{where}`: {message[:1].lower()}{message[1:]}"


def _nearest(model: type[BaseModel], key: str) -> str:
    known = [name for field in model.model_fields for name in spellings(model, field)]
    near = difflib.get_close_matches(key, known, n=1)
    return f", did you mean `{near[0]}`?" if near else ""


def _hint(model: type[BaseModel]) -> str:
    known = ", ".join(f"`{spellings(model, field)[0]}`" for field in model.model_fields)
    return f"this provider knows {known}" if known else "this provider has no config"
