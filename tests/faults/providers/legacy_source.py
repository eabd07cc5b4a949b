#!/usr/bin/env -S python3 -IS
"""An input as the original's are: lines from its first word to its end, no contract.

folder     where its files are: `written` (lines written), `leaving` (it is about to exit)
count      how many lines
width      bytes of a line
hold       after the last line, stay until SIGTERM, and then exit with 143
pile_up    go on after `count` until nothing has been taken for a second, and exit with all that unread
"""

import json
import os
import select
import signal
import sys
import threading

asked = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: asked.set())
config = json.loads(sys.stdin.buffer.read())["config"]
folder, width = config["folder"], config.get("width", 44)


def line(number: int) -> bytes:
    return f"{number} ".ljust(width - 1, "x").encode() + b"\n"


def note(name: str, text: object) -> None:
    with open(f"{folder}/{name}.new", "w") as file:
        file.write(str(text))
    os.replace(f"{folder}/{name}.new", f"{folder}/{name}")


def put(data: bytes) -> bool:
    """Write all of it; False when nobody takes anything any more."""
    while data:
        if not select.select([], [1], [], config.get("pile_up"))[1]:
            return False
        try:
            data = data[os.write(1, data) :]
        except BlockingIOError:
            continue
    return True


number = 0
os.set_blocking(1, False)
while (number < config["count"] or config.get("pile_up")) and put(line(number + 1)):
    number += 1
    if number % 100 == 0:
        note("written", number)
note("written", number)
if config.get("hold"):
    asked.wait()
    sys.exit(128 + signal.SIGTERM)
note("leaving", "")
