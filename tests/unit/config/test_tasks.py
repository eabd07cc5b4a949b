"""Tasks, providers and everything that can be said of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.config.model import DeadLetter, Delivery, Mount, Restart
from orchestrator.errors import ConfigError

from .conftest import TASK, Fails, Load, LoadTask

WHOLE = """
task "orders" {
  type = "providers"

  input {
    provider_image = "ghcr.io/katasec/mssql-cdc-provider:v2.1.0"
    env            = { TZ = "UTC", WORKERS = 4, VERBOSE = true }
    network        = "host"
    memory         = "512MiB"
    cpus           = 1.5
    mounts         = ["./data:/data", "cache:/cache:rw", { source = "/etc/ssl", target = "/ssl", read_only = true }]
    user           = "1000:1000"
    pull           = "always"
    platform       = "linux/arm64"
    ready_timeout  = "1m30s"
    protocol       = 1
    ca_bundle      = "ca.pem"

    config {
      table "Orders" {
        poll = 5
      }
      sink {
        a = 1
      }
      sink {
        a = 2
      }
    }
  }

  output {
    provider_path = "./sink"
    env {
      A = "b"
    }
  }

  restart {
    policy      = "always"
    max_retries = 3
    backoff     = "500ms"
    max_backoff = 10
    reset_after = "1h"
  }

  delivery {
    max_in_flight = 5000
    ack_timeout   = "2m"
  }

  dead_letter {
    path = "rejected.ndjson"
    max  = 100
  }
}
"""


def test_everything_that_can_be_said(load_task: LoadTask, tmp_path: Path) -> None:
    task = load_task(WHOLE)
    source = task.input
    assert source.env == {"TZ": "UTC", "WORKERS": "4", "VERBOSE": "true"}
    assert (source.network, source.memory, source.cpus, source.user) == ("host", 512 << 20, 1.5, "1000:1000")
    assert source.mounts == (
        Mount(str(tmp_path / "data"), "/data"),
        Mount("cache", "/cache", read_only=False),
        Mount("/etc/ssl", "/ssl"),
    )
    assert (source.pull, source.platform, source.ready_timeout, source.protocol) == ("always", "linux/arm64", 90.0, 1)
    assert source.ca_bundle == str(tmp_path / "ca.pem")
    assert source.config == {"table": {"Orders": {"poll": 5}}, "sink": [{"a": 1}, {"a": 2}]}
    assert task.output.reference == str(tmp_path / "sink")
    assert task.output.env == {"A": "b"}
    assert task.restart == Restart("always", 3, 0.5, 10.0, 3600.0)
    assert task.delivery == Delivery(5000, 120.0)
    assert task.dead_letter == DeadLetter(path=str(tmp_path / "rejected.ndjson"), max=100)


def test_every_key_of_config_has_its_place(load_task: LoadTask) -> None:
    where = load_task(WHOLE).input.config_where
    assert (where[()].line, where[()].column) == (19, 5)
    assert where["table", "Orders", "poll"].text == "        poll = 5"
    assert (where["sink", 1, "a"].line, where["sink", 1, "a"].column) == (27, 9)


def test_keys_inside_an_attribute_have_their_places(load_task: LoadTask) -> None:
    where = load_task(TASK.format(config='{ a = [{ b = "c" }], "d" = 1 }')).input.config_where
    assert where["a", 0, "b"].column == 23
    assert where["d",].column == 35


def test_what_is_not_said_is_left_to_others(load_task: LoadTask) -> None:
    task = load_task(TASK.format(config="null"))
    assert task.restart == Restart(policy="no")
    assert task.delivery == Delivery(100_000, None)
    assert task.dead_letter is None
    assert (task.input.pull, task.input.memory, task.input.ready_timeout, task.input.protocol) == (None,) * 4
    assert task.input.config == {}


def test_restart_block_alone_means_on_failure(load_task: LoadTask) -> None:
    task = load_task(TASK.replace("output", "restart {{\n}}\noutput").format(config="{}"))
    assert task.restart.policy == "on-failure"


def test_dead_letters_can_have_a_provider_of_their_own(load_task: LoadTask) -> None:
    dead = 'dead_letter {{\n provider_image = "d:1"\n config {{\n  a = 1\n }}\n}}\noutput'
    task = load_task(TASK.replace("output", dead).format(config="{}"))
    assert task.dead_letter is not None
    assert task.dead_letter.provider is not None
    assert (task.dead_letter.provider.reference, task.dead_letter.provider.config) == ("d:1", {"a": 1})


def provider(lines: str) -> str:
    output = 'output {\n    provider_path = "x"\n  }'
    return f'task "t" {{\n  input {{\n    {lines}\n  }}\n  {output}\n}}\n'


WRONG = {
    'provider_image = "a"\n    provider_path = "b"': (
        "config.both_providers",
        4,
        "`provider_image` and `provider_path`",
    ),
    'provider_image = "a"\n    provider_ref = "b"': ("config.both_providers", 4, "`provider_image` and `provider_ref`"),
    "config {\n}": ("config.no_provider", 2, "names no provider"),
    "provider_image = null": ("config.no_provider", 2, "names no provider"),
    'provider_image = ""': ("config.type", 3, "is empty"),
    'provider_image = " a"': ("config.type", 3, "blanks"),
    "provider_image = [1]": ("config.type", 3, "not a list"),
    'provider_imag = "a"': ("config.unknown_attribute", 3, "has no attribute `provider_imag`"),
    "confg {\n}": ("config.unknown_block", 3, "has no block `confg`"),
    'memory "x" {\n}': ("config.unknown_block", 3, "has no block `memory`"),
    'provider_image = "a"\n    provider_image = "b"': ("config.duplicate", 4, "second `provider_image`"),
    "config = {}\n    config {\n}": ("config.duplicate", 4, "second `config`"),
    "config {\n}\n    config {\n}": ("config.duplicate", 5, "second `config`"),
    'config "a" {\n}': ("config.syntax", 3, "takes no name"),
    "config {\n a = 1\n a = 2\n}": ("config.duplicate", 5, "`a` was set before"),
    "config {\n a = 1\n a {\n }\n}": ("config.duplicate", 5, "`a` was set before"),
    "config = [1]": ("config.type", 3, "is an object, not a list"),
    "config { a = 1 b = 2 }": ("config.syntax", 3, "a line of its own"),
    'memory = "lots"': ("config.type", 3, "not a size"),
    "memory = -1": ("config.type", 3, "not a size"),
    "memory = true": ("config.type", 3, "a text or a number"),
    "cpus = 0": ("config.type", 3, "number of cores"),
    'cpus = "some"': ("config.type", 3, "expected a number"),
    'ready_timeout = "5 parsecs"': ("config.type", 3, "not a duration"),
    'pull = "sometimes"': ("config.type", 3, "cannot have this value"),
    "protocol = 1.5": ("config.type", 3, "whole number"),
    "protocol = 0": ("config.type", 3, "whole number"),
    'env = { "A=B" = "c" }': ("config.type", 3, "`A=B`"),
    "env = { A = [1] }": ("config.type", 3, "not a list"),
    'env = { A = "\\u0000" }': ("config.type", 3, "NUL"),
    'mounts = "a:/b"': ("config.type", 3, "is a list"),
    'mounts = ["a"]': ("config.type", 3, "a source and an absolute target"),
    'mounts = ["a:b"]': ("config.type", 3, "absolute target"),
    'mounts = ["a:/b:rx"]': ("config.type", 3, "`:rw`"),
    'mounts = ["a:/b:rw:z"]': ("config.type", 3, "`:rw`"),
    'mounts = [{ source = "a", taget = "/b" }]': ("config.unknown_attribute", 3, "no `taget`"),
    "mounts = [1]": ("config.type", 3, "a text or an object"),
}


@pytest.mark.parametrize(("lines", "expected"), WRONG.items(), ids=WRONG)
def test_wrong_provider(fails: Fails, lines: str, expected: tuple[str, int, str]) -> None:
    code, line, message = expected
    attributes = lines if code in ("config.both_providers", "config.no_provider") else lines + "\n"
    if (
        code in ("config.type", "config.syntax", "config.duplicate", "config.unknown_attribute")
        and "provider_image" not in lines
    ):
        attributes = lines + '\n    provider_image = "a"'
    error = fails(code, provider(attributes))
    assert message in error.message
    assert error.where.line == line


def test_nearest_known_name_is_suggested(fails: Fails) -> None:
    assert fails("config.unknown_attribute", provider('provider_imag = "a"')).hint == "did you mean `provider_image`?"
    assert fails("config.unknown_attribute", provider("Memory = 1")).hint == "did you mean `memory`?"
    assert fails("config.unknown_block", provider("confg {\n}")).hint == "did you mean `config`?"
    assert fails("config.unknown_block", provider("memory {\n}")).hint == "it is an attribute: `memory = …`"
    assert fails("config.unknown_block", 'tsk "a" {\n}\n').hint == "did you mean `task`?"
    assert fails("config.unknown_attribute", 'task "t" {\n input = {}\n}\n').hint == "it is a block: `input { … }`"
    assert "known are" in (fails("config.unknown_attribute", provider("zzz = 1")).hint or "")


WRONG_TASKS = {
    "task {\n}": ("config.syntax", 1, "has no name"),
    'task "" {\n}': ("config.syntax", 1, "has no name"),
    'task "a/b" {\n}': ("config.task_name", 1, "cannot be the name"),
    'task "..": {\n}': ("config.syntax", 1, "unexpected `:`"),
    'task "${x}" {\n}': ("config.syntax", 1, "plain text"),
    'task "t" {\n type = "stream"\n}': ("config.type", 2, "`providers`"),
    'task "t" {\n}\ntask "t" {\n}': ("config.duplicate_task", 3, "the first is on line 1"),
    'task "t" {\n restrt {\n }\n}': ("config.unknown_block", 2, "no block `restrt`"),
    'a = "${': ("config.syntax", 1, "`${` is never closed"),
    "a = 1": ("config.unknown_attribute", 1, "no attribute `a`"),
    "task": ("config.syntax", 1, "neither `name = value` nor"),
    'task "t" {': ("config.syntax", 1, "`{` is never closed"),
    'task "t" {\n}\n}': ("config.syntax", 3, "`}` closes nothing"),
    'task "t" {\n input {\n  provider_image "x"\n }\n}': ("config.syntax", 3, "neither `name = value` nor"),
}


@pytest.mark.parametrize(("text", "expected"), WRONG_TASKS.items(), ids=WRONG_TASKS)
def test_wrong_task(fails: Fails, text: str, expected: tuple[str, int, str]) -> None:
    code, line, message = expected
    error = fails(code, text)
    assert message in error.message
    assert error.where.line == line


WRONG_PARTS = {
    "restart {\n policy = 1\n}": "`policy`",
    'restart {\n backoff = "10s"\n max_backoff = "1s"\n}': "less than `backoff`",
    "restart {\n max_retries = -1\n}": "whole number",
    "delivery {\n max_in_flight = 0\n}": "whole number from 1",
    'delivery {\n ack_timeout = "soon"\n}': "not a duration",
    'dead_letter {\n max = "many"\n}': "expected a number",
}


@pytest.mark.parametrize(("part", "message"), WRONG_PARTS.items(), ids=WRONG_PARTS)
def test_wrong_part_of_a_task(fails: Fails, part: str, message: str) -> None:
    text = provider('provider_image = "a"').replace("output", f"{part}\n  output", 1)
    assert message in fails("config.type", text).message


def test_tasks_are_decoded_when_taken(load: Load) -> None:
    project = load(TASK.format(config='{ x = env("UNSET") }') + TASK.replace('"t"', '"u"').format(config="{}"))
    assert list(project.tasks) == ["t", "u"]
    assert project.task("u").name == "u"
    with pytest.raises(ConfigError, match=r"config\.unset_env"):
        project.task("t")


def test_unknown_task_names_the_nearest(load: Load) -> None:
    with pytest.raises(ConfigError) as caught:
        load(TASK.replace('"t"', '"orders-to-asb"').format(config="{}")).task("order-to-asb")
    assert str(caught.value) == "config.unknown_task: no task `order-to-asb` in dstream.hcl"
    assert caught.value.hint == "did you mean `orders-to-asb`?"
    with pytest.raises(ConfigError) as caught:
        load("").task("t")
    assert caught.value.hint == "the file has no tasks"


def test_everything_that_a_file_has_no_place_for_is_told_at_once(fails: Fails) -> None:
    error = fails("config.unknown_block", 'tusk "a" {}\nretries = 3\ningester {}\n')
    assert [(one.code, one.where.line) for one in error.each()] == [
        ("config.unknown_block", 1),
        ("config.unknown_attribute", 2),
        ("config.removed", 3),
    ]
