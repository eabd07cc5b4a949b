"""What a run tells systemd, read from the socket that systemd would listen on."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from orchestrator.systemd.notify import notifier
from tests.lives import counts, live

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orchestrator.pipeline.live import Live


class Told:
    """A datagram socket, and the run that is told of: `now` can be changed."""

    def __init__(self, out: socket.socket, now: Live) -> None:
        self._socket = out
        self.now = now

    def until(self, word: str) -> list[str]:
        """The lines up to the datagram that has `word`. The socket's timeout is the deadline."""
        lines: list[str] = []
        while not any(line.startswith(word) for line in lines):
            lines += self._socket.recv(65536).decode().split("\n")
        return lines


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.bind(address)
        out.settimeout(60)
        yield out


@contextmanager
def told(out: socket.socket, environ: dict[str, str], now: Live) -> Iterator[Told]:
    tells = notifier(environ)
    assert tells is not None
    systemd = Told(out, now)
    with tells.expose(lambda: systemd.now):
        yield systemd


def test_ready_comes_once_it_runs_and_stopping_once_it_is_over(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with listening(address) as out:
        with told(out, {"NOTIFY_SOCKET": address}, live(state="starting")) as systemd:
            assert systemd.until("STATUS=starting") == ["STATUS=starting: 100 records relayed, 90 delivered"]
            systemd.now = live(state="running", counts=counts(1234, 1200))
            lines = systemd.until("STATUS=running")
            assert lines == ["READY=1", "STATUS=running: 1,234 records relayed, 1,200 delivered"]
            # The end of an attempt, behind which systemd would kill the next one had it been told of an end.
            systemd.now = live(state="draining")
            assert "STOPPING=1" not in systemd.until("STATUS=draining")
            systemd.now = live(state="backing off")
            assert "STOPPING=1" not in systemd.until("STATUS=backing off")
            systemd.now = live(state="stopped")
        rest = systemd.until("STOPPING=1")
    assert "READY=1" not in rest
    assert not any("WATCHDOG" in line for line in rest)


def test_a_host_that_stands_by_has_started_and_an_error_is_in_the_status(tmp_path: Path) -> None:
    address = f"@dstream-{os.getpid()}-{tmp_path.name}"
    with (
        listening("\0" + address[1:]) as out,
        told(out, {"NOTIFY_SOCKET": address}, live(state="standby")) as systemd,
    ):
        assert systemd.until("STATUS=")[0] == "READY=1"
        systemd.now = live(state="backing off", restarts=2, last_error="provider.exited: why\nnot this")
        assert systemd.until("STATUS=backing")[-1].endswith("2 restarts, provider.exited: why")


def test_the_watchdog_hears_of_a_run_only_while_it_can_be_read(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "20000", "WATCHDOG_PID": str(os.getpid())}
    with listening(address) as out:
        with told(out, environ, live()) as systemd:
            for _ in range(3):
                systemd.until("WATCHDOG=1")
        # A sign of life after the last one would keep a process that hangs at its end.
        last = systemd.until("STOPPING=1")
        assert last[-1] != "WATCHDOG=1"


def test_a_run_goes_on_when_nobody_listens_and_tells_all_when_somebody_does(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    asked: list[int] = []
    now = live()
    tells = notifier({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "20000"})
    assert tells is not None

    def read() -> Live:
        asked.append(1)
        return now

    with tells.expose(read):
        while len(asked) < 3:
            pass
        with listening(address) as out:
            assert "READY=1" in Told(out, now).until("READY=1")


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}])
def test_without_a_socket_nothing_is_told(environ: dict[str, str]) -> None:
    assert notifier(environ) is None


@pytest.mark.parametrize("more", [{"WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "0"}])
def test_a_watchdog_that_is_not_meant_is_not_fed(tmp_path: Path, more: dict[str, str]) -> None:
    address = str(tmp_path / "notify")
    environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "20000", **more}
    with listening(address) as out:
        with told(out, environ, live()) as systemd:
            lines = systemd.until("STATUS=")
        lines += systemd.until("STOPPING=1")
    assert "WATCHDOG=1" not in lines
