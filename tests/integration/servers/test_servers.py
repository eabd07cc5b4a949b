"""The servers that other tests build on: that they serve, live side by side, and leave nothing behind."""

from __future__ import annotations

import json
import ssl
import subprocess
import urllib.error
import urllib.request
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.servers.engine import PrivateEngine
from tests.servers.registry import Registry

if TYPE_CHECKING:
    from tests.servers.images import Images

# The first one builds the images, where no earlier run has left them.
pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


def docker(host: str, *arguments: str) -> str:
    done = subprocess.run(
        ["docker", "--host", host, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def bridges_of(engine: PrivateEngine) -> set[str]:
    """The network interfaces that containers of this engine hang on."""
    networks = docker(engine.host, "network", "ls", "--quiet", "--filter", "driver=bridge").split()
    described = json.loads(docker(engine.host, "network", "inspect", *networks))
    return {
        network["Options"].get("com.docker.network.bridge.name", f"br-{network['Id'][:12]}") for network in described
    }


def remains_of(engine: PrivateEngine) -> list[str]:
    """Mounts, control groups, network interfaces and processes that still bear the engine's name."""
    folder = engine.host.removeprefix("unix://").removesuffix("/engine.sock")
    mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if folder in line]
    groups = [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/{Path(folder).name}*")]
    processes = subprocess.run(["pgrep", "-af", "--", f"{folder}/"], capture_output=True, text=True, check=False).stdout
    return [*mounts, *groups, *processes.splitlines(), *([folder] if Path(folder).exists() else [])]


def interfaces() -> set[str]:
    return {path.name for path in Path("/sys/class/net").iterdir()}


def test_images_are_small_run_as_nobody_and_carry_their_description(engine: str, images: Images) -> None:
    for reference, role in ((images.counter, "input"), (images.console, "output")):
        docker(engine, "pull", "--quiet", reference)
        (image,) = json.loads(docker(engine, "image", "inspect", reference))
        description = json.loads(image["Config"]["Labels"]["io.dstream.provider"])
        assert description["role"] == role
        assert description["version"] == reference.rpartition(":v")[2]
        assert image["Config"]["User"] == "65532:65532"
        assert image["Config"]["Entrypoint"][:2] == ["python", "-m"]


def test_an_image_fits_in_ninety_megabytes_compressed(images: Images) -> None:
    for reference in (images.counter, images.console):
        address, _, rest = reference.partition("/")
        name, _, tag = rest.partition(":")
        request = urllib.request.Request(
            f"http://{address}/v2/{name}/manifests/{tag}",
            headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert sum(layer["size"] for layer in json.load(answer)["layers"]) < 90_000_000


def test_engines_live_side_by_side_and_leave_nothing(images: Images) -> None:
    with PrivateEngine("one") as one, PrivateEngine("two") as two:
        assert one.host != two.host
        docker(one.host, "pull", "--quiet", images.counter)
        docker(one.host, "network", "create", "own-network")
        # Waits for its first line, and would for ever.
        docker(one.host, "run", "--detach", "--interactive", "--init", "--network", "own-network", images.counter)
        assert docker(one.host, "ps", "--quiet") != ""
        assert docker(two.host, "ps", "--quiet") == ""
        bridges, others = bridges_of(one), bridges_of(two)
        assert len(bridges) == 2
        assert not bridges & others
    assert remains_of(one) == []
    assert not bridges & interfaces()


def test_a_killed_engine_is_revived_with_its_data_and_stopped_with_its_containers(images: Images) -> None:
    with PrivateEngine("killed", live_restore=True) as engine:
        docker(engine.host, "pull", "--quiet", images.counter)
        container = docker(engine.host, "run", "--detach", "--interactive", "--init", images.counter)
        engine.kill()
        engine.start()
        assert docker(engine.host, "ps", "--quiet", "--no-trunc") == container
        bridges = bridges_of(engine)
        engine.kill()
    assert remains_of(engine) == []
    assert not bridges & interfaces()


def test_a_registry_with_a_login_and_tls_refuses_strangers(tmp_path: Path) -> None:
    with Registry(tmp_path, "guarded", login="dstream:a:pass word", tls=True) as registry:
        url = f"https://{registry.address}/v2/"
        trust = ssl.create_default_context(cafile=registry.ca)
        with pytest.raises(urllib.error.HTTPError, match="401") as refused:
            urllib.request.urlopen(url, context=trust, timeout=10)
        refused.value.close()
        login = {"Authorization": "Basic " + b64encode(b"dstream:a:pass word").decode()}
        with urllib.request.urlopen(urllib.request.Request(url, headers=login), context=trust, timeout=10) as answer:
            assert answer.status == 200
    assert not Path(registry.ca or "/nowhere").exists()
