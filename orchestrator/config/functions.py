"""The functions that an expression may call. The table at the end is the whole list."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.config.encoding import encode_json
from orchestrator.config.formatting import format_text
from orchestrator.config.jsontext import decode_json
from orchestrator.config.source import Place, read_text
from orchestrator.config.values import JSON, Secret, kind, same, to_text

CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""Where systemd puts the credentials of a service."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What lies outside the file: the environment, and the folder that `file()` starts from."""

    environ: Mapping[str, str]
    folder: Path


class Arguments:
    """The evaluated arguments of one call, taken with the type that the function wants.

    Every method raises `ConfigError` (`config.type`) at the call for a value of another type.
    """

    def __init__(self, name: str, values: Sequence[JSON], at: Place, around: Surroundings) -> None:
        self.name = name
        self.values = values
        self.at = at
        self.around = around

    def text(self, index: int) -> str:
        return to_text(self.values[index], self.at, f"`{self.name}`")

    def list(self, index: int) -> list[JSON]:
        value = self.values[index]
        if not isinstance(value, list):
            raise self.wrong("a list", value)
        return value

    def object(self, index: int) -> dict[str, JSON]:
        value = self.values[index]
        if not isinstance(value, dict):
            raise self.wrong("an object", value)
        return value

    def wrong(self, wanted: str, value: JSON) -> Exception:
        return self.at.error("config.type", f"`{self.name}` takes {wanted}, not {kind(value)}")


@dataclass(frozen=True, slots=True)
class Function:
    """One function with the least and the most arguments it takes; `most` None is any number."""

    run: Callable[[Arguments], JSON]
    least: int
    most: int | None


def call(name: str, values: Sequence[JSON], at: Place, around: Surroundings) -> JSON:
    """The result of the known function `name`. Raises `ConfigError` about the call."""
    function = FUNCTIONS[name]
    if len(values) < function.least or (function.most is not None and len(values) > function.most):
        most = "or more" if function.most is None else f"to {function.most}"
        wanted = str(function.least) if function.least == function.most else f"{function.least} {most}"
        message = f"`{name}` takes {wanted} {'argument' if wanted == '1' else 'arguments'}, not {len(values)}"
        raise at.error("config.arguments", message)
    return function.run(Arguments(name, values, at, around))


def _env(given: Arguments) -> JSON:
    name = given.text(0)
    value = _environment(name, given)
    if value is None and len(given.values) == 2:
        return given.values[1]
    if value is None:
        hint = f'set it, or give a default: `env("{name}", "…")`'
        raise given.at.error("config.unset_env", f"environment variable `{name}` is not set", hint)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        message = f"environment variable `{name}` is not valid UTF-8"
        raise given.at.error("config.encoding", message, "base64-encode binary values") from None
    return Secret(value)


def _environment(name: str, given: Arguments) -> str | None:
    """The variable, or the systemd credential of that name."""
    value = given.around.environ.get(name)
    folder = given.around.environ.get(CREDENTIALS)
    if value is not None or not folder or Path(name).name != name:
        return value
    path = Path(folder, name)
    # Who writes a file with one line means the line.
    return read_text(path, where=given.at.where).removesuffix("\n") if path.is_file() else None


def _file(given: Arguments) -> JSON:
    return Secret(read_text(given.around.folder / given.text(0), where=given.at.where))


def _base64encode(given: Arguments) -> JSON:
    return base64.b64encode(given.text(0).encode("utf-8")).decode("ascii")


def _base64decode(given: Arguments) -> JSON:
    try:
        return base64.b64decode(given.text(0), validate=True).decode("utf-8")
    except ValueError:  # of the alphabet, of the padding, of UTF-8
        raise given.at.error("config.base64", "the text is not the base64 of UTF-8 text") from None


def _format(given: Arguments) -> JSON:
    return format_text(given.text(0), given.values[1:], given.at)


def _join(given: Arguments) -> JSON:
    items = [item for index in range(1, len(given.values)) for item in given.list(index)]
    return given.text(0).join(to_text(item, given.at, "`join`") for item in items)


def _split(given: Arguments) -> JSON:
    separator, text = given.text(0), given.text(1)
    return list(text.split(separator) if separator else text)


def _coalesce(given: Arguments) -> JSON:
    for value in given.values:
        if value is not None and value != "":
            return value
    raise given.at.error("config.type", "`coalesce` found only null and empty texts")


def _concat(given: Arguments) -> JSON:
    return [item for index in range(len(given.values)) for item in given.list(index)]


def _merge(given: Arguments) -> JSON:
    merged: dict[str, JSON] = {}
    for index, value in enumerate(given.values):
        if value is not None:
            merged |= given.object(index)
    return merged


def _length(given: Arguments) -> JSON:
    value = given.values[0]
    if isinstance(value, str | list | dict):
        return len(value)
    raise given.wrong("a text, a list or an object", value)


def _toset(given: Arguments) -> JSON:
    """Each item once: texts sorted, anything else as it first appeared."""
    items: list[JSON] = []
    for item in given.list(0):
        if not any(same(item, other) for other in items):
            items.append(item)
    return sorted(items, key=str) if all(isinstance(item, str) for item in items) else items


FUNCTIONS: Mapping[str, Function] = {
    "env": Function(_env, 1, 2),
    "file": Function(_file, 1, 1),
    "jsonencode": Function(lambda given: encode_json(given.values[0]).decode("ascii"), 1, 1),
    "jsondecode": Function(lambda given: decode_json(given.text(0), given.at), 1, 1),
    "base64encode": Function(_base64encode, 1, 1),
    "base64decode": Function(_base64decode, 1, 1),
    "format": Function(_format, 1, None),
    "join": Function(_join, 2, None),
    "split": Function(_split, 2, 2),
    "lower": Function(lambda given: given.text(0).lower(), 1, 1),
    "upper": Function(lambda given: given.text(0).upper(), 1, 1),
    "replace": Function(lambda given: given.text(0).replace(given.text(1), given.text(2)), 3, 3),
    "trimspace": Function(lambda given: given.text(0).strip(), 1, 1),
    "coalesce": Function(_coalesce, 1, None),
    "concat": Function(_concat, 0, None),
    "merge": Function(_merge, 0, None),
    "length": Function(_length, 1, 1),
    "toset": Function(_toset, 1, 1),
}
