#!/usr/bin/env -S python3 -IS
"""An output of protocol 1 with the standard library alone: prints every record's value, and acknowledges it."""

import json
import sys


def write(text: str) -> None:
    sys.stdout.write(text + "\n")


sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a text file, whatever its type says
envelope = json.loads(sys.stdin.readline())
print(f"config has {sorted(envelope['config'])}", file=sys.stderr, flush=True)
write('{"status":"ready","protocol":1,"capabilities":["ack"]}')
records = 0
for line in sys.stdin:
    if line.startswith('{"checkpoint":'):
        mark = json.loads(line)["checkpoint"]
        write(json.dumps({"ack": {"id": mark["id"], "records": mark["records"]}}, separators=(",", ":")))
    elif line.startswith('{"end":'):
        write(json.dumps({"end": {"records": records, "rejected": 0}}, separators=(",", ":")))
        break
    else:
        records += 1
        write(f"value {json.loads(line)['data']['value']}")
