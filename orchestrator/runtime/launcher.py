"""Become a provider that cannot outlive its orchestrator.

Run as `python -I -S launcher.py SOCKET PARENT PROGRAM [ARGUMENT...]` in a session of its own. It asks the
kernel to be killed when the thread that began it ends, waits until the orchestrator has written down
who it is, and turns into PROGRAM. Standard library only, and little of that: it runs before every provider.

SOCKET is the descriptor of a stream socket. The environment of PROGRAM comes in through it, NUL-separated and
ended by a half-close; nothing at all means that the orchestrator is gone. An errno goes out, if PROGRAM could
not be executed; otherwise the socket closes with the `exec`.
"""

from __future__ import annotations

import os
import signal
import socket
import sys

_PR_SET_PDEATHSIG = 1


def _die_with(parent: int) -> None:
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415 - only here, and it is the slowest import of all

    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the request: nobody would ever be told
        os._exit(1)


def main() -> None:
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.set_inheritable(False)
    _die_with(int(sys.argv[2]))
    program, argv = sys.argv[3], sys.argv[3:]

    block = b""
    while chunk := channel.recv(65536):
        block += chunk
    if not block:
        os._exit(1)
    # An environment handed on as this interpreter's own would carry its locale coercion (PEP 538).
    environment = dict(entry.split(b"=", 1) for entry in block.split(b"\0") if entry)

    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and `exec` would hand that on
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    try:
        os.execve(program, argv, environment)  # noqa: S606 - becoming that program is the whole purpose
    except OSError as error:
        channel.sendall(str(error.errno).encode())
        os._exit(127)


if __name__ == "__main__":
    main()
