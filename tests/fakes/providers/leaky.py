#!/usr/bin/env -S python3 -IS
"""A provider that logs all that its config keeps secret, in every spelling, and tells it wherever it can tell anything.

Its config: `secrets`, the texts; `go`, the file that an input waits for before it ends; `refuse`, whether it says them
in its handshake and ends. What it writes as data holds none of them.
"""

import base64
import json
import os
import sys
import time
import urllib.parse


def write(message: object) -> None:
    sys.stdout.write(json.dumps(message, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def spellings(secret: str) -> "list[str]":
    data = secret.encode()
    codes = "".join(f"\\u{ord(char):04x}" for char in secret if ord(char) < 0x10000)
    return [
        secret,
        f"Login failed for '{secret}'",
        repr(secret),
        urllib.parse.quote(secret, safe=""),
        urllib.parse.quote_plus(secret),
        base64.b64encode(data).decode(),
        base64.b64encode(b"user:" + data).decode(),
        json.dumps({"msg": "connecting", "how": {"password": secret, "also": [secret]}, secret: 1}),
        json.dumps({"level": "error", "msg": json.dumps({"password": secret})}),
        '{"level":"debug","msg":"%s","deep":{"x":["%s"]}}' % (codes, codes),
        "x" * 200_000 + secret,
        "y" * 131_060 + secret,
    ]


envelope = json.loads(sys.stdin.readline())
config, role = envelope["config"], envelope["role"]
secrets = config["secrets"]
for line in [spelled for secret in secrets for spelled in spellings(secret)] + [json.dumps(envelope)]:
    print(line, file=sys.stderr)
# As parts of one event, none of which is the whole secret: those of a connection string.
parts = [part.partition("=") for secret in secrets for part in secret.split(";") if "=" in part]
print(json.dumps({"event": "connecting", **{name: value for name, _, value in parts}}), file=sys.stderr, flush=True)
if config.get("refuse"):
    write({"status": "error", "message": f"cannot log in: {secrets}", "hint": f"is {secrets[0]} right?"})
    sys.exit(1)
capabilities = ["checkpoint", "stats"] if role == "input" else ["ack", "reject", "stats"]
write({"status": "ready", "protocol": 1, "capabilities": capabilities})
if role == "input":
    for number in (1, 2, 3):
        write({"data": {"value": number}, "metadata": {}})
    write({"stats": {"lag_s": 1.0, "source": secrets[0], "sources": secrets}})
    write({"checkpoint": {"id": 3, "records": 3, "state": {"number": 3}}})
    while not os.path.exists(config["go"]):
        time.sleep(0.02)
    write({"end": {"records": 3}})
    sys.stdin.read()
else:
    records = 0
    for line in sys.stdin:
        if line.startswith('{"checkpoint":'):
            mark = json.loads(line)["checkpoint"]
            sys.stdout.write("\n".join(spelled for secret in secrets for spelled in spellings(secret)[:5]) + "\n")
            write({"reject": {"record": 1, "code": "no", "reason": f"refused with {secrets}", "raw": "eA=="}})
            write({"stats": {"target": secrets[0]}})
            write({"ack": {"id": mark["id"], "records": mark["records"], "rejected": 1}})
        elif line.startswith('{"end":'):
            write({"end": {"records": records, "rejected": 1}})
            break
        else:
            records += 1
