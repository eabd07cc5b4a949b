"""`python -m tests.servers.servicebus [--host H] [--port N] [--file F]`: a server in a process of its own."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path

from tests.servers.servicebus.server import ServiceBus


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.servers.servicebus")
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--file", type=Path, help="where to keep what it holds")
    given = arguments.parse_args()
    stop = (signal.SIGINT, signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    with ServiceBus(host=given.host, port=given.port, file=given.file) as bus:
        print(bus.connection_string, flush=True)
        signal.sigwait(stop)


if __name__ == "__main__":
    main()
