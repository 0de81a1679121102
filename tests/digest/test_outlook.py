"""What is ahead and what was unusual: told once, only from enough days, the same from every side."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from otelcost.digest import gather, outlook, phrases
from otelcost.digest.content import compose
from otelcost.store import queries
from otelcost.store.db import session
from otelcost.store.drain import drain
from otelcost.store.queries import Anomalies, Anomaly, Window
from tests.tui import traffic

from . import facts
from .test_content import DOLLAR, overview, report, task

NOW = datetime(2026, 11, 22, 12, 0)  # noqa: DTZ001  (naive UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def anomaly(task_name: str | None, day: int, excess: int, days: int = 1) -> Anomaly:
    start = datetime(2026, 11, day)  # noqa: DTZ001
    return Anomaly(
        task=task_name,
        level="day",
        start=start,
        end=start + timedelta(days=days),
        cost_picousd=(excess + 1) * DOLLAR,
        usual_picousd=DOLLAR,
        excess_picousd=excess * DOLLAR,
        volume_picousd=excess * DOLLAR,
        tokens_picousd=0,
        rate_picousd=0,
        mix_picousd=0,
    )


def told(*found: Anomaly) -> list[tuple[str, str]]:
    row = queries.Forecast(
        period="month", start=datetime(2026, 11, 1), end=datetime(2026, 12, 1), now=NOW, calls=1,  # noqa: DTZ001
        unpriced_calls=0, spent_picousd=1, days_with_calls=3, rest_picousd=None, total_picousd=None,
        low80_picousd=None, high80_picousd=None, low95_picousd=None, high95_picousd=None, above_permille=None, tasks=(),
    )  # fmt: skip
    every = Anomalies(anomalies=found, overall_level="day", levels={}, unpriced_calls=0)
    return [(one.task, one.when) for one in outlook.outlook(row, every, UTC).unusual]


def test_what_a_task_explains_is_not_told_of_all_tasks_again() -> None:
    whole = anomaly(None, 10, 10, days=2)
    assert told(whole, anomaly("triage", 11, 6)) == [("triage", "2026-11-11")]
    assert told(whole, anomaly("triage", 11, 4)) == [("all tasks", "2026-11-10, 2 days"), ("triage", "2026-11-11")]
    assert told(whole, anomaly("triage", 14, 9))[0] == ("all tasks", "2026-11-10, 2 days")


def test_a_week_with_an_outlier_is_not_quiet_though_its_sum_is() -> None:
    rows = [task("a", 100 * DOLLAR)]

    def quiet(excess: int) -> bool:
        one = msgspec.structs.replace(facts.OUTLOOK.unusual[0], excess_picousd=excess * DOLLAR)
        ahead = msgspec.structs.replace(facts.OUTLOOK, unusual=(one,))
        return compose(overview(), rows, rows, report(), "last 7 days", outlook=ahead).quiet

    assert quiet(9)
    assert not quiet(11)


def test_only_so_many_are_told_and_the_rest_is_counted() -> None:
    many = msgspec.structs.replace(facts.OUTLOOK, unusual=facts.OUTLOOK.unusual * 5)
    lines = phrases.expected(facts.preview(outlook=many))
    assert len(lines) == 1 + phrases.MOST_UNUSUAL + 1
    assert lines[-1] == ("", "and 2 more: otelcost anomalies")


def test_nothing_is_foretold_from_less_than_seven_days(home: Path) -> None:
    traffic.spool(home, traffic.week(NOW)[-5 * 40 :])
    drain()
    with session() as connection:
        found = gather.ahead(connection, Window.parse("7d", NOW), NOW, UTC)
    assert found.ahead.total_picousd is None
    assert "too few days to foretell the end" in outlook.month(found.ahead)
    assert "expected" not in outlook.month(found.ahead)


def test_the_month_is_the_one_of_the_zone_and_of_the_forecast_command(home: Path) -> None:
    late = datetime(2026, 11, 30, 23, 30)  # noqa: DTZ001  (already December in Berlin)
    traffic.spool(home, traffic.week(late))
    drain()
    with session() as connection:
        for zone, name in ((UTC, "November 2026"), (BERLIN, "December 2026")):
            found = gather.ahead(connection, Window.parse("7d", late), late, zone).ahead
            same = queries.forecast(connection, "month", late, zone)
            assert found.period == name
            assert found.total_picousd == same.total_picousd is not None
            assert (found.low80_picousd, found.high80_picousd) == (same.low80_picousd, same.high80_picousd)
            assert outlook.ending(found) == outlook.ending(same)
