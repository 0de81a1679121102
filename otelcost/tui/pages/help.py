"""`?`: the keys of the page and of what has the focus, then every key, and what the words and glyphs mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import ModalScreen

from otelcost import display
from otelcost.tui.pages.page import Page
from otelcost.tui.text import fit, line, pairs, rule
from otelcost.tui.widgets.paint import Paint

KEYS: Final = (
    ("1 2 3 4 5 6", "Overview, Recommendations, Tasks, Calls, Trials, Digests"),
    ("enter l", "open: recommendation, its calls, one call"),
    ("esc h", "back (first drops a filter)"),
    ("j k g G", "down, up, first, last; ctrl+d ctrl+u by page"),
    ("tab", "next list"),
    ("/", "filter: word, !word inverts, model:x task:x status:x"),
    ("o O", "sort by the next column, reverse"),
    ("a A", "recommendation: accept; applied, from now on measured"),
    ("d s u z", "dismiss with a reason, snooze, reopen; undo the last"),
    ("e", "its evidence: the calls it is about"),
    ("p s", "digest: preview what it says; send the one that was due last, once"),
    ("i n m", "insights, checks not made, what became of decisions"),
    ("v", "pictures: what moved it, savings, cache, latency; of a task in Tasks"),
    ("t", "window: then d day, w week, m month, q quarter, a all"),
    ("[ ]", "window earlier, later"),
    ("r space", "refresh now, pause live refresh; ctrl+c stops long work"),
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
    ("▲ ▼", "more, less than in the window before, which is as long"),
    (
        "forecast",
        "of the running month, from seven days with calls on; the range holds four times of five",
    ),
    ("● ○ ‖", "records arrive, none for a while, paused"),
)


_NAMES: Final = {
    "question_mark": "?",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "slash": "/",
    "escape": "esc",
}


def named(binding: Binding) -> list[str]:
    """The keys of a binding as people write them."""
    return [_NAMES.get(key, key) for key in binding.key.split(",")]


def bound(owner: type[DOMNode]) -> list[Binding]:
    """What a class itself binds."""
    own: list[BindingType] = owner.__dict__.get("BINDINGS", [])
    inherited = {id(one) for base in owner.__mro__[1:] for one in base.__dict__.get("BINDINGS", [])}
    return [one if isinstance(one, Binding) else Binding(*one) for one in own if id(one) not in inherited]


def here(page: Page) -> dict[str, str]:
    """The keys of a page beyond those of every page, and of the widget that has its focus, by what they do."""
    owners = [
        *type(page).__mro__[: type(page).__mro__.index(Page)],
        *(type(page.focused).__mro__ if page.focused else ()),
    ]
    ours = [owner for owner in owners if owner.__module__.startswith("otelcost.") and issubclass(owner, DOMNode)]
    return {one.description: " ".join(named(one)) for owner in ours for one in bound(owner)}


class HelpText(Paint):
    """The text."""

    def __init__(self, place: str, keys: Mapping[str, str]) -> None:
        super().__init__()
        self.place = place
        self.keys = keys

    def paint(self, width: int) -> list[Content]:
        """Keys here, all keys, glossary."""
        return [
            rule(f"KEYS HERE: {self.place}", width, "esc closes"),
            *pairs([(keys, text) for text, keys in self.keys.items()], width),
            Content(""),
            rule("ALL KEYS", width),
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

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page

    def compose(self) -> ComposeResult:
        """A scrolling box."""
        with VerticalScroll(id="help", can_focus=False):
            yield HelpText(display.clean(self.page.crumbs[0]), here(self.page))

    def action_scroll(self, rows: int) -> None:
        """Scroll the text."""
        self.query_one("#help", VerticalScroll).scroll_relative(y=rows, animate=False)
