"""Facts for screen tests: one busy week, an empty store, and the shapes that break screens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from otelcost.digest.blocks import blocks
from otelcost.digest.content import Action, Preview
from otelcost.digest.content import Driver as Moving
from otelcost.digest.outlook import Ahead, Outlook, Unusual
from otelcost.document import to_plain
from otelcost.tui.calls_filter import matching
from otelcost.tui.host import StaleError
from otelcost.tui.snapshot import (
    Advice,
    CachePoint,
    Call,
    CallDetail,
    CallPage,
    CallQuery,
    Day,
    Decided,
    DigestRow,
    DigestText,
    Driver,
    Event,
    Insight,
    Measured,
    Moved,
    NotChecked,
    Order,
    Overview,
    Part,
    Period,
    Pictures,
    Progress,
    PromptShare,
    Recommendation,
    Sent,
    Slice,
    Snapshot,
    Spot,
    Task,
)

DOLLAR = 10**12
NOW = datetime(2026, 11, 22, 12, 0, 0)  # noqa: DTZ001  (naive UTC, as in the store)
HOSTILE = "evil[bold red]\x1b[31m\x07\n\u202e[/]name"

_SPEND = (41, 38, 44, 52, 71, 112, 97)
_TASKS = (
    ("support-triage", 187, 61, 4210, 18, "claude-sonnet-5", 34),
    ("contract-extraction", 121, 118, 880, 0, "claude-opus-4.8", 0),
    ("nightly-report", 64, 66, 1400, 2, "gpt-5.4", 0),
    ("invoice-parser", 41, 12, 2105, 412, "gpt-5.4-mini", 12),
    ("search.embed", 2, 2, 52000, 0, "text-embedding-3-small", 0),
)


DRIVER = Driver(
    task="support-triage",
    change_picousd=126 * DOLLAR,
    calls=4210,
    previous_calls=4300,
    tokens_per_call=8600,
    previous_tokens_per_call=620,
)


def days() -> tuple[Day, ...]:
    start = date(2026, 11, 16)
    return tuple(
        Day(start + timedelta(days=index), amount * DOLLAR, 900 + index, 12 if index == 6 else 0)
        for index, amount in enumerate(_SPEND)
    )


def overview() -> Overview:
    return Overview(
        spend_picousd=455 * DOLLAR + 120_000_000_000,
        previous_picousd=282 * DOLLAR + 700_000_000_000,
        monthly_picousd=1951 * DOLLAR,
        calls=60595,
        unpriced_calls=12,
        errors=432,
        estimated_calls=7,
        input_tokens=41_200_000,
        cache_read_tokens=9_100_000,
        output_tokens=3_100_000,
        coverage_days=7,
        days=days(),
        tasks=tuple(Slice(name, cost * DOLLAR, calls) for name, cost, _, calls, *_ in _TASKS),
        models=(
            Slice("claude-sonnet-5", 187 * DOLLAR, 4210),
            Slice("claude-opus-4.8", 121 * DOLLAR, 880),
            Slice("gpt-5.4", 105 * DOLLAR, 3505),
            Slice("our-own-finetune", None, 12, 12),
        ),
        last_call=NOW - timedelta(seconds=2),
        recorded_ever=True,
    )


def tasks() -> tuple[Task, ...]:
    return tuple(
        Task(
            name=name,
            source="explicit",
            picousd=cost * DOLLAR,
            previous_picousd=before * DOLLAR,
            calls=calls,
            unpriced_calls=0,
            errors=errors,
            input_tokens=calls * 5200,
            output_tokens=calls * 310,
            cache_read_tokens=calls * 52 * cached,
            models=(model,),
            days=tuple(amount * cost // 4 for amount in _SPEND),
        )
        for name, cost, before, calls, errors, model, cached in _TASKS
    )


def recommendations() -> tuple[Recommendation, ...]:
    return (
        Recommendation(
            id="OC001-3f2a",
            rule="OC001",
            task="support-triage",
            title="Cache the stable prefix of support-triage",
            class_="simulated",
            state="open",
            calls=4210,
            cost_observed_picousd=187 * DOLLAR,
            standalone_picousd=81 * DOLLAR,
            marginal_picousd=74 * DOLLAR + 700_000_000_000,
            low_picousd=60 * DOLLAR,
            high_picousd=88 * DOLLAR,
            monthly_picousd=320 * DOLLAR,
            call_site="app/triage.py:88 classify",
            change=(
                "Move the timestamp below the customer table, then mark the end of the table:\n"
                '  {"type": "text", "text": table, "cache_control": {"type": "ephemeral"}}'
            ),
            facts=(
                ("stable prefix", "11,840 tokens in 96% of calls"),
                ("breaks in", "part 1: system text holds a datetime at byte 18"),
                ("arrivals", "median 41 s apart: a 5-minute cache lives from call to call"),
            ),
            overlaps=("OC003-9b1c",),
        ),
        Recommendation(
            id="OC002-77d0",
            rule="OC002",
            task="nightly-report",
            title="Send nightly-report through the batch API",
            class_="exact",
            state="open",
            calls=1400,
            cost_observed_picousd=64 * DOLLAR,
            standalone_picousd=32 * DOLLAR,
            marginal_picousd=32 * DOLLAR,
            low_picousd=32 * DOLLAR,
            high_picousd=32 * DOLLAR,
            monthly_picousd=137 * DOLLAR,
            call_site="jobs/nightly.py:31 main",
            change="Collect the requests of a night into one batch file and submit it.",
            risk="answers arrive within a day",
            effort="small",
            facts=(("root span", "CONSUMER, nobody waits for the answer"),),
        ),
        Recommendation(
            id="OC003-9b1c",
            rule="OC003",
            task="contract-extraction",
            title="Try a cheaper model for contract-extraction",
            class_="needs-trial",
            state="open",
            calls=880,
            cost_observed_picousd=121 * DOLLAR,
            standalone_picousd=97 * DOLLAR,
            marginal_picousd=97 * DOLLAR,
            low_picousd=None,
            high_picousd=None,
            monthly_picousd=None,
            call_site="app/contracts.py:140 extract",
            change="Try the model on recorded calls of contract-extraction before changing anything.",
            facts=(("output", "a fixed schema, 210 tokens on average"),),
            overlaps=("OC001-3f2a",),
        ),
    )


def insights() -> tuple[Insight, ...]:
    return (
        Insight(
            id="OC022-11aa",
            rule="OC022",
            task="invoice-parser",
            title="Errors of invoice-parser rose on 20 November",
            calls=412,
            cost_observed_picousd=3 * DOLLAR,
            change="Look at the calls that failed: most of them timed out.",
            facts=(("before", "2% of the calls"), ("since", "20% of the calls")),
        ),
    )


def decided() -> tuple[Decided, ...]:
    def event(seq: int, id_: str, state: str, days: int, **more: Any) -> Event:
        return Event(seq=seq, id=id_, state=state, changed_at=NOW - timedelta(days=days), actor="ada@desk", **more)

    return (
        Decided(
            id="OC009-0d0d",
            title="Trim the examples of search.rank",
            task="search.rank",
            state="verified",
            events=(
                event(1, "OC009-0d0d", "accepted", 30, promised_picousd=40 * DOLLAR),
                event(2, "OC009-0d0d", "applied", 21, promised_picousd=40 * DOLLAR),
                event(4, "OC009-0d0d", "verified", 7),
            ),
            measured=Measured(
                verdict="verified",
                since=NOW - timedelta(days=21),
                days=21,
                calls=12_400,
                expected_picousd=120 * DOLLAR,
                realised_picousd=93 * DOLLAR,
            ),
        ),
        Decided(
            id="OC010-1e1e",
            title="Send classify through the batch API",
            task="classify",
            state="applied",
            events=(event(3, "OC010-1e1e", "applied", 1, promised_picousd=9 * DOLLAR),),
            measured=Measured(
                verdict=None,
                since=NOW - timedelta(days=1),
                days=1,
                calls=90,
                expected_picousd=None,
                realised_picousd=None,
            ),
        ),
    )


def advice() -> Advice:
    return Advice(
        recommendations=recommendations(),
        not_checked=(
            NotChecked("OC004", "search.embed", "needs request hashes"),
            NotChecked("OC001", "legacy", "needs segments"),
        ),
        spend_picousd=455 * DOLLAR + 120_000_000_000,
        joint_picousd=106 * DOLLAR + 700_000_000_000,
        exact_picousd=32 * DOLLAR,
        simulated_picousd=74 * DOLLAR + 700_000_000_000,
        simulated_low_picousd=60 * DOLLAR,
        simulated_high_picousd=88 * DOLLAR,
        needs_trial_picousd=97 * DOLLAR,
        insights=insights(),
        decided=decided(),
    )


def outlook() -> Outlook:
    return Outlook(
        ahead=Ahead(
            period="November 2026",
            spent_picousd=1390 * DOLLAR,
            total_picousd=1876 * DOLLAR,
            low80_picousd=1702 * DOLLAR,
            high80_picousd=2044 * DOLLAR,
            unpriced_calls=12,
            days_with_calls=21,
        ),
        unusual=(
            Unusual(
                when="2026-11-21",
                task="support-triage",
                level="day",
                cost_picousd=66 * DOLLAR,
                usual_picousd=19 * DOLLAR,
                excess_picousd=47 * DOLLAR,
            ),
        ),
    )


def digest_preview() -> Preview:
    """What a digest of the busy week says."""
    return Preview(
        subject="LLM spend, last 7 days: $455.12, up 61% (+$172.42), 12 calls unpriced. 2 fixes save $106.70",
        quiet=False,
        drivers=(
            Moving(
                task=DRIVER.task,
                cost_picousd=187 * DOLLAR,
                previous_picousd=61 * DOLLAR,
                change_picousd=126 * DOLLAR,
                calls=4210,
                previous_calls=4300,
                tokens_per_call=8600,
                previous_tokens_per_call=620,
            ),
        ),
        compared=True,
        actions=(
            Action(
                id="OC002-77d0",
                title="Send nightly-report through the batch API",
                task="nightly-report",
                class_="exact",
                marginal_picousd=32 * DOLLAR,
                standalone_picousd=32 * DOLLAR,
                low_picousd=32 * DOLLAR,
                high_picousd=32 * DOLLAR,
                call_site="jobs/nightly.py:31 main",
            ),
        ),
        more_actions=1,
        savings="2 fixes save $106.70",
        unknowns=("unpriced: 12 calls (<0.1%) of unknown cost are in no figure; see otelcost prices check",),
        coverage_days=7,
        last_call=NOW,
        scope="",
        start=NOW - timedelta(days=7),
        end=NOW,
        spend_picousd=455 * DOLLAR,
        previous_picousd=282 * DOLLAR,
        calls=60595,
        unpriced_calls=12,
        estimated_calls=7,
        waiting_since=None,
        followed=(),
        days=(),
        outlook=outlook(),
    )


UNKNOWN_OUTLOOK = Outlook(
    ahead=msgspec.structs.replace(
        outlook().ahead, total_picousd=None, low80_picousd=None, high80_picousd=None, days_with_calls=3
    )
)
"""Too few days to foretell anything."""


def snapshot(*, with_advice: bool = True, period: Period = Period()) -> Snapshot:  # noqa: B008  (frozen)
    return Snapshot(
        period=period,
        label=period.text,
        start=NOW - timedelta(days=7),
        end=NOW,
        overview=overview(),
        tasks=tasks(),
        advice=advice() if with_advice else None,
        outlook=outlook() if with_advice else None,
        spool="/home/ada/.local/share/otelcost/spool",
        driver=DRIVER,
    )


def empty() -> Snapshot:
    nothing = msgspec.structs.replace(
        overview(),
        spend_picousd=0,
        previous_picousd=0,
        monthly_picousd=None,
        calls=0,
        unpriced_calls=0,
        errors=0,
        estimated_calls=0,
        input_tokens=0,
        cache_read_tokens=0,
        output_tokens=0,
        coverage_days=0,
        days=(),
        tasks=(),
        models=(),
        last_call=None,
        recorded_ever=False,
    )
    return msgspec.structs.replace(snapshot(with_advice=False), overview=nothing, tasks=(), driver=None)


def quiet() -> Snapshot:
    """Calls were recorded once, but none in this window."""
    void = msgspec.structs.replace(
        empty().overview, recorded_ever=True, last_call=NOW - timedelta(days=40), previous_picousd=DOLLAR
    )
    none = Advice(
        recommendations=(),
        not_checked=(),
        spend_picousd=0,
        joint_picousd=0,
        exact_picousd=0,
        simulated_picousd=0,
        simulated_low_picousd=0,
        simulated_high_picousd=0,
        needs_trial_picousd=0,
    )
    return msgspec.structs.replace(empty(), overview=void, advice=none)


def unknown() -> Snapshot:
    """No price for anything, no token counted."""
    void = msgspec.structs.replace(
        overview(),
        spend_picousd=None,
        previous_picousd=None,
        monthly_picousd=None,
        calls=4,
        unpriced_calls=4,
        input_tokens=None,
        cache_read_tokens=None,
        output_tokens=None,
        coverage_days=1,
        days=(Day(date(2026, 11, 22), None, 4, 4),),
        tasks=(Slice("mystery", None, 4, 4),),
        models=(Slice("?", None, 4, 4),),
    )
    row = Task(
        name="mystery",
        source="none",
        picousd=None,
        previous_picousd=None,
        calls=4,
        unpriced_calls=4,
        errors=0,
        input_tokens=None,
        output_tokens=None,
        cache_read_tokens=None,
        days=(None,),
    )
    return msgspec.structs.replace(quiet(), overview=void, tasks=(row,))


def huge() -> Snapshot:
    """A company that spends a billion a week."""
    factor = 2_500_000
    grown = overview()
    slices = tuple(msgspec.structs.replace(row, picousd=(row.picousd or 0) * factor) for row in grown.tasks)
    big = msgspec.structs.replace(
        grown,
        spend_picousd=(grown.spend_picousd or 0) * factor,
        previous_picousd=(grown.previous_picousd or 0) * factor,
        monthly_picousd=(grown.monthly_picousd or 0) * factor,
        calls=60_595_000_000,
        errors=432_000_000,
        unpriced_calls=12_000_000,
        input_tokens=41_200_000 * 10**9,
        output_tokens=3_100_000 * 10**9,
        cache_read_tokens=9_100_000 * 10**9,
        days=tuple(msgspec.structs.replace(day, picousd=(day.picousd or 0) * factor) for day in grown.days),
        tasks=slices,
    )
    rows = tuple(
        msgspec.structs.replace(row, picousd=(row.picousd or 0) * factor, calls=row.calls * 10**6) for row in tasks()
    )
    return msgspec.structs.replace(snapshot(), overview=big, tasks=rows)


def hostile() -> Snapshot:
    """Every text an application can set tries to paint the screen."""
    base = snapshot()
    named = tuple(Slice(HOSTILE, row.picousd, row.calls) for row in base.overview.tasks[:1])
    bad = msgspec.structs.replace(
        recommendations()[0],
        id=HOSTILE,
        task=HOSTILE,
        title=HOSTILE,
        change=HOSTILE,
        call_site=HOSTILE,
        facts=((HOSTILE, HOSTILE),),
        overlaps=(HOSTILE,),
    )
    return msgspec.structs.replace(
        base,
        spool=HOSTILE,
        driver=msgspec.structs.replace(DRIVER, task=HOSTILE),
        outlook=msgspec.structs.replace(
            outlook(), unusual=(msgspec.structs.replace(outlook().unusual[0], task=HOSTILE),)
        ),
        overview=msgspec.structs.replace(base.overview, tasks=named, models=named),
        tasks=(msgspec.structs.replace(base.tasks[0], name=HOSTILE, models=(HOSTILE,)),),
        advice=msgspec.structs.replace(
            advice(), recommendations=(bad,), not_checked=(NotChecked(HOSTILE, HOSTILE, HOSTILE),)
        ),
    )


_STATUSES = ("ok", "ok", "ok", "ok", "error", "ok", "incomplete", "ok", "aborted", "timeout")


def call(index: int) -> Call:
    name, _, _, _, _, model, _ = _TASKS[index % len(_TASKS)]
    status = _STATUSES[index % len(_STATUSES)]
    failed = status in ("error", "timeout")
    return Call(
        id=f"{index:016x}",
        start=NOW - timedelta(seconds=2 + 37 * index),
        task=name,
        model=model,
        provider="anthropic" if model.startswith("claude") else "openai",
        operation="chat",
        status=status,
        error_type="RateLimitError" if status == "error" else None,
        attempt=1 + index % 3 // 2,
        stream=index % 2 == 0,
        input_tokens=None if failed else 12_400 - index % 7 * 100,
        input_uncached_tokens=None if failed else 9_000,
        cache_read_tokens=None if failed else 3_400 - index % 7 * 100,
        cache_write_short_tokens=None,
        cache_write_long_tokens=None,
        output_tokens=None if failed else 310 + index,
        reasoning_tokens=64 if index % 5 == 0 else None,
        picousd=0 if status == "error" else None if failed else 44_000_000_000 + index * 1_000_000,
        price_status="not_billed" if status == "error" else "exact",
        duration_us=3_400_000 + index * 1000,
        ttft_us=412_000 if index % 2 == 0 else None,
        call_site="app/triage.py:88 classify",
        trace=f"{7:032x}",
        http_status=429 if status == "error" else None,
        flags=("estimated",) if status == "aborted" else (),
    )


def pictures(task: str | None = None) -> Pictures:
    """A dear week: longer prompts, a broken cache."""
    start = NOW - timedelta(days=7)
    points = [(step, 0 if step > 40 else 6000) for step in range(60) if step % 7 != 6]
    return Pictures(
        task=task,
        moved=Moved(
            before_picousd=282 * DOLLAR,
            after_picousd=455 * DOLLAR,
            parts=(
                ("volume", 20 * DOLLAR),
                ("tokens", 181 * DOLLAR),
                ("rate", -30 * DOLLAR),
                ("mix", 2 * DOLLAR),
            ),
        ),
        prompt=(
            PromptShare(part="system", tokens=9_000_000, static_tokens=8_100_000, picousd=27 * DOLLAR),
            PromptShare(part="history", tokens=30_000_000, static_tokens=0, picousd=90 * DOLLAR),
            PromptShare(part="unknown", tokens=100_000, static_tokens=0, picousd=None),
        ),
        prompt_calls=4210,
        prompt_known_calls=4100,
        cache=tuple(CachePoint(start + timedelta(hours=2.8 * step), 12_000, read) for step, read in points),
        cache_step_seconds=10_080,
        spots=tuple(Spot(60 + x, 85 + x // 2 + x % 3, 1 + (x * 37) % 90) for x in range(20)),
        decade=10,
    )


def parts() -> tuple[Part, ...]:
    return (
        Part(role="tool", kind="tool", name="lookup_customer", bytes=2400, tokens=600),
        Part(role="tool", kind="tool", name="refund", bytes=1800, tokens=450),
        Part(
            role="system",
            kind="system",
            bytes=1400,
            tokens=350,
            volatile=("datetime",),
            volatile_offset_bytes=18,
        ),
        Part(role="system", kind="system", bytes=9000, tokens=2300, cache="5m"),
        Part(role="user", kind="text", bytes=8800, tokens=2200),
        Part(role="assistant", kind="tool_call", bytes=400, tokens=100),
        Part(role="user", kind="tool_result", bytes=24000, tokens=5600),
        Part(role="user", kind="text", bytes=3200, tokens=800),
    )


def detail(index: int = 0) -> CallDetail:
    return CallDetail(
        call=call(index),
        parts=parts(),
        bill=(
            ("input", 27_000_000_000),
            ("cache read", 1_020_000_000),
            ("cache write", None),
            ("output", 15_980_000_000),
        ),
        price="anthropic/claude-sonnet-5/standard",
        facts=(
            ("call", f"{index:016x}"),
            ("operation", "00000000000000aa, attempt 1"),
            ("response", "msg_01Abc"),
            ("service tier", "standard"),
            ("finish reason", "tool_use"),
        ),
    )


class Facts:
    """A source that serves facts from memory and notes what it was asked."""

    def __init__(self, first: Snapshot, calls: int = 450) -> None:
        self.current = first
        self.changed = True
        self.rows = tuple(call(index) for index in range(calls))
        self.detail: CallDetail | None = None
        self.queries: list[CallQuery] = []
        self.periods: list[Period] = []
        self.threads: set[str] = set()
        self.error: Exception | None = None
        self.advice_error: Exception | None = None
        self.orders: list[Order] = []
        self.undone: list[Event] = []
        self.sent: list[str] = []
        self.states: tuple[str, ...] = ("unknown",)
        self.refusal: Exception | None = None
        self.cancelled = 0
        self.stops = 0
        self.report: Callable[[Progress | None], None] = lambda _: None
        self.interrupted = threading.Event()
        self.endless = False

    def refresh(self, period: Period, *, force: bool) -> Snapshot | None:
        self.threads.add(threading.current_thread().name)
        self.periods.append(period)
        if self.error is not None:
            raise self.error
        if not (force or self.changed):
            return None
        self.changed = False
        return msgspec.structs.replace(self.current, period=period, label=period.text, advice=None, outlook=None)

    def outlook(self, period: Period) -> Outlook:
        self.threads.add(threading.current_thread().name)
        return self.current.outlook or UNKNOWN_OUTLOOK

    def advise(self, period: Period) -> Advice:
        self.threads.add(threading.current_thread().name)
        if self.advice_error is not None:
            raise self.advice_error
        return self.current.advice or advice()

    def calls(self, query: CallQuery) -> CallPage:
        self.threads.add(threading.current_thread().name)
        self.queries.append(query)
        if self.endless:
            self.interrupted.clear()
            self.endless = not self.interrupted.wait(30)
            raise StaleError
        rows = [row for row in self.rows if query.task in (None, row.task) and query.model in (None, row.model)]
        rows = rows if query.of is None else rows[: 20 if query.of == "OC001-3f2a" else 1]
        wanted = matching(query.text)
        rows = [row for row in rows if wanted(row)]
        keys = {
            "start": lambda row: row.start,
            "cost": lambda row: row.picousd or 0,
            "tokens": lambda row: (row.input_tokens or -1) + (row.output_tokens or 0),
        }
        rows.sort(key=keys.get(query.order, lambda row: row.duration_us), reverse=query.descending)
        first = int(str(query.after[0])) if query.after else 0
        last = first + query.limit
        return CallPage(rows=tuple(rows[first:last]), after=(last,) if last < len(rows) else None)

    def call(self, call_id: str) -> CallDetail | None:
        return self.detail or detail(int(call_id, 16))

    def trace(self, trace: str) -> tuple[Call, ...]:
        self.threads.add(threading.current_thread().name)
        return tuple(row for row in reversed(self.rows[:4]) if row.trace == trace)

    def pictures(self, period: Period, task: str | None) -> Pictures:
        self.threads.add(threading.current_thread().name)
        self.periods.append(period)
        return pictures(task)

    def digests(self) -> tuple[DigestRow, ...]:
        self.threads.add(threading.current_thread().name)
        monday = datetime(2026, 11, 23, 6, 30)  # noqa: DTZ001
        return (
            DigestRow(name="team", channel="file", next_due=monday),
            DigestRow(
                name="team",
                channel="mail",
                next_due=monday,
                period="2026-11-16T06:30:00",
                state=self.states[0],
                subject="LLM spend, 7d: $282.70",
                detail="cut off after the data was sent",
            ),
        )

    def digest(self, name: str | None, period: Period) -> DigestText:
        self.threads.add(threading.current_thread().name)
        self.periods.append(period)
        return DigestText(
            name=name or "digest",
            subject="LLM spend, last 7 days: $455.12",
            text=to_plain(blocks(digest_preview())),
            due=datetime(2026, 11, 16, 6, 30) if name else None,  # noqa: DTZ001
            channels=("mail",) if name else (),
        )

    def send_digest(self, name: str) -> tuple[Sent, ...]:
        self.threads.add(threading.current_thread().name)
        if self.refusal is not None:
            raise self.refusal
        self.sent.append(name)
        return (Sent(channel="mail", state="sent"), Sent(channel="ops", state="failed", detail="HTTP 500"))

    def decide(self, order: Order) -> Event:
        self.threads.add(threading.current_thread().name)
        self.orders.append(order)
        if self.refusal is not None:
            raise self.refusal
        return Event(seq=90 + len(self.orders), id=order.id, state=order.state, changed_at=NOW, reason=order.reason)

    def take_back(self, done: Event) -> Event:
        self.threads.add(threading.current_thread().name)
        self.undone.append(done)
        return msgspec.structs.replace(done, state="open")

    def listen(self, report: Callable[[Progress | None], None]) -> None:
        self.report = report

    def stop(self) -> None:
        self.stops += 1
        self.interrupted.set()

    def cancel(self, threads: str = "") -> None:
        self.cancelled += 1
        self.interrupted.set()
