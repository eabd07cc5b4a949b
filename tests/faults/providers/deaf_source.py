#!/usr/bin/env -S python3 -IS
"""An input that checkpoints behind every record and never reads an ack: its stdin holds 4 KiB, and is soon full.

folder   where its file is: `written` (records written)
count    how many records
"""

import fcntl
import json
import os
import select
import sys

config = json.loads(sys.stdin.buffer.readline())["config"]
fcntl.fcntl(0, fcntl.F_SETPIPE_SZ, 4096)


def put(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


put(b'{"status":"ready","protocol":1,"capabilities":["checkpoint"]}\n')
for number in range(1, config["count"] + 1):
    put(
        b'{"data":{"value":%d}}\n{"checkpoint":{"id":%d,"records":%d,"state":{"number":%d}}}\n'
        % (number, number, number, number)
    )
    if number % 1000 == 0:
        with open(config["folder"] + "/written.new", "w") as file:
            file.write(str(number))
        os.replace(config["folder"] + "/written.new", config["folder"] + "/written")
put(b'{"end":{"records":%d}}\n' % config["count"])
hung_up = select.poll()
hung_up.register(0, select.POLLHUP)
while not any(events & select.POLLHUP for _, events in hung_up.poll()):
    pass
