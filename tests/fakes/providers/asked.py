#!/usr/bin/env -S python3 -IS
"""An input of protocol 1 that takes signals: one record to begin with, another one for a signal, and the end."""

import json
import sys


def write(message: object) -> None:
    sys.stdout.write(json.dumps(message, separators=(",", ":")) + "\n")
    sys.stdout.flush()


sys.stdin.readline()
write({"status": "ready", "protocol": 1, "capabilities": ["checkpoint", "signal"]})
write({"data": {"value": "waiting"}, "metadata": {}})
write({"checkpoint": {"id": 1, "records": 1, "state": {}}})
for line in sys.stdin:
    if line.startswith('{"signal":'):
        write({"data": {"value": json.loads(line)["signal"]}, "metadata": {}})
        write({"checkpoint": {"id": 2, "records": 2, "state": {}}})
        write({"end": {"records": 2}})
