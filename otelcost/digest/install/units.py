"""A systemd user timer, and a launchd agent."""

from __future__ import annotations

import os
import plistlib
from pathlib import Path
from typing import Final

from otelcost.digest.install.plan import EVERY_MINUTES, Job, Plan

_UNIT: Final = "otelcost-digest"
_LABEL: Final = "otelcost.digest"


def systemd(job: Job) -> Plan:
    """A timer of the user's own systemd; `Persistent` makes up for the time the machine was off."""
    folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"
    variables = "".join(f"Environment={_quoted(f'{name}={value}')}\n" for name, value in job.variables.items())
    service = f"""[Unit]
Description=Send the otelcost digests that are due

[Service]
Type=oneshot
{variables}# Passwords that otelcost.toml takes from variables: one NAME=value a line, mode 0600.
EnvironmentFile=-%h/.config/otelcost/digest.env
# env finds the program: systemd itself refuses one with quotes in its path.
ExecStart=/usr/bin/env {" ".join(_quoted(part).replace("$", "$$") for part in job.command)}
"""
    timer = f"""[Unit]
Description=Look every {EVERY_MINUTES} minutes whether an otelcost digest is due

[Timer]
OnCalendar=*:0/{EVERY_MINUTES}
Persistent=true
RandomizedDelaySec=30

[Install]
WantedBy=timers.target
"""
    systemctl = ("systemctl", "--user")
    return Plan(
        files={folder / f"{_UNIT}.service": service, folder / f"{_UNIT}.timer": timer},
        enable=(((*systemctl, "daemon-reload"), None), ((*systemctl, "enable", "--now", f"{_UNIT}.timer"), None)),
        disable=(((*systemctl, "disable", "--now", f"{_UNIT}.timer"), None),),
        after_removal=(((*systemctl, "daemon-reload"), None),),
        hint=f"in a session of yours: systemctl --user daemon-reload && systemctl --user enable --now {_UNIT}.timer",
        note="timers of users who are not logged in run after: loginctl enable-linger",
    )


def launchd(job: Job) -> Plan:
    """An agent of the user's launchd; it runs once when it is loaded and after sleep."""
    path = Path.home() / "Library" / "LaunchAgents" / f"{_LABEL}.plist"
    agent = {
        "Label": _LABEL,
        "ProgramArguments": list(job.command),
        "EnvironmentVariables": job.variables,
        "StartInterval": EVERY_MINUTES * 60,
        "RunAtLoad": True,
        "ProcessType": "Background",
    }
    domain = f"gui/{os.getuid()}"
    return Plan(
        files={path: plistlib.dumps(agent).decode()},
        enable=((("launchctl", "bootstrap", domain, str(path)), None),),
        disable=((("launchctl", "bootout", f"{domain}/{_LABEL}"), None),),
        hint=f"on the Mac: launchctl bootstrap {domain} {path}",
    )


def _quoted(text: str) -> str:
    """A word as systemd reads it: % begins a specifier, quotes end. $ begins a variable in arguments alone."""
    inner = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("\n", "\\n")
    return f'"{inner}"'
