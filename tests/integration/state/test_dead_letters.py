"""What becomes of records that an output rejects, with real processes and the real command."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from orchestrator.state.store import DeadLetter
from tests.pickytask import TASK, PickyTask, letter, provider
from tests.streams import until

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def task(tmp_path: Path, cache: Path) -> PickyTask:
    return PickyTask(tmp_path / "shop", cache)


def test_rejected_records_are_listed_shown_and_exported_as_the_input_wrote_them(task: PickyTask) -> None:
    task.refuse(3, 17)
    assert task.project.run("run", TASK).code == 0
    listed = task.project.run("dead-letters", "list", TASK).stdout
    assert "2 dead letters: 2 refused" in listed
    found = task.project.run("--json", "dead-letters", "list", TASK, "-n", "1").events
    assert found[0]["envelope"] == {"data": {"value": 3}, "metadata": {"seq": 3}}
    assert found[1] == {"event": "dead_letters", "task": TASK, "total": 2, "codes": {"refused": 2}, "more": 1}
    rest = task.project.run("--json", "dead-letters", "list", TASK, "--after", str(found[0]["id"])).events
    assert [one["record"] for one in rest if one["event"] == "dead_letter"] == [17]
    shown = task.project.run("dead-letters", "show", TASK, str(found[0]["id"])).stdout
    assert "refused: not in the mood 2" in shown
    assert '"value": 3' in shown
    out = task.folder / "letters.jsonl"
    assert task.project.run("dead-letters", "export", TASK, "-o", str(out)).code == 0
    assert [json.loads(line)["envelope"]["data"]["value"] for line in out.read_bytes().splitlines()] == [3, 17]
    assert b'"envelope":{"data":{"value":3},"metadata":{"seq":3}}' in out.read_bytes()
    assert task.project.run("dead-letters", "show", TASK, "99").code == 3


def test_a_replay_drops_what_is_acknowledged_and_keeps_what_is_rejected_again_with_its_new_reason(
    task: PickyTask,
) -> None:
    task.refuse(3, 17, 20)
    task.project.run("run", TASK)
    before = task.point()
    task.refuse(17)
    done = task.project.run("dead-letters", "replay", TASK, "--all")
    assert done.code == 1
    assert "3 records" in done.stderr
    assert "2 delivered and dropped; 1 rejected again" in done.stderr
    assert task.values()[-2:] == [3, 20]
    assert [(one.letter.record, one.letter.reason) for one in task.letters()] == [(17, "not in the mood 1")]
    assert task.point() == before
    run, again = task.envelopes()
    assert again["task"] == run["task"]
    assert again["options"] == run["options"]
    task.refuse()
    assert task.project.run("dead-letters", "replay", TASK, "--all").code == 0
    assert task.letters() == []


def test_only_the_chosen_letters_are_replayed_and_dropped(task: PickyTask) -> None:
    task.keep([letter(1), letter(2, code="late"), letter(3, table="Orders"), letter(4, table="Persons"), letter(5)])
    first = task.letters()[0].id
    for arguments in (["--table", "orders"], ["--code", "late"], [str(first)]):
        assert task.project.run("dead-letters", "replay", TASK, *arguments).code == 0
    assert task.values() == [3, 2, 1]
    assert task.project.run("dead-letters", "drop", TASK, "--table", "dbo.Persons", "--yes").code == 0
    assert [one.letter.record for one in task.letters()] == [5]
    assert task.project.run("dead-letters", "drop", TASK, "--run", "EARLIER", "--yes").code == 0
    assert task.letters() == []


def test_without_letters_a_replay_says_so_and_starts_nothing(task: PickyTask) -> None:
    none = task.project.run("dead-letters", "replay", TASK, "--all")
    assert (none.code, none.stderr) == (0, "orders has no dead letters\n")
    task.keep([letter(1)])
    (event,) = task.project.run("--json", "dead-letters", "replay", TASK, "--code", "late").events
    assert (event["event"], event["run_id"], event["relayed"]) == ("replay", None, 0)
    assert task.envelopes() == []


def test_nothing_is_done_where_it_is_not_said_what_or_not_confirmed(task: PickyTask) -> None:
    task.keep([letter(1)])
    for arguments in (["drop", TASK, "--yes"], ["drop", TASK, "--all"], ["drop", TASK, "1", "--all"], ["replay", TASK]):
        assert task.project.run("dead-letters", *arguments).code == 3
    assert task.project.run("dead-letters", "drop", TASK, "1", "99", "--yes").code == 3
    assert len(task.letters()) == 1


def test_letters_that_were_no_envelopes_come_back_as_their_bytes(task: PickyTask) -> None:
    looks = b'{"checkpoint":{"id":1},"data":{"value":1}}'
    task.keep(
        [
            DeadLetter(1, "odd", "", b'{"data":{"value":7},"bytes":"\xc3\xa9"}', raw=True),
            DeadLetter(2, "odd", "", looks),
        ]
    )
    assert task.project.run("dead-letters", "replay", TASK, "--all").code == 0
    assert task.lines() == [b'{"data":{"value":7},"bytes":"\xc3\xa9"}\n', b" " + looks + b"\n"]


def test_letters_are_neither_replayed_nor_dropped_while_the_task_runs(tmp_path: Path, cache: Path) -> None:
    task = PickyTask(tmp_path / "shop", cache, count=None)
    task.keep([letter(1)])
    with task.project.started("run", TASK) as run:
        until(task.lines, "records relayed")
        for arguments in (["replay", TASK, "--all"], ["drop", TASK, "--all", "--yes"]):
            refused = task.project.run("dead-letters", *arguments)
            assert (refused.code, "error[task.running]" in refused.stderr) == (1, True)
            assert f"hint: `dstream stop {TASK}` drains it" in refused.stderr
        assert task.project.run("dead-letters", "list", TASK).code == 0
        run.send_signal(signal.SIGTERM)
    assert len(task.letters()) == 1


def test_a_replay_that_is_killed_loses_nothing_and_the_next_delivers_the_rest(task: PickyTask) -> None:
    """The output has acknowledged the first thousand and is in the midst of the second when the replay is killed."""
    count = 2500
    task.keep([letter(value) for value in range(1, count + 1)])
    (task.folder / "hold").write_text("1500")
    with task.project.started("dead-letters", "replay", TASK, "--all") as replay:
        until((task.folder / "held").exists, "the output in the midst of it")
        until(lambda: len(task.letters()) == count - 1000, "the first thousand dropped")
        replay.kill()
        replay.wait(60)
    (task.folder / "hold").unlink()
    before = set(task.values())
    assert before | {one.letter.record for one in task.letters()} == set(range(1, count + 1))
    done = task.project.run("dead-letters", "replay", TASK, "--all")
    assert done.code == 0, done.stderr
    assert task.letters() == []
    assert sorted(set(task.values())) == list(range(1, count + 1))


def test_an_output_that_acknowledges_nothing_gets_no_letters(tmp_path: Path, cache: Path) -> None:
    task = PickyTask(tmp_path / "shop", cache)
    task.project.write(task.project.file.read_text().replace('picky.py"\n    protocol = 1', 'picky.py"'))
    task.keep([letter(1)])
    refused = task.project.run("dead-letters", "replay", TASK, "--all")
    assert (refused.code, "error[output.unacknowledging]" in refused.stderr) == (3, True)
    assert (task.lines(), len(task.letters())) == ([], 1)


def test_a_task_that_may_not_keep_so_many_fails_and_acknowledges_nothing(tmp_path: Path, cache: Path) -> None:
    task = PickyTask(tmp_path / "shop", cache, blocks="  dead_letter {\n    max = 2\n  }\n")
    task.refuse(3, 17, 20)
    failed = task.project.run("run", TASK)
    assert (failed.code, "error[dead_letters.full]" in failed.stderr) == (1, True)
    assert f"hint: see why with `dstream dead-letters list {TASK}`" in failed.stderr
    assert len(task.letters()) <= 2
    point = task.point()
    assert point is None or point.records < 20
    task.refuse(3)
    assert task.project.run("run", TASK).code == 0


def test_letters_are_in_their_file_besides(tmp_path: Path, cache: Path) -> None:
    task = PickyTask(tmp_path / "shop", cache, blocks='  dead_letter {\n    path = "letters.jsonl"\n  }\n')
    file = task.folder / "letters.jsonl"
    file.write_text('{"torn')
    task.refuse(3, 17)
    assert task.project.run("run", TASK).code == 0
    torn, *lines = file.read_text().splitlines()
    assert torn == '{"torn'
    found = [json.loads(line) for line in lines]
    assert [(one["record"], one["code"], one["envelope"]["data"]) for one in found] == [
        (3, "refused", {"value": 3}),
        (17, "refused", {"value": 17}),
    ]
    assert len(task.letters()) == 2


def test_nothing_is_stored_or_acknowledged_that_the_file_could_not_take(tmp_path: Path, cache: Path) -> None:
    task = PickyTask(tmp_path / "shop", cache, blocks='  dead_letter {\n    path = "missing/letters.jsonl"\n  }\n')
    task.refuse(3)
    failed = task.project.run("run", TASK)
    assert (failed.code, "error[dead_letters.file]" in failed.stderr) == (4, True)
    assert task.letters() == []
    point = task.point()
    assert point is None or point.records < 3


class TestProvider:
    @pytest.fixture
    def task(self, tmp_path: Path, cache: Path) -> PickyTask:
        folder = tmp_path / "shop"
        (folder / "beside").mkdir(parents=True)
        blocks = f"  dead_letter {{\n{provider(folder / 'beside')}  }}\n"
        return PickyTask(folder, cache, blocks=blocks)

    def test_it_gets_every_letter_once_it_is_stored_and_none_again(self, task: PickyTask) -> None:
        task.keep([letter(100)])
        task.refuse(3, 17)
        assert task.project.run("run", TASK).code == 0
        assert task.values("beside/sink") == [100, 3, 17]
        assert len(task.letters()) == 3
        task.project.run("state", "reset", TASK, "--yes")
        task.refuse(5)
        assert task.project.run("run", TASK).code == 0
        assert task.values("beside/sink") == [100, 3, 17, 5]

    def test_one_that_fails_fails_no_run_and_gets_the_letters_from_the_next(self, task: PickyTask) -> None:
        task.refuse(3)
        (task.folder / "beside" / "hold").write_text("none")
        done = task.project.run("run", TASK)
        assert done.code == 0
        assert "the dead letters could not be passed on; the next run tries again" in done.stderr
        (task.folder / "beside" / "hold").unlink()
        assert task.project.run("run", TASK).code == 0
        assert task.values("beside/sink") == [3]

    def test_one_that_rejects_leaves_them_in_the_state(self, task: PickyTask) -> None:
        (task.folder / "beside" / "refused").write_text("[17]")
        task.refuse(3, 17)
        done = task.project.run("run", TASK)
        assert "the `dead_letter` provider rejects 1 letter, which the state keeps" in done.stderr
        assert (task.values("beside/sink"), len(task.letters())) == ([3], 2)
