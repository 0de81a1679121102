"""Days, weeks and months of a time zone: their first and last moments, through every kind of clock change."""

# ruff: noqa: DTZ001  (the store's times are naive UTC)
from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otelcost import periods
from otelcost.periods import Period

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Africa/Cairo", "America/Havana",
         "Australia/Lord_Howe", "Pacific/Auckland"]  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "period", "now", "start", "end"),
    [
        # Clocks went back on 25 October: November begins an hour later by UTC than October did.
        ("Europe/Berlin", "month", datetime(2026, 10, 31, 22), datetime(2026, 9, 30, 22), datetime(2026, 10, 31, 23)),
        ("Europe/Berlin", "month", datetime(2026, 10, 31, 23), datetime(2026, 10, 31, 23), datetime(2026, 11, 30, 23)),
        ("Europe/Berlin", "day", datetime(2026, 10, 25, 12), datetime(2026, 10, 24, 22), datetime(2026, 10, 25, 23)),
        ("Europe/Berlin", "day", datetime(2026, 3, 29, 12), datetime(2026, 3, 28, 23), datetime(2026, 3, 29, 22)),
        ("Europe/Berlin", "week", datetime(2026, 3, 29, 12), datetime(2026, 3, 22, 23), datetime(2026, 3, 29, 22)),
        ("UTC", "week", datetime(2026, 11, 28, 12), datetime(2026, 11, 23), datetime(2026, 11, 30)),
        ("UTC", "month", datetime(2026, 12, 31, 23, 59), datetime(2026, 12, 1), datetime(2027, 1, 1)),
        ("UTC", "month", datetime(2028, 2, 29), datetime(2028, 2, 1), datetime(2028, 3, 1)),
        ("Asia/Kolkata", "day", datetime(2026, 7, 8, 6), datetime(2026, 7, 7, 18, 30), datetime(2026, 7, 8, 18, 30)),
        # Here the clocks skip midnight, and there they show it twice.
        ("Africa/Cairo", "day", datetime(2026, 4, 24, 12), datetime(2026, 4, 23, 22), datetime(2026, 4, 24, 21)),
        ("America/Havana", "day", datetime(2026, 11, 1, 12), datetime(2026, 11, 1, 4), datetime(2026, 11, 2, 5)),
    ],
)  # fmt: skip
def test_bounds(zone: str, period: Period, now: datetime, start: datetime, end: datetime) -> None:
    assert periods.bounds(period, now, UTC if zone == "UTC" else ZoneInfo(zone)) == (start, end)


@given(
    st.sampled_from(ZONES),
    st.sampled_from(["day", "week", "month"]),
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)),
)
def test_every_moment_is_in_one_period_and_the_next_follows(zone: str, period: Period, now: datetime) -> None:
    place = ZoneInfo(zone)
    start, end = periods.bounds(period, now, place)
    assert start <= now < end
    assert periods.bounds(period, end, place)[0] == end
    assert periods.bounds(period, end - timedelta(microseconds=1), place) == (start, end)
    first = periods.local(start, place)
    assert first.date() == periods.first_day(period, periods.local(now, place).date())
    minutes = periods.slot_minutes(place, start, end)
    for bound in (start, end):
        assert (bound - datetime(2000, 1, 1)) % timedelta(minutes=minutes) == timedelta()


def test_the_days_between() -> None:
    assert list(periods.days(date(2026, 2, 27), date(2026, 3, 2))) == [
        date(2026, 2, 27),
        date(2026, 2, 28),
        date(2026, 3, 1),
    ]
