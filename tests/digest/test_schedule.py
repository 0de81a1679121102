"""When digests are due, where clocks change and where periods were missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otelcost.digest.schedule import check, newest_due, next_due, window
from otelcost.errors import UsageError

from .facts import NOW, Office, mail_settings
from .facts import settings as written
from .mailserver import Script, serving

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text)


def ticks(expression: str, zone: ZoneInfo, start: str, hours: int) -> list[str]:
    """Every due time that a timer sees which looks every quarter of an hour."""
    seen: list[str] = []
    for quarter in range(hours * 4):
        due = newest_due(expression, zone, utc(start) + timedelta(minutes=15 * quarter))
        assert due is not None
        if due >= utc(start) and due.isoformat() not in seen:
            seen.append(due.isoformat())
    return seen


@pytest.mark.parametrize(
    ("expression", "zone", "day", "expected"),
    [
        ("30 2 * * *", BERLIN, "2026-03-28T23:00", "2026-03-29T01:00:00"),  # there is no 02:30: it is 03:00 summer time
        ("30 2 * * *", BERLIN, "2026-10-24T22:00", "2026-10-25T00:30:00"),  # there are two: the first, summer time
        ("30 2 * * *", NEW_YORK, "2026-03-08T05:00", "2026-03-08T07:00:00"),
        ("30 2 * * *", NEW_YORK, "2026-11-01T04:00", "2026-11-01T07:30:00"),  # here 01:30 comes twice
        ("30 1 * * *", NEW_YORK, "2026-11-01T04:00", "2026-11-01T05:30:00"),
    ],
)
def test_a_job_runs_once_on_days_that_change_the_clock(
    expression: str, zone: ZoneInfo, day: str, expected: str
) -> None:
    assert ticks(expression, zone, day, 24) == [expected]


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, UTC])
@given(minutes=st.integers(0, 2 * 366 * 24 * 60), hour=st.integers(0, 23), minute=st.integers(0, 59))
@settings(max_examples=60, deadline=None)
def test_due_and_next_enclose_now(zone: ZoneInfo, minutes: int, hour: int, minute: int) -> None:
    now = datetime(2026, 1, 1) + timedelta(minutes=minutes)  # noqa: DTZ001
    expression = f"{minute} {hour} * * *"
    due = newest_due(expression, zone, now)
    assert due is not None
    assert due <= now < next_due(expression, zone, now)
    assert next_due(expression, zone, due) == next_due(expression, zone, now), "nothing lies between"
    assert now - due < timedelta(hours=26)


def test_weeks_of_the_calendar_touch_also_where_the_clock_changes() -> None:
    first = newest_due("30 7 * * 1", BERLIN, utc("2026-10-19T12:00"))
    second = newest_due("30 7 * * 1", BERLIN, utc("2026-10-26T12:00"))
    assert first is not None
    assert second is not None
    assert second - first == timedelta(days=7, hours=1)
    assert window("7d", second, BERLIN).start == first
    assert window("1w", second, BERLIN).start == first
    assert window("36h", second, BERLIN).start == second - timedelta(hours=36)


def test_of_missed_weeks_only_the_newest_is_sent(tmp_path: Path) -> None:
    office, script = Office(tmp_path / "digests.sqlite3"), Script()
    with serving(script) as port:
        digests = written(tmp_path, mail_settings(port))
        assert office.run_due(digests) == [("2026-11-23T07:30:00Z", "sent")]
        office.now = NOW + timedelta(days=30)
        assert office.run_due(digests) == [("2026-12-21T07:30:00Z", "sent")]
        assert office.run_due(digests) == []
    assert len(script.mails) == 2
    assert [moment for _, moment in office.asked] == [utc("2026-11-23T07:30"), utc("2026-12-21T07:30")]
    assert office.told[0] == ()
    assert [one.id for one in office.told[1]] == ["R-1"], "the second knows what the first asked for"


@pytest.mark.parametrize("text", ["", "* * * *", "99 * * * *", "30 7 31 2 *", "monday"])
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="schedule"):
        check(text, "digest.weekly")
