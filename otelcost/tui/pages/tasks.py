"""Page 3: which job costs what, and how that moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from otelcost import display
from otelcost.tui import charts, words
from otelcost.tui.columns import Cell, Column
from otelcost.tui.host import Copy
from otelcost.tui.pages.calls import CallsPage
from otelcost.tui.pages.pictures import PicturesPage
from otelcost.tui.pages.tablepage import TablePage
from otelcost.tui.snapshot import Snapshot, Task

_SPARK = 14


def _per_call(row: Task) -> int | None:
    if row.input_tokens is None or row.output_tokens is None or not row.calls:
        return None
    return (row.input_tokens + row.output_tokens) // row.calls


def _cached(row: Task) -> int | None:
    if row.cache_read_tokens is None or not row.input_tokens:
        return None
    return row.cache_read_tokens * 1000 // row.input_tokens


def _growth(row: Task) -> int | None:
    if row.picousd is None or row.previous_picousd is None:
        return None
    return row.picousd - row.previous_picousd


def _spark(row: Task, width: int) -> Cell:
    values, _ = charts.bucketed(row.days, width)
    return charts.spark(values), "$primary"


def _errors(row: Task, width: int) -> Cell:
    return (f"✗ {words.count(row.errors, width - 2)}", "$text-error") if row.errors else ("-", "$text-muted")


def columns(rows: Sequence[Task]) -> tuple[Column[Task], ...]:
    """The columns for these rows: their amounts share their decimals, and empty columns are left out."""
    places = display.common_places([row.picousd for row in rows])
    compared = any(row.previous_picousd is not None for row in rows)
    dropped = {
        *(() if compared else ("change",)),
        *(() if any(row.days for row in rows) else ("spark",)),
    }
    known: tuple[Column[Task], ...] = (
        Column(
            key="task",
            title="Task",
            width=16,
            flex=True,
            cell=lambda row, _: display.clean(row.name),
            sort=lambda row: row.name,
        ),
        Column(
            key="cost",
            title="$",
            width=12,
            align="right",
            cell=lambda row, _: (words.spend(row.picousd, row.calls, row.unpriced_calls, places), "bold"),
            sort=lambda row: row.picousd,
            money=True,
        ),
        Column(
            key="change",
            title="Change",
            width=8,
            align="right",
            drop=1,
            cell=lambda row, _: words.moved(row.picousd, row.previous_picousd),
            sort=_growth,
        ),
        Column(
            key="calls",
            title="Calls",
            width=8,
            align="right",
            drop=2,
            cell=lambda row, width: words.count(row.calls, width),
            sort=lambda row: row.calls,
        ),
        Column(
            key="tokens",
            title="Tok/call",
            width=8,
            align="right",
            drop=4,
            cell=lambda row, _: display.tokens(_per_call(row)),
            sort=_per_call,
        ),
        Column(
            key="cached",
            title="Cached",
            width=7,
            align="right",
            drop=5,
            cell=lambda row, _: display.percent(row.cache_read_tokens, row.input_tokens),
            sort=_cached,
        ),
        Column(key="errors", title="Errors", width=7, align="right", drop=6, cell=_errors, sort=lambda row: row.errors),
        Column(
            key="models",
            title="Model",
            width=14,
            drop=8,
            cell=lambda row, _: (display.clean(", ".join(row.models)), "$text-muted"),
            sort=lambda row: row.models,
        ),
        Column(key="spark", title="By day", width=_SPARK, drop=7, cell=_spark),
    )
    return tuple(column for column in known if column.key not in dropped)


class TasksPage(TablePage[Task]):
    """See the module."""

    COLUMNS: ClassVar[Sequence[Column[Task]]] = columns(())
    ORDER = "cost"
    KEYS = (
        ("enter", "Calls"),
        ("v", "Pictures"),
        ("/", "Filter"),
        ("o", "Sort"),
        ("t", "Window"),
        ("?", "Help"),
        ("q", "Quit"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("v", "pictures", "The task as pictures", show=False)]

    def __init__(self) -> None:
        super().__init__(("Tasks",))

    def show(self, snapshot: Snapshot) -> None:
        """Show new facts."""
        self.table.columns = columns(snapshot.tasks)
        self.nothing = words.nothing(snapshot)
        self.set_rows(snapshot.tasks)

    def row_key(self, row: Task) -> str:
        """Its name."""
        return row.name

    def fields(self, row: Task) -> Mapping[str, str]:
        """Name, models and how it was recognised."""
        return {"task": row.name.lower(), "model": " ".join(row.models).lower(), "source": row.source}

    def open_row(self, row: Task) -> None:
        """Its calls."""
        self.app.push_screen(CallsPage((*self.crumbs, row.name), task=row.name))

    def action_pictures(self) -> None:
        """The task under the cursor as pictures."""
        if self.table.current is not None:
            self.app.push_screen(PicturesPage(self.crumbs, self.table.current.name))

    def copyable(self) -> Copy | None:
        """The task's name."""
        return None if self.table.current is None else Copy("the task's name", self.table.current.name)
