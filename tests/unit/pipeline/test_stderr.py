"""A provider's stderr is read as whole lines, however they arrive, and none of them without end."""

from __future__ import annotations

import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.pipeline.stderr import BUFFER, LINE_LIMIT, TAIL, last_lines, whole_lines
from orchestrator.relay.channel import Halt, Inlet
from orchestrator.runtime.pipes import PipeSource, open_pipe


def read(*writes: bytes) -> list[bytes]:
    """What a provider that makes these writes is heard to say."""
    reading, writing = open_pipe()
    halt = Halt()
    source = PipeSource(reading)

    def speak() -> None:
        for data in writes:
            view = memoryview(data)
            while view:
                view = view[os.write(writing, view) :]
        os.close(writing)

    speaker = threading.Thread(target=speak)
    speaker.start()
    try:
        return list(whole_lines(Inlet(source, halt)))
    finally:
        speaker.join()
        source.close()
        halt.close()


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_nothing_is_lost_and_every_part_ends_with_a_newline(writes: list[bytes]) -> None:
    heard = read(*writes)
    assert all(lines.endswith(b"\n") for lines in heard)
    said = b"".join(writes)
    assert b"".join(heard) == (said if said.endswith(b"\n") or not said else said + b"\n")


@pytest.mark.parametrize("length", [LINE_LIMIT - 1, LINE_LIMIT + 1, BUFFER, 3 * BUFFER, 3 * BUFFER + 7])
@pytest.mark.parametrize("end", [b"\n", b"\nnext\n", b"\n\nnext\n", b""])
def test_a_line_past_the_limit_is_cut_and_the_next_one_is_whole(length: int, end: bytes) -> None:
    heard = b"".join(read(b"first\n", b"x" * length + end)).split(b"\n")
    assert heard[0] == b"first"
    assert LINE_LIMIT - 1 <= len(heard[1]) <= max(LINE_LIMIT, BUFFER)
    assert set(heard[1]) == set(b"x")
    assert [line for line in heard[2:] if line] == [line for line in end.split(b"\n") if line]


@given(
    st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])), min_size=1),
    st.integers(1, 5),
)
def test_the_last_lines_are_the_last_ones_whole(lines: list[str], count: int) -> None:
    assert last_lines("".join(f"{line}\n" for line in lines).encode(), count) == lines[-count:]


def test_long_lines_are_last_ones_too() -> None:
    long = "x" * 2 * TAIL
    assert last_lines(f"{long}\n".encode(), 3) == [long]
    assert last_lines(f"first\n{long}\n".encode(), 3) == [long]
    assert last_lines(f"{long}\nlast\n".encode(), 3) == ["last"]
