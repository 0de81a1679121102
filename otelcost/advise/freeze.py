"""What is kept with a decision: the figures as they were, whatever the window shows later, and who decided."""

from __future__ import annotations

import getpass
import socket
from contextlib import suppress
from datetime import datetime
from typing import Any

import duckdb

from otelcost.advise.report import Period, Recommendation
from otelcost.display import iso


def frozen(
    connection: duckdb.DuckDBPyConnection, card: Recommendation, period: Period, since: datetime | None = None
) -> dict[str, Any]:
    """A recommendation's figures in the window it was decided on; money in pico-dollars.

    Args:
        connection: an open session.
        card: the recommendation, of that window.
        period: the window.
        since: when the change went live, naive UTC, where it did: what is measured begins there.
    """
    figures: dict[str, Any] = {
        "rule": card.rule,
        "task": card.task,
        "title": card.title,
        "class": card.class_,
        "window": {"start": iso(card.window.start), "end": iso(card.window.end)},
        "calls": card.calls,
        "task_calls": _task_calls(connection, card.task, period),
        "cost_observed_picousd": card.cost_observed_picousd,
        "standalone_picousd": card.standalone_picousd,
        "marginal_picousd": card.marginal_picousd,
        "low_picousd": card.low_picousd,
        "high_picousd": card.high_picousd,
        "monthly_picousd": card.monthly_picousd,
        "transform": card.transform,
    }
    return figures | ({"since": since.isoformat()} if since is not None else {})


def actor() -> str:
    """Who decides: the user and the machine, as far as they have names."""
    user = "somebody"
    with suppress(OSError, KeyError):
        user = getpass.getuser()
    return f"{user}@{socket.gethostname()}"


def _task_calls(connection: duckdb.DuckDBPyConnection, task: str, period: Period) -> int:
    row = connection.execute(
        "SELECT count(*) FROM v_calls WHERE task = ? AND start >= ? AND start < ?", [task, period.start, period.end]
    ).fetchone()
    return int(row[0]) if row else 0
