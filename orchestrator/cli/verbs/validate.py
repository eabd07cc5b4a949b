"""`dstream validate`"""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.invocation import invocation_of
from orchestrator.cli.verbs.run import Locked, VariableFiles, Variables


def validate(
    context: typer.Context,
    *,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask no registry, and skip what is not known on this host.")
    ] = False,
    locked: Locked = False,
    var: Variables = [],  # noqa: B006  # typer copies it
    var_file: VariableFiles = [],  # noqa: B006  # typer copies it
) -> int:
    """Say all that is wrong with the file and its tasks.

    Every config is checked against its provider's own schema, which is read through the registry. Starts and pulls
    nothing.
    """
    from orchestrator.cli.tasks.validating import validate_and_show

    return validate_and_show(invocation_of(context), offline=offline, locked=locked, variables=var, files=var_file)
