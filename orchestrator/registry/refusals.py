"""What an engine says when it cannot pull an image, as an error that says what to do. Pure.

Engines report most failures of a registry as status 500 with the words of the registry or of the
network, so the words decide; those below are what Docker Engines 20 to 28 say, with either image store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.errors import ConfigError, DstreamError, UnavailableError, Where

if TYPE_CHECKING:
    from orchestrator.registry.reference import Reference

_PLATFORM = ("no matching manifest for", "match the specified platform", "match for platform", "the specified platform")
_MISSPELT_PLATFORM = ("platform specifier", "unknown operating system or architecture")
_NO_IMAGE = (
    "unsupported media type",
    "invalid rootfs in image configuration",
    "mismatched image rootfs and manifest layers",
    "encountered remote",
    "unsupported image-specific operation on artifact",
)
_DISK = ("no space left on device",)
_RATE = ("toomanyrequests", "too many requests", "rate limit")
_GONE = ("repository does not exist", "manifest unknown", "name unknown")
_DENIED = (
    "unauthorized",
    "no basic auth",
    "authentication required",
    "access denied",
    "denied",
    "authorization failed",
)
_LOGIN_WRONG = ("incorrect username or password", "403 forbidden", "401 unauthorized", "insufficient_scope")
_PLAIN_HTTP = ("server gave http response to https client",)
_TLS = ("x509:", "tls:", "certificate", "ssl")
_NETWORK = (
    "connection refused", "no such host", "timeout", "deadline exceeded", "network is unreachable", "no route to host",
    "connection reset", "eof", "bad gateway", "service unavailable", "name resolution", "server misbehaving",
    "proxyconnect", "dial tcp", "received unexpected http status",
)  # fmt: skip


def pull_refused(
    words: str, status: int | None, reference: Reference, wanted: str, *, platform: str, where: Where
) -> DstreamError:
    """The error for `words`, said by the engine with HTTP `status` (None: in the middle of a pull).

    `wanted` is what the user wrote, `reference` what was asked for after mirrors, `platform` the
    one that was asked for.
    """
    said = words.lower()
    mirrored = "" if str(reference) == wanted or reference.familiar == wanted else f" (as `{reference}`)"
    image = f"`{wanted}`{mirrored}"

    def says(fragments: tuple[str, ...]) -> bool:
        return any(fragment in said for fragment in fragments)

    if says(_MISSPELT_PLATFORM):
        hint = "write it as `os/architecture`, for example `linux/amd64`"
        return ConfigError("image.platform", f"`{platform}` is not a platform: {words}", hint=hint, where=where)
    if says(_PLATFORM):
        return other_platform(wanted, None, platform, where=where)
    if says(_NO_IMAGE):
        return not_an_image(image, words, where=where)
    if says(_DISK):
        hint = "free some space where the engine keeps its images, for example with `docker system prune`"
        return UnavailableError("engine.disk", f"no room to pull {image}: {words}", hint=hint, where=where)
    if says(_RATE):
        hint = f"wait, or log in to {reference.registry} with `docker login`, or use a mirror"
        message = f"{reference.registry} limits how often images may be pulled: {words}"
        return UnavailableError("registry.rate_limit", message, hint=hint, where=where)
    if says(_GONE):
        return not_found(image, reference, said, where)
    if says(_DENIED) or says(_LOGIN_WRONG):
        message = f"{reference.registry} refuses to hand out {image}: {words}"
        hint = f"log in with `docker login {reference.registry}`, as a user who may pull it"
        return UnavailableError("image.unauthorized", message, hint=hint, where=where)
    if status == 404:
        return not_found(image, reference, said, where)
    if says(_PLAIN_HTTP):
        hint = f"the registry speaks plain HTTP: list `{reference.registry}` in the engine's `insecure-registries`"
        return _unreachable(image, reference, words, hint, where)
    if says(_TLS):
        hint = f"give the engine the registry's CA: `/etc/docker/certs.d/{reference.registry}/ca.crt`"
        return _unreachable(image, reference, words, hint, where)
    if says(_NETWORK):
        hint = "check the registry's name, that it runs, and the engine's network and proxy settings"
        return _unreachable(image, reference, words, hint, where)
    hint = "the engine's own log says more"
    return UnavailableError("image.pull_failed", f"cannot pull {image}: {words}", hint=hint, where=where)


def other_platform(wanted: str, has: str | None, platform: str, *, where: Where) -> DstreamError:
    """The image exists, but not for `platform`; `has` is the one it is for, where that is known."""
    for_what = f"for {has}, not for {platform}" if has else f"not built for {platform}"
    hint = f"use an image built for {platform}, or one for several platforms"
    if has:
        hint += f'; if this engine can emulate {has}, write `platform = "{has}"`'
    return ConfigError("image.platform", f"the image `{wanted}` is {for_what}", hint=hint, where=where)


def not_an_image(image: str, words: str, *, where: Where) -> DstreamError:
    """What `image`, in backticks, names is something else; `words` say how that shows."""
    hint = "an artifact is named with `provider_ref`; `dstream providers inspect` says what a reference leads to"
    return ConfigError("provider.kind", f"{image} is not an image: {words}", hint=hint, where=where)


def not_found(image: str, reference: Reference, said: str, where: Where) -> DstreamError:
    """The registry does not have it, or does not show it to this user; `said` are its words in lower case."""
    if reference.digest:
        message = f"{reference.registry} has no image {image}"
        hint = "check the digest; it may have been deleted there"
    else:
        message = (
            f"{reference.registry} has no image {image}: no such repository, or no tag `{reference.tag_or_latest}`"
        )
        hint = "check name and tag"
    if "denied" in said or "login" in said:
        hint += f"; if it is private, `docker login {reference.registry}` first"
    return ConfigError("image.not_found", message, hint=hint, where=where)


def _unreachable(image: str, reference: Reference, words: str, hint: str, where: Where) -> DstreamError:
    message = f"cannot pull {image}: the registry {reference.registry} cannot be reached: {words}"
    return UnavailableError("registry.unreachable", message, hint=hint, where=where)
