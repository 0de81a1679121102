"""What `otelcost doctor` looks at: one module an area, each a list of functions that return `Check`s.

A check says what is, and where that is wrong or explains a zero, what to do about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "warning", "broken"]
"""ok: as it should be. note: explains a figure. warning: figures may be missing. broken: nothing works until fixed."""


@dataclass(frozen=True)
class Check:
    """One thing looked at: its name, its state, what was found and what to do."""

    name: str
    state: State
    detail: str
    fix: str = ""
    traceback: str = ""
    """Of an error that capture swallowed: our own frames and the error's type, never a value."""
