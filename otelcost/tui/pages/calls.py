"""Page 4: the calls, newest first, loaded page by page as one moves through them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

import msgspec
from textual import on

from otelcost import display
from otelcost.tui import words
from otelcost.tui.calls_filter import call_fields
from otelcost.tui.columns import Cell, Column
from otelcost.tui.host import Copy, Source
from otelcost.tui.pages.call import CallDetailPage
from otelcost.tui.pages.tablepage import TablePage
from otelcost.tui.snapshot import Call, CallPage, CallQuery, Period, Snapshot
from otelcost.tui.widgets.filterbar import FilterBar
from otelcost.tui.widgets.table import Table

_PLACES = 4
"""Decimals of a call's cost: single calls cost cents."""
_PAGE = 200
_EXPORTED = 5000
_REFRESHED = 2000
"""More rows than this are not read again with each new record; `r` reads them anew."""


def _glyph(row: Call, _: int) -> Cell:
    text, style = words.status(row.status)
    return text[:1], style


def _outcome(row: Call, _: int) -> Cell:
    text, style = words.status(row.status)
    name = text.partition(" ")[2] or text
    return (f"{name} (try {row.attempt})" if row.attempt > 1 else name), style


def _tokens(row: Call, _: int) -> Cell:
    mark = "~" if "estimated" in row.flags else ""
    return f"{mark}{display.tokens(row.input_tokens)}/{display.tokens(row.output_tokens)}"


def _money(row: Call, width: int) -> str:
    text = words.call_cost(row, _PLACES)
    return text if len(text) <= width else words.call_cost(row)


def _model(row: Call, _: int) -> Cell:
    return display.clean(row.model or display.UNKNOWN)


_COLUMNS: Sequence[Column[Call]] = (
    Column(key="status", title="", width=1, cell=_glyph),
    Column(
        key="start",
        title="Time",
        width=12,
        drop=4,
        cell=lambda row, _: (f"{row.start:%d %b %H:%M}", "$text-muted"),
        sort=lambda row: row.start,
    ),
    Column(key="task", title="Task", width=13, flex=True, cell=lambda row, _: display.clean(row.task)),
    Column(key="model", title="Model", width=14, flex=True, drop=5, cell=_model),
    Column(
        key="tokens",
        title="In/out",
        width=9,
        align="right",
        drop=3,
        cell=_tokens,
        sort=lambda row: row.input_tokens,
    ),
    Column(
        key="cached",
        title="Cache",
        width=5,
        align="right",
        drop=6,
        cell=lambda row, _: display.percent(row.cache_read_tokens, row.input_tokens),
    ),
    Column(
        key="cost",
        title="$",
        width=10,
        align="right",
        cell=lambda row, width: (_money(row, width), "bold"),
        sort=lambda row: row.picousd,
        money=True,
    ),
    Column(
        key="duration",
        title="Took",
        width=8,
        align="right",
        drop=7,
        cell=lambda row, _: display.duration(row.duration_us),
        sort=lambda row: row.duration_us,
    ),
    Column(key="outcome", title="Outcome", width=14, drop=8, cell=_outcome),
)


class CallsPage(TablePage[Call]):
    """Calls of a window, or only those of a task, a model, or `of` a recommendation or insight."""

    COLUMNS: ClassVar[Sequence[Column[Call]]] = _COLUMNS
    ORDER = "start"

    def __init__(
        self,
        crumbs: Sequence[str] = ("Calls",),
        *,
        task: str | None = None,
        model: str | None = None,
        of: str | None = None,
    ) -> None:
        super().__init__(crumbs)
        self._base = CallQuery(period=Period(), task=task, model=model, of=of)
        self._after: tuple[object, ...] | None = None
        self._pending = False

    def show(self, snapshot: Snapshot) -> None:  # noqa: ARG002  (the rows come by their own way)
        """New facts: read the visible rows again, unless there are very many."""
        if len(self.rows) <= _REFRESHED:
            self.rearrange()

    def row_key(self, row: Call) -> str:
        """Its id."""
        return row.id

    def fields(self, row: Call) -> Mapping[str, str]:
        """See `call_fields`."""
        return call_fields(row)

    def open_row(self, row: Call) -> None:
        """Its anatomy."""
        self.app.push_screen(CallDetailPage(self.crumbs, row))

    def copyable(self) -> Copy | None:
        """The call's id."""
        return None if self.table.current is None else Copy("the call's id", self.table.current.id)

    def query_now(self) -> CallQuery:
        """The query for what is asked on the screen."""
        return msgspec.structs.replace(
            self._base,
            period=self.host.state.period,
            text=self.filter_text,
            order=self.order or "start",
            descending=self.descending,
        )

    def every_row(self) -> Callable[[Source], Iterable[Call]]:
        """Read page by page: the store has more rows than are loaded."""
        query = msgspec.structs.replace(self.query_now(), limit=_EXPORTED)
        return lambda source: _every(source, query)

    def rearrange(self) -> None:
        """The store filters and sorts, since it has more rows than are loaded."""
        self._pending = True
        query = msgspec.structs.replace(self.query_now(), limit=max(_PAGE, min(len(self.rows), _REFRESHED)))
        self.host.ask_calls(query, self, append=False)

    def receive_calls(self, page: CallPage, query: CallQuery, *, append: bool) -> None:
        """Show a page that was asked for."""
        if not self.ready:
            return
        self._pending = False
        self._after = page.after
        self.rows = (*self.rows, *page.rows) if append else page.rows
        nothing = words.nothing(self.host.snapshot)
        self.table.empty = "no call passes the filter: esc drops it" if query.text.strip() else nothing
        self.table.set_rows(self.rows)
        self.table.set_order(query.order, query.descending)
        more = " and more" if page.after is not None else ""
        self.query_one(FilterBar).count(f"{len(self.rows):,} loaded{more}")

    @on(Table.NearEnd)
    def _more(self) -> None:
        if self._after is not None and not self._pending:
            self._pending = True
            query = msgspec.structs.replace(self.query_now(), after=self._after)
            self.host.ask_calls(query, self, append=True)


def _every(source: Source, query: CallQuery) -> Iterator[Call]:
    while True:
        page = source.calls(query)
        yield from page.rows
        if page.after is None:
            return
        query = msgspec.structs.replace(query, after=page.after)
