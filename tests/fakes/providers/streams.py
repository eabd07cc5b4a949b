#!/usr/bin/env -S python3 -IS
"""An input that discovers its config's `streams`, sends one record, and says in its plan where it would resume."""

import json
import sys


def say(message: object) -> None:
    print(json.dumps(message), flush=True)


envelope = json.loads(sys.stdin.readline())
say({"status": "ready", "protocol": 1, "capabilities": ["checkpoint"]})
if envelope["command"] == "discover":
    say({"status": "Success", "streams": [{"name": name} for name in envelope["config"]["streams"]]})
elif envelope["command"] == "plan":
    say({"status": "Success", "metadata": {"run": [f"the input resumes from {envelope.get('state')}"]}})
else:
    sys.stdout.write('{"data":{"value":1},"metadata":{}}\n')
    sys.stdout.write('{"checkpoint":{"id":1,"records":1,"state":{"at":1}}}\n{"end":{"records":1}}\n')
    sys.stdout.flush()
    sys.stdin.read()
