#!/usr/bin/env -S python3 -IS
"""An input of protocol 1 with the standard library alone: `count` numbers, a checkpoint after every `every`.

Without `count` it goes on for ever, `interval` seconds apart. It resumes after the number in its state.
"""

import json
import select
import signal
import sys


def write(message: object) -> None:
    sys.stdout.write(json.dumps(message, separators=(",", ":")) + "\n")


asked: list[int] = []
signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
envelope = json.loads(sys.stdin.readline())
config = envelope["config"]
write({"status": "ready", "protocol": 1, "capabilities": ["checkpoint"]})
sys.stdout.flush()

first = (envelope.get("state") or {}).get("number", 0)
every = config.get("every", 10)
number = first
marked = first
while not asked and (config.get("count") is None or number < config["count"]):
    number += 1
    write({"data": {"value": number}, "metadata": {"seq": number}})
    if (number - first) % every == 0:
        marked = number
        write({"checkpoint": {"id": number, "records": number - first, "state": {"number": number}}})
        sys.stdout.flush()
    if config.get("interval"):
        sys.stdout.flush()
        select.select([], [], [], config["interval"])
if marked < number:
    write({"checkpoint": {"id": number, "records": number - first, "state": {"number": number}}})
write({"end": {"records": number - first}})
sys.stdout.flush()
while sys.stdin.readline():
    pass
