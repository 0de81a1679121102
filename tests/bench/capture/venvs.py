"""The rivals' virtual environments: one each, outside the project, from the package index this machine uses."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

from contenders import CONTENDERS, PIPELINE, ROOT, SDKS


def install(rivals: Path) -> list[str]:
    """Make what is missing under `rivals`. Returns a line for each that could not be made: the others go on."""
    wanted: dict[str, tuple[str, ...]] = {}
    for contender in CONTENDERS:
        wanted.setdefault(contender.environment, contender.requires)
    complaints = []
    for name, requires in wanted.items():
        if (rivals / name / "bin" / "python").exists():
            continue
        print(f"installing {name}", file=sys.stderr, flush=True)
        own = ("-e", str(ROOT)) if name == "otelcost" else ()
        complaint = _make(rivals / name, [*SDKS, *PIPELINE, *requires, *own])
        if complaint:
            complaints.append(f"{name}: {complaint}")
    return complaints


def _make(folder: Path, packages: list[str]) -> str:
    venv.create(folder, with_pip=True)
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    finished = subprocess.run([*command, *packages], capture_output=True, text=True, check=False)
    if finished.returncode == 0:
        return ""
    (folder / "bin" / "python").unlink()  # half an environment would look like one
    return (finished.stderr.strip().splitlines() or ["pip failed"])[-1][:200]
