"""Values from `env()`, `file()` and sensitive variables are known as secrets wherever they end up."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import ConfigError

from .conftest import TASK, Fails, Load, LoadTask

SECRET = "hunter2-hunter2"

DERIVED = {
    'env("S")': {SECRET},
    r'"{{ env \"S\" }}"': {SECRET},
    '"{{ env "S" }}"': {SECRET},
    'file("secret.txt")': {SECRET},
    '"pwd=${env("S")};"': {SECRET, f"pwd={SECRET};"},
    "local.s": {SECRET},
    '"a-${local.s}"': {SECRET, f"a-{SECRET}"},
    "var.s": {SECRET},
    'upper(env("S"))': {SECRET, SECRET.upper()},
    'base64encode(env("S"))': {SECRET, "aHVudGVyMi1odW50ZXIy"},
    'jsonencode({ a = [env("S")] })': {SECRET, f'{{"a":["{SECRET}"]}}'},
    'split("-", env("S"))': {SECRET, "hunter2"},
    'merge({ a = env("S") }, {}).a': {SECRET},
    '[for x in [env("S")] : "${x}!"]': {SECRET, SECRET + "!"},
    '{ (env("S")) = 1 }': {SECRET},
    'true ? env("S") : ""': {SECRET},
    'coalesce(null, env("S"))': {SECRET},
    'format("%s", env("S"))': {SECRET},
    '<<EOT\n${env("S")}\nEOT\n': {SECRET, SECRET + "\n"},
    'jsondecode(env("J")).password': {'{"password": "inner", "port": 1}', "inner"},
    "var.m.password": {"in a map"},
    '"plain"': set(),
    'env("UNSET", "default")': set(),
    'env("S") == "x"': set(),
    'length(env("S"))': set(),
    'env("EMPTY")': set(),
}

BEFORE = """
locals {
  s = env("S")
}
variable "s" {
  type      = string
  sensitive = true
}
variable "m" {
  type      = map(string)
  default   = { password = "in a map" }
  sensitive = true
}
"""


@pytest.mark.parametrize(("expression", "secrets"), DERIVED.items(), ids=DERIVED)
def test_secret_is_known_with_what_was_made_of_it(
    load_task: LoadTask, tmp_path: Path, expression: str, secrets: set[str]
) -> None:
    (tmp_path / "secret.txt").write_text(SECRET)
    environ = {"S": SECRET, "EMPTY": "", "J": '{"password": "inner", "port": 1}'}
    spec = load_task(BEFORE + TASK.format(config=f"{{ x = {expression}\n}}"), environ, variables={"s": SECRET}).input
    assert spec.secrets == secrets
    assert all(type(secret) is str for secret in spec.secrets)


def test_secrets_of_one_provider_are_not_those_of_the_other(load_task: LoadTask) -> None:
    task = load_task(TASK.format(config='{ x = env("S") }'), {"S": SECRET})
    assert task.input.secrets == {SECRET}
    assert task.output.secrets == frozenset()


def test_config_holds_ordinary_texts(load_task: LoadTask) -> None:
    config = load_task(TASK.format(config='{ x = [env("S")] }'), {"S": SECRET}).input.config
    assert config == {"x": [SECRET]}
    assert isinstance(config["x"], list)
    assert type(config["x"][0]) is str


def test_no_representation_of_a_task_shows_a_secret(load_task: LoadTask) -> None:
    assert SECRET not in repr(load_task(TASK.format(config='{ x = env("S") }'), {"S": SECRET}))


@pytest.mark.parametrize("value", ['env("S")', '"a${env("S")}"', 'upper(file("secret.txt"))', "var.s"])
def test_secret_in_a_providers_environment_is_refused(fails: Fails, tmp_path: Path, value: str) -> None:
    (tmp_path / "secret.txt").write_text(SECRET)
    text = BEFORE + TASK.replace("config =", "env =").format(config=f"{{\n      TOKEN = {value}\n    }}")
    error = fails("config.secret_in_env", text, {"S": SECRET}, variables={"s": SECRET})
    assert "`TOKEN`" in error.message
    assert "`config`" in (error.hint or "")
    assert error.where.text is not None
    assert error.where.text.strip().startswith("TOKEN")


WRONG_USES = [
    '{ x = env("S") + 1 }',
    '{ x = env("S") ? 1 : 2 }',
    '{ x = [][env("S")] }',
    '{ x = { a = 1 }[env("S")] }',
    '{ x = { (env("S")) = 1 }.a }',
    '{ (env("S")) = 1, (env("S")) = 2 }',
    '{ x = jsondecode(env("S")) }',
    '{ x = base64decode(env("S")) }',
    '{ x = format(env("S"), 1) }',
    'env("S")',
]


@pytest.mark.parametrize("config", WRONG_USES)
def test_no_error_shows_a_secret(load: Load, config: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(TASK.format(config=config), {"S": SECRET}).task("t")
    shown = f"{caught.value.message} {caught.value.hint} {caught.value.where}"
    assert SECRET not in shown


@pytest.mark.parametrize(
    "attribute",
    ["memory", "cpus", "ready_timeout", "pull", "protocol", "mounts", "restart.policy", "delivery.max_in_flight"],
)
def test_no_error_of_an_attribute_shows_a_secret(load: Load, attribute: str) -> None:
    block, _, name = attribute.rpartition(".")
    line = f'{name} = env("S")'
    text = TASK.replace("config = {config}", line if not block else "")
    if block:
        text = text.replace("  output", f"  {block} {{{{\n    {line}\n  }}}}\n  output", 1)
    with pytest.raises(ConfigError) as caught:
        load(text.format(), {"S": SECRET}).task("t")
    assert SECRET not in f"{caught.value.message} {caught.value.hint} {caught.value.where}"
