"""Units as systemd's own checker reads them."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
from pathlib import Path

from orchestrator.config.environment import Needs
from orchestrator.systemd.unit import UnitTask, unit_text

NEEDS = Needs(secrets=("PASSWORD", "TOKEN"), optional=("REGION",), variables=("DSTREAM_VAR_size",))


def verify(*units: Path) -> str:
    """What systemd has against them."""
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, timeout=60, check=False
    )
    about = [line for line in done.stderr.splitlines() if any(unit.name in line for unit in units)]
    return "\n".join(about) if about or done.returncode == 0 else done.stderr


def exposure(unit: Path) -> int:
    """How much of the host a service could reach, in tenths: 100 is all of it."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", unit], capture_output=True, text=True, timeout=60, check=True
    )
    level = re.search(r"Overall exposure level for \S+: (\d+)\.(\d)", done.stdout)
    assert level, done.stdout
    return int(level[1] + level[2])


def test_systemd_has_nothing_against_units_of_any_kind(tmp_path: Path) -> None:
    program = shutil.which("true")
    assert program
    odd = tmp_path / '50% of "all" $HOME'
    odd.mkdir()
    units = []
    kinds = itertools.product((False, True), (False, True), (("orders", tmp_path), ("it's 5% $x; \\ done", odd)))
    for number, (credentials, for_user, (name, folder)) in enumerate(kinds):
        task = UnitTask(
            name=name,
            command=[program, "--config", str(folder / "dstream.hcl"), "run", name],
            folder=folder,
            writable=[folder],
            needs=NEEDS,
            grace=30.0,
            containers=True,
            credentials=credentials,
            for_user=for_user,
            account="shop",
        )
        unit = tmp_path / f"dstream-{number}.service"
        unit.write_text(unit_text(task))
        units.append(unit)
    assert verify(*units) == ""
    assert exposure(units[0]) < 30

    units[0].write_text(units[0].read_text().replace("KillMode=mixed", "KillMod=mixed"))
    assert "KillMod" in verify(units[0])
