#!/usr/bin/env -S python3 -IS
"""Dies before the handshake, and says why on stderr."""

import sys

sys.stdin.readline()
print("cannot reach the database", file=sys.stderr)
print("giving up", file=sys.stderr)
sys.exit(7)
