"""The guard's process. Run as `python -I sentry.py`, with a pipe from the orchestrator as stdin.

Reads lines of what to kill, until the pipe closes or the moment passes that the last `until` named. What was not
released by then is killed: processes at once, containers as soon as their engine answers. Does not read anything
but stdin, does not write anything.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

ENGINE_MAY_BE_AWAY = 600.0
"""Seconds for which a dead orchestrator's containers are sought on an engine that does not answer."""

_ATTEMPT = 10.0
_GLANCE = 1.0
_PAUSE = 0.5


def main() -> None:
    sys.path.append(str(Path(__file__).parents[2]))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    remaining = list(_listen().values())
    end = time.monotonic() + ENGINE_MAY_BE_AWAY
    while remaining and time.monotonic() < end:
        # Processes first: an engine that hangs must not keep them alive.
        remaining.sort(key=lambda what: "container" in what)
        remaining = [what for what in remaining if not _gone(what)]
        if remaining:
            time.sleep(_PAUSE)


def _listen() -> dict[str, dict[str, Any]]:
    from orchestrator.runtime import clock  # noqa: PLC0415

    watched: dict[str, dict[str, Any]] = {}
    until: float | None = None
    unfinished = b""  # the orchestrator died within the line, before anything of it could start
    while True:
        left = None if until is None else max(0.0, until - clock.now())
        # A pause of the system's would stand still with a machine that sleeps.
        if not select.select([0], [], [], left and min(left, _GLANCE))[0]:
            if left == 0.0:
                return watched
            continue
        data = os.read(0, 65536)
        if not data:
            return watched
        *lines, unfinished = (unfinished + data).split(b"\n")
        for message in map(json.loads, lines):
            if "until" in message:
                until = message["until"]
            elif "release" in message:
                watched.pop(message["release"], None)
            else:
                watched[message["watch"]] = message


def _gone(what: dict[str, Any]) -> bool:
    if "session" in what:
        from orchestrator.runtime.session import Session  # noqa: PLC0415

        return Session(**what["session"]).kill_until_gone(_ATTEMPT)

    sys.path[:] = what["path"]  # isolated as it is, this interpreter may not see the packages
    from orchestrator.errors import UnavailableError  # noqa: PLC0415
    from orchestrator.runtime.docker import Engine  # noqa: PLC0415

    try:
        Engine(what["engine"]).discard(what["container"], _ATTEMPT)
    except UnavailableError:
        return False
    return True


if __name__ == "__main__":
    main()
    os._exit(0)  # nothing to flush, and a client's threads must not hold it
