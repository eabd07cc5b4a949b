"""The cutting of a stream into data and control lines, whatever the reads look like."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.relay.control import CHUNK, PREFIXES, LineReader

CONTROL = [
    b'{"checkpoint":{"id":1,"records":2,"state":{}}}\n',
    b'{"stats":{"lag_s":0.4}}\r\n',
    b'{"end":{"records":7}}\n',
    b'{"dstream":1}\n',
    b'{"checkpoint":broken\n',
]
DATA = [
    b'{"data":{"a":1},"metadata":{}}\n',
    b'{"before":{"checkpoint":1},"data":{}}\n',
    b'{"metadata":{"end":1}}\n',
    b"\n",
    b"\r\n",
    b' {"checkpoint":1}\n',
    b'{ "checkpoint":1}\n',
    b'{"checkpoin":1}\n',
    b'{"data":"{\\"end\\":1}"}\n',
    b'\xef\xbb\xbf{"end":1}\n',
    b"x" * 300 + b"\n",
    '{"data":"żółć"}\n'.encode(),
]
LINES = st.lists(st.sampled_from(CONTROL + DATA) | st.binary(max_size=40).map(lambda b: b.replace(b"\n", b"") + b"\n"))


def is_control(line: bytes) -> bool:
    return line.startswith(PREFIXES["input"])


def cut(stream: bytes, splits: list[int]) -> tuple[bytes, list[tuple[int, bytes]], int, bytes]:
    """Feed `stream` in reads that end at `splits`; give data, control lines with offsets, line count, rest."""
    reader = LineReader("input", PREFIXES["input"])
    data, control, lines = b"", [], 0
    ends = sorted({min(s, len(stream)) for s in splits} | {len(stream)})
    at = 0
    for end in ends:
        while at < end:
            room = reader.room()
            count = min(end - at, len(room))
            room[:count] = stream[at : at + count]
            at += count
            for piece in reader.filled(count):
                content = bytes(reader.view[piece.start : piece.end])
                assert stream[piece.offset : piece.offset + len(content)] == content
                if piece.kind == "data":
                    data += content
                    lines += piece.lines
                else:
                    control.append((piece.offset, content))
    return data, control, lines, reader.held


@given(LINES, st.binary(max_size=20), st.lists(st.integers(0, 2000), max_size=30))
@example([b'{"end":{"records":7}}\n'] * 3, b"", [1, 2, 3, 22, 23])
@example([b"\n", b'{"end":{"records":7}}\n'], b'{"en', [1])
def test_any_split_of_any_stream_gives_the_same_data_and_control_lines(
    lines: list[bytes], tail: bytes, splits: list[int]
) -> None:
    tail = tail.replace(b"\n", b"")
    expected_data = b"".join(line for line in lines if not is_control(line))
    expected_control = [line for line in lines if is_control(line)]
    data, control, count, held = cut(b"".join(lines) + tail, splits)
    assert data == expected_data
    assert [content for _, content in control] == expected_control
    assert count == expected_data.count(b"\n")
    assert held == tail


def test_every_split_point_of_adjacent_control_lines() -> None:
    stream = b"".join(CONTROL) + DATA[0] + b"".join(CONTROL)
    for at in range(len(stream)):
        data, control, count, _ = cut(stream, [at])
        assert (data, len(control), count) == (DATA[0], 2 * len(CONTROL), 1)


def test_a_line_up_to_the_hold_back_arrives_whole_and_a_longer_one_in_parts() -> None:
    reader = LineReader("input", PREFIXES["input"])
    line = b"x" * (3 * 1024 * 1024) + b"\n"
    at, parts, lines, mid_line = 0, b"", 0, False
    while at < len(line):
        room = reader.room()
        count = min(len(room), len(line) - at)
        room[:count] = line[at : at + count]
        at += count
        for piece in reader.filled(count):
            assert piece.kind == "data"
            parts += reader.view[piece.start : piece.end]
            lines += piece.lines
            mid_line |= reader.in_long_line
        if at <= 1024 * 1024:
            assert parts == b""
    assert (parts, lines, mid_line, reader.in_long_line) == (line, 1, True, False)


def test_a_control_prefix_inside_a_long_line_is_data() -> None:
    line = b"x" * (2 * 1024 * 1024) + b'{"end":{"records":1}}' + b"\n"
    data, control, lines, _ = cut(line + CONTROL[0], list(range(0, len(line), CHUNK // 3)))
    assert (data, len(control), lines) == (line, 1, 1)


def test_a_control_line_longer_than_the_hold_back_is_kept_whole() -> None:
    big = b'{"checkpoint":{"id":1,"records":0,"state":"' + b"s" * (1024 * 1024 + 10) + b'"}}\n'
    data, control, _, _ = cut(DATA[0] + big + DATA[0], [100_000, 900_000])
    assert data == DATA[0] * 2
    assert [content for _, content in control] == [big]
