"""What the recorded traffic decodes to: `python tests/bench/recorded_table.py [recorded.jsonl.gz]`.

Prints a Markdown table, provider by endpoint: interactions decoded of all, those with a usage, and how
many of these disagree with the provider's own totals, which are read here by other code than the decoder's.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import struct
import sys
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from otelcost.model import Call, Context, Exchange
from otelcost.wire import decode, recognise
from otelcost.wire.usage import FIVE, total_input

_CONTEXT = Context(trace_id="0" * 32, span_id="0" * 16, start_unix_us=0, operation_id="0" * 16)
_BROKEN = frozenset({"request_undecodable", "response_undecodable", "unknown_event"})
_PLAIN_COUNTS = ("prompt_token_count", "generation_token_count", "inputTextTokenCount", "totalOutputTextTokenCount")
_HOLDERS = ("message", "response", "x_groq", "metadata", "delta")
_SHAPES = (
    (("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"), "output_tokens"),
    (("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"), "outputTokens"),
    (("inputTokenCount",), "outputTokenCount"),
    (("prompt_token_count",), "generation_token_count"),
    (("inputTextTokenCount",), "totalOutputTextTokenCount"),
)
"""Members that are input together, and the one that is output, by whose usage it is."""


class Totals(NamedTuple):
    """Input and output tokens as a provider counts them, cached input included."""

    input: int
    output: int | None


class Line(NamedTuple):
    """One row of the table."""

    provider: str
    path: str
    stream: bool
    total: int
    decoded: int
    with_usage: int
    mismatches: int


def call_of(row: dict[str, Any]) -> Call | None:
    """The call of a recorded interaction, None where nothing claims its path."""
    if recognise("POST", row["host"], row["path"]) is None:
        return None
    return decode(exchange_of(row), bytes(32))


def exchange_of(row: dict[str, Any]) -> Exchange:
    """A recorded interaction as it was on the wire."""
    return Exchange(
        method="POST",
        host=row["host"],
        port=443,
        path=row["path"],
        query="",
        request_headers={},
        request_body=row["request"].encode(),
        status=row["status"],
        response_headers={"content-type": row["content_type"]},
        response_body=body_of(row),
        response_decoded=True,
        ended="complete",
        error_type=None,
        request_truncated=False,
        response_truncated=False,
        trusted_host=False,
        context=_CONTEXT,
    )


def body_of(row: dict[str, Any]) -> bytes:
    """The response as bytes. Binary event streams were recorded as text, which lost their lengths and
    checksums: their messages are framed again, with the payloads as they are."""
    if "eventstream" not in row["content_type"] and not row["response"].startswith("\0"):
        return row["response"].encode()
    return b"".join(frame({":event-type": name, ":message-type": "event"}, payload) for name, payload in _frames(row))


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """One message of a binary event stream."""
    block = b"".join(
        struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", 7, len(value)) + value.encode()
        for name, value in headers.items()
    )
    head = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    message = head + struct.pack(">I", zlib.crc32(head)) + block + payload
    return message + struct.pack(">I", zlib.crc32(message))


def _frames(row: dict[str, Any]) -> Iterable[tuple[str, bytes]]:
    read = json.JSONDecoder().raw_decode
    for head in re.finditer(r":event-type\x07\x00.(\w+)\r:content-type.*?\x05event(?={)", row["response"], re.DOTALL):
        _, end = read(row["response"], head.end())
        yield head[1], row["response"][head.end() : end].encode()


def totals_of(row: dict[str, Any]) -> Totals | None:
    """The provider's own totals, by plain JSON over the body; None where it told none."""
    merged: dict[str, Any] = {}
    for document in _documents(row):
        for holder in (document, *(document.get(name) for name in _HOLDERS)):
            usage = holder.get("usage", holder.get("meta")) if isinstance(holder, dict) else None
            if isinstance(usage, dict):
                usage = usage.get("billed_units", usage)
                merged |= {name: value for name, value in usage.items() if value is not None}
        merged |= {name: document[name] for name in _PLAIN_COUNTS if document.get(name) is not None}
        merged |= document.get("amazon-bedrock-invocationMetrics") or {}
        results = [result["tokenCount"] for result in document.get("results", ()) if "tokenCount" in result]
        merged |= {"totalOutputTextTokenCount": sum(results)} if results else {}
    return _totals(merged)


def _totals(counts: dict[str, Any]) -> Totals | None:
    for name in ("prompt_tokens", "input_tokens"):
        if "total_tokens" in counts and name in counts:
            return Totals(counts[name], counts["total_tokens"] - counts[name])
    for inputs, output in _SHAPES:
        if inputs[0] in counts:
            return Totals(sum(counts.get(name, 0) for name in inputs), counts.get(output))
    return None


def _documents(row: dict[str, Any]) -> Iterable[dict[str, Any]]:
    body = row["response"]
    if body.startswith("\0"):
        for name, payload in _frames(row):
            document = json.loads(payload)
            yield json.loads(base64.b64decode(document["bytes"])) if name == "chunk" else {name: document}
        return
    if not body.lstrip().startswith(("data:", "event:")):
        lined = "stream+json" in row["content_type"]
        for document in body.splitlines() if lined else (body,):
            try:
                yield json.loads(document)
            except ValueError:
                return
    for line in body.splitlines():
        if line.startswith("data:") and line[5:].strip() != "[DONE]":
            yield json.loads(line[5:])


def agrees(call: Call, totals: Totals | None) -> bool:
    """Whether the buckets add up to the provider's totals."""
    if totals is None:
        return all(getattr(call.usage, name) is None for name in FIVE)
    return (total_input(call.usage), call.usage.output_tokens) == totals and "usage_mismatch" not in call.flags


def is_decoded(call: Call, row: dict[str, Any]) -> bool:
    """Whether nothing that was recorded was unreadable, and an HTTP error is known as one."""
    broken = _BROKEN - (set() if row["request"] else {"request_undecodable"})
    return broken.isdisjoint(call.flags) and (row["status"] == 200 or call.status == "error")


def table(rows: Iterable[dict[str, Any]]) -> list[Line]:
    """Lines of the table, in order of provider, path and streaming."""
    groups: dict[tuple[str, str, bool], list[tuple[dict[str, Any], Call]]] = {}
    for row in rows:
        call = call_of(row)
        if call is not None:
            host = row["host"] if "provider_assumed" in call.flags else call.provider
            groups.setdefault((host, row["path"], call.stream), []).append((row, call))
    return [
        Line(
            *key,
            total=len(found),
            decoded=sum(is_decoded(call, row) for row, call in found),
            with_usage=sum(totals_of(row) is not None for row, _ in found),
            mismatches=sum(not agrees(call, totals_of(row)) for row, call in found),
        )
        for key, found in sorted(groups.items())
    ]


def main() -> None:
    """Print the table."""
    default = Path(os.environ.get("OTELCOST_TRAFFIC", Path(__file__).resolve().parents[3] / "shared" / "traffic"))
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else default / "recorded.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        found = table(json.loads(line) for line in lines)
    out = sys.stdout.write
    out("| provider | endpoint | stream | decoded / total | with usage | usage mismatches |\n")
    out("|---|---|---|---|---|---|\n")
    for line in found:
        stream = "yes" if line.stream else "no"
        shares = f"{line.decoded}/{line.total} | {line.with_usage} | {line.mismatches}"
        out(f"| {line.provider} | {line.path} | {stream} | {shares} |\n")
    sums = [sum(column) for column in zip(*(line[3:] for line in found), strict=True)]
    out(f"| **all** | | | **{sums[1]}/{sums[0]}** | {sums[2]} | **{sums[3]}** |\n")


if __name__ == "__main__":
    main()
