"""Figures of a window in Prometheus' text exposition: gauges with few labels, whole figures and no call's own.

A label is a task, a model, a provider, a rule: never an id, a user or a session. The commonest names have a series of
their own, what comes after them is one series called `other`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from otelcost.display import clean

if TYPE_CHECKING:
    from otelcost.cli.exports.rows import Exported
    from otelcost.cli.reader import Reader

MOST_SERIES = 100
"""Series of one metric, the last of them `other`."""
PICOUSD = 10**12

Labels = tuple[tuple[str, str], ...]


class Metric(NamedTuple):
    """A gauge: where its value stands in a record, and how many of that unit are one of its own."""

    name: str
    help: str
    field: str
    unit: int = 1


TASK_METRICS = (
    Metric("otelcost_window_cost_dollars", "Cost of the priced calls.", "cost_picousd", PICOUSD),
    Metric("otelcost_window_calls", "Calls.", "calls"),
    Metric("otelcost_window_unpriced_calls", "Calls of unknown cost: in no sum of dollars.", "unpriced_calls"),
    Metric("otelcost_window_errors", "Calls that failed.", "errors"),
    Metric("otelcost_window_input_tokens", "Input tokens, cached ones included.", "input_tokens"),
    Metric("otelcost_window_cache_read_tokens", "Input tokens read from a cache.", "cache_read_tokens"),
    Metric("otelcost_window_output_tokens", "Output tokens.", "output_tokens"),
)
FIX_METRICS = (
    Metric(
        "otelcost_recommendation_marginal_saving_dollars",
        "Share of the joint saving of the window; these may be added up.",
        "marginal_picousd",
        PICOUSD,
    ),
    Metric("otelcost_recommendation_calls", "Calls that it would change.", "calls"),
)
_LABELS = {
    "calls": ("provider", "model"),
    "tasks": ("task",),
    "recommendations": ("rule", "class", "state"),
}


def text(found: Reader, exported: Exported) -> str:
    """The exposition; it ends with the moment it is of."""
    metrics = FIX_METRICS if exported.name == "recommendations" else TASK_METRICS
    records = [_countable(row) for row in exported.records] if exported.name == "calls" else exported.records
    labels = _LABELS[exported.name]
    parts = [_metric(metric, records, labels) for metric in metrics]
    start = (found.window.end - found.window.start).total_seconds()
    parts.append(_single("otelcost_window_seconds", "Length of the window the figures are of.", f"{start:.0f}"))
    return "".join(parts)


def _countable(row: Mapping[str, Any]) -> dict[str, Any]:
    """A call as a record that can be added up."""
    failed = row["status"] in {"error", "timeout", "aborted", "cancelled"}
    return {**row, "calls": 1, "unpriced_calls": int(row["cost_picousd"] is None), "errors": int(failed)}


def _metric(metric: Metric, records: Iterable[Mapping[str, Any]], labels: Sequence[str]) -> str:
    sums: dict[Labels, int | None] = {}
    for row in records:
        key = tuple((name, str(row.get(name) or "unknown")) for name in labels)
        value = row.get(metric.field)
        before = sums.get(key)
        sums[key] = before if value is None else (before or 0) + int(value)
    known = {key: value for key, value in sums.items() if value is not None}
    lines = [f"{metric.name}{_braces(key)} {_number(value, metric.unit)}\n" for key, value in _bounded(known)]
    return _head(metric.name, metric.help) + "".join(lines)


def _bounded(sums: Mapping[Labels, int]) -> list[tuple[Labels, int]]:
    """The largest series by value, and the rest as one."""
    ordered = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    if len(ordered) <= MOST_SERIES:
        return sorted(ordered)
    kept, rest = ordered[: MOST_SERIES - 1], ordered[MOST_SERIES - 1 :]
    other = tuple((name, "other") for name, _ in rest[0][0])
    together = dict(kept)
    together[other] = together.get(other, 0) + sum(value for _, value in rest)
    return sorted(together.items())


def _braces(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    """A label's value: one line, its backslashes and quotes escaped, control characters by their code."""
    return clean(value).replace("\\", "\\\\").replace('"', '\\"')


def _number(value: int, unit: int) -> str:
    """An integer in a larger unit, exactly: no float on the way."""
    whole, rest = divmod(abs(value), unit)
    sign = "-" if value < 0 else ""
    digits = len(str(unit)) - 1
    fraction = f".{rest:0{digits}d}".rstrip("0").rstrip(".") if unit > 1 else ""
    return f"{sign}{whole}{fraction}"


def _head(name: str, help_: str) -> str:
    return f"# HELP {name} {help_}\n# TYPE {name} gauge\n"


def _single(name: str, help_: str, value: str) -> str:
    return f"{_head(name, help_)}{name} {value}\n"
