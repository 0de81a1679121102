"""`otelcost forecast`: what the day, week or month will have cost at its end, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from otelcost.cli import forecast_words, options
from otelcost.cli.render import Column, Document, Line, Name, Prose, Table
from otelcost.digest import outlook
from otelcost.display import UNKNOWN, common_places, money, plural, range_text

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    import duckdb

    from otelcost.config import Budget, Config
    from otelcost.periods import Period
    from otelcost.store.queries import Forecast, Scope

_COLUMNS = (
    Column("what", flex=16),
    Column("period", drop=3),
    Column("spent", right=True),
    Column("rest", right=True, drop=2),
    Column("at its end", right=True),
    Column("80%", right=True, drop=1),
    Column("95%", right=True, drop=4),
    Column("budget", right=True, drop=1),
    Column("above it", right=True, drop=1),
)


@click.command("forecast", epilog=options.examples("forecast", "forecast --period week --task 'nightly.*'"))
@click.option(
    "--period", type=click.Choice(["day", "week", "month"]), default="month", show_default=True, help="Until when."
)
@options.FILTERS["task"]
@click.option("--model", metavar="GLOB", help="Only calls of these models.")
@options.format_option
@options.drain_option
@options.debug_option
def command(period: Period, task: str | None, model: str | None, format_: str, drain: bool) -> None:
    """Foretell what the running day, week or month will cost, and how every budget will end.

    The days ahead are expected to cost what the same weekdays of the last four weeks did; the intervals come from
    how far those days were from each other. It takes seven days with calls.
    """
    from otelcost.cli.reader import check_name, drain_spool  # noqa: PLC0415
    from otelcost.config import load  # noqa: PLC0415
    from otelcost.store.db import session  # noqa: PLC0415
    from otelcost.store.queries import Scope, forecast, model_names, task_names  # noqa: PLC0415

    config = load()
    zone, now = config.zone, options.now()
    scope = Scope(task=task, model=model)
    if drain:
        drain_spool()
    with session() as connection:
        check_name("task", task, lambda: task_names(connection), "otelcost tasks --window all")
        check_name("model", model, lambda: model_names(connection), "otelcost overview --window all")
        found: list[_Row] = [(str(scope), str(scope), None, forecast(connection, period, now, zone, scope=scope))]
        found += of_budgets(connection, config, now, zone)
    options.show(document(found, zone, config.settings.timezone), format_)


_Row = tuple[str, str, int | None, "Forecast"]
"""A name, its scope in words, the amount it is compared with, and its forecast."""


def of_budgets(connection: duckdb.DuckDBPyConnection, config: Config, now: datetime, zone: tzinfo) -> list[_Row]:
    """Every budget's forecast."""
    from otelcost.store.queries import forecast  # noqa: PLC0415

    found: list[_Row] = []
    for budget in config.settings.budget:
        scope, amount = scope_of(budget), budget.amount_picousd
        one = forecast(connection, budget.period, now, zone, scope=scope, amount_picousd=amount)
        found.append((budget.name, str(scope), amount, one))
    return found


def scope_of(budget: Budget) -> Scope:
    """Which calls a budget is about."""
    from otelcost.store.queries import Scope  # noqa: PLC0415

    return Scope(**{name: getattr(budget, name) for name in Scope.__struct_fields__})


def document(rows: list[_Row], zone: tzinfo, timezone: str) -> Document:
    """Forecasts as a document."""
    records = tuple(forecast_words.record(one, name, scope, amount) for name, scope, amount, one in rows)
    lines: list[Line] = [f"Periods begin and end in {timezone}."]
    for name, _, _, one in rows:
        if one.total_picousd is None:
            lines.append((Name(name), f": {outlook.ending(one)}"))
        if one.unpriced_calls:
            lines.append((Name(name), f": {plural(one.unpriced_calls, 'call')} without a price are in no figure"))
    envelope: dict[str, Any] = {"timezone": timezone, "forecasts": [dict(record) for record in records]}
    table = Table(_COLUMNS, tuple(_cells(row, zone) for row in rows))
    return Document(envelope, (table, Prose(tuple(lines))), forecast_words.FIELDS, records)


def _cells(row: _Row, zone: tzinfo) -> tuple[str, ...]:
    name, _, amount, one = row
    places = common_places([one.spent_picousd, one.total_picousd, one.high95_picousd, amount])
    return (
        name,
        outlook.period_name(one, zone),
        outlook.so_far(one.spent_picousd, one.unpriced_calls, places),
        UNKNOWN if one.rest_picousd is None else money(one.rest_picousd, places),
        UNKNOWN if one.total_picousd is None else money(one.total_picousd, places),
        range_text(one.low80_picousd, one.high80_picousd, places) or "-",
        range_text(one.low95_picousd, one.high95_picousd, places) or "-",
        "-" if amount is None else money(amount, places),
        forecast_words.risk(one, amount) or "-",
    )
