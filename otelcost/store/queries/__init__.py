"""The one query layer under the command line, the screens and the digest: typed rows out, views in.

Money is integer pico-dollars, times are naive UTC, `None` is unknown. Sums are over priced calls only, and
every row says beside them how many calls had no price.
"""

from otelcost.store.queries.anomaly import Anomalies, Anomaly, anomalies
from otelcost.store.queries.baseline import Baseline
from otelcost.store.queries.calls import ORDERS, CallRow, SegmentRow, call, calls, position, segments, trace
from otelcost.store.queries.context import PARTS, BlockRow, ContextRow, PartRow, ToolRow, context
from otelcost.store.queries.forecast import Forecast, forecast
from otelcost.store.queries.growth import Growth, compare, movers
from otelcost.store.queries.health import Health, UnpricedRow, book_sha256, covered_spans, health, unpriced
from otelcost.store.queries.latency import LatencyRow, latency
from otelcost.store.queries.lengths import SplitProposal, split_proposal
from otelcost.store.queries.monthly import MONTHLY_FROM_DAYS, monthly
from otelcost.store.queries.movement import Moved, Movement, Side, movement
from otelcost.store.queries.overview import (
    DayRow,
    Overview,
    SliceRow,
    Summary,
    TaskRow,
    TaskSpend,
    model_names,
    overview,
    spends,
    summary,
    task_names,
    tasks,
)
from otelcost.store.queries.scope import Scope
from otelcost.store.queries.shapes import DECADE, CacheRow, GridRow, cache_line, grid
from otelcost.store.queries.window import Window

__all__ = [
    "DECADE",
    "MONTHLY_FROM_DAYS",
    "ORDERS",
    "PARTS",
    "Anomalies",
    "Anomaly",
    "Baseline",
    "BlockRow",
    "CacheRow",
    "CallRow",
    "ContextRow",
    "DayRow",
    "Forecast",
    "GridRow",
    "Growth",
    "Health",
    "LatencyRow",
    "Moved",
    "Movement",
    "Overview",
    "PartRow",
    "Scope",
    "SegmentRow",
    "Side",
    "SliceRow",
    "SplitProposal",
    "Summary",
    "TaskRow",
    "TaskSpend",
    "ToolRow",
    "UnpricedRow",
    "Window",
    "anomalies",
    "book_sha256",
    "cache_line",
    "call",
    "calls",
    "compare",
    "context",
    "covered_spans",
    "forecast",
    "grid",
    "health",
    "latency",
    "model_names",
    "monthly",
    "movement",
    "movers",
    "overview",
    "position",
    "segments",
    "spends",
    "split_proposal",
    "summary",
    "task_names",
    "tasks",
    "trace",
    "unpriced",
]
