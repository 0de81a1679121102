"""From rows of the query layer to what screens show. Pure.

Fields of one name mean the same on both sides and are taken over as they are; what differs is said here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from otelcost import display
from otelcost.digest import content
from otelcost.tui.snapshot import Call, CallDetail, Day, Driver, Overview, Part, Slice, Task

if TYPE_CHECKING:
    from otelcost.store import queries

Kind = TypeVar("Kind", bound=msgspec.Struct)


def like(kind: type[Kind], row: object, **others: Any) -> Kind:
    """A struct from a row: `others` as given, every further field that the row has by its name, else the default."""
    shared = (name for name in kind.__struct_fields__ if name not in others and hasattr(row, name))
    return kind(**{name: getattr(row, name) for name in shared}, **others)


def overview(found: queries.Overview) -> Overview:
    """The first screen's figures."""
    return like(
        Overview,
        found,
        days=tuple(like(Day, row, picousd=row.cost_picousd) for row in found.by_day),
        tasks=_slices(found.by_task),
        models=_slices(found.by_model),
        recorded_ever=found.last_call is not None,
    )


def _slices(rows: Iterable[queries.SliceRow]) -> tuple[Slice, ...]:
    return tuple(like(Slice, row, name=row.name or display.UNKNOWN, picousd=row.cost_picousd) for row in rows)


def tasks(
    rows: Iterable[queries.TaskSpend], by_day: Mapping[str, Mapping[date, int | None]], days: Sequence[date]
) -> tuple[Task, ...]:
    """Tasks with their cost on each of `days`; a day without calls cost nothing."""
    return tuple(
        like(
            Task,
            row,
            name=row.task,
            source=row.task_source,
            picousd=row.cost_picousd,
            days=tuple(by_day.get(row.task, {}).get(day, 0) for day in days),
        )
        for row in rows
    )


def driver(rows: Sequence[queries.TaskSpend], before: Sequence[queries.TaskSpend]) -> Driver | None:
    """The task that moved the spend most: the digest's first; None without a past."""
    found = content.drivers(rows, before) if before else ()
    return like(Driver, found[0]) if found else None


def span_of(days: Iterable[Day]) -> list[date]:
    """Every day from the first to the last."""
    known = [day.day for day in days]
    if not known:
        return []
    return [min(known) + timedelta(days=index) for index in range((max(known) - min(known)).days + 1)]


def call(row: queries.CallRow) -> Call:
    """One row of the list."""
    return like(
        Call,
        row,
        id=row.span_id,
        trace=row.trace_id,
        picousd=row.cost_picousd,
        provider=row.provider or display.UNKNOWN,
        operation=row.operation or display.UNKNOWN,
    )


def detail(row: queries.CallRow, cache_step_tokens: int = 0) -> CallDetail:
    """One call in full."""
    return CallDetail(
        call=call(row),
        parts=tuple(like(Part, part) for part in row.segments),
        bill=(
            ("input", row.cost_input_picousd),
            ("cache read", row.cost_cache_read_picousd),
            ("cache write", row.cost_cache_write_picousd),
            ("output", row.cost_output_picousd),
            ("tools", row.cost_other_picousd),
        ),
        price=row.price_key or row.price_reason,
        facts=_call_facts(row),
        cache_step_tokens=cache_step_tokens,
    )


def _call_facts(row: queries.CallRow) -> tuple[tuple[str, str], ...]:
    """What else is known; what is not is left out."""
    prompt = "/".join(part for part in (row.prompt_name, row.prompt_version) if part)
    root = " ".join(part for part in (row.root_span_kind, row.root_span_name) if part)
    sdk = " ".join(part for part in (row.sdk, row.sdk_version) if part)
    asked = row.request_model if row.request_model != row.response_model else None
    named = (
        ("call", row.span_id),
        ("trace", row.trace_id),
        ("operation", f"{row.operation_id}, attempt {row.attempt}"),
        ("task by", row.task_source.replace("_", " ")),
        ("asked for", asked),
        ("price from", row.price_source if row.price_status != "not_billed" else None),
        ("why no price", row.price_reason if row.cost_picousd is None else None),
        ("service tier", row.service_tier),
        ("batch", "yes" if row.batch else None),
        ("finish reason", row.finish_reason),
        ("http status", None if row.http_status is None else str(row.http_status)),
        ("flags", ", ".join(row.flags).replace("_", " ")),
        ("tools called", ", ".join(row.tools_called)),
        ("root span", root),
        ("service", row.service_name),
        ("session", row.session_id),
        ("user", row.user_id),
        ("feature", row.feature),
        ("prompt", prompt),
        ("effort", row.effort),
        ("host", row.server_address),
        ("sdk", sdk),
        ("response", row.response_id),
        ("request", row.request_id),
    )
    return tuple((label, value) for label, value in named if value)
