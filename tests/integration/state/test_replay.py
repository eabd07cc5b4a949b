"""Runs that are recorded, and what a record gives to an output, with real processes and the real command."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import zlib
from typing import TYPE_CHECKING

import pytest

from orchestrator.relay.record import Lines, Record, files_of
from tests.cli.conftest import PROVIDERS
from tests.pickytask import TASK, PickyTask
from tests.streams import until

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def task(tmp_path: Path, cache: Path) -> PickyTask:
    return PickyTask(tmp_path / "shop", cache)


def text(record: Path) -> bytes:
    return b"".join(gzip.decompress(file.read_bytes()) for file in files_of(record))


def test_a_replay_gives_the_output_the_bytes_of_the_run_and_moves_no_state(task: PickyTask) -> None:
    record = task.folder / "record"
    assert task.project.run("run", TASK, "--record", str(record)).code == 0
    first, before = b"".join(task.lines()), task.point()
    (task.folder / "sink").unlink()
    replayed = task.project.run("run", TASK, "--replay", str(record))
    assert replayed.code == 0
    assert "replayed 25 records" in replayed.stderr
    assert "25 delivered" in replayed.stderr
    assert b"".join(task.lines()) == first
    assert task.point() == before
    run, replay = task.envelopes()
    assert replay["options"] == run["options"]


def test_a_record_is_what_the_output_was_sent_line_by_line(task: PickyTask) -> None:
    record = task.folder / "record"
    task.project.run("run", TASK, "--record", str(record))
    header, *lines = text(record).splitlines(keepends=True)
    assert header.startswith(b'{"dstream":{')
    assert [line for line in lines if line.startswith(b'{"data":')] == task.lines()
    assert lines[10] == b'{"checkpoint":{"id":10,"records":10,"state":{"number":10}}}\n'
    assert lines[-1] == b'{"end":{"records":25}}\n'


def test_two_runs_in_one_folder_are_replayed_one_behind_the_other(tmp_path: Path, cache: Path) -> None:
    task = PickyTask(tmp_path / "shop", cache, count=None)
    record = task.folder / "record"
    for _ in range(2):
        task.project.run("run", TASK, "--record", str(record), "--max-records", "10")
    whole = task.lines()
    (task.folder / "sink").unlink()
    assert task.project.run("run", TASK, "--replay", str(record)).code == 0
    assert task.lines() == whole


def test_what_a_killed_run_recorded_can_be_replayed(tmp_path: Path, cache: Path) -> None:
    task = PickyTask(tmp_path / "shop", cache, count=None)
    record = task.folder / "record"
    with task.project.started("run", TASK, "--record", str(record)) as run:
        until(lambda: files_of(record) and len(written(files_of(record)[0])) > 1000, "records in the file")
        run.kill()
    recorded = b"".join(item.content for item in Record(record) if isinstance(item, Lines))
    assert recorded
    relayed = b"".join(task.lines())
    assert relayed.startswith(recorded)
    (task.folder / "sink").unlink()
    assert task.project.run("run", TASK, "--replay", str(record)).code == 0
    assert b"".join(task.lines()) == recorded


def written(file: Path) -> bytes:
    """What is in a file that is still being written."""
    return zlib.decompressobj(31).decompress(file.read_bytes()) + file.read_bytes()


def test_a_replay_drains_on_a_signal_and_is_refused_while_the_task_runs(tmp_path: Path, cache: Path) -> None:
    task = PickyTask(tmp_path / "shop", cache, count=None)
    record = task.folder / "record"
    with task.project.started("run", TASK, "--record", str(record)) as run:
        until(lambda: len(task.lines()) > 5, "records")
        refused = task.project.run("run", TASK, "--replay", str(record))
        assert (refused.code, "error[task.running]" in refused.stderr) == (1, True)
        run.send_signal(signal.SIGTERM)
        run.wait(60)
    (task.folder / "sink").unlink()
    (task.folder / "hold").write_text("3")
    with task.project.started("run", TASK, "--replay", str(record)) as replay:
        until((task.folder / "held").exists, "the output in the midst of it")
        replay.send_signal(signal.SIGINT)
        (task.folder / "hold").unlink()
        _, stderr = replay.communicate(timeout=60)
    assert replay.returncode == 0
    assert "delivered" in stderr


def test_what_a_replay_rejects_is_told_and_kept_nowhere_else(task: PickyTask) -> None:
    record = task.folder / "record"
    task.project.run("run", TASK, "--record", str(record))
    task.refuse(3, 17)
    done = task.project.run("run", TASK, "--replay", str(record))
    assert done.code == 1
    assert "23 delivered; 2 records rejected, and kept nowhere but in the record" in done.stderr
    assert "the output rejects record 3 with `refused`: not in the mood 2" in done.stderr
    assert task.letters() == []


def test_a_record_of_another_input_is_refused(task: PickyTask) -> None:
    record = task.folder / "record"
    task.project.run("run", TASK, "--record", str(record))
    task.project.write(task.project.file.read_text().replace("numbers.py", "streams.py"))
    refused = task.project.run("run", TASK, "--replay", str(record))
    assert (refused.code, "error[record.foreign]" in refused.stderr) == (3, True)


def test_a_record_says_nothing_of_any_config(tmp_path: Path, cache: Path) -> None:
    task = PickyTask(tmp_path / "shop", cache)
    secret = "hunter2-and-more"
    task.project.environ["TOKEN"] = secret
    text_ = task.project.file.read_text().replace("count = 25", 'count = 25\n      token = env("TOKEN")')
    task.project.write(text_)
    record = task.folder / "record"
    assert task.project.run("run", TASK, "--record", str(record)).code == 0
    assert secret not in text(record).decode()
    assert all(file.stat().st_mode & 0o077 == 0 for file in (record, *files_of(record)))


def test_a_record_that_cannot_be_written_fails_the_run_before_anything_is_relayed(task: PickyTask) -> None:
    (task.folder / "record").write_text("")
    failed = task.project.run("run", TASK, "--record", str(task.folder / "record"))
    assert (failed.code, "error[record.unwritable]" in failed.stderr) == (4, True)
    assert task.lines() == []


@pytest.mark.parametrize(
    "options",
    [
        ["--replay", "r", "--detach"],
        ["--replay", "r", "--all"],
        ["--replay", "r", "--record", "q"],
        ["--record", "r", "--all"],
    ],
)
def test_options_that_contradict_each_other_are_refused(task: PickyTask, options: list[str]) -> None:
    names = [] if "--all" in options else [TASK]
    assert task.project.run("run", *names, *options).code == 3


def test_peek_shows_the_next_records_starts_no_output_and_moves_no_state(tmp_path: Path, cache: Path) -> None:
    task = PickyTask(tmp_path / "shop", cache, count=None)
    first = task.project.run("--json", "peek", TASK, "-n", "3")
    assert first.code == 0
    assert first.stdout == "".join(f'{{"data":{{"value":{n}}},"metadata":{{"seq":{n}}}}}\n' for n in (1, 2, 3))
    assert "orders: 3 records; nothing was stored or acknowledged" in first.stderr
    assert (task.envelopes(), task.point()) == ([], None)
    task.project.run("run", TASK, "--max-records", "10")
    before = task.point()
    later = task.project.run("peek", TASK, "-n", "1")
    assert f'"value": {before.records + 1}' in later.stdout
    assert task.point() == before


def test_peek_ends_with_the_input_at_its_timeout_and_whatever_the_input_does_not_hear(
    tmp_path: Path, cache: Path
) -> None:
    ended = PickyTask(tmp_path / "few", cache, count=2).project.run("--json", "peek", TASK)
    assert len(ended.stdout.splitlines()) == 2
    deaf = PickyTask(tmp_path / "deaf", cache, source=str(PROVIDERS / "stubborn.py"))
    deaf.project.environ["DSTREAM_GRACE"] = "0.2s"
    stayed = deaf.project.run("--json", "peek", TASK, "--timeout", "1s")
    assert (stayed.code, len(stayed.stdout.splitlines())) == (0, 1)
    with deaf.state() as state:
        assert state.open_runs() == []
    assert list((deaf.folder / ".dstream" / "processes").glob("*")) == []


def test_what_a_peek_left_that_was_killed_with_its_guard_is_cleaned_up_by_a_stop(tmp_path: Path, cache: Path) -> None:
    source = tmp_path / "with_a_child"
    source.write_text(
        "#!/bin/sh\nread -r envelope\nsleep 600 &\n"
        """echo '{"status":"ready","protocol":1,"capabilities":["checkpoint"]}'\n"""
        """echo '{"data":{},"metadata":{}}'\nwait\n"""
    )
    source.chmod(0o755)
    task = PickyTask(tmp_path / "shop", cache, source=str(source))
    with task.project.started("--json", "peek", TASK, "-n", "1000") as peek:
        assert peek.stdout is not None
        assert peek.stdout.readline()
        guard = subprocess.run(["pgrep", "-P", str(peek.pid), "-f", "sentry.py"], capture_output=True, check=True)
        os.kill(int(guard.stdout), signal.SIGKILL)
        peek.kill()
    done = task.project.run("stop", TASK)
    assert (done.code, done.stdout) == (
        0,
        "orders was not running; cleaned up 1 provider(s) that a killed command left\n",
    )
    assert task.project.run("stop", TASK).stdout == "orders was not running\n"


def test_peek_is_refused_while_the_task_runs(tmp_path: Path, cache: Path) -> None:
    task = PickyTask(tmp_path / "shop", cache, count=None)
    with task.project.started("run", TASK) as run:
        until(task.lines, "records")
        refused = task.project.run("peek", TASK)
        assert (refused.code, "error[task.running]" in refused.stderr) == (1, True)
        run.send_signal(signal.SIGTERM)


def test_other_shells_see_a_replay_and_stop_it(task: PickyTask) -> None:
    record = task.folder / "record"
    task.project.run("run", TASK, "--record", str(record))
    (task.folder / "hold").write_text("3")
    with task.project.started("run", TASK, "--replay", str(record)) as replay:
        until((task.folder / "held").exists, "the output in the midst of it")
        (seen,) = [one for one in task.project.run("--json", "ps").events if one.get("task") == TASK]
        assert seen["state"] in {"running", "draining"}  # the record is in the pipe already
        refused = task.project.run("restart", TASK)
        assert (refused.code, "error[run.replay]" in refused.stderr) == (1, True)
        (task.folder / "hold").unlink()
        assert task.project.run("stop", TASK).code == 0
        replay.wait(60)
