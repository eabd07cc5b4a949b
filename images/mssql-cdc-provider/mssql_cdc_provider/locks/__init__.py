"""Locks that keep two hosts from reading the same tables at the same time."""

from mssql_cdc_provider.locks.chosen import chosen
from mssql_cdc_provider.locks.turns import LockLost, take_turn

__all__ = ["LockLost", "chosen", "take_turn"]
