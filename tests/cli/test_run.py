"""`dstream run`, as a person, a program and a pipe see it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import EXIT_CONFIG, EXIT_DONE, EXIT_ENVIRONMENT
from tests.cli.conftest import PROVIDERS

if TYPE_CHECKING:
    from tests.cli.conftest import Project

FIVE = "".join(f"value {number}\n" for number in range(1, 6))


def test_data_goes_to_stdout_and_everything_else_to_stderr(project: Project) -> None:
    project.task(config="count = 5")
    done = project.execute("run", "orders")
    assert (done.code, done.stdout) == (EXIT_DONE, FIVE)
    assert "5 emitted = 5 relayed = 5 acknowledged" in done.stderr
    assert "at-least-once" in done.stderr
    assert "output | config has []" in done.stderr
    assert "\x1b" not in done.stderr
    assert "\r" not in done.stderr


def test_a_second_run_resumes_and_a_reset_begins_anew(project: Project) -> None:
    project.task(config="count = 5")
    assert project.run("run", "orders").stdout == FIVE
    again = project.run("run", "orders")
    assert (again.code, again.stdout) == (EXIT_DONE, "")
    assert "resumed from checkpoint 5" in again.stderr

    shown = project.run("--json", "state", "show", "orders").events[0]
    assert (shown["checkpoint"]["id"], shown["checkpoint"]["state"]) == (5, {"number": 5})
    refused = project.run("state", "reset", "orders")
    assert "--yes" in refused.stderr
    assert project.run("state", "reset", "orders", "--yes").code == EXIT_DONE
    assert "no stored state" in project.run("state", "show", "orders").stdout
    assert project.run("run", "orders", "--quiet").stdout == FIVE


@pytest.mark.parametrize(
    ("source", "code", "attempts"),
    [
        ('provider_ref = "127.0.0.1:1/no/registry:1.0"', EXIT_ENVIRONMENT, 3),
        ('provider_path = "./missing"', EXIT_CONFIG, 1),
    ],
)
def test_what_fails_before_the_first_attempt_is_tried_again_unless_the_configuration_is_wrong(
    project: Project, source: str, code: int, attempts: int
) -> None:
    restart = 'restart {\n    policy = "always"\n    max_retries = 2\n    backoff = "10ms"\n  }'
    output = f'output {{ provider_path = "{PROVIDERS / "lines.py"}" }}'
    project.write(f'task "orders" {{\n  input {{ {source} }}\n  {output}\n  {restart}\n}}\n')
    done = project.run("run", "orders")
    assert (done.code, done.stderr.count("trying again in")) == (code, attempts - 1)


def test_quiet_leaves_only_the_data(project: Project) -> None:
    project.task(config="count = 5")
    done = project.run("run", "orders", "--quiet")
    assert (done.code, done.stdout, done.stderr) == (EXIT_DONE, FIVE, "")


def test_json_is_one_object_per_line_with_the_text_as_events(project: Project) -> None:
    project.task(config="count = 5")
    done = project.run("run", "--json", "orders")
    assert done.code == EXIT_DONE
    assert "".join(f"{event['line']}\n" for event in done.events if event["event"] == "text") == FIVE
    assert {"event": "log", "role": "output", "line": "config has []"} in done.events
    *_, summary = done.events
    assert summary["event"] == "summary"
    assert (summary["outcome"], summary["delivery"]) == ("ended", "at-least-once")
    assert summary["emitted"] == summary["relayed"] == summary["delivered"] == 5
    assert summary["unconfirmed"] == 0
    assert done.stderr == ""


def test_json_logs_make_every_line_on_stderr_an_object(project: Project) -> None:
    project.task(config="count = 5")
    done = project.run("run", "orders", "--log-format", "json", "--log-level", "info")
    assert (done.code, done.stdout) == (EXIT_DONE, FIVE)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["relayed"] for line in lines if line["event"] == "summary"] == [5]


def test_max_records_ends_an_endless_input_with_a_drain(project: Project) -> None:
    project.task(config="every = 1")
    done = project.run("run", "orders", "--json", "--max-records", "20")
    summary = done.events[-1]
    assert (done.code, summary["outcome"]) == (EXIT_DONE, "drained")
    assert summary["emitted"] == summary["relayed"] == summary["delivered"] >= 20
    assert summary["unconfirmed"] == 0


def test_timeout_ends_an_endless_input_with_a_drain(project: Project) -> None:
    project.task(config="interval = 0.01")
    done = project.run("run", "orders", "--timeout", "300ms", "--json")
    assert (done.code, done.events[-1]["outcome"]) == (EXIT_DONE, "drained")


def test_variables_come_from_the_command_line_and_from_files(project: Project) -> None:
    project.write('variable "n" { default = 1 }\n')
    project.task(config="count = var.n")
    (project.folder / "five.hcl").write_text("n = 5\n")
    assert project.run("run", "orders", "--var-file", "five.hcl").stdout == FIVE
    project.run("state", "reset", "orders", "--yes")
    assert project.run("run", "orders", "--var", "n=5").stdout == FIVE


def test_another_file_is_read_wherever_the_option_stands(project: Project) -> None:
    project.task(config="count = 5")
    project.file.rename(project.folder / "other.hcl")
    assert project.run("run", "orders", "-c", "other.hcl").stdout == FIVE
    assert project.run("--config=other.hcl", "validate").code == EXIT_DONE


def test_the_state_folder_keeps_itself_out_of_version_control(project: Project) -> None:
    project.task(config="count = 1")
    project.run("run", "orders", "-q")
    folder = project.folder / ".dstream"
    assert (folder / ".gitignore").read_text() == "*\n"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_check_and_discover_show_what_providers_answer(project: Project) -> None:
    own = project.folder / "providers"
    own.mkdir()
    (own / "answers.py").write_bytes((PROVIDERS / "answers.py").read_bytes())
    (own / "answers.py").chmod(0o755)
    (own / "provider.json").write_text(
        '{"name":"answers","role":"input","protocol":1,"commands":["run","check","discover"]}'
    )
    project.task("good", source=f"{own}/answers.py")
    project.task("bad", source=f"{own}/answers.py", config="wrong = true")

    good = project.run("check", "good")
    assert good.code == EXIT_DONE
    assert "input answers: 2 checks passed" in good.stdout
    bad = project.run("check", "bad")
    assert bad.code == 1
    assert "1 of 2 checks failed" in bad.stdout
    assert "GRANT IT TO me" in bad.stdout
    assert project.run("check", "bad", "--json").events[-2]["reply"]["status"] == "Failed"
    assert project.run("discover", "good").stdout == "dbo.Orders\n  id int key\n"


def test_a_link_to_a_provider_is_that_provider_unless_something_else_is_said_beside_it(project: Project) -> None:
    own = project.folder / "providers"
    own.mkdir()
    (own / "answers.py").write_bytes((PROVIDERS / "answers.py").read_bytes())
    (own / "answers.py").chmod(0o755)
    (own / "provider.json").write_text('{"name":"answers","role":"input","protocol":1,"commands":["run","discover"]}')
    (project.folder / "link").symlink_to(own / "answers.py")
    project.task(source="./link")
    assert "dbo.Orders" in project.run("discover", "orders").stdout

    (project.folder / "provider.json").write_text('{"name":"other","role":"output","protocol":1}')
    assert "`other` is an output" in project.run("discover", "orders").stderr


@pytest.mark.parametrize("verb", ["run", "check"])
def test_a_config_that_the_provider_will_refuse_starts_nothing(project: Project, verb: str) -> None:
    own = project.folder / "providers"
    own.mkdir()
    (own / "answers.py").write_bytes((PROVIDERS / "answers.py").read_bytes())
    (own / "answers.py").chmod(0o755)
    schema = {"properties": {"wrong": {"type": "boolean"}}, "additionalProperties": False}
    known = {"name": "answers", "role": "input", "protocol": 1, "commands": ["check"]}
    (own / "provider.json").write_text(json.dumps({**known, "config_schema": schema}))
    project.task(source=f"{own}/answers.py", config='\nwrong = "yes"\nrong = true\n')

    done = project.run(verb, "orders", "--json")
    assert done.code == EXIT_CONFIG
    assert not [event for event in done.events if event.get("phase") == "starting"]
    error = done.events[-1]
    assert (error["code"], error["where"]["line"]) == ("config.value", 7)
    assert "`dstream validate` shows this and 1 more" in error["hint"]


def test_an_output_is_told_what_tells_the_inputs_changes_apart(project: Project) -> None:
    own = project.folder / "own"
    own.mkdir()
    (own / "numbers.py").symlink_to(PROVIDERS / "numbers.py")
    known = {"name": "numbers", "role": "input", "protocol": 1, "position_keys": ["seq"]}
    (own / "provider.json").write_text(json.dumps(known))
    told = project.folder / "told"
    steps = [
        ["say", '{"status":"ready","protocol":1,"capabilities":["ack"]}'],
        ["note", str(told)],
        ["read", 3],
        ["say", '{"ack":{"id":1,"records":1}}', '{"end":{"records":1}}'],
    ]
    project.write(
        f'task "orders" {{\n  input {{\n    provider_path = "{own}/numbers.py"\n    config = {{ count = 1 }}\n  }}\n'
        f'  output {{\n    provider_path = "{PROVIDERS.parent}/puppet.py"\n    protocol = 1\n'
        f"    config = {json.dumps({'steps': steps})}\n  }}\n}}\n"
    )
    done = project.run("run", "orders")
    assert done.code == EXIT_DONE, done.stderr
    options = json.loads(told.read_text())["options"]
    assert len(options.pop("project")) == 16
    assert options == {"position_keys": ["seq"]}
