"""dstream.hcl to `Project`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from orchestrator.config.expressions import Namespace, Scope
from orchestrator.config.functions import Surroundings
from orchestrator.config.gathering import Gathering
from orchestrator.config.lockfile import of_the_lock, read_lock
from orchestrator.config.model import Project, lock_path
from orchestrator.config.namespaces import Locals, Variables
from orchestrator.config.nearest import suggestion
from orchestrator.config.parsing import parse_all
from orchestrator.config.removed import TOP_LEVEL, removed
from orchestrator.config.source import Source, read_source
from orchestrator.config.state import read_state
from orchestrator.config.syntax import Attribute, Block, Body
from orchestrator.config.tasks import Tasks
from orchestrator.config.trust import read_trust
from orchestrator.config.variables import Variable, gather, read_variable, read_variable_file
from orchestrator.errors import ConfigError

_BLOCKS = ("locals", "state", "task", "trust", "variable")


def load_project(
    path: str | Path,
    *,
    variables: Mapping[str, str] | None = None,
    var_files: Sequence[str | Path] = (),
    environ: Mapping[str, str] = os.environ,
    parse: Callable[[Sequence[Source]], Sequence[Body]] = parse_all,
) -> Project:
    """Read and check a configuration file. `variables` is what `--var` gave; later `var_files` win.

    The lock file beside it is read too. `parse` turns texts into trees. Raises `ConfigError` for what is wrong
    in the file as a whole or in its lock; what is wrong inside one task is raised when that task is taken from
    the project. Blocks while parsing.
    """
    source = read_source(Path(path), missing_hint="name the file with `-c FILE`, or change to its folder")
    files = [read_source(Path(file)) for file in var_files]
    locking = lock_path(Path(path))
    lock = read_source(locking) if locking.exists() else None
    sources = [source, *([lock] if lock else []), *(file for file in files if not file.name.endswith(".json"))]
    try:
        trees = iter(parse(sources))
    except ConfigError as error:
        raise of_the_lock(error) if lock and error.where.file == lock.name else error from None
    body = next(trees)
    locked = read_lock(lock, next(trees)) if lock else None
    surroundings = Surroundings(environ, source.folder)
    blocks = _blocks(body)
    declared: dict[str, Variable] = {}
    for block in blocks["variable"]:
        variable = read_variable(block, surroundings)
        if variable.name in declared:
            raise block.at.error("config.duplicate", f"a second variable is called `{variable.name}`")
        declared[variable.name] = variable
    given = [read_variable_file(file, None if file.name.endswith(".json") else next(trees), environ) for file in files]
    local = Locals(blocks["locals"])
    var = Variables(declared, gather(declared, given, variables or {}, environ))
    namespaces: dict[str, Namespace] = {"var": var, "local": local}
    scope = Scope(surroundings, namespaces)
    local.within(scope)
    trust = read_trust(blocks["trust"], scope)
    tasks = Tasks(blocks["task"], scope)
    return Project(
        path=Path(path).absolute(),
        tasks=tasks,
        trust=trust,
        uses=tasks.uses,
        dead_letter_path=tasks.dead_letter_path,
        locked=locked,
        state=lambda: read_state(blocks["state"], scope),
    )


def _blocks(body: Body) -> dict[str, list[Block]]:
    blocks: dict[str, list[Block]] = {name: [] for name in _BLOCKS}
    wrong = Gathering()
    for item in body.items:
        name = item.name if isinstance(item, Attribute) else item.type
        if isinstance(item, Block) and name in blocks:
            blocks[name].append(item)
        elif name in TOP_LEVEL:
            wrong.add(removed(item.at, f"`{name}` at the top of the file", TOP_LEVEL[name]))
        elif isinstance(item, Attribute):
            hint = "values for use in several places go into `locals { … }`"
            wrong.add(item.at.error("config.unknown_attribute", f"the file has no attribute `{name}`", hint))
        else:
            meant = suggestion(name, _BLOCKS)
            wrong.add(item.at.error("config.unknown_block", f"the file has no block `{name}`", meant))
    wrong.finish()
    return blocks
