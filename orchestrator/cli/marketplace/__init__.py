"""Providers: found, described, pulled, locked, made and held against the contract."""
