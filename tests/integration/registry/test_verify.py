"""`dstream providers verify` as people call it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import EXIT_CONFIG, EXIT_DONE
from orchestrator.registry.client import RegistryClient
from orchestrator.registry.reference import Reference
from tests.cli.conftest import Project
from tests.servers.signing import Key, push_bundle, push_image, push_simple
from tests.servers.sigstore import Sigstore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ISSUER = "https://accounts.example.com"


@pytest.fixture
def project(tmp_path: Path, cache: Path) -> Project:
    return Project(tmp_path, cache)


@pytest.fixture
def client(registry: str) -> Iterator[RegistryClient]:
    with RegistryClient() as client:
        yield client


@pytest.fixture
def key(project: Project) -> Key:
    """Its public half is `cosign.pub` in the project."""
    key = Key()
    key.write(project.folder / "cosign.pub")
    return key


@pytest.fixture
def image(client: RegistryClient, registry: str, key: Key) -> Reference:
    """Signed with `key`."""
    image = push_image(client, Reference.parse(f"{registry}/verify/provider:v1"))
    push_simple(client, image, [key.simple(str(image.digest))])
    return image


def trust(project: Project, name: str, *, require: bool = True) -> None:
    requires = "true" if require else "false"
    project.write(f'trust {{\n  require = {requires}\n  namespace "{name}" {{\n    key = "cosign.pub"\n  }}\n}}\n')


def test_the_signer_is_named_by_the_files_trust_block(project: Project, image: Reference, key: Key) -> None:
    trust(project, image.registry)
    done = project.run("providers", "verify", f"{image.name}:v1")
    assert (done.code, done.stdout) == (EXIT_DONE, f"{image} is signed by key {key.fingerprint}\n"), done.stderr
    (event,) = project.run("providers", "verify", f"{image.name}:v1", "--json").events
    signer = {"key": key.fingerprint, "identity": None, "issuer": None}
    assert event == {"event": "verified", "reference": str(image), "signer": signer}


def test_a_signer_named_on_the_command_line_needs_no_file(project: Project, image: Reference) -> None:
    assert project.run("providers", "verify", f"{image.name}:v1", "--key", "cosign.pub").code == EXIT_DONE


def test_an_identity_named_on_the_command_line(project: Project, client: RegistryClient, image: Reference) -> None:
    sigstore = Sigstore()
    (project.folder / "root.json").write_text(sigstore.trusted_root)
    push_bundle(client, image, sigstore.sign(str(image.digest), identity="releases@example.com", issuer=ISSUER))
    by = ("--identity", "*@example.com", "--issuer", ISSUER, "--trust-root", "root.json")
    done = project.run("providers", "verify", f"{image.name}:v1", *by)
    assert (done.code, done.stdout) == (EXIT_DONE, f"{image} is signed by releases@example.com ({ISSUER})\n")


def test_verify_requires_what_the_file_only_prefers(project: Project, client: RegistryClient, image: Reference) -> None:
    trust(project, image.registry, require=False)
    unsigned = push_image(client, Reference.parse(f"{image.registry}/verify/unsigned:v1"))
    done = project.run("providers", "verify", f"{unsigned.name}:v1")
    assert done.code == EXIT_CONFIG
    assert done.stderr.startswith("error[trust.unsigned]: ")
    assert str(unsigned.digest) in done.stderr


def test_a_tag_means_what_it_is_locked_to(project: Project, client: RegistryClient, image: Reference, key: Key) -> None:
    trust(project, image.registry)
    locked = f'provider "{image.name}:v1" {{\n  digest = "{image.digest}"\n  date = "2026-11-23"\n}}\n'
    (project.folder / "dstream.lock.hcl").write_text(f"version = 1\n{locked}")
    assert push_image(client, Reference.parse(f"{image.name}:v1")).digest != image.digest
    done = project.run("providers", "verify", f"{image.name}:v1")
    assert (done.code, done.stdout) == (EXIT_DONE, f"{image} is signed by key {key.fingerprint}\n"), done.stderr


def test_a_file_without_a_trust_block_says_how_to_name_a_signer(project: Project, image: Reference) -> None:
    project.write("")
    done = project.run("providers", "verify", f"{image.name}:v1")
    assert done.code == EXIT_CONFIG
    assert done.stderr.startswith("error[trust.none]: dstream.hcl has no `trust` block")
    assert "--key FILE" in done.stderr


@pytest.mark.parametrize(
    "options", [["--key", "a", "--issuer", "b"], ["--identity", "a"], ["--issuer", "b"], ["--trust-root", "c"]]
)
def test_half_a_signer_is_no_signer(project: Project, options: list[str]) -> None:
    done = project.run("providers", "verify", "registry.test/x:v1", *options)
    assert done.code == EXIT_CONFIG
    assert done.stderr.startswith("error[usage]: ")
