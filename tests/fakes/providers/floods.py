#!/usr/bin/env -S python3 -IS
"""An input that logs `lines` numbered lines while it writes `records` records, as many of them to each."""

import json
import os
import sys


def write(message: object) -> None:
    sys.stdout.write(json.dumps(message, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def log(first: int, last: int) -> None:
    data = "".join(f"line {number} {'x' * 80}\n" for number in range(first, last)).encode()
    while data:
        data = data[os.write(2, data) :]


config = json.loads(sys.stdin.readline())["config"]
write({"status": "ready", "protocol": 1, "capabilities": ["checkpoint"]})
records, lines = config["records"], config["lines"]
for record in range(1, records + 1):
    log(lines * (record - 1) // records, lines * record // records)
    write({"data": {"value": record}, "metadata": {}})
write({"checkpoint": {"id": 1, "records": records, "state": {}}})
write({"end": {"records": records}})
sys.stdin.read()
