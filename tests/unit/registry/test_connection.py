"""What a registry asks of who it serves, and which registries are this machine."""

from __future__ import annotations

import pytest

from orchestrator.registry.wire.authorization import Challenge
from orchestrator.registry.wire.connection import is_loopback


@pytest.mark.parametrize(
    ("header", "challenge"),
    [
        ('Basic realm="a place"', Challenge("basic", "a place")),
        (
            'Bearer realm="https://auth.example/token",service="r.example",scope="repository:t/x:pull,push"',
            Challenge("bearer", "https://auth.example/token", "r.example", "repository:t/x:pull,push"),
        ),
        ("BEARER realm=https://auth.example/token", Challenge("bearer", "https://auth.example/token")),
        ("Negotiate", Challenge("negotiate")),
        ("", Challenge("")),
    ],
)
def test_a_challenge_is_read(header: str, challenge: Challenge) -> None:
    assert Challenge.parse(header) == challenge


@pytest.mark.parametrize(
    "registry", ["localhost", "localhost:5000", "127.0.0.1:5000", "127.1.2.3", "[::1]:5000", "::1"]
)
def test_loopback_is_this_machine(registry: str) -> None:
    assert is_loopback(registry)


@pytest.mark.parametrize(
    "registry", ["ghcr.io", "localhost.example:5000", "10.0.0.1", "128.0.0.1:5000", "[2001:db8::1]"]
)
def test_the_rest_of_the_world_is_not(registry: str) -> None:
    assert not is_loopback(registry)
