"""`dstream init`, `plan` and `destroy` on providers whose queues are files."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from orchestrator.errors import EXIT_CHANGES, EXIT_CONFIG, EXIT_DONE, EXIT_FAILED
from orchestrator.state.lock import Locks
from tests.cli.conftest import DSTREAM, Project
from tests.cli.test_signals import rest, wait_for

if TYPE_CHECKING:
    from tests.cli.conftest import Done

FAKES = Path(__file__).parents[1] / "fakes"
QUEUES = FAKES / "infrastructure" / "queues"
LEGACY = FAKES / "legacy" / "target.sh"


class Queues:
    """A project whose input reads two tables, and whose output has a queue for each; its input has one of its own."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.far = project.folder / "far"
        self.far.mkdir()
        self.notes = project.folder / "notes"
        self.describe()

    def describe(self, *, source: dict[str, Any] | None = None, output: dict[str, Any] | None = None) -> None:
        """Write dstream.hcl anew, with these keys besides in the configs."""
        common = {"far": str(self.far), "note": str(self.notes)}
        own = {"streams": ["Persons", "Orders"], "queues": {"source": {"ttl": "P1D"}}}
        configs = {"input": {**common, **own, **(source or {})}, "output": {**common, **(output or {})}}
        blocks = [
            f'  {role} {{\n    provider_path = "{QUEUES}"\n    config = {json.dumps(config)}\n  }}'
            for role, config in configs.items()
        ]
        self.project.write('task "orders" {\n' + "\n".join(blocks) + "\n}\n")

    def run(self, verb: str, *options: str) -> Done:
        return self.project.run(verb, "orders", *options)

    @property
    def there(self) -> list[str]:
        return sorted(path.name for path in self.far.iterdir())

    @property
    def asked(self) -> list[str]:
        """`init output` and the like, in the order in which the providers were told."""
        envelopes = [json.loads(line) for line in self.notes.read_text().splitlines()]
        return [f"{one['command']} {one['role']}" for one in envelopes if one["command"] != "discover"]

    def fill(self, name: str, **fields: Any) -> None:
        """Change a queue behind everybody's back."""
        path = self.far / name
        path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


ALL = ["Orders_cdc_events", "Persons_cdc_events", "source"]


@pytest.fixture
def queues(project: Project) -> Queues:
    return Queues(project)


def error(done: Done) -> str:
    (code,) = re.findall(r"^error\[([a-z_.]+)\]", done.stderr, re.MULTILINE)
    assert "Traceback" not in done.stderr
    return str(code)


def test_plan_shows_what_init_makes_and_destroy_removes_just_that(queues: Queues) -> None:
    planned = queues.run("plan")
    assert planned.code == EXIT_DONE
    assert "    +   file.Queue Persons_cdc_events\n" in planned.stdout
    assert 'ttl: "P14D"' in planned.stdout
    assert planned.stdout.endswith("plan: 3 to create, 0 to update, 0 to replace, 0 to delete\n")
    assert queues.there == []

    made = queues.run("init")
    assert (made.code, queues.there) == (EXIT_DONE, ALL)
    assert made.stdout.endswith("orders: 3 created\n")
    again = queues.run("plan", "--detailed-exitcode")
    assert (again.code, again.stdout.splitlines()[-1]) == (0, "no changes: the infrastructure is as it should be")

    (queues.far / "theirs").write_text("not ours")
    assert queues.run("destroy", "--yes").stdout.endswith("orders: 3 deleted\n")
    assert queues.there == ["theirs"]


def test_the_output_comes_first_and_goes_last(queues: Queues) -> None:
    queues.run("init")
    queues.run("destroy", "--yes")
    init = ["plan output", "plan input", "init output", "init input"]
    assert queues.asked == [*init, "plan input", "plan output", "destroy input", "destroy output"]


def test_a_provider_is_told_what_it_needs_to_know(queues: Queues) -> None:
    queues.run("init", "--allow-data-loss")
    envelopes = [json.loads(line) for line in queues.notes.read_text().splitlines()]
    init = next(one for one in envelopes if (one["command"], one["role"]) == ("init", "output"))
    assert [stream["name"] for stream in init["streams"]] == ["Persons", "Orders"]
    folder = Path(init["options"].pop("folder"))
    assert folder.is_relative_to(queues.project.folder / ".dstream" / "infra")
    assert len(init["options"].pop("project")) == 16
    assert init["options"] == {"allow_data_loss": True, "position_keys": ["LSN", "Seq"]}
    plan = next(one for one in envelopes if (one["command"], one["role"]) == ("plan", "input"))
    assert "position_keys" not in plan["options"]
    assert "allow_data_loss" not in plan["options"]


def test_any_user_may_write_to_a_providers_folder_which_only_the_owner_reaches(queues: Queues) -> None:
    os.umask(os.umask(0o077) | 0o077)
    queues.run("init")
    (folder,) = (queues.project.folder / ".dstream" / "infra").glob("*/output")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o777
    assert stat.S_IMODE((queues.project.folder / ".dstream").stat().st_mode) == 0o700
    assert stat.S_IMODE((queues.project.folder / ".dstream" / "infra").stat().st_mode) == 0o700


def test_changes_are_shown_with_both_values_and_have_an_exit_code(queues: Queues) -> None:
    queues.run("init")
    queues.describe(output={"queues": {"Orders_cdc_events": {"ttl": "P7D", "sessions": False}, "New": {"ttl": "P1D"}}})
    done = queues.run("plan", "--detailed-exitcode")
    assert done.code == EXIT_CHANGES
    assert '    ~   file.Queue Orders_cdc_events\n          ttl: "P14D" -> "P7D"\n' in done.stdout
    assert "    -   file.Queue Persons_cdc_events\n" in done.stdout
    assert "plan: 1 to create, 1 to update, 0 to replace, 1 to delete" in done.stdout
    refused = queues.run("init")
    assert (refused.code, error(refused)) == (EXIT_CONFIG, "usage")
    assert "--yes" in refused.stderr
    assert queues.there == ALL
    assert queues.run("init", "--yes").stdout.endswith("orders: 1 created, 1 updated, 1 deleted\n")


@pytest.mark.parametrize("verb", ["init", "destroy"])
def test_data_is_lost_only_where_that_was_accepted(queues: Queues, verb: str) -> None:
    queues.run("init")
    queues.fill("Orders_cdc_events", messages=12)
    if verb == "init":
        names = ["Orders_cdc_events", "Persons_cdc_events"]
        queues.describe(output={"queues": {name: {"ttl": "P14D", "sessions": True} for name in names}})
    done = queues.run(verb, "--yes")
    assert (done.code, error(done)) == (EXIT_FAILED, "infrastructure.data_loss")
    assert "it holds 12 messages" in done.stderr
    assert "data loss: it holds 12 messages\n" in done.stdout
    assert f"dstream {verb} orders --allow-data-loss" in done.stderr
    assert (len(queues.there), json.loads((queues.far / "Orders_cdc_events").read_text())["messages"]) == (3, 12)
    assert queues.run(verb, "--yes", "--allow-data-loss").code == EXIT_DONE


def test_a_saved_plan_is_carried_out_without_a_question(queues: Queues) -> None:
    queues.run("init")
    queues.describe(output={"queues": {"Orders_cdc_events": {"ttl": "P14D", "sessions": True}}})
    plan = queues.project.folder / "plan.json"
    assert queues.run("plan", "--out", str(plan)).code == EXIT_DONE
    assert stat.S_IMODE(plan.stat().st_mode) == 0o600
    assert queues.run("init", "--plan", str(plan)).code == EXIT_DONE
    assert queues.there == ["Orders_cdc_events", "source"]


def moved_config(queues: Queues) -> None:
    queues.project.write(queues.project.file.read_text().replace("  input {", '  input {\n    memory = "64MiB"'))


def moved_streams(queues: Queues) -> None:
    queues.describe(source={"streams": ["Persons", "Orders", "Cars"]})


def moved_resources(queues: Queues) -> None:
    queues.fill("source", attributes={"ttl": "P9D"})


@pytest.mark.parametrize(
    ("move", "said"),
    [
        (moved_config, "the task's configuration changed"),
        (moved_streams, "the input reads other streams"),
        (moved_resources, "`source` (same then, update now)"),
    ],
)
def test_a_saved_plan_is_refused_once_something_moved(queues: Queues, move: Any, said: str) -> None:
    queues.run("init")
    assert queues.run("plan", "--out", "plan.json").code == EXIT_DONE
    move(queues)
    done = queues.run("init", "--plan", "plan.json")
    assert (done.code, error(done)) == (EXIT_CONFIG, "plan.stale")
    assert said in done.stderr
    assert "init output" not in queues.asked[4:]


def test_a_saved_plan_of_the_same_text_laid_out_otherwise_still_holds(queues: Queues) -> None:
    queues.run("plan", "--out", "plan.json")
    queues.project.write("# a comment\n\n" + queues.project.file.read_text().replace("    config", "\n      config"))
    assert queues.run("init", "--plan", "plan.json").code == EXIT_DONE


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, "plan.unreadable"),
        ("{", "plan.invalid"),
        ('{"version":1}', "plan.invalid"),
        ('{"version":99}', "plan.version"),
    ],
)
def test_what_is_no_plan_is_refused_before_anything_starts(queues: Queues, text: str | None, code: str) -> None:
    if text is not None:
        (queues.project.folder / "plan.json").write_text(text)
    done = queues.run("init", "--plan", "plan.json")
    assert (done.code, error(done)) == (EXIT_CONFIG, code)
    assert not queues.notes.exists()


def test_a_plan_of_another_task_is_refused(queues: Queues) -> None:
    queues.run("plan", "--out", "plan.json")
    queues.project.write(queues.project.file.read_text().replace('"orders"', '"others"'))
    done = queues.project.run("init", "others", "--plan", "plan.json")
    assert (done.code, error(done)) == (EXIT_CONFIG, "plan.other_task")


def test_no_secret_of_the_config_is_in_a_plan(queues: Queues) -> None:
    queues.describe(output={"queues": {"orders": {"key": "SECRET"}}})
    queues.project.write(queues.project.file.read_text().replace('"SECRET"', 'env("TEST_SECRET")'))
    queues.project.environ["TEST_SECRET"] = "hunter2-and-more"
    for options in (["--out", "plan.json"], ["--json"]):
        done = queues.run("plan", *options)
        assert done.code == EXIT_DONE
        assert "[secret]" in done.stdout
        assert "hunter2" not in done.stdout + done.stderr
    assert "hunter2" not in (queues.project.folder / "plan.json").read_text()
    queues.project.environ["TEST_SECRET"] = "another-than-before"
    done = queues.run("init", "--plan", "plan.json")
    assert error(done) == "plan.stale"
    assert "the task's configuration changed" in done.stderr


def test_a_failed_reply_fails_the_command_with_the_providers_words(queues: Queues) -> None:
    queues.describe(output={"fail": "init"})
    done = queues.run("init")
    assert (done.code, error(done)) == (EXIT_FAILED, "infrastructure.failed")
    assert "output `queues` failed to `init`: the far side is closed" in done.stderr
    assert "hint: come back tomorrow; `dstream init orders` goes on from what is there" in done.stderr
    assert "init input" not in queues.asked
    assert "nothing had to change" not in done.stdout


def test_a_provider_that_dies_leaves_its_last_words_and_the_next_init_goes_on(queues: Queues) -> None:
    queues.describe(output={"die_at": "Orders_cdc_events", "tell": "about to go"})
    done = queues.run("init")
    assert (done.code, error(done)) == (EXIT_FAILED, "provider.died")
    assert "killed by signal 9 before it answered `init`" in done.stderr
    assert "about to go" in done.stderr
    assert queues.there == ["Persons_cdc_events"]
    queues.describe()
    assert queues.run("init").stdout.endswith("orders: 2 created\n")
    assert queues.there == ALL


def test_a_provider_that_takes_too_long_is_asked_to_stop_and_what_it_made_is_told(queues: Queues) -> None:
    queues.describe(output={"wait_at": "Orders_cdc_events"})
    done = queues.run("init", "--timeout", "1s")
    assert (done.code, error(done)) == (EXIT_FAILED, "infrastructure.timeout")
    assert "within 1 s: stopped before Orders_cdc_events" in done.stderr
    assert "--timeout" in done.stderr
    assert done.stdout.endswith("orders: 1 created\n")


def test_one_that_does_not_stop_is_killed(queues: Queues) -> None:
    queues.describe(output={"ignore_at": "Orders_cdc_events"})
    queues.project.environ["DSTREAM_GRACE"] = "200ms"
    done = queues.run("init", "--timeout", "1s")
    assert (done.code, error(done)) == (EXIT_FAILED, "infrastructure.timeout")
    assert "said nothing when it was asked to stop" in done.stderr


def test_the_first_signal_lets_the_provider_leave_off_and_nothing_else_is_begun(queues: Queues) -> None:
    queues.describe(output={"wait_at": "Orders_cdc_events"})
    with queues.project.started("init", "orders") as process:
        wait_for(process, "waiting at Orders_cdc_events", stderr=True)
        process.send_signal(signal.SIGINT)
        stdout, stderr = rest(process)
    assert process.returncode == EXIT_FAILED
    assert "error[infrastructure.interrupted]" in stderr
    assert stdout.endswith("orders: 1 created\n")
    assert "init input" not in queues.asked


def test_the_second_signal_kills(queues: Queues) -> None:
    queues.describe(output={"ignore_at": "Orders_cdc_events"})
    with queues.project.started("init", "orders") as process:
        wait_for(process, "stuck at Orders_cdc_events", stderr=True)
        process.send_signal(signal.SIGTERM)
        wait_for(process, "stopping", stderr=True)
        process.send_signal(signal.SIGTERM)
        rest(process)
    assert process.returncode == 128 + signal.SIGTERM


def test_after_a_command_was_killed_the_next_one_goes_on(queues: Queues) -> None:
    queues.describe(output={"ignore_at": "Orders_cdc_events"})
    with queues.project.started("init", "orders") as process:
        wait_for(process, "stuck at Orders_cdc_events", stderr=True)
        process.kill()
    queues.describe()
    assert queues.run("init").stdout.endswith("orders: 2 created\n")
    assert queues.run("destroy", "--yes").code == EXIT_DONE


@pytest.mark.parametrize("verb", ["init", "destroy"])
def test_nothing_is_made_or_removed_while_the_task_runs(queues: Queues, verb: str) -> None:
    queues.run("init")
    with Locks(queues.project.folder / ".dstream").acquire("orders", "R1"):
        done = queues.run(verb, "--yes")
        assert (done.code, error(done)) == (EXIT_FAILED, "task.running")
        assert queues.run("plan").code == EXIT_DONE
    assert queues.there == ALL


def test_two_commands_do_not_work_on_one_infrastructure(queues: Queues) -> None:
    with Locks(queues.project.folder / ".dstream").acquire("orders/infrastructure", "R1"):
        done = queues.run("init")
        assert (done.code, error(done)) == (EXIT_FAILED, "infrastructure.busy")
        status = queues.run("status")
    assert status.code == EXIT_DONE
    assert f"its infrastructure is being worked on by process {os.getpid()}" in status.stdout


def test_what_holds_a_task_is_called_a_run_only_where_it_is_one(queues: Queues) -> None:
    queues.describe(output={"wait_at": "Orders_cdc_events"})
    with queues.project.started("init", "orders") as process:
        wait_for(process, "waiting at Orders_cdc_events", stderr=True)
        done = queues.run("run")
        assert (done.code, error(done)) == (EXIT_FAILED, "infrastructure.busy")
        status = queues.run("status").stdout
        process.send_signal(signal.SIGINT)
        rest(process)
    assert "orders is not running on this host\n" in status
    assert f"its infrastructure is being worked on by process {process.pid}" in status


def test_destroy_needs_a_yes_and_does_without_the_source(queues: Queues) -> None:
    queues.run("init")
    queues.describe(source={"fail": "discover"})
    refused = queues.run("destroy")
    assert (refused.code, error(refused)) == (EXIT_CONFIG, "usage")
    assert queues.run("destroy", "--yes").code == EXIT_DONE
    assert queues.there == []


def answered(project: Project, answer: bytes, *arguments: str) -> tuple[int, bytes]:
    """What the command ended with and showed to somebody at a terminal who gives this answer."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(project.folder)
        os.execve(DSTREAM, ["dstream", *arguments], {**project.environ, "TERM": "xterm"})
    shown = b""
    with contextlib.suppress(OSError):  # how Linux says that the other end is closed
        while piece := os.read(terminal, 65536):
            shown += piece
            if answer and b"[y/N]" in shown:
                os.write(terminal, answer)
                answer = b""
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown


@pytest.mark.parametrize(
    ("answer", "code", "there"),
    [(b"n\n", EXIT_FAILED, ALL), (b"\x03", 128 + signal.SIGINT, ALL), (b"y\n", EXIT_DONE, [])],
)
def test_a_person_is_asked_and_may_say_no(queues: Queues, answer: bytes, code: int, there: list[str]) -> None:
    queues.run("init")
    ended, shown = answered(queues.project, answer, "destroy", "orders")
    assert b"orders: Destroy all of this? [y/N]" in shown
    assert (ended, queues.there) == (code, there)
    assert (b"nothing was changed" in shown) == (answer == b"n\n")


def test_nobody_is_asked_about_what_was_not_shown(queues: Queues) -> None:
    queues.run("init")
    _, shown = answered(queues.project, b"n\n", "destroy", "orders", "--quiet")
    assert b"    -   file.Queue Orders_cdc_events" in shown


def test_without_any_stdin_nobody_can_be_asked(queues: Queues) -> None:
    queues.run("init")
    with mock.patch.object(sys, "stdin", None):  # as Python has it where the shell says `<&-`
        done = queues.run("destroy")
    assert (done.code, error(done), queues.there) == (EXIT_CONFIG, "usage", ALL)


def test_the_plan_of_destroy_can_be_looked_at(queues: Queues) -> None:
    queues.run("init")
    done = queues.run("plan", "--destroy", "--detailed-exitcode")
    assert (done.code, done.stdout.splitlines()[-1]) == (
        EXIT_CHANGES,
        "plan: 0 to create, 0 to update, 0 to replace, 3 to delete",
    )
    assert queues.there == ALL


def test_json_is_events_with_the_whole_plan_and_what_was_done(queues: Queues) -> None:
    done = queues.run("init", "--json")
    (plan,) = (event for event in done.events if event["event"] == "plan")
    assert plan["changes"] == {"create": 3, "update": 0, "replace": 0, "delete": 0}
    assert plan["streams"] == ["dbo.Persons", "dbo.Orders"]
    assert [part["role"] for part in plan["providers"]] == ["output", "input"]
    assert plan["run"]["resumes"] is None
    (made,) = (event for event in done.events if event["event"] == "init")
    assert [one["name"] for part in made["providers"] for one in part["resources"]] == [
        "Persons_cdc_events",
        "Orders_cdc_events",
        "source",
    ]


def test_a_task_without_infrastructure_has_nothing_to_do(project: Project) -> None:
    project.task()
    for verb in ("plan", "init", "destroy"):
        done = project.run(verb, "orders")
        assert done.code == EXIT_DONE
        assert "neither of its providers owns any" in done.stdout


def test_replies_of_the_originals_shape_are_understood(project: Project) -> None:
    project.write(
        f'task "orders" {{\n  input {{\n    provider_path = "{FAKES}/providers/numbers.py"\n    protocol = 1\n  }}\n'
        f'  output {{\n    provider_path = "{LEGACY}"\n  }}\n}}\n'
    )
    plan = project.run("plan", "orders", "--detailed-exitcode")
    assert plan.code == EXIT_CHANGES
    assert "    +   console_log_target\n" in plan.stdout
    assert "deliver best effort, since the output acknowledges nothing" in plan.stdout
    assert project.run("init", "orders").stdout.endswith("orders: 1 created\n")
    status = project.run("status", "orders")
    assert "    =   console_log_target\n    ?   archive (DEGRADED)\n" in status.stdout
    destroyed = project.run("destroy", "orders", "--yes")
    assert "    -   console_log_target\n" in destroyed.stdout
    assert destroyed.stdout.endswith("orders: 1 deleted\n")


def original(project: Project, script: str) -> None:
    """A task whose output is that shell script, after a handshake as the original's."""
    program = project.folder / "output.sh"
    program.write_text(f'#!/bin/sh\nread -r envelope\necho \'{{"status":"ready"}}\'\n{script}\n')
    program.chmod(0o755)
    source = f'provider_path = "{FAKES}/providers/numbers.py"\n    protocol = 1'
    project.write(
        f'task "orders" {{\n  input {{\n    {source}\n  }}\n  output {{\n    provider_path = "{program}"\n  }}\n}}\n'
    )


def test_a_provider_that_lists_nothing_is_not_told_to_destroy_without_a_yes(project: Project) -> None:
    told = project.folder / "told"
    original(project, f"""echo "$envelope" >> {told}; echo '{{"status":"Success","resources":[]}}'""")
    done = project.run("destroy", "orders")
    assert (done.code, error(done)) == (EXIT_CONFIG, "usage")
    assert "destroy" not in told.read_text()
    assert project.run("destroy", "orders", "--yes").code == EXIT_DONE


@pytest.mark.parametrize(
    "script",
    [
        """printf '{"status":"Success","resources":["orders:WILL_CREATE"]}'""",
        """echo 'plan "status" is due'; echo '{"status":"Success","resources":["orders:WILL_CREATE"]}'""",
    ],
    ids=["without its newline", "after a log line that speaks of a status"],
)
def test_an_answer_of_the_originals_is_found(project: Project, script: str) -> None:
    original(project, script)
    assert project.run("plan", "orders").stdout.endswith("plan: 1 to create, 0 to update, 0 to replace, 0 to delete\n")


@pytest.mark.parametrize(
    "bytes_", [b'{"status":"Success","message":"\xff"}', b'{"status":' + b"[" * 9999 + b"]" * 9999 + b"}"]
)
def test_an_answer_that_is_no_text_or_too_deep_is_none(project: Project, bytes_: bytes) -> None:
    (project.folder / "answer").write_bytes(bytes_ + b"\n")
    original(project, f"cat {project.folder}/answer")
    done = project.run("plan", "orders")
    assert (done.code, error(done)) == (EXIT_FAILED, "provider.answer")


@pytest.mark.parametrize(("ending", "said"), [("exit 3", "exited 3"), ("kill -9 $$", "was killed by signal 9")])
def test_a_provider_that_breaks_down_after_its_answer_is_not_passed_over(
    project: Project, ending: str, said: str
) -> None:
    original(project, f"""echo '{{"status":"Success","resources":["orders:CREATED"]}}'; {ending}""")
    done = project.run("init", "orders")
    assert done.code == EXIT_DONE
    assert f"answered `init`, and then {said}" in done.stderr


def test_what_a_provider_does_not_say_is_not_called_no_change(project: Project) -> None:
    original(project, """echo '{"status":"Success","resources":["orders:WILL_PURGE"]}'""")
    done = project.run("plan", "orders", "--detailed-exitcode")
    assert "    ?   orders (WILL_PURGE)\n" in done.stdout
    assert "no changes" not in done.stdout
    assert done.code == EXIT_CHANGES


def test_a_provider_that_talks_without_end_is_out_of_time_all_the_same(project: Project) -> None:
    project.environ["DSTREAM_GRACE"] = "200ms"
    original(project, "trap '' TERM; while :; do echo working; done")
    done = project.run("plan", "orders", "--timeout", "1s")
    assert (done.code, error(done)) == (EXIT_FAILED, "infrastructure.timeout")


def test_no_name_can_pass_for_a_line_of_the_plan(queues: Queues) -> None:
    queues.describe(output={"queues": {"orders\nplan: 0 to create": {"ttl": "P1D"}}})
    done = queues.run("plan")
    assert "    +   file.Queue orders\\nplan: 0 to create\n" in done.stdout
    assert "\nplan: 0" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["plan", "orders", "--destroy", "--out", "x"], "`--out`"),
        (["init", "orders", "--pull-images", "--pull", "never"], "`--pull-images`"),
        (["init", "orders", "--timeout", "soon"], "--timeout soon"),
    ],
)
def test_a_wrong_command_line_is_refused(queues: Queues, arguments: list[str], says: str) -> None:
    done = queues.project.run(*arguments)
    assert (done.code, error(done)) == (EXIT_CONFIG, "usage")
    assert says in done.stderr
