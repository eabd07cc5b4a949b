"""The container that a launch asks for."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.errors import ConfigError
from orchestrator.runtime.base import ImageProgram, Launch, Mount, Scope
from orchestrator.runtime.sandbox import CA_BUNDLE, NOBODY, Limits, container, effective_user, name

SCOPE = Scope("project", "orders", "run-1")
PROGRAM = ImageProgram("example/counter:v1", "sha256:abc")


def body(**options: Any) -> dict[str, Any]:
    uid = options.pop("uid", None)
    proxies = options.pop("proxies", {})
    launch = Launch("input", PROGRAM, **options)
    return container(
        launch, SCOPE, image="sha256:abc", user="65532:65532", uid=uid, proxies=proxies, limits=Limits(memory=1 << 28)
    )


def test_the_least_privilege_is_what_nobody_has_to_ask_for() -> None:
    made = body()
    host = made["HostConfig"]
    assert made["Image"] == "sha256:abc"
    assert (made["OpenStdin"], made["StdinOnce"], made["Tty"]) == (True, True, False)
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["LogConfig"] == {"Type": "none", "Config": {}}
    assert (host["Init"], host["AutoRemove"], host["PidsLimit"]) == (True, False, 512)
    assert host["Memory"] == host["MemorySwap"] == 1 << 28
    assert host["Tmpfs"] == {"/tmp": "rw,nosuid,nodev,mode=1777,noexec,size=67108864"}
    assert host["ExtraHosts"] == ["host.docker.internal:host-gateway"]
    assert made["Env"] == ["HOME=/tmp"]
    assert made["Labels"] == {
        "io.dstream.project": "project",
        "io.dstream.task": "orders",
        "io.dstream.run": "run-1",
        "io.dstream.role": "input",
    }


@pytest.mark.parametrize(
    ("wanted", "own", "effective"),
    [
        (None, "", NOBODY),
        (None, "root", NOBODY),
        (None, "0:0", NOBODY),
        (None, "000", NOBODY),
        (None, "root:staff", NOBODY),
        (None, "app", "app"),
        (None, "1000:0", "1000:0"),
        ("0", "app", "0"),
        ("1000:1000", "", "1000:1000"),
    ],
)
def test_root_is_only_who_is_asked_for(wanted: str | None, own: str, effective: str) -> None:
    assert effective_user(wanted, own) == effective


def test_what_hcl_says_wins_over_proxies_and_defaults() -> None:
    made = body(proxies={"HTTP_PROXY": "http://a", "NO_PROXY": "x"}, env={"HTTP_PROXY": "http://b", "HOME": "/data"})
    assert made["Env"] == ["HOME=/data", "HTTP_PROXY=http://b", "NO_PROXY=x"]


def test_a_ca_bundle_is_mounted_and_named_to_every_library() -> None:
    made = body(ca_bundle="/etc/ssl/own.pem", env={"CURL_CA_BUNDLE": "/mine"})
    (mount,) = made["HostConfig"]["Mounts"]
    assert mount == {"Type": "bind", "Source": "/etc/ssl/own.pem", "Target": CA_BUNDLE, "ReadOnly": True}
    assert {f"SSL_CERT_FILE={CA_BUNDLE}", f"NODE_EXTRA_CA_CERTS={CA_BUNDLE}", "CURL_CA_BUNDLE=/mine"} <= set(
        made["Env"]
    )


def test_writable_paths_are_the_users_own_and_give_way_to_mounts() -> None:
    made = body(
        writable=["/state", "/cache/"], mounts=[Mount("cache", "/cache", False), Mount("scratch", "/tmp")], uid=7
    )
    assert made["HostConfig"]["Tmpfs"] == {"/state": "rw,nosuid,nodev,mode=1777,uid=7,exec"}


def test_a_name_is_a_volume_a_path_is_the_hosts_and_anything_else_is_refused() -> None:
    mounts = body(mounts=[Mount("data", "/data", False), Mount("/srv/in", "/in")])["HostConfig"]["Mounts"]
    assert [(mount["Type"], mount["ReadOnly"]) for mount in mounts] == [("volume", False), ("bind", True)]
    with pytest.raises(ConfigError) as caught:
        body(mounts=[Mount("./in", "/in")])
    assert caught.value.code == "mount.relative"


@pytest.mark.parametrize(
    ("network", "hosts"),
    [
        ("backend", ["host.docker.internal:host-gateway"]),
        ("host", ["host.docker.internal:127.0.0.1"]),
        ("none", []),
        ("container:abc", []),
    ],
)
def test_the_host_has_its_name_in_every_network_that_reaches_it(network: str, hosts: list[str]) -> None:
    host = body(network=network)["HostConfig"]
    assert (host["NetworkMode"], host["ExtraHosts"]) == (network, hosts)


def test_a_container_is_named_for_people_in_letters_that_engines_take() -> None:
    assert name(Scope("p", "orders → lake", "r"), "output").startswith("dstream-orders---lake-output-")
