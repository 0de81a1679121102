"""The store and the price book: whether they open, and what is missing from the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otelcost import settings
from otelcost.cli.checks import Check
from otelcost.display import count, instant, percent, plural
from otelcost.errors import OtelcostError, PriceError

if TYPE_CHECKING:
    from datetime import datetime

    from otelcost.store.queries import Health, Overview, UnpricedRow

_MIB = 1024 * 1024
_MAX_MODELS = 5
_RECENT = "7d"
_ERROR_SHARE = 10
"""A tenth of the calls failing is worth a look."""


def check_store(now: datetime, *, drain: bool) -> list[Check]:
    """Drain unless told not to, open the store, and explain what its figures lack."""
    try:
        drained = [_drained()] if drain else []
        health, recent = read_health(now)
    except OtelcostError as error:
        return [Check("store", "broken", error.what, error.fix)]
    return [*drained, _store(health), _calls(health, recent, now), *_errors(recent), *_spans(health), *prices(health)]


def read_health(now: datetime) -> tuple[Health, Overview]:
    """The store's own account of itself, and the last days' figures."""
    from otelcost.store import queries  # noqa: PLC0415
    from otelcost.store.db import session  # noqa: PLC0415

    with session() as connection:
        recent = queries.overview(connection, queries.Window.parse(_RECENT, now))
        return queries.health(connection, today=now.date()), recent


def _drained() -> Check:
    from otelcost.store.drain import drain  # noqa: PLC0415

    report = drain()
    detail = f"{plural(report.calls, 'call')} and {plural(report.spans, 'span')} loaded just now"
    if report.rejects:
        put_aside = f"{detail}, {plural(report.rejects, 'line')} put aside"
        return Check("drain", "warning", put_aside, f"see {settings.quarantine_dir()}")
    return Check("drain", "ok", detail)


def _store(health: Health) -> Check:
    size = health.store_bytes * 10 // _MIB
    detail = f"{settings.store_path()}, schema {health.schema_version}, {size // 10:,}.{size % 10} MiB"
    return Check("store", "ok", detail)


def _calls(health: Health, recent: Overview, now: datetime) -> Check:
    if not health.calls and not health.spans:
        fix = "otelcost demo, or otelcost run -- python app.py, or call otelcost.instrument() in the program"
        return Check("calls", "note", "none recorded yet", fix)
    age = f"newest {instant(health.last_call)}"
    if health.last_call is not None and health.last_call > now:
        return Check("calls", "warning", f"{age}, which is in the future", "check the clocks of the machines")
    if not recent.calls:
        detail = f"{count(health.calls)} recorded, {age}: none in the last {_RECENT}"
        fix = 'see the older ones with --window all; is the application recorded? otelcost doctor --app "COMMAND"'
        return Check("calls", "note", detail, fix)
    return Check("calls", "ok", f"{count(health.calls)} recorded, {age}")


def _errors(recent: Overview) -> list[Check]:
    """Calls that fail cost time, retries, and sometimes money."""
    if not recent.calls:
        return []
    detail = f"{count(recent.errors)} of {plural(recent.calls, 'call')} failed or broke off in the last {_RECENT}"
    if recent.errors * _ERROR_SHARE < recent.calls:
        return [Check("errors", "ok", detail)]
    fix = f"see what the provider answered: otelcost calls --window {_RECENT}, column status"
    return [Check("errors", "warning", f"{detail} ({percent(recent.errors, recent.calls)})", fix)]


def _spans(health: Health) -> list[Check]:
    if not health.spans:
        return []
    detail = f"{count(health.spans)} of other instrumentations, {count(health.covered_spans)} of them recorded here too"
    return [Check("spans", "ok", f"{detail}: no call is counted twice")]


def prices(health: Health) -> list[Check]:
    """The book and the calls it has no price for: what `otelcost prices check` reports as well."""
    return [_book(health), *_override(), *_unpriced(health)]


def _book(health: Health) -> Check:
    from otelcost.pricing.report import STALE_AFTER_DAYS  # noqa: PLC0415

    if health.book_source is None:
        return Check("price book", "note", "not compiled yet", "otelcost drain")
    detail = f"{health.book_source}, prices up to {health.book_date}"
    age = health.book_age_days
    if age is not None and age > STALE_AFTER_DAYS:
        fix = "python -m pip install --upgrade genai-prices, or add what changed to prices.toml"
        return Check("price book", "warning", f"{detail}, {plural(age, 'day')} old", fix)
    return Check("price book", "ok", detail)


def _override() -> list[Check]:
    """The user's prices are read here and now: the store keeps the last good ones and may not say so."""
    from otelcost.pricing.override import read_rules  # noqa: PLC0415

    path = settings.price_override_path()
    if not path.is_file():
        return []
    try:
        rules = read_rules(path)
    except PriceError as error:
        return [Check("own prices", "warning", f"{path} has a mistake: the last good prices are used", str(error))]
    entries = plural(len(rules), "entry", "entries")
    return [Check("own prices", "ok", f"{path}, {entries}")]


def _unpriced(health: Health) -> list[Check]:
    """One check a model; without a price its calls are in no sum, which is not the same as free."""
    rows = health.unpriced
    if not rows:
        recorded = health.calls or health.spans
        return [Check("unpriced", "ok", "every recorded call has a price")] if recorded else []
    shown = [_unpriced_model(row) for row in rows[:_MAX_MODELS]]
    left = sum(row.calls for row in rows[_MAX_MODELS:])
    if left:
        shown.append(
            Check("unpriced", "warning", f"and {plural(left, 'call')} more", "otelcost prices check --format csv")
        )
    return shown


def _unpriced_model(row: UnpricedRow) -> Check:
    detail = f"{plural(row.calls, 'call')} of {row.model or 'an unnamed model'} at {row.provider or '?'}: {row.reason}"
    if row.reason.startswith(("the provider ", "the parts ")):  # what it said, or did not
        return Check("unpriced", "warning", detail, "see the provider's bill; no price helps")
    return Check("unpriced", "warning", detail, f"add a [[price]] entry to {settings.price_override_path()}")
