"""Colours of charts: Okabe and Ito's palette, which colour-blind readers tell apart, for paper and for the dark.

On paper its light colours are darkened until they stand out from it by 3:1 (WCAG 2.2, 1.4.11).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple


class Theme(NamedTuple):
    """Colours as CSS writes them. `series` are eight, in the order charts take them; `on_series` is text on them."""

    ink: str
    muted: str
    rule: str
    paper: str
    more: str  # what costs more
    less: str  # what costs less
    total: str
    on: str  # text on a filled mark
    series: tuple[str, ...]
    on_series: tuple[str, ...]


LIGHT: Final = Theme(
    ink="#1b1f24",
    muted="#57606a",
    rule="#d0d7de",
    paper="#ffffff",
    more="#c24e00",
    less="#007a5a",
    total="#0072b2",
    on="#ffffff",
    series=("#0072b2", "#bd8200", "#009e73", "#cc79a7", "#2f93cf", "#d55e00", "#978a00", "#6e7781"),
    on_series=("#ffffff", *("#0b0f14",) * 6, "#ffffff"),
)
DARK: Final = Theme(
    ink="#e6edf3",
    muted="#9da7b3",
    rule="#3b434d",
    paper="#12161c",
    more="#f08a3c",
    less="#35c79a",
    total="#56b4e9",
    on="#0b0f14",
    series=("#56b4e9", "#e69f00", "#2fbf92", "#d898b8", "#3d8fc4", "#f08a3c", "#f0e442", "#8b949e"),
    on_series=("#0b0f14",) * 8,
)

_NAMES: Final = ("ink", "muted", "rule", "paper", "more", "less", "total", "on")


def flat(theme: Theme) -> dict[str, str]:
    """The colours by name: those of a series are `s0` to `s7`, of text on them `on0` to `on7`."""
    named = {name: str(getattr(theme, name)) for name in _NAMES}
    series = {f"s{position}": colour for position, colour in enumerate(theme.series)}
    return named | series | {f"on{position}": colour for position, colour in enumerate(theme.on_series)}


def rules(colour: Callable[[str], str]) -> str:
    """The style rules of charts; `colour` gives the CSS value of a colour's name."""
    fills = "".join(f".oc-{name}{{fill:{colour(name)}}}" for name in flat(LIGHT))
    return (
        f"{fills}.oc-grid{{stroke:{colour('rule')};stroke-width:1}}.oc-axis{{stroke:{colour('muted')};stroke-width:1}}"
        f".oc-open{{fill:none;stroke:{colour('muted')};stroke-width:1.5;stroke-dasharray:3 2}}"
        f".oc-edge{{stroke:{colour('paper')};stroke-width:1}}"
        "text{font-family:system-ui,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;font-size:12px}"
        ".oc-strong{font-weight:600}"
    )


def standalone_css(theme: Theme) -> str:
    """The rules with the colours of a theme in them, for a picture without a page."""
    return rules(flat(theme).__getitem__)


def page_css() -> tuple[str, str, str]:
    """For a page: the colours as custom properties in light and in dark, and the rules that use them."""
    light, dark = ("".join(f"--{name}:{value};" for name, value in flat(theme).items()) for theme in (LIGHT, DARK))
    return light, dark, rules(lambda name: f"var(--{name})")
