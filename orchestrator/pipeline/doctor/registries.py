"""Does every registry serve what the file and the settings name?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from orchestrator.errors import DstreamError
from orchestrator.pipeline.doctor.finding import Finding, of_error
from orchestrator.registry.client import RegistryClient
from orchestrator.registry.reference import Reference
from orchestrator.registry.together import together

_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Named:
    """A reference, and whose: `place` is where it is written. A `catalog` is needed by no run.

    `here` tells whether what it means is on this host already.
    """

    reference: Reference
    place: str
    here: Callable[[], bool]
    catalog: bool = False


def look_at_registries(client: RegistryClient, named: Sequence[Named]) -> Iterator[Finding]:
    """Ask for each of them as a pull would, with the same login, certificates and proxy, and transfer nothing."""
    problems = together(lambda one: _problem(client, one), named, at_once=_AT_ONCE)
    for registry in dict.fromkeys(one.reference.registry for one in named):
        asked = [(one, problem) for one, problem in zip(named, problems, strict=True) if _at(one, registry)]
        served = [one for one, problem in asked if problem is None]
        if served:
            yield Finding("ok", f"{registry} serves {len(served)} of {len(asked)} that are named", registry)
        yield from (_finding(one, problem) for one, problem in asked if problem is not None)
    if not named:
        yield Finding("ok", "no registry is named")


def _at(one: Named, registry: str) -> bool:
    return one.reference.registry == registry


def _problem(client: RegistryClient, one: Named) -> DstreamError | None:
    try:
        client.resolve(one.reference)
    except DstreamError as error:
        return error
    return None


def _finding(one: Named, problem: DstreamError) -> Finding:
    found = of_error(problem)
    if one.catalog:
        return Finding("warning", f"{found.what}; searches do without this catalog", one.place, found.remedy)
    if one.here():
        return Finding("warning", f"{found.what}; it is on this host already", one.place, found.remedy)
    return Finding("failed", found.what, one.place, found.remedy)
