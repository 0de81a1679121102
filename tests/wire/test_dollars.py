"""What a call costs beside its plain tokens, from an answer's bytes to dollars.

The expected dollars are computed by hand from the list prices beside each test, in millionths of a dollar.
"""

from __future__ import annotations

from typing import Any

import pytest

from otelcost.pricing.book import Book

GEMINI = "generativelanguage.googleapis.com"


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        pytest.param("gemini-3.5-flash", 10 * 1.5 + 5 * 9 + 3 * 14_000, id="by the query: $14 a thousand"),
        pytest.param("gemini-2.5-flash", 10 * 0.3 + 5 * 2.5 + 1 * 35_000, id="by the prompt: $35 a thousand"),
    ],
)
def test_googles_searches(wire: Any, book: Book, model: str, expected: float) -> None:
    told = {"webSearchQueries": ["late orders", "carrier strike", "", "weather"]}
    answer = {
        "candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": "STOP", "groundingMetadata": told}],
        "modelVersion": model,
        "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15},
    }
    call = wire.call(f"/v1beta/models/{model}:generateContent", {"contents": []}, answer, host=GEMINI)
    assert wire.microdollars(book, call) == expected


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-image-1", 60 * 5 + 4160 * 40),
        ("gpt-image-1-mini", 60 * 2 + 4160 * 8),
        ("gpt-image-2", 60 * 5 + 4160 * 30),
        ("gpt-image-1.5", 60 * 5 + 4160 * 32),
    ],
)
def test_images(wire: Any, book: Book, model: str, expected: float) -> None:
    """$5 or $2 a million of prompt, $8 to $40 of pictures: where the output is not split, all of it is pictures."""
    counts = {"input_tokens": 60, "output_tokens": 4160, "total_tokens": 4220}
    answer = {"created": 1, "data": [{"b64_json": "A"}], "usage": counts}
    call = wire.call("/v1/images/generations", {"model": model, "prompt": "x"}, answer)
    assert wire.microdollars(book, call) == expected


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-5-search-api", 1000 * 1.25 + 20 * 10 + 10_000),
        ("gpt-4o-search-preview", 1000 * 2.5 + 20 * 10 + 25_000),
        ("gpt-4o-mini-search-preview-2025-03-11", 1000 * 0.15 + 20 * 0.6 + 25_000),
        ("gpt-4o-mini", 1000 * 0.15 + 20 * 0.6),
    ],
)
def test_models_that_search_at_every_call(wire: Any, book: Book, model: str, expected: float) -> None:
    """$10 a thousand calls, $25 for the previews, which do not reason."""
    counts = {"prompt_tokens": 1000, "completion_tokens": 20, "total_tokens": 1020}
    choice = {"index": 0, "message": {"content": "hi"}, "delta": {"content": "hi"}, "finish_reason": "stop"}
    answer = {"id": "c", "model": model, "choices": [choice], "usage": counts}
    for body in (answer, wire.sse([answer], done=True)):
        assert wire.microdollars(book, wire.chat({"model": model, "messages": []}, body)) == expected


def test_embedded_images_have_a_price_of_their_own(wire: Any, book: Book) -> None:
    """Cohere's: $0.12 a million of text, $0.47 of images."""
    billed = {"images": 1, "image_tokens": 1500, "input_tokens": 100}
    answer = {"id": "i", "embeddings": {"float": [[1]]}, "meta": {"billed_units": billed}}
    call = wire.call("/v2/embed", {"model": "embed-v4.0"}, answer)
    assert (call.usage.input_uncached_tokens, call.usage.input_image_tokens) == (1600, 1500)
    assert wire.microdollars(book, call) == 100 * 0.12 + 1500 * 0.47
