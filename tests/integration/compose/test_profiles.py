"""compose.yaml is what the compose tool takes, in each of its profiles."""

from __future__ import annotations

import re

import pytest

from tests.servers.script import REPOSITORY, run_script

COMPOSE = (REPOSITORY / "compose.yaml").read_text()
PROFILES = sorted(set(re.findall(r"[a-z-]+", " ".join(re.findall(r"profiles: \[(.*)\]", COMPOSE)))))
EXAMPLES = sorted(
    path.parent.name for path in REPOSITORY.glob("examples/*/dstream.hcl") if "provider_image" in path.read_text()
)


def test_every_example_of_images_has_a_profile() -> None:
    assert PROFILES == EXAMPLES


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_is_valid(profile: str) -> None:
    shown = run_script("compose", "--", "--profile", profile, "config", environ={"DOCKER_GID": "999"})
    assert re.search(rf"^  {profile}:$", shown, re.MULTILINE)


def test_without_the_sockets_group_compose_says_who_finds_it_out() -> None:
    with pytest.raises(RuntimeError, match="scripts/prepare-compose"):
        run_script("compose", "--", "--profile", "counter-to-console", "config", environ={"DOCKER_GID": ""})
