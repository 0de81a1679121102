"""Text on a grid of cells: cleaning, fitting and the few shapes of line that every page uses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from otelcost import display

Align = Literal["left", "right"]
ELLIPSIS = "…"
MUTED = "$text-muted"


def fit(text: str, width: int, align: Align = "left") -> str:
    """Exactly `width` cells: cut with an ellipsis or padded. Wide characters count two cells."""
    if width <= 0:
        return ""
    size = cell_len(text)
    if size > width:
        return set_cell_size(text, width - 1) + ELLIPSIS
    padding = " " * (width - size)
    return padding + text if align == "right" else text + padding


def crop(text: str, width: int) -> str:
    """At most `width` cells, cut with an ellipsis."""
    return text if cell_len(text) <= width else fit(text, width)


def line(*parts: str | Content | tuple[str, str]) -> Content:
    """One line from texts and (text, style) pairs. Nothing in them is read as markup."""
    return Content.assemble(*parts)


def wrap(text: str, width: int) -> list[str]:
    """Words folded at `width` cells; a word longer than that is broken. Keeps the text's own line breaks."""
    return [row for source in text.splitlines() or [""] for row in _wrap_line(display.clean(source), width)]


def _wrap_line(text: str, width: int) -> list[str]:
    width = max(width, 1)
    indent = text[: len(text) - len(text.lstrip(" "))][: width // 2]
    rows, current = [], ""
    for word in text.split():
        candidate = f"{current} {word}" if current.strip() else indent + word
        if cell_len(candidate) <= width:
            current = candidate
            continue
        if current.strip():
            rows.append(current)
        current = indent + word
        while cell_len(current) > width:
            head = _head(current, width)
            rows.append(head)
            current = current[len(head) :]
    return [*rows, current]


def _head(text: str, width: int) -> str:
    taken, size = 0, 0
    for char in text:
        size += cell_len(char)
        if size > width and taken:
            break
        taken += 1
    return text[:taken]


def rule(title: str, width: int, note: str = "") -> Content:
    """A section's heading: `Title ───── note`."""
    note = crop(note, max(0, width - cell_len(title) - 5))
    tail = f" {note}" if note else ""
    dashes = max(0, width - cell_len(title) - cell_len(tail) - 1)
    return line((title, "bold $text-accent"), (" " + "─" * dashes, "$foreground 25%"), (tail, MUTED))


def pairs(rows: Iterable[tuple[str, str]], width: int) -> list[Content]:
    """`label  value` lines with the labels in one column, values folded under themselves."""
    kept = [(display.clean(label), value) for label, value in rows]
    column = min(24, max((cell_len(label) for label, _ in kept), default=0))
    lines: list[Content] = []
    for label, value in kept:
        head = fit(label, column)
        for row in wrap(value, max(8, width - column - 2)):
            lines.append(line((head, MUTED), "  ", row))
            head = " " * column
    return lines


def joined(lines: Iterable[Content]) -> Content:
    """Lines as one block."""
    return Content("\n").join(lines)
