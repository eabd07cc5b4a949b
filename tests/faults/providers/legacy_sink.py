#!/usr/bin/env -S python3 -IS
"""An output as the original's are: it says that it is ready and takes lines until the end of its stdin.

folder     where its files are: `sink`, and `received` (lines so far)
per_line   seconds that a line takes
wait_at    after this many lines, read nothing until the file `go` exists; `waiting` says that it is so
"""

import json
import os
import select
import sys

config = json.loads(sys.stdin.buffer.readline())["config"]
folder = config["folder"]
print('{"status":"ready"}', flush=True)
received = 0
with open(f"{folder}/sink", "ab", buffering=0) as sink:
    for line in sys.stdin.buffer:
        sink.write(line)
        received += 1
        if config.get("per_line"):
            select.select([], [], [], config["per_line"])
        if received == config.get("wait_at"):
            open(f"{folder}/waiting", "w").close()
            while not os.path.exists(f"{folder}/go"):
                select.select([], [], [], 0.01)
