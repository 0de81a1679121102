"""Export files into lines: one provider, day and model each, with token counts or an amount.

Pure readers: bytes in, lines out. A file is a JSON page, a list or lines of pages, or a CSV with a header.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

import msgspec

from otelcost.errors import ExportError
from otelcost.pricing.names import undated
from otelcost.reconcile.shapes import IGNORED, SHAPES, TOOL_WORDS, Kind, Shape

DAY_S: Final = 86_400
_MOST_BYTES: Final = 1 << 30
_EXPECTED: Final = "give OpenAI's usage or costs (JSON or CSV), or Anthropic's usage or cost report (JSON or CSV)"
_KINDS: Final = r"(?:cached |cache write |audio |image |text )*(?:input|output)(?: tokens?)?|cache writes?|batch.*"
_LINE_ITEM: Final = re.compile(rf"(?P<model>[^,|]+?)\s*[,|]\s*(?:{_KINDS})(?:\s*[,|].*)?", re.IGNORECASE)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One record of an export. Tokens are disjoint; None is "not told"."""

    provider: str
    kind: Kind
    begins: datetime  # naive UTC
    model: str | None = None  # lower case, without its date; None: not by model
    item: str = ""  # what an amount is for, where it is no model's
    tool: bool = False  # a fee of a tool
    requests: int | None = None
    input_tokens: int | None = None  # neither read from a cache nor written to it
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    batch: bool = False
    cost_picousd: int | None = None


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """All lines of some files, and what is wrong with them short of being unreadable."""

    lines: tuple[Line, ...]
    notes: tuple[str, ...]


def read_files(paths: list[Path]) -> Export:
    """The lines of export files.

    Raises:
        ExportError: a file cannot be read, is no export that is known, or holds another currency.
    """
    lines: list[Line] = []
    notes: list[str] = []
    for path in paths:
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise ExportError(f"{path} is larger than 1 GiB", "export fewer days at a time")
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ExportError(f"{path} cannot be read ({_short(error)})", _EXPECTED) from error
        found, more = parse(text, str(path))
        if more:
            notes.append(f"{path} has further pages that were not exported: the bill is higher than it says")
        lines += found
    if not lines:
        raise ExportError("the export is empty", "ask for days with usage")
    return Export(lines=tuple(lines), notes=tuple(notes))


def parse(text: str, where: str) -> tuple[list[Line], bool]:
    """The lines of one file's text, and whether its last page says that there are more."""
    records: list[dict[str, Any]]
    more = False
    if text.lstrip()[:1] in {"{", "["}:
        pages = _pages(text, where)
        more = bool(pages) and pages[-1].get("has_more") is True
        records = [record for page in pages for record in _results(page, where)]
    else:
        records = _csv(text, where)
    lines = (_line(record, f"{where}: record {number}") for number, record in enumerate(records, 1))
    return [line for line in lines if line is not None], more


def _pages(text: str, where: str) -> list[dict[str, Any]]:
    try:
        document = json.loads(text, parse_float=Decimal)
    except ValueError:
        document = _json_lines(text, where)
    if isinstance(document, dict):
        document = [document]
    if not (isinstance(document, list) and all(isinstance(page, dict) for page in document)):
        raise ExportError(f"{where} is no export", _EXPECTED)
    if document and all("results" in bucket for bucket in document):  # buckets without their page
        return [{"data": document}]
    return document


def _json_lines(text: str, where: str) -> list[Any]:
    try:
        return [json.loads(line, parse_float=Decimal) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise ExportError(f"{where} is no JSON ({error})", "export it again") from error


def _results(page: dict[str, Any], where: str) -> Iterator[dict[str, Any]]:
    buckets = page.get("data")
    if not isinstance(buckets, list):
        raise ExportError(f"{where} holds no buckets of time", _EXPECTED)
    for bucket in buckets:
        results = bucket.get("results", bucket.get("result")) if isinstance(bucket, dict) else None
        if not isinstance(results, list):
            raise ExportError(f"{where}: a bucket holds no results", _EXPECTED)
        shared = {name: value for name, value in bucket.items() if not isinstance(value, list)}
        for result in results:
            if not isinstance(result, dict):
                raise ExportError(f"{where}: a result is no object", _EXPECTED)
            yield dict(_flat({**shared, **result}))


def _flat(node: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in node.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _csv(text: str, where: str) -> list[dict[str, Any]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        rows = [{(name or "").strip().lower(): value for name, value in row.items()} for row in reader]
    except csv.Error as error:
        raise ExportError(f"{where}, line {reader.line_num} is no CSV ({error})", "export it again") from error
    if not reader.fieldnames or len(reader.fieldnames) < 2:
        raise ExportError(f"{where} is neither JSON nor CSV with a header", _EXPECTED)
    return rows


def _line(record: dict[str, Any], where: str) -> Line | None:
    shape = next((shape for shape in SHAPES if shape.marks <= record.keys()), None)
    if shape is None:
        if any(mark in record for mark in IGNORED):
            return None
        raise ExportError(f"{where} has no known fields ({', '.join(sorted(record)[:6])}, ...)", _EXPECTED)
    values: dict[str, Any] = {}
    for field, meaning in shape.fields.items():
        value = record.get(field)
        if value is None or value == "":
            continue
        if meaning == "cache_write":
            values[meaning] = values.get(meaning, 0) + _count(value, f"{where}, {field}")
        elif meaning in {"input", "cache_read", "output", "requests"}:
            values[meaning] = _count(value, f"{where}, {field}")
        elif meaning == "cost":
            values[meaning] = _money(value, shape.unit, f"{where}, {field}")
        else:
            values.setdefault(meaning, value)
    _one_currency(values, where)
    begins = _begins(record, shape, where)
    _at_most_a_day(record, begins, where)
    return _made(shape, values, begins)


def _made(shape: Shape, values: dict[str, Any], begins: datetime) -> Line:
    item = str(values.get("item", ""))
    named = str(values["model"]) if values.get("model") else None
    in_item = _LINE_ITEM.fullmatch(item) if named is None and shape.kind == "cost" else None
    model = in_item["model"] if in_item else named
    tool = model is None and (
        values.get("cost_type") == "web_search" or any(word in item.lower() for word in TOOL_WORDS)
    )
    given = values.get("input")
    if shape.inclusive and given is not None:
        given = max(0, given - values.get("cache_read", 0) - values.get("cache_write", 0))
    return Line(
        provider=shape.provider,
        kind=shape.kind,
        begins=begins,
        model=None if model is None else undated(model.strip().lower()),
        item="" if model else item or str(values.get("cost_type", "")),
        tool=tool,
        requests=values.get("requests"),
        input_tokens=given,
        cache_read_tokens=values.get("cache_read"),
        cache_write_tokens=values.get("cache_write"),
        output_tokens=values.get("output"),
        batch=str(values.get("batch", "")).lower() == "true" or str(values.get("tier", "")).lower() == "batch",
        cost_picousd=values.get("cost"),
    )


def _one_currency(values: dict[str, Any], where: str) -> None:
    currency = str(values.get("currency", "usd")).lower()
    if currency != "usd":
        raise ExportError(f"{where} is in {currency.upper()}", "only US dollars can be compared")


def _count(value: object, where: str) -> int:
    number = _decimal(value, where)
    if number < 0 or number != number.to_integral_value() or number > 10**15:
        raise ExportError(f"{where}: {value!r} is no count", "export it again")
    return int(number)


def _money(value: object, unit: int, where: str) -> int:
    """Pico-dollars, exact to the digits that were exported. A credit is negative."""
    return round(_decimal(value, where) * unit)


def _decimal(value: object, where: str) -> Decimal:
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite() or abs(number) > 10**18:
        raise ExportError(f"{where}: {value!r} is no number", "export it again")
    return number


def _begins(record: dict[str, Any], shape: Shape, where: str) -> datetime:
    for field in shape.days:
        value = record.get(field)
        if value not in (None, ""):
            return _moment(value, f"{where}, {field}")
    raise ExportError(f"{where} names no day ({' or '.join(shape.days)})", "export it by day")


def _moment(value: object, where: str) -> datetime:
    try:
        if isinstance(value, int) or str(value).isdigit():
            return datetime.fromtimestamp(int(str(value)), UTC).replace(tzinfo=None)
        moment = datetime.fromisoformat(str(value).strip())
    except (ValueError, OverflowError, OSError):
        raise ExportError(f"{where}: {value!r} is no moment", "export it again") from None
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _at_most_a_day(record: dict[str, Any], begins: datetime, where: str) -> None:
    for field in ("end_time", "ending_at"):
        value = record.get(field)
        if value not in (None, "") and (_moment(value, f"{where}, {field}") - begins).total_seconds() > DAY_S:
            raise ExportError(f"{where} is longer than a day", "export it with bucket_width=1d, or a shorter one")


def day_offset(lines: tuple[Line, ...]) -> timedelta:
    """How long after midnight UTC the export's days begin, where it is by day and all begin alike; else 0."""
    seconds = {line.begins.hour * 3600 + line.begins.minute * 60 + line.begins.second for line in lines}
    return timedelta(seconds=seconds.pop()) if len(seconds) == 1 else timedelta()


def day_of(moment: datetime, offset: timedelta) -> date:
    """The export's day that a moment belongs to."""
    return (moment - offset).date()


def _short(error: Exception) -> str:
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else "not UTF-8 text"
