"""`?`: every key, and what the words and glyphs mean."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen

from otelcost.tui.text import fit, line, pairs, rule
from otelcost.tui.widgets.paint import Paint

KEYS: Final = (
    ("1 2 3 4 5", "Overview, Recommendations, Tasks, Calls, Digests"),
    ("enter l", "open: recommendation, its calls, one call"),
    ("esc h", "back (first drops a filter)"),
    ("j k g G", "down, up, first, last; ctrl+d ctrl+u by page"),
    ("tab", "next list"),
    ("/", "filter: word, !word inverts, model:x task:x status:x"),
    ("o O", "sort by the next column, reverse"),
    ("a A", "recommendation: accept; applied, from now on measured"),
    ("d s u z", "dismiss with a reason, snooze, reopen; undo the last"),
    ("e", "its evidence: the calls it is about"),
    ("i n m", "insights, checks not made, what became of decisions"),
    ("v", "pictures: what moved it, savings, cache, latency; of a task in Tasks"),
    ("t", "window: then d day, w week, m month, q quarter, a all"),
    ("[ ]", "window earlier, later"),
    ("r space", "refresh now, pause live refresh"),
    ("x", "export the table's rows as CSV into this folder"),
    ("y", "copy (through the terminal, also over SSH)"),
    ("ctrl+p", "commands and themes"),
    ("? q", "this help; quit"),
)
GLOSSARY: Final = (
    ("?", "unknown: never counted as nothing"),
    ("+ ?", "some of these calls have no price; the true sum is higher"),
    ("■ exact", "a rate change on recorded calls: arithmetic"),
    ("◪ simulated", "recorded arrivals replayed against the provider's cache rules; the range is by days"),
    ("□ needs-trial", "the answers would change; not in any total before a trial"),
    ("saves", "beside all other fixes, so that they may be added up"),
    ("━━┄┄", "the part of the prompt read from the provider's cache, then where the prefix broke"),
    ("~", "tokens counted here because the provider sent none"),
    ("● ○ ‖", "records arrive, none for a while, paused"),
)


class HelpText(Paint):
    """The text."""

    def paint(self, width: int) -> list[Content]:
        """Keys, then glossary."""
        return [
            rule("KEYS", width, "esc closes"),
            *[_key(key, text, width) for key, text in KEYS],
            Content(""),
            rule("GLOSSARY", width),
            *pairs(GLOSSARY, width),
        ]


def _key(key: str, text: str, width: int) -> Content:
    return line((fit(key, 10), "bold $text-primary"), fit(text, max(4, width - 10)))


class HelpPage(ModalScreen[None]):
    """Over whatever is shown."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,h", "dismiss", "Close", show=False),
        Binding("j,down", "scroll(1)", "Down", show=False),
        Binding("k,up", "scroll(-1)", "Up", show=False),
        Binding("G,end", "scroll(1000)", "Bottom", show=False),
        Binding("g,home", "scroll(-1000)", "Top", show=False),
    ]

    def compose(self) -> ComposeResult:
        """A scrolling box."""
        with VerticalScroll(id="help", can_focus=False):
            yield HelpText()

    def action_scroll(self, rows: int) -> None:
        """Scroll the text."""
        self.query_one("#help", VerticalScroll).scroll_relative(y=rows, animate=False)
