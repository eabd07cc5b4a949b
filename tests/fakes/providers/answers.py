#!/usr/bin/env -S python3 -IS
"""Answers `check` and `discover`; `wrong` in its config makes the check fail."""

import json
import sys

envelope = json.loads(sys.stdin.readline())
config = envelope["config"]
print('{"status":"ready","protocol":1}')
if envelope["command"] == "check":
    wrong = bool(config.get("wrong"))
    findings = [
        {"check": "login", "ok": True},
        {"check": "permission", "ok": not wrong, "message": "needs VIEW DATABASE STATE", "remedy": "GRANT IT TO me"},
    ]
    print(json.dumps({"status": "Failed" if wrong else "Success", "findings": findings}))
else:
    column = {"name": "id", "type": "int", "nullable": False, "key": True}
    print(json.dumps({"status": "Success", "streams": [{"name": "Orders", "schema": "dbo", "columns": [column]}]}))
