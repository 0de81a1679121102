"""Opens the terminal interface: the process that reads the store is started first and gets ready meanwhile."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path

from otelcost import settings
from otelcost.tui.remote import Remote


def run(path: Path | None = None, window: str = "7d") -> None:
    """Open the terminal interface on a store and return when the user leaves it.

    Args:
        path: the DuckDB file; None means the one of `OTELCOST_HOME`.
        window: the first window: `24h`, `7d`, `30d`, `all`, or two dates `ISO..ISO`. One that cannot be read
            is named in the first line.
    """
    with closing(Remote(path)) as source:
        from otelcost.tui.app import OtelcostApp  # noqa: PLC0415  (0.4 s, in which the other process loads duckdb)
        from otelcost.tui.spelling import wanted  # noqa: PLC0415

        demo = path is None and settings.is_demo_home()
        OtelcostApp(source, window, demo=demo, ascii_only=wanted(os.environ, sys.stdout.encoding)).run()
