"""Where the input tokens of a task go, measured on the records: no word of a prompt is stored or needed.

Parts are disjoint and add up to the task's input exactly; what could not be told apart is the part `unknown`. A
part's cost is what its tokens were billed, at the rates of the cache where the cache held them: so much would not
have been billed without it. Whether the answers stay as good without it, only a trial says.
"""

from __future__ import annotations

from typing import Any, Final

import duckdb
import msgspec

from otelcost.store.queries.rows import fetch, sql
from otelcost.store.queries.window import Window

PARTS: Final = ("system", "tools", "schema", "few-shot", "context", "history", "user", "unknown")
"""What input tokens are for, in the order in which they are listed."""

MAX_BLOCKS: Final = 10
"""How many of the largest equal texts of a task are listed."""


class PartRow(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens of a task that are for one thing.

    `static_tokens` stand in 90% of its calls or more, `repeated_tokens` in three or more; `volatile_tokens` are a
    static text with values that change in it. The rest is new in every call.
    """

    part: str
    tokens: int
    static_tokens: int
    repeated_tokens: int
    volatile_tokens: int
    read_tokens: int  # billed as read from the cache
    write_tokens: int  # billed as written to it
    picousd: int | None  # what these tokens were billed; None where no call of the task has a price
    unpriced_tokens: int  # tokens without a known price


class BlockRow(msgspec.Struct, frozen=True, kw_only=True):
    """A text that stands in several calls of a task, always the same."""

    part: str
    kind: str
    name: str | None  # a tool's
    position: int  # the earliest at which it stands; 1 is the first
    calls: int
    tokens: int  # in all these calls together
    call_tokens: int  # the whole input of these calls
    read_tokens: int
    picousd: int | None
    varies: str  # static, repeated
    hash: int


class ToolRow(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that a task offers, under all the schemas it had."""

    name: str | None
    offered_calls: int
    called_calls: int
    tokens: int
    picousd: int | None


class ContextRow(msgspec.Struct, frozen=True, kw_only=True):
    """The input of a task in a window."""

    task: str
    calls: int  # whose input is known
    known_calls: int  # of those, whose prompt is known part by part
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    input_picousd: int | None  # what the input of the priced calls was billed
    unpriced_calls: int
    growth_tokens: int | None  # input tokens more with every assistant message in the prompt; None: it never varies
    most_turns: int | None  # assistant messages in the longest prompt
    sessions: int
    models: tuple[str, ...]
    parts: tuple[PartRow, ...] = ()
    blocks: tuple[BlockRow, ...] = ()
    tools: tuple[ToolRow, ...] = ()


_PARTS: Final = """
SELECT task, part, sum(tokens)::BIGINT AS tokens,
    coalesce(sum(tokens) FILTER (varies = 'static'), 0)::BIGINT AS static_tokens,
    coalesce(sum(tokens) FILTER (varies = 'repeated'), 0)::BIGINT AS repeated_tokens,
    coalesce(sum(tokens) FILTER (varies = 'volatile'), 0)::BIGINT AS volatile_tokens,
    sum(read_tokens)::BIGINT AS read_tokens, sum(write_tokens)::BIGINT AS write_tokens,
    sum(picousd)::BIGINT AS picousd, sum(unpriced_tokens)::BIGINT AS unpriced_tokens
FROM context_part GROUP BY task, part
"""

_BLOCKS: Final = """
SELECT task, part, kind, name, position, calls, tokens, call_tokens, read_tokens, picousd, varies, hash
FROM context_part WHERE calls > 1 AND varies IN ('static', 'repeated')
QUALIFY row_number() OVER (PARTITION BY task ORDER BY tokens DESC, position, hash) <= $most
ORDER BY task, tokens DESC, position, hash
"""

_TOOLS: Final = """
SELECT task, name, sum(calls)::BIGINT AS offered_calls, sum(called)::BIGINT AS called_calls,
    sum(tokens)::BIGINT AS tokens, sum(picousd)::BIGINT AS picousd
FROM context_part WHERE place = 'tools' GROUP BY task, name ORDER BY task, tokens DESC, name
"""

_TASKS: Final = """
SELECT task, calls, known_calls, input_tokens, cache_read_tokens, cache_write_tokens, input_picousd, unpriced_calls,
    CASE WHEN isfinite(growth) THEN round(growth)::BIGINT END AS growth_tokens, most_turns, sessions, models
FROM context_task ORDER BY input_picousd DESC NULLS LAST, input_tokens DESC, task
"""

_TEMPORARY: Final = ("context_task", "context_segment", "context_part")


def context(connection: duckdb.DuckDBPyConnection, window: Window, task: str | None = None) -> list[ContextRow]:
    """Where the input of every task of a window goes, or of one, the most expensive input first."""
    parameters = {"start": window.start, "end": window.until}
    try:
        connection.execute(sql("context_tasks"), {**parameters, "task": task})
        connection.execute(sql("context_segments"), parameters)
        connection.execute(sql("context_parts"))
        return _rows(connection)
    finally:
        for name in _TEMPORARY:
            connection.execute(f"DROP TABLE IF EXISTS {name}")


def _rows(connection: duckdb.DuckDBPyConnection) -> list[ContextRow]:
    parts = _by_task(connection, _PARTS, {}, PartRow)
    blocks = _by_task(connection, _BLOCKS, {"most": MAX_BLOCKS}, BlockRow)
    tools = _by_task(connection, _TOOLS, {}, ToolRow)
    return [
        msgspec.structs.replace(
            row,
            models=tuple(model for model in row.models if model is not None),
            parts=_all_parts(row, parts.get(row.task, [])),
            blocks=tuple(blocks.get(row.task, ())),
            tools=tuple(tools.get(row.task, ())),
        )
        for row in fetch(connection, _TASKS, {}, ContextRow)
    ]


def _by_task(
    connection: duckdb.DuckDBPyConnection, text: str, parameters: dict[str, Any], row_type: type[Any]
) -> dict[str, list[Any]]:
    cursor = connection.execute(text, parameters)
    names = [column[0] for column in cursor.description or ()][1:]
    found: dict[str, list[Any]] = {}
    for task, *values in cursor.fetchall():
        found.setdefault(task, []).append(row_type(**dict(zip(names, values, strict=True))))
    return found


def _all_parts(row: ContextRow, known: list[PartRow]) -> tuple[PartRow, ...]:
    """The parts in order, with the rest that is not known so that they add up to the whole."""
    rest = row.input_tokens - sum(part.tokens for part in known)
    money = None if row.input_picousd is None else row.input_picousd - sum(part.picousd or 0 for part in known)
    if rest or money:
        unknown = PartRow(
            part="unknown",
            tokens=rest,
            static_tokens=0,
            repeated_tokens=0,
            volatile_tokens=0,
            read_tokens=row.cache_read_tokens - sum(part.read_tokens for part in known),
            write_tokens=row.cache_write_tokens - sum(part.write_tokens for part in known),
            picousd=money,
            unpriced_tokens=0,
        )
        known = [*known, unknown]
    return tuple(sorted(known, key=lambda part: PARTS.index(part.part)))
