"""Spans of OTLP in its JSON form, as the Collector's file exporter writes them: one request a line, or one a file."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from otelcost.capture import dialects
from otelcost.imports.rows import MAX_TEXT, RowError, whole
from otelcost.model import SpanRecord

_KINDS: Final = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_STATUSES: Final = ("UNSET", "OK", "ERROR")


def is_otlp(document: object) -> bool:
    """Whether a JSON document is a request of OTLP."""
    return isinstance(document, dict) and isinstance(document.get("resourceSpans"), list)


def spans(document: Mapping[str, Any]) -> Iterator[tuple[str, str | None, Mapping[str, Any]]]:
    """Every span with the name of its scope and of its service."""
    for resource in _objects(document.get("resourceSpans")):
        service = attributes(_object(resource.get("resource")).get("attributes")).get("service.name")
        for group in _objects(resource.get("scopeSpans")):
            scope = whole(str(_object(group.get("scope")).get("name") or ""))
            for span in _objects(group.get("spans")):
                yield scope, service if isinstance(service, str) else None, span


def span_record(scope: str, service: str | None, span: Mapping[str, Any]) -> SpanRecord | None:
    """A span that is an LLM call; None where it is anything else, or a sum over others.

    Raises:
        RowError: it has no ids or no time.
    """
    values = attributes(span.get("attributes"))
    task = values.get("otelcost.task")
    name = whole(str(span.get("name") or ""))
    # Our own spans say the whole call where they were exported, and nothing of the conventions where they were not.
    if not dialects.is_llm("" if scope == dialects.OWN_SCOPE else scope, name, values):
        return None
    start, end = _nanoseconds(span, "startTimeUnixNano"), _nanoseconds(span, "endTimeUnixNano")
    if not start:
        raise RowError("a span without a time")
    trace, own = _id(span.get("traceId"), 32), _id(span.get("spanId"), 16)
    if trace is None or own is None:
        raise RowError("a span without ids")
    return SpanRecord(
        trace_id=trace,
        span_id=own,
        parent_span_id=_id(span.get("parentSpanId"), 16),
        name=name[:MAX_TEXT],
        kind=_named(span.get("kind"), _KINDS, "SPAN_KIND_"),
        scope=scope[:MAX_TEXT],
        start_unix_us=start // 1000,
        duration_us=max(end - start, 0) // 1000,
        status=_named(_object(span.get("status")).get("code"), _STATUSES, "STATUS_CODE_"),
        service_name=service,
        is_llm=True,
        is_root=not span.get("parentSpanId"),
        task=task[:MAX_TEXT] if isinstance(task, str) and task else None,
        usage=dialects.usage_of(values),
        **dialects.text_fields(values),
    )


def attributes(pairs: object) -> dict[str, object]:
    """OTLP's list of keys and typed values as a plain mapping; arrays and maps are of no use here."""
    found: dict[str, object] = {}
    for pair in _objects(pairs):
        value = _object(pair.get("value"))
        if isinstance(pair.get("key"), str):
            found[pair["key"]] = _value(value)
    return found


def _value(value: Mapping[str, Any]) -> object:
    if "intValue" in value:
        text = str(value["intValue"])
        return int(text) if re.fullmatch(r"-?\d{1,19}", text) else None
    if "stringValue" in value:
        return whole(str(value["stringValue"]))
    return next((value[kind] for kind in ("doubleValue", "boolValue") if kind in value), None)


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _nanoseconds(span: Mapping[str, Any], field: str) -> int:
    text = str(span.get(field) or "")
    return int(text) if re.fullmatch(r"\d{1,19}", text) else 0


def _named(value: object, names: tuple[str, ...], prefix: str) -> str:
    """An enumeration by its number or by its name."""
    if isinstance(value, int) and 0 <= value < len(names):
        return names[value]
    text = str(value or "").removeprefix(prefix)
    return text if text in names else names[0]


def _id(value: object, digits: int) -> str | None:
    """Hexadecimal as the standard has it, or base64 as some writers have it; never all zeros."""
    text = str(value or "")
    if not re.fullmatch(rf"[0-9a-fA-F]{{{digits}}}", text):
        try:
            text = base64.b64decode(text, validate=True).hex()
        except (binascii.Error, ValueError):
            return None
    return text.lower() if len(text) == digits and set(text) != {"0"} else None
