"""Figures of a window in Prometheus' text exposition: gauges with few labels, whole figures and no call's own.

A label is a task, a model, a provider, a rule: never an id, a user or a session. The commonest names have a series of
their own, what comes after them is one series called `other`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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


def text(found: Reader, exported: Exported) -> Iterator[str]:
    """The exposition; it ends with the moment it is of."""
    metrics = FIX_METRICS if exported.name == "recommendations" else TASK_METRICS
    labels = _LABELS[exported.name]
    rows = map(_countable, exported.records) if exported.name == "calls" else exported.records
    sums = _sums(rows, labels, [metric.field for metric in metrics])
    for metric in metrics:
        yield _metric(metric, sums)
    length = (found.window.end - found.window.start).total_seconds()
    yield _single("otelcost_window_seconds", "Length of the window the figures are of.", f"{length:.0f}")


def _sums(
    records: Iterable[Mapping[str, Any]], labels: Sequence[str], fields: Sequence[str]
) -> dict[Labels, dict[str, int]]:
    """What is known of each field, by label; a field nothing is known of is not there."""
    sums: dict[Labels, dict[str, int]] = {}
    for row in records:
        into = sums.setdefault(tuple((name, str(row.get(name) or "unknown")) for name in labels), {})
        for field in fields:
            value = row.get(field)
            if value is not None:
                into[field] = into.get(field, 0) + int(value)
    return sums


def _countable(row: Mapping[str, Any]) -> dict[str, Any]:
    """A call as a record that can be added up."""
    failed = row["status"] in {"error", "timeout", "aborted", "cancelled"}
    return {**row, "calls": 1, "unpriced_calls": int(row["cost_picousd"] is None), "errors": int(failed)}


def _metric(metric: Metric, sums: Mapping[Labels, Mapping[str, int]]) -> str:
    known = {labels: values[metric.field] for labels, values in sums.items() if metric.field in values}
    lines = [f"{metric.name}{_braces(labels)} {_number(value, metric.unit)}\n" for labels, value in _bounded(known)]
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
