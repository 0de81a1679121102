"""What the recorded traffic decodes to: `python tests/bench/recorded_table.py [recorded.jsonl.gz]`.

Prints a Markdown table, provider by endpoint: interactions decoded of all, those with a usage, and how
many of these disagree with the provider's own totals, which are read here by other code than the decoder's.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from otelcost.model import Call, Context, Exchange
from otelcost.wire import decode, recognise
from otelcost.wire.usage import FIVE, total_input

_CONTEXT = Context(trace_id="0" * 32, span_id="0" * 16, start_unix_us=0, operation_id="0" * 16)
_BROKEN = frozenset({"request_undecodable", "response_undecodable", "unknown_event"})


class Totals(NamedTuple):
    """Input and output tokens as a provider counts them, cached input included."""

    input: int
    output: int


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
    exchange = Exchange(
        method="POST",
        host=row["host"],
        port=443,
        path=row["path"],
        query="",
        request_headers={},
        request_body=row["request"].encode(),
        status=row["status"],
        response_headers={"content-type": row["content_type"]},
        response_body=row["response"].encode(),
        response_decoded=True,
        ended="complete",
        error_type=None,
        request_truncated=False,
        response_truncated=False,
        trusted_host=False,
        context=_CONTEXT,
    )
    return decode(exchange, bytes(32))


def totals_of(row: dict[str, Any]) -> Totals | None:
    """The provider's own totals, by plain JSON over the body; None where it told none."""
    merged: dict[str, Any] = {}
    for document in _documents(row["response"]):
        for holder in (document, document.get("message"), document.get("response"), document.get("x_groq")):
            usage = holder.get("usage") if isinstance(holder, dict) else None
            if isinstance(usage, dict):
                merged |= {name: value for name, value in usage.items() if value is not None}
    if not merged:
        return None
    if row["path"].endswith("/v1/messages"):
        parts = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
        return Totals(sum(merged.get(name, 0) for name in parts), merged["output_tokens"])
    given = merged.get("prompt_tokens", merged.get("input_tokens"))
    return Totals(given, merged["total_tokens"] - given)


def _documents(body: str) -> Iterable[dict[str, Any]]:
    if not body.lstrip().startswith(("data:", "event:")):
        try:
            yield json.loads(body)
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


def is_decoded(call: Call, status: int) -> bool:
    """Whether nothing was unreadable, and an HTTP error is known as one."""
    return _BROKEN.isdisjoint(call.flags) and (status == 200 or call.status == "error")


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
            decoded=sum(is_decoded(call, row["status"]) for row, call in found),
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
