#!/usr/bin/env -S python3 -IS
"""An output that appends its lines to the file `sink`, synced before each ack, and rejects the values in `refused`.

Both are in its config's `folder`; `refused` is a JSON list that may change between runs, and missing is empty. At the
line whose number is in the file `hold` it waits, telling so by the file `held`. Every start notes its envelope.
"""

import json
import os
import sys
import time


def say(message: object) -> None:
    os.write(1, json.dumps(message, separators=(",", ":")).encode() + b"\n")


def read(name: str, otherwise: str) -> str:
    try:
        with open(folder + name) as file:
            return file.read()
    except FileNotFoundError:
        return otherwise


envelope = json.loads(sys.stdin.buffer.readline())
config = envelope["config"]
folder = config["folder"] + "/"
name = config.get("name", "sink")
with open(folder + "envelopes", "a") as notes:
    notes.write(json.dumps(envelope) + "\n")
refused = json.loads(read("refused", "[]"))
hold = int(read("hold", "0"))
say({"status": "ready", "protocol": 1, "capabilities": ["ack", "reject"]})
sink = os.open(folder + name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
records = rejected = 0
for line in sys.stdin.buffer:
    if line.startswith(b'{"checkpoint":'):
        os.fsync(sink)
        mark = json.loads(line)["checkpoint"]
        say({"ack": {"id": mark["id"], "records": mark["records"], "rejected": rejected}})
    elif line.startswith(b'{"end":'):
        os.fsync(sink)
        say({"end": {"records": records, "rejected": rejected}})
        break
    else:
        records += 1
        if records == hold:
            open(folder + "held", "w").close()
            while os.path.exists(folder + "hold"):
                time.sleep(0.01)
        if json.loads(line)["data"]["value"] in refused:
            rejected += 1
            reject = {"record": records, "code": "refused", "reason": f"not in the mood {len(refused)}"}
            say({"reject": {**reject, "envelope": json.loads(line)}})
        else:
            os.write(sink, line)
