"""`python -m tests.servers.sqlserver [--host H] [--port N] [--lag S]`: an emulated server, until it is stopped."""

from __future__ import annotations

import argparse
import signal

from tests.servers.sqlserver.server import SqlServer


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.servers.sqlserver")
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--lag", type=float, default=0.0, help="seconds from a commit to its capture")
    given = arguments.parse_args()
    stop = (signal.SIGINT, signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    with SqlServer(host=given.host, port=given.port) as server:
        server.capture.lag = given.lag
        print(f"mssql://{server.user}:{server.password}@{server.host}:{server.port}/{server.database}", flush=True)
        signal.sigwait(stop)


if __name__ == "__main__":
    main()
