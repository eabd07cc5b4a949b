"""Structured logs, always to stderr: stdout belongs to whoever pipes the command's answer on.

`structlog` costs a tenth of a second and 18 MiB, so it is imported with the first event that is written.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

from orchestrator.redact import Redactor, masked

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["text", "json"]

LEVELS: dict[Level, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class Logs:
    """Where events go. One for the process, `configure`d once by the command line."""

    def __init__(self) -> None:
        self.redactor = Redactor()
        self.level: Level = "warning"
        self.format: Format = "text"
        self.stream: TextIO | None = None
        self._lock = threading.Lock()
        self._sink: Any = None

    def configure(self, *, level: Level, format: Format, redactor: Redactor, stream: TextIO | None = None) -> None:  # noqa: A002
        """Choose level, format and what to mask. `stream` None is stderr as it is at each event."""
        with self._lock:
            self.level, self.format, self.redactor, self.stream = level, format, redactor, stream
            self._sink = None

    def enabled(self, level: Level) -> bool:
        return LEVELS[level] >= LEVELS[self.level]

    def emit(self, level: Level, event: str, fields: dict[str, Any]) -> None:
        """Write one event. A stream that is gone loses it; logging never fails a run."""
        if not self.enabled(level):
            return
        with self._lock:
            if self._sink is None:
                self._sink = _build(self)
            try:
                getattr(self._sink, level)(event, **fields)
            except (OSError, ValueError):  # stderr is closed
                return


class Log:
    """Writes events with the fields it is bound to. Safe from any thread."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = fields

    def bind(self, **fields: Any) -> Log:
        """A log that adds these fields to every event."""
        return Log({**self._fields, **fields})

    def debug(self, event: str, **fields: Any) -> None:
        LOGS.emit("debug", event, {**self._fields, **fields})

    def info(self, event: str, **fields: Any) -> None:
        LOGS.emit("info", event, {**self._fields, **fields})

    def warning(self, event: str, **fields: Any) -> None:
        LOGS.emit("warning", event, {**self._fields, **fields})

    def error(self, event: str, **fields: Any) -> None:
        LOGS.emit("error", event, {**self._fields, **fields})


LOGS = Logs()


def log(**fields: Any) -> Log:
    """A log bound to `fields`, such as `log(task="orders", role="input")`."""
    return Log(fields)


_Event = MutableMapping[str, Any]


def _build(logs: Logs) -> Any:
    import structlog  # noqa: PLC0415

    render: Any = structlog.processors.JSONRenderer(ensure_ascii=False) if logs.format == "json" else _render_text
    return structlog.wrap_logger(
        _StreamLogger(logs),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _plain_values,
            _Redaction(logs),
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[logs.level]),
        cache_logger_on_first_use=True,
    )


class _StreamLogger:
    """Writes finished lines, each with one call so that lines of several threads do not mix."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs

    def msg(self, line: str) -> None:
        stream = self._logs.stream or sys.stderr
        stream.write(line + "\n")
        stream.flush()

    debug = info = warning = error = msg


class _Redaction:
    """Masks secrets in every text of an event, however deep, before it is rendered."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs

    def __call__(self, _logger: Any, _method: str, event: _Event) -> _Event:
        found: _Event = masked(dict(event), self._logs.redactor.text)
        return found


def _plain_values(_logger: Any, _method: str, event: _Event) -> _Event:
    """Everything but JSON's own types as text, so that nothing reaches the renderer unmasked."""
    return {key: _plain(value) for key, value in event.items()}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return str(value)


def _render_text(_logger: Any, _method: str, event: _Event) -> str:
    """`2026-01-31T10:15:00Z info  started task=orders`, one line whatever the values hold."""
    time, level, text = event.pop("timestamp"), event.pop("level"), event.pop("event")
    fields = "".join(f" {key}={word(value)}" for key, value in event.items())
    return f"{time} {level:<7} {one_line(str(text))}{fields}"


def word(value: Any) -> str:
    """A value behind `name=`, in quotes where it would be taken for more than one."""
    text = value if isinstance(value, str) else str(value)
    plain = text.isprintable() and not any(char in text for char in " \"'=")
    return text if plain and text else '"' + one_line(text).replace('"', '\\"') + '"'


def one_line(text: str) -> str:
    """`text` with whatever is not printed escaped."""
    return (
        text
        if text.isprintable()
        else "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    )
