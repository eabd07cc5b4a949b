"""Images of a few bytes, made by hand: any platform, any label, nothing to build from."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile

from docker import APIClient


def publish(
    host: str, reference: str, *, architecture: str = "amd64", labels: dict[str, str] | None = None, keep: bool = False
) -> str:
    """Push a new two-layer image through the engine at `host`: its digest. Without `keep` nothing of it stays there."""
    client = APIClient(base_url=host, timeout=60)
    try:
        archive = _archive(reference, architecture, labels or {})
        events = list(client.load_image(archive, quiet=True))  # type: ignore[no-untyped-call]
        assert not [event for event in events if "error" in event], events
        pushed = list(client.push(reference, stream=True, decode=True))
        assert not [event for event in pushed if "error" in event], pushed
        image = client.inspect_image(reference)  # type: ignore[no-untyped-call]
        if not keep:
            client.remove_image(reference, force=True)
    finally:
        client.close()
    return str(image["RepoDigests"][0].split("@")[1])


def forget(host: str, reference: str) -> None:
    """Remove an image from the engine at `host`, wherever its other names are."""
    client = APIClient(base_url=host, timeout=60)
    try:
        client.remove_image(reference, force=True)
    finally:
        client.close()


def _archive(reference: str, architecture: str, labels: dict[str, str]) -> bytes:
    layers = [_tar({f"file{number}": os.urandom(64 * 1024)}) for number in range(2)]
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Labels": labels, "User": "10001", "Cmd": ["/file0"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]},
        "history": [{"created_by": "tests"} for _ in layers],
    }
    files = {f"layer{number}.tar": layer for number, layer in enumerate(layers)}
    manifest = [{"Config": "config.json", "RepoTags": [reference], "Layers": list(files)}]
    return _tar({"config.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode(), **files})


def _tar(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
