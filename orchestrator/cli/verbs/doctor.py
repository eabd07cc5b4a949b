"""`dstream doctor`"""

from __future__ import annotations

import typer

from orchestrator.cli.invocation import invocation_of
from orchestrator.cli.verbs.run import VariableFiles, Variables


def doctor(
    context: typer.Context,
    *,
    var: Variables = [],  # noqa: B006  # typer copies it
    var_file: VariableFiles = [],  # noqa: B006  # typer copies it
) -> int:
    """Look at all that tasks need of this host.

    Engine, registries, disks, clock, state, locks and what killed runs left; without a dstream.hcl what is left of it.
    Says what mends what is wrong, and changes nothing. Exits 4 where something failed.
    """
    from orchestrator.cli.views.doctoring import examine_and_show

    return examine_and_show(invocation_of(context), variables=var, files=var_file)
