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
