"""The messages, their schemas, and the examples of the contract."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import jsonschema
import msgspec
import pytest

import dstream_sdk
from dstream_sdk.protocol import CommandEnvelope, Handshake, RejectLine
from dstream_sdk.protocol.schema import FOLDER, files

EXAMPLES = [
    ("command-envelope", {"command": "run", "config": {}}),
    (
        "command-envelope",
        {
            "command": "run", "config": {"a": 1}, "protocol": 1, "role": "input", "task": "orders", "run_id": "01J",
            "delivery": "at-least-once", "state": {"lsn": "00"}, "options": {"x": 1}, "streams": [{"name": "orders"}],
        },
    ),
    ("handshake", {"status": "ready", "protocol": 1, "capabilities": ["checkpoint", "signal"]}),
    ("handshake", {"status": "error", "message": "login failed for user 'cdc'", "hint": "grant it"}),
    ("envelope", {"data": {"id": 1}, "metadata": {"TableName": "orders"}, "before": {"id": 0}}),
    ("checkpoint", {"checkpoint": {"id": 42, "records": 18230, "state": {}}}),
    ("ack", {"ack": {"id": 42, "records": 18230, "rejected": 3}}),
    ("reject", {"reject": {"record": 17, "code": "too_large", "reason": "256 KiB", "envelope": {"data": {}}}}),
    ("reject", {"reject": {"record": 17, "code": "not_an_envelope", "raw": "YmFk"}}),
    ("end", {"end": {"records": 5}}),
    ("end", {"end": {"records": 5, "rejected": 1}}),
    ("stats", {"stats": {"lag_s": 0.4}}),
    ("signal", {"signal": {"kind": "snapshot"}}),
    ("capabilities", ["ack", "reject"]),
    ("options", {}),
    ("streams", [{"name": "orders", "schema": "dbo", "columns": [{"name": "id", "type": "int", "key": True}]}]),
    ("description", {"name": "counter", "role": "input", "protocol": 1, "describe": True}),
    (
        "catalog",
        {
            "catalog": 1, "title": "Katasec", "providers": [
                {
                    "repository": "ghcr.io/katasec/mssql-cdc-provider", "kind": "image", "tag": "v2.1.0",
                    "digest": "sha256:" + "0" * 64, "platforms": ["linux/amd64"], "size": 48_000_000,
                    "provider": {"name": "mssql-cdc-provider", "role": "input", "protocol": 1, "system": "SQL Server"},
                }
            ],
        },
    ),
    ("check-reply", {"status": "Failed", "findings": [{"check": "cdc", "ok": False, "remedy": "EXEC …"}]}),
    ("discover-reply", {"status": "Success", "streams": [{"name": "orders"}]}),
    (
        "lifecycle-reply",
        {
            "status": "Success", "metadata": {"to_create": 1}, "message": "", "error": None,
            "resources": [{"type": "servicebus.Queue", "name": "q", "action": "create", "detail": {}}, "t:WILL_CREATE"],
        },
    ),
]  # fmt: skip


def test_committed_schemas_are_current() -> None:
    stale = [path.name for path, text in files().items() if not path.exists() or path.read_text("utf-8") != text]
    assert not stale, "renew them with `python -m dstream_sdk.protocol.schema`"
    assert {path.name for path in FOLDER.iterdir()} == {path.name for path in files()}


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_examples_of_the_contract_are_valid(name: str, example: Any) -> None:
    schema = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(example)


def test_every_schema_has_an_example() -> None:
    assert {name for name, _ in EXAMPLES} == {path.stem for path in FOLDER.iterdir()}


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("handshake", {"status": "waiting"}),
        ("ack", {"ack": {"id": "42", "records": 1}}),
        ("checkpoint", {"checkpoint": {"id": 1}}),
        ("description", {"name": "counter"}),
        ("catalog", {"providers": []}),
    ],
)
def test_schemas_refuse_what_the_contract_does_not_know(name: str, bad: Any) -> None:
    schema = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    assert not jsonschema.Draft202012Validator(schema).is_valid(bad)


def test_empty_config_is_written_and_other_defaults_are_not() -> None:
    assert msgspec.json.encode(CommandEnvelope("run")) == b'{"command":"run","config":{}}'


def test_state_and_rejected_envelope_are_carried_as_they_came() -> None:
    envelope = msgspec.json.decode(b'{"command":"run","state":{"a": 1.50}}', type=CommandEnvelope)
    assert envelope.state is not None
    assert bytes(envelope.state) == b'{"a": 1.50}'
    assert msgspec.json.decode(b'{"command":"run"}', type=CommandEnvelope).state is None
    reject = msgspec.json.decode(b'{"reject":{"record":1,"code":"x","envelope":{"data": 1}}}', type=RejectLine).reject
    assert reject.envelope is not None
    assert bytes(reject.envelope) == b'{"data": 1}'


def test_unknown_fields_are_ignored() -> None:
    assert msgspec.json.decode(b'{"status":"ready","later":1}', type=Handshake) == Handshake("ready")


def test_protocol_imports_nothing_heavy() -> None:
    code = (
        "import sys, dstream_sdk.protocol; print([m for m in ('pydantic', 'logging', 'asyncio') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"


def test_every_public_name_is_there() -> None:
    assert [name for name in dstream_sdk.__all__ if not hasattr(dstream_sdk, name)] == []
    assert dir(dstream_sdk) == sorted(dstream_sdk.__all__)
    with pytest.raises(AttributeError, match="no attribute `Nothing`"):
        _ = dstream_sdk.Nothing
