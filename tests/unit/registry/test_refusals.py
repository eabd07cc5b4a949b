"""What engines say, taken from real ones, and the error each of it becomes."""

from __future__ import annotations

import pytest

from orchestrator.errors import EXIT_CONFIG, EXIT_ENVIRONMENT, Where
from orchestrator.registry.reference import Reference
from orchestrator.registry.refusals import pull_refused

SAID = [
    (404, "manifest for r.example/t/x:v1 not found: manifest unknown: manifest unknown", "image.not_found"),
    (404, 'failed to resolve reference "r.example/t/x:v1": r.example/t/x:v1: not found', "image.not_found"),
    (404, "pull access denied for t/x, repository does not exist or may require 'docker login'", "image.not_found"),
    (500, 'Head "http://r.example/v2/t/x/manifests/v1": no basic auth credentials', "image.unauthorized"),
    (500, "unauthorized: authentication required", "image.unauthorized"),
    (500, "error from registry: denied\ndenied", "image.unauthorized"),
    (500, 'Get "https://r.example/v2/": dial tcp 127.0.0.1:5999: connect: connection refused', "registry.unreachable"),
    (500, "dial tcp: lookup r.example on 10.0.0.1:53: no such host", "registry.unreachable"),
    (500, 'Get "https://r.example/v2/": http: server gave HTTP response to HTTPS client', "registry.unreachable"),
    (500, 'Get "https://r.example/v2/": x509: certificate signed by unknown authority', "registry.unreachable"),
    (500, "net/http: request canceled (Client.Timeout exceeded while awaiting headers)", "registry.unreachable"),
    (500, "toomanyrequests: You have reached your pull rate limit", "registry.rate_limit"),
    (404, "no matching manifest for linux/arm64/v8 in the manifest list entries", "image.platform"),
    (404, "image with reference r.example/t/x was found but does not match the specified platform", "image.platform"),
    (400, '"bogus!" is an invalid component of "bogus!/x": platform specifier component', "image.platform"),
    (500, "unsupported media type application/vnd.oci.empty.v1+json", "provider.kind"),
    (500, "invalid rootfs in image configuration", "provider.kind"),
    (500, 'Encountered remote "application/vnd.docker.plugin.v0+json"(unknown) when fetching', "provider.kind"),
    (None, "failed to unpack image: mismatched image rootfs and manifest layers", "provider.kind"),
    (500, 'unsupported image-specific operation on artifact with type "application/vnd.x"', "provider.kind"),
    (None, "failed to register layer: write /usr/lib/x: no space left on device", "engine.disk"),
    (None, "unexpected EOF", "registry.unreachable"),
    (500, "something nobody has seen before", "image.pull_failed"),
]


@pytest.mark.parametrize(("status", "words", "code"), SAID)
def test_the_words_of_an_engine_decide_the_error(status: int | None, words: str, code: str) -> None:
    reference = Reference.parse("r.example/t/x:v1")
    where = Where(file="dstream.hcl", line=5)
    error = pull_refused(words, status, reference, str(reference), platform="linux/arm64", where=where)
    assert error.code == code
    assert "r.example" in error.message or "linux/arm64" in error.message
    assert error.hint
    assert error.where.line == 5
    ours = code in ("image.not_found", "image.platform", "provider.kind")
    assert error.exit_code == (EXIT_CONFIG if ours else EXIT_ENVIRONMENT)


def test_what_is_no_image_is_said_to_belong_behind_the_other_attribute() -> None:
    reference = Reference.parse("r.example/t/x:v1")
    error = pull_refused(
        "unsupported media type application/vnd.dstream.provider", 500, reference, "r.example/t/x:v1",
        platform="linux/amd64", where=Where(),
    )  # fmt: skip
    assert "`provider_ref`" in str(error.hint)


def test_a_mirrored_image_is_named_as_written_and_as_pulled() -> None:
    error = pull_refused(
        "manifest unknown", 404, Reference.parse("127.0.0.1:5000/katasec/x:v1"), "ghcr.io/katasec/x:v1",
        platform="linux/amd64", where=Where(),
    )  # fmt: skip
    assert "`ghcr.io/katasec/x:v1`" in error.message
    assert "127.0.0.1:5000/katasec/x:v1" in error.message


def test_a_registry_without_tls_is_told_apart_from_one_with_an_unknown_certificate() -> None:
    reference = Reference.parse("r.example/t/x:v1")

    def hint(words: str) -> str:
        return str(pull_refused(words, 500, reference, "x", platform="linux/amd64", where=Where()).hint)

    assert "insecure-registries" in hint("http: server gave HTTP response to HTTPS client")
    assert "/etc/docker/certs.d/r.example/ca.crt" in hint("x509: certificate signed by unknown authority")
