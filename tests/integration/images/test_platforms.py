"""Images of several platforms: one index, with what belongs to it, and both of them run."""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.images.conftest import CONSOLE, COUNTER

if TYPE_CHECKING:
    from tests.integration.images.pushed import PushedImage

# Together, so that the images are built once.
pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

DSTREAM = Path(sys.executable).with_name("dstream")
MACHINES = {"linux/amd64": 62, "linux/arm64": 183}  # as ELF counts them


@pytest.mark.parametrize("name", [COUNTER, CONSOLE])
def test_one_index_has_both_platforms_and_says_what_it_is(pushed: dict[str, PushedImage], name: str) -> None:
    index = pushed[name].index
    assert index.media_type == "application/vnd.oci.image.index.v1+json"
    assert index.platforms == tuple(MACHINES)
    for platform in MACHINES:
        config = pushed[name].config(platform)
        assert f"{config['os']}/{config['architecture']}" == platform
        assert config["config"]["Labels"] == pushed[name].manifest(platform).annotations == index.annotations
    said = {key.removeprefix("org.opencontainers.image."): value for key, value in index.annotations.items()}
    provider = json.loads(said.pop("io.dstream.provider"))
    assert (said["title"], said["version"]) == (provider["name"], provider["version"]) == (name, provider["version"])
    assert re.fullmatch(r"[0-9a-f]{40}", said["revision"])
    assert said["source"].startswith("https://")
    assert said["licenses"] == "Apache-2.0"
    assert said["description"] == provider["description"]


@pytest.mark.parametrize("platform", MACHINES)
def test_every_program_and_library_is_of_the_image_s_platform(pushed: dict[str, PushedImage], platform: str) -> None:
    machines = {
        path: struct.unpack_from("<H", content, 18)[0]
        for path, content in pushed[COUNTER].files(platform)
        if content.startswith(b"\x7fELF")
    }
    assert any(path.endswith("/libc.so.6") for path in machines)
    assert any("/site-packages/" in path for path in machines)
    assert set(machines.values()) == {MACHINES[platform]}


@pytest.mark.parametrize("platform", MACHINES)
def test_bill_of_materials_and_provenance_are_attested_of_each_platform(
    pushed: dict[str, PushedImage], platform: str
) -> None:
    attested = pushed[CONSOLE].attested(platform)
    packages = {package["name"] for package in attested["https://spdx.dev/Document"]["packages"]}
    assert {"ca-certificates", "libc6", "dstream-sdk", "msgspec", CONSOLE} <= packages
    build = attested["https://slsa.dev/provenance/v1"]["buildDefinition"]
    assert build["externalParameters"]["request"]["args"]["label:org.opencontainers.image.title"] == CONSOLE


def test_the_images_of_the_other_platform_run_emulated(
    pushed: dict[str, PushedImage], engine: str, emulation: None, tmp_path: Path
) -> None:
    other = "linux/arm64"
    (tmp_path / "dstream.hcl").write_text(f"""
        task "emulated" {{
          type = "providers"
          input {{
            provider_image = "{pushed[COUNTER].text}"
            platform       = "{other}"
            config         = {{ interval = 10, max_count = 5 }}
          }}
          output {{
            provider_image = "{pushed[CONSOLE].text}"
            platform       = "{other}"
          }}
        }}
    """)
    done = subprocess.run(
        [DSTREAM, "run", "emulated"],
        cwd=tmp_path,
        env={**os.environ, "DOCKER_HOST": engine, "DSTREAM_STATE_DIR": str(tmp_path / "state")},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.findall(r'"value":(\d+)', done.stdout) == ["1", "2", "3", "4", "5"]
    assert "5 emitted = 5 relayed = 5 acknowledged" in done.stderr
    listed = subprocess.run(
        ["docker", "image", "ls", "--quiet", "--no-trunc"],
        env={**os.environ, "DOCKER_HOST": engine}, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    configs = {pushed[name].manifest(other).config.digest for name in (COUNTER, CONSOLE)}
    assert configs <= set(listed.stdout.split())
