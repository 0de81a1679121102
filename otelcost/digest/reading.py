"""Reading digests from a store, as a sender asks for them: each over its own window, calls and time zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from otelcost.digest.content import Preview, Told
from otelcost.digest.gather import Request, gather
from otelcost.digest.schedule import window
from otelcost.digest.settings import Named
from otelcost.store.db import session


class Reading:
    """Reads digests; the spool is drained before the first of them.

    Args:
        drain: loads the spool into the store.
        store: the DuckDB file; None means the one of `OTELCOST_HOME`.
    """

    def __init__(self, drain: Callable[[], object], store: Path | None = None) -> None:
        self._drain = drain
        self._store = store
        self._drained = False

    def read(self, named: Named, moment: datetime, told: tuple[Told, ...]) -> Preview:
        """One digest's content; `moment` (naive UTC) is where its window ends."""
        if not self._drained:
            self._drain()
            self._drained = True
        request = Request(
            window=window(named.digest.window, moment, named.zone),
            label=named.digest.window,
            now=moment,
            zone=named.zone,
            scope=named.scope,
            told=told,
        )
        with session(self._store) as connection:
            return gather(connection, request)
