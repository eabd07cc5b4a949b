"""`docker compose up` runs a pipeline, `stop` drains it, the next `up` goes on from there; `down` leaves nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.servers.images import of_today

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.compose.conftest import Compose

ENDLESS = """
task "counter-to-console" {
  input {
    provider_image = "ghcr.io/katasec/counter-input-provider:v0.1.0"
    config         = { interval = 100 }
  }
  output {
    provider_image = "ghcr.io/katasec/console-output-provider:v0.1.0"
    config         = { outputFormat = "simple" }
  }
}
"""


def numbers(log: str) -> list[int]:
    return [int(number) for number in re.findall(r'"value":(\d+)', log)]


def ended(compose: Compose) -> bool:
    return bool(compose.state()["Status"] == "exited")


@pytest.mark.engine
@pytest.mark.timeout(300)
def test_a_profile_runs_its_example_to_the_end(compose: Compose) -> None:
    compose("up", "--detach")
    compose.wait_for("end", lambda: ended(compose))
    assert numbers(compose.log()) == [1, 2, 3, 4, 5], compose.log()
    assert "5 emitted = 5 relayed = 5 acknowledged" in compose.log()
    assert compose.state()["ExitCode"] == 0


@pytest.mark.engine
@pytest.mark.timeout(300)
def test_stop_drains_and_the_next_up_goes_on_from_there(compose: Compose, tmp_path: Path) -> None:
    (tmp_path / "endless.hcl").write_text(of_today(ENDLESS))
    (tmp_path / "endless.yaml").write_text(
        f"services: {{counter-to-console: {{volumes: ['{tmp_path}/endless.hcl:/project/dstream.hcl:ro']}}}}"
    )
    compose.override(tmp_path / "endless.yaml")
    compose("up", "--detach")
    compose.wait_for("health", lambda: compose.state()["Health"]["Status"] == "healthy" and numbers(compose.log()))
    assert "running" in compose("exec", "-T", "counter-to-console", "dstream", "status", "counter-to-console")
    assert compose("exec", "-T", "counter-to-console", "id", "-u") == "65532"

    compose("stop")
    first = numbers(compose.log())
    assert first == list(range(1, len(first) + 1))
    assert f"{len(first)} emitted = {len(first)} relayed = {len(first)} acknowledged" in compose.log()
    assert compose.state()["ExitCode"] == 0

    compose("up", "--detach")  # the same container, so its log goes on
    compose.wait_for("record behind those", lambda: len(numbers(compose.log())) > len(first))
    both = numbers(compose.log())
    assert both == list(range(1, len(both) + 1))
