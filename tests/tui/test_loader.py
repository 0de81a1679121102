"""The loader against a real spool and a real store."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from otelcost import advise
from otelcost.digest.ledger import Delivery, Ledger
from otelcost.errors import UsageError
from otelcost.store import queries
from otelcost.store.db import session
from otelcost.store.drain import drain
from otelcost.tui.app import OtelcostApp
from otelcost.tui.host import StaleError
from otelcost.tui.loader import Loader, window
from otelcost.tui.snapshot import CallQuery, Period

from . import facts, look, traffic

NOW = facts.NOW
WEEK = Period("7d")


@pytest.fixture
def store(home: Path) -> Path:
    """A spool with nine days of calls beside a store that is not there yet."""
    traffic.spool(home, traffic.week(NOW))
    return home / "store.duckdb"


def test_a_window_is_drained_and_read(store: Path) -> None:
    snapshot = Loader(store, NOW).refresh(WEEK, force=True)
    assert snapshot is not None
    assert snapshot.overview.calls == 7 * 40
    assert snapshot.overview.unpriced_calls == 7
    assert snapshot.overview.recorded_ever
    assert [task.name for task in snapshot.tasks] == ["triage", "draft"]
    assert len(snapshot.tasks[0].days) == len(snapshot.overview.days) == 8  # noon to noon touches eight days
    assert sum(day or 0 for day in snapshot.tasks[0].days) == snapshot.tasks[0].picousd


def test_figures_are_those_of_the_query_layer(store: Path) -> None:
    snapshot = Loader(store, NOW).refresh(WEEK, force=True)
    assert snapshot is not None
    with session(store) as connection:
        found = queries.overview(connection, window(WEEK, NOW))
    assert snapshot.overview.spend_picousd == found.spend_picousd
    assert snapshot.overview.previous_picousd == found.previous_picousd
    assert snapshot.overview.monthly_picousd == found.monthly_picousd


def test_the_driver_is_the_task_that_moved_the_spend_and_needs_a_past(store: Path) -> None:
    loader = Loader(store, NOW)
    week, everything = (loader.refresh(Period(text), force=True) for text in ("7d", "all"))
    assert week is not None
    assert week.driver is not None
    assert (week.driver.task, week.driver.tokens_per_call) == ("triage", 1050)
    assert everything is not None
    assert everything.driver is None


def test_nothing_is_opened_where_nothing_is_new(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loader = Loader(store, NOW)
    assert loader.refresh(WEEK, force=False) is not None
    loader.refresh(WEEK, force=False)  # the drain removed its segment: one more look may follow
    opened = []
    monkeypatch.setattr("otelcost.tui.loader.session", lambda *_: opened.append(1))
    monkeypatch.setattr("otelcost.tui.loader.drain", lambda *_: opened.append(1))
    for _ in range(5):
        assert loader.refresh(WEEK, force=False) is None
    assert not opened


def test_a_new_line_is_seen_and_the_store_is_free_between_refreshes(store: Path, home: Path) -> None:
    loader = Loader(store, NOW)
    loader.refresh(WEEK, force=True)
    traffic.spool(home, [traffic.record(5000, NOW - timedelta(minutes=1))], sequence=1)
    with session(store, write=True):  # nobody holds it, or this would wait a minute and fail
        pass
    snapshot = loader.refresh(WEEK, force=False)
    assert snapshot is not None
    assert snapshot.overview.calls == 7 * 40 + 1


def test_what_another_process_drained_is_seen_too(store: Path, home: Path) -> None:
    loader = Loader(store, NOW)
    loader.refresh(WEEK, force=True)
    loader.refresh(WEEK, force=False)
    traffic.spool(home, [traffic.record(5000, NOW - timedelta(minutes=1))], sequence=1)
    drain(store, home / "spool")
    snapshot = loader.refresh(WEEK, force=False)
    assert snapshot is not None
    assert snapshot.overview.calls == 7 * 40 + 1


@pytest.mark.parametrize("order", ["start", "cost", "duration", "tokens"])
@pytest.mark.parametrize("descending", [True, False])
def test_pages_of_calls_join_without_gap_or_repeat(store: Path, order: str, descending: bool) -> None:
    loader = Loader(store, NOW)
    loader.refresh(WEEK, force=True)
    query = CallQuery(period=WEEK, order=order, descending=descending, limit=37)
    ids: list[str] = []
    while True:
        page = loader.calls(query)
        ids += [row.id for row in page.rows]
        if page.after is None:
            break
        query = msgspec.structs.replace(query, after=page.after)
    assert len(ids) == len(set(ids)) == 7 * 40


@pytest.mark.parametrize(("calls", "order"), [(120, "start"), (1300, "start"), (1300, "cost")])
@pytest.mark.parametrize("descending", [True, False])
def test_every_call_of_a_recommendation_can_be_reached(home: Path, calls: int, order: str, descending: bool) -> None:
    traffic.spool(home, traffic.repeated(NOW, calls))
    loader = Loader(home / "store.duckdb", NOW)
    loader.refresh(WEEK, force=True)
    card = next(one for one in loader.advise(WEEK).recommendations if one.calls > calls // 2)
    query = CallQuery(period=WEEK, of=card.id, order=order, descending=descending, limit=250)
    seen: list[str] = []
    while True:
        page = loader.calls(query)
        seen += [row.id for row in page.rows]
        if page.after is None:
            break
        query = msgspec.structs.replace(query, after=page.after)
    assert len(seen) == len(set(seen)) == card.calls
    with session(home / "store.duckdb") as connection:
        _, keys = advise.calls_of(connection, window(WEEK, NOW), card.id, now=NOW)
    expected = [id_ for _, id_ in keys]
    if order == "start":
        assert seen == (expected[::-1] if descending else expected)
    assert set(seen) == set(expected)


def test_the_calls_of_a_recommendation_can_be_filtered(home: Path) -> None:
    traffic.spool(home, traffic.repeated(NOW, 1300))
    loader = Loader(home / "store.duckdb", NOW)
    loader.refresh(WEEK, force=True)
    card = loader.advise(WEEK).recommendations[0]
    wanted = loader.calls(CallQuery(period=WEEK, of=card.id, descending=False, limit=1)).rows[0].id
    assert [row.id for row in loader.calls(CallQuery(period=WEEK, of=card.id, text=f"id:{wanted}")).rows] == [wanted]


def test_a_filter_finds_what_lies_behind_the_first_page(store: Path) -> None:
    loader = Loader(store, NOW)
    loader.refresh(WEEK, force=True)
    query = CallQuery(period=WEEK, text="task:draft !status:error", limit=4)
    first = loader.calls(query)
    assert [row.task for row in first.rows] == ["draft"] * 4
    second = loader.calls(msgspec.structs.replace(query, after=first.after))
    assert [row.task for row in second.rows] == ["draft"] * 3
    assert second.after is None


def test_one_call_has_its_anatomy_and_its_bill_adds_up(store: Path) -> None:
    loader = Loader(store, NOW)
    loader.refresh(WEEK, force=True)
    row = loader.calls(CallQuery(period=WEEK, task="triage", limit=1)).rows[0]
    detail = loader.call(row.id)
    assert detail is not None
    assert [part.role for part in detail.parts] == ["system", "user"]
    assert sum(cost or 0 for _, cost in detail.bill) == detail.call.picousd
    assert loader.call("00000000ffffffff") is None


def test_advice_comes_from_the_engine(store: Path) -> None:
    loader = Loader(store, NOW)
    loader.refresh(WEEK, force=True)
    advice = loader.advise(WEEK)
    assert advice.joint_picousd is not None
    assert advice.spend_picousd is not None
    assert advice.joint_picousd <= advice.spend_picousd


def test_the_outlook_is_that_of_the_forecast_and_anomaly_commands(store: Path) -> None:
    loader = Loader(store, NOW)
    loader.refresh(WEEK, force=True)
    found = loader.outlook(WEEK)
    with session(store) as connection:
        month = queries.forecast(connection, "month", NOW, UTC)
        unusual = queries.anomalies(connection, window(WEEK, NOW), UTC)
    assert found.ahead.total_picousd == month.total_picousd is not None
    assert {one.task for one in found.unusual} <= {one.task or "all tasks" for one in unusual.anomalies}


def test_a_typo_in_the_prices_warns_until_it_is_corrected_without_any_new_call(store: Path, home: Path) -> None:
    loader = Loader(store, NOW)
    first = loader.refresh(WEEK, force=True)
    loader.refresh(WEEK, force=False)
    assert first is not None
    assert first.warnings == ()
    (home / "prices.toml").write_text("[[price]]\nmodel = 3 4\n", encoding="utf-8")
    warned = loader.refresh(WEEK, force=False)
    assert warned is not None
    assert warned.warnings[0].startswith("prices.toml is not TOML")
    (home / "prices.toml").unlink()
    mended = loader.refresh(WEEK, force=False)
    assert mended is not None
    assert mended.warnings == ()


@pytest.mark.parametrize("how", ["corrupt", "newer"])
async def test_a_store_nobody_can_read_is_told_in_full(store: Path, how: str) -> None:
    if how == "corrupt":
        store.write_bytes(b"not a database" * 1000)
    else:
        drain(store, store.with_name("spool"))
        with session(store, write=True) as connection:
            connection.execute("UPDATE migrations SET version = 99")
    app = OtelcostApp(Loader(store, NOW), "7d", live=False)
    async with app.run_test(size=(80, 24)) as pilot:
        await look.settle(pilot)
        shown = " ".join(look.text(app).split())
        assert "Nothing can be shown." in shown
        assert ("update otelcost" if how == "newer" else "move it away and it is begun anew") in shown
        assert "reading the store" not in shown


def test_an_empty_home_is_no_error(home: Path) -> None:
    snapshot = Loader(home / "store.duckdb", NOW).refresh(Period("all"), force=True)
    assert snapshot is not None
    assert not snapshot.overview.recorded_ever
    assert snapshot.start is None


def test_a_shift_moves_by_the_windows_own_length() -> None:
    span = window(Period("7d", 2), NOW)
    assert (span.start, span.end) == (NOW - timedelta(days=21), NOW - timedelta(days=14))
    assert window(Period("all", 3), NOW).end == NOW
    with pytest.raises(UsageError):
        window(Period("fortnight"), NOW)


def test_cancel_interrupts_what_runs(store: Path) -> None:
    loader = Loader(store, NOW)
    loader.refresh(WEEK, force=True)
    stopped: list[bool] = []

    def endless() -> None:
        try:
            with loader._session() as connection:
                connection.execute("SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b")
        except StaleError:
            stopped.append(True)

    thread = threading.Thread(target=endless)
    thread.start()
    while thread.is_alive():
        time.sleep(0.05)
        loader.cancel()
    assert stopped


async def test_the_interface_shows_a_real_store_and_follows_a_writing_application(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otelcost.tui.app.REFRESH_SECONDS", 0.2)
    now = datetime.now(UTC).replace(tzinfo=None)
    traffic.spool(home, traffic.week(now - timedelta(minutes=5), per_day=10))
    app = OtelcostApp(Loader(home / "store.duckdb"), "all")
    async with app.run_test(size=(120, 40)) as pilot:
        await look.settle(pilot)
        shown = look.text(app)
        assert "90 calls" in shown
        assert "unpriced 3" in shown
        assert "○ last record" in shown
        traffic.spool(home, [traffic.record(5000, now)], sequence=1)
        for _ in range(100):
            await pilot.pause(0.1)
            shown = look.text(app)
            if "91 calls" in shown:
                break
        assert "91 calls" in shown
        assert "● live, last record" in shown
        for key in ("4", "enter"):
            await pilot.press(key)
            await look.settle(pilot)
        assert "nothing is stored" not in look.text(app)
        assert "600 of 1,000 tokens (60%) read from the provider's cache" in look.text(app)


def test_pictures_are_drawn_from_the_query_layer_and_their_parts_add_up(store: Path) -> None:
    loader = Loader(store, NOW)
    snapshot = loader.refresh(Period("4d"), force=True)
    assert snapshot is not None
    whole, one = (loader.pictures(Period("4d"), task) for task in (None, "triage"))
    assert whole.moved is not None
    assert whole.moved.after_picousd == snapshot.overview.spend_picousd
    assert whole.moved.before_picousd == snapshot.overview.previous_picousd
    parts = sum(amount for _, amount in whole.moved.parts)
    assert parts == whole.moved.after_picousd - whole.moved.before_picousd
    assert sum(spot.calls for spot in whole.spots) == sum(spot.calls for spot in one.spots) > 0  # draft has no price
    assert sum(point.read_tokens for point in whole.cache) == snapshot.overview.cache_read_tokens
    assert sum(point.input_tokens for point in whole.cache) == snapshot.overview.input_tokens
    assert not whole.prompt
    task = next(row for row in snapshot.tasks if row.name == "triage")
    assert sum(row.tokens for row in one.prompt) == task.input_tokens


def test_a_trace_holds_its_calls_only(store: Path) -> None:
    loader = Loader(store, NOW)
    loader.refresh(WEEK, force=True)
    row = loader.calls(CallQuery(period=WEEK, limit=1)).rows[0]
    assert [call.id for call in loader.trace(row.trace)] == [row.id]
    assert loader.trace("f" * 32) == ()


def test_digests_are_those_that_are_set_up_and_those_that_were_sent(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = Loader(home / "store.duckdb", NOW)
    home.mkdir(exist_ok=True)
    monkeypatch.chdir(home)
    assert loader.digests() == ()
    (home / "otelcost.toml").write_text(
        '[digest.team]\nschedule = "30 7 * * 1"\ntimezone = "UTC"\n'
        'channels.paper = {kind = "file", path = "digest.md"}\n',
        encoding="utf-8",
    )
    (planned,) = loader.digests()
    assert (planned.name, planned.channel, planned.state) == ("team", "paper", None)
    assert planned.next_due == datetime.fromisoformat("2026-11-23T07:30:00")
    ledger = Ledger(home / "digests.sqlite3")
    for period, state in (("2026-11-09T07:30:00", "sent"), ("2026-11-16T07:30:00", "unknown")):
        ledger.put(
            Delivery(digest="team", period=period, channel="paper", state=state, changed_at=NOW)  # type: ignore[arg-type]
        )
    (sent,) = loader.digests()
    assert (sent.state, sent.period) == ("unknown", "2026-11-16T07:30:00")
