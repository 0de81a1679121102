"""What a screen shows, as text; and the comparer of committed screens.

`OTELCOST_UPDATE_SCREENS=1 pytest tests/tui` writes the screens anew; look at the difference before committing.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any

from textual._compositor import LayoutUpdate
from textual.app import App
from textual.pilot import Pilot

FOLDER = Path(__file__).parent / "snapshots"
UPDATE = "OTELCOST_UPDATE_SCREENS"


def text(app: App[Any]) -> str:
    """The cells of the screen, without trailing blanks. Screens below a modal one are part of it."""
    update = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)
    assert isinstance(update, LayoutUpdate)
    rows = ("".join(part.text for strip in line for part in strip) for line in update.strips)
    return "\n".join(row.rstrip() for row in rows) + "\n"


def runs(app: App[Any]) -> list[tuple[str, str]]:
    """The same cells as (text, style) runs."""
    update = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)
    assert isinstance(update, LayoutUpdate)
    return [(part.text, str(part.style)) for line in update.strips for strip in line for part in strip]


async def settle(pilot: Pilot[Any], rounds: int = 3) -> None:
    """Wait until the workers have delivered and the screen is drawn."""
    for _ in range(rounds):
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()


def check(name: str, shown: str) -> None:
    """Compare with the committed screen, and show the difference line by line."""
    path = FOLDER / f"{name}.txt"
    if os.environ.get(UPDATE):
        FOLDER.mkdir(exist_ok=True)
        path.write_text(shown, encoding="utf-8")
        return
    assert path.is_file(), f"no committed screen {path.name}: run with {UPDATE}=1 and look at it"
    expected = path.read_text(encoding="utf-8")
    difference = "\n".join(
        difflib.unified_diff(expected.splitlines(), shown.splitlines(), "committed", "now", lineterm="")
    )
    assert shown == expected, f"{path.name} differs:\n{difference}"
