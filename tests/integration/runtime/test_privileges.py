"""What a provider finds inside its container, and how little it may do there."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from orchestrator.runtime.base import Exit, Mount
from tests.integration.runtime.conftest import import_image, remove_image
from tests.streams import read_all, read_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from docker import APIClient

    from orchestrator.runtime.base import ImageProgram, Scope
    from orchestrator.runtime.container import RunningContainer

    Start = Callable[..., RunningContainer]

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def for_app(engine: str) -> Iterator[ImageProgram]:
    """An image that names a user of its own."""
    program = import_image(engine, "USER app")
    yield program
    remove_image(engine, program)


@pytest.fixture
def volume(api: APIClient) -> Iterator[str]:
    name = f"dstream-test-{uuid.uuid4().hex}"
    yield name
    api.remove_volume(name, force=True)


def output(running: RunningContainer) -> str:
    return read_all(running.stdout).decode()


def test_it_is_nobody_with_no_capabilities_and_can_get_none(start: Start) -> None:
    found = output(start("id -u; id -g; grep -E '^(Cap|NoNewPrivs)' /proc/self/status"))
    assert found.split()[:2] == ["65532", "65532"]
    assert set(found.split()[2:]) == {
        *("CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:", "0000000000000000"),
        *("NoNewPrivs:", "1"),
    }


def test_it_writes_to_tmp_and_nowhere_else(start: Start) -> None:
    running = start("cd; pwd; touch here; touch /there || touch /etc/there || touch /bin/there || echo refused")
    assert output(running) == "/tmp\nrefused\n"
    assert read_all(running.stderr).count(b"Read-only file system") == 3


def test_tmp_has_a_size_and_counts_as_memory(start: Start) -> None:
    full = start("head -c 100000000 /dev/zero >/tmp/file; echo $?", memory=256 << 20)
    assert output(full) == "1\n"
    assert b"No space left" in read_all(full.stderr)
    starved = start("head -c 60000000 /dev/zero >/tmp/file; echo done", memory=24 << 20)
    assert "done" not in output(starved) or starved.wait(60) != Exit(0) or read_all(starved.stderr) != b""


def test_a_path_that_the_description_asks_for_is_writable_and_may_hold_programs(
    start: Start, for_app: ImageProgram
) -> None:
    line = "head -c 80000000 /dev/zero >/etc/state/file && cat /bin/id >/etc/state/id && stat -c %U /etc/state"
    for options in ({}, {"program": for_app}, {"user": "1000"}):
        running = start(line, writable=["/etc/state"], memory=256 << 20, **options)
        assert output(running).strip() in ("UNKNOWN", "app")
        assert running.wait(60) == Exit(0)


def test_the_images_own_user_is_kept_and_hcl_decides_over_it(start: Start, for_app: ImageProgram) -> None:
    assert output(start("id -un; touch /tmp/x || echo tmp is not mine", program=for_app)).startswith("app\n")
    assert output(start("id -u; id -g", program=for_app, user="1000:1001")).split() == ["1000", "1001"]
    assert output(start("id -u; touch /tmp/x && echo ok", user="0")).split() == ["0", "ok"]


def test_nothing_of_the_data_path_is_logged(start: Start, api: APIClient) -> None:
    running = start("echo data; read line")
    assert read_line(running.stdout) == b"data"
    made = api.inspect_container(running.identity)
    assert made["HostConfig"]["LogConfig"]["Type"] == "none"
    assert made["LogPath"] == ""


def test_it_is_labelled_named_and_pinned(start: Start, api: APIClient, scope: Scope, tools: ImageProgram) -> None:
    made = api.inspect_container(start("read line").identity)
    assert (
        made["Config"]["Labels"].items()
        >= {
            "io.dstream.project": scope.project,
            "io.dstream.task": "orders",
            "io.dstream.run": "run-1",
            "io.dstream.role": "input",
        }.items()
    )
    assert made["Name"].startswith("/dstream-orders-input-")
    assert made["Image"] == made["Config"]["Image"] == tools.image_id
    assert made["HostConfig"]["PidsLimit"] == 512


@pytest.mark.parametrize("user", [None, "1000:1000", "app"])
def test_a_new_volume_belongs_to_the_provider(volume: str, start: Start, user: str | None) -> None:
    mount = Mount(volume, "/var/lib/provider/state", read_only=False)
    running = start("touch /var/lib/provider/state/file && echo ok", mounts=[mount], user=user)
    assert output(running) == "ok\n"
    again = start("ls /var/lib/provider/state", mounts=[mount], user=user)
    assert output(again) == "file\n"


def test_a_volume_of_somebody_else_is_left_to_them(volume: str, start: Start) -> None:
    mount = Mount(volume, "/state", read_only=False)
    assert output(start("touch /state/file && echo ok", mounts=[mount], user="1000")) == "ok\n"
    assert output(start("stat -c %u /state; touch /state/other || echo refused", mounts=[mount])) == "1000\nrefused\n"


def test_a_mounted_folder_is_read_only_unless_asked_otherwise(start: Start, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    line = "cat /in/file; touch /in/new || echo refused"
    assert output(start(line, mounts=[Mount(str(tmp_path), "/in")], user="0")) == "contentrefused\n"
    assert output(start(line, mounts=[Mount(str(tmp_path), "/in", read_only=False)], user="0")) == "content"
    assert (tmp_path / "new").exists()


def test_the_ca_bundle_is_there_and_named(start: Start, tmp_path: Path) -> None:
    bundle = tmp_path / "own.pem"
    bundle.write_text("certificates\n")
    running = start("cat $SSL_CERT_FILE; test $SSL_CERT_FILE = $REQUESTS_CA_BUNDLE && echo same", ca_bundle=str(bundle))
    assert output(running) == "certificates\nsame\n"


def test_proxy_settings_are_handed_on(start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("http_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    assert "HTTP_PROXY=http://proxy.example:3128" in output(start("env"))
    (tmp_path / "config.json").write_text('{"proxies": {"default": {"httpProxy": "http://configured.example:1"}}}')
    found = output(start("env"))
    assert "HTTP_PROXY=http://configured.example:1" in found
    assert "proxy.example" not in found


def test_networks_are_the_default_the_hosts_or_a_named_one(start: Start, api: APIClient) -> None:
    assert "host.docker.internal" in output(start("cat /etc/hosts"))
    host = output(start("cat /etc/hosts; ls /proc/self/ns -l", network="host"))
    assert "127.0.0.1\thost.docker.internal" in host
    name = f"dstream-test-{uuid.uuid4().hex[:8]}"
    api.create_network(name)
    try:
        running = start("read line", network=name)
        assert list(api.inspect_container(running.identity)["NetworkSettings"]["Networks"]) == [name]
        running.dispose(30)
    finally:
        api.remove_network(name)
