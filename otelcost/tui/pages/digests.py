"""Page 5: which digests are set up, when each is next due, and what became of the last one on every channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from otelcost import display
from otelcost.tui.columns import Cell, Column
from otelcost.tui.host import Copy
from otelcost.tui.pages.tablepage import TablePage
from otelcost.tui.snapshot import DigestRow, Snapshot

_NONE: Final = "none is set up: put [digest.NAME] into otelcost.toml"
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
        ("/", "Filter"),
        ("o", "Sort"),
        ("y", "Copy"),
        ("x", "Export"),
        ("r", "Refresh"),
        ("?", "Help"),
        ("q", "Quit"),
    )
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

    def show(self, snapshot: Snapshot) -> None:  # noqa: ARG002  (the ledger is no part of the store)
        """New facts: the ledger may have grown too."""
        self.host.ask(lambda source: source.digests(), self.receive, group="digests")

    def receive(self, rows: tuple[DigestRow, ...]) -> None:
        """Show what was asked for."""
        if self.ready:
            self.table.empty = _NONE
            self.set_rows(rows)

    def row_key(self, row: DigestRow) -> str:
        """Digest and channel."""
        return f"{row.name} {row.channel}"

    def fields(self, row: DigestRow) -> Mapping[str, str]:
        """What a line says."""
        return {"name": row.name.lower(), "channel": row.channel.lower(), "state": row.state or "never sent"}

    def open_row(self, row: DigestRow) -> None:
        """What the last one said stands where it was sent to."""

    def copyable(self) -> Copy | None:
        """The subject of the last one."""
        row = self.table.current
        return None if row is None or not row.subject else Copy("the last subject", row.subject)
