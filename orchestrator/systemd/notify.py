"""What a run tells systemd: ready, what it does, that it is still there, and that it is ending.

One datagram each to the socket in `NOTIFY_SOCKET`, as `sd_notify(3)` describes it; any supervisor may listen there.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from orchestrator.pipeline.live import Live

LOOK_S = 0.2
"""How often the run is looked at."""

STATUS_S = 10.0
"""How often figures are told while the state stays the same."""

CLOSE_S = 5.0
_SEND_S = 1.0


class Notifier:
    """Tells how a run goes. `socket_name` is a path, or an abstract address that begins with `@`.

    With `watchdog_s` it says every so often that it could still read the run; once that fails, or hangs, it is silent.
    """

    def __init__(self, socket_name: str, watchdog_s: float | None = None) -> None:
        self._address = "\0" + socket_name[1:] if socket_name.startswith("@") else socket_name
        self._watched = watchdog_s is not None
        self._pause = min(LOOK_S, watchdog_s / 2) if watchdog_s is not None else LOOK_S
        self._over = threading.Event()
        self._ready = False
        self._state = ""
        self._next_status = 0.0

    @contextmanager
    def expose(self, read: Callable[[], Live]) -> Iterator[None]:
        """See `orchestrator.pipeline.live.Expose`."""
        thread = threading.Thread(target=self._run, args=(read,), name="notify", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join(CLOSE_S)

    def _run(self, read: Callable[[], Live]) -> None:
        while True:
            last = self._over.is_set()
            self._send(self._news(read(), last=last))
            if last:
                return
            self._over.wait(self._pause)

    def _news(self, live: Live, *, last: bool) -> list[str]:
        """What has changed, and a sign of life where one is wanted."""
        news = []
        # A host that stands by may do so for days: it has started, whoever does the work.
        if not self._ready and live.state in ("running", "standby"):
            self._ready = True
            news.append("READY=1")
        # Not while an attempt ends: another may follow, and systemd kills what goes on behind this word.
        if last:
            news.append("STOPPING=1")
        if live.state != self._state or time.monotonic() >= self._next_status:
            self._state, self._next_status = live.state, time.monotonic() + STATUS_S
            news.append(f"STATUS={_status(live)}")
        if self._watched and not last:
            news.append("WATCHDOG=1")
        return news

    def _send(self, news: list[str]) -> None:
        if not news:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.settimeout(_SEND_S)
            try:
                out.sendto("\n".join(news).encode("utf-8", "replace"), self._address)
            except OSError:
                # Nobody listens at this moment, which is no reason to end a run: it is told again.
                self._ready, self._state = False, ""


def notifier(environ: Mapping[str, str]) -> Notifier | None:
    """The one that the environment asks for, if it does."""
    name = environ.get("NOTIFY_SOCKET", "")
    if not name.startswith(("/", "@")):
        return None
    mine = environ.get("WATCHDOG_PID") in (None, str(os.getpid()))
    interval = environ.get("WATCHDOG_USEC", "")
    watched = mine and interval.isdecimal() and int(interval) > 0
    return Notifier(name, int(interval) / 1e6 if watched else None)


def _status(live: Live) -> str:
    """One line for `systemctl status`."""
    counts = live.counts
    parts = [f"{counts.relayed:,} records relayed"]
    if counts.delivered is not None:
        parts.append(f"{counts.delivered:,} delivered")
    if live.restarts:
        parts.append(f"{live.restarts} restart{'' if live.restarts == 1 else 's'}")
    if live.state in ("backing off", "failed") and live.last_error:
        parts.append(live.last_error.partition("\n")[0][:200])
    return f"{live.state}: {', '.join(parts)}"
