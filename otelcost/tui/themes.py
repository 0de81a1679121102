"""Our dark and light theme. Hues follow Okabe and Ito, so that they stay apart for colour-blind eyes."""

from __future__ import annotations

from typing import Final

from textual.theme import Theme

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
