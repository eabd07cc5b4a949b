"""Attached streams taken apart, against the other end of a real socket."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.runtime.base import StreamBroken
from orchestrator.runtime.frames import FrameSource, SocketSink
from tests.streams import fill, read_all, read_some, write_all

if TYPE_CHECKING:
    from collections.abc import Iterator


def frame(payload: bytes, stream: int = 1) -> bytes:
    return struct.pack(">BxxxL", stream, len(payload)) + payload


@contextlib.contextmanager
def attached(*, alive: bool = True) -> Iterator[tuple[socket.socket, FrameSource]]:
    engine, ours = socket.socketpair()
    source = FrameSource(ours, lambda: alive)
    with engine:
        yield engine, source
        source.close()


@given(st.lists(st.binary(max_size=70)), st.lists(st.integers(1, 40)), st.integers(1, 100))
def test_any_frames_in_any_pieces_give_their_payload(payloads: list[bytes], cuts: list[int], size: int) -> None:
    stream = b"".join(map(frame, payloads))
    received = b""
    with attached() as (engine, source):
        for cut in [*cuts, len(stream)]:
            engine.sendall(stream[:cut])
            stream = stream[cut:]
            buffer = memoryview(bytearray(size))
            while (count := source.read_into(buffer)) is not None:
                received += buffer[:count]
        engine.shutdown(socket.SHUT_WR)
        received += read_all(source, size)
    assert received == b"".join(payloads)


def test_large_frames_fill_one_buffer_without_gaps() -> None:
    payloads = [bytes([number]) * 32768 for number in range(5)]
    with attached() as (engine, source):
        writer = threading.Thread(target=engine.sendall, args=[b"".join(map(frame, payloads))])
        writer.start()
        received = b""
        while len(received) < 5 * 32768:
            received += read_some(source, 1 << 20)
        writer.join()
    assert received == b"".join(payloads)


@pytest.mark.parametrize("cut", [1, 7, 8, 9, 11])
def test_an_end_within_a_frame_is_a_broken_stream(cut: int) -> None:
    with attached() as (engine, source):
        engine.sendall(frame(b"whole") + frame(b"cut")[:cut])
        engine.shutdown(socket.SHUT_WR)
        if cut == 11:
            assert read_all(source) == b"wholecut"
            return
        with pytest.raises(StreamBroken, match="within a frame"):
            read_all(source)


def test_an_end_between_frames_is_broken_when_the_engine_is_gone() -> None:
    with attached(alive=False) as (engine, source):
        engine.sendall(frame(b"whole"))
        engine.shutdown(socket.SHUT_WR)
        assert read_some(source) == b"whole"
        with pytest.raises(StreamBroken, match="went away"):
            read_some(source)


def test_a_reset_connection_is_a_broken_stream() -> None:
    with attached() as (engine, source):
        source._open().send(b"never read")  # a close with unread bytes is a reset
        engine.close()
        with pytest.raises(StreamBroken, match="broke"):
            read_some(source)


def test_a_closed_source_ends_the_connection_for_everybody_who_holds_it() -> None:
    engine, ours = socket.socketpair()
    with engine, ours.dup():
        engine.settimeout(60)
        FrameSource(ours, lambda: True).close()
        assert engine.recv(1) == b""


def test_stdin_gives_way_to_backpressure_and_half_closes() -> None:
    engine, ours = socket.socketpair()
    sink = SocketSink(ours)
    with engine:
        engine.setblocking(False)
        sent = fill(sink)
        assert sent > 0
        received = 0
        while received < sent:
            received += len(engine.recv(1 << 20))
        write_all(sink, b"more")
        sink.close()
        sink.close()
        assert engine.recv(100) == b"more"
        assert engine.recv(100) == b""
        engine.send(b"the other direction is open")
        assert ours.recv(100) == b"the other direction is open"
        sink.discard()
        with pytest.raises(ValueError, match="closed"):
            sink.write(b"late")


def test_writing_to_an_engine_that_is_gone_is_a_broken_stream() -> None:
    engine, ours = socket.socketpair()
    sink = SocketSink(ours)
    engine.close()
    with pytest.raises(StreamBroken):
        sink.write(b"data")
    sink.discard()


def test_both_ways_work_through_tls() -> None:
    engine, theirs, stream = _encrypted()
    source = FrameSource(stream, lambda: True)
    payload = bytes(range(256)) * 1024
    sender = threading.Thread(target=engine.sendall, args=[frame(payload) + frame(b"") + frame(b"end")])
    sender.start()
    received = b""
    while len(received) < len(payload) + 3:
        received += read_some(source, 10_000)
    sender.join()
    assert received == payload + b"end"
    source.close()
    engine.close()
    theirs.close()


def test_the_end_of_stdin_goes_through_tls() -> None:
    engine, theirs, stream = _encrypted()
    sink = SocketSink(stream)
    got: list[bytes] = []

    def receive() -> None:
        while chunk := engine.recv(65536):
            got.append(chunk)

    receiver = threading.Thread(target=receive)
    receiver.start()
    write_all(sink, bytes(5_000_000))
    write_all(sink, b"end")
    sink.close()
    receiver.join(60)
    assert not receiver.is_alive()
    assert b"".join(got) == bytes(5_000_000) + b"end"
    sink.discard()
    engine.close()
    theirs.close()


def test_stdin_ends_through_tls_even_when_there_is_no_room_to_say_so() -> None:
    engine, theirs, stream = _encrypted()
    sink = SocketSink(stream)
    sent = fill(sink)
    sink.close()
    engine.settimeout(60)
    received = 0
    while chunk := engine.recv(65536):
        received += len(chunk)
    assert received >= sent  # records on their way that were never reported as taken
    sink.discard()
    engine.close()
    theirs.close()


def _encrypted() -> tuple[ssl.SSLSocket, socket.socket, ssl.SSLSocket]:
    """Both ends of a connection, encrypted without certificates."""
    contexts = [ssl.SSLContext(protocol) for protocol in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT)]
    for context in contexts:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("AECDH-AES128-SHA:@SECLEVEL=0")
    theirs, ours = socket.socketpair()
    served: list[ssl.SSLSocket] = []
    server = threading.Thread(target=lambda: served.append(contexts[0].wrap_socket(theirs, server_side=True)))
    server.start()
    client = contexts[1].wrap_socket(ours)
    server.join()
    return served[0], theirs, client
