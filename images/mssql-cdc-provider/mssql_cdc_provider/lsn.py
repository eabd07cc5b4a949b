"""Places in the log: LSNs, and positions between two changes."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

from dstream_sdk import ProviderError

ZERO = bytes(10)
"""Before every LSN."""

_LAST = (1 << 31) - 1, b"\xff" * 10, 9
"""Behind every change of a transaction: command id, sequence value, operation."""


class Position(NamedTuple):
    """Behind one change, in the order in which changes are sent: everything up to here is known to the output.

    `commit_lsn` is the transaction's `__$start_lsn`. In it, `__$command_id` orders before `__$seqval`, which by
    itself is not in the order of the statements ("cdc.<capture_instance>_CT"). `NO_COMMAND` stands for its NULL.
    """

    commit_lsn: bytes
    command_id: int
    seqval: bytes
    operation: int

    @classmethod
    def behind(cls, commit_lsn: bytes) -> Self:
        """Behind the whole transaction."""
        return cls(commit_lsn, *_LAST)

    @property
    def whole(self) -> bool:
        """Whether its transaction is sent to the end."""
        return self[1:] == _LAST

    @property
    def next_lsn(self) -> bytes:
        """The lowest LSN that may still be missing: a change table that begins above it has lost something."""
        return following(self.commit_lsn) if self.whole else self.commit_lsn

    def to_json(self) -> dict[str, Any]:
        if self.whole:
            return {"lsn": self.commit_lsn.hex()}
        return {
            "lsn": self.commit_lsn.hex(),
            "command": self.command_id,
            "seq": self.seqval.hex(),
            "operation": self.operation,
        }

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Raises `ProviderError` for what `to_json` did not write."""
        try:
            commit_lsn = from_hex(value["lsn"])
            if "seq" not in value:
                return cls.behind(commit_lsn)
            return cls(commit_lsn, int(value["command"]), from_hex(value["seq"]), int(value["operation"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ProviderError(f"the state holds no position of a log: {value!r}") from error


NO_COMMAND = -1


def from_hex(text: str) -> bytes:
    """The LSN that `hex()` wrote. Raises ValueError for anything else."""
    lsn = bytes.fromhex(text)
    if len(lsn) != len(ZERO):
        raise ValueError(f"`{text}` is no LSN: it has 20 hexadecimal digits")
    return lsn


def following(lsn: bytes) -> bytes:
    """The next LSN there could be, as `fn_cdc_increment_lsn` has it."""
    return (int.from_bytes(lsn, "big") + 1).to_bytes(10, "big")


def preceding(lsn: bytes) -> bytes:
    """The LSN before, as `fn_cdc_decrement_lsn` has it; `ZERO` has none and stays."""
    return (max(1, int.from_bytes(lsn, "big")) - 1).to_bytes(10, "big")
