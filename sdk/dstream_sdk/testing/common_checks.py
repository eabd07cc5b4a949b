"""Promises of every provider, whichever way its data flows."""

from __future__ import annotations

import msgspec

from dstream_sdk.protocol import NOT_JSON
from dstream_sdk.protocol.limits import LABEL
from dstream_sdk.protocol.messages import (
    INPUT_CAPABILITIES,
    OUTPUT_CAPABILITIES,
    CheckReply,
    Description,
    DiscoverReply,
)
from dstream_sdk.testing.schema_values import wrong_value
from dstream_sdk.testing.subject import Inapplicable, Subject, decode_object, expect, fail, shown

_REDUCED = ("name", "version", "protocol", "role", "capabilities", "commands")
"""What is left of a description that is too large for a label."""


def shakes_hands_after_the_envelope(subject: Subject) -> None:
    """Nothing is written before the envelope was read; then `ready`, protocol 1 and known capabilities."""
    known = INPUT_CAPABILITIES if subject.role == "input" else OUTPUT_CAPABILITIES
    with subject.start() as process:
        expect(process.is_quiet(subject.quiet_s), "it wrote to stdout, or ended, before it was given an envelope")
        handshake = subject.ready(process)
        unknown = sorted(set(handshake.capabilities) - set(known))
        expect(not unknown, f"the handshake declares {unknown}, which no {subject.role} has")


def description_matches_the_run(subject: Subject) -> None:
    """The description names the provider, protocol 1 and `run`, and its capabilities are those of the handshake."""
    description = _description(subject)
    expect(description.name, "the description has no name")
    expect(description.protocol == 1, f"the description says protocol {description.protocol}")
    expect(description.role in {subject.role, "both"}, f"the description says it is an {description.role}")
    expect("run" in description.commands, "the description does not list the command `run`")
    with subject.start() as process:
        declared = set(subject.ready(process).capabilities)
    if description.role == "both":
        declared |= set(description.capabilities)
    expect(
        declared == set(description.capabilities),
        f"the description lists {sorted(description.capabilities)}, the handshake {sorted(declared)}",
    )


def announces_what_it_describes(subject: Subject) -> None:
    """The image's label, or `provider.json`, says what the provider itself replies to `describe`."""
    if subject.announcement is None:
        raise Inapplicable("no announcement was given")
    expect(subject.announcement, f"nothing announces it (`{LABEL}`), so it would be run as a legacy provider")
    try:
        announced = msgspec.json.decode(subject.announcement, type=Description)
    except NOT_JSON as error:
        fail(f"the announcement is no description: {error}")
    described = _description(subject)
    names = _REDUCED if announced.describe else Description.__struct_fields__
    differing = [name for name in names if getattr(announced, name) != getattr(described, name)]
    expect(not differing, f"the announcement and the reply to `describe` differ in {differing}")


def describes_its_config(subject: Subject) -> None:
    """Each config key has a description, an example and, unless required, a default; the given keys are known."""
    schema = _description(subject).config_schema
    if not schema or not schema.get("properties"):
        expect(not subject.config, "the description has no `config_schema` for the given config")
        raise Inapplicable("the provider has no config")
    known: set[str] = set()
    for name, field in schema["properties"].items():
        known |= {name, *field.get("x-aliases", ())}
        expect(field.get("description"), f"`{name}` has no description")
        expect(field.get("examples") or field.get("writeOnly"), f"`{name}` has no example")
        expect("default" in field or name in schema.get("required", ()), f"`{name}` has no default and is not required")
    unknown = sorted(set(subject.config) - known)
    expect(not unknown, f"`config_schema` does not know the given keys {unknown}")


def bad_config_names_the_field(subject: Subject) -> None:
    """A key with a value of the wrong type, or a required one left out, is refused by name, not by value."""
    schema = _description(subject).config_schema
    if not schema or not schema.get("properties"):
        raise Inapplicable("the provider has no config")
    required = schema.get("required", [])
    for name, field in schema["properties"].items():
        bad = wrong_value(field, schema)
        if bad is None:
            continue
        aliases = (name, *field.get("x-aliases", ()))
        config = {key: value for key, value in subject.config.items() if key not in aliases}
        _expect_refused(subject, {**config, name: bad}, aliases, f"`{name}` set to {msgspec.json.encode(bad).decode()}")
        if name in required:
            _expect_refused(subject, config, aliases, f"`{name}` left out")


def unknown_command_is_refused(subject: Subject) -> None:
    """A command that it does not know gets a handshake with an error, and the exit status says so."""
    with subject.start() as process:
        subject.send(process, subject.command_envelope("no-such-command"))
        handshake = subject.refusal(process)
        expect("no-such-command" in handshake.message, f"the error does not name the command: {handshake.message}")


def unreadable_envelope_is_refused(subject: Subject) -> None:
    """A first line that is no JSON gets a handshake with an error that does not repeat the line, and an exit."""
    with subject.start() as process:
        process.send(b'{"config":{"password":"hunter2-hunter2"\n', subject.patience_s)
        handshake = subject.refusal(process)
        said = handshake.message + handshake.hint + process.stderr
        expect("hunter2-hunter2" not in said, "the error repeats the line, which may hold secrets")


def announced_commands_reply(subject: Subject) -> None:
    """`check` and `discover`, where announced, give a handshake and one reply line, then exit."""
    replies = {"check": CheckReply, "discover": DiscoverReply}
    announced = [command for command in replies if command in _description(subject).commands]
    if not announced:
        raise Inapplicable("the description announces neither `check` nor `discover`")
    for command in announced:
        with subject.start() as process:
            subject.send(process, subject.command_envelope(command))
            handshake = subject.handshake(process)
            expect(handshake.status == "ready", f"`{command}` was refused: {handshake.message}")
            line = subject.line(process)
            fields = decode_object(line, f"the reply to `{command}`")
            try:
                reply = msgspec.convert(fields, replies[command])
            except msgspec.ValidationError as error:
                fail(f"the reply to `{command}` has not the shape of one ({error}): {shown(line)}")
            status = process.status(subject.patience_s)
            expect(
                (status == 0) == (reply.status == "Success"),
                f"`{command}` replies {reply.status} and exits {status}",
            )


def secrets_stay_out_of_the_logs(subject: Subject) -> None:
    """What the schema marks `writeOnly` appears neither on stderr, at level debug, nor in the handshake."""
    properties = (_description(subject).config_schema or {}).get("properties", {})
    given = [
        value
        for name, field in properties.items()
        for key, value in subject.config.items()
        if key in {name, *field.get("x-aliases", ())} and field.get("writeOnly") and isinstance(value, str) and value
    ]
    if not given:
        raise Inapplicable("the given config holds no secret")
    loud = Subject(
        subject.command,
        subject.config,
        subject.role,
        env={**subject.env, "DSTREAM_LOG_LEVEL": "debug"},
        patience_s=subject.patience_s,
    )
    with loud.start() as process:
        handshake = loud.ready(process)
        process.is_quiet(subject.quiet_s)
        process.kill()
        process.status(subject.patience_s)
        said = process.stderr + handshake.message + handshake.hint
        expect(not any(secret in said for secret in given), "a secret of the config appears in the logs")


def _description(subject: Subject) -> Description:
    if subject.description is None:
        fail("the provider was not described")
    return subject.description


def _expect_refused(subject: Subject, config: dict[str, object], names: tuple[str, ...], what: str) -> None:
    with subject.start() as process:
        subject.send(process, subject.command_envelope(config=config))
        handshake = subject.handshake(process)
        expect(handshake.status == "error", f"it accepts a config with {what}")
        expect(
            any(name in handshake.message for name in names),
            f"with {what} the error does not name the field: {handshake.message}",
        )
        process.close_stdin()
        expect(process.status(subject.patience_s) != 0, f"it exits 0 with {what}")


CHECKS = (
    shakes_hands_after_the_envelope,
    description_matches_the_run,
    announces_what_it_describes,
    describes_its_config,
    bad_config_names_the_field,
    unknown_command_is_refused,
    unreadable_envelope_is_refused,
    announced_commands_reply,
    secrets_stay_out_of_the_logs,
)
