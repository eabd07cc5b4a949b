"""No secret is left anywhere: one test that looks at everything which a run makes, says and starts."""

from __future__ import annotations

import base64
import json
import re
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from orchestrator.errors import EXIT_DONE, EXIT_FAILED
from tests.cli.conftest import PROVIDERS, Project
from tests.integration.runtime.conftest import import_image, remove_image
from tests.streams import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import APIClient

    from orchestrator.runtime.base import ImageProgram

pytestmark = pytest.mark.engine

MARK = "SECRETS_TEST"
PASSWORD = "Tr0ub4dor&3/x"
SECRETS = {
    "env": 'e/nv "Kéy"&7+q\\',
    "file": "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\nEFAASCBKcwggSjAgEAAoIB\n-----END KEY-----",
    "variable": "v4riable-t0ken",
    "schema": "wr1te0nly<&>s3cret",
    "connection": f"Server=tcp:sql.test,1433;User Id=cdc;Password={PASSWORD};Encrypt=yes",
}
NEEDLES = [*SECRETS.values(), *SECRETS["file"].split("\n")[1:-1], PASSWORD]

BOXED = r"""
read -r envelope
echo '{"status":"ready","protocol":1,"capabilities":["ack"]}'
echo "$envelope" >&2
echo "my config is $envelope" >&2
echo "$envelope"
while read -r line; do
  case $line in
    '{"checkpoint":'*) mark=${line#*\{*\{}; echo "{\"ack\":{${mark%%,\"state*}}}" ;;
    '{"end":'*) echo "${line%\}\}},\"rejected\":0}}"; exit ;;
  esac
done
"""


def spelled(secret: str) -> list[bytes]:
    """How it would be seen."""
    data = secret.encode()
    forms = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    forms |= {
        urllib.parse.quote(secret, safe=""),
        urllib.parse.quote_plus(secret),
        base64.b64encode(data).decode()[:-4],
    }
    return [form.encode() for form in forms]


def secrets_in(content: bytes) -> list[str]:
    return [needle for needle in NEEDLES if any(form in content for form in spelled(needle))]


def told(*content: str | bytes) -> None:
    """See that it tells nothing."""
    for one in content:
        data = one if isinstance(one, bytes) else one.encode()
        assert not secrets_in(data), data[:10_000]


class Shop(Project):
    """Leaky providers, configured with one secret of each kind."""

    def __init__(self, folder: Path, cache: Path, host: str, boxed: ImageProgram) -> None:
        super().__init__(folder, cache)
        self.environ |= {"DOCKER_HOST": host, MARK: str(folder), "SHOP_KEY": SECRETS["env"]}
        (folder / "key.pem").write_text(SECRETS["file"])
        self.programs = {role: self._program(role) for role in ("input", "output")}
        self.go = folder / "go"
        image = f'provider_image = "{boxed.reference}"\n    pull = "never"\n    protocol = 1'
        self.write(
            'variable "token" {\n  type = string\n  sensitive = true\n}\n'
            + self._task("orders", f'provider_path = "{self.programs["output"]}"')
            + self._task("boxed", image)
            + self._task("refused", f'provider_path = "{self.programs["output"]}"', "refuse = true")
        )

    def _program(self, role: str) -> Path:
        """The leaky provider, with a description that marks a value of its config as secret."""
        schema = {"type": "object", "properties": {"hidden": {"type": "array", "writeOnly": True}}}
        own = self.folder / role
        own.mkdir()
        (own / "provider.json").write_text(
            json.dumps({"name": f"leaky-{role}", "role": role, "version": "1", "protocol": 1, "config_schema": schema})
        )
        program = own / "leaky.py"
        program.write_bytes((PROVIDERS / "leaky.py").read_bytes())
        program.chmod(0o755)
        return program

    def _task(self, name: str, output: str, more: str = "") -> str:
        hidden = json.dumps([SECRETS["schema"], SECRETS["connection"]])
        config = (
            f'config {{\n      secrets = concat([env("SHOP_KEY"), file("key.pem"), var.token], {hidden})\n'
            f'      hidden = {hidden}\n      go = "{self.go}"\n      {more}\n    }}'
        )
        source = f'provider_path = "{self.programs["input"]}"'
        ends = f"  input {{\n    {source}\n    {config}\n  }}\n  output {{\n    {output}\n    {config}\n  }}\n"
        return f'task "{name}" {{\n{ends}}}\n'

    @property
    def token(self) -> str:
        return f"token={SECRETS['variable']}"

    def children(self) -> Iterator[Path]:
        """Every process that the commands under test have started and that lives."""
        mark = f"{MARK}={self.folder}".encode()
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    yield folder
            except OSError:  # it has just ended, or is none of ours
                continue


@pytest.fixture
def shop(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[Shop]:
    boxed = import_image(engine, f"ENTRYPOINT {json.dumps(['/bin/sh', '-c', BOXED])}")
    shop = Shop(tmp_path, tmp_path_factory.mktemp("cache"), engine, boxed)
    yield shop
    shop.go.touch()
    until(lambda: not list(shop.children()), "every process of it gone")
    remove_image(engine, boxed)


def test_no_secret_is_left_anywhere(shop: Shop, api: APIClient) -> None:
    record = shop.folder / "record"
    options = ("--detach", "--metrics", "0", "--var", shop.token)
    started = [shop.execute("run", "orders", *options, "--record", str(record)), shop.execute("run", "boxed", *options)]
    assert [done.code for done in started] == [EXIT_DONE] * 2, started

    # While they run: processes, containers, figures, and what every verb says.
    for process in shop.children():
        told((process / "cmdline").read_bytes())
        # Who is started as a process has the environment of its user, `SHOP_KEY` as well; nothing is added to that.
        inherited = [
            entry for entry in (process / "environ").read_bytes().split(b"\0") if not entry.startswith(b"SHOP_KEY=")
        ]
        told(b"\0".join(inherited))
    state = shop.folder / ".dstream"
    boxes = api.containers(filters={"label": ["io.dstream.task=boxed"]})
    assert boxes, shop.run("logs", "boxed", "--level", "error").stdout
    told(*(json.dumps(api.inspect_container(one["Id"]), ensure_ascii=False) for one in boxes))
    until(
        lambda: shop.run("status", "orders", "--no-infra", "--json", "--var", shop.token).events[0]["run"][
            "dead_letters"
        ],
        "the dead letter",
    )
    for verb in (
        ("ps",),
        *(("status", name, "--detailed", "--var", shop.token) for name in ("orders", "boxed")),
        ("dead-letters", "list", "orders"),
        ("dead-letters", "show", "orders", "1"),
        ("state", "show", "orders", "--var", shop.token),
        ("logs",),
    ):
        for more in ([], ["--json"]):
            done = shop.run(*verb, *more)
            told(done.stdout, done.stderr)
            assert "internal" not in done.stderr
    addresses = [address for done in started for address in re.findall(r"http://[0-9.:]+", done.stderr + done.stdout)]
    assert addresses
    for address in addresses:
        told(*(urlopen(f"{address}/{path}", timeout=30).read() for path in ("metrics", "health")))

    # After a good end and a bad one: errors, and every file.
    shop.go.touch()
    until(lambda: all(ended in told_of(shop) for ended in ("orders", "boxed")), "both ended")
    failed = shop.execute("run", "refused", "--json", "--debug", "--var", shop.token)
    assert failed.code == EXIT_FAILED
    assert "provider.refused" in failed.stderr
    told(*(text for done in (*started, failed) for text in (done.stdout, done.stderr)))
    for file in [*state.rglob("*"), *record.rglob("*")]:
        if file.is_file():
            assert not secrets_in(file.read_bytes()), file

    # And all this was there to be told: it is the secrets that are missing.
    everything = shop.run("logs", "--json").stdout
    assert everything.count("[secret]") > 50
    assert "Login failed for '[secret]'" in everything
    assert '"User Id":"cdc"' in everything


def told_of(shop: Shop) -> set[str]:
    """The tasks whose runs have ended."""
    events = shop.run("logs", "--provider", "relay", "--json").events
    return {event["task"] for event in events if event["fields"].get("outcome") == "ended"}
