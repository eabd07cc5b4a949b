#!/usr/bin/env -S python3 -IS
"""Refuses in its handshake, as a provider with a wrong password does."""

import sys

sys.stdin.readline()
print('{"status":"error","message":"login failed for user `cdc`","hint":"reset the password"}', flush=True)
sys.stdin.read()
