"""`dstream providers verify REF`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.invocation import invocation_of
from orchestrator.cli.verbs.providers import verb

if TYPE_CHECKING:
    from orchestrator.config.model import Trust
    from orchestrator.registry.reference import Reference

app = verb()


@app.command()
def verify(
    context: typer.Context,
    text: Annotated[str, typer.Argument(metavar="REF", help="An image or artifact; a tag means what it is locked to.")],
    *,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="The public key that must have signed.")] = None,
    identity: Annotated[
        str | None, typer.Option(metavar="NAME", help="The identity that must have signed; `*` stands for any text.")
    ] = None,
    issuer: Annotated[str | None, typer.Option(metavar="URL", help="Who must have vouched for the identity.")] = None,
    trust_root: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The `trusted_root.json` of a Sigstore of your own.")
    ] = None,
) -> None:
    """Say who signed what a reference means.

    The `trust` block of dstream.hcl says who may, or the options do.
    """
    import dataclasses

    from orchestrator.cli.sources import registry_client, verifier
    from orchestrator.cli.terminal.events import emit
    from orchestrator.errors import Where
    from orchestrator.registry.lockfile import Lock
    from orchestrator.registry.reference import Reference

    invocation = invocation_of(context)
    settings = invocation.settings()
    meant = Reference.parse(text)
    trust = _named_here(meant, key, identity, issuer, trust_root)
    if trust is None:
        project = invocation.project()
        trust = _required(project.trust, invocation.config)
        meant = Lock(project.locked, project.lock_path).pin(meant)
    with registry_client(settings) as client:
        if meant.digest is None:
            meant = meant.with_digest(client.resolve(meant).digest)
        signer = verifier(trust, lambda: client).verify(meant, where=Where())
    if invocation.json:
        emit({"event": "verified", "reference": str(meant), "signer": signer and dataclasses.asdict(signer)})
    elif not invocation.quiet:
        typer.echo(f"{meant.familiar} is signed by {signer}")


def _named_here(
    reference: Reference, key: Path | None, identity: str | None, issuer: str | None, trust_root: Path | None
) -> Trust | None:
    """The options as a trust block for this one reference; None where there are none."""
    from orchestrator.config.model import Trust, TrustedNamespace
    from orchestrator.errors import ConfigError, Where

    by_identity = (identity, issuer, trust_root)
    if key is None and by_identity == (None, None, None):
        return None
    if key is not None and by_identity != (None, None, None):
        raise ConfigError("usage", "a signer is a key or an identity", hint="drop `--key`, or the other options")
    if key is None and (identity is None or issuer is None):
        raise ConfigError("usage", "an identity needs its issuer", hint="name both: `--identity` and `--issuer`")
    signer = TrustedNamespace(
        name=reference.name,
        where=Where(),
        key=None if key is None else str(key),
        identity=identity,
        issuer=issuer,
        trust_root=None if trust_root is None else str(trust_root),
    )
    return Trust(require=True, namespaces=(signer,))


def _required(trust: Trust | None, file: Path) -> Trust:
    """The file's trust, asked for as if it required every signature."""
    import dataclasses

    from orchestrator.errors import ConfigError, Where

    if trust is None:
        hint = "name the signer with `--key FILE`, or with `--identity` and `--issuer`"
        raise ConfigError("trust.none", f"{file.name} has no `trust` block", hint=hint, where=Where(file=str(file)))
    return dataclasses.replace(trust, require=True)
