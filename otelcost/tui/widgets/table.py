"""A table that draws only the rows on the screen, so that a hundred thousand cost as much as twenty.

Rows are frozen structs handed in whole; the cursor follows its row by key when they are replaced. Near its end
the table asks for more (`NearEnd`), and it says which row was opened (`Opened`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Generic

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style

from otelcost.tui.columns import Column, Row, heading, layout, row_line
from otelcost.tui.text import line

CURSOR = "▸ "
_MARGIN = len(CURSOR)
_NEAR = 50


class Table(ScrollView, Generic[Row], can_focus=True):
    """See the module. `key` gives a row's identity."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup,ctrl+u", "page(-1)", "Page up", show=False),
        Binding("pagedown,ctrl+d", "page(1)", "Page down", show=False),
        Binding("home,g", "edge(-1)", "First", show=False),
        Binding("end,G", "edge(1)", "Last", show=False),
        Binding("enter,l,right", "open", "Open", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--cursor", "table--cursor-blurred"}

    class _About(Message):
        """A message about a row."""

        def __init__(self, table: Table[Any], row: object) -> None:
            super().__init__()
            self.table = table
            self.row = row

        @property
        def control(self) -> Table[Any]:
            """The table."""
            return self.table

    class Opened(_About):
        """The user opened a row."""

    class Moved(_About):
        """The cursor is on another row."""

    class NearEnd(Message):
        """The cursor is close to the last loaded row."""

    def __init__(
        self,
        columns: Sequence[Column[Row]],
        key: Callable[[Row], str],
        *,
        empty: str = "nothing here",
        headed: bool = True,
        id: str | None = None,  # noqa: A002  (Textual's own name for it)
    ) -> None:
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.key = key
        self.empty = empty
        self.headed = headed
        self.rows: tuple[Row, ...] = ()
        self.order: str | None = None
        self.descending = True
        self.cursor = 0

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if self.rows else None

    @property
    def visible_columns(self) -> list[Column[Row]]:
        """The columns there is room for."""
        return [column for column, _ in self._layout()]

    def _layout(self) -> list[tuple[Column[Row], int]]:
        return layout(self.columns, max(1, self.scrollable_content_region.width - _MARGIN))

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Replace the rows; the cursor stays on its row, or on its position where that is gone."""
        held = self.key(self.rows[self.cursor]) if self.rows else None
        before = self.current
        self.rows = tuple(rows)
        self.cursor = self._find(held)
        self.virtual_size = Size(0, len(self.rows) + self._head or 1)
        self._reveal()
        self.refresh(layout=True)
        if self.current != before and self.current is not None:
            self.post_message(self.Moved(self, self.current))

    def set_order(self, order: str | None, descending: bool) -> None:
        """Show which column the rows are sorted by (sorting is the owner's work)."""
        self.order, self.descending = order, descending
        self.refresh()

    def _find(self, key: str | None) -> int:
        at_top = self.cursor == 0
        if key is not None and not at_top:
            for index, row in enumerate(self.rows):
                if self.key(row) == key:
                    return index
        return max(0, min(self.cursor, len(self.rows) - 1))

    @property
    def _head(self) -> int:
        return 1 if self.headed else 0

    @property
    def _visible(self) -> int:
        return max(1, self.scrollable_content_region.height - self._head)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """All rows; the style sheet limits it."""
        return max(1, len(self.rows)) + self._head

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        width = self.scrollable_content_region.width
        sizes = self._layout()
        if self.headed and y == 0:
            return self._strip(line(" " * _MARGIN, heading(sizes, self.order, self.descending)), width)
        if not self.rows:
            first = y == self._head
            return self._strip(line((" " * _MARGIN + self.empty if first else "", "$text-muted")), width)
        index = self.scroll_offset.y + y - self._head
        if index >= len(self.rows):
            return self._strip(Content(""), width)
        return self._row(sizes, index, width)

    def _row(self, sizes: Sequence[tuple[Column[Row], int]], index: int, width: int) -> Strip:
        here = index == self.cursor and (self.has_focus or self.headed)
        content = line(CURSOR if here else " " * _MARGIN, row_line(sizes, self.rows[index]))
        if not here:
            return self._strip(content, width)
        name = "table--cursor" if self.has_focus else "table--cursor-blurred"
        return self._strip(content, width, self.get_visual_style(name))

    def _strip(self, content: Content, width: int, style: Style | None = None) -> Strip:
        base = self.visual_style if style is None else style
        segments = [part for part in content.render_segments(base, end="") if part.text]
        # A segment without a style crashes Textual's colour filters: the padding carries the base style.
        return Strip(segments, content.cell_length).adjust_cell_length(width, base.rich_style)

    def action_move(self, rows: int) -> None:
        """Move the cursor."""
        self._go(self.cursor + rows)

    def action_page(self, pages: int) -> None:
        """Move the cursor by what is visible."""
        self._go(self.cursor + pages * self._visible)

    def action_edge(self, side: int) -> None:
        """Move the cursor to the first or the last row."""
        self._go(0 if side < 0 else len(self.rows) - 1)

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if self.current is not None:
            self.post_message(self.Opened(self, self.current))

    def _go(self, index: int) -> None:
        index = max(0, min(index, len(self.rows) - 1))
        if index != self.cursor and self.rows:
            self.cursor = index
            self._reveal()
            self.refresh()
            self.post_message(self.Moved(self, self.rows[index]))
        if index >= len(self.rows) - _NEAR:
            self.post_message(self.NearEnd())

    def _reveal(self) -> None:
        top = round(self.scroll_y)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + self._visible:
            self.scroll_to(y=self.cursor - self._visible + 1, animate=False)

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self._reveal()

    def on_focus(self) -> None:
        """The cursor shows only in the focused table."""
        self.refresh()

    def on_blur(self) -> None:
        """See `on_focus`."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """A click selects a row; a click on the selected one opens it."""
        index = round(self.scroll_y) + event.y - self._head
        if (self.headed and event.y == 0) or not 0 <= index < len(self.rows):
            return
        if index == self.cursor and event.chain > 1:
            self.action_open()
        else:
            self._go(index)
