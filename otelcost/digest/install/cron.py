"""A line of the user's crontab, between two marks; the other lines stay as they are."""

from __future__ import annotations

import re
import shlex
import subprocess
from typing import Final

from otelcost.digest.install.plan import EVERY_MINUTES, Job, Plan
from otelcost.errors import OtelcostError

_BEGIN: Final = "# otelcost digest: begin"
_END: Final = "# otelcost digest: end"
_BLOCK: Final = re.compile(rf"^{re.escape(_BEGIN)}\n.*?^{re.escape(_END)}\n", re.DOTALL | re.MULTILINE)
_HINT: Final = "install a cron, or use another of systemd, launchd, github and kubernetes"


def crontab(job: Job) -> Plan:
    """The line, and the whole table with and without it."""
    words = [f"{name}={value}" for name, value in job.variables.items()]
    line = " ".join(shlex.quote(word) for word in ("env", *words, *job.command)).replace("%", r"\%")
    block = f"{_BEGIN}\n*/{EVERY_MINUTES} * * * * {line}\n{_END}\n"
    others = _BLOCK.sub("", _present())
    return Plan(
        files={},
        enable=((("crontab", "-"), _ended(others) + block),),
        disable=((("crontab", "-"), others),),
        hint=_HINT,
        note="a cron that is off at the time makes up for it at the next look; mail of cron is the job's output",
    )


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def _present() -> str:
    """The user's table; empty where there is none yet."""
    try:
        found = subprocess.run(
            ("crontab", "-l"),  # noqa: S607  (where it is, differs)
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        return ""  # told when it is installed; a dry run needs none
    if found.returncode and "no crontab" not in found.stderr.lower():
        raise OtelcostError(f"crontab -l failed ({' '.join(found.stderr.split())[:200]})", _HINT)
    return found.stdout if not found.returncode else ""
