"""Where the providers of a project are: processes of this host, or containers of an engine."""

from __future__ import annotations

import contextlib
import io
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from docker import APIClient

from orchestrator.runtime.sandbox import LABEL_PROJECT, LABEL_ROLE
from tests.faults import project as projects
from tests.servers.script import run_script

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orchestrator.runtime.base import Role
    from tests.faults.project import Project

PROGRAMS = Path(__file__).parent / "providers"
REPOSITORY = "dstream-faults"


class Place(Protocol):
    """What a project must know of where its providers are."""

    @property
    def name(self) -> str:
        """What the runtime is called here."""

    @property
    def environ(self) -> Mapping[str, str]:
        """What `dstream` needs in its environment."""

    def provider(self, role: Role, program: str, data: Path) -> str:
        """The lines of dstream.hcl that name the program."""

    def data_of(self, role: Role, data: Path) -> str:
        """The project's data folder, as the provider sees it."""

    def pid(self, project: Project, role: Role) -> int | None:
        """The process of a provider's program, None once it has ended."""

    def left(self, project: Project) -> list[str]:
        """What runs of the project left there, besides processes of this host that bear its mark."""

    def sweep(self, project: Project) -> None: ...


@dataclass(frozen=True)
class Processes:
    """The process runtime."""

    name: str = "process"
    environ: Mapping[str, str] = field(default_factory=dict)

    def provider(self, role: Role, program: str, data: Path) -> str:
        return f'    provider_path = "{PROGRAMS / program}.py"\n'

    def data_of(self, role: Role, data: Path) -> str:
        return str(data)

    def pid(self, project: Project, role: Role) -> int | None:
        for pid in project.processes():
            for variable in projects.environment_of(pid):
                # The program bears its provider's mark from its first moment; a launcher does not.
                if variable.startswith(b"DSTREAM_PROVIDER_ID=") and f".{role}.".encode() in variable:
                    return pid
        return None

    def left(self, project: Project) -> list[str]:
        return []

    def sweep(self, project: Project) -> None:
        """Its processes bear the project's mark."""


@dataclass(frozen=True)
class Containers:
    """The container runtime, on the engine at `host`, which has the images of `make_images`."""

    host: str
    name: str = "container"

    @property
    def environ(self) -> Mapping[str, str]:
        return {"DOCKER_HOST": self.host}

    def provider(self, role: Role, program: str, data: Path) -> str:
        image = f'    provider_image = "{REPOSITORY}/{program}:v1"\n    pull = "never"\n'
        return f'{image}    mounts = ["{data}:/data:rw"]\n'

    def data_of(self, role: Role, data: Path) -> str:
        return "/data"

    def pid(self, project: Project, role: Role) -> int | None:
        label = [f"{LABEL_PROJECT}={project.identity}", f"{LABEL_ROLE}={role}"]
        with client(self.host) as api:
            for container in api.containers(filters={"label": label}):
                init = api.inspect_container(container["Id"])["State"]["Pid"]
                with contextlib.suppress(FileNotFoundError):
                    for child in Path(f"/proc/{init}/task/{init}/children").read_text().split():
                        return int(child)
        return None

    def left(self, project: Project) -> list[str]:
        with client(self.host) as api:
            found = api.containers(all=True, filters={"label": [f"{LABEL_PROJECT}={project.identity}"]})
        return [f"container {' '.join(item['Names'])}: {item['Status']}" for item in found]

    def sweep(self, project: Project) -> None:
        with client(self.host) as api:
            for item in api.containers(all=True, filters={"label": [f"{LABEL_PROJECT}={project.identity}"]}):
                api.remove_container(item["Id"], force=True)


@dataclass(frozen=True)
class Mixed:
    """Each provider somewhere else."""

    input: Place
    output: Place
    name: str = "mixed"

    @property
    def environ(self) -> Mapping[str, str]:
        return {**self.input.environ, **self.output.environ}

    def provider(self, role: Role, program: str, data: Path) -> str:
        return self._of(role).provider(role, program, data)

    def data_of(self, role: Role, data: Path) -> str:
        return self._of(role).data_of(role, data)

    def pid(self, project: Project, role: Role) -> int | None:
        return self._of(role).pid(project, role)

    def left(self, project: Project) -> list[str]:
        return [*self.input.left(project), *self.output.left(project)]

    def sweep(self, project: Project) -> None:
        self.input.sweep(project)
        self.output.sweep(project)

    def _of(self, role: Role) -> Place:
        return self.input if role == "input" else self.output


@contextlib.contextmanager
def client(host: str) -> Iterator[APIClient]:
    api = APIClient(base_url=host, timeout=60)
    try:
        yield api
    finally:
        api.close()


def make_images(host: str) -> None:
    """Give the engine at `host` an image of every program in providers/."""
    base = run_script("base-image", environ={"DOCKER_HOST": host}, timeout=600)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(PROGRAMS, "providers")
    with client(host) as api:
        carrier = api.create_container(base, ["true"])["Id"]
        api.put_archive(carrier, "/", packed.getvalue())
        for program in sorted(PROGRAMS.glob("*.py")):
            entry = f'ENTRYPOINT ["python3","-IS","/providers/{program.name}"]'
            api.commit(carrier, f"{REPOSITORY}/{program.stem}", "v1", changes=[entry, "CMD []"])
        api.remove_container(carrier)
