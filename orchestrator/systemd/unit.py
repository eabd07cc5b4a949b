"""The unit that runs one task under systemd."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.config.environment import Needs
from orchestrator.errors import EXIT_CONFIG
from orchestrator.pipeline.stopping import DRAIN_S, STAGES
from orchestrator.systemd.escaping import argument, plain, quoted

WATCHDOG_S = 60
RESTART_S = 5

_ALWAYS = (
    "NoNewPrivileges=yes",
    "LockPersonality=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "UMask=0077",
)

# What only the system's own systemd may give: a user's has not the right to mount.
_SYSTEM = (
    "CapabilityBoundingSet=",
    "PrivateDevices=yes",
    "PrivateTmp=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHome=read-only",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectSystem=strict",
    "RestrictNamespaces=yes",
)


@dataclass(frozen=True, slots=True)
class UnitTask:
    """A task as a unit runs it. Paths are absolute; `grace` is in seconds.

    `command` begins with an absolute program. `writable` are the folders that a run writes to. With `containers` it
    needs an engine. `account` is who runs it where that is not root; `for_user` is a unit for a user's own systemd.
    """

    name: str
    command: Sequence[str]
    folder: Path
    writable: Sequence[Path]
    needs: Needs
    grace: float
    containers: bool
    credentials: bool = False
    for_user: bool = False
    account: str | None = None


def unit_text(task: UnitTask) -> str:
    """The unit file. It names secrets and never holds one. Raises `ConfigError` (`systemd.text`)."""
    sections = {
        "Unit": _unit(task),
        "Service": [*_service(task), *_secrets(task), "", *_hardening(task)],
        "Install": [f"WantedBy={'default.target' if task.for_user else 'multi-user.target'}"],
    }
    return "\n".join(f"[{name}]\n" + "\n".join(lines) + "\n" for name, lines in sections.items())


def _unit(task: UnitTask) -> list[str]:
    lines = [f"Description=dstream task {plain(task.name)}"]
    if not task.for_user:
        after = "network-online.target docker.service" if task.containers else "network-online.target"
        lines += ["Wants=network-online.target", f"After={after}"]
    return lines


def _service(task: UnitTask) -> list[str]:
    account = [f"User={plain(task.account)}"] if task.account and not task.for_user else []
    return [
        "Type=notify",
        "NotifyAccess=main",
        *account,
        f"WorkingDirectory={plain(str(task.folder))}",
        f"ExecStart={' '.join(argument(word) for word in task.command)}",
        "# Pulling and starting have deadlines of their own.",
        "TimeoutStartSec=infinity",
        f"WatchdogSec={WATCHDOG_S}",
        "Restart=on-failure",
        f"RestartSec={RESTART_S}",
        f"# {EXIT_CONFIG}: the configuration is wrong, which no restart puts right.",
        f"RestartPreventExitStatus={EXIT_CONFIG}",
        "# SIGTERM goes to dstream alone, which has the input finish and the output acknowledge.",
        "KillMode=mixed",
        f"TimeoutStopSec={round(STAGES * task.grace + DRAIN_S)}",
    ]


def _secrets(task: UnitTask) -> list[str]:
    """Where the variables come from: a file, or with credentials one file each for what `env()` reads."""
    place = f"%E/dstream/{plain(task.name)}"
    in_file = list(task.needs.variables)
    lines = [""]
    if task.credentials:
        lines += [f"LoadCredential={plain(name)}:{place}/{plain(name)}" for name in task.needs.secrets]
    else:
        in_file = [*task.needs.secrets, *in_file]
    if in_file:
        lines.append(f"# A file of mode 0600 that sets {', '.join(in_file)}")
    may = ", ".join([*task.needs.optional, "settings (DSTREAM_…)"])
    optional = "" if in_file else "-"
    return [*lines, f"# What it may set: {may}", f"EnvironmentFile={optional}{place}.env"]


def _hardening(task: UnitTask) -> list[str]:
    if task.for_user:
        return list(_ALWAYS)
    writable = " ".join(quoted(str(path)) for path in task.writable)
    cache = ["CacheDirectory=dstream", "Environment=XDG_CACHE_HOME=%C"]
    return [*_ALWAYS, *_SYSTEM, *cache, f"ReadWritePaths={writable}"]
