"""Where a provider keeps what it must find again of the infrastructure that it made."""

from __future__ import annotations

from pathlib import Path

from orchestrator.config.model import Role
from orchestrator.errors import UnavailableError, Where
from orchestrator.state.names import file_name

FOLDER = "infra"


class InfrastructureFolders:
    """The folders of one state directory, one for each task and role."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir.absolute() / FOLDER

    def of(self, task: str, role: Role) -> Path:
        """The absolute path of a provider's folder, which is made where it is missing.

        Everybody may write there, since a container may run as any user; the folder around all of them lets nobody
        in but its owner. Raises `UnavailableError` (`state.unavailable`).
        """
        folder = self._folder / file_name(task, "") / role
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._folder.chmod(0o700)  # whatever the state directory is open for, which somebody else may have made
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o777)  # of a path's last part `mkdir` does not promise the mode
        except OSError as error:
            raise UnavailableError(
                "state.unavailable",
                f"cannot keep what infrastructure needs in `{folder}`: {error.strerror}",
                where=Where(file=str(folder)),
            ) from error
        return folder
