"""The calls of one trace on a common axis of time; enter shows one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import ClassVar

from otelcost import display
from otelcost.tui import words
from otelcost.tui.calls_filter import call_fields
from otelcost.tui.columns import Cell, Column
from otelcost.tui.host import Copy
from otelcost.tui.pages.tablepage import TablePage
from otelcost.tui.snapshot import Call, Snapshot

_SPAN = 20
_US = timedelta(microseconds=1)


def columns(rows: Sequence[Call]) -> tuple[Column[Call], ...]:
    """The columns; bars share the time from the first call's start to the last one's end."""
    first = min((row.start for row in rows), default=None)
    whole = 1 if first is None else max((row.start - first) // _US + (row.duration_us or 0) for row in rows)

    def span(row: Call, width: int) -> Cell:
        begin = 0 if first is None else (row.start - first) // _US
        left = min(width - 1, begin * width // max(1, whole))
        size = max(1, min(width - left, (row.duration_us or 0) * width // max(1, whole)))
        return " " * left + ("━" if row.duration_us is not None else "?") * size, "$primary"

    return (
        Column(key="status", title="", width=1, cell=lambda row, _: (words.status(row.status)[0][:1], "")),
        Column(key="task", title="Task", width=16, flex=True, cell=lambda row, _: display.clean(row.task)),
        Column(
            key="model",
            title="Model",
            width=16,
            drop=2,
            cell=lambda row, _: display.clean(row.model or display.UNKNOWN),
        ),
        Column(key="span", title="From start to end", width=_SPAN, flex=True, cell=span),
        Column(
            key="duration",
            title="Took",
            width=8,
            align="right",
            drop=1,
            cell=lambda row, _: display.duration(row.duration_us),
            sort=lambda row: row.duration_us,
        ),
        Column(
            key="cost",
            title="$",
            width=10,
            align="right",
            cell=lambda row, _: (words.call_cost(row, 4), "bold"),
            sort=lambda row: row.picousd,
            money=True,
        ),
    )


class TracePage(TablePage[Call]):
    """See the module."""

    COLUMNS: ClassVar[Sequence[Column[Call]]] = columns(())
    EMPTY = "reading the trace ..."

    def __init__(self, crumbs: Sequence[str], trace: str) -> None:
        super().__init__((*crumbs, f"trace {trace[:8]}"))
        self.trace = trace

    def show(self, snapshot: Snapshot) -> None:  # noqa: ARG002  (the rows come by their own way)
        """New facts: the trace may have grown."""
        self.host.ask(lambda source: source.trace(self.trace), self.receive, group="trace")

    def receive(self, rows: tuple[Call, ...]) -> None:
        """Show what was asked for."""
        if self.ready:
            self.nothing = "no call of this trace is in the store"
            self.table.columns = columns(rows)
            self.set_rows(rows)

    def row_key(self, row: Call) -> str:
        """Its id."""
        return row.id

    def fields(self, row: Call) -> Mapping[str, str]:
        """See `call_fields`."""
        return call_fields(row)

    def open_row(self, row: Call) -> None:
        """Its anatomy."""
        from otelcost.tui.pages.call import CallDetailPage  # noqa: PLC0415  (a call leads to its trace, and back)

        self.app.push_screen(CallDetailPage(self.crumbs, row))

    def copyable(self) -> Copy | None:
        """The trace's id."""
        return Copy("the trace's id", self.trace)
