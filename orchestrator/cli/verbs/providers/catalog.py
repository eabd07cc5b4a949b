"""`dstream providers catalog build`, `dstream providers catalog push` and `dstream providers catalog site`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.invocation import invocation_of
from orchestrator.cli.marketplace.offers import Offline
from orchestrator.cli.verbs.providers import verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dstream_sdk.protocol import Catalog
    from orchestrator.cli.terminal.screen import Screen
    from orchestrator.registry.catalogs.catalog import Namespace
    from orchestrator.registry.client import RegistryClient

app = verb("Make and publish the catalog of a namespace.")

Where = Annotated[str, typer.Argument(metavar="NAMESPACE", help="As in `ghcr.io/katasec`.")]
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME", help="The repositories in it, where the registry does not list them."),
]


@app.command()
def build(
    context: typer.Context,
    namespace: Where,
    names: Names = None,
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file, not to stdout.")
    ] = None,
) -> None:
    """Print a namespace's catalog, made now.

    Every repository's newest version is asked what it announces; no layer is transferred.
    """
    from orchestrator.cli.sources import registry_client
    from orchestrator.cli.terminal.screen import Screen
    from orchestrator.registry.catalogs.catalog import Namespace, encode

    invocation = invocation_of(context)
    screen = Screen(invocation)
    with registry_client(invocation.settings()) as client:
        content = encode(_made(client, Namespace.parse(namespace), names or (), screen))
    if output is None:
        screen.data(content)
    else:
        _write(output, content)


@app.command()
def push(
    context: typer.Context,
    namespace: Where,
    names: Names = None,
    *,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", help="Publish this catalog, made by `build`, instead of a new one."),
    ] = None,
) -> None:
    """Publish a namespace's catalog.

    It becomes `NAMESPACE/dstream-catalog:latest`, made now or read from a file.
    """
    from orchestrator.cli.marketplace.offers import read_catalog
    from orchestrator.cli.sources import registry_client
    from orchestrator.cli.terminal.events import emit
    from orchestrator.cli.terminal.screen import Screen
    from orchestrator.registry.catalogs.catalog import Namespace
    from orchestrator.registry.catalogs.catalog import push as publish

    invocation = invocation_of(context)
    screen = Screen(invocation)
    place = Namespace.parse(namespace)
    with registry_client(invocation.settings()) as client:
        catalog = read_catalog(file) if file else _made(client, place, names or (), screen)
        digest = publish(client, place.catalog, catalog)
    if invocation.json:
        emit(
            {"event": "pushed", "reference": str(place.catalog), "digest": digest, "providers": len(catalog.providers)}
        )
    else:
        typer.echo(f"{place.catalog}@{digest}")


@app.command()
def site(
    context: typer.Context,
    *,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Put it here: a new or empty folder, or an older site.")
    ],
    catalog: Annotated[
        list[str],
        typer.Option(
            "--catalog",
            metavar="REF|FILE",
            help="Show this catalog, not those of the settings; a FILE is `./…`, `/…` or `….json`. Repeatable.",
        ),
    ] = [],  # noqa: B006  # typer copies it
    home: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where the name at the top leads: `../` for the site around this one."),
    ] = None,
    offline: Offline = False,
) -> None:
    """Write catalogs as a static site.

    It has a page to search, and a page for each provider with its config and a block to copy. The pages need no
    server of their own, load nothing from elsewhere, and can be read without JavaScript.
    """
    from orchestrator.cli.marketplace.site.publishing import write_and_show

    write_and_show(invocation_of(context), out, catalog, home=home, offline=offline)


def _made(client: RegistryClient, namespace: Namespace, names: Sequence[str], screen: Screen) -> Catalog:
    from orchestrator.cli.terminal import words
    from orchestrator.errors import ConfigError
    from orchestrator.registry.catalogs.survey import survey

    found = survey(client, namespace, names)
    for repository, reason in found.left_out.items():
        screen.note(words.printable(f"left out {repository}: {reason}"))
    if not found.catalog.providers:
        hint = "an image announces itself by its label `io.dstream.provider`"
        raise ConfigError("catalog.empty", f"nothing in `{namespace}` announces that it is a provider", hint=hint)
    return found.catalog


def _write(file: Path, content: bytes) -> None:
    from orchestrator.errors import UnavailableError

    try:
        file.write_bytes(content)
    except OSError as error:
        raise UnavailableError("catalog.file", f"`{file}` cannot be written: {error.strerror}") from error
