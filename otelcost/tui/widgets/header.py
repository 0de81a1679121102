"""The first line: whether records arrive, how old the last one is, and which window is shown."""

from __future__ import annotations

from datetime import datetime

from rich.cells import cell_len
from textual.content import Content

from otelcost import display
from otelcost.tui.host import State
from otelcost.tui.snapshot import Progress, Snapshot
from otelcost.tui.text import crop, line
from otelcost.tui.widgets.paint import Paint

_LIVE_SECONDS = 30
_LAST = "last record "
_NAME = " otelcost "
_DEMO_NAME = " otelcost demo: loopback provider "


def age(seconds: int) -> str:
    """A rounded-down age: `2 s`, `5 min`, `3 h`, `4 d`."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{max(0, seconds)} s"


def live_mark(snapshot: Snapshot | None, state: State, now: datetime) -> tuple[str, str]:
    """The mark and its style. Every state has its own glyph and word."""
    if state.problem is not None:
        return "✗ not up to date" if snapshot else "✗ cannot be read", "bold $text-error"
    if state.progress is not None:
        return f"◌ {working(state.progress)}, ctrl+c stops", "$text-muted"
    if state.paused:
        return "‖ paused", "bold $text-warning"
    if snapshot is None:
        return "◌ loading", "$text-muted"
    return _freshness(snapshot.overview.last_call, now)


def _freshness(last: datetime | None, now: datetime) -> tuple[str, str]:
    if last is None:
        return "○ no record yet", "$text-muted"
    seconds = int((now - last).total_seconds())
    if seconds <= _LIVE_SECONDS:
        return f"● live, {_LAST}{age(seconds)} ago", "$text-success"
    return f"○ {_LAST}{age(seconds)} ago", "$text-muted"


def working(progress: Progress) -> str:
    """`loading records 34%`."""
    return f"{progress.what} {display.percent(progress.done, progress.whole)}"


def period_label(snapshot: Snapshot | None, state: State) -> str:
    """The window in words and dates."""
    if snapshot is None or snapshot.period != state.period:
        return f"{display.clean(state.period.text)} …"
    label = display.clean(snapshot.label)
    if snapshot.start is None or snapshot.end is None:
        days = snapshot.overview.days
        return f"{label} · {days[0].day:%d %b}-{days[-1].day:%d %b} UTC" if days else f"{label} · UTC"
    return f"{label} · {snapshot.start:%d %b}-{snapshot.end:%d %b} UTC"


class Header(Paint):
    """See the module."""

    def __init__(self) -> None:
        super().__init__(id="header")
        self._brand = _NAME
        self._shown: tuple[str, str, str] = ("", "", "")

    def show(self, snapshot: Snapshot | None, state: State, now: datetime) -> None:
        """Show a new state; draws only where it differs."""
        self._brand = _DEMO_NAME if state.demo else _NAME
        shown = (*live_mark(snapshot, state, now), period_label(snapshot, state))
        if shown != self._shown:
            self._shown = shown
            self.refresh()

    def paint(self, width: int) -> list[Content]:
        """One line."""
        mark, style, period = self._shown
        name = self._brand
        room = width - cell_len(name) - cell_len(period) - 4
        if cell_len(mark) > room:
            mark = mark.replace(_LAST, "")
        mark = crop(mark, max(0, room))
        gap = max(1, width - cell_len(name) - cell_len(mark) - cell_len(period) - 2)
        return [line((name, "bold reverse"), " ", (mark, style), " " * gap, (period, "$foreground"), " ")]
