"""`--json`: one object per line on stdout. The first key of each is `event`."""

from __future__ import annotations

import json
import re
import sys
import threading
from typing import TYPE_CHECKING, Any

from orchestrator.errors import DstreamError, Where, error_class

if TYPE_CHECKING:
    from collections.abc import Callable

_writing = threading.Lock()
_CONTROL = re.compile(r"[\x7f-\x9f]")


def emit(event: dict[str, Any]) -> None:
    """Write one event. Thread-safe. Raises `BrokenPipeError` when nobody reads stdout any more."""
    line = json_text(event)
    with _writing:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def json_text(value: Any, indent: int | None = None) -> str:
    """`value` as JSON that moves no terminal's cursor: what JSON itself lets through of control characters escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=(",", ": " if indent else ":"))
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def error_event(error: DstreamError, mask: Callable[[str], str]) -> dict[str, Any]:
    """What is known of `error`, its secrets masked."""
    where = error.where
    place = {
        "file": where.file,
        "line": where.line,
        "column": where.column,
        "provider": where.provider,
        "image": where.image,
        "last_words": [mask(line) for line in where.last_words] or None,
    }
    return {
        "event": "error",
        "code": error.code,
        "message": mask(error.message),
        "hint": error.hint and mask(error.hint),
        "where": {key: value for key, value in place.items() if value is not None},
        "exit_code": error.exit_code,
    }


def error_of(event: dict[str, Any]) -> DstreamError:
    """The error of which `error_event` made `event`."""
    import msgspec

    where = msgspec.convert(event["where"], Where)
    return error_class(event["exit_code"])(event["code"], event["message"], hint=event["hint"], where=where)
