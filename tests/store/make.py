"""Records, spool lines and segment files for the store's tests, made by hand and by Hypothesis."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from hypothesis import strategies as st

from otelcost.model import SCHEMA_VERSION, Call, Context, Segment, SpanRecord, Usage

START_US = 1_795_000_000_000_000  # 2026-11-18


def call(number: int = 1, *, context: dict[str, Any] | None = None, usage: Usage | None = None, **fields: Any) -> Call:
    """A finished call; `number` makes its ids and its time."""
    identity: dict[str, Any] = {
        "trace_id": f"{number:032x}",
        "span_id": f"{number:016x}",
        "operation_id": f"{number:016x}",
        "start_unix_us": START_US + number * 1_000_000,
        "duration_us": 900_000,
        **(context or {}),
    }
    values: dict[str, Any] = {
        "provider": "openai",
        "api": "openai.chat",
        "operation": "chat",
        "request_model": "gpt-4o",
        "response_model": "gpt-4o-2024-08-06",
        "http_status": 200,
        "usage": usage or Usage(input_uncached_tokens=1000, output_tokens=100),
        **fields,
    }
    return Call(context=Context(**identity), **values)


def span(number: int = 1, **fields: Any) -> SpanRecord:
    """An LLM span of another instrumentation."""
    values: dict[str, Any] = {
        "trace_id": f"{number:032x}",
        "span_id": f"{number:016x}",
        "parent_span_id": None,
        "name": "chat gpt-4o",
        "kind": "CLIENT",
        "scope": "other",
        "start_unix_us": START_US + number * 1_000_000,
        "duration_us": 500_000,
        "status": "UNSET",
        "is_llm": True,
        "provider": "openai",
        "operation": "chat",
        "request_model": "gpt-4o",
        "usage": Usage(input_uncached_tokens=1000, output_tokens=100),
        **fields,
    }
    return SpanRecord(**values)


def part(number: int = 1, **fields: Any) -> Segment:
    """One part of a prompt."""
    values: dict[str, Any] = {"role": "user", "kind": "text", "bytes": 40, "tokens": 10, **fields}
    return Segment(hash=number, template_hash=number, prefix_hash=number, **values)


def line(record: Call | SpanRecord) -> bytes:
    """A record as a spool line, with its newline."""
    return msgspec.json.encode(record) + b"\n"


def segment_path(
    spool: Path,
    kind: str = "calls",
    pid: int = 7,
    sequence: int = 0,
    *,
    sealed: bool = True,
    version: int | None = None,
) -> Path:
    """Where a segment of a writer lies."""
    suffix = ".ndjson" if sealed else ".open"
    number = SCHEMA_VERSION if version is None else version
    return spool / f"{kind}-v{number}-host-{pid}-1795000000000000000-{sequence}{suffix}"


def write(spool: Path, data: bytes, kind: str = "calls", **name: Any) -> Path:
    """A segment file with these bytes and no living writer."""
    spool.mkdir(parents=True, exist_ok=True)
    path = segment_path(spool, kind, **name)
    path.write_bytes(data)
    return path


counts = st.one_of(st.none(), st.integers(0, 10**9))
texts = st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=12))
hashes = st.integers(0, 2**63 - 1)

usages = st.builds(
    Usage,
    **dict.fromkeys(
        [name for name in Usage.__struct_fields__ if not name.endswith(("_requests", "_picousd"))],
        counts,
    ),
    **dict.fromkeys(
        [name for name in Usage.__struct_fields__ if name.endswith("_requests")],
        st.one_of(st.none(), st.integers(0, 10**6)),
    ),
)

segments = st.builds(
    Segment,
    role=st.sampled_from(["system", "user"]),
    kind=st.sampled_from(["text", "image"]),
    hash=hashes,
    template_hash=hashes,
    prefix_hash=hashes,
    bytes=st.integers(0, 10**9),
    tokens=counts,
    name=texts,
    cache=st.sampled_from([None, "5m", "1h"]),
    volatile=st.lists(st.sampled_from(["datetime", "uuid"]), max_size=2).map(tuple),
)


@st.composite
def calls(draw: st.DrawFn, number: int) -> Call:
    """Any call a decoder could have made, with a given identity."""
    raw = draw(st.sampled_from([b"", b"{}", b'{"a":[1,{"b":null}],"c":1.5}', b"[]", b'"text"']))
    identity = {
        "task": draw(texts),
        "feature": draw(texts),
        "labels": draw(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2)),
        "call_site_file": draw(texts),
        "call_site_line": draw(st.one_of(st.none(), st.integers(0, 10**6))),
        "parent_span_id": draw(st.sampled_from([None, "00f067aa0ba902b7", "ffffffffffffffff"])),
    }
    return call(
        number,
        context=identity,
        usage=draw(usages),
        **({"usage_raw": msgspec.Raw(raw)} if raw else {}),
        request_model=draw(st.sampled_from([None, "", "gpt-4o", "claude-opus-5-5", "in-house"])),
        response_model=draw(st.sampled_from([None, "", "gpt-4o-2024-08-06"])),
        service_tier=draw(st.sampled_from([None, "default", "flex"])),
        status=draw(st.sampled_from(["ok", "error", "aborted"])),
        flags=draw(st.lists(st.sampled_from(["estimated", "lower_bound"]), max_size=2).map(tuple)),
        temperature=draw(st.one_of(st.none(), st.floats(0, 2))),
        simhash=draw(st.one_of(st.none(), hashes)),
        segments=draw(st.lists(segments, max_size=3).map(tuple)),
        tools_called=draw(st.lists(st.text(max_size=5), max_size=2).map(tuple)),
    )
