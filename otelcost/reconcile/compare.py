"""Recorded against billed: an export's lines and the recorded calls, by provider, day and model.

A gap is billed less recorded: positive where the bill is higher.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta

from otelcost.reconcile.causes import Explainer, across_midnight, merged
from otelcost.reconcile.read import Export, Line, day_of, day_offset
from otelcost.reconcile.recorded import BUCKETS, Recorded, whole
from otelcost.reconcile.rows import ORDER, Billed, Cause, Row, Total

_Key = tuple[str, date, str | None, str]


def days(export: Export) -> tuple[date, date]:
    """The first and the last day of an export."""
    offset = day_offset(export.lines)
    found = [day_of(line.begins, offset) for line in export.lines]
    return min(found), max(found)


def compare(export: Export, rows: Iterable[Recorded]) -> list[Row]:
    """Every row, by provider, day and model; causes where the export tells a cost."""
    offset = day_offset(export.lines)
    billed = _billed(export.lines, offset)
    recorded = list(rows)
    found: list[Row] = []
    for provider in sorted({line.provider for line in export.lines}):
        ours = {key: value for key, value in billed.items() if key[0] == provider}
        mine = [row for row in recorded if row.provider == provider]
        found += _provider_rows(provider, ours, mine)
    return sorted(found, key=lambda row: (row.provider, row.day, row.model or "", row.item))


def totals(rows: list[Row]) -> list[Total]:
    """Each provider's rows as one."""
    found = []
    for provider in dict.fromkeys(row.provider for row in rows):
        of = [row for row in rows if row.provider == provider]
        costs = [row for row in of if row.billed_picousd is not None]
        counted = _level(of, lambda row: row.billed_requests)
        found.append(
            Total(
                provider=provider,
                first=min(row.day for row in of),
                last=max(row.day for row in of),
                recorded_calls=sum(row.recorded_calls for row in _finest(of)),
                billed_requests=sum(counted) if counted else None,
                unpriced_calls=sum(row.unpriced_calls for row in _finest(of)),
                recorded_picousd=sum(row.recorded_picousd for row in costs or _finest(of)),
                billed_picousd=sum(row.billed_picousd or 0 for row in costs) if costs else None,
                causes=_summed(of),
            )
        )
    return found


def _level(rows: list[Row], of: Callable[[Row], int | None]) -> list[int]:
    values = [of(row) for row in rows]
    return [value for value in values if value is not None]


def _finest(rows: list[Row]) -> list[Row]:
    """The rows by model where there are some, else those of whole days: never both."""
    by_model = [row for row in rows if row.model is not None]
    return by_model or [row for row in rows if not row.item]


def _summed(rows: list[Row]) -> tuple[Cause, ...]:
    found: list[Cause] = []
    for kind in ORDER:
        parts = [cause for row in rows for cause in row.causes if cause.cause == kind]
        if parts:
            known = [part.picousd for part in parts if part.picousd is not None]
            what = parts[0].what if len(parts) == 1 else f"{len(parts)} rows, such as: {parts[0].what}"
            estimated = any(part.estimated for part in parts)
            found.append(Cause(cause=kind, picousd=sum(known) if known else None, estimated=estimated, what=what))
    return tuple(found)


def _billed(lines: Iterable[Line], offset: timedelta) -> dict[_Key, Billed]:
    found: dict[_Key, Billed] = {}
    for line in lines:
        item = ("tool calls" if line.tool else line.item) if line.model is None else ""
        into = found.setdefault((line.provider, day_of(line.begins, offset), line.model, item), Billed())
        if line.kind == "cost":
            into.cost = (into.cost or 0) + (line.cost_picousd or 0)
            into.cost_lines += 1
        else:
            _count_usage(line, into)
    return found


def _count_usage(line: Line, into: Billed) -> None:
    if line.requests is not None:
        into.requests = (into.requests or 0) + line.requests
    if line.input_tokens is not None or line.output_tokens is not None:
        into.tokens = into.tokens or dict.fromkeys(BUCKETS, 0)
        for bucket in BUCKETS:
            into.tokens[bucket] += getattr(line, bucket) or 0
        into.batch_tokens += whole(line) if line.batch else 0


def _provider_rows(provider: str, billed: dict[_Key, Billed], recorded: list[Recorded]) -> list[Row]:
    tools_apart = any(item == "tool calls" for _, _, _, item in billed)
    covered = sorted({key[1] for key in billed})
    by_day: dict[date, list[Recorded]] = {}
    for one in recorded:
        by_day.setdefault(one.day, []).append(one)
    explainer = Explainer(recorded, tools_apart=tools_apart)
    rows: list[Row] = []
    for day in range((covered[-1] - covered[0]).days + 1):
        today = covered[0] + timedelta(days=day)
        keys = {key: value for key, value in billed.items() if key[1] == today}
        rows += _day_rows(provider, today, keys, by_day.get(today, []), explainer)
    by_model = any(row.billed_picousd is not None and row.model is not None for row in rows)
    return across_midnight(rows, recorded) if by_model else rows


def _day_rows(
    provider: str, today: date, billed: dict[_Key, Billed], recorded: list[Recorded], explainer: Explainer
) -> list[Row]:
    rows: list[Row] = []
    every = Billed()
    for (_, _, model, item), sums in billed.items():
        if model is None and not item:
            every = sums
        elif model is None:
            rows.append(explainer.item(provider, today, item, sums, recorded))
    models = {model: sums for (_, _, model, _), sums in billed.items() if model is not None}
    priced_by_model = any(sums.cost is not None for sums in models.values()) or (every.cost is None and not rows)
    for model in dict.fromkeys((*models, *(one.model for one in recorded))):
        sums = models.get(model, Billed(cost=0 if any(s.cost is not None for s in models.values()) else None))
        mine = next((one for one in recorded if one.model == model), None)
        if models or priced_by_model:
            rows.append(explainer.model(provider, today, model, sums, mine))
    if every != Billed():
        rows.append(explainer.model(provider, today, None, every, merged(recorded)))
    return rows
