"""Our words for people: errors, figures and durations as text. Pure."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.errors import DstreamError, Where

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_RED, _CYAN, _BOLD, _DIM, _PLAIN = "\x1b[31m", "\x1b[36m", "\x1b[1m", "\x1b[2m", "\x1b[0m"


def printable(text: str) -> str:
    """`text` without the power to move a terminal's cursor or change its colours."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def render_error(error: DstreamError, *, color: bool = False) -> str:
    """What went wrong, where, the provider's last words, and after a blank line the way out.

    Ends without a newline.
    """

    def paint(codes: str, text: str) -> str:
        return f"{codes}{text}{_PLAIN}" if color else text

    lines = [f"{paint(_BOLD + _RED, f'error[{error.code}]')}: {printable(error.message)}"]
    lines += _place(error.where)
    if error.where.provider:
        lines.append(f"  provider: {printable(error.where.provider)}")
    if error.where.image:
        lines.append(f"  image: {printable(error.where.image)}")
    if error.where.last_words:
        lines.append("  its last words:")
        lines += [f"  | {printable(line)}" for line in error.where.last_words]
    if error.hint:
        lines += ["", f"{paint(_CYAN, 'hint')}: {printable(error.hint)}"]
    return "\n".join(lines)


def _place(where: Where) -> list[str]:
    """`--> file:line:column` and, where it is known, the line with a caret below it."""
    if where.file is None:
        return []
    place = ":".join(str(part) for part in (where.file, where.line, where.column) if part is not None)
    lines = [f"  --> {printable(place)}"]
    if where.text is not None and where.line is not None:
        number = str(where.line)
        margin = " " * len(number)
        lines += [f" {margin} |", f" {number} | {printable(where.text.expandtabs(1))}"]
        if where.column is not None:
            lines.append(f" {margin} | {' ' * (where.column - 1)}^")
    return lines


def warning(message: str, *, color: bool = False) -> str:
    label = f"{_BOLD}warning{_PLAIN}" if color else "warning"
    return f"{label}: {printable(message)}"


def dim(text: str, *, color: bool) -> str:
    return f"{_DIM}{text}{_PLAIN}" if color else text


def count(number: int | None) -> str:
    """`1,234`, or `unknown` for what nobody counted."""
    return "unknown" if number is None else f"{number:,}"


def records(number: int | None) -> str:
    return f"{count(number)} record{'' if number == 1 else 's'}"


def dead_letters(number: int) -> str:
    return f"{number:,} dead letter{'' if number == 1 else 's'}"


def size(number: float) -> str:
    """Bytes as people read them: `950 B`, `1.5 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} B" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def age(seconds: float) -> str:
    """How long ago, as people say it: `less than a minute`, `1 hour`, `12 days`."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        number = int(seconds // length)
        if number > 0:
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return "less than a minute"


def short_age(seconds: float) -> str:
    """How long ago, for a column: `3s`, `12m`, `5h`, `40d`."""
    seconds = max(0.0, seconds)
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * length or (unit == "d" and seconds >= length):
            return f"{int(seconds // length)}{unit}"
    return f"{int(seconds)}s"


def moment(at: float, now: float) -> str:
    """When, in local time: `14:03:22` of the last half day, else with its date."""
    form = "%H:%M:%S" if abs(now - at) < 43200 else "%Y-%m-%d %H:%M"
    return time.strftime(form, time.localtime(at))


def day_and_time(at: float) -> str:
    """`2026-01-31 14:03:22`, in local time."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def rate(number: float) -> str:
    """`0/s`, `0.4/s`, `1,204/s`."""
    return f"{number:.1f}/s" if 0 < number < 10 else f"{number:,.0f}/s"


def duration(seconds: float) -> str:
    """`0.4 s`, `1 m 05 s`, `2 h 03 m`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} m {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} m"


def metrics(address: str) -> str:
    """Where a run's figures are."""
    return f"metrics at {metrics_url(address)}"


def metrics_url(address: str) -> str:
    return f"http://{address}/metrics"
