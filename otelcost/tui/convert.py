"""From rows of the query layer to what screens show. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from otelcost import display
from otelcost.digest import content
from otelcost.tui.snapshot import (
    Call,
    CallDetail,
    Day,
    Driver,
    Overview,
    Part,
    Slice,
    Task,
)

if TYPE_CHECKING:
    from otelcost.store import queries


def overview(found: queries.Overview) -> Overview:
    """The first screen's figures."""
    return Overview(
        spend_picousd=found.spend_picousd,
        previous_picousd=found.previous_picousd,
        monthly_picousd=found.monthly_picousd,
        calls=found.calls,
        unpriced_calls=found.unpriced_calls,
        errors=found.errors,
        estimated_calls=found.estimated_calls,
        input_tokens=found.input_tokens,
        cache_read_tokens=found.cache_read_tokens,
        output_tokens=found.output_tokens,
        coverage_days=found.coverage_days,
        days=tuple(Day(row.day, row.cost_picousd, row.calls, row.unpriced_calls) for row in found.by_day),
        tasks=_slices(found.by_task),
        models=_slices(found.by_model),
        last_call=found.last_call,
        recorded_ever=found.last_call is not None,
    )


def _slices(rows: Iterable[queries.SliceRow]) -> tuple[Slice, ...]:
    return tuple(Slice(row.name or display.UNKNOWN, row.cost_picousd, row.calls, row.unpriced_calls) for row in rows)


def tasks(
    rows: Iterable[queries.TaskRow], by_day: Mapping[str, Mapping[date, int | None]], days: Sequence[date]
) -> tuple[Task, ...]:
    """Tasks with their cost on each of `days`; a day without calls cost nothing."""
    return tuple(
        Task(
            name=row.task,
            source=row.task_source,
            picousd=row.cost_picousd,
            previous_picousd=row.previous_picousd,
            calls=row.calls,
            unpriced_calls=row.unpriced_calls,
            errors=row.errors,
            input_tokens=row.input_tokens,
            output_tokens=row.output_tokens,
            cache_read_tokens=row.cache_read_tokens,
            models=row.models,
            days=tuple(by_day.get(row.task, {}).get(day, 0) for day in days),
        )
        for row in rows
    )


def driver(rows: Sequence[queries.TaskRow], before: Sequence[queries.TaskRow]) -> Driver | None:
    """The task that moved the spend most: the digest's first; None without a past."""
    found = content.drivers(rows, before) if before else ()
    if not found:
        return None
    first = found[0]
    return Driver(
        task=first.task,
        change_picousd=first.change_picousd,
        calls=first.calls,
        previous_calls=first.previous_calls,
        tokens_per_call=first.tokens_per_call,
        previous_tokens_per_call=first.previous_tokens_per_call,
    )


def span_of(days: Iterable[Day]) -> list[date]:
    """Every day from the first to the last."""
    known = [day.day for day in days]
    if not known:
        return []
    return [min(known) + timedelta(days=index) for index in range((max(known) - min(known)).days + 1)]


def call(row: queries.CallRow) -> Call:
    """One row of the list."""
    return Call(
        id=row.span_id,
        start=row.start,
        task=row.task,
        model=row.model,
        provider=row.provider or display.UNKNOWN,
        operation=row.operation or display.UNKNOWN,
        status=row.status,
        error_type=row.error_type,
        attempt=row.attempt,
        stream=row.stream,
        input_tokens=row.input_tokens,
        input_uncached_tokens=row.input_uncached_tokens,
        cache_read_tokens=row.cache_read_tokens,
        cache_write_short_tokens=row.cache_write_short_tokens,
        cache_write_long_tokens=row.cache_write_long_tokens,
        output_tokens=row.output_tokens,
        reasoning_tokens=row.reasoning_tokens,
        picousd=row.cost_picousd,
        price_status=row.price_status,
        duration_us=row.duration_us,
        ttft_us=row.ttft_us,
        call_site=row.call_site,
        trace=row.trace_id,
        http_status=row.http_status,
        flags=row.flags,
    )


def detail(row: queries.CallRow, cache_step_tokens: int = 0) -> CallDetail:
    """One call in full."""
    return CallDetail(
        call=call(row),
        parts=tuple(
            Part(
                role=part.role,
                kind=part.kind,
                bytes=part.bytes,
                tokens=part.tokens,
                name=part.name,
                cache=part.cache,
                volatile=part.volatile,
                volatile_offset_bytes=part.volatile_offset_bytes,
            )
            for part in row.segments
        ),
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
