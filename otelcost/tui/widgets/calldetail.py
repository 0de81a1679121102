"""One call's figures: tokens and bill side by side in words, then everything else."""

from __future__ import annotations

from textual.content import Content

from otelcost import display
from otelcost.tui import words
from otelcost.tui.snapshot import Call, CallDetail
from otelcost.tui.text import fit, line, pairs, rule
from otelcost.tui.widgets.paint import Paint

_LABEL = 18


class CallFigures(Paint):
    """The top of a call's page."""

    def __init__(self) -> None:
        super().__init__(id="figures")
        self.call: Call | None = None

    def show(self, call: Call) -> None:
        """Show another call."""
        self.call = call
        self.repaint()

    def paint(self, width: int) -> list[Content]:  # noqa: ARG002
        """What, when, how it ended, what it cost."""
        call = self.call
        if call is None:
            return [Content("")]
        model = display.clean(call.model or display.UNKNOWN)
        how = f"{display.clean(call.provider)} {display.clean(call.operation)}{' · stream' if call.stream else ''}"
        first = f" · first chunk {display.duration(call.ttft_us)}" if call.ttft_us is not None else ""
        attempt = f" · attempt {call.attempt}" if call.attempt > 1 else ""
        error = f" {display.clean(call.error_type)}" if call.error_type else ""
        return [
            line((words.call_cost(call), "bold"), f"  {model}  ", (how, "$text-muted")),
            line(
                words.status(call.status),
                (error, "$text-error"),
                f"{attempt} · {display.duration(call.duration_us)}{first}",
            ),
            line((f"{call.start:%Y-%m-%d %H:%M:%S} UTC", "$text-muted"), f" · {display.clean(call.task)}"),
            line(("at ", "$text-muted"), (display.clean(call.call_site or "call site unknown"), "$text-primary")),
            Content(""),
        ]


class CallBill(Paint):
    """Tokens by bucket, cost by part, and the facts."""

    def __init__(self) -> None:
        super().__init__(id="bill")
        self.detail: CallDetail | None = None

    def show(self, detail: CallDetail) -> None:
        """Show another call."""
        self.detail = detail
        self.repaint()

    def paint(self, width: int) -> list[Content]:
        """Two sections."""
        if self.detail is None:
            return [line(("reading the call ...", "$text-muted"))]
        call = self.detail.call
        return [
            Content(""),
            rule("COST", width, words.price(call, self.detail.price)),
            *[_bucket(name, count, cost) for name, count, cost in _buckets(self.detail)],
            Content(""),
            rule("RECORD", width, "no text is stored"),
            *pairs(self.detail.facts, width),
        ]


def _buckets(detail: CallDetail) -> list[tuple[str, int | None, str]]:
    call, bill = detail.call, dict(detail.bill)
    places = display.common_places(list(bill.values()))
    writes = [call.cache_write_short_tokens, call.cache_write_long_tokens]
    known = [count for count in writes if count is not None]
    rows = [
        ("input", call.input_uncached_tokens, display.money(bill.get("input"), places)),
        ("cache read", call.cache_read_tokens, display.money(bill.get("cache read"), places)),
        ("cache write", sum(known) if known else None, display.money(bill.get("cache write"), places)),
        ("output", call.output_tokens, display.money(bill.get("output"), places)),
    ]
    if call.reasoning_tokens:
        rows.append(("  of it reasoning", call.reasoning_tokens, ""))
    return rows


def _bucket(name: str, count: int | None, cost: str) -> Content:
    text = "-" if count is None else f"{count:,}"
    if count is None:
        cost = ""
    return line((fit(name, _LABEL), "$text-muted"), f"{text:>12} tokens", (f"{cost:>14}", "bold"))
