"""What is wrong gets a clear error and its own exit code, and nothing is half done."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import EXIT_CONFIG, EXIT_ENVIRONMENT, EXIT_FAILED

if TYPE_CHECKING:
    from tests.cli.conftest import Done, Project


def error_of(done: Done) -> str:
    """The error's code; there is exactly one error, and never a traceback."""
    codes: list[str] = re.findall(r"^error\[([a-z0-9_.]+)\]: .*[^.]$", done.stderr, re.MULTILINE)
    assert "Traceback" not in done.stderr
    assert len(codes) == 1, done.stderr
    return codes[0]


def test_an_unknown_task_names_the_nearest(project: Project) -> None:
    project.task("orders-to-asb")
    done = project.execute("run", "orders")
    assert (done.code, error_of(done)) == (EXIT_CONFIG, "config.unknown_task")
    assert "\n\nhint: did you mean `orders-to-asb`?\n" in done.stderr


def test_a_provider_given_twice_shows_the_line(project: Project) -> None:
    project.task()
    text = project.file.read_text().replace("    protocol = 1\n", '    provider_image = "ghcr.io/a/b:v1"\n', 1)
    project.write(text)
    done = project.run("run", "orders")
    assert done.code == EXIT_CONFIG
    assert error_of(done).startswith("config.")
    assert re.search(r"--> dstream\.hcl:\d+:\d+\n +\|\n +\d+ \|.*\n +\| +\^\n", done.stderr)
    assert not (project.folder / ".dstream").exists()


def test_no_file_says_how_to_name_one(project: Project) -> None:
    done = project.run("run", "orders")
    assert (done.code, error_of(done)) == (EXIT_CONFIG, "config.no_file")
    assert "-c FILE" in done.stderr


def test_an_executable_that_is_not_there(project: Project) -> None:
    project.task(source=f"{project.folder}/nobody")
    done = project.run("run", "orders")
    assert (done.code, error_of(done)) == (EXIT_CONFIG, "provider.missing")
    assert f"{project.folder}/nobody" in done.stderr
    assert "--> dstream.hcl:3" in done.stderr


def test_a_file_that_is_not_executable_says_how_to_make_it_so(project: Project) -> None:
    (project.folder / "plain").write_text("#!/bin/sh\n")
    project.task(source=f"{project.folder}/plain")
    done = project.run("run", "orders")
    assert (done.code, error_of(done)) == (EXIT_CONFIG, "provider.not_executable")
    assert "chmod +x" in done.stderr


def test_a_provider_that_prints_garbage_is_shown_what_it_printed(project: Project) -> None:
    project.task(source="garbage.py")
    done = project.run("run", "orders")
    assert (done.code, error_of(done)) == (EXIT_FAILED, "provider.handshake")
    assert "Welcome to garbage 2.0" in done.stderr


def test_a_provider_that_dies_before_the_handshake_leaves_its_last_words(project: Project) -> None:
    project.task(output="dies.py")
    done = project.execute("run", "orders")
    assert (done.code, error_of(done)) == (EXIT_FAILED, "provider.died")
    assert "exited 7" in done.stderr
    assert "  its last words:\n  | cannot reach the database\n  | giving up\n" in done.stderr


def test_a_provider_that_never_reads_is_given_up(project: Project) -> None:
    project.task(source="deaf.py")
    project.write(project.file.read_text().replace('"60s"', '"500ms"'))
    done = project.run("run", "orders")
    assert (done.code, error_of(done)) == (EXIT_FAILED, "provider.handshake_timeout")
    assert "0.5 s" in done.stderr


def test_a_refusal_is_shown_with_its_hint(project: Project) -> None:
    project.task(output="refuses.py")
    done = project.run("run", "orders", "--json")
    (event,) = (event for event in done.events if event["event"] == "error")
    assert (done.code, event["code"], event["exit_code"]) == (EXIT_FAILED, "provider.refused", EXIT_FAILED)
    assert "login failed for user `cdc`" in event["message"]
    assert event["hint"] == "reset the password"


def test_without_an_engine_the_socket_that_was_tried_is_named(project: Project) -> None:
    project.write(
        'task "orders" {\n  input { provider_image = "ghcr.io/katasec/a:v1" }\n'
        '  output { provider_image = "ghcr.io/katasec/b:v1" }\n}\n'
    )
    done = project.execute("run", "orders")
    assert (done.code, error_of(done)) == (EXIT_ENVIRONMENT, "engine.absent")
    assert f"unix://{project.folder}/no-engine.sock" in done.stderr
    assert "ghcr.io/katasec/a:v1" in done.stderr
    assert "--> dstream.hcl:2" in done.stderr
    assert "provider_path" in done.stderr


def test_state_of_another_input_names_the_command_that_resets_it(project: Project) -> None:
    project.task(config="count = 1")
    assert project.run("run", "orders").code == 0
    other = project.folder / "other.py"
    other.symlink_to(project.file.read_text().split('"')[3])
    project.write("")
    project.task(source=str(other), config="count = 1")
    done = project.run("run", "orders")
    assert (done.code, error_of(done)) == (EXIT_CONFIG, "state.identity")
    assert "dstream state reset orders" in done.stderr


def test_a_secret_is_masked_wherever_it_would_be_shown(project: Project) -> None:
    leak = project.folder / "leak.sh"
    leak.write_text('#!/bin/sh\nread line; echo "no login for $line" >&2; exit 1\n')
    leak.chmod(0o755)
    project.task(source=str(leak), config='password = env("TEST_PASSWORD")')
    project.environ["TEST_PASSWORD"] = "hunter2-and-more"
    for options in ([], ["--json"], ["--debug"]):
        done = project.run("run", "orders", *options)
        assert done.code == EXIT_FAILED
        assert "no login for" in done.stderr
        assert "hunter2" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["frobnicate"], "frobnicate"),
        (["run"], "say which tasks"),
        (["run", "orders", "--nonsense"], "--nonsense"),
        (["run", "orders", "--pull", "sometimes"], "'missing', 'always', 'never'"),
        (["run", "orders", "--timeout", "soon"], "--timeout soon"),
        (["run", "orders", "--max-records", "0"], "--max-records"),
        (["run", "orders", "--var", "x"], "name=value"),
    ],
)
def test_a_wrong_command_line_exits_3_and_says_what_is_wrong(project: Project, arguments: list[str], says: str) -> None:
    project.task()
    done = project.run(*arguments)
    assert (done.code, error_of(done)) == (EXIT_CONFIG, "usage")
    assert says in done.stderr
    assert "hint: " in done.stderr
    assert done.stdout == ""


def test_no_verb_shows_the_help_and_fails(project: Project) -> None:
    done = project.run()
    assert (done.code, done.stdout) == (EXIT_CONFIG, "")
    assert "Usage: dstream" in done.stderr


def test_a_wrong_setting_is_named(project: Project) -> None:
    project.task()
    project.environ["DSTREAM_GRACE"] = "soon"
    done = project.run("run", "orders")
    assert (done.code, error_of(done)) == (EXIT_CONFIG, "config.settings")
    assert "DSTREAM_GRACE" in done.stderr


def test_a_folder_that_cannot_hold_state_is_the_environments_fault(project: Project) -> None:
    project.task()
    (project.folder / ".dstream").write_text("in the way")
    done = project.run("run", "orders")
    assert (done.code, error_of(done)) == (EXIT_ENVIRONMENT, "state.unavailable")
