"""`python -m tests.servers.servicebus [--host H] [--port N]`: a server in a process of its own, until it is stopped."""

from __future__ import annotations

import argparse
import signal

from tests.servers.servicebus.server import ServiceBus


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.servers.servicebus")
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, default=0)
    given = arguments.parse_args()
    stop = (signal.SIGINT, signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    with ServiceBus(host=given.host, port=given.port) as bus:
        print(bus.connection_string, flush=True)
        signal.sigwait(stop)


if __name__ == "__main__":
    main()
