"""`dstream version`"""

from __future__ import annotations

import typer

from orchestrator.cli.invocation import invocation_of


def version(context: typer.Context) -> None:
    """Print the versions of this command and of its contract."""
    import platform
    from importlib.metadata import version as installed

    from dstream_sdk.protocol.limits import PROTOCOL_VERSION
    from orchestrator.cli.terminal.events import emit

    own = installed("dstream-cli")
    if invocation_of(context).json:
        python = platform.python_version()
        emit({"event": "version", "version": own, "protocol": PROTOCOL_VERSION, "python": python})
    else:
        typer.echo(f"dstream {own} (protocol {PROTOCOL_VERSION})")
