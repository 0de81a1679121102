"""Having the operating system look every quarter of an hour whether a digest is due: the ledger does the rest.

The schedule, its time zone and its missed periods are not the timer's business but `digest run --due`'s, which does
nothing where nothing is due. So one timer serves every digest, and a machine that slept catches up once.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from otelcost import config, settings
from otelcost.digest.install import cron, manifests, units
from otelcost.digest.install.plan import Job, Plan
from otelcost.errors import OtelcostError

TARGETS: Final[Mapping[str, Callable[[Job], Plan]]] = {
    "systemd": units.systemd,
    "launchd": units.launchd,
    "cron": cron.crontab,
    "github": manifests.github,
    "kubernetes": manifests.kubernetes,
}
"""What can run digests, by name."""

_TIMEOUT_S: Final = 60


def job(image: str) -> Job:
    """What is to be run on this machine: this otelcost, with this home and this project's settings."""
    project = next((str(path) for path in config.files() if path.parent != settings.home()), None)
    variables = {"OTELCOST_HOME": str(settings.home())} | ({"OTELCOST_CONFIG": project} if project else {})
    return Job(command=(*_program(), "digest", "run", "--due"), variables=variables, folder=Path.cwd(), image=image)


def install(plan: Plan) -> list[str]:
    """Write the files, then run the commands. Doing it twice changes nothing. Returns what was done, a line each.

    Raises:
        OtelcostError: a command failed; the files are written by then.
    """
    done = []
    for path, body in plan.files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, encoding="utf-8")
        done.append(f"wrote {path}")
    return done + _all(plan.enable, plan.hint)


def uninstall(plan: Plan) -> list[str]:
    """Undo it: run the commands, then take the files away. What is not there is no error."""
    done = _all(plan.disable, plan.hint) if any(path.exists() for path in plan.files) or not plan.files else []
    for path in plan.files:
        if path.exists():
            path.unlink()
            done.append(f"removed {path}")
    return done + _all(plan.after_removal, plan.hint) if done else done


def _all(commands: tuple[tuple[tuple[str, ...], str | None], ...], hint: str) -> list[str]:
    return [_run(command, given, hint) for command, given in commands]


def _run(command: tuple[str, ...], given: str | None, hint: str) -> str:
    try:
        subprocess.run(  # noqa: S603  (our own commands)
            command, input=given, text=True, capture_output=True, timeout=_TIMEOUT_S, check=True
        )
    except FileNotFoundError as error:
        raise OtelcostError(f"{command[0]} is not on this machine", hint) from error
    except subprocess.CalledProcessError as error:
        said = " ".join((error.stderr or error.stdout or "").split())[:200]
        raise OtelcostError(f"{' '.join(command)} failed ({said or error.returncode})", hint) from error
    except subprocess.TimeoutExpired as error:
        raise OtelcostError(f"{' '.join(command)} did not end", hint) from error
    return f"ran {' '.join(command)}"


def _program() -> tuple[str, ...]:
    """Otelcost by its whole path: timers know no virtual environment."""
    beside = Path(sys.executable).parent / "otelcost"
    if os.access(beside, os.X_OK):
        return (str(beside),)
    found = shutil.which("otelcost")
    return (str(Path(found).absolute()),) if found else (sys.executable, "-m", "otelcost.cli")


__all__ = ["TARGETS", "Job", "Plan", "install", "job", "uninstall"]
