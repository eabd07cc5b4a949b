"""The output's reader of stdin: no splitting of a stream into reads changes what it holds."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dstream_sdk.errors import ProviderError
from dstream_sdk.protocol import CheckpointMark, End, Envelope
from dstream_sdk.records import BadLine, RecordReader, Records

CONTROL = (b'{"end":', b'{"checkpoint":')
LINES = st.lists(
    st.one_of(
        st.builds(lambda value: msgspec.json.encode(Envelope(value)), st.text() | st.integers(-(10**30), 10**30)),
        st.builds(lambda a, b: b'{"checkpoint":{"id":%d,"records":%d,"state":null}}' % (a, b), st.just(1), st.just(2)),
        st.sampled_from(
            [
                b"",
                b"\r",
                b"bad",
                b'{"data":1}\r',
                b'{"data":"{\\"end\\":1}"}',
                b'{"data":1} {"data":2}',
                b'{"data":1},{"data":2}',
                b'{"data":"a',
                b'b"}',
                b'{"data":',
                b"1}",
            ]
        ),
        st.binary(max_size=20).filter(lambda raw: b"\n" not in raw and not raw.startswith(CONTROL)),
    ),
    max_size=30,
)


def read(chunks: list[bytes], *, control: bool = True) -> list[object]:
    """Everything that the chunks hold, records one by one as (line, envelope)."""
    reader = RecordReader(control=control)
    found: list[object] = []
    for chunk in chunks:
        for item in reader.feed(chunk):
            if isinstance(item, Records):
                lines = item.lines.split(b"\n")[:-1]
                assert len(lines) == len(item.envelopes)
                found += zip(lines, item.envelopes, strict=True)
            elif isinstance(item, CheckpointMark):
                found.append(("checkpoint", item.id, bytes(item.state)))
            else:
                found.append(item)
    return found


@given(lines=LINES, cuts=st.lists(st.integers(0, 2000)), control=st.booleans())
def test_splitting_changes_nothing(lines: list[bytes], cuts: list[int], control: bool) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    chunks = [stream[start:end] for start, end in pairwise(places)]
    whole = read([stream], control=control)
    assert read(chunks, control=control) == whole
    assert len(whole) == len(lines)


@given(lines=LINES)
def test_every_data_line_is_kept_as_it_came(lines: list[bytes]) -> None:
    found = read([b"".join(line + b"\n" for line in lines)], control=False)
    kept = [item.line if isinstance(item, BadLine) else item[0] for item in found if isinstance(item, BadLine | tuple)]
    assert kept == lines


def test_what_follows_the_last_newline_is_held_back() -> None:
    reader = RecordReader(control=True)
    assert list(reader.feed(b'{"end":{"records":0}}')) == []
    assert reader.unfinished == 21
    assert list(reader.feed(b"\n")) == [End(0)]
    assert reader.unfinished == 0


def test_malformed_control_is_an_error() -> None:
    with pytest.raises(ProviderError, match="malformed control line"):
        list(RecordReader(control=True).feed(b'{"end":{"records":"all"}}\n'))


def test_numbers_and_nulls_keep_their_type() -> None:
    line = b'{"data":{"big":9007199254740993,"huge":123456789012345678901234567890,"none":null,"half":0.5}}'
    [records] = RecordReader(control=True).feed(line + b"\n")
    assert isinstance(records, Records)
    assert records.envelopes[0].data == {
        "big": 9007199254740993,
        "huge": 123456789012345678901234567890,
        "none": None,
        "half": 0.5,
    }
