#!/usr/bin/env -S python3 -IS
"""A provider that does what its config says, step by step, and knows nothing of the contract.

`config.steps` is a list of lists. Text may hold `{run_id}` and the like of the envelope.

    ["say", TEXT, ...]      write each TEXT and a newline to stdout
    ["say_raw", TEXT]       write TEXT as it is
    ["log", TEXT]           write TEXT and a newline to stderr
    ["repeat", N, TEXT]     write N lines in large blocks, `{n}` replaced by 1 to N
    ["long", N]             write one data line of N bytes
    ["read", N]             read N lines from stdin
    ["eof"]                 read stdin to its end
    ["keep", PATH]          read stdin to its end, or to `end`, appending every data line to PATH; say the count
    ["keep_line", PATH]     read one line and append it to PATH
    ["slowly", SECONDS, N]  like keep without a file, pausing after each line; acknowledge the first N checkpoints
    ["wait_for", PATH]      until PATH exists
    ["note", PATH]          append the envelope to PATH
    ["sleep", SECONDS]
    ["on_term", STEPS]      what SIGTERM does, before an exit with status 0
    ["hold_stdout"]         start a child that keeps stdout open for 30 s
    ["once", PATH, STEPS]   perform STEPS unless PATH exists, and make it
    ["pid", PATH]           append the process id to PATH
    ["exit", STATUS]
"""

from __future__ import annotations  # and few imports: hundreds of these are started

import json
import os
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def line() -> bytes:
    return sys.stdin.buffer.readline()


def put(text: str) -> None:
    data = text.encode()
    while data:
        data = data[os.write(1, data) :]


def perform(steps: list[list[Any]], envelope: dict[str, Any]) -> None:
    for step in steps:
        verb, arguments = step[0], step[1:]
        match verb:
            case "say":
                for text in arguments:
                    put(text.replace("{run_id}", envelope.get("run_id", "")) + "\n")
            case "say_raw":
                put(arguments[0])
            case "log":
                os.write(2, arguments[0].encode() + b"\n")
            case "repeat":
                count, text = arguments
                for start in range(1, count + 1, 1000):
                    put("".join(text.replace("{n}", str(n)) + "\n" for n in range(start, min(start + 1000, count + 1))))
            case "long":
                put('{"data":"' + "x" * (arguments[0] - 12) + '"}\n')
            case "read":
                for _ in range(arguments[0]):
                    line()
            case "eof":
                while line():
                    pass
            case "keep":
                with open(arguments[0], "ab") as sink:
                    while (data := line()) and not data.startswith(b'{"end":'):
                        if not data.startswith(b'{"checkpoint":'):
                            sink.write(data)
            case "keep_line":
                with open(arguments[0], "ab") as kept:
                    kept.write(line())
            case "slowly":
                pause, acks = arguments
                while (data := line()) and not data.startswith(b'{"end":'):
                    if data.startswith(b'{"checkpoint":'):
                        mark = json.loads(data)["checkpoint"]
                        if acks > 0:
                            put(json.dumps({"ack": {"id": mark["id"], "records": mark["records"]}}) + "\n")
                        acks -= 1
                    else:
                        time.sleep(pause)
            case "wait_for":
                while not os.path.exists(arguments[0]):
                    time.sleep(0.01)
            case "note":
                with open(arguments[0], "a") as notes:
                    notes.write(json.dumps(envelope) + "\n")
            case "sleep":
                time.sleep(arguments[0])
            case "on_term":

                def on_term(*_: object, then: list[list[Any]] = arguments[0]) -> None:
                    perform(then, envelope)
                    os._exit(0)

                signal.signal(signal.SIGTERM, on_term)
            case "hold_stdout":
                if os.fork() == 0:
                    os.execvp("sleep", ["sleep", "30"])
            case "once":
                if not os.path.exists(arguments[0]):
                    open(arguments[0], "w").close()
                    perform(arguments[1], envelope)
            case "pid":
                with open(arguments[0], "a") as pids:
                    pids.write(f"{os.getpid()}\n")
            case "exit":
                os._exit(arguments[0])
            case _:
                raise SystemExit(f"no step {verb}")


def main() -> None:
    first = line()
    envelope = json.loads(first) if first else {}
    perform(envelope.get("config", {}).get("steps", []), envelope)


main()
