"""A page around one table: filter, sort, and the keys that go with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Generic

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget

from otelcost import display
from otelcost.tui import export
from otelcost.tui.columns import Column, Row, sort_rows
from otelcost.tui.filtering import Filter
from otelcost.tui.host import Source
from otelcost.tui.pages.page import Page
from otelcost.tui.widgets.filterbar import FilterBar
from otelcost.tui.widgets.table import Table


class TablePage(Page, Generic[Row]):
    """A page whose body ends in a table of rows kept in memory."""

    KEYS: ClassVar[Sequence[tuple[str, str]]] = (
        ("enter", "Open"),
        ("/", "Filter"),
        ("o", "Sort"),
        ("t", "Window"),
        ("?", "Help"),
        ("q", "Quit"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", show=False),
        Binding("o", "sort(1)", "Sort by the next column", show=False),
        Binding("O", "reverse", "Reverse the order", show=False),
        Binding("x", "export", "Export as CSV", show=False),
    ]
    COLUMNS: ClassVar[Sequence[Column[Row]]]
    ORDER: ClassVar[str | None] = None
    EMPTY: ClassVar[str] = "nothing in this window"

    def __init__(self, crumbs: Sequence[str]) -> None:
        super().__init__(crumbs)
        self.rows: tuple[Row, ...] = ()
        self.nothing = self.EMPTY  # what stands where there is no row
        self.order = self.ORDER
        self.descending = True

    @property
    def table(self) -> Table[Row]:
        """The page's table."""
        table: Table[Row] = self.query_one("#table", Table)
        return table

    @property
    def filter_text(self) -> str:
        """The filter as typed."""
        return self.query_one(FilterBar).text

    def row_key(self, row: Row) -> str:
        """A row's identity."""
        raise NotImplementedError

    def fields(self, row: Row) -> Mapping[str, str]:
        """What the filter looks at, by name, in lower case."""
        raise NotImplementedError

    def open_row(self, row: Row) -> None:
        """Drill down."""
        raise NotImplementedError

    def body(self) -> Iterable[Widget]:
        """The table."""
        yield Table[Row](self.COLUMNS, self.row_key, empty=self.EMPTY, id="table")

    def below(self) -> Iterable[Widget]:
        """The filter."""
        yield FilterBar()

    def on_mount(self) -> None:
        """Keys go to the table."""
        self.table.focus()

    def set_rows(self, rows: Sequence[Row]) -> None:
        """New rows: filter, sort and show them."""
        self.rows = tuple(rows)
        self.rearrange()

    def rearrange(self) -> None:
        """Filter and sort what is there."""
        names = frozenset(self.fields(self.rows[0])) if self.rows else frozenset[str]()
        wanted = Filter.parse(self.filter_text, names)
        kept = [row for row in self.rows if wanted.matches(self.fields(row))]
        column = next((column for column in self.table.columns if column.key == self.order), None)
        self.table.set_rows(kept if column is None else sort_rows(kept, column, self.descending))
        self.table.set_order(self.order, self.descending)
        self.table.empty = "no row passes the filter: esc drops it" if self.rows else self.nothing
        self.query_one(FilterBar).count(f"{len(kept):,} of {len(self.rows):,}")

    def sortable(self) -> list[str]:
        """Keys of the visible columns one can sort by: from money rightwards, the page's first order last."""
        columns = [column for column in self.table.visible_columns if column.sort is not None]
        start = next((index for index, column in enumerate(columns) if column.money), 0)
        turned = [*columns[start:], *columns[:start]]
        turned.sort(key=lambda column: column.key == self.ORDER and not column.money)
        return [column.key for column in turned]

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterBar).open()

    def action_sort(self, step: int) -> None:
        """Sort by the next column."""
        keys = self.sortable()
        position = keys.index(self.order) if self.order in keys else -step
        self.order, self.descending = keys[(position + step) % len(keys)], True
        self.rearrange()

    def action_reverse(self) -> None:
        """Turn the order round."""
        self.descending = not self.descending
        self.rearrange()

    def every_row(self) -> Callable[[Source], Iterable[Row]]:
        """What reads the rows that pass the filter, in their order, also those that are not loaded yet."""
        rows = self.table.rows
        return lambda _: rows

    def action_export(self) -> None:
        """Write the rows that pass the filter, in their order, to a file."""
        rows, now = self.table.rows, self.host.now()
        if not rows:
            self.app.notify("No row to export.", timeout=2)
            return
        name = self.crumbs[0].lower() if len(self.crumbs) == 1 else type(rows[0]).__name__.lower()

        every = self.every_row()

        def job(source: Source) -> str:
            try:
                path, written = export.write(every(source), name, now, Path.cwd())  # type: ignore[arg-type]  # structs
            except OSError as error:
                return f"Not exported: {error.strerror} ({error.filename})."
            return f"Wrote {display.plural(written, 'row')} to {path}."

        self.host.ask(job, lambda told: self.app.notify(display.clean(told), timeout=6, markup=False), group="export")

    @on(FilterBar.Changed)
    def _filtered(self) -> None:
        self.rearrange()

    @on(FilterBar.Left)
    def _left_filter(self) -> None:
        self.table.focus()

    @on(Table.Opened, "#table")
    def _opened(self, event: Table.Opened) -> None:
        self.open_row(event.row)  # type: ignore[arg-type]  # the table holds rows of this page only

    def action_back(self) -> None:
        """Esc first drops a filter, then goes back."""
        if self.filter_text:
            self.query_one(FilterBar).action_drop()
        else:
            super().action_back()
