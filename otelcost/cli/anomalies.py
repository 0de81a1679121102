"""`otelcost anomalies`: hours and days that cost far more than usual, and what moved them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from otelcost.cli import options, windows
from otelcost.cli.nothing import why_nothing
from otelcost.cli.reader import reader
from otelcost.cli.render import Block, Column, Document, Prose, Table
from otelcost.digest import outlook
from otelcost.display import common_places, iso, money, plural, signed_money

if TYPE_CHECKING:
    from datetime import tzinfo

    from otelcost.store.queries import Anomalies, Anomaly

FIELDS = (
    "task",
    "level",
    "start",
    "end",
    "cost_picousd",
    "usual_picousd",
    "excess_picousd",
    "volume_picousd",
    "mix_picousd",
    "tokens_picousd",
    "rate_picousd",
)

_COLUMNS = (
    Column("when"),
    Column("task", flex=16),
    Column("cost", right=True),
    Column("usual", right=True, drop=2),
    Column("excess", right=True),
    Column("volume", right=True, drop=1),
    Column("mix", right=True, drop=3),
    Column("tokens", right=True, drop=1),
    Column("rate", right=True, drop=1),
    Column("beside the", drop=4),
)
_NO_LEVELS = frozenset({"not judged", "too small"})


@click.command("anomalies", epilog=options.examples("anomalies --window 14d"))
@options.viewing
def command(request: options.Reading) -> None:
    """Show hours and days of the window that cost far more than the same ones usually do.

    Usual is the median of the same hour of the week over eight weeks before, from three weeks on; of the same hour of
    the day, or of whole days, before that. Each excess is split as otelcost diff does: into volume (more calls), mix
    (other models), tokens (longer calls) and rate (another price a token), which add up to it.
    """
    from otelcost.config import load  # noqa: PLC0415
    from otelcost.store import queries  # noqa: PLC0415

    config = load()
    with reader(request) as found:
        result = queries.anomalies(found.connection, found.window, config.zone)
        shown = _blocks(result, config.zone) if result.overall_level or result.levels else (why_nothing(found),)
        blocks = (windows.line(found), *shown)
    options.show(document(result, blocks, windows.head(found), config.settings.timezone), request.format)


def document(result: Anomalies, blocks: tuple[Block, ...], head: dict[str, Any], timezone: str) -> Document:
    """Anomalies as a document."""
    records = tuple(record(one) for one in result.anomalies)
    return Document(
        envelope={
            **head,
            "timezone": timezone,
            "excess_picousd": result.excess_picousd,
            "overall_level": result.overall_level,
            "task_levels": result.levels,
            "unpriced_calls": result.unpriced_calls,
            "anomalies": [dict(one) for one in records],
        },
        blocks=blocks,
        fields=FIELDS,
        records=records,
    )


def record(one: Anomaly) -> dict[str, Any]:
    """An anomaly for programs; no task means all together."""
    times = {"start": iso(one.start), "end": iso(one.end)}
    return {name: times.get(name, getattr(one, name)) for name in FIELDS}


def _blocks(result: Anomalies, zone: tzinfo) -> tuple[Block, ...]:
    lines = [_how(result)]
    if result.unpriced_calls:
        lines.append(f"{plural(result.unpriced_calls, 'call')} without a price are in no figure.")
    if not result.anomalies:
        judged = result.overall_level or any(level not in _NO_LEVELS for level in result.levels)
        return (Prose((("Nothing unusual." if judged else "Nothing could be judged."), *lines)),)
    places = common_places([one.cost_picousd for one in result.anomalies])
    rows = tuple(_cells(one, zone, places) for one in result.anomalies)
    return (Table(_COLUMNS, rows), Prose(tuple(lines)))


def _how(result: Anomalies) -> str:
    tasks = ", ".join(
        f"{count} {'' if level in _NO_LEVELS else 'by '}{level}" for level, count in result.levels.items()
    )
    overall = f"by {result.overall_level}" if result.overall_level else "not judged, for want of days"
    return f"Compared: all tasks together {overall}; tasks: {tasks or 'none'}."


def _cells(one: Anomaly, zone: tzinfo, places: int) -> tuple[str, ...]:
    return (
        outlook.span_name(one.start, one.end, zone, whole_days=one.level == "day"),
        outlook.EVERYTHING if one.task is None else one.task,
        money(one.cost_picousd, places),
        money(one.usual_picousd, places),
        signed_money(one.excess_picousd, places),
        signed_money(one.volume_picousd, places),
        signed_money(one.mix_picousd, places),
        signed_money(one.tokens_picousd, places),
        signed_money(one.rate_picousd, places),
        f"usual {one.level}",
    )
