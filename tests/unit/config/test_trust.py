"""The `trust` block."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.config.model import Trust, TrustedNamespace

from .conftest import Fails, Load

WHOLE = """
trust {
  require = false

  namespace "ghcr.io/katasec" {
    key = "keys/cosign.pub"
  }

  namespace "ghcr.io/community/" {
    identity   = "https://github.com/community/*"
    issuer     = "https://token.actions.githubusercontent.com"
    trust_root = "/etc/sigstore/trusted_root.json"
  }
}
"""


def test_a_namespace_is_signed_by_a_key_or_by_an_identity(load: Load, tmp_path: Path) -> None:
    trust = load(WHOLE).trust
    assert trust is not None
    katasec, community = trust.namespaces
    assert not trust.require
    assert katasec == TrustedNamespace("ghcr.io/katasec", katasec.where, key=str(tmp_path / "keys/cosign.pub"))
    assert katasec.where.line == 5
    assert community == TrustedNamespace(
        "ghcr.io/community",
        community.where,
        identity="https://github.com/community/*",
        issuer="https://token.actions.githubusercontent.com",
        trust_root="/etc/sigstore/trusted_root.json",
    )


def test_a_trust_block_requires_signatures_unless_it_says_otherwise(load: Load) -> None:
    assert load("trust {\n}\n").trust == Trust(require=True)


def test_a_file_without_the_block_trusts_everything(load: Load) -> None:
    assert load("").trust is None


def test_two_blocks_of_one_namespace_name_two_signers(load: Load) -> None:
    block = 'namespace "ghcr.io/katasec" {\n key = "%s"\n}\n'
    trust = load("trust {\n" + block % "old.pub" + block % "new.pub" + "}\n").trust
    assert trust is not None
    assert [Path(str(one.key)).name for one in trust.namespaces] == ["old.pub", "new.pub"]


def test_a_key_comes_from_wherever_an_expression_takes_it(load: Load) -> None:
    text = 'trust {\n  namespace "ghcr.io/katasec" {\n    key = "${env("KEYS")}/cosign.pub"\n  }\n}\n'
    trust = load(text, {"KEYS": "/etc/keys"}).trust
    assert trust is not None
    assert trust.namespaces[0].key == "/etc/keys/cosign.pub"


@pytest.mark.parametrize(
    ("code", "body", "line"),
    [
        ("config.type", 'require = "yes"', 2),
        ("config.unknown_attribute", "requires = true", 2),
        ("config.unknown_block", 'namespaces "ghcr.io/katasec" {\n}', 2),
        ("config.syntax", 'namespace {\n key = "a"\n}', 2),
        ("config.syntax", 'namespace "a" "b" {\n key = "a"\n}', 2),
        ("config.type", 'namespace "https://ghcr.io/katasec" {\n key = "a"\n}', 2),
        ("config.type", 'namespace "ghcr.io/*" {\n key = "a"\n}', 2),
        ("config.type", 'namespace "ghcr.io/katasec" {\n}', 2),
        ("config.type", 'namespace "ghcr.io/katasec" {\n identity = "a@b"\n}', 2),
        ("config.type", 'namespace "ghcr.io/katasec" {\n key = "a"\n issuer = "https://b"\n}', 2),
        ("config.unknown_attribute", 'namespace "ghcr.io/katasec" {\n keys = "a"\n}', 3),
        ("config.type", 'namespace "ghcr.io/katasec" {\n key = ""\n}', 3),
    ],
)
def test_what_is_wrong_in_it_is_refused_where_it_stands(fails: Fails, code: str, body: str, line: int) -> None:
    assert fails(code, f"trust {{\n{body}\n}}\n").where.line == line


def test_it_stands_once_and_has_no_name(fails: Fails) -> None:
    assert fails("config.duplicate", "trust {\n}\ntrust {\n}\n").where.line == 3
    fails("config.syntax", 'trust "ghcr.io" {\n}\n')
