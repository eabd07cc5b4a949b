"""A text and the places in it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from orchestrator.errors import ConfigError, Where

SIZE_LIMIT = 8 * 1024 * 1024
"""Bytes of a file that configuration may come from: more could not be handed to a provider anyway."""


@dataclass(frozen=True)
class Source:
    """One file's text, line ends normalised to `\\n`. `folder` is what its relative paths start from."""

    name: str
    text: str
    folder: Path

    @cached_property
    def _line_starts(self) -> list[int]:
        starts = [0]
        starts.extend(offset + 1 for offset, char in enumerate(self.text) if char == "\n")
        return starts

    def line(self, offset: int) -> int:
        """The line, from 1, that holds the character at `offset`."""
        return bisect_right(self._line_starts, offset)

    def where(self, offset: int) -> Where:
        """File, line, column and the line's text for `offset`; one past the end is allowed."""
        line = self.line(offset)
        start = self._line_starts[line - 1]
        end = self.text.find("\n", start)
        return Where(
            file=self.name,
            line=line,
            column=offset - start + 1,
            text=self.text[start : len(self.text) if end < 0 else end],
        )

    def at(self, offset: int) -> Place:
        return Place(self, offset)


@dataclass(frozen=True, slots=True)
class Place:
    """One character of a source. The line and column are worked out only when somebody asks."""

    source: Source
    offset: int

    @property
    def where(self) -> Where:
        return self.source.where(self.offset)

    def error(self, code: str, message: str, hint: str | None = None) -> ConfigError:
        """A configuration error about this place, to be raised by the caller."""
        return ConfigError(code, message, hint=hint, where=self.where)


def read_source(path: Path, *, missing_hint: str | None = None) -> Source:
    """Read `path`. Raises `ConfigError` when it is missing, unreadable, too large or not UTF-8."""
    text = read_text(path, missing_hint=missing_hint)
    return Source(name=str(path), text=text, folder=path.absolute().parent)


def read_text(path: Path, *, missing_hint: str | None = None, where: Where | None = None) -> str:
    """The file's text with `\\n` line ends and no byte order mark. Raises as `read_source` does."""
    where = where or Where(file=str(path))
    try:
        with path.open("rb") as file:
            data = file.read(SIZE_LIMIT + 1)
    except FileNotFoundError as error:
        raise ConfigError("config.no_file", f"no file `{path}`", hint=missing_hint, where=where) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError("config.unreadable", f"cannot read `{path}`: {reason}", where=where) from error
    if len(data) > SIZE_LIMIT:
        raise ConfigError("config.too_large", f"`{path}` is larger than {SIZE_LIMIT >> 20} MiB", where=where)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"`{path}` is not UTF-8 at byte {error.start}"
        raise ConfigError("config.encoding", message, hint="save the file as UTF-8", where=where) from error
    return text.replace("\r\n", "\n")
