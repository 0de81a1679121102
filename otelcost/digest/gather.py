"""A digest's facts from an open store: one window, one part of the calls, the same queries as every other surface."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING

import msgspec

from otelcost.advise import recommend
from otelcost.digest.content import Preview, Told, compose
from otelcost.digest.follow import follow
from otelcost.digest.outlook import Outlook, outlook
from otelcost.digest.phrases import in_words
from otelcost.store import queries
from otelcost.store.queries import Window
from otelcost.store.scope import Scope, restricted
from otelcost.store.waiting import oldest_waiting

if TYPE_CHECKING:
    import duckdb


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a digest is about. Times are naive UTC; `told` are the actions of the digest before."""

    window: Window
    label: str
    now: datetime
    zone: tzinfo = UTC  # where months, days and hours begin
    scope: Scope = Scope()
    told: tuple[Told, ...] = ()


def gather(connection: duckdb.DuckDBPyConnection, request: Request) -> Preview:
    """Read everything a digest says."""
    window = request.window
    before = window.previous()
    waiting = oldest_waiting(connection)
    with restricted(connection, request.scope):
        report = recommend(connection, window, now=request.now)
        return compose(
            queries.overview(connection, window),
            queries.spends(connection, window),
            () if before is None else queries.spends(connection, before),
            report,
            in_words(request.label),
            scope=request.scope.in_words(),
            followed=follow(connection, request.told, report, request.now),
            waiting_since=waiting,
            outlook=ahead(connection, window, request.now, request.zone),
        )


def ahead(connection: duckdb.DuckDBPyConnection, window: Window, now: datetime, zone: tzinfo) -> Outlook:
    """How the month that `now` (naive UTC) is in will end, and what was out of the usual in a window."""
    return outlook(queries.forecast(connection, "month", now, zone), queries.anomalies(connection, window, zone), zone)
