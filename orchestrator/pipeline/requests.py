"""What other shells may ask of a run, and how it answers: see `orchestrator.pipeline.control`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import msgspec

from dstream_sdk.protocol import Stream
from orchestrator.config.nearest import suggestion
from orchestrator.errors import ConfigError, RunError
from orchestrator.pipeline.attempt import Attempt
from orchestrator.pipeline.control import Answer
from orchestrator.pipeline.observe import RunControl
from orchestrator.pipeline.vitals import Vitals

if TYPE_CHECKING:
    from orchestrator.pipeline.services import RunOptions
from orchestrator.runtime.base import Usage

USAGE_S = 0.9
"""How long an engine may take to say what one provider takes; nobody else is answered meanwhile."""


class Requests:
    """The answers of one run. It says what it knows: its `streams` once the input has told, its `attempt` meanwhile."""

    def __init__(self, run_id: str, vitals: Vitals, control: RunControl, options: RunOptions) -> None:
        self._run_id = run_id
        self._vitals = vitals
        self._control = control
        self._options = options
        self.streams: Sequence[Stream] | None = None
        self.attempt: Attempt | None = None

    @property
    def answers(self) -> dict[str, Answer]:
        """By the name of the request."""
        return {
            "snapshot": self._snapshot,
            "status": self._status,
            "stop": self._stop,
            "order": self._asked_for,
            "usage": self._usage,
        }

    def _status(self, request: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002  # it asks for all there is
        """The run at this moment, as `Live`."""
        answer: dict[str, Any] = msgspec.to_builtins(self._vitals.live())
        return answer

    def _usage(self, request: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002  # it asks for all there is
        """What each provider takes of the host, and `at` which second of a clock; None where nobody can tell."""
        attempt = self.attempt
        parties = dict(attempt.parties) if attempt is not None else {}
        return {role: _usage_fields(party.running.usage(USAGE_S)) for role, party in parties.items()}

    def _stop(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Drain, within `grace` seconds where it is given; with a grace of 0 end at once.

        Tells the seconds that a drain may take, and the state until now.
        """
        grace, state = request.get("grace"), self._vitals.live().state
        if grace == 0:
            self._control.kill()
        else:
            self._control.drain(grace)
        return {"grace": self._control.grace or self._options.grace, "state": state}

    def _asked_for(self, request: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002  # it asks for all of it
        """How the run was asked for: with the values of variables, which are told to the user alone, and never kept."""
        if not self._options.order:
            raise RunError("run.replay", "what runs is a replay, which is not started again", hint="stop it first")
        return self._options.order

    def _snapshot(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Have the input read tables anew. It makes of it what it can, and says in its logs what it cannot."""
        attempt = self.attempt
        if attempt is None:
            raise RunError("input.not_running", "the input is not running at this moment", hint="try again in a moment")
        signal = snapshot_signal(request, self.streams)
        attempt.signal(signal)
        return {"run_id": self._run_id, "tables": signal["tables"], "filter": signal.get("filter")}


def _usage_fields(usage: Usage | None) -> dict[str, Any] | None:
    return None if usage is None else {**asdict(usage), "at": time.monotonic()}


def snapshot_signal(request: Mapping[str, Any], streams: Sequence[Stream] | None) -> dict[str, Any]:
    """The signal for the input. `tables` are given as the input spells them, where it told its `streams`.

    Raises `ConfigError` (`snapshot.unknown_table`, `snapshot.ambiguous_table`).
    """
    tables: list[str] = list(request.get("tables") or ())
    if streams is not None:
        tables = list(dict.fromkeys(_stream(table, streams) for table in tables))
    signal: dict[str, Any] = {"kind": "snapshot", "tables": tables}
    if request.get("filter"):
        signal["filter"] = request["filter"]
    return signal


def _stream(table: str, streams: Sequence[Stream]) -> str:
    """The full name of the one stream that `table` names, with or without its schema."""
    wanted = table.casefold()
    full = {stream.full_name: stream for stream in streams}
    found = [name for name in full if name.casefold() == wanted]
    found = found or [name for name, stream in full.items() if stream.name.casefold() == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        several = " and ".join(f"`{name}`" for name in sorted(found))
        raise ConfigError("snapshot.ambiguous_table", f"`{table}` may be {several}", hint="name its schema too")
    raise ConfigError(
        "snapshot.unknown_table", f"the task does not read a table `{table}`", hint=suggestion(table, full)
    )
