#!/usr/bin/env -S python3 -IS
"""An input that ignores SIGTERM and never ends."""

import signal
import sys

signal.signal(signal.SIGTERM, signal.SIG_IGN)
sys.stdin.readline()
print('{"status":"ready","protocol":1,"capabilities":["checkpoint"]}', flush=True)
print('{"data":{"value":1},"metadata":{}}', flush=True)
while True:
    signal.pause()
