"""What can be wrong with a local executable, in words that say how to mend it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from orchestrator.errors import ConfigError, DstreamError, UnavailableError, Where


def check_executable(path: str) -> None:
    """Raises `ConfigError` for what can be told beforehand; whether it runs, only `exec` knows."""
    where = Where(provider=path)
    if not Path(path).exists():
        raise ConfigError("provider.missing", f"no such file: `{path}`", where=where)
    if Path(path).is_dir():
        raise ConfigError("provider.not_executable", f"`{path}` is a directory", where=where)
    if not os.access(path, os.X_OK):
        raise ConfigError(
            "provider.not_executable", f"`{path}` is not executable", hint=f"chmod +x {path}", where=where
        )


def not_executed(path: str, number: int) -> DstreamError:
    """The error for an `exec` of `path` that failed with errno `number`."""
    where = Where(provider=path)
    interpreter = _interpreter(path)
    if number == errno.ENOENT and interpreter:
        return ConfigError(
            "provider.no_interpreter",
            f"`{path}` asks for `{interpreter}`, which does not exist",
            hint="correct the script's first line, or install the interpreter",
            where=where,
        )
    if number == errno.ENOENT:
        return ConfigError(
            "provider.no_interpreter",
            f"`{path}` needs a program loader that this system does not have",
            hint="it was built for another C library or another architecture",
            where=where,
        )
    if number == errno.ENOEXEC:
        return ConfigError(
            "provider.exec_format",
            f"`{path}` is not a program that this machine can execute",
            hint="a script needs a first line such as `#!/bin/sh`; a binary must be built for this platform",
            where=where,
        )
    if number == errno.EACCES:
        return ConfigError(
            "provider.not_executable",
            f"the system refuses to execute `{path}`",
            hint="its file system may be mounted `noexec`, or the script's interpreter is not executable",
            where=where,
        )
    return UnavailableError("runtime.start", f"cannot execute `{path}`: {os.strerror(number)}", where=where)


def _interpreter(path: str) -> str | None:
    try:
        with Path(path).open("rb") as file:
            first = file.readline(256)
    except OSError:
        return None
    words = first[2:].split() if first.startswith(b"#!") else []
    return os.fsdecode(words[0]) if words else None
