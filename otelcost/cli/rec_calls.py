"""`otelcost calls --rec`: every call that a recommendation changes, or an insight was found in, page by page, so that
any number of them can go to a file."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from otelcost.cli import calls, options, terminal, windows
from otelcost.cli.insight import NO_SUCH
from otelcost.cli.reader import Reader, reader, unknown
from otelcost.cli.render import SCHEMA_VERSION, Document, Prose, to_csv, to_json
from otelcost.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from otelcost.store.queries import CallRow

PAGE = 2000
"""How many calls are in memory at once."""

_Key = tuple[datetime, str]


def show(request: options.Reading, id_: str, order: str, limit: int) -> None:
    """List the calls of a recommendation or an insight: all of them for programs, the first `limit` for people."""
    if order not in {"newest", "oldest"}:
        raise UsageError(f"--order {order} does not go with --rec", "order the csv, or take newest or oldest")
    with reader(request) as found:
        keys = _keys(found, id_, order)
        if request.format in {"json", "csv"}:
            _write(request.format, calls.envelope(found), _pages(found, keys, order))
        else:
            options.show(_document(found, keys, order, limit), request.format)


def _keys(found: Reader, id_: str, order: str) -> list[_Key]:
    from otelcost.advise import calls_of  # noqa: PLC0415

    report, keys = calls_of(found.connection, found.window, id_, now=found.now)
    if not keys:
        known = [row.id for row in report.recommendations] + [row.id for row in report.insights]
        raise unknown(NO_SUCH, id_, known, "otelcost rec list")
    return keys if order == "oldest" else keys[::-1]


def _pages(found: Reader, keys: Sequence[_Key], order: str, size: int = PAGE) -> Iterator[Sequence[CallRow]]:
    """Pages are cut in the order of time, so each reads only its own stretch of the store."""
    from otelcost.store import queries  # noqa: PLC0415

    for at in range(0, len(keys), size):
        page = keys[at : at + size]
        span = queries.Window(min(page)[0], max(page)[0] + timedelta(microseconds=1))
        ids = [call_id for _, call_id in page]
        yield queries.calls(found.connection, span, limit=len(page), ids=ids, order=order)


def _write(format_: str, head: dict[str, Any], pages: Iterable[Sequence[CallRow]]) -> None:
    records = ([{name: read(row) for name, read in calls.FIELDS.items()} for row in page] for page in pages)
    for text in _as_json(head, records) if format_ == "json" else _as_csv(records):
        terminal.data(text)


def _as_csv(pages: Iterable[list[dict[str, Any]]]) -> Iterator[str]:
    fields = tuple(calls.FIELDS)
    head = to_csv(fields, ())
    yield head
    for page in pages:
        yield to_csv(fields, page).removeprefix(head)


def _as_json(head: dict[str, Any], pages: Iterable[list[dict[str, Any]]]) -> Iterator[str]:
    """The document of `otelcost calls`, to the byte."""
    start, end = to_json({"schema_version": SCHEMA_VERSION, **head, "calls": [None]}).split("    null")
    yield start
    for number, page in enumerate(pages):
        records = json.dumps(page, indent=2, allow_nan=False)[2:-2].replace("\n", "\n  ")
        yield (",\n  " if number else "  ") + records
    yield end


def _document(found: Reader, keys: Sequence[_Key], order: str, limit: int) -> Document:
    rows = next(iter(_pages(found, keys[:limit], order, limit)))
    left = len(keys) - len(rows)
    more = (Prose((f"and {left:,} more: --format csv or json lists them all",)),) if left else ()
    blocks = (windows.line(found), calls.table(rows), *more)
    return calls.document(rows, blocks, calls.envelope(found))
