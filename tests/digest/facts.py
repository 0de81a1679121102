"""Content and settings that tests send."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from otelcost import config
from otelcost.digest.content import Action, Day, Driver, Followed, Preview, Told
from otelcost.digest.ledger import Ledger
from otelcost.digest.outlook import Ahead, Outlook, Unusual
from otelcost.digest.run import Post
from otelcost.digest.settings import Named, named

DOLLAR = 10**12
NOW = datetime(2026, 11, 23, 9, 0)  # noqa: DTZ001  (a Monday)
HOSTILE = "=cmd|' /C calc'!A1\x1b[2J\r\nBcc: x@evil\u202e|<img src=x onerror=alert(1)>**x**"

OUTLOOK = Outlook(
    ahead=Ahead(
        period="November 2026", spent_picousd=310 * DOLLAR, total_picousd=412 * DOLLAR, low80_picousd=390 * DOLLAR,
        high80_picousd=440 * DOLLAR, unpriced_calls=1, days_with_calls=22,
    ),
    unusual=(
        Unusual(
            when="2026-11-19", task=HOSTILE, level="day", cost_picousd=30 * DOLLAR, usual_picousd=6 * DOLLAR,
            excess_picousd=24 * DOLLAR,
        ),
    ),
)  # fmt: skip


def preview(**more: Any) -> Preview:
    """A digest that says everything, its names hostile."""
    end = datetime(2026, 11, 23, 6, 30)  # noqa: DTZ001
    known: dict[str, Any] = {
        "subject": "LLM spend, last 7 days: $100.00, up 61% (+$37.90). 1 fix saves $10.00 (10% of spend), exact",
        "quiet": False,
        "drivers": (
            Driver(
                task=HOSTILE, cost_picousd=90 * DOLLAR, previous_picousd=50 * DOLLAR, change_picousd=40 * DOLLAR,
                calls=10, previous_calls=9, tokens_per_call=900, previous_tokens_per_call=400,
            ),
        ),
        "compared": True,
        "actions": (
            Action(
                id="R-1", title=f"Trim {HOSTILE}", task=HOSTILE, class_="exact", marginal_picousd=10 * DOLLAR,
                standalone_picousd=10 * DOLLAR, low_picousd=9 * DOLLAR, high_picousd=11 * DOLLAR,
                call_site=f"app.py:1 {HOSTILE}",
            ),
        ),
        "more_actions": 1,
        "savings": "1 fix saves $10.00",
        "unknowns": ("unpriced: 1 call (0.1%) of unknown cost are in no figure; see otelcost prices check",),
        "coverage_days": 7,
        "last_call": end,
        "scope": "",
        "start": end - timedelta(days=7),
        "end": end,
        "spend_picousd": 100 * DOLLAR,
        "previous_picousd": 62 * DOLLAR,
        "calls": 1000,
        "unpriced_calls": 1,
        "estimated_calls": 0,
        "waiting_since": end - timedelta(hours=3),
        "followed": (
            Followed(id="R-7", title="Batch it", task="nightly", state="verified", realised_picousd=3 * DOLLAR,
                     expected_picousd=4 * DOLLAR),
            Followed(id="R-8", title="Drop it", task="x", state="dismissed", note=HOSTILE),
        ),
        "days": tuple(
            Day(day=date(2026, 11, 17) + timedelta(days=day), cost_picousd=None if day == 2 else day * DOLLAR)
            for day in range(7)
        ),
        "outlook": OUTLOOK,
    }  # fmt: skip
    return Preview(**(known | more))


def settings(folder: Path, text: str, mode: int = 0o600) -> dict[str, Named]:
    """Digests as a file in a folder has them."""
    path = folder / "otelcost.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return named(config.load(folder, {}))


def mail_settings(port: int, smtp: str = "", digest: str = "") -> str:
    """A weekly digest by e-mail over a server on loopback."""
    return f"""
[smtp]
host = "127.0.0.1"
port = {port}
sender = "otelcost <costs@example.com>"
{smtp or 'security = "none"'}
[digest.weekly]
retry_s = [0.01, 0.02]
{digest}
[digest.weekly.channels.mail]
kind = "email"
to = ["team@example.com", "Ann <ann@example.com>"]
"""


class Office:
    """A ledger and a clock to send with. `asked` are the windows' ends that content was read for, `told` what with."""

    def __init__(self, ledger: Path, now: datetime = NOW) -> None:
        self.ledger = Ledger(ledger)
        self.now = now
        self.slept: list[float] = []
        self.asked: list[tuple[str, datetime]] = []
        self.told: list[tuple[Told, ...]] = []

    def post(self) -> Post:
        """A sender at this moment."""
        return Post(self.ledger, self._read, self.now, self.slept.append)

    def run_due(self, digests: dict[str, Named]) -> list[tuple[str, str]]:
        """Send what is due; period and state of each."""
        with self.ledger.only_sender():
            return [(row.period, row.state) for row in self.post().run_due(digests)]

    def _read(self, one: Named, moment: datetime, told: tuple[Told, ...]) -> Preview:
        self.asked.append((one.name, moment))
        self.told.append(told)
        return preview()
