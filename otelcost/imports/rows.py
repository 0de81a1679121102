"""A flat record of another tool as a `SpanRecord`: pure, and strict about what it does not say."""

from __future__ import annotations

import hashlib
import math
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from otelcost.imports.shapes import MODELS, PROVIDERS, Shape
from otelcost.model import PICOUSD, SpanRecord, Usage

Record = dict[str, Any]

MAX_TEXT: Final = 256
_TRACE: Final = re.compile(r"[0-9a-f]{32}")
_SPAN: Final = re.compile(r"[0-9a-f]{16}")
_NOT_ERRORS: Final = frozenset({"", "success", "default", "debug", "warning", "none", "200", "ok"})
_EPOCH_UNITS: Final = ((10**17, Decimal("0.001")), (10**14, Decimal(1)), (10**11, Decimal(1000)), (0, Decimal(10**6)))
"""A number of at least so much is nano-, micro-, milliseconds or seconds since 1970, and its microseconds."""
_EARLIEST_US: Final = 946_684_800_000_000
_LATEST_US: Final = 4_102_444_800_000_000
"""The years 2000 to 2100: a number that is no time, such as 20261120, falls outside."""


class RowError(ValueError):
    """A record that is no call, in words that say why."""


def span_record(record: Record, shape: Shape) -> SpanRecord | None:
    """A call of a record; None where it is something else than an LLM call.

    Raises:
        RowError: it cannot be one: no time, no id, counts that are none.
    """
    if shape.only is not None and str(record.get(shape.only[0])) not in shape.only[1]:
        return None
    fact = _Facts(record, shape)
    if fact.text("hit").lower() == "true":
        return None  # the tool answered from its own cache: no provider was called
    said = fact.text("provider")
    model = fact.text("request_model").removeprefix(f"{said}/" if said else "")  # a router's own prefix
    provider = _provider(said, model, shape)
    own = fact.text("span")
    if not own:
        raise RowError("a row without an id")
    start = fact.instant("start")
    if start is None:
        raise RowError("a row without a time")
    failed = fact.text("error")
    error = None if failed.lower() in _NOT_ERRORS else failed
    return SpanRecord(
        trace_id=_id(fact.text("trace") or own, shape.source, _TRACE, 32),
        span_id=_id(own, shape.source, _SPAN, 16),
        parent_span_id=_parent(fact.text("parent")),
        name=(fact.text("name") or shape.title)[:MAX_TEXT],
        kind="CLIENT",
        scope=f"import/{shape.source}",
        start_unix_us=start,
        duration_us=_duration(fact, start),
        status="ERROR" if error else "OK",
        is_llm=True,
        provider=provider,
        operation="embeddings" if "embedding" in f"{model} {record.get('type')}".lower() else "chat",
        request_model=model[:MAX_TEXT] or None,
        response_model=fact.text("response_model")[:MAX_TEXT] or None,
        response_id=fact.text("response_id")[:MAX_TEXT] or None,
        error_type=error[:MAX_TEXT] if error else None,
        usage=_usage(fact, shape),
    )


class _Facts:
    """What a record says, by our own names."""

    def __init__(self, record: Record, shape: Shape) -> None:
        self._record = record
        self._places = shape.facts

    def value(self, name: str) -> Any:
        """The first place that holds something; None where none does."""
        found = (self._record.get(place) for place in self._places.get(name, ()))
        return next((value for value in found if value not in (None, "")), None)

    def text(self, name: str) -> str:
        value = self.value(name)
        return "" if value is None else whole(str(value).strip())

    def count(self, name: str) -> int | None:
        """A count of tokens or milliseconds.

        Raises:
            RowError: there is something that is no count.
        """
        value = self.value(name)
        if value is None:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if isinstance(value, bool) or not 0 <= number < 2**53:
            raise RowError(f"{name} is no count")
        return int(number)

    def instant(self, name: str) -> int | None:
        """Microseconds since 1970. A time without an offset is UTC.

        Raises:
            RowError: there is something that is no time.
        """
        value = self.value(name)
        if value is None:
            return None
        return instant_us(str(value), name)


def whole(text: str) -> str:
    """A text that can be written: half of a surrogate pair, which JSON may hold, becomes its code."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def instant_us(text: str, name: str = "time") -> int:
    """A moment of an export in microseconds since 1970: ISO 8601, or a number of seconds or less.

    Raises:
        RowError: it is neither, or a time before there were such calls.
    """
    try:
        found = _number_us(text) if re.fullmatch(r"\d+(\.\d+)?", text) else _iso_us(text)
    except (ValueError, OverflowError):
        raise RowError(f"{name} is no time") from None
    if not _EARLIEST_US <= found < _LATEST_US:
        raise RowError(f"{name} is no time of a call")
    return found


def _number_us(text: str) -> int:
    number = Decimal(text)
    factor = next(factor for least, factor in _EPOCH_UNITS if number >= least)
    return int(number * factor)


def _iso_us(text: str) -> int:
    moment = datetime.fromisoformat(text.replace(" UTC", "+00:00"))
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _duration(fact: _Facts, start: int) -> int:
    end = fact.instant("end")
    if end is not None:
        return max(end - start, 0)
    milliseconds = fact.count("duration_ms")
    return 0 if milliseconds is None else milliseconds * 1000


def _usage(fact: _Facts, shape: Shape) -> Usage:
    whole, read, write = fact.count("input"), fact.count("cache_read"), fact.count("cache_write")
    output, total = fact.count("output"), fact.count("total")
    return Usage(
        input_uncached_tokens=_uncached(whole, (read or 0) + (write or 0), output, total, shape),
        cache_read_tokens=read,
        cache_write_short_tokens=write,
        output_tokens=output,
        reasoning_tokens=fact.count("reasoning"),
        provider_total_tokens=total,
        provider_cost_picousd=_cost(fact) if shape.billed else None,
    )


def _uncached(whole: int | None, cached: int, output: int | None, total: int | None, shape: Shape) -> int | None:
    """The input that no cache had a part in. The buckets of a record are disjoint, those of its source need not be."""
    if whole is None or not cached or shape.cached == "apart":
        return whole
    if shape.cached == "total" and total == whole + (output or 0) + cached:
        return whole
    return whole - cached if whole >= cached else whole


def _cost(fact: _Facts) -> int | None:
    value = fact.value("cost")
    if value is None:
        return None
    try:
        amount = Decimal(str(value)) * PICOUSD
        return int(amount.to_integral_value()) if 0 <= amount < 10**16 else _no_amount()
    except InvalidOperation:
        return _no_amount()


def _no_amount() -> int:
    raise RowError("cost is no amount")


def _provider(said: str, model: str, shape: Shape) -> str | None:
    if shape.source == "openrouter":
        return "openrouter"
    if said:
        name = said.lower()
        return PROVIDERS.get(name, name)[:MAX_TEXT]
    bare = model.rpartition("/")[2].lower()
    return next((provider for starts, provider in MODELS if bare.startswith(starts)), None)


def _id(text: str, source: str, pattern: re.Pattern[str], digits: int) -> str:
    """An OpenTelemetry id as it is; of any other id always the same digits."""
    if pattern.fullmatch(text.lower()) and set(text) != {"0"}:
        return text.lower()
    return hashlib.sha256(f"{source}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()[:digits]


def _parent(text: str) -> str | None:
    return text.lower() if _SPAN.fullmatch(text.lower()) else None
