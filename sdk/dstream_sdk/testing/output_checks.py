"""Promises of an output."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from dstream_sdk.protocol.limits import ACK_LINGER_S
from dstream_sdk.testing.output_stream import OutputStream, record
from dstream_sdk.testing.subject import Inapplicable, Subject, expect

HUGE = 8 * 1024 * 1024
"""Bytes of a record that is far longer than any buffer on the way, and far below the limit of a line."""

SCHEDULING_S = 5.0
"""What a busy machine may add to a deadline."""


def acknowledges_in_order_and_ends(subject: Subject) -> None:
    """Acks name known checkpoints, grow and count right; `end` is answered by the last ack and an `end` of its own."""
    with _running(subject) as stream:
        for checkpoint, records in ((5, 20), (6, 0), (9, 30), (70, 1)):
            stream.send_records(records)
            stream.send_checkpoint(checkpoint)
        stream.wait_for_ack(70, subject.patience_s)
        stream.send_records(7)
        stream.send_checkpoint(71)
        stream.send_end()
        stream.expect_all_answered()


def acknowledges_while_idle(subject: Subject) -> None:
    """A checkpoint is acknowledged within 5 s though nothing follows, also one that covers no records."""
    with _running(subject, need="ack") as stream:
        stream.send_records(3)
        stream.send_checkpoint(1)
        stream.wait_for_ack(1, ACK_LINGER_S + SCHEDULING_S)
        stream.send_checkpoint(2)
        stream.wait_for_ack(2, ACK_LINGER_S + SCHEDULING_S)


def acknowledges_only_what_is_durable(subject: Subject) -> None:
    """What was acknowledged is at the far side even if the output is killed at that moment."""
    durable = subject.durable
    if durable is None:
        raise Inapplicable("nothing was given that counts the records at the far side (`durable`)")
    with _running(subject, need="ack") as stream:
        before = durable()
        stream.send_records(50)
        stream.send_checkpoint(1)
        stream.send_records(25)
        stream.wait_for_ack(1, subject.patience_s)
        stream.process.kill()
        stream.process.status(subject.patience_s)
        acked = 50 - stream.acks[-1].rejected
        found = durable() - before
        expect(found >= acked, f"{acked} records were acknowledged, {found} are at the far side")


def takes_every_character(subject: Subject) -> None:
    """Records with any Unicode text, escapes and line separators included, are one record each."""
    texts = (
        "grüße, 世界, \N{PILE OF POO}, \N{ARABIC LETTER ALEF}",
        "line\N{LINE SEPARATOR}separator\N{PARAGRAPH SEPARATOR}next\x85line\x0btab\x0cfeed\x1cfile",
        'nul\x00 quote" backslash\\ newline\n return\r',
        '{"end":{"records":0}}\n{"checkpoint":{"id":1,"records":0,"state":null}}',
    )
    with _running(subject) as stream:
        for text in texts:
            stream.send_line(msgspec.json.encode(record(stream.sent + 1, text=text)))
        stream.send_line(b'{"data":{"value":5,"text":"\\ud83d\\ude00\\u0000\\u2028"},"metadata":{"seq":5}}')
        stream.send_checkpoint(1)
        stream.send_end()
        stream.expect_all_answered()
        expect(not stream.rejects, f"it rejects {stream.rejects[:1]}")


def takes_a_huge_line(subject: Subject) -> None:
    """A record of 8 MiB is written or rejected, and the records around it are counted right."""
    with _running(subject) as stream:
        stream.send_records(2)
        stream.send_line(msgspec.json.encode(record(3, text="x" * HUGE)))
        stream.send_records(2)
        stream.send_checkpoint(1)
        stream.send_end()
        stream.expect_all_answered()
        others = [reject.record for reject in stream.rejects if reject.record != 3]
        expect(not others, f"it rejects the records {others} around the huge one")


def rejects_what_is_no_envelope(subject: Subject) -> None:
    """A line that is no envelope is rejected by its number, or ends the run; it is never acknowledged in silence."""
    with _running(subject, need="ack") as stream:
        stream.send_records(2)
        stream.send_line(b'{"data":{"value":3},"metadata":')
        stream.send_records(1)
        stream.send_checkpoint(1)
        stream.send_end()
        stream.read_to_close()
        status = stream.process.status(subject.patience_s)
        if status == 0:
            rejected = [reject.record for reject in stream.rejects]
            expect(rejected == [3], f"line 3 of 4 is no envelope; it rejects {rejected or 'nothing'} and exits 0")
        else:
            expect(not stream.acks, "it acknowledges a line that is no envelope")


def discards_half_a_line(subject: Subject) -> None:
    """What follows the last newline when stdin closes is no record; without `end` it exits non-zero."""
    with _running(subject) as stream:
        durable = subject.durable
        before = durable() if durable else 0
        stream.send_records(3)
        stream.send_checkpoint(1)
        if "ack" in stream.capabilities:
            stream.wait_for_ack(1, subject.patience_s)
        stream.process.send(
            b'{"data":{"value":4,"timestamp":"2026-01-31T12:00:00Z"},"metadata":{"seq":4}}', subject.patience_s
        )
        stream.process.close_stdin()
        stream.read_to_close()
        status = stream.process.status(subject.patience_s)
        expect(stream.end is None, "it writes an `end` that nobody asked for")
        expect(status != 0, "it exits 0 though its stream broke off")
        expect(not stream.rejects, "it takes half a line for a record, and rejects it")
        if durable:
            found = durable() - before
            expect(found <= 3, f"3 whole lines came, {found} records are at the far side")


def flushes_on_sigterm(subject: Subject) -> None:
    """On SIGTERM it writes and acknowledges what it has, and exits non-zero without `end`."""
    with _running(subject) as stream:
        stream.send_records(10)
        stream.send_checkpoint(1)
        # So that SIGTERM finds the records read, though not necessarily written.
        stream.process.is_quiet(subject.quiet_s)
        stream.process.terminate()
        stream.read_to_close()
        status = stream.process.status(subject.patience_s)
        expect(status != 0, "it exits 0 though its stream had not ended")
        expect(stream.end is None, "it writes an `end` though its stream had not ended")
        if "ack" in stream.capabilities:
            expect(stream.acks and stream.acks[-1].id == 1, "it does not acknowledge what it had before SIGTERM")


def exits_when_its_input_is_gone(subject: Subject) -> None:
    """When stdin closes without `end` it exits non-zero, within the patience of the suite."""
    with _running(subject) as stream:
        stream.send_records(5)
        stream.process.close_stdin()
        stream.read_to_close()
        status = stream.process.status(subject.patience_s)
        expect(status != 0, "it exits 0 though no `end` came")
        expect(stream.end is None, "it writes an `end` though none came")


def serves_an_older_orchestrator(subject: Subject) -> None:
    """Without `protocol` it gives a plain handshake and no control lines, and EOF ends its stream well."""
    with subject.start() as process:
        subject.send(process, {"command": "run", "config": dict(subject.config)})
        handshake = subject.handshake(process)
        expect(handshake.status == "ready", f"not ready with the given config: {handshake.message}")
        expect(handshake.protocol is None, "the handshake names a protocol that was not offered")
        for number in (1, 2, 3):
            subject.send(process, record(number))
        process.close_stdin()
        for line in process.lines_until_end(subject.patience_s):
            control = line.startswith((b'{"ack":', b'{"reject":', b'{"end":', b'{"stats":'))
            expect(not control, "it writes control lines to an orchestrator that does not know them")
        status = process.status(subject.patience_s)
        expect(status == 0, f"it exits {status} at the end of its data")


@contextmanager
def _running(subject: Subject, need: str | None = None) -> Iterator[OutputStream]:
    with subject.start() as process:
        capabilities = subject.ready(process).capabilities
        if need is not None and need not in capabilities:
            raise Inapplicable(f"the provider does not declare `{need}`")
        yield OutputStream(subject, process, capabilities)


CHECKS = (
    acknowledges_in_order_and_ends,
    acknowledges_while_idle,
    acknowledges_only_what_is_durable,
    takes_every_character,
    takes_a_huge_line,
    rejects_what_is_no_envelope,
    discards_half_a_line,
    flushes_on_sigterm,
    exits_when_its_input_is_gone,
    serves_an_older_orchestrator,
)
