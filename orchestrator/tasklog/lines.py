"""What a provider wrote, as records: a JSON object's own level, message and fields are kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Literal

import msgspec

from dstream_sdk.protocol import NOT_JSON
from orchestrator.redact import masked
from orchestrator.tasklog.record import Origin, Record

LINE_LIMIT = 64 * 1024
"""Characters of a line that are kept."""

_MESSAGES = ("event", "message", "msg")
_LEVELS = ("level", "severity", "levelname", "lvl")

_LEVEL_WORD = re.compile(r"(?:[^\sA-Z]\S*\s+){0,3}[\[<(]?(TRACE|DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL)\b")
"""In capitals at the beginning of a line, behind a time at most: what loggers write that are not told otherwise."""

Redact = Callable[[str], str]


class Speaker(msgspec.Struct, frozen=True):
    """Whose lines they are."""

    task: str
    run_id: str
    provider: Origin
    stream: Literal["stdout", "stderr"] | None = None


def records(content: bytes, speaker: Speaker, time: str, redact: Redact) -> Iterator[Record]:
    """The lines of `content`, which end with a newline each, without their secrets. Empty lines are left out."""
    for line in redact(content.decode("utf-8", "replace")).split("\n"):
        text = line.rstrip("\r")
        if text:
            yield _record(text, speaker, time, redact)


def _record(text: str, speaker: Speaker, time: str, redact: Redact) -> Record:
    if speaker.stream is None and text.startswith("{") and text.endswith("}"):
        fields = _object(text)
        if fields is not None:
            if "\\" in text:  # only then does JSON spell anything otherwise than the text that was redacted
                fields = masked(fields, redact)
            event = _taken(fields, _MESSAGES) or ""
            level = (_taken(fields, _LEVELS) or "info").lower()
            return Record(time, level, event, speaker.task, speaker.run_id, speaker.provider, None, fields)
    if len(text) > LINE_LIMIT:
        text = f"{text[:LINE_LIMIT]}… ({len(text) - LINE_LIMIT:,} more characters)"
    named = None if speaker.stream else _LEVEL_WORD.match(text)
    level = named[1].lower() if named else "info"
    return Record(time, level, text, speaker.task, speaker.run_id, speaker.provider, speaker.stream)


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(text)
    except NOT_JSON:
        return None
    return found if isinstance(found, dict) and found else None


def _taken(fields: dict[str, Any], names: tuple[str, ...]) -> str | None:
    """The first of these that is a text, or a number, which some loggers have for a level; removed from `fields`."""
    for name in names:
        value = fields.get(name)
        if (isinstance(value, str) and value) or (names is _LEVELS and type(value) is int):
            return str(fields.pop(name))
    return None
