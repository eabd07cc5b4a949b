"""How text is written in a unit file so that systemd reads it as it was: see `systemd.syntax(7)`."""

from __future__ import annotations

from orchestrator.errors import ConfigError


def plain(text: str) -> str:
    """For a setting whose whole line is the value, such as a path or a description.

    Raises `ConfigError` (`systemd.text`) for what no unit can hold.
    """
    if not text.isprintable() or text != text.strip() or text.endswith("\\"):
        message = f"a unit cannot hold `{text.encode('unicode_escape').decode()}`"
        raise ConfigError("systemd.text", message, hint="give it a name of printable characters")
    return text.replace("%", "%%")


def quoted(text: str) -> str:
    """For a setting that takes several words. Raises as `plain` does."""
    inner = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain(inner)}"'


def argument(text: str) -> str:
    """For `ExecStart=`, where a dollar begins a variable too; quoted only where it must be. Raises as `plain` does."""
    if text and all(char.isalnum() or char in "/._-+:=@," for char in text):
        return text
    return quoted(text).replace("$", "$$")
