#!/usr/bin/env -S python3 -IS
"""An input of protocol 1 with the standard library alone: numbers with a checkpoint and stats after each, for ever."""

import json
import select
import signal
import sys


def write(message: object) -> None:
    sys.stdout.write(json.dumps(message, separators=(",", ":")) + "\n")
    sys.stdout.flush()


asked: list[int] = []
signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
json.loads(sys.stdin.readline())
write({"status": "ready", "protocol": 1, "capabilities": ["checkpoint", "stats"]})
number = 0
while not asked:
    number += 1
    write({"data": {"value": number}, "metadata": {"seq": number}})
    write({"checkpoint": {"id": number, "records": number, "state": {}}})
    write({"stats": {"lag_s": 0.25, "queue": number, "capture": "running", 'a"b\n': 1}})
    select.select([], [], [], 0.005)
write({"end": {"records": number}})
while sys.stdin.readline():
    pass
