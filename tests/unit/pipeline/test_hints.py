"""A container that looks for the host's servers at its own loopback address is told so."""

from __future__ import annotations

import pytest

from orchestrator.config.model import ProviderSpec
from orchestrator.errors import Where
from orchestrator.pipeline.hints import loopback
from orchestrator.pipeline.provider import Prepared
from orchestrator.runtime.base import ImageProgram, PathProgram, Program

IMAGE = ImageProgram("registry.test/output:v1", "sha256:1")


def prepared(program: Program, network: str | None = None) -> Prepared:
    spec = ProviderSpec("output", "image", "registry.test/output:v1", Where(), network=network)
    return Prepared(spec, program, announced=True, description=None)


@pytest.mark.parametrize(
    "words",
    [
        'psycopg.OperationalError: connection to server at "127.0.0.1", port 5432 failed: Connection refused',
        "dial tcp [::1]:5672: connect: connection refused",
        "Error: connect ECONNREFUSED 127.0.0.1:9092",
        "ConnectionRefusedError: [Errno 111] Connection refused ('localhost', 1433)",
    ],
)
def test_a_refused_loopback_address_names_both_ways_out(words: str) -> None:
    hint = loopback(prepared(IMAGE), ["starting", words])
    assert hint is not None
    assert "host.docker.internal" in hint
    assert 'network = "host"' in hint
    assert "`output` block" in hint


@pytest.mark.parametrize(
    "words",
    ["connection to 10.0.0.5:5432 refused", "listening on 127.0.0.1:8080", "the access to std::1 was refused", ""],
)
def test_other_words_give_no_hint(words: str) -> None:
    assert loopback(prepared(IMAGE), [words]) is None


@pytest.mark.parametrize(("program", "network"), [(PathProgram("/bin/output"), None), (IMAGE, "host")])
def test_who_shares_the_hosts_loopback_gets_no_hint(program: Program, network: str | None) -> None:
    assert loopback(prepared(program, network), ["localhost:1433: connection refused"]) is None
