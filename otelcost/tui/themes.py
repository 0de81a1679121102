"""Our themes: dark, light, and one in the colours of Okabe and Ito alone, which colour-blind eyes tell apart.

No meaning hangs on a colour: glyph, sign or word says it too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from textual.theme import Theme

from otelcost.errors import UsageError

DARK: Final = Theme(
    name="otelcost-dark",
    primary="#56B4E9",
    secondary="#0072B2",
    accent="#F0B429",
    warning="#F0B429",
    error="#FF7F50",
    success="#35C79A",
    foreground="#DDE4EC",
    background="#10141B",
    surface="#151B24",
    panel="#1C2430",
    dark=True,
    variables={
        "text-muted": "#8A97A6",
        "text-primary": "#6FC1F0",
        "text-accent": "#F0B429",
        "text-success": "#35C79A",
        "text-error": "#FF8A5C",
        "text-warning": "#F0B429",
        "block-cursor-background": "#1F4A66",
        "block-cursor-foreground": "#FFFFFF",
        "block-cursor-blurred-background": "#1A2634",
    },
)
LIGHT: Final = Theme(
    name="otelcost-light",
    primary="#0072B2",
    secondary="#56B4E9",
    accent="#8A5A00",
    warning="#8A5A00",
    error="#B23C00",
    success="#00694F",
    foreground="#1D232B",
    background="#FBFBF9",
    surface="#F3F4F1",
    panel="#E7EAE6",
    dark=False,
    variables={
        "text-muted": "#5F6B78",
        "text-primary": "#00639C",
        "text-accent": "#8A5A00",
        "text-success": "#00694F",
        "text-error": "#B23C00",
        "text-warning": "#8A5A00",
        "block-cursor-background": "#CFE6F5",
        "block-cursor-foreground": "#0B1A26",
        "block-cursor-blurred-background": "#E6EEF3",
    },
)

COLOUR_BLIND: Final = Theme(
    name="otelcost-colour-blind",
    primary="#56B4E9",
    secondary="#0072B2",
    accent="#F0E442",
    warning="#E69F00",
    error="#D55E00",
    success="#009E73",
    foreground="#F2F2F2",
    background="#000000",
    surface="#101010",
    panel="#1C1C1C",
    dark=True,
    variables={
        "text-muted": "#9A9A9A",
        "text-primary": "#56B4E9",
        "text-accent": "#F0E442",
        "text-success": "#009E73",
        "text-error": "#D55E00",
        "text-warning": "#E69F00",
        "block-cursor-background": "#004C77",
        "block-cursor-foreground": "#FFFFFF",
        "block-cursor-blurred-background": "#262626",
    },
)
OURS: Final = (DARK, LIGHT, COLOUR_BLIND)
SETTING: Final = "OTELCOST_THEME"
_SHORT: Final = {theme.name.removeprefix("otelcost-"): theme.name for theme in OURS} | {"ansi": "ansi-dark"}


def chosen(environ: Mapping[str, str], known: Collection[str]) -> str:
    """The theme to start with: `OTELCOST_THEME`, by its short name or in full; without colour, the terminal's own.

    Args:
        environ: the environment.
        known: the names of all themes.

    Raises:
        UsageError: no theme is called so.
    """
    name = environ.get(SETTING, "")
    if not name:
        return "ansi-dark" if "NO_COLOR" in environ else DARK.name
    full = _SHORT.get(name, name)
    if full not in known:
        raise UsageError(f"{SETTING}: no theme is called {name!r}", f"one of {', '.join(_SHORT)}, or see ctrl+p")
    return full
