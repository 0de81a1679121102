"""Page 6: which digests are set up, when each is next due, and what became of the last one on every channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from textual.binding import Binding, BindingType

from otelcost import display
from otelcost.tui.columns import Cell, Column
from otelcost.tui.host import Copy
from otelcost.tui.pages.digest import DigestPage, ask_to_send
from otelcost.tui.pages.tablepage import TablePage
from otelcost.tui.snapshot import DigestRow, Snapshot

_NONE: Final = "none set up ([digest.NAME] in otelcost.toml); p shows what one would say"
_LIVE_S: Final = 5
"""How often what another process sent is looked for."""
_STATES: Final[dict[str, tuple[str, str]]] = {
    "pending": ("○ pending", "$text-muted"),
    "sending": ("◔ sending", "$text-primary"),
    "sent": ("✓ sent", "$text-success"),
    "failed": ("✗ failed", "$text-error"),
    "unknown": ("? unknown", "$text-warning"),
}


def _state(row: DigestRow, _: int) -> Cell:
    if row.state is None:
        return "never sent", "$text-muted"
    return _STATES.get(row.state, (display.clean(row.state), ""))


def _last(row: DigestRow, _: int) -> Cell:
    return display.clean((row.period or "-")[:16].replace("T", " "))


def _next(row: DigestRow, _: int) -> Cell:
    return ("-", "$text-muted") if row.next_due is None else f"{row.next_due:%d %b %H:%M} UTC"


class DigestsPage(TablePage[DigestRow]):
    """See the module. An unknown one was cut off and may have arrived; it is never sent again by itself."""

    KEYS = (
        ("p", "Preview"),
        ("s", "Send"),
        ("/", "Filter"),
        ("o", "Sort"),
        ("y", "Copy"),
        ("?", "Help"),
        ("q", "Quit"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "preview", "Preview: what it says", show=False),
        Binding("s", "send", "Send the last due one, once", show=False),
    ]
    EMPTY = "reading ..."
    COLUMNS: ClassVar[Sequence[Column[DigestRow]]] = (
        Column(
            key="name",
            title="Digest",
            width=12,
            flex=True,
            cell=lambda row, _: display.clean(row.name),
            sort=lambda row: row.name,
        ),
        Column(
            key="channel",
            title="Channel",
            width=10,
            cell=lambda row, _: display.clean(row.channel),
            sort=lambda row: row.channel,
        ),
        Column(key="next", title="Next", width=16, cell=_next, sort=lambda row: row.next_due),
        Column(key="last", title="Last", width=16, drop=1, cell=_last, sort=lambda row: row.period),
        Column(key="state", title="State", width=10, cell=_state, sort=lambda row: row.state),
        Column(
            key="detail",
            title="Why",
            width=14,
            flex=True,
            drop=2,
            cell=lambda row, _: (display.clean(row.detail), "$text-muted"),
        ),
    )

    def __init__(self) -> None:
        super().__init__(("Digests",))
        self._seconds = 0

    def show(self, snapshot: Snapshot) -> None:  # noqa: ARG002  (the ledger is no part of the store)
        """New facts: the ledger may have grown too."""
        self.reread()

    def tick(self) -> None:
        """A second has passed: now and then look at what others sent."""
        super().tick()
        self._seconds += 1
        if self._seconds % _LIVE_S == 0 and not self.host.state.paused:
            self.reread()

    def reread(self) -> None:
        """Look at the ledger."""
        self.host.ask(lambda source: source.digests(), self.receive, group="digests")

    def receive(self, rows: tuple[DigestRow, ...]) -> None:
        """Show what was asked for."""
        if self.ready:
            self.nothing = _NONE
            self.set_rows(rows)

    def row_key(self, row: DigestRow) -> str:
        """Digest and channel."""
        return f"{row.name} {row.channel}"

    def fields(self, row: DigestRow) -> Mapping[str, str]:
        """What a line says."""
        return {"name": row.name.lower(), "channel": row.channel.lower(), "state": row.state or "never sent"}

    def open_row(self, row: DigestRow) -> None:
        """What it says."""
        self.app.push_screen(DigestPage(self.crumbs, row.name))

    def action_preview(self) -> None:
        """What the one under the cursor says; where none is set up, what one would."""
        row = self.table.current
        self.app.push_screen(DigestPage(self.crumbs, None if row is None else row.name))

    def action_send(self) -> None:
        """Send the one under the cursor, after a question."""
        row = self.table.current
        if row is None:
            self.app.notify("No digest here to send.", timeout=2)
        else:
            ask_to_send(self, row.name)

    def copyable(self) -> Copy | None:
        """The subject of the last one."""
        row = self.table.current
        return None if row is None or not row.subject else Copy("the last subject", row.subject)
