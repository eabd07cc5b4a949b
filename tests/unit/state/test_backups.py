"""What is exported of a state comes back as it was; of backups the newest stay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import ConfigError
from orchestrator.state.backups import KEPT, Backups
from orchestrator.state.exported import Exported, decode
from orchestrator.state.store import Checkpoint, Identity

NUMBERS = st.integers(0, (1 << 63) - 1)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
CHECKPOINTS = st.builds(
    Checkpoint,
    st.builds(Identity, st.text(), st.text(), st.text(), NUMBERS, st.none() | st.lists(st.text()).map(tuple)),
    st.text(),
    NUMBERS,
    NUMBERS,
    VALUES.map(lambda value: json.dumps(value).encode()),
    st.floats(0, 1e10),
)


@given(CHECKPOINTS)
def test_an_exported_checkpoint_comes_back_as_it_was_to_the_byte(checkpoint: Checkpoint) -> None:
    content = Exported.of(checkpoint).encode()
    assert content.count(b"\n") == 1
    assert decode(content, "f").checkpoint.checkpoint == checkpoint


def document(**changes: Any) -> bytes:
    exported = json.loads(Exported.of(point()).encode())
    exported["checkpoint"] |= changes
    return json.dumps(exported).encode()


def point(task: str = "orders") -> Checkpoint:
    return Checkpoint(Identity(task, "ghcr.io/a/b", "b", 1), "R1", 1, 10, b'{"lsn": 1.0}', 1.5)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "state.document"),
        (b"\xff", "state.document"),
        (b"[]", "state.document"),
        (b'{"version":1,"task":"orders"}', "state.document"),
        (b'{"version":9}', "state.newer"),
        (document(id=1 << 63), "state.document"),
        (document(records=-1), "state.document"),
        (document(identity=None), "state.document"),
    ],
)
def test_what_is_no_exported_state_is_refused_by_the_files_name(text: bytes, code: str) -> None:
    with pytest.raises(ConfigError, match="here.json") as refused:
        decode(text, "here.json")
    assert (refused.value.code, refused.value.where.file) == (code, "here.json")


def test_the_newest_backups_of_each_task_stay(tmp_path: Path) -> None:
    backups = Backups(tmp_path)
    others = backups.keep(point("orders-2"))
    made = [backups.keep(point()) for _ in range(KEPT + 3)]
    assert list(backups.of("orders")) == made[:2:-1]
    assert list(backups.of("orders-2")) == [others]
    assert set((tmp_path / "backups").iterdir()) == {others, *made[3:]}


def test_a_backup_stays_that_was_made_when_the_clock_had_been_set_back(tmp_path: Path) -> None:
    backups = Backups(tmp_path)
    for _ in range(KEPT):
        made = backups.keep(point())
        made.rename(made.with_name(made.name.replace("-2", "-3")))  # in a year far ahead
    last = backups.keep(point())
    assert last.exists()
    assert len(backups.of("orders")) == KEPT
