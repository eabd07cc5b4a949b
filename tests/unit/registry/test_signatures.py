"""Keys, what they signed, and signatures kept on the disk. `tests/integration/registry/test_trust.py` has the rest."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.errors import ConfigError, Where
from orchestrator.registry.trust.keys import PublicKey
from orchestrator.registry.trust.signatures import Signature, SignatureCache
from orchestrator.registry.trust.statements import Bundle, MalformedError, payload_digest, statement_digests
from tests.servers.signing import Key

DIGEST = f"sha256:{'ab' * 32}"
HERE = Where(file="dstream.hcl", line=3)
STATEMENT = "application/vnd.in-toto+json"

Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def public(key: Private, path: Path) -> str:
    path.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return str(path)


@pytest.mark.parametrize(
    ("curve", "hashed"),
    [
        (ec.SECP256R1(), SHA256()),
        (ec.SECP384R1(), SHA256()),
        (ec.SECP384R1(), SHA384()),
        (ec.SECP521R1(), SHA256()),
        (ec.SECP521R1(), SHA512()),
    ],
)
def test_a_key_knows_what_it_signed_and_nothing_else(
    tmp_path: Path, curve: ec.EllipticCurve, hashed: HashAlgorithm
) -> None:
    private = ec.generate_private_key(curve)
    key = PublicKey.read(public(private, tmp_path / "cosign.pub"), HERE)
    signature = private.sign(b"content", ec.ECDSA(hashed))
    assert key.signed(b"content", signature)
    assert not key.signed(b"contents", signature)
    assert not key.signed(b"content", signature[:-1])
    assert not key.signed(b"content", b"")


def test_an_rsa_key_is_known_too(tmp_path: Path) -> None:
    private = rsa.generate_private_key(65537, 2048)
    key = PublicKey.read(public(private, tmp_path / "cosign.pub"), HERE)
    signature = private.sign(b"content", padding.PKCS1v15(), SHA256())
    assert key.signed(b"content", signature)
    assert not key.signed(b"contents", signature)


def test_a_file_that_is_no_public_key_is_refused_where_it_is_named(tmp_path: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    files = {
        "text": b"not a key",
        "private": private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "half": Key().write(tmp_path / "whole").read_bytes()[:60],
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    strange = public(ed25519.Ed25519PrivateKey.generate(), tmp_path / "ed25519")
    for path in [*(str(tmp_path / name) for name in files), strange, str(tmp_path / "missing"), str(tmp_path)]:
        with pytest.raises(ConfigError) as caught:
            PublicKey.read(path, HERE)
        assert (caught.value.code, caught.value.where) == ("trust.key", HERE)
        assert f"`{path}`" in caught.value.message


def test_a_bundle_says_which_key_it_claims(tmp_path: Path) -> None:
    key = Key()
    bundle = Bundle.parse(key.bundle(DIGEST))
    assert bundle.claimed_key == key.fingerprint == PublicKey.read(str(key.write(tmp_path / "key")), HERE).fingerprint
    assert bundle.certificate is None


def test_what_attests_something_else_signs_no_image() -> None:
    envelope = Bundle.parse(Key().bundle(DIGEST, predicate="https://slsa.dev/provenance/v1")).dsse_envelope
    with pytest.raises(MalformedError, match=r"it attests `https://slsa\.dev/provenance/v1`"):
        statement_digests(envelope.payload_type, envelope.payload)


@given(st.binary(max_size=80) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(
    lambda value: json.dumps(value).encode()
))  # fmt: skip
@example(b"[" * 100_000)
@example(b'{"critical":' * 100_000)
@example(b'{"x":' + b"[" * 100_000)
@example(b'{"critical": {"image": {"docker-manifest-digest": "\xc3\x28"}}}')
@example(b'{"dsseEnvelope": {"payload": "", "payloadType": "\xff", "signatures": []}}')
def test_arbitrary_content_is_called_malformed(content: bytes) -> None:
    for read in (Bundle.parse, payload_digest, lambda text: statement_digests(STATEMENT, text)):
        with pytest.raises(MalformedError):
            read(content)


@given(st.text(max_size=60))
def test_any_hint_of_a_bundle_can_be_asked_for_its_key(hint: str) -> None:
    document = json.loads(Key().bundle(DIGEST))
    document["verificationMaterial"]["publicKey"]["hint"] = hint
    claimed = Bundle.parse(json.dumps(document).encode()).claimed_key
    assert claimed is None or base64.b64decode(hint).hex() == claimed.removeprefix("sha256:")


@given(content=st.binary(), signature=st.binary(), form=st.sampled_from(["simple", "bundle"]))
def test_a_signature_is_kept_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, signature: bytes, form: str
) -> None:
    cache = SignatureCache(tmp_path_factory.mktemp("signatures"))
    kept = Signature(form, content, signature)  # type: ignore[arg-type]  # one of the two
    cache.keep(DIGEST, kept)
    cache.keep(DIGEST, kept)
    assert cache.load(DIGEST) == [kept]
    assert cache.load(f"sha256:{'cd' * 32}") == []


def test_a_kept_file_that_was_damaged_counts_as_absent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache = SignatureCache(tmp_path)
    cache.keep(DIGEST, Signature("bundle", b"one"))
    cache.keep(DIGEST, Signature("bundle", b"two"))
    damaged, whole = sorted(tmp_path.rglob("*.json"))
    intact = whole.read_bytes()
    damaged.write_bytes(b'{"form": "bund')
    assert [one.content for one in cache.load(DIGEST)] == [
        one for one in (b"one", b"two") if base64.b64encode(one) in intact
    ]
    assert str(damaged) in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_said_and_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "signatures").write_text("a file is in the way")
    cache = SignatureCache(tmp_path / "signatures")
    cache.keep(DIGEST, Signature("bundle", b"one"))
    assert "cannot be kept" in capsys.readouterr().err
    assert cache.load(DIGEST) == []
