"""The guide to a new provider API does what it says: its file and its row are all there is to it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import otelcost.wire
from otelcost.model import Call, Context, Exchange
from otelcost.wire import codecs, decode, registry
from otelcost.wire.registry import Route

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "add-a-provider-api.md"
API = "voyage.multimodal"


def block(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n```python\n(.*?)```\n<!-- end -->", GUIDE.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The guide's file beside the others, and its row among theirs."""
    (tmp_path / "voyage_multimodal.py").write_text(block("decoder"))
    monkeypatch.setattr(otelcost.wire, "__path__", [*otelcost.wire.__path__, str(tmp_path)])
    row = eval(block("route"), {"Route": Route})
    monkeypatch.setattr(registry, "ROUTES", (*registry.ROUTES, row))
    monkeypatch.setattr(registry, "_ROUTES", registry._by_last_word())
    forget()
    yield
    monkeypatch.undo()
    sys.modules.pop("otelcost.wire.voyage_multimodal", None)
    forget()


def forget() -> None:
    for cached in (codecs.codec_of, *(value for value in vars(registry).values() if hasattr(value, "cache_clear"))):
        cached.cache_clear()


def call(request: Any, answer: Any) -> Call:
    exchange = Exchange(
        method="POST",
        host="api.voyageai.com",
        port=None,
        path="/v1/multimodalembeddings",
        query="",
        request_headers={},
        request_body=msgspec.json.encode(request),
        status=200,
        response_headers={},
        response_body=msgspec.json.encode(answer),
        response_decoded=True,
        ended="complete",
        error_type=None,
        request_truncated=False,
        response_truncated=False,
        trusted_host=False,
        context=Context(trace_id="1" * 32, span_id="2" * 16, start_unix_us=0, operation_id="2" * 16),
    )
    return decode(exchange, bytes(32))


@pytest.mark.usefixtures("added")
def test_one_file_and_one_row() -> None:
    content = [{"type": "text", "text": "a box"}, {"type": "image_url", "image_url": "https://x/y.png"}]
    answer = {
        "object": "list",
        "data": [{"embedding": [0.5], "index": 0}],
        "model": "voyage-multimodal-3.5",
        "usage": {"text_tokens": 2, "image_pixels": 2_000_000, "total_tokens": 3573},
    }
    made = call({"model": "voyage-multimodal-3.5", "inputs": [{"content": content}]}, answer)
    assert (made.api, made.provider, made.operation, made.status, made.flags) == (
        API,
        "voyageai",
        "embeddings",
        "ok",
        (),
    )
    assert (made.usage.input_uncached_tokens, made.usage.output_tokens, made.output_kind) == (3573, 0, "vector")
    assert [segment.kind for segment in made.segments] == ["text", "image"]
    assert sum(segment.tokens or 0 for segment in made.segments) == 3573


def test_without_them_it_is_nobodys() -> None:
    assert call({"model": "m", "inputs": []}, {"usage": {"total_tokens": 1}}).api == "unknown"


def test_the_guide_is_not_behind() -> None:
    """What is shown as missing is missing, and every exception that a decoder can make is named."""
    assert API not in codecs.APIS
    told = GUIDE.read_text()
    plain = {"api", "operation", "provider", "usage", "request", "whole", "stream", "hidden_usage"}
    assert {name for name in otelcost.wire.codec.Codec.__struct_fields__ if f"`{name}`" not in told} <= plain
