#!/usr/bin/env -S python3 -IS
"""Says something that is no handshake."""

import sys

sys.stdin.readline()
print("Welcome to garbage 2.0", flush=True)
sys.stdin.read()
