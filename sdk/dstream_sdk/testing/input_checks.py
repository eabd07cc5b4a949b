"""Promises of an input."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from dstream_sdk.testing.input_stream import InputStream
from dstream_sdk.testing.subject import Inapplicable, Subject, expect, shown


def writes_nothing_but_the_protocol(subject: Subject) -> None:
    """Every line on stdout is an envelope or a declared control line, and the counts in control lines are right."""
    with _running(subject) as stream:
        stream.read_some()
        expect(not stream.closed, "stdout ended without an `end` line")
        expect(stream.records, "no record came with the given config")


def ends_and_waits_for_its_answer(subject: Subject) -> None:
    """`end` is the last line; the input then stays until its stdin is closed, and exits 0."""
    with _running(subject) as stream:
        stream.read_some()
        if not stream.over:
            stream.process.terminate()
        stream.read_to_end()
        expect(stream.process.is_quiet(subject.quiet_s), "after `end` it writes on, or is gone before its acks")
        stream.process.close_stdin()
        status = stream.process.status(subject.patience_s)
        expect(status == 0, f"it exits {status} after its stream was answered")


def resumes_from_a_checkpoint(subject: Subject) -> None:
    """A run that is given the state of a checkpoint continues with the record behind it."""
    with _running(subject, need="checkpoint") as first:
        first.read_some()
        expect(first.checkpoints, "`checkpoint` is declared, but none came")
        mark = first.checkpoints[0]
        wanted = len(first.records) + 20
        while not first.over and len(first.records) < wanted:
            first.read_line()
        behind = first.records[mark.records : mark.records + 20]
        before = [subject.key(record) for record in first.records[: mark.records]]
    with _running(subject, state=mark.state) as second:
        while not second.over and len(second.records) < max(1, len(behind)):
            second.read_line()
        expect(not second.closed, "the resumed run ended without an `end` line")
        resumed = second.records
    expected = [subject.key(record) for record in behind]
    found = [subject.key(record) for record in resumed[: len(behind)]]
    repeated = [record for record in resumed if subject.key(record) in before]
    expect(not repeated, f"the resumed run repeats what lies before its checkpoint: {repeated[:1]}")
    expect(found == expected, f"behind the checkpoint come {expected[:3]}…, the resumed run gives {found[:3]}…")


def takes_acks(subject: Subject) -> None:
    """Acks of its checkpoints, and lines that it does not know, neither stop nor harm it."""
    with _running(subject, need="checkpoint") as stream:
        acked = 0
        stream.process.send(b'{"from-a-later-protocol":true}\n', subject.patience_s)
        while not stream.over and acked < 20 and len(stream.records) < 20_000:
            stream.read_line()
            if len(stream.checkpoints) > acked:
                acked = len(stream.checkpoints)
                _ack(stream)
        if not stream.over:
            stream.process.terminate()
        stream.read_to_end()
        if stream.checkpoints:
            _ack(stream)
        stream.process.close_stdin()
        status = stream.process.status(subject.patience_s)
        expect(status == 0, f"it exits {status} after its checkpoints were acknowledged")


def drains_on_sigterm(subject: Subject) -> None:
    """On SIGTERM it stops reading, writes a last checkpoint where it has any, then `end`, and exits 0 once answered."""
    with _running(subject) as stream:
        stream.read_line()
        expect(not stream.closed, "stdout ended without an `end` line")
        stream.process.terminate()
        while stream.end is None:
            stream.read_line()
            expect(not stream.closed, "after SIGTERM stdout ends without an `end` line")
        if "checkpoint" in stream.capabilities:
            covered = stream.checkpoints[-1].records if stream.checkpoints else 0
            expect(
                covered == len(stream.records), f"{len(stream.records) - covered} records follow the last checkpoint"
            )
        stream.process.close_stdin()
        status = stream.process.status(subject.patience_s)
        expect(status == 0, f"it exits {status} after a drain")


def eof_cancels(subject: Subject) -> None:
    """When stdin closes before `end` the orchestrator is gone: it stops and exits, though nobody asked it to."""
    with _running(subject) as stream:
        stream.read_line()
        stream.process.close_stdin()
        stream.process.lines_until_end(subject.patience_s)
        stream.process.status(subject.patience_s)


def serves_an_older_orchestrator(subject: Subject) -> None:
    """Without `protocol` it gets a plain handshake and data only, and EOF on stdin means nothing."""
    with subject.start() as process:
        process.send(
            msgspec.json.encode({"command": "run", "config": dict(subject.config)}) + b"\n", subject.patience_s
        )
        process.close_stdin()
        handshake = subject.handshake(process)
        expect(handshake.status == "ready", f"not ready with the given config: {handshake.message}")
        expect(handshake.protocol is None, "the handshake names a protocol that was not offered")
        line = process.line(subject.patience_s)
        if line is None:
            expect(process.status(subject.patience_s) == 0, "it fails when its stdin is closed")
        seen = 0
        while line is not None and seen < 2000:
            expect(line.startswith((b'{"data":', b'{"before":', b'{"metadata":')), f"no envelope: {shown(line)}")
            seen += 1
            line = process.line(subject.patience_s)
        expect(seen, "no record came with the given config")


@contextmanager
def _running(subject: Subject, need: str | None = None, **fields: Any) -> Iterator[InputStream]:
    with subject.start() as process:
        capabilities = subject.ready(process, **fields).capabilities
        if need is not None and need not in capabilities:
            raise Inapplicable(f"the provider does not declare `{need}`")
        yield InputStream(subject, process, capabilities)


def _ack(stream: InputStream) -> None:
    mark = stream.checkpoints[-1]
    stream.subject.send(stream.process, {"ack": {"id": mark.id, "records": mark.records}})


CHECKS = (
    writes_nothing_but_the_protocol,
    ends_and_waits_for_its_answer,
    resumes_from_a_checkpoint,
    takes_acks,
    drains_on_sigterm,
    eof_cancels,
    serves_an_older_orchestrator,
)
