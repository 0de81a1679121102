"""Single calls: lists in any order, page by page, and one call with its prompt's anatomy."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import duckdb
import msgspec

from otelcost.errors import UsageError
from otelcost.store.queries.rows import fetch
from otelcost.store.queries.window import Window


class SegmentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a call's prompt; `position` 1 comes first on the wire."""

    position: int
    role: str
    kind: str
    name: str | None
    hash: int
    template_hash: int
    prefix_hash: int
    bytes: int
    tokens: int | None
    cache: str | None
    volatile: tuple[str, ...]
    volatile_offset_bytes: int | None
    volatile_bytes: int | None
    image_detail: str | None


class CallRow(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at a provider, priced. Ids are hexadecimal as in OpenTelemetry."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    operation_id: str
    source: str
    start: datetime
    duration_us: int | None
    ttft_us: int | None
    provider: str | None
    api: str | None
    operation: str | None
    server_address: str | None
    request_model: str | None
    response_model: str | None
    model: str | None
    response_id: str | None
    request_id: str | None
    stream: bool
    batch: bool
    request_tier: str | None
    service_tier: str | None
    speed: str | None
    inference_geo: str | None
    task: str
    task_source: str
    status: str
    http_status: int | None
    error_type: str | None
    finish_reason: str | None
    attempt: int
    flags: tuple[str, ...]
    input_tokens: int | None
    input_uncached_tokens: int | None
    cache_read_tokens: int | None
    cache_write_short_tokens: int | None
    cache_write_long_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    cost_picousd: int | None
    cost_input_picousd: int | None
    cost_cache_read_picousd: int | None
    cost_cache_write_picousd: int | None
    cost_output_picousd: int | None
    cost_other_picousd: int | None
    price_key: str | None
    price_valid_from: datetime | None
    price_context_lo_tokens: int | None
    price_status: str
    price_source: str | None
    price_reason: str | None
    call_site: str | None
    root_span_name: str | None
    root_span_kind: str | None
    service_name: str | None
    sdk: str | None
    sdk_version: str | None
    session_id: str | None
    user_id: str | None
    feature: str | None
    prompt_name: str | None
    prompt_version: str | None
    effort: str | None
    max_output_tokens: int | None
    tools_called: tuple[str, ...]
    request_bytes: int | None
    response_bytes: int | None
    segments: tuple[SegmentRow, ...] = ()  # only where asked for


ORDERS: Final = {
    "newest": ("start", True),
    "oldest": ("start", False),
    "cost": ("coalesce(cost_picousd, -1)", True),
    "duration": ("coalesce(duration_us, -1)", True),
    "tokens": ("coalesce(input_tokens, -1) + coalesce(output_tokens, 0)", True),
    "input": ("coalesce(input_tokens, -1)", True),
    "output": ("coalesce(output_tokens, -1)", True),
    "task": ("task", False),
    "model": ("coalesce(model, '')", False),
    "status": ("status", False),
}
"""By name: the expression a list is ordered by, and whether the largest comes first. Ties go by call id."""

_COMPUTED: Final = {
    "trace_id": "replace(CAST(trace_id AS VARCHAR), '-', '')",
    "span_id": "call_id",
    "parent_span_id": "printf('%016x', parent_span_id)",
    "operation_id": "printf('%016x', operation_id)",
}
_LISTS: Final = ("flags", "tools_called")
_AMONG: Final = "span_id IN (SELECT unnest(CAST($ids AS UBIGINT[])))"


def calls(
    connection: duckdb.DuckDBPyConnection,
    window: Window,
    *,
    limit: int,
    ids: Sequence[str] | None = None,
    task: str | None = None,
    model: str | None = None,
    order: str = "newest",
    reverse: bool = False,
    after: tuple[Any, ...] | None = None,
    with_segments: bool = False,
) -> list[CallRow]:
    """Calls of a window, at most `limit`.

    Args:
        connection: an open session.
        window: calls that started in it.
        limit: how many at most.
        ids: only these, 16 hexadecimal digits each.
        task: only of this task; model: only of this model.
        order: a name of `ORDERS`; reverse: the other way round.
        after: the `position` of the last row of the page before; keys, so that no page is slower than the first.
        with_segments: also the prompt's parts, which cost more than all the rest.
    """
    keys = _keys(connection, window, limit, ids, task, model, order, reverse, after)
    if not keys:
        return []
    found = {row.span_id: row for row in _rows(connection, keys)}
    if with_segments:
        found = {call_id: _with_segments(connection, row) for call_id, row in found.items()}
    return [found[f"{number:016x}"] for _, number, _ in keys]


def call(connection: duckdb.DuckDBPyConnection, call_id: str) -> CallRow | None:
    """One call by its id, with its segments; None where there is none."""
    text = "SELECT span_id, start FROM v_base WHERE span_id = $span_id LIMIT 1"
    found = connection.execute(text, {"span_id": span_number(call_id)}).fetchone()
    if found is None:
        return None
    (row,) = _rows(connection, [(None, found[0], found[1])])
    return _with_segments(connection, row)


def trace(connection: duckdb.DuckDBPyConnection, trace_id: str, limit: int) -> list[CallRow]:
    """The calls of a trace, whenever they were, oldest first; at most `limit`.

    Args:
        trace_id: 32 hexadecimal digits.
    """
    text = """
        SELECT NULL, span_id, start FROM v_base WHERE trace_id = CAST($trace_id AS UUID) ORDER BY start, span_id
        LIMIT $limit
    """
    keys = connection.execute(text, {"trace_id": trace_id, "limit": limit}).fetchall()
    return sorted(_rows(connection, keys), key=lambda row: (row.start, row.span_id)) if keys else []


def segments(connection: duckdb.DuckDBPyConnection, row: CallRow) -> tuple[SegmentRow, ...]:
    """The parts of a call's prompt, in wire order."""
    names = [name for name in SegmentRow.__struct_fields__ if name != "volatile"]
    text = f"""
        SELECT {", ".join(f'"{name}"' for name in names)}, coalesce(volatile, []) AS volatile
        FROM v_segments WHERE start = $start AND span_id = $span_id ORDER BY position
    """
    parameters = {"start": row.start, "span_id": span_number(row.span_id)}
    found = fetch(connection, text, parameters, SegmentRow)
    return tuple(msgspec.structs.replace(part, volatile=tuple(part.volatile)) for part in found)


def position(row: CallRow, order: str = "newest") -> tuple[Any, ...]:
    """Where a row stands in an order: what `calls(after=...)` continues from."""
    tokens = -1 if row.input_tokens is None else row.input_tokens
    values: dict[str, Any] = {
        "newest": row.start,
        "oldest": row.start,
        "cost": -1 if row.cost_picousd is None else row.cost_picousd,
        "duration": -1 if row.duration_us is None else row.duration_us,
        "tokens": tokens + (row.output_tokens or 0),
        "input": tokens,
        "output": -1 if row.output_tokens is None else row.output_tokens,
        "task": row.task,
        "model": row.model or "",
        "status": row.status,
    }
    return values[order], row.span_id


def span_number(call_id: str) -> int:
    """A call id as the number the store holds.

    Raises:
        UsageError: it is not 16 hexadecimal digits.
    """
    try:
        number = int(call_id, 16)
    except ValueError:
        number = -1
    if number < 0 or len(call_id) != 16:
        raise UsageError(f"{call_id!r} is no call id", "a call id is 16 hexadecimal digits")
    return number


_Key = tuple[Any, int, datetime]
"""Sort key, span id, start."""


def _keys(
    connection: duckdb.DuckDBPyConnection,
    window: Window,
    limit: int,
    ids: Sequence[str] | None,
    task: str | None,
    model: str | None,
    order: str,
    reverse: bool,
    after: tuple[Any, ...] | None,
) -> list[_Key]:
    """Which calls, found over the few columns that decide it: whole rows are fetched afterwards."""
    if order not in ORDERS:
        raise UsageError(f"{order!r} is no order", f"one of {', '.join(ORDERS)}")
    expression, descending = ORDERS[order]
    descending ^= reverse
    conditions = ["start >= $start", "start < $end"]
    parameters: dict[str, Any] = {"start": window.start, "end": window.until, "limit": limit}
    if ids is not None:
        conditions.append(_AMONG)
        parameters["ids"] = [span_number(one) for one in ids]
    for name, value in (("task", task), ("model", model)):
        if value is not None:
            conditions.append(f"{name} = ${name}")
            parameters[name] = value
    if after is not None:
        sign = "<" if descending else ">"
        conditions.append(f"({expression} {sign} $value OR ({expression} = $value AND span_id {sign} $span_id))")
        parameters |= {"value": after[0], "span_id": span_number(after[1])}
    way = "DESC" if descending else "ASC"
    source = "v_calls" if "cost" in expression else "v_base"
    text = f"""
        SELECT {expression} AS sort_key, span_id, start FROM {source}
        WHERE {" AND ".join(conditions)} ORDER BY sort_key {way}, span_id {way} LIMIT $limit
    """
    return connection.execute(text, parameters).fetchall()


def _rows(connection: duckdb.DuckDBPyConnection, keys: Sequence[_Key]) -> list[CallRow]:
    names = [name for name in CallRow.__struct_fields__ if name != "segments"]
    columns = ", ".join(f'{_COMPUTED.get(name, name)} AS "{name}"' for name in names)
    text = f"""
        SELECT {columns} FROM v_calls
        WHERE start IN (SELECT unnest(CAST($starts AS TIMESTAMP[]))) AND {_AMONG}
    """
    parameters = {"starts": [key[2] for key in keys], "ids": [key[1] for key in keys]}
    rows = fetch(connection, text, parameters, CallRow)
    return [_with_tuples(row) for row in rows]


def _with_tuples(row: CallRow) -> CallRow:
    return msgspec.structs.replace(row, **{name: tuple(getattr(row, name) or ()) for name in _LISTS})


def _with_segments(connection: duckdb.DuckDBPyConnection, row: CallRow) -> CallRow:
    return msgspec.structs.replace(row, segments=segments(connection, row))
