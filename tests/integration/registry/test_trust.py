"""Signatures in a real registry: made by cosign, by keys of the test, and by a Sigstore of its own."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.config.model import Trust, TrustedNamespace
from orchestrator.errors import ConfigError, UnavailableError, Where
from orchestrator.registry.client import RegistryClient
from orchestrator.registry.reference import Reference
from orchestrator.registry.trust.signatures import SignatureCache
from orchestrator.registry.trust.verifier import Signer, Verifier
from tests.servers.signing import Key, push_bundle, push_image, push_referrer, push_simple
from tests.servers.sigstore import Sigstore

if TYPE_CHECKING:
    from collections.abc import Iterator

COSIGN = Path(__file__).with_name("cosign")
COSIGN_IMAGE = "sha256:d0e9cf225d46e72e0d80c9b0c62794db1ed00d518888c785e13f1f3b27460325"
COSIGN_KEY = "sha256:85d838f525143105d5db73e45063b3acd0697be7af1e57edd74976b016d930ab"
HERE = Where(file="dstream.hcl", line=12)
BLOCK = Where(file="dstream.hcl", line=2)
WORKFLOW = "https://github.com/katasec/counter/.github/workflows/release.yml@refs/tags/v1"
GITHUB = "https://token.actions.githubusercontent.com"
NOBODY = "127.0.0.1:1"


@pytest.fixture
def client(registry: str) -> Iterator[RegistryClient]:
    with RegistryClient() as client:
        yield client


class Trusting:
    """A folder with keys and kept signatures, and the verifiers that work in it."""

    def __init__(self, folder: Path, registry: str, client: RegistryClient) -> None:
        self.folder = folder
        self.registry = registry
        self.client = client

    def image(self, name: str) -> Reference:
        """A new image."""
        return push_image(self.client, Reference.parse(f"{self.registry}/{name}:v1"))

    def key(self, key: Key, namespace: str = "") -> TrustedNamespace:
        path = self.folder / f"{key.fingerprint[-8:]}.pub"
        return self.key_file(key.write(path), namespace)

    def key_file(self, path: Path, namespace: str = "") -> TrustedNamespace:
        return TrustedNamespace(namespace or self.registry, BLOCK, key=str(path))

    def identity(self, sigstore: Sigstore, identity: str = WORKFLOW, issuer: str = GITHUB) -> TrustedNamespace:
        root = self.folder / "trusted_root.json"
        root.write_text(sigstore.trusted_root)
        return TrustedNamespace(self.registry, BLOCK, identity=identity, issuer=issuer, trust_root=str(root))

    def verify(
        self,
        image: Reference,
        *namespaces: TrustedNamespace,
        require: bool = True,
        client: RegistryClient | None = None,
    ) -> Signer | None:
        cache = SignatureCache(self.folder / "signatures")
        return Verifier(Trust(require, namespaces), lambda: client or self.client, cache).verify(image, where=HERE)

    def refused(self, code: str, image: Reference, *namespaces: TrustedNamespace, require: bool = True) -> ConfigError:
        """The refusal, which names the image's digest and the place."""
        with pytest.raises(ConfigError) as caught:
            self.verify(image, *namespaces, require=require)
        error = caught.value
        assert (error.code, error.where) == (code, HERE), str(error)
        assert str(image.digest or image) in error.message
        return error


@pytest.fixture
def trusting(tmp_path: Path, registry: str, client: RegistryClient) -> Trusting:
    return Trusting(tmp_path, registry, client)


@pytest.fixture
def unreachable(registry: str) -> Iterator[RegistryClient]:
    """A client for which the registry is gone."""
    with RegistryClient(mirrors={registry: NOBODY}) as client:
        yield client


@pytest.fixture(params=["simple", "referrer", "bundle"])
def signed_by_cosign(request: pytest.FixtureRequest, registry: str, client: RegistryClient) -> Reference:
    """The image that the real cosign signed, its signature as cosign left it."""
    image = Reference.parse(f"{registry}/cosign/{request.param}:v1@{COSIGN_IMAGE}")
    manifest = json.loads((COSIGN / f"{request.param}.json").read_bytes())
    for name, descriptor in (("config", manifest["config"]), ("layer", manifest["layers"][0])):
        content = (COSIGN / f"{request.param}.{name}.json").read_bytes()
        assert client.push_blob(image, content, descriptor["mediaType"]).digest == descriptor["digest"]
    if request.param == "simple":
        client.push_manifest(replace(image, tag=f"{COSIGN_IMAGE.replace(':', '-')}.sig", digest=None), manifest)
    else:
        push_referrer(client, image, manifest)
    return image


def test_what_cosign_signs_is_verified_in_all_its_forms(trusting: Trusting, signed_by_cosign: Reference) -> None:
    assert trusting.verify(signed_by_cosign, trusting.key_file(COSIGN / "cosign.pub")) == Signer(key=COSIGN_KEY)


def test_what_cosign_signed_is_refused_to_another_key(trusting: Trusting, signed_by_cosign: Reference) -> None:
    other = Key()
    assert other.fingerprint in trusting.refused("trust.other_key", signed_by_cosign, trusting.key(other)).message


def test_an_unsigned_image_is_refused_naming_whose_signature_is_missing(trusting: Trusting) -> None:
    key = Key()
    error = trusting.refused("trust.unsigned", trusting.image("trust/unsigned"), trusting.key(key))
    assert key.fingerprint in error.message


def test_a_signature_by_another_key_is_refused_naming_both(trusting: Trusting) -> None:
    trusted, other = Key(), Key()
    image = trusting.image("trust/other")
    push_bundle(trusting.client, image, other.bundle(str(image.digest)))
    error = trusting.refused("trust.other_key", image, trusting.key(trusted))
    assert trusted.fingerprint in error.message
    assert other.fingerprint in error.message
    assert f"{BLOCK.file}:{BLOCK.line}" in str(error.hint)


def test_a_signature_moved_here_from_another_image_is_refused(trusting: Trusting) -> None:
    key = Key()
    old, new = trusting.image("trust/moved"), trusting.image("trust/moved")
    push_simple(trusting.client, new, [key.simple(str(old.digest))])
    assert str(old.digest) in trusting.refused("trust.digest", new, trusting.key(key)).message
    push_bundle(trusting.client, old, key.bundle(str(new.digest)))
    assert str(new.digest) in trusting.refused("trust.digest", old, trusting.key(key)).message


def test_a_payload_that_was_changed_after_it_was_signed_is_refused(trusting: Trusting) -> None:
    key = Key()
    old, new = trusting.image("trust/changed"), trusting.image("trust/changed")
    payload, signature = key.simple(str(old.digest))
    push_simple(
        trusting.client, new, [(payload.replace(str(old.digest).encode(), str(new.digest).encode()), signature)]
    )
    trusting.refused("trust.other_key", new, trusting.key(key))


def test_one_good_signature_among_others_is_enough(trusting: Trusting) -> None:
    trusted, other = Key(), Key()
    image = trusting.image("trust/several")
    digest = str(image.digest)
    push_simple(trusting.client, image, [other.simple(digest), (b"{", b""), trusted.simple(digest)])
    assert trusting.verify(image, trusting.key(trusted)) == Signer(key=trusted.fingerprint)


def test_one_that_cannot_be_read_keeps_no_other_from_counting(trusting: Trusting) -> None:
    """A repository's writers can leave anything beside a signature, and cleaning up can take a part of one away."""
    trusted, other = Key(), Key()
    image = trusting.image("trust/damaged")
    digest, huge = str(image.digest), (b"x" * (1 << 20) + b"x", b"")
    push_simple(trusting.client, image, [huge, other.simple(digest)])
    trusting.refused("trust.other_key", image, trusting.key(trusted), require=False)
    push_simple(trusting.client, image, [huge, trusted.simple(digest)])
    assert trusting.verify(image, trusting.key(trusted)) == Signer(key=trusted.fingerprint)


def test_any_of_a_namespaces_keys_will_do(trusting: Trusting) -> None:
    old, new = Key(), Key()
    image = trusting.image("trust/rotated")
    push_simple(trusting.client, image, [new.simple(str(image.digest))])
    assert trusting.verify(image, trusting.key(old), trusting.key(new)) == Signer(key=new.fingerprint)


def test_what_attests_something_else_is_no_signature(trusting: Trusting) -> None:
    key = Key()
    image = trusting.image("trust/attested")
    push_bundle(trusting.client, image, key.bundle(str(image.digest), predicate="https://slsa.dev/provenance/v1"))
    assert "slsa.dev/provenance" in trusting.refused("trust.unsigned", image, trusting.key(key)).message


def test_the_longest_namespace_decides_alone(trusting: Trusting) -> None:
    everywhere, team = Key(), Key()
    image = trusting.image("team/provider")
    push_simple(trusting.client, image, [everywhere.simple(str(image.digest))])
    outer = trusting.key(everywhere)
    assert trusting.verify(image, outer)
    trusting.refused("trust.other_key", image, outer, trusting.key(team, f"{trusting.registry}/team"))
    assert trusting.verify(image, outer, trusting.key(team, f"{trusting.registry}/tea"))


def test_what_no_namespace_covers_is_refused_with_the_line_to_write(trusting: Trusting) -> None:
    image = trusting.image("strange/provider")
    error = trusting.refused("trust.namespace", image, trusting.key(Key(), f"{trusting.registry}/team"))
    assert f'namespace "{trusting.registry}/strange"' in str(error.hint)


def test_an_image_without_a_registrys_digest_is_refused(trusting: Trusting) -> None:
    trusting.refused("trust.unsigned", Reference.parse(f"{trusting.registry}/team/built:v1"), trusting.key(Key()))


def test_without_require_only_a_strange_signature_is_refused(trusting: Trusting, unreachable: RegistryClient) -> None:
    key = trusting.key(Key(), f"{trusting.registry}/team")
    image = trusting.image("team/lenient")
    assert trusting.verify(image, key, require=False) is None
    assert trusting.verify(image, key, require=False, client=unreachable) is None
    assert trusting.verify(trusting.image("strange/lenient"), key, require=False) is None
    assert trusting.verify(replace(image, digest=None), key, require=False) is None
    push_simple(trusting.client, image, [Key().simple(str(image.digest))])
    trusting.refused("trust.other_key", image, key, require=False)


def test_what_was_verified_once_needs_no_registry_again(trusting: Trusting, unreachable: RegistryClient) -> None:
    key, sigstore = Key(), Sigstore()
    by_key, by_identity = trusting.image("trust/kept"), trusting.image("trust/kept")
    push_simple(trusting.client, by_key, [Key().simple(str(by_key.digest)), key.simple(str(by_key.digest))])
    bundle = sigstore.sign(str(by_identity.digest), identity=WORKFLOW, issuer=GITHUB)
    push_bundle(trusting.client, by_identity, bundle)
    for image, namespace in ((by_key, trusting.key(key)), (by_identity, trusting.identity(sigstore))):
        with pytest.raises(UnavailableError) as caught:
            trusting.verify(image, namespace, client=unreachable)
        assert (caught.value.where.file, caught.value.where.line) == (HERE.file, HERE.line)
        signer = trusting.verify(image, namespace)
        assert signer is not None
        assert trusting.verify(image, namespace, client=unreachable) == signer


def test_a_kept_signature_counts_for_its_signer_alone(trusting: Trusting) -> None:
    key = Key()
    image = trusting.image("trust/kept")
    push_simple(trusting.client, image, [key.simple(str(image.digest))])
    assert trusting.verify(image, trusting.key(key))
    trusting.refused("trust.other_key", image, trusting.key(Key()))


def test_a_signature_lies_where_the_mirror_has_the_image(trusting: Trusting) -> None:
    key = Key()
    image = trusting.image("mirrored/provider")
    push_simple(trusting.client, image, [key.simple(str(image.digest))])
    wanted = Reference.parse(f"ghcr.io/katasec/provider:v1@{image.digest}")
    with RegistryClient(mirrors={"ghcr.io/katasec": f"{trusting.registry}/mirrored"}) as mirrored:
        assert trusting.verify(wanted, trusting.key(key, "ghcr.io/katasec"), client=mirrored)


@pytest.mark.parametrize("identity", [WORKFLOW, "https://github.com/katasec/*", "*/release.yml@refs/tags/*"])
def test_an_identity_that_a_sigstore_vouches_for_is_verified(trusting: Trusting, identity: str) -> None:
    sigstore = Sigstore()
    image = trusting.image("trust/identity")
    push_bundle(trusting.client, image, sigstore.sign(str(image.digest), identity=WORKFLOW, issuer=GITHUB))
    signer = trusting.verify(image, trusting.identity(sigstore, identity))
    assert signer == Signer(identity=WORKFLOW, issuer=GITHUB)
    assert str(signer) == f"{WORKFLOW} ({GITHUB})"


@pytest.mark.parametrize(
    ("identity", "issuer"),
    [
        ("https://github.com/katasec", GITHUB),
        ("https://github.com/other/*", GITHUB),
        ("https://githubXcom/*", GITHUB),
        (WORKFLOW, "https://accounts.example.com"),
    ],
)
def test_another_identity_or_issuer_is_refused_naming_who_signed(
    trusting: Trusting, identity: str, issuer: str
) -> None:
    sigstore = Sigstore()
    image = trusting.image("trust/identity")
    push_bundle(trusting.client, image, sigstore.sign(str(image.digest), identity=WORKFLOW, issuer=GITHUB))
    assert WORKFLOW in trusting.refused("trust.other_key", image, trusting.identity(sigstore, identity, issuer)).message


def test_an_identity_of_another_sigstore_is_refused(trusting: Trusting) -> None:
    image = trusting.image("trust/identity")
    push_bundle(trusting.client, image, Sigstore().sign(str(image.digest), identity=WORKFLOW, issuer=GITHUB))
    error = trusting.refused("trust.other_key", image, trusting.identity(Sigstore()))
    assert "nothing proves who made its signature" in error.message


def test_the_public_sigstore_is_known_without_a_network(trusting: Trusting, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, f"http://{NOBODY}")
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(trusting.folder / name))
    image = trusting.image("trust/public")
    push_bundle(trusting.client, image, Sigstore().sign(str(image.digest), identity=WORKFLOW, issuer=GITHUB))
    public = replace(trusting.identity(Sigstore()), trust_root=None)
    assert "nothing proves who made its signature" in trusting.refused("trust.other_key", image, public).message


def test_a_host_that_cannot_keep_the_public_sigstores_root_is_told(
    trusting: Trusting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://{NOBODY}")
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, "/proc/nowhere")
    image = trusting.image("trust/unkept")
    push_bundle(trusting.client, image, Sigstore().sign(str(image.digest), identity=WORKFLOW, issuer=GITHUB))
    with pytest.raises(UnavailableError) as caught:
        trusting.verify(image, replace(trusting.identity(Sigstore()), trust_root=None))
    assert caught.value.code == "cache.unavailable"
    assert "/proc/nowhere" in caught.value.message


@pytest.mark.parametrize("part", ["payload", "sig", "signedEntryTimestamp", "rootHash"])
def test_a_bundle_of_which_any_part_was_changed_proves_nothing(trusting: Trusting, part: str) -> None:
    sigstore = Sigstore()
    image, other = trusting.image("trust/changed"), trusting.image("trust/changed")
    bundle, another = (
        sigstore.sign(str(one.digest), identity=WORKFLOW, issuer=GITHUB).decode() for one in (image, other)
    )
    pattern = rf'(?<="{part}": ")[^"]+'
    found = re.search(pattern, another)
    assert found is not None
    push_bundle(trusting.client, image, re.sub(pattern, lambda _: found[0], bundle).encode())
    error = trusting.refused("trust.other_key", image, trusting.identity(sigstore))
    assert "nothing proves who made its signature" in error.message


def test_a_key_proves_no_identity_and_an_identity_no_key(trusting: Trusting) -> None:
    key, sigstore = Key(), Sigstore()
    image = trusting.image("trust/kinds")
    push_simple(trusting.client, image, [key.simple(str(image.digest))])
    push_bundle(trusting.client, image, key.bundle(str(image.digest)))
    message = trusting.refused("trust.other_key", image, trusting.identity(sigstore)).message
    assert "a key made its signature" in message
    assert "cosign 3" in message
    push_bundle(trusting.client, image, sigstore.sign(str(image.digest), identity=WORKFLOW, issuer=GITHUB))
    assert WORKFLOW in trusting.refused("trust.other_key", image, trusting.key(Key())).message


def test_a_trusted_root_that_is_none_is_refused_at_the_block(trusting: Trusting) -> None:
    sigstore = Sigstore()
    image = trusting.image("trust/root")
    push_bundle(trusting.client, image, sigstore.sign(str(image.digest), identity=WORKFLOW, issuer=GITHUB))
    namespace = trusting.identity(sigstore)
    for path, content in (("missing.json", None), ("text.json", "{}"), ("broken.json", "{")):
        if content is not None:
            (trusting.folder / path).write_text(content)
        with pytest.raises(ConfigError) as caught:
            trusting.verify(image, replace(namespace, trust_root=str(trusting.folder / path)))
        assert (caught.value.code, caught.value.where) == ("trust.root", BLOCK)
