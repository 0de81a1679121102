"""A digest as it would leave, to read before it does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget

from otelcost import display
from otelcost.tui.host import Copy
from otelcost.tui.pages.call import ScrollPage
from otelcost.tui.pages.choice import ChoicePage
from otelcost.tui.pages.page import Page
from otelcost.tui.snapshot import DigestText, Snapshot
from otelcost.tui.text import MUTED, line, rule, wrap
from otelcost.tui.widgets.paint import Paint

_BULLET: Final = "- "
_SEND: Final = (("y", "yes, send it", "y"),)


def ask_to_send(page: Page, name: str) -> None:
    """Send a digest once the reader says so; the page is told when that is done."""

    def take(answer: str | None) -> None:
        if answer is not None:
            page.host.send_digest(name, page.reread)

    page.app.push_screen(ChoicePage(f"Send {display.clean(name)}, the one that was due last", _SEND), take)


class DigestBody(Paint):
    """The digest, or that it is being written."""

    def __init__(self) -> None:
        super().__init__(id="digest")
        self.digest: DigestText | None = None

    def paint(self, width: int) -> list[Content]:
        """What it is of and where it goes, its subject, and what it says."""
        if self.digest is None:
            return [line(("reading the store ...", MUTED))]
        subject, *rest = self.digest.text.rstrip("\n").split("\n")
        lines = [line((row, MUTED)) for row in wrap(self._status(self.digest), width)]
        lines += [Content(""), *(line((row, "bold")) for row in wrap(subject, width))]
        return [*lines, *(made for row in rest for made in _line(row, width))]

    def _status(self, digest: DigestText) -> str:
        if digest.due is None:
            return "as it would be now; nothing of it is waiting to be sent"
        return f"of {digest.due:%d %b %H:%M} UTC; not sent yet to {', '.join(digest.channels)}: s sends it"


def _line(row: str, width: int) -> list[Content]:
    if not row:
        return [Content("")]
    if not row.startswith(_BULLET):
        return [rule(row, width)]
    folded = wrap(row.removeprefix(_BULLET), max(8, width - 2))
    return [line(("· " if not place else "  "), text) for place, text in enumerate(folded)]


class DigestPage(ScrollPage):
    """One digest; without a name, what one of this window would say."""

    KEYS = (("s", "Send"), ("j/k", "Scroll"), ("y", "Copy"), ("t", "Window"), ("?", "Help"), ("q", "Quit"))
    BINDINGS: ClassVar[list[BindingType]] = [Binding("s", "send", "Send it, once", show=False)]

    def __init__(self, crumbs: Sequence[str], name: str | None) -> None:
        super().__init__((*crumbs, "what one would say" if name is None else name))
        self.digest_name = name

    def body(self) -> Iterable[Widget]:
        """The text, scrolling."""
        with VerticalScroll(id="scroll", can_focus=False):
            yield DigestBody()

    def keys(self) -> Sequence[tuple[str, str]]:
        """Nothing is sent where none is set up."""
        shown = super().keys()
        return [pair for pair in shown if pair[0] != ("s" if self.digest_name is None else "t")]

    def show(self, snapshot: Snapshot) -> None:  # noqa: ARG002  (the digest has a window of its own)
        """New facts: write it anew."""
        self.reread()

    def reread(self) -> None:
        """Write it anew."""
        name, period = self.digest_name, self.host.state.period
        self.host.ask(lambda source: source.digest(name, period), self.receive, group="digest")

    def receive(self, found: DigestText) -> None:
        """Show what was asked for."""
        if self.ready:
            body = self.query_one(DigestBody)
            body.digest = found
            body.repaint()

    def copyable(self) -> Copy | None:
        """All of it."""
        found = self.query_one(DigestBody).digest
        return None if found is None else Copy("the digest", found.text)

    def action_send(self) -> None:
        """Send it, after a question."""
        if self.digest_name is None:
            self.app.notify("No digest is set up: put [digest.NAME] into otelcost.toml.", timeout=4, markup=False)
        else:
            ask_to_send(self, self.digest_name)
