"""Everything a report shows, read from the same queries as every other surface, in one session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from otelcost.advise import Report
    from otelcost.advise.life_cycle import Event
    from otelcost.advise.measure import Measurement
    from otelcost.cli.reader import Reader
    from otelcost.digest.content import Driver
    from otelcost.store.queries import CacheRow, ContextRow, LatencyRow, Movement, Overview, TaskRow, UnpricedRow

MOST_STEPS = 28
"""Columns of the picture of the cache."""
MOST_POINTS = 12
"""Tasks on a model that are set out by waiting and cost."""


@dataclass(frozen=True)
class Facts:
    """What the page is made of. `movement` is None where there is no window before, or nothing in it."""

    found: Reader
    overview: Overview
    report: Report
    tasks: Sequence[TaskRow]
    drivers: Sequence[Driver]
    movement: Movement | None
    context: Sequence[ContextRow]
    cache: Sequence[CacheRow]  # in equal steps of time
    cache_step: timedelta
    latency: Sequence[LatencyRow]
    measured: Sequence[tuple[Measurement, Event]]
    unpriced: Sequence[UnpricedRow]

    @property
    def made(self) -> datetime:
        """When it was made: naive UTC."""
        return self.found.now


def read(found: Reader) -> Facts:
    """Read a window of an open store."""
    from otelcost.advise import recommend  # noqa: PLC0415
    from otelcost.advise.measure import measure  # noqa: PLC0415
    from otelcost.cli import movement  # noqa: PLC0415
    from otelcost.store import queries  # noqa: PLC0415

    connection, window = found.connection, found.window
    moved = movement.read(found)
    before = window.previous() if moved.before else None
    step, steps = queries.cache_line(connection, window, most=MOST_STEPS)
    return Facts(
        found=found,
        overview=queries.overview(connection, window),
        report=recommend(connection, window, now=found.now),
        tasks=queries.tasks(connection, window),
        drivers=moved.drivers(),
        movement=queries.movement(connection, before, window) if before is not None else None,
        context=queries.context(connection, window),
        cache=steps,
        cache_step=step,
        latency=queries.latency(connection, window, MOST_POINTS),
        measured=measure(connection, found.now),
        unpriced=queries.unpriced(connection),
    )
