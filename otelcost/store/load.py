"""One batch of checked lines into the tables: a single bulk read per kind, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import duckdb
import msgspec

from otelcost.errors import StoreError
from otelcost.model import Call, SpanRecord
from otelcost.store.columns import MODEL, call_expressions, quoted, reader_columns, span_expressions
from otelcost.store.lines import BACKGROUND

_SLACK: Final = 1024
_KINDS: Final[dict[str, type[msgspec.Struct]]] = {"calls": Call, "spans": SpanRecord}


def insert(
    connection: duckdb.DuckDBPyConnection, kind: str, lines: Sequence[bytes], tasks: Sequence[int], stage: Path
) -> None:
    """Append lines to the table of their kind, oldest first.

    Args:
        connection: a write session.
        kind: "calls" or "spans".
        lines: lines that `otelcost.store.lines.parse` found good.
        tasks: the number of each line's task.
        stage: a file to write them to for the bulk reader; removed afterwards.

    Raises:
        duckdb.Error: DuckDB refuses a value the check let through; nothing was inserted.
        StoreError: the disk is full.
    """
    # A line is a JSON object, so its task is one more member at its end.
    try:
        _stage([b'%b,"task_id":%d}' % (_open(line), task) for line, task in zip(lines, tasks, strict=True)], stage)
        connection.execute(_statement(kind), {"path": str(stage), "largest": _largest(lines)})
    finally:
        stage.unlink(missing_ok=True)


def refused(connection: duckdb.DuckDBPyConnection, kind: str, lines: Sequence[bytes], stage: Path) -> list[int]:
    """Which lines DuckDB refuses, by halving: the positions of the bad ones. Outside a transaction."""
    if not lines or _readable(connection, kind, lines, stage):
        return []
    if len(lines) == 1:
        return [0]
    middle = len(lines) // 2
    right = refused(connection, kind, lines[middle:], stage)
    return refused(connection, kind, lines[:middle], stage) + [middle + position for position in right]


def _readable(connection: duckdb.DuckDBPyConnection, kind: str, lines: Sequence[bytes], stage: Path) -> bool:
    parameters = {"path": str(stage), "largest": _largest(lines)}
    try:
        _stage(lines, stage)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE trial_load AS {_select(kind)}", parameters)
    except duckdb.Error:
        return False
    finally:
        stage.unlink(missing_ok=True)
    connection.execute("DROP TABLE trial_load")
    return True


def _stage(lines: Sequence[bytes], stage: Path) -> None:
    try:
        stage.touch(mode=0o600)
        stage.write_bytes(b"\n".join(lines) + b"\n")
    except OSError as error:
        raise StoreError(
            f"{stage} cannot be written ({error.strerror})", "free some space or correct the permissions of its folder"
        ) from error


def _open(line: bytes) -> bytes:
    return line.rstrip(b" \t\r\0").removesuffix(b"}")


def _largest(lines: Sequence[bytes]) -> int:
    return max(map(len, lines)) + _SLACK


def _statement(kind: str) -> str:
    return f"INSERT INTO {kind} ({quoted([*_expressions(kind), 'task_id', 'pricing_id'])}) {_select(kind)}"


def _select(kind: str) -> str:
    expressions = _expressions(kind)
    tier = (
        f"CASE WHEN starts_with(r.request_tier, '{BACKGROUND}') AND coalesce(r.service_tier, 'default') = 'default' "
        "THEN r.request_tier ELSE r.service_tier END"
    )
    speed, geo, batch = ("r.speed", "r.inference_geo", "coalesce(r.batch, false)")
    if kind == "spans":
        tier, speed, geo, batch = "r.service_tier", "NULL", "NULL", "false"
    return f"""
        SELECT {", ".join(expressions.values())}, r.task_id, p.pricing_id
        FROM read_json($path, format = 'newline_delimited',
                       columns = {reader_columns(_KINDS[kind], task_id="INTEGER")},
                       maximum_object_size = $largest) r
        LEFT JOIN price_resolution p
            ON p.provider IS NOT DISTINCT FROM r.provider AND p.model IS NOT DISTINCT FROM {MODEL}
            AND p.service_tier IS NOT DISTINCT FROM {tier} AND p.speed IS NOT DISTINCT FROM {speed}
            AND p.inference_geo IS NOT DISTINCT FROM {geo} AND p.batch = {batch}
        ORDER BY {expressions["start"]}
    """


def _expressions(kind: str) -> dict[str, str]:
    return call_expressions() if kind == "calls" else span_expressions()
