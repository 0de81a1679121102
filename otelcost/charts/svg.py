"""The few elements charts are made of. Every text is escaped here and nowhere else."""

from __future__ import annotations

import html
from typing import Final, NamedTuple

from otelcost.charts.theme import LIGHT, Theme, standalone_css
from otelcost.display import clean

WIDE: Final = 720
NARROW: Final = 358
"""Widths charts are drawn for, in pixels: a column of a page, and a phone."""

_NARROW_LETTER: Final = 7.1
_WIDE_LETTER: Final = 12.5


class Chart(NamedTuple):
    """A drawn chart; sizes in pixels. `title` and `summary` are plain text and say what the picture shows."""

    title: str
    summary: str
    width: int
    height: int
    body: str

    def inline(self) -> str:
        """As an element of a page whose style sheet holds `otelcost.charts.page_css`."""
        return self._svg("", "")

    def standalone(self, theme: Theme = LIGHT) -> str:
        """As a file of its own, with its colours and a background."""
        style = element("style", raw=standalone_css(theme))
        paper = element("rect", width=self.width, height=self.height, class_="oc-paper")
        return self._svg(' xmlns="http://www.w3.org/2000/svg"', style + paper)

    def _svg(self, more: str, before: str) -> str:
        label = escape(f"{self.title}. {self.summary}")
        return (
            f'<svg{more} role="img" aria-label="{label}" width="{self.width}" height="{self.height}" '
            f'viewBox="0 0 {self.width} {self.height}">{before}{self.body}</svg>'
        )


def escape(text: str) -> str:
    """Any text for element content or a quoted attribute; control characters become visible."""
    return html.escape(clean(text), quote=True)


def element(name: str, *, raw: str = "", **attributes: str | float | None) -> str:
    """An element; `class_` is `class`, `_` in other names is `-`. `raw` is its content and escaped already."""
    given = "".join(
        f' {"class" if key == "class_" else key.replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{given}>{raw}</{name}>" if raw else f"<{name}{given}/>"


def _value(value: str | float) -> str:
    if isinstance(value, str):
        return escape(value)
    return f"{value:.1f}".removesuffix(".0")


def text(x: float, y: float, words: str, class_: str = "oc-ink", anchor: str | None = None) -> str:
    """One line of text on its base line; `anchor` is `middle` or `end`."""
    return element("text", raw=escape(words), x=x, y=y, class_=class_, text_anchor=anchor) if words else ""


def box(x: float, y: float, width: float, height: float, class_: str, tip: str = "") -> str:
    """A rectangle with what a pointer over it is told."""
    title = element("title", raw=escape(tip)) if tip else ""
    return element("rect", raw=title, x=x, y=y, width=max(width, 0.0), height=max(height, 0.0), class_=class_)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> str:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def room(words: str) -> float:
    """About how many pixels a text takes."""
    return sum(_NARROW_LETTER if char.isascii() else _WIDE_LETTER for char in clean(words))


def fit(words: str, pixels: float) -> str:
    """A text cut so that it takes about so many pixels at most."""
    shown = clean(words)
    if room(shown) <= pixels:
        return shown
    while shown and room(shown) + _WIDE_LETTER > pixels:
        shown = shown[:-1]
    return f"{shown.rstrip()}…" if shown else ""
