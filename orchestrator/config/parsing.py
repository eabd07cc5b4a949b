"""Files parsed in a short-lived child process.

The grammar's tables and the parser take some 27 MiB that a run of days has no use for; a child
takes them with it when it exits. What comes back is the tree, or the error, over a pipe.
"""

from __future__ import annotations

import gc
import os
import pickle
import select
import signal
import time
import traceback
from collections.abc import Sequence

from orchestrator.config.source import Source
from orchestrator.config.syntax import Body
from orchestrator.errors import ConfigError, UnavailableError, Where

TIMEOUT = 60.0
"""Seconds that parsing may take; the first time on a host takes under two."""

_Answer = list[Body] | tuple[str, str, str | None, Where] | str


def parse_all(sources: Sequence[Source]) -> list[Body]:
    """The trees of `sources`, in order. Blocks until all are parsed.

    Raises the first `ConfigError`, or `UnavailableError` (`config.parser`) where the child died.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _parse_and_exit(sources, reader, writer)
    try:
        os.close(writer)
        answer = _read_all(reader, time.monotonic() + TIMEOUT)
    finally:
        os.close(reader)
        os.kill(child, signal.SIGKILL)  # a child that has answered is gone already or about to be
        os.waitpid(child, 0)
    if not answer:
        raise UnavailableError("config.parser", "the parser did not answer", hint="is the host out of memory?")
    result: _Answer = pickle.loads(answer)  # noqa: S301  # from our own child
    if isinstance(result, tuple):
        code, message, hint, where = result
        raise ConfigError(code, message, hint=hint, where=where)
    if isinstance(result, str):
        raise RuntimeError(f"the parser failed in its process:\n{result}")  # noqa: TRY004
    return result


def _parse_and_exit(sources: Sequence[Source], reader: int, writer: int) -> None:
    status = 1
    try:
        os.close(reader)
        gc.disable()
        from orchestrator.config.hcl import parse  # noqa: PLC0415  # the parser belongs to the child

        result: _Answer
        try:
            result = [parse(source) for source in sources]
        except ConfigError as error:
            result = (error.code, error.message, error.hint, error.where)
        except Exception:  # noqa: BLE001  # a fault of ours: the parent raises it
            result = traceback.format_exc()
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(pickle.dumps(result))
        status = 0
    finally:
        os._exit(status)


def _read_all(reader: int, deadline: float) -> bytes:
    chunks: list[bytes] = []
    while True:
        ready, _, _ = select.select([reader], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return b""
        chunk = os.read(reader, 1 << 16)
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)
