"""`python -m orchestrator.cli.marketplace.attached JSON`: one image as a container on this process's own streams.

The contract suite knows nothing but command lines; this is the one that starts what `dstream run` would start.
SIGTERM is handed on, SIGKILL ends the container too, and the exit status is the provider's (128 and a signal's number).
"""

from __future__ import annotations

import json
import os
import secrets
import select
import signal
import sys
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from orchestrator.cli.terminal.words import render_error
from orchestrator.errors import EXIT_FAILED, DstreamError
from orchestrator.runtime.base import ImageProgram, Launch, Scope, StreamBroken
from orchestrator.runtime.docker import DockerRuntime
from orchestrator.runtime.guard import Guard
from orchestrator.runtime.sandbox import Limits

if TYPE_CHECKING:
    from orchestrator.runtime.base import ByteSink, ByteSource

_CHUNK = 64 * 1024
_GONE_WITHIN = 30.0


def command_line(
    image: ImageProgram, limits: Limits, engine_host: str | None, proxies: bool, **launch: Any
) -> list[str]:
    """What starts `image`; `launch` are fields of `Launch` that JSON can say."""
    asked = {
        "image": asdict(image),
        "limits": asdict(limits),
        "engine": {"engine_host": engine_host, "proxies": proxies},
        "launch": launch,
    }
    # -P: what lies in the current folder is no module of ours.
    return [sys.executable, "-P", "-m", "orchestrator.cli.marketplace.attached", json.dumps(asked)]


def main() -> int:
    asked = json.loads(sys.argv[1])
    launch = Launch(program=ImageProgram(**asked["image"]), **asked["launch"])
    scope = Scope("contract", "contract", secrets.token_hex(8))
    try:
        runtime = DockerRuntime(scope, guard=Guard(), limits=Limits(**asked["limits"]), **asked["engine"])
        try:
            return _attach(runtime, launch)
        finally:
            runtime.close()
    except DstreamError as error:
        sys.stderr.write(render_error(error) + "\n")
        return error.exit_code


def _attach(runtime: DockerRuntime, launch: Launch) -> int:
    running = runtime.start(launch)
    try:
        signal.signal(signal.SIGTERM, lambda *_: running.terminate())
        threading.Thread(target=_feed, args=(running.stdin,), daemon=True).start()
        streams = [
            threading.Thread(target=_carry, args=(source, fd), daemon=True)
            for source, fd in ((running.stdout, 1), (running.stderr, 2))
        ]
        for stream in streams:
            stream.start()
        # Without a deadline: whoever waits for the provider has one, and kills.
        ended = running.wait()
        for stream in streams:
            stream.join()
    finally:
        running.dispose(_GONE_WITHIN)
    if ended is None or (ended.status is None and ended.signal is None):
        return EXIT_FAILED
    return ended.status if ended.status is not None else 128 + (ended.signal or 0)


def _feed(sink: ByteSink) -> None:
    """Hand our stdin on, and its end."""
    try:
        while data := os.read(0, _CHUNK):
            left = memoryview(data)
            while left:
                taken = sink.write(left)
                left = left[taken:]
                if not taken:
                    select.select([], [sink], [])
        sink.close()
    except (StreamBroken, ValueError):  # it was disposed: nobody reads it any more
        return


def _carry(source: ByteSource, fd: int) -> None:
    """Hand a stream of the container's on until it ends."""
    buffer = memoryview(bytearray(_CHUNK))
    try:
        while (count := source.read_into(buffer)) != 0:
            if count is None:
                select.select([source], [], [])
                continue
            left = buffer[:count]
            while left:
                left = left[os.write(fd, left) :]
    except (StreamBroken, BrokenPipeError) as error:
        sys.stderr.write(f"attached: {error}\n")


if __name__ == "__main__":
    sys.exit(main())
