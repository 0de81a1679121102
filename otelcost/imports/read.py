"""Files of other tools as span records: which shape, which rows are calls, and why the others are not."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from otelcost.errors import ExportError
from otelcost.imports import otlp
from otelcost.imports.rows import Record, RowError, span_record
from otelcost.imports.shapes import OTLP, SHAPES, Shape
from otelcost.model import SpanRecord

_NESTED: Final = ("data", "results", "rows", "observations")
_SEVERAL: Final = "no row of a known shape"
MAX_DEPTH: Final = 6


class Reading(msgspec.Struct, kw_only=True):
    """What one file held."""

    shape: Shape
    records: list[SpanRecord]
    rows: int = 0
    skipped: int = 0  # rows that are no LLM calls
    bad: Counter[str] = msgspec.field(default_factory=Counter)  # why rows could not be read, and how many


def read(path: Path, source: str = "auto") -> Reading:
    """Read a file; `source` is a name of `SOURCES`, or `auto` to tell it from the rows.

    Raises:
        ExportError: it cannot be read, holds no row of a known shape, or rows that are sums and not calls.
    """
    documents = list(_documents(path))
    if any(map(otlp.is_otlp, documents)):
        return _read_otlp(path, source, documents)
    rows = [_flat(row) for document in documents for row in _rows(document)]
    shape = _shape(path, rows, source)
    reading = Reading(shape=shape, records=[], rows=len(rows))
    for row in rows:
        _take(reading, row, shape)
    return reading


def _take(reading: Reading, row: Record, shape: Shape) -> None:
    try:
        found = span_record(row, shape)
    except RowError as error:
        reading.bad[str(error)] += 1
        return
    if found is None:
        reading.skipped += 1
    else:
        reading.records.append(found)


def _read_otlp(path: Path, source: str, documents: list[Any]) -> Reading:
    if source not in {"auto", "otlp"}:
        raise ExportError(f"{path} holds OTLP spans, not rows of {source}", "leave --from out")
    reading = Reading(shape=OTLP, records=[])
    for document in documents:
        for scope, service, span in otlp.spans(document if isinstance(document, dict) else {}):
            reading.rows += 1
            try:
                found = otlp.span_record(scope, service, span)
            except RowError as error:
                reading.bad[str(error)] += 1
                continue
            if found is None:
                reading.skipped += 1
            else:
                reading.records.append(found)
    return reading


def _shape(path: Path, rows: list[Record], source: str) -> Shape:
    for row in rows:
        for shape in SHAPES:
            if shape.marks <= row.keys() and source in {"auto", shape.source}:
                if shape.refused:
                    raise ExportError(f"{path}: {shape.title}: {shape.refused}", "")
                return shape
    wanted = "" if source == "auto" else f" of {source}"
    raise ExportError(
        f"{path} holds {_SEVERAL}{wanted}", "otlp, langfuse, helicone, litellm and openrouter exports can be imported"
    )


def _documents(path: Path) -> Iterator[Any]:
    """The JSON documents of a file: one, or one a line; of a CSV its lines as objects."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ExportError(f"{path} cannot be read ({said})", "give a JSON, JSON lines or CSV export") from error
    if text.lstrip()[:1] not in {"{", "["}:
        yield from _lines(path, text)
        return
    whole = _json(text)
    if whole is not None:
        yield whole
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            document = _json(line)
            if document is None:
                raise ExportError(f"{path} line {number} is no JSON", "export the file again")
            yield document


def _lines(path: Path, text: str) -> list[dict[str, Any]]:
    """The lines of a CSV file, whose cells may hold whole prompts: longer than what Python reads by itself."""
    before = csv.field_size_limit(len(text) + 1)
    try:
        return list(csv.DictReader(io.StringIO(text)))
    except csv.Error as error:
        raise ExportError(f"{path} is no CSV ({error})", "export the file again") from error
    finally:
        csv.field_size_limit(before)


def _json(text: str) -> Any:
    """A JSON document; None where the text is none, or nested deeper than anybody writes."""
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return None


def _rows(document: Any) -> Iterator[dict[str, Any]]:
    """The rows of a document: itself, or those of its lists."""
    if isinstance(document, list):
        for one in document:
            yield from _rows(one)
    elif isinstance(document, dict):
        inner = next((document[name] for name in _NESTED if isinstance(document.get(name), list)), None)
        if inner is None:
            yield document
        else:
            yield from _rows(inner)


def _flat(row: dict[str, Any], prefix: str = "", depth: int = 0) -> Record:
    """A row with the members of its objects as `outer.inner`; a cell that holds an object as JSON is one."""
    found: Record = {}
    for key, value in row.items():
        inner = _object(value)
        if isinstance(inner, dict) and depth < MAX_DEPTH:
            found |= _flat(inner, f"{prefix}{key}.", depth + 1)
        else:
            found[f"{prefix}{key}"] = value
    return found


def _object(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
        return _json(value) or value
    return value
