#!/usr/bin/env -S python3 -IS
"""Never reads its stdin and never speaks."""

import signal

while True:
    signal.pause()
