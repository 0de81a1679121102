"""Our glyphs in ASCII, cell by cell, for terminals and pipes that take nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

SETTING: Final = "OTELCOST_ASCII"
_LOCALE: Final = ("LC_ALL", "LC_CTYPE", "LANG")

_TABLE: Final = {
    ord(glyph): spelled
    for glyphs, spelled in (
        ("█▉▊▋▌▅▆▇", "#"),
        ("▍▎▏▁▂▃▄", "."),
        ("▓", "%"),
        ("▒", "+"),
        ("░", ":"),
        ("▚", "&"),
        ("◫", "@"),
        ("┼", "$"),
        ("·", "."),
        ("━", "="),
        ("─┄", "-"),
        ("│┃║", "|"),
        ("╭╮╰╯┌┐└┘├┤┬┴", "+"),
        ("▲", "^"),
        ("▼", "v"),
        ("▸→\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}", ">"),
        ("■", "#"),
        ("◪", "/"),
        ("□", "o"),
        ("≈", "~"),
        ("…", "~"),
        ("✓", "+"),
        ("✗", "x"),
        ("○", "o"),
        ("●", "*"),
        ("◔", "a"),
        ("◐", "("),
        ("◓", "^"),
        ("◑", ")"),
        ("◒", "u"),
        ("◌", "."),
        ("⊘", "-"),
        ("‖", "|"),
        ("▔▀", "-"),
    )
    for glyph in glyphs
}


def spell(text: str) -> str:
    """The same cells in ASCII: our glyphs by the table, `#` for what is full; what names hold besides becomes `?`."""
    if text.isascii():
        return text
    return "".join(char if char.isascii() else "?" * cell_len(char) for char in text.translate(_TABLE))


def wanted(environ: Mapping[str, str], encoding: str | None) -> bool:
    """Whether the terminal should get ASCII: the setting says so, or its locale or encoding is none of Unicode.

    A locale that nothing sets, as in most containers, says nothing about the terminal.
    """
    if SETTING in environ:
        return environ[SETTING].lower() not in {"", "0", "false", "no", "off"}
    locale = next((environ[name] for name in _LOCALE if environ.get(name)), "utf-8")
    return not (_is_unicode(locale) and _is_unicode(encoding or "ascii"))


def _is_unicode(name: str) -> bool:
    return "utf" in name.lower()


class AsciiFilter(LineFilter):
    """Spells every segment on its way to the terminal, whichever widget drew it."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        """The same styles on ASCII."""
        return [Segment(spell(text), style, control) for text, style, control in segments]
